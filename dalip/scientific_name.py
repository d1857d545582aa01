"""Parse a scientific name: genus, epithets and their rank, cultivar, hybrid sign, authors."""

import html
import re
import unicodedata
from dataclasses import dataclass, replace

__all__ = ["NameParts", "cleaned", "plain_name", "read_name"]

_SIGNS = frozenset({"x", "×", "X", "✕", "✖", "╳", "х", "Х", "χ", "Χ", "+", "*", "x.", "X."})
_QUOTES = str.maketrans(dict.fromkeys('`´‘’‚‛′"“”„«»＂＇', "'"))
_MARKS = {
    **dict.fromkeys(("subsp", "ssp", "subspecies", "subspec", "sbsp"), "subsp."),
    **dict.fromkeys(("var", "v", "varietas", "variety"), "var."),
    **dict.fromkeys(("f", "fo", "fm", "forma", "form"), "f."),
    **dict.fromkeys(("convar", "cvar"), "convar."),
    **dict.fromkeys(("subvar",), "subvar."),
    **dict.fromkeys(("subf",), "subf."),
    **dict.fromkeys(("nothosubsp", "nothossp", "nsubsp"), "subsp."),
    **dict.fromkeys(("nothovar", "nvar"), "var."),
    **dict.fromkeys(("nothof", "nothoforma"), "f."),
}
_OPEN = frozenset(
    {
        *(
            "sp",
            "spp",
            "spec",
            "species",
            "cf",
            "aff",
            "nr",
            "indet",
            "indeterminate",
            "gen",
            "hybrid",
            "hybrids",
            "cultivar",
        ),
        *("cultivars", "sect", "section", "subsect", "subg", "subgen", "subgenus", "ser", "series"),
    }
)
"""Words that show that a name does not stand for one taxon, as in `Iris sp.`"""
_PARTICLES = frozenset(
    {
        *("ex", "et", "in", "and", "al", "y", "auct", "auctt", "non", "nec", "not", "nom", "nud", "sensu"),
        *("emend", "ined", "hort", "orth", "pro", "comb", "stat", "syn", "cons", "illeg", "inval", "rej"),
        *("ambig", "dub", "superfl", "utique", "nov", "p", "pp", "parte", "fide", "apud", "id"),
        *("de", "von", "van", "der", "den", "du", "la", "le", "da", "do", "dos", "del", "di", "af", "zu"),
        *("zum", "ter", "ten", "fil", "bis", "op", "cit", "agg", "coll", "complex"),
    }
)
"""Lower-case words in author names and after them."""
_NO_EPITHETS = _OPEN | _PARTICLES | _MARKS.keys()
_SIMPLE = re.compile(r"[A-Z][a-z]+(?: ([a-z]{4,}))?")
"""Matches most names, which need no further parsing."""
_GENUS = re.compile(r"[a-z][a-z-]+", re.IGNORECASE)
_EPITHET = re.compile(r"[a-z][a-z-]+")
_CULTIVAR = re.compile(r"\s?''?(\S.*?)''?(?=[\s,;)]|$)|\s(?:cv|cultivar)\.?\s+(\S.*)$|\s'(\S[^']*)$")
_AUTHOR = re.compile(
    r"[^\s]*\.[^\s]*|[(\[].*|.*[)\]],?|&|\d{4}|[A-Z]{1,2}|Linnaeus|Linné|Linne|Linn|Miller|"
    + "|".join(sorted(_PARTICLES))
)
"""A word that can only belong to an author: abbreviated, in brackets, a year or a particle."""
_SHORT_EPITHET = re.compile(rf"(?!(?:l|f|{'|'.join(sorted(_PARTICLES))})\.)[a-z]+\.")
_EARLIER_AUTHOR = re.compile(r"\([A-Z][^()]*\) [A-Z]")
_AGGREGATE = re.compile(
    r"[\s-][(\[]?((?:agg|aggr|coll)\.?|aggregate|"
    r"(?:species[ -])?(?:[Gg](?:roup|ruppe|roupe|roep)|complex|aggregate)|grp\.?|cplx\.?|"
    r"s\. ?(?:l|s|lat|str|ampl)\.?|ss?tr\.|sl|ss|sens(?:u|\.) (?:lato|lat\.?|l\.|stricto|str\.?|strictissimo|amplo))"
    r"[)\]]?(?=[\s,]|$)"
)
"""Marks of an aggregate, or of how widely a name is meant."""
_GLUED = re.compile(r"(?<!\S)(?:[×✕✖╳*+]|x(?=[A-Z])|X(?=[A-Z][a-z]))(?=[^\W\d_])")
_ORDINARY = re.compile(r"[A-Za-z.,()&-]+(?: [A-Za-z.,()&-]+)*")
"""Matches what needs no tidying, apart from a glued sign."""
_ODD = re.compile(r"[^\x20-\x7e×]|[&<_]|\s\s")
_TAG = re.compile(r"</?[A-Za-z]{1,10}(?:\s[^<>]{0,80})?/?>")
_DASH = re.compile(r"(?<=[^\W\d_])[\u2010-\u2015\u2212](?=[^\W\d_])")
_UNDECOMPOSED = str.maketrans(
    {"æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ß": "ss"}
    | {"\u0131": "i", "\u0251": "a", "\u0261": "g"}
)
_LIKE_LATIN = str.maketrans(
    "аАВсСеЕНіІјЈКкМмоОпрРѕЅТтуУхХԁһӏαΑΒΕεΖΗΙιΚκΜΝνΟοΡρΤτυΥΧχγ",
    "aABcCeEHiIjJKkMmoOnpPsSTtyYxXdhlaABEeZHIiKkMNvOoPpTtuYXxy",
)
"""Cyrillic and Greek letters that look like Latin ones."""


