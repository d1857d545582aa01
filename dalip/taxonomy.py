"""`Taxon`: scientific name, rank, common names and classification of a plant, in Darwin Core's terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from dalip.errors import DataError
from dalip.languages import read_language
from dalip.ranks import RANKS, read_rank
from dalip.scientific_name import read_name

__all__ = ["LIST_SEPARATOR", "Taxon", "VernacularName", "first_words", "reference_links"]

LIST_SEPARATOR = "|"
"""Darwin Core's recommended separator for lists of values."""

_LONGEST = 200  # characters of a scientific name; the longest with an author have about 150
_HYBRID_SIGNS = ("x", "×", "+")
_RANKS_BY_MARK = {"subsp.": "subspecies", "var.": "variety", "f.": "form"}
_FAMILIES = frozenset(
    [
        "Compositae",
        "Cruciferae",
        "Gramineae",
        "Guttiferae",
        "Labiatae",
        "Leguminosae",
        "Palmae",
        "Umbelliferae",
    ]
)
"""The names of families that need not end in -aceae."""


@dataclass(frozen=True, slots=True)
class VernacularName:
    """A common name and its language (ISO 639-1, or ISO 639-3 if it has no code there)."""

    name: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Taxon:
    """A taxon; equality compares all fields, but within a flora `scientific_name` identifies a taxon."""

    scientific_name: str
    """Without authorship, e.g. `Viola ocellata`."""
    taxon_rank: str = "species"
    """One of `RANKS`."""
    vernacular_names: tuple[VernacularName, ...] = ()
    """Common names, the preferred one first."""
    genus: str = ""
    family: str = ""
    order: str = ""
    references: tuple[str, ...] = ()
    """Pages that describe the taxon (https addresses)."""
    scientific_name_authorship: str = field(default="", compare=False)
    """Author of the name, e.g. `L.`; with and without it, it is the same taxon."""
    synonyms: tuple[str, ...] = field(default=(), compare=False)
    """Other scientific names of the taxon, without authors; photos and people may use them."""

    def __post_init__(self) -> None:
        """Check the scientific name and the rank.

        Raises:
            DataError: The scientific name is missing or malformed, or the rank is unknown.
        """
        if not self.scientific_name.strip():
            raise DataError("no-name")
        if len(self.scientific_name) > _LONGEST or not self.scientific_name.isprintable():
            raise DataError(
                "name-malformed",
                name=repr(self.scientific_name[:40]),
                length=len(self.scientific_name),
                most=_LONGEST,
            )
        if self.taxon_rank not in RANKS:
            raise DataError(
                "rank-unknown", source=self.scientific_name, rank=repr(self.taxon_rank[:40]), ranks=RANKS
            )

    @property
    def vernacular_name(self) -> str:
        """The preferred English common name, or an empty string."""
        return self.vernacular_name_in("en")

    def vernacular_name_in(self, language: str) -> str:
        """Return the preferred common name in a language (ISO 639-1), or an empty string."""
        return next((v.name for v in self.vernacular_names if v.language == language), "")

    def contains(self, other: "Taxon") -> bool:
        """Return whether this taxon strictly contains `other`, as a genus contains its species."""
        if RANKS.index(other.taxon_rank) <= RANKS.index(self.taxon_rank):
            return False
        above = {"order": other.order, "family": other.family, "genus": other.genus}
        if self.taxon_rank in above:
            return above[self.taxon_rank] == self.scientific_name
        return other.scientific_name.startswith(self.scientific_name + " ")

    def to_darwin_core(self) -> dict[str, str]:
        """Return the taxon as Darwin Core fields; lists are joined by `|`, non-English names written as `lang:name`."""
        names = [v.name if v.language == "en" else f"{v.language}:{v.name}" for v in self.vernacular_names]
        return {
            "scientificName": self.scientific_name,
            "scientificNameAuthorship": self.scientific_name_authorship,
            "taxonRank": self.taxon_rank,
            "vernacularName": LIST_SEPARATOR.join(names),
            "genus": self.genus,
            "family": self.family,
            "order": self.order,
            "references": LIST_SEPARATOR.join(self.references),
        }

    @classmethod
    def from_darwin_core(cls, fields: Mapping[str, str]) -> "Taxon":
        """Read a taxon from Darwin Core fields; only `scientificName` is required, unknown fields are ignored.

        Args:
            fields: Term to value. `vernacularName` and `references` may contain several values joined by `|`. A rank
                may be spelt in any way that `read_rank` knows. A missing `taxonRank` or `genus` is derived from the
                name. An author is removed from the name if `scientificNameAuthorship` contains it, too.

        Raises:
            DataError: The scientific name is missing or malformed, or the rank is unknown.
        """
        name = " ".join((fields.get("scientificName") or "").split())
        author = " ".join((fields.get("scientificNameAuthorship") or "").split())
        if author and name.endswith(f" {author}"):
            name = name.removesuffix(author).strip()
        given = (fields.get("taxonRank") or "").strip()
        rank = read_rank(given) or given.lower() or _rank_of(name)
        genus = (fields.get("genus") or "").strip()
        return cls(
            scientific_name=name,
            taxon_rank=rank,
            vernacular_names=tuple(
                _read_vernacular_name(part) for part in _split(fields.get("vernacularName") or "")
            ),
            genus=genus or ("" if rank in ("order", "family") else first_words(name, 1)),
            family=(fields.get("family") or "").strip(),
            order=(fields.get("order") or "").strip(),
            references=tuple(_split(fields.get("references") or "")),
            scientific_name_authorship=author,
        )


def first_words(name: str, number: int) -> str:
    """Return the first words of a scientific name, not counting hybrid signs: 1 for the genus, 2 for the species."""
    words = name.split()
    end = 0
    while number > 0 and end < len(words):
        number -= words[end] not in _HYBRID_SIGNS
        end += 1
    return " ".join(words[:end])


def _rank_of(name: str) -> str:
    parts = read_name(name)
    if parts is None:
        return "genus" if name == first_words(name, 1) else "species"
    if parts.cultivar:
        return "cultivar"
    if parts.infra:
        return _RANKS_BY_MARK.get(parts.mark or "subsp.", "variety")
    if parts.species:
        return "species"
    return "family" if name.endswith("aceae") or name in _FAMILIES else "genus"


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(LIST_SEPARATOR) if part.strip()]


def _read_vernacular_name(text: str) -> VernacularName:
    word, _, name = text.partition(":")
    language = read_language(word) if name.strip() else ""
    return VernacularName(name.strip(), language) if language else VernacularName(text)


def reference_links(taxon: Taxon) -> dict[str, str]:
    """Return the addresses of pages about a taxon, by site name.

    GBIF and POWO are searched by scientific name; the Wikipedia page is the recorded one if there is one.
    """
    wikipedia = next((r for r in taxon.references if "wikipedia.org/" in r), None)
    return {
        "GBIF": f"https://www.gbif.org/species/search?q={quote_plus(taxon.scientific_name)}",
        "POWO": f"https://powo.science.kew.org/results?q={quote_plus(taxon.scientific_name)}",
        "Wikipedia": wikipedia
        or f"https://en.wikipedia.org/wiki/{quote(taxon.scientific_name.replace(' ', '_'))}",
    }
