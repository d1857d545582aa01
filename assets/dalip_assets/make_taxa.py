r"""Make `taxa.csv`, the taxa in the built-in flora, from photo records and name lists.

    python -m dalip_assets.make_taxa --lists DATA SHARD... > taxa.csv

Each taxon has one row. Two names of one plant in the photos are one taxon; its synonyms follow as rows with
`acceptedNameUsage`, so that photos and people may use them. Rank, genus, family and order come from the photo records,
which follow NCBI Taxonomy. English names come from the records, the encyclopedia and the checklist, in this order, at
most six. With `--text-only`, the plants without photos that people most likely meet are added; their `photos` are 0.

A row in `names.csv` replaces names that a person found to be wrong (a misspelling, a name of another plant) and adds
names in other languages. A row in `synonyms.csv` adds a synonym, or removes a wrong one if it has no accepted name.
Only facts are used, no text.
"""

import argparse
import csv
import gzip
import json
import re
import sys
import tarfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from dalip_assets.english_names import EnglishNames
from dalip_assets.likely_species import likely_first

__all__ = ["HAND_MADE", "NameLists", "make_taxa"]

FIELDS = (
    "scientificName",
    "acceptedNameUsage",
    "taxonRank",
    "vernacularName",
    "genus",
    "family",
    "order",
    "references",
    "photos",
)
OF_TAXON = ("taxonRank", "genus", "family", "order")
HAND_MADE = Path(__file__).with_name("names.csv")
SYNONYMS = Path(__file__).with_name("synonyms.csv")
_BINOMIAL = re.compile(r"[A-Z][a-z-]+ (?:× )?[a-z-]+")


@dataclass(frozen=True)
class NameLists:
    """The name lists in the data folder: checklist, encyclopedia, English names and synonyms."""

    folder: Path

    @cached_property
    def checklist(self) -> dict[str, dict[str, str]]:
        """The rows of the checklist by scientific name, the first of each."""
        return {_spelt(row["scientificName"]): row for row in reversed(self._table("checklist"))}

    @cached_property
    def pages(self) -> dict[str, dict[str, str | list[str]]]:
        """The pages of the encyclopedia by scientific name."""
        with gzip.open(self.folder / "descriptions.jsonl.gz", "rt", encoding="utf-8") as lines:
            return {_spelt(page["scientificName"]): page for page in map(json.loads, lines)}

    @cached_property
    def chosen_names(self) -> dict[str, str]:
        """The English name of each plant that was chosen from the text of its page."""
        return {
            _spelt(row["scientificName"]): row["vernacularName"] for row in self._table("vernacular-names")
        }

    @cached_property
    def genera(self) -> frozenset[str]:
        """The genera in the checklist."""
        return frozenset(row["genus"] for row in self.checklist.values()) - {""}

    @cached_property
    def synonyms(self) -> dict[str, str]:
        """Accepted names by synonym: from the list, from titles of pages, and corrected by hand.

        The encyclopedia's title is often the name that others accept. A name that the checklist accepts as another
        plant's is no synonym.
        """
        found = {_spelt(row["synonym"]): _spelt(row["acceptedName"]) for row in self._table("synonyms")}
        for name, page in self.pages.items():
            title = _spelt(str(page["sourceTitle"]))
            if title != name and title not in self.checklist and _BINOMIAL.fullmatch(title):
                found.setdefault(title, name)
        found = {s: name for s, name in found.items() if s.partition(" ")[0] in self.genera}
        found |= {row["scientificName"]: row["acceptedNameUsage"] for row in _rows(SYNONYMS)}
        # Lookups ignore the hybrid sign, so a name with and without it needs no synonym.
        return {
            synonym: name
            for synonym, name in found.items()
            if name and synonym.replace("× ", "") != name.replace("× ", "")
        }

    @cached_property
    def english(self) -> EnglishNames:
        """Cleans English names, with those of the encyclopedia as examples."""
        examples = (name for page in self.pages.values() for name in page["names"])
        return EnglishNames(examples, {*self.checklist, *self.synonyms, *self.synonyms.values()})

    def names_of(self, name: str, in_records: Iterable[str] = ()) -> list[str]:
        """Return the English names of a taxon, the preferred one first."""
        listed, page = self.checklist.get(name, {}), self.pages.get(name, {})
        found = [*in_records, self.chosen_names.get(name, ""), *page.get("names", ())]
        return self.english.clean([*found, listed.get("vernacularName", "")], name)

    def _table(self, name: str) -> list[dict[str, str]]:
        with gzip.open(self.folder / f"{name}.tsv.gz", "rt", encoding="utf-8") as lines:
            return list(csv.DictReader(lines, delimiter="\t"))


@dataclass
class _Found:
    """A taxon with what its photos say."""

    fields: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    photos: int = 0


