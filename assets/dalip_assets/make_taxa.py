r"""Make `taxa.csv`, the taxa in the built-in flora, from photo records and name lists.

    python -m dalip_assets.make_taxa --checklist checklist.tsv.gz --descriptions descriptions.jsonl.gz \
        SHARD... > taxa.csv

Rank, genus, family and order come from the records. English names come from the records, the encyclopedia and the
checklist, in this order, at most six. A row in `names.csv` replaces names that a person found to be wrong (a
misspelling, a name of another plant) and adds names in other languages. Only facts are used, no text.
"""

import argparse
import csv
import gzip
import json
import re
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

__all__ = ["clean_names", "make_taxa"]

FIELDS = ("scientificName", "taxonRank", "vernacularName", "genus", "family", "order", "references")
MOST_NAMES = 6
HAND_MADE = Path(__file__).with_name("names.csv")


def clean_names(names: Iterable[str], scientific_name: str = "") -> list[str]:
    """Filter common names: one spelling of each, at most six.

    Args:
        names: Names as in the sources, the preferred one first.
        scientific_name: Scientific name of the taxon. For a species, it is removed from the names.

    Returns:
        The names in their original order. Spellings that differ in case, spaces or hyphens count as one name. The one
        with more capitals is kept, because one source writes everything in lower case.
    """
    chosen: dict[str, str] = {}
    for name in names:
        name = re.sub(r"\s+", " ", name).strip(" ,.;\"'")
        key = re.sub(r"[^\w]", "", name).lower()
        if not key or "×" in name or (" " in scientific_name and name.lower() == scientific_name.lower()):
            continue
        # A genus may be listed in the singular and in the plural, which count as one name.
        same = next((k for k in (key, key.removesuffix("s"), key + "s") if k in chosen), None)
        if same is None or (same == key and _capitals(name) > _capitals(chosen[key])):
            chosen[key] = name
    return list(chosen.values())[:MOST_NAMES]


def _capitals(name: str) -> int:
    return sum(map(str.isupper, name))


def _records(shards: Iterable[Path]) -> dict[str, list[dict[str, str]]]:
    taxa: dict[str, list[dict[str, str]]] = {}
    for path in shards:
        with tarfile.open(path) as shard:
            for member in shard:
                stream = shard.extractfile(member) if member.name.endswith(".json") else None
                if stream:
                    record = json.load(stream)
                    taxa.setdefault(record["scientificName"], []).append(record)
    return taxa


def _in_checklist(path: Path, wanted: Iterable[str]) -> dict[str, str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return {
            row["scientificName"]: row["vernacularName"] for row in rows if row["scientificName"] in wanted
        }


def _in_encyclopedia(path: Path, wanted: Iterable[str]) -> dict[str, tuple[str, list[str]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        pages = (json.loads(line) for line in lines)
        return {
            page["scientificName"]: (page["sourceTitle"], page["names"])
            for page in pages
            if page["scientificName"] in wanted
        }


def make_taxa(shards: Iterable[Path], checklist: Path, descriptions: Path) -> list[dict[str, str]]:
    """Make the rows of `taxa.csv`, sorted by scientific name.

    Args:
        shards: WebDataset shards whose JSON records contain Darwin Core terms.
        checklist: Gzipped TSV with `scientificName` and `vernacularName`.
        descriptions: Gzipped JSON lines with `scientificName`, `names` and `sourceTitle`.

    Returns:
        One row per taxon; list values are joined by `|`, names in other languages have the form `fr:name`.
    """
    taxa = _records(shards)
    english = _in_checklist(checklist, taxa)
    pages = _in_encyclopedia(descriptions, taxa)
    with HAND_MADE.open(encoding="utf-8", newline="") as lines:
        by_hand = {row["scientificName"]: row for row in csv.DictReader(lines)}
    rows = []
    for name, records in sorted(taxa.items()):
        title, also_called = pages.get(name, (name, []))
        hand = by_hand.get(name, {})
        found = [*(r.get("vernacularName", "") for r in records), *also_called, english.get(name, "")]
        names = [hand.get("english") or "|".join(clean_names(found, name)), hand.get("otherLanguages", "")]
        page = hand.get("wikipediaTitle") or title
        rows.append(
            {field: records[0].get(field, "") for field in FIELDS}
            | {
                "vernacularName": "|".join(filter(None, names)),
                "references": f"https://en.wikipedia.org/wiki/{quote(page.replace(' ', '_'), safe='()')}",
            }
        )
    return rows


def main() -> None:
    """Write the taxa file to standard output."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", type=Path, nargs="+", help="WebDataset shards of labelled photographs")
    parser.add_argument("--checklist", type=Path, required=True, help="gzipped TSV of names")
    parser.add_argument(
        "--descriptions", type=Path, required=True, help="gzipped JSON lines with names and titles"
    )
    options = parser.parse_args()
    writer = csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(make_taxa(options.shards, options.checklist, options.descriptions))


if __name__ == "__main__":
    main()
