"""Recognise the columns of tables: Darwin Core terms in any spelling, and the names that other lists use for them.

Sources: the columns of WCVP, WFO, the GBIF backbone, ColDP, iNaturalist, TAXREF, USDA PLANTS and NCBI's data sets.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dalip.languages import read_language
from dalip.taxonomy import LIST_SEPARATOR

__all__ = ["NameColumns", "folded", "is_known", "name_columns", "photo_column"]

_SPELLINGS = {  # of each term, the preferred one first, as `folded` returns them
    "scientificName": "scientificname taxonname latinname botanicalname speciesname scientificnamewithauthor "
    "scientificnamewithauthors fullscientificname taxname lbnom binomial binomialname canonicalname "
    "nomscientifique nombrecientifico nomecientifico nomescientifico wissenschaftlichername botanischername "
    "wetenschappelijkenaam nomlatin latin species espece especie taxon taxa synonym",
    "scientificNameAuthorship": "scientificnameauthorship taxonauthors authorship nameauthorship authority author "
    "authors authorcitation nameauthor lbauteur auteur autor autoren",
    "taxonRank": "taxonrank rank ranks rang rango rangtaxonomique ranglabel taxonomicrank",
    "taxonomicStatus": "taxonomicstatus taxonstatus status namestatus nomenclaturestatus taxstatus",
    "taxonID": "taxonid plantnameid wfoid synonymsymbol taxid cdnom tsn nameid taxonkey key id symbol",
    "parentNameUsageID": "parentnameusageid parentid parentplantnameid parenttaxonid parentkey parenttsn parenttaxid "
    "cdtaxsup cdsup",
    "acceptedNameUsageID": "acceptednameusageid acceptedplantnameid acceptedid acceptedtaxonid acceptedtaxonkey "
    "acceptedusagekey tsnaccepted acceptedsymbol cdref symbol",
    "acceptedNameUsage": "acceptednameusage acceptedname acceptedscientificname acceptedtaxon acceptedtaxonname "
    "acceptedspecies",
    "kingdom": "kingdom kingdomname regne reino reich",
    "order": "order ordername taxonorder ordre orden ordnung ordo ordine",
    "family": "family familyname taxonfamily famille familia familie famiglia",
    "genus": "genus genusname taxongenus genericname genre genero gattung genere",
    "specificEpithet": "specificepithet speciesepithet epithet",
    "infraspecificEpithet": "infraspecificepithet infraspecies infraspecific subspeciesepithet",
    "infraspecificRank": "infraspecificrank infraspecificranks",
    "vernacularName": "vernacularname vernacularnames commonname commonnames preferredcommonname vernacular "
    "curatorcommonname popularname",
    "language": "language lang vernacularlanguage",
    "references": "references reference",
}
_KNOWN = {spelling for words in _SPELLINGS.values() for spelling in words.split()}
_NAMED_IN = {
    "nomvern": "fr",
    "nomverneng": "en",
    "nomvernaculaire": "fr",
    "nomcommun": "fr",
    "nomfrancais": "fr",
    "deutschername": "de",
    "trivialname": "de",
    "nombrecomun": "es",
    "nomecomum": "pt",
    "nomepopular": "pt",
    "nomecomune": "it",
    "nederlandsenaam": "nl",
}
"""The language of columns whose own name is in that language."""
_PHOTOS = (
    "file filename filepath image imagefile imagefilename imagename imagepath photo photofile photofilename "
    "photopath photoname picture picturepath path img imgfile imgname imgpath relativepath relpath imageurl "
    "photourl mediaurl"
)
"""Columns that name photos, the preferred one first."""
_PREFIX = re.compile(
    r"https?://\S*[/#]|(?:dwc|dcterms|dct|dc|col|coldp|clb|gbif|wfo|powo|ipni|inat)[:.](?=.)", re.I
)
"""What may stand before a term: the address of its vocabulary, or a prefix."""
_MISSING = frozenset({"NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "\\N"})
"""What R, pandas, spreadsheets and databases write into empty cells."""
_LANGUAGE_FIRST = re.compile(r"(.+?)(?:common|vernacular)names?|(.{4,}?)names?")
_LANGUAGE_LAST = re.compile(r"(?:.*(?:vernacular|common).*names?|names?[ _:(\[-]).*")
_EPITHET = re.compile(r"[×x]?\s?[a-z][a-z-]+")


@dataclass(frozen=True)
class NameColumns:
    """The columns of a table that describe taxa."""

    terms: Mapping[str, str]
    """The Darwin Core term of each such column."""
    vernacular: Mapping[str, str]
    """The language of each further column of common names."""

    @property
    def have_names(self) -> bool:
        """Whether there are scientific names, whole or as genus and epithet."""
        terms = set(self.terms.values())
        return "scientificName" in terms or {"genus", "specificEpithet"} <= terms

    def fields(self, row: Mapping[str, str]) -> dict[str, str]:
        """Return what a row says about its taxon, by term; a name in parts is put together."""
        fields = {
            term: row[column]
            for column, term in self.terms.items()
            if column in row and row[column] not in _MISSING
        }
        name, genus = fields.get("scientificName", ""), fields.get("genus", "")
        if genus and not name and "specificEpithet" in fields:
            name = " ".join((genus, fields["specificEpithet"], *_below_species(fields)))
        elif genus and _EPITHET.fullmatch(name):  # a column `species` with the epithet alone
            name = f"{genus} {name}"
        if name:
            fields["scientificName"] = name
        common, language = fields.get("vernacularName", ""), fields.get("language", "")
        if self.vernacular or (common and language):
            cells = [(common, language), *((row.get(c, ""), told) for c, told in self.vernacular.items())]
            if told := LIST_SEPARATOR.join(
                _with_language(*c) for c in cells if c[0] and c[0] not in _MISSING
            ):
                fields["vernacularName"] = told
        return fields


def _below_species(fields: Mapping[str, str]) -> tuple[str, ...]:
    if "infraspecificEpithet" not in fields:
        return ()
    return tuple(filter(None, (fields.get("infraspecificRank", ""), fields["infraspecificEpithet"])))


def _with_language(cell: str, language: str) -> str:
    known = read_language(language)
    return LIST_SEPARATOR.join(f"{known}:{name}" for name in cell.split(LIST_SEPARATOR)) if known else cell


@lru_cache(maxsize=1000)
def name_columns(columns: tuple[str, ...]) -> NameColumns:
    """Return the columns of a table that describe taxa.

    Of several columns for the same term, one that is called exactly like the term is taken, or else the one with the
    more usual name.
    """
    by_word: dict[str, str] = {}
    for column in columns:
        by_word.setdefault(folded(column), column)
    terms: dict[str, str] = {}
    for term, words in _SPELLINGS.items():
        spelt = [by_word[word] for word in words.split() if word in by_word]
        for column in ([term] if term in columns else spelt)[:1]:
            terms.setdefault(column, term)
    others = {c: language for c in columns if c not in terms and (language := _vernacular_language(c))}
    return NameColumns(terms, others)


@lru_cache(maxsize=2000)
def folded(column: str) -> str:
    """Return the name of a column in lower case, without prefix, accents, spaces and punctuation."""
    named = _PREFIX.sub("", column.strip("\ufeff \t#")[:1000], count=1)
    return "".join(c for c in unicodedata.normalize("NFKD", named).lower() if c.isalnum())


def is_known(column: str) -> bool:
    """Return whether a cell of a header names something that tables of photos or lists of taxa contain."""
    word = folded(column)
    return word in _KNOWN or word in _PHOTOS.split() or bool(_vernacular_language(column))


def _vernacular_language(column: str) -> str:
    """Return the language of a column of common names that says it, like `vernacularName_en`, `German name`."""
    word = folded(column)
    if word in _KNOWN or word in _NAMED_IN:
        return _NAMED_IN.get(word, "")
    if _LANGUAGE_LAST.fullmatch(column.lower()):
        tag = re.split(r"names?", column.lower(), maxsplit=1)[1].strip(" :._-()[]")
        if tag not in ("", "id", "la"):  # `name_id` is an identifier
            return read_language(tag)
    first = _LANGUAGE_FIRST.fullmatch(word)
    return read_language(first[1] or first[2]) if first else read_language(word) if len(word) > 4 else ""


def photo_column(columns: Sequence[str]) -> str:
    """Return the column that names the files or addresses of photos; empty if there is none."""
    by_word = {folded(column): column for column in reversed(columns)}
    return next((by_word[word] for word in _PHOTOS.split() if word in by_word), "")