def make_taxa(shards: Iterable[Path], lists: NameLists, text_only: int = 0) -> list[dict[str, str]]:
    """Make the rows of `taxa.csv`, sorted by scientific name.

    Args:
        shards: WebDataset shards whose JSON records contain Darwin Core terms.
        lists: The name lists.
        text_only: Number of species without photos to add.

    Returns:
        One row per taxon and synonym; list values are joined by `|`, names in other languages have the form `fr:name`.
    """
    taxa = _taxa_in(shards, lists.synonyms)
    for name in _without_photos(taxa, lists)[:text_only]:
        taxa[name] = _Found(_listed(name, taxa, lists))
    by_hand = {row["scientificName"]: row for row in _rows(HAND_MADE)}
    chosen = {name: tuple(filter(None, by_hand.get(name, {}).get("english", "").split("|"))) for name in taxa}
    names = {name: chosen[name] or tuple(lists.names_of(name, found.names)) for name, found in taxa.items()}
    names = _told_apart(names, {name for name in taxa if chosen[name] or " " not in name})
    rows = []
    for name, found in taxa.items():
        hand = by_hand.get(name, {})
        page = hand.get("wikipediaTitle") or str(lists.pages.get(name, {}).get("sourceTitle", ""))
        row = {term: found.fields[term] for term in OF_TAXON}
        row |= {"scientificName": name, "acceptedNameUsage": "", "photos": str(found.photos)}
        row["vernacularName"] = "|".join(filter(None, (*names[name], hand.get("otherLanguages", ""))))
        address = f"https://en.wikipedia.org/wiki/{quote(page.replace(' ', '_'), safe='()')}"
        rows.append(row | {"references": address if page else ""})
    rows += [
        dict.fromkeys(FIELDS, "") | {"scientificName": synonym, "acceptedNameUsage": accepted}
        for synonym, accepted in lists.synonyms.items()
        if accepted in taxa and synonym not in taxa
    ]
    return sorted(rows, key=lambda row: row["scientificName"])


def _taxa_in(shards: Iterable[Path], synonyms: Mapping[str, str]) -> dict[str, _Found]:
    """Collect the taxa of photos; photos of a synonym count for the accepted taxon, which must have photos itself."""
    found: dict[str, _Found] = defaultdict(_Found)
    for record in _records(shards):
        taxon = found[_spelt(record["scientificName"])]
        taxon.fields = taxon.fields or {term: record.get(term, "") for term in OF_TAXON}
        taxon.names.append(record.get("vernacularName", ""))
        taxon.photos += 1
    for name in [name for name in found if synonyms.get(name) in found]:
        same = found.pop(name)
        found[synonyms[name]].names += same.names
        found[synonyms[name]].photos += same.photos
    return dict(found)


def _records(shards: Iterable[Path]) -> Iterator[dict[str, str]]:
    for path in sorted(shards, key=lambda path: path.name):
        with tarfile.open(path) as shard:
            for member in shard:
                stream = shard.extractfile(member) if member.name.endswith(".json") else None
                if stream:
                    yield json.load(stream)


def _without_photos(taxa: Mapping[str, _Found], lists: NameLists) -> list[str]:
    """Return species with an English name and a page in the encyclopedia, those that people most likely meet first."""
    species: dict[str, int] = {}
    for name in lists.pages:
        row = lists.checklist.get(name)
        if row is None or name in taxa or name in lists.synonyms or row["taxonRank"] != "species":
            continue
        if _BINOMIAL.fullmatch(name) and row["family"] and row["order"] and (names := lists.names_of(name)):
            species[name] = len(names)
    texts = {name: str(page["description"]) for name, page in lists.pages.items()}
    common = (name for name, row in lists.checklist.items() if row["vernacularName"])
    return likely_first(species, texts, common)


def _told_apart(names: Mapping[str, tuple[str, ...]], settled: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Prefer a name that no other taxon has, if the preferred names of several taxa are the same.

    Args:
        names: English names by scientific name.
        settled: The taxa that keep their preferred name: genera, and those named by a person.
    """
    having = Counter(name.lower() for given in names.values() for name in given)
    preferred = Counter(given[0].lower() for given in names.values() if given)
    found = {}
    for taxon, given in names.items():
        shared = given and preferred[given[0].lower()] > 1 and taxon not in settled
        own = next((name for name in given if having[name.lower()] == 1), "") if shared else ""
        found[taxon] = (own, *(name for name in given if name != own)) if own else given
    return found


def _listed(name: str, taxa: Mapping[str, _Found], lists: NameLists) -> dict[str, str]:
    """Return the classification of a species without photos; families and orders as in the photo records."""
    row = lists.checklist[name]
    genus = name.partition(" ")[0]
    above = next((f.fields for f in taxa.values() if f.fields["genus"] == genus), row)
    return {"taxonRank": "species", "genus": genus, "family": above["family"], "order": above["order"]}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _spelt(name: str) -> str:
    """Return a name with the usual hybrid sign: `Viola × wittrockiana`."""
    return " ".join("×" if word == "x" else word for word in name.split())


def main() -> None:
    """Write the taxa file to standard output."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", type=Path, nargs="+", help="WebDataset shards of labelled photographs")
    parser.add_argument(
        "--lists",
        type=Path,
        required=True,
        help="folder with checklist.tsv.gz, descriptions.jsonl.gz, vernacular-names.tsv.gz and synonyms.tsv.gz",
    )
    parser.add_argument(
        "--text-only", type=int, default=0, metavar="N", help="add N species without photos (default: 0)"
    )
    options = parser.parse_args()
    writer = csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(make_taxa(options.shards, NameLists(options.lists), options.text_only))


if __name__ == "__main__":
    main()
