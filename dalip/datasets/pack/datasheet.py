"""The datasheet of a packed dataset: `README.md`, `datasheet.json`, credits and other tables."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from dalip import __version__
from dalip.csv_rows import csv_row
from dalip.datasets.pack.choosing import Choice, Duplicate, NamedPhoto
from dalip.datasets.pack.shard_writer import Shard
from dalip.datasets.record import Split, split_of
from dalip.errors import DalipError, DataError, first_line
from dalip.files import atomic_write, from_json, to_json

__all__ = ["FILES", "Datasheet", "NameUse", "read_datasheet", "write_datasheet"]

FILES = (
    "README.md",
    "datasheet.json",
    "taxa.csv",
    "credits.csv",
    "names.csv",
    "left-out.csv",
    "duplicates.csv",
)
"""The files of a packed dataset, besides the shards."""

_SPLITS: tuple[str, ...] = get_args(Split)
_FORMAT = 1
_SHOWN_TAXA = 100
_TAXON = (
    "scientificName",
    "scientificNameAuthorship",
    "taxonRank",
    "vernacularName",
    "genus",
    "family",
    "order",
)
_CREDITS = ("scientificName", "rightsHolder", "license", "references")


@dataclass(frozen=True)
class NameUse:
    """How a name in the sources was resolved."""

    given: str
    how: str
    """`exact`, `synonym`, `spelling` and so on; `as given` if no checklist was used."""
    scientific_name: str
    """Empty if the name was not resolved."""
    candidates: str
    """Other possible taxa, as text."""
    dropped: str
    """What was written beside the name of the taxon: `sp. 1`, `'Kiese'`, `(dog rose)`."""
    photos: int
    """Number of photos with this name in the sources."""


@dataclass(frozen=True)
class Datasheet:
    """Statistics of a packed dataset, as stored in `datasheet.json`."""

    photos: int
    shards: tuple[Shard, ...]
    taxa: int
    splits: Mapping[str, int]
    sources: Mapping[str, int]
    licenses: Mapping[str, int]
    """Photos by licence; `not stated` for those without."""
    names: Mapping[str, int]
    """Names by how they were resolved."""
    left_out: Mapping[str, int]
    """Skipped photos and rows by reason, see `NotPacked`."""
    duplicates: Mapping[str, int]
    """Numbers of `exact` and `near` duplicates, and of those that would have been `withinSplit` or `acrossSplits`."""
    settings: Mapping[str, Any]
    dalip: str = __version__
    format: int = _FORMAT

    @property
    def complete(self) -> bool:
        """Whether every input could be read and named."""
        return not set(self.left_out) & {"unread", "unreadable", "unnamed", "unresolved", "contradiction"}


def read_datasheet(folder: Path) -> Datasheet:
    """Read the `datasheet.json` of a packed dataset.

    Raises:
        DataError: It is missing, damaged or in another format.
    """
    path = folder / "datasheet.json"
    try:
        sheet = from_json(path.read_bytes(), Datasheet)
    except (OSError, ValueError) as error:
        raise DataError("datasheet-not-read", source=path, cause=first_line(error)) from error
    if sheet.format != _FORMAT:
        raise DataError("datasheet-format", source=path, format=sheet.format)
    return sheet


def write_datasheet(
    folder: Path,
    shards: Sequence[Shard],
    choice: Choice,
    names: Sequence[NameUse],
    settings: Mapping[str, Any],
    describe: Callable[[DalipError], str],
) -> Datasheet:
    """Write all files of the dataset except the shards.

    Args:
        folder: Folder of the dataset.
        shards: The shards that were written.
        choice: Which photos are in them, and which are not.
        names: How each name was resolved.
        settings: The packing settings.
        describe: Turns an error into a message.

    Returns:
        The datasheet.
    """
    photos = sorted(choice.kept, key=lambda photo: photo.key)
    splits = {photo.key: split_of(choice.groups.get(photo.key, photo.key)) for photo in photos}
    taxa = _taxa_rows(photos, splits)
    sheet = Datasheet(
        photos=len(photos),
        shards=tuple(shards),
        taxa=len(taxa),
        splits={split: sum(own == split for own in splits.values()) for split in _SPLITS},
        sources=_counted(str(photo.fields.get("source") or "not stated") for photo in photos),
        licenses=_counted(str(photo.fields.get("license") or "not stated") for photo in photos),
        names=_counted(name.how for name in names),
        left_out=_counted(left.reason for left in choice.left_out),
        duplicates=_duplicate_counts(choice.duplicates),
        settings=settings,
    )
    _write_table(folder / "taxa.csv", (*_TAXON, "photos", *_SPLITS), taxa)
    credits = [[photo.key, *(photo.fields.get(term) or "" for term in _CREDITS)] for photo in photos]
    _write_table(folder / "credits.csv", ("key", *_CREDITS), credits)
    _write_table(
        folder / "names.csv",
        ("given", "how", "scientificName", "candidates", "dropped", "photos"),
        [[n.given, n.how, n.scientific_name, n.candidates, n.dropped, n.photos] for n in names],
    )
    _write_table(
        folder / "left-out.csv",
        ("key", "where", "reason", "detail"),
        sorted([left.key, left.where, left.reason, describe(left.error)] for left in choice.left_out),
    )
    _write_table(folder / "duplicates.csv", _DUPLICATE_COLUMNS, _duplicate_rows(choice.duplicates))
    _write(folder / "README.md", _page(sheet, taxa))
    _write(folder / "datasheet.json", to_json(sheet, indent=1))
    return sheet


def _counted(values: Iterable[str]) -> dict[str, int]:
    """Count values, the most frequent first and ties in alphabetical order."""
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))


def _taxa_rows(photos: Sequence[NamedPhoto], splits: Mapping[str, str]) -> list[list[Any]]:
    """Count photos by taxon, in a table that `dalip index build --taxa` also reads."""
    counts: dict[str, Counter[str]] = {}
    facts: dict[str, list[str]] = {}
    for photo in photos:
        if photo.name:
            counts.setdefault(photo.name, Counter())[splits[photo.key]] += 1
            facts.setdefault(photo.name, [str(photo.fields.get(term) or "") for term in _TAXON])
    return [
        [*facts[name], counts[name].total(), *(counts[name][split] for split in _SPLITS)]
        for name in sorted(counts)
    ]


def _duplicate_counts(duplicates: Sequence[Duplicate]) -> dict[str, int]:
    return {
        "exact": sum(d.kind == "exact" for d in duplicates),
        "near": sum(d.kind == "near" for d in duplicates),
        "withinSplit": sum(not d.across for d in duplicates),
        "acrossSplits": sum(d.across for d in duplicates),
    }


_DUPLICATE_COLUMNS = (
    "key",
    "scientificName",
    "sameAs",
    "sameAsName",
    "kind",
    "split",
    "sameAsSplit",
    "packed",
)


def _duplicate_rows(duplicates: Sequence[Duplicate]) -> list[list[str]]:
    """List duplicates, with the splits that they would have been in without each other."""
    return sorted(
        [
            d.photo.record.key,
            d.photo.name,
            d.other.record.key,
            d.other.name,
            d.kind,
            d.photo.own_split,
            d.other.own_split,
            "yes" if d.packed else "no",
        ]
        for d in duplicates
    )


def _page(sheet: Datasheet, taxa: Sequence[Sequence[Any]]) -> str:
    """Return the content of `README.md`."""
    photos = len(_TAXON)  # index of the column with the number of photos
    shown = sorted(taxa, key=lambda row: (-row[photos], row[0]))[:_SHOWN_TAXA]
    rows = [[row[0], row[4], *row[photos:]] for row in shown]
    more = "\n`taxa.csv` lists all taxa.\n" if len(taxa) > len(shown) else ""
    duplicates = sheet.duplicates
    found = duplicates["exact"] + duplicates["near"]
    parts = [
        f"# {sheet.photos:,} photos of {sheet.taxa:,} taxa\n",
        f"This dataset was created with `dalip data pack`, version {sheet.dalip}. The photos are in WebDataset shards. "
        "Each photo has three files: `key.webp`, `key.json` (metadata in Darwin Core terms) and `key.txt` (name or "
        "caption). Near-duplicates, and photos of the same plant taken at the same time, share a `splitGroup` and are "
        "in the same split. The split of every other photo follows from its key. The validation split is called "
        "`selection`.\n",
        "Check the licences before you share this dataset. The photos belong to the rights holders listed in "
        "`credits.csv`.\n",
        _listed("Split", sheet.splits),
        _listed("Licence", sheet.licenses),
        _listed("Source", sheet.sources),
        _listed("Name resolution (`names.csv`)", sheet.names),
        _listed("Skipped, by reason (`left-out.csv`)", sheet.left_out),
        f"Duplicates found (`duplicates.csv`): {found:,}, of which {duplicates['exact']:,} are exact duplicates and "
        f"{duplicates['near']:,} near-duplicates. Without grouping, {duplicates['acrossSplits']:,} of them would be in "
        "a different split from the photo that they duplicate.\n",
        _table(("taxon", "family", "photos", *_SPLITS), rows) + more,
        "Settings: " + ", ".join(f"{name} {value}" for name, value in sheet.settings.items()) + ".\n",
    ]
    return "\n".join(part for part in parts if part)


def _listed(title: str, counts: Mapping[str, int]) -> str:
    return _table((title, "count"), list(counts.items())) if counts else ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    cells = [[" ".join(str(cell).replace("|", "\\|").split()) for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    _write(path, "".join(f"{csv_row(row)}\n" for row in (columns, *rows)))


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as draft:
        draft.write_bytes(text.encode("utf-8", "backslashreplace"))
