"""`read_written_name`: read a plant name as people write it: with doubt, `sp.`, remarks, several names or markup."""

import re
from dataclasses import dataclass

from dalip.scientific_name import NameParts, cleaned, read_name

__all__ = ["WrittenName", "read_written_name"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_USUAL = re.compile(
    r"[A-Z][a-z]+(?: ([a-z]{4,}))?|"
    r"[A-Z][a-z]+ [a-z]{4,}(?: (?:subsp|var|f)\. [a-z]{4,})?"
    r"(?: (?:[A-Z][A-Za-z-]*\.|\([A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*\.\)|&|ex|f\.)){0,6}"
)
"""Matches most names, with and without authors; they need no further reading."""
_SIGNS = _words("x × X ✕ ✖ ╳ * + х Х")
_RANKS = "subsp|ssp|subspecies|var|varietas|f|fo|forma|convar|nothosubsp|nothovar"


_ABSENT = _words(
    "na n/a n.a nan nd null nil none no not unknown unkown unk unidentified undetermined undefined unnamed unlabeled "
    "unlabelled unsorted indet undet tbd tba todo other others misc various mixed blank empty untitled sp spp species "
    "inconnu inconnue unbekannt unbestimmt desconocido desconocida sconosciuto onbekend #n/a plantae plant plants"
) | {
    "incertae sedis",
    "no id",
    "no name",
    "not identified",
    "not determined",
    "to be determined",
    "n. a",
    "gen. sp",
}
"""What people and programs write where there is no name."""
_NOT_KNOWN = _words("unknown unkown undescribed unbekannt unbekannte inconnu inconnue")
_ORGANS = _words(
    "leaf leaves flower flowers flowering fruit fruits fruiting seed seeds bark stem stems trunk root roots bud buds "
    "twig twigs branch branches cone cones habit plant plants tree shrub seedling seedlings juvenile adult male female "
    "winter summer spring autumn closeup close-up detail details overview scan herbarium wild cultivated young old "
    "feuille feuilles fleur fleurs ecorce écorce graine graines tige tiges racine racines bourgeon rameau arbre "
    "blatt blätter blüte blüten frucht früchte rinde samen stängel stamm wurzel knospe knospen zweig zapfen "
    "baum strauch pflanze hoja hojas flor flores fruto frutos corteza semilla tallo raíz árbol folha folhas "
    "foglia foglie fiore fiori frutto corteccia blad bladeren bloem bloemen vrucht schors in_flower agm pbr pot"
)
"""Words after a name that say what a photo shows, or how a nursery sells a plant."""
_FREE = _words(
    "the a an my our your this that these those one some by with from near at on under of is was are not "
    "please dont what which who le les un une des mon ma dans der die das ein eine mein im am el los las una mi"
)
"""Words of sentences, which are never part of a scientific name."""
_NO_NAME = re.compile(r"://|^www\.|@|\\|^/|^=|^\.|[{}<>]|\.(?:com|org|net|html?)\b", re.IGNORECASE)
_SUFFIX = re.compile(r"\.(?:jpe?g|png|webp|tiff?|heic|heif|gif|bmp|dng|raw)$", re.IGNORECASE)
_NUMBERED = re.compile(r"^(?:[-•·*>#]\s+|\d+\s?[.):_-]?\s?(?=[^\W\d_]{2}))")
_LINEAGE = re.compile(
    r"^(?:Plantae|Viridiplantae|Streptophyta|Tracheophyta) (?:[A-Z][a-z]+ )*(?=[A-Z][a-z]+ [a-z])"
)
_STOP = re.compile(r"(?<=\s)([a-z]{4,})\.$")
_ABBREVIATED = _words(
    "spec coll aggr indet hort auct emend subsp convar nothosubsp undet hybr cult comb stat nothovar"
)
_DOUBT = re.compile(
    r"\?+|(?<!\w)(?:ex gr\.?|gr\.?(?= [a-z])|ex aff\.|c\.? ?f\.?|cfr\.?|conf\.|aff\.?|affin\.|nr\.?(?= [a-z])|near|"
    r"prope|possibly|probably|perhaps|maybe|prob\.|poss\.|likely|presumably|apparently|unsure|not sure|uncertain|"
    r"doubtful|dubious|looks like|similar to|vermutlich|wahrscheinlich|vielleicht|evtl\.?|möglicherweise|fraglich|"
    r"unsicher|probablement|peut[- ]être|probablemente|posiblemente|quizás?|tal vez|probabile|probabilmente|forse|"
    r"waarschijnlijk|misschien)(?![\w-])",
    re.IGNORECASE,
)
_NAME_IN_BRACKETS = re.compile(r"[A-Z][a-z-]*\.? (?!apud|auct|emend|sensu|pro )[a-z-]{4,}(?:\s|$)")
_CULTIVAR_GROUP = re.compile(r"\s(?:[A-Z][\w-]*\s)+(?:Group|Gp|Gruppe|Groupe|Groep|gx|grex)\b.*")
_EPITHET_IN_BRACKETS = re.compile(r"^([A-Z][a-z-]+) [(\[]([a-z-]{3,})[)\]](?=\s|$)")
_EITHER = re.compile(
    r"\s*/\s*(?=[^\W\d_])|\s+(?:or|vel|oder|od\.|ou|o|vs\.?|versus|and/or)\s+|\s*\|\s*|"
    r"\s(?:&|\+|and|und|et|y|with|mit|avec)\s(?=[A-Z][a-z]{2,} (?!ex\b|in\b|non\b|et\b)[a-z]{3,})"
)
_TWO_EPITHETS = re.compile(r"^([A-Z][a-z-]+ [a-z-]{3,}) (?:&|and|und|et|y) ([a-z-]{4,})$")
_JOINED = (
    r"(?:\s*[;,]|\s(?:&|\+|and|und|et|y|with|mit|avec))\s+(?=(?:{genus}|{initial}[a-z]?\.)\s?[a-z]{{4}})"
)
"""What stands between two names of one genus, as in `Poa annua; P. pratensis`."""
_BRACKETS = re.compile(r"\s?[(\[{]([^()\[\]{}]*)[)\]}]")
_BRACKETS_WITH_SLASH = re.compile(r"\s?[(\[][^()\[\]]*[/|][^()\[\]]*[)\]]")
_AUTHORS = re.compile(r".*(?:\.|&|\bex\b|\bin\b|\bet\b).*|\d{4}|\s*[A-Z]{1,2}\s*")
_ABOUT = re.compile(
    r"^(?:subg|subgen|sect|ser|syn|pro|as|not|non|incl|male|female|=|≡|no\b|nr\b|e\.g|see)\b.*", re.I
)
_REMARK = re.compile(
    r"\s(?:[-–—]{1,2}|=|≡|:|;|~|•|·|>)\s.*|[;:]\s.*|\s\(?(?:syn\.?|synonym|=)\s.*| {0,1}#\d+.*"
)
_AFTER_COMMA = re.compile(
    r",\s(?!(?:\d{4}|nom\.|auct|ined|non |nec |ex |in |et |& |comb|stat|sensu|f\.|[A-Z][^\s]*\.))([^\d\s].*)$"
)
_OPEN = re.compile(
    r"\s(?:(?:sp|spp|spec|species(?![ -](?:complex|group|aggregate))|gen|indet|indeterminate|undet|unidentified|"
    r"hybrids?|hybr|hyb|cultivars|cvs|cultivar(?=$)|mix|mixed|sect|section|subsect|subg|subgen|subgenus|ser|series)(?:\.|(?![\w.-]))|"
    rf"spp?\.?\d|(?:{_RANKS}|cv)s?\.?\s*\d*$(?<! f\.)(?<![A-Z]\.f\.)).*",
    re.IGNORECASE,
)
_SHORT_GENUS = re.compile(r"^([A-Z])([a-z-]+)(\s.*?)?\s\1[a-z]?\.\s(?=[a-z])")
_NUMBER = re.compile(r"#?\d+[a-z]?|n[or]\.|(?:IMG|DSC[NF]?|PXL)\d*|\d+(?:cm|mm|m|l|L)|[CPT]\d+")
_GLUED_MARK = re.compile(r"(?<![\w.])(subsp|ssp|var|f|cf|aff|cv|nothosubsp|convar|sp)\.(?=[a-z]{3})")
_GREEK_RANK = re.compile(r"\s[α-ω]\.?\s(?=[a-z]{3})")
_GLUED_X = re.compile(r"(?<=[a-z] )[xX](?=[bcdfgjkmnpqrstvwz][a-z]{2})")


@dataclass(frozen=True, slots=True)
class WrittenName:
    """What a person wrote where a plant name is expected."""

    parts: NameParts | None = None
    """The name; `None` if there is none, or a hybrid formula."""
    doubt: str = ""
    """What shows doubt about the name: `cf.`, `?`, `(canina)`."""
    others: tuple[NameParts, ...] = ()
    """Further names, as in `Galium album/mollugo`."""
    formula: bool = False
    """Whether it is a hybrid formula, such as `Salix alba × fragilis`."""
    absent: bool = False
    """Whether it says that there is no name: `NA`, `unknown`, `-`."""
    dropped: tuple[str, ...] = ()
    """Words that belong neither to the name nor to its author: `sp. 1`, `(dog rose)`, `fruit`."""
    respelt: bool = False
    """Whether letters of another alphabet were replaced by Latin ones."""

    @property
    def plausible(self) -> bool:
        """Whether the name can be a scientific name, although it is in no list."""
        if self.parts is None:
            return False
        if not self.parts.species and not self.parts.certain and not self.parts.cultivar:
            return False
        words = {self.parts.genus, self.parts.species, self.parts.infra} - {""}
        after = [word for word in self.parts.author.split() if word.isalpha() and word.islower()]
        sentence = words & _FREE or (set(after) & _FREE and not self.parts.certain)
        return (
            not sentence and (len(after) < 2 or self.parts.certain) and all(len(word) > 1 for word in words)
        )


def read_written_name(text: str) -> WrittenName:
    """Read a name as people write it.

    Args:
        text: The text, with single spaces.

    Returns:
        The name in it, and everything that was beside the name; nothing is left out without being in `dropped`.
    """
    usual = _USUAL.fullmatch(text)
    if usual and usual[1] not in _ORGANS and not _is_absent(text) and (parts := read_name(text)):
        return WrittenName(parts)
    text, respelt = cleaned(_without_underscores(text))
    text = _spaced(_unwrapped(text))
    if _is_absent(text):
        return WrittenName(absent=True)
    if _NO_NAME.search(text):
        return WrittenName()
    text, doubt = _without_doubt(text)
    first, *rest = _alternatives(text)
    dropped: list[str] = []
    text = _without_open(_without_remarks(first, dropped), dropped)
    if _is_absent(text):
        return WrittenName(absent=True)
    if _is_formula(text):
        return WrittenName(formula=True, dropped=tuple(dropped))
    parts = read_name(_GLUED_X.sub("× ", text))
    others = tuple(part for part in map(_named, rest) if part)
    return WrittenName(parts, doubt, others, dropped=tuple(dropped), respelt=respelt)


def _is_absent(text: str) -> bool:
    plain = text.lower().strip(" .,()[]<>-–—_?*'…")
    return not plain or plain in _ABSENT or plain.partition(" ")[0] in _NOT_KNOWN


def _spaced(text: str) -> str:
    """Put spaces where people leave them out: `subsp.alba`, `rosa-canina-01`; drop a lone Greek letter of old ranks."""
    if " " not in text and "-" in text:
        text = text.replace("-", " ")
    return _GREEK_RANK.sub(" ", _GLUED_MARK.sub(r"\1. ", text))


def _named(text: str) -> NameParts | None:
    return read_name(_without_open(_without_remarks(text, []), []))


def _without_underscores(text: str) -> str:
    """Replace underscores by spaces; one after a space, as in `Rosa canina_dog rose`, begins a remark."""
    if "_" in text and " " in text[: text.index("_")]:
        text = text.replace("_", " - ", 1)
    return text.replace("_", " ")


def _unwrapped(text: str) -> str:
    """Remove what surrounds a name: quotes, bullets, numbers, a file name's extension, punctuation."""
    text = _NUMBERED.sub("", _SUFFIX.sub("", text.strip()))
    for mark in ("**", "*", "'", '"', "`", "“", "„"):
        end = {"“": "”", "„": "“"}.get(mark, mark)
        inner = text[len(mark) : -len(end)]
        if text.startswith(mark) and text.endswith(end) and inner and end not in inner:
            text = inner
    text = text.strip(" ,;:!/_~|").rstrip("-*") if len(text) > 1 else text
    stop = _STOP.search(text)
    if stop and stop[1] not in _ABBREVIATED and text.count(".") == 1:
        text = text[:-1]
    return _LINEAGE.sub("", text)


def _without_doubt(text: str) -> tuple[str, str]:
    """Separate a name from the marks of doubt."""
    found = " ".join(" ".join(mark.split()) for mark in _DOUBT.findall(text))
    if found:
        unpacked = _BRACKETS.sub(lambda b: f" {b[1]}" if _DOUBT.search(b[1]) else b[0], text)
        text = " ".join(_DOUBT.sub(" ", unpacked).split()).strip(" ,;:-")
        text = re.sub(r"\s(?:sp|spp|spec|species)\.?\s(?=(?:[A-Z][a-z]?\. ?)?[a-z]{3,})", " ", text)
        text = _SHORT_GENUS.sub(r"\1\2 ", text)
    bracket = _EPITHET_IN_BRACKETS.match(text)
    if bracket and not {bracket[2], f" {bracket[2]}"} & _ORGANS and not _OPEN.search(f" {bracket[2]}"):
        found = f"{found} ({bracket[2]})".strip()
        text = f"{bracket[1]} {bracket[2]}{text[bracket.end() :]}"
    return text, found


def _alternatives(text: str) -> list[str]:
    """Split `Galium album/mollugo` and the like into full names."""
    if two := _TWO_EPITHETS.match(text):
        pieces = [two[1], two[2]] if two[2] not in _ORGANS else [text]
    else:
        genus = text.partition(" ")[0]
        joined = _JOINED.format(genus=re.escape(genus), initial=re.escape(genus[:1]))
        pieces = [piece for part in re.split(joined, text) for piece in _either(part)]
    first = pieces[0].split() if pieces else []
    if len(pieces) < 2 or not first:
        return [text]
    names = [pieces[0]]
    for piece in pieces[1:]:
        mark, *_ = piece.split() or [""]
        if re.fullmatch(rf"(?:{_RANKS})\.?", mark):
            piece = " ".join((*first[:2], piece))
        elif re.match(r"[A-Z][a-z]?\.\s?[a-z]", piece):
            piece = f"{first[0]} {piece.partition('.')[2].strip()}"
        elif piece[0].islower():
            piece = f"{first[0]} {piece}"
        names.append(piece)
    return names


def _either(text: str) -> list[str]:
    return [piece for piece in _EITHER.split(_BRACKETS_WITH_SLASH.sub("", text)) if piece]


def _without_remarks(text: str, dropped: list[str]) -> str:
    """Remove common names, organs, numbers and other remarks after a name."""

    def bracket(found: re.Match[str]) -> str:
        inner, before, after = found[1].strip(), text[: found.start()], text[found.end() :]
        crossed = [word in _SIGNS for word in inner.replace("×", " × ").split()]
        if any(crossed) and (crossed[0] or len(before.split()) == 1):
            return f" {inner}"  # a formula: `Salix (alba × fragilis)`, `Salix alba (× fragilis)`
        author = _AUTHORS.fullmatch(inner) or (re.match(r"\s[A-Z]", after) and len(before.split()) > 1)
        if author and not (any(crossed) or _ABOUT.match(inner) or _NAME_IN_BRACKETS.match(inner)):
            return found[0]
        dropped.append(f"({inner})")
        return ""

    text = _BRACKETS.sub(bracket, text).strip() if "(" in text or "[" in text or "{" in text else text
    for pattern in (_REMARK, _AFTER_COMMA, _CULTIVAR_GROUP):
        if (found := pattern.search(text)) and found.start():
            dropped.append(found[0].strip(" ,;:-–—"))
            text = text[: found.start()]
    words = text.split()
    while len(words) > 1:
        last, before = words[-1].strip(".,;:!").lower(), words[-2]
        number = _NUMBER.fullmatch(words[-1]) and not (re.fullmatch(r"\d{4}", last) and not before.islower())
        emoji = not any(c.isalnum() for c in last) and words[-1] not in _SIGNS
        if not (number or emoji or last in _ORGANS or (last in ("in", "mit", "en") and dropped)):
            break
        dropped.append(words.pop())
    return " ".join(words).rstrip(",;")


def _without_open(text: str, dropped: list[str]) -> str:
    """Remove `sp.` and the like, with everything after it."""
    text = re.sub(r"^(?:indet|undet|unidentified|undetermined|unid)\.?\s+(?=[A-Z])", "", text)
    if (found := _OPEN.search(text)) and found.start() != 0:
        dropped.append(found[0].strip())
        text = text[: found.start()]
    words = text.split()
    if len(words) == 2 and words[1] in _SIGNS:
        dropped.append(words.pop())
    return " ".join(words)


def _is_formula(text: str) -> bool:
    words = re.sub(r"[×✕✖╳]", " × ", text).split()
    words = words[1:] if words and words[0] in _SIGNS else words
    return any(word in _SIGNS for word in words[2:]) or words[1:2] == ["+"]