@dataclass(frozen=True, slots=True)
class NameParts:
    """The parts of a scientific name, in lower case except for `cultivar`, `text` and `author`."""

    genus: str
    """Or the single word of a name above genus rank."""
    species: str = ""
    mark: str = ""
    """Abbreviation of the infraspecific rank: `subsp.`, `var.`, `f.`; empty if the name has none."""
    infra: str = ""
    """The infraspecific epithet."""
    cultivar: str = ""
    hybrid: bool = False
    """Whether it contains a hybrid sign, or the sign of a graft hybrid."""
    text: str = ""
    """The name as written, without its authors."""
    author: str = ""
    """The words after the name."""
    sign: str = ""
    """The sign before the genus: `×` for a hybrid, `+` for a graft hybrid."""
    outer: tuple[str, str] = ("", "")
    """Mark and epithet of the wider infraspecific taxon, as `subsp. insititia` in a name of a variety."""
    aggregate: str = ""
    """The mark of an aggregate, as written: `agg.`, `coll.`, `s.l.`"""

    @property
    def key(self) -> str:
        """The key that equally spelt names share; the hybrid sign is ignored, because many people omit it."""
        cultivar = f"'{self.cultivar.lower()}'" if self.cultivar else ""
        wide = "agg." if self.aggregate else ""
        return " ".join(p for p in (self.genus, self.species, self.mark, self.infra, wide, cultivar) if p)

    @property
    def canonical(self) -> str:
        """The name in its usual form: `Rosa × alba`, `Acer palmatum var. dissectum`; without authors and accents."""
        sign = "×" if self.hybrid and self.species and not self.sign else ""
        cultivar = f"'{self.cultivar}'" if self.cultivar else ""
        words = (self.sign, self.genus.capitalize(), sign, self.species, self.mark, self.infra, cultivar)
        return " ".join(word for word in words if word)

    @property
    def of_species(self) -> "NameParts":
        """The species that the name belongs to."""
        return NameParts(self.genus, self.species, hybrid=self.hybrid, sign=self.sign)

    @property
    def wider(self) -> "NameParts | None":
        """The name without its cultivar, aggregate mark or last infraspecific epithet; `None` if it has none."""
        if self.cultivar or self.aggregate:
            return replace(self, cultivar="", aggregate="")
        if self.outer[1]:
            return replace(self, mark=self.outer[0], infra=self.outer[1], outer=("", ""), author="")
        return self.of_species if self.infra else None

    @property
    def may_have_author(self) -> bool:
        """Whether the words after the name can be its author, if they are no cultivar."""
        return all(word[:1].isupper() or _AUTHOR.fullmatch(word.rstrip(",")) for word in self.author.split())

    @property
    def certain(self) -> bool:
        """Whether the words after the name can only be its author, and not a cultivar or a misspelt epithet."""
        words = [word.rstrip(",") for word in self.author.split()]
        if not self.species and any(_SHORT_EPITHET.fullmatch(word) for word in words):  # `Rosa can.`
            return False
        earlier = bool(self.species) and _EARLIER_AUTHOR.match(self.author)  # `(Moench) Garcke`
        if earlier or {"ex", "et", "in", "&", "em.", "emend."} & {*words}:  # `Gams ex Kappert`
            return self.may_have_author
        after = all(_AUTHOR.fullmatch(word) for word in words)
        # After an epithet, as in `Rosa canina Linnaeus Mill.`, this is clear enough; in `Rosa Cannina` it is not.
        return after or bool(self.species and words and _AUTHOR.fullmatch(words[-1]))


def plain_name(name: str) -> str:
    """Return a name in lower case, without accents and hybrid signs, with single spaces and straight quotes."""
    if _SIMPLE.fullmatch(name):
        return name.lower()
    return " ".join(word for word in _tidy(name).split() if word not in _SIGNS).lower()


