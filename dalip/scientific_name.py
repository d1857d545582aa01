"""Parse a scientific name: genus, epithets and their rank, cultivar, hybrid sign, authors."""

import re
import unicodedata
from dataclasses import dataclass, replace

__all__ = ["NameParts", "plain_name", "read_name"]

_SIGNS = frozenset({"x", "×", "X", "✕", "✖", "╳", "х", "Х"})  # the last two are Cyrillic
_QUOTES = str.maketrans(dict.fromkeys('`´‘’‚‛′"“”„«»', "'"))
_MARKS = {
    **dict.fromkeys(("subsp", "ssp", "subspecies"), "subsp."),
    **dict.fromkeys(("var", "v", "varietas", "variety"), "var."),
    **dict.fromkeys(("f", "fo", "forma", "form"), "f."),
    **dict.fromkeys(("convar", "cvar"), "convar."),
    **dict.fromkeys(("subvar",), "subvar."),
    **dict.fromkeys(("subf",), "subf."),
    **dict.fromkeys(("nothosubsp", "nothossp"), "subsp."),
    **dict.fromkeys(("nothovar",), "var."),
}
_OPEN = frozenset(
    {"sp", "spp", "cf", "aff", "nr", "indet", "sect", "subg", "hybrid", "cultivar", "complex", "agg"}
)
"""Words that show that a name does not stand for one taxon, as in `Iris sp.`"""
_PARTICLES = frozenset(
    {
        *(
            "ex",
            "et",
            "in",
            "and",
            "al",
            "y",
            "auct",
            "non",
            "nec",
            "nom",
            "nud",
            "sensu",
            "emend",
            "ined",
            "hort",
        ),
        *(
            "de",
            "von",
            "van",
            "der",
            "den",
            "du",
            "la",
            "le",
            "da",
            "do",
            "dos",
            "del",
            "di",
            "af",
            "zu",
            "zum",
        ),
        *("fil", "bis"),
    }
)
"""Lower-case words in author names."""
_NO_EPITHETS = _OPEN | _PARTICLES | _MARKS.keys()
_SIMPLE = re.compile(r"[A-Z][a-z]+(?: ([a-z]{4,}))?")
"""Matches most names, which need no further parsing."""
_GENUS = re.compile(r"[a-z][a-z-]+", re.IGNORECASE)
_EPITHET = re.compile(r"[a-z][a-z-]+")
_CULTIVAR = re.compile(r"\s'([^']+)'(?=\s|$)|\s(?:cv|cultivar)\.?\s+(\S.*)$")
_AUTHOR = re.compile(
    r"[^\s]*\.[^\s]*|[(\[].*|.*[)\]],?|&|\d{4}|[A-Z]{1,2}|Linnaeus|Linn|" + "|".join(sorted(_PARTICLES))
)
"""A word that can only belong to an author: abbreviated, in brackets, a year or a particle."""


@dataclass(frozen=True, slots=True)
class NameParts:
    """The parts of a scientific name, in lower case except for `text` and `author`."""

    genus: str
    """Or the single word of a name above genus rank."""
    species: str = ""
    mark: str = ""
    """Abbreviation of the infraspecific rank: `subsp.`, `var.`, `f.`; empty if the name has none."""
    infra: str = ""
    """The infraspecific epithet."""
    cultivar: str = ""
    hybrid: bool = False
    """Whether it contains a hybrid sign."""
    text: str = ""
    """The name as written, without its authors."""
    author: str = ""
    """The words after the name."""

    @property
    def key(self) -> str:
        """The key that equally spelt names share; the hybrid sign is ignored, because many people omit it."""
        cultivar = f"'{self.cultivar}'" if self.cultivar else ""
        return " ".join(p for p in (self.genus, self.species, self.mark, self.infra, cultivar) if p)

    @property
    def of_species(self) -> "NameParts":
        """The species that the name belongs to."""
        return NameParts(self.genus, self.species, hybrid=self.hybrid)

    @property
    def certain(self) -> bool:
        """Whether the words after the name can only be its author, and not a cultivar or a misspelt epithet."""
        words = [word.rstrip(",") for word in self.author.split()]
        after = all(_AUTHOR.fullmatch(word) for word in words)
        # After an epithet, as in `Rosa canina Linnaeus Mill.`, this is clear enough; in `Rosa Cannina` it is not.
        return after or bool(self.species and words and _AUTHOR.fullmatch(words[-1]))


def plain_name(name: str) -> str:
    """Return a name in lower case, without accents and hybrid signs, with single spaces and straight quotes."""
    if _SIMPLE.fullmatch(name):
        return name.lower()
    return " ".join(word for word in _tidy(name).split() if word not in _SIGNS).lower()


def read_name(name: str) -> NameParts | None:
    """Parse a scientific name.

    Returns:
        Its parts; `None` if it does not stand for one taxon: a hybrid formula, `Iris sp.`, `Rosa cf. canina`.
    """
    simple = _SIMPLE.fullmatch(name)
    if simple and simple[1] not in _NO_EPITHETS:
        return NameParts(name.partition(" ")[0].lower(), simple[1] or "", text=name)
    text = _tidy(name)
    found = _CULTIVAR.search(text)
    cultivar = (found[1] or found[2] or "").strip().lower() if found else ""
    words = (text[: found.start()] + text[found.end() :]).split() if found else text.split()
    hybrid = bool(words) and words[0] in _SIGNS
    words = words[1:] if hybrid else words
    if any(word in _SIGNS for word in words[2:]) or not words or not _GENUS.fullmatch(words[0]):
        return None
    if len(words) > 1 and words[1] in _SIGNS:
        hybrid = True
        # `Photinia x Fraseri`: the word after the sign is an epithet, even if it is capitalised.
        words = [words[0], *(word.lower() for word in words[2:3]), *words[3:]]
    if words[0].isupper():
        words = [word.lower() for word in words]
    if any(word.lower().rstrip(".") in _OPEN for word in words[1:3]):
        return None
    parts = _read_words(words)
    if not parts.species and not parts.certain:  # `Rosa Canina`
        parts = _read_words([words[0], words[1].lower(), *words[2:]])
    return replace(parts, cultivar=cultivar, hybrid=hybrid, text=_as_written(name, parts, bool(cultivar)))


def _read_words(words: list[str]) -> NameParts:
    species = mark = infra = ""
    author: list[str] = []
    place = 1
    while place < len(words):
        word, after = words[place], words[place + 1] if place + 1 < len(words) else ""
        if species and (found := _MARKS.get(word.lower().rstrip("."))) and _is_epithet(after):
            mark, infra, author = found, after, []  # an author before it was that of the species
            place += 1
        elif not author and not (species and infra) and _is_epithet(word):
            species, infra = (species, word) if species else (word, "")
        else:
            author.append(word)
        place += 1
    return NameParts(words[0].lower(), species, mark, infra, author=" ".join(author))


def _is_epithet(word: str) -> bool:
    return bool(_EPITHET.fullmatch(word)) and word not in _NO_EPITHETS


def _as_written(name: str, parts: NameParts, has_cultivar: bool) -> str:
    """Return the name without the author at its end; an author in the middle stays."""
    written = " ".join(name.split())
    if not parts.author or has_cultivar:
        return written
    words, authors = written.split(), len(parts.author.split())
    return " ".join(words[:-authors]) or written


def _tidy(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.translate(_QUOTES).replace("_", " "))
    plain = "".join(c for c in decomposed if unicodedata.category(c) not in ("Mn", "Cf"))
    return " ".join(plain.replace("×", " × ").split())