def cleaned(text: str) -> tuple[str, bool]:
    """Replace what only looks like a Latin letter or a space, character references and markup.

    Returns:
        The text, and whether letters of another alphabet were replaced.
    """
    if not _ODD.search(text):
        return text, False
    if "&" in text:
        text = html.unescape(html.unescape(text))
    text = _TAG.sub("", text).translate(dict.fromkeys(map(ord, "®™©℗♀♂†‡"), " "))
    text = unicodedata.normalize("NFKC", text.replace("´", "'"))
    text = _DASH.sub("-", text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    words = text.split()
    latin = [_in_latin(word) for word in words]
    return " ".join(latin), latin != words


def _in_latin(word: str) -> str:
    if word.isascii() or word in _SIGNS or len(word) < 2:
        return word
    swapped = word.translate(_LIKE_LATIN)
    if swapped == word:
        return word
    plain = unicodedata.normalize("NFKD", swapped)
    return swapped if all(c.isascii() or not c.isalpha() for c in plain) else word


def read_name(name: str) -> NameParts | None:
    """Parse a scientific name, as lists write it. See `read_written_name` for what people write.

    Returns:
        Its parts; `None` if it does not stand for one taxon: a hybrid formula, `Iris sp.`, `Rosa cf. canina`.
    """
    simple = _SIMPLE.fullmatch(name)
    if simple and simple[1] not in _NO_EPITHETS:
        return NameParts(name.partition(" ")[0].lower(), simple[1] or "", text=name)
    name = cleaned(name)[0].replace("_", " ")
    text, aggregate = _tidy(name), ""
    if found := _AGGREGATE.search(text):
        aggregate, text = found[1], text[: found.start()] + text[found.end() :]
    found = _CULTIVAR.search(text) if "'" in text or " c" in text else None
    cultivar = (found[1] or found[2] or found[3] or "").strip("' ") if found else ""
    words = (text[: found.start()] + text[found.end() :]).split() if found else text.split()
    sign = words[0] if words and words[0] in _SIGNS else ""
    words = words[1:] if sign else words
    if any(word in _SIGNS for word in words[2:]) or not words or not _GENUS.fullmatch(words[0]):
        return None
    hybrid = bool(sign)
    if len(words) > 1 and words[1] in _SIGNS:
        hybrid = True
        # `Photinia x Fraseri`: the word after the sign is an epithet, even if it is capitalised.
        words = [words[0], *(word.lower() for word in words[2:3]), *words[3:]]
    if words[0].isupper():
        words = [word.lower() for word in words]
    if any(word.lower().rstrip(".") in _OPEN for word in words[1:3]):
        return None
    parts = _read_words(words)
    if not parts.species and not parts.certain and not cultivar:  # `Rosa Canina`
        parts = _read_words([words[0], words[1].lower(), *words[2:]])
    whole, author = bool(cultivar or aggregate), parts.author
    written = " ".join(name.split())
    if author and not whole:  # an author in the middle stays
        written, author = _split(written, len(author.split()))
    sign = "" if not sign else "+" if sign == "+" else "×"
    return NameParts(
        parts.genus,
        parts.species,
        parts.mark,
        parts.infra,
        cultivar,
        hybrid,
        written,
        author,
        sign,
        parts.outer,
        aggregate,
    )


def _read_words(words: list[str]) -> NameParts:
    species = mark = infra = ""
    outer = ("", "")
    author: list[str] = []
    place = 1
    while place < len(words):
        word, after = words[place], words[place + 1] if place + 1 < len(words) else ""
        if species and (found := _MARKS.get(word.lower().rstrip("."))) and _is_epithet(after):
            outer = (mark, infra)
            mark, infra, author = found, after, []  # an author before it was that of the species
            place += 1
        elif not author and not (species and infra) and _is_epithet(word):
            species, infra = (species, word) if species else (word, "")
        else:
            author.append(word)
        place += 1
    return NameParts(words[0].lower(), species, mark, infra, author=" ".join(author), outer=outer)


def _is_epithet(word: str) -> bool:
    return bool(_EPITHET.fullmatch(word)) and word not in _NO_EPITHETS


def _split(name: str, last: int) -> tuple[str, str]:
    """Split off the last words of a name, its author with accents."""
    words = name.split()
    return " ".join(words[:-last]) or name, " ".join(words[-last:])


def _tidy(name: str) -> str:
    """Return a name in plain letters, with straight quotes and with spaces around hybrid signs."""
    if _ORDINARY.fullmatch(name):
        return _GLUED.sub(lambda sign: f"{sign[0]} ", name) if name[0] in "xX" else name
    name = name.translate(_QUOTES).translate(_UNDECOMPOSED).replace("_", " ")
    decomposed = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in decomposed if unicodedata.category(c) not in ("Mn", "Cf"))
    plain = _GLUED.sub(lambda sign: f"{sign[0]} ", plain)
    return " ".join(plain.replace("×", " × ").split())
