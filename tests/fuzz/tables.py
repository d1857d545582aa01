"""Tables and lists: photo tables, lists of taxa, checklists and lists of names, in many spellings, then mutated."""

import gzip
import io
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

from PIL import Image

from dalip.datasets import Report, read_records, read_taxa
from dalip.datasets.names.checklist import read_checklist
from dalip.datasets.names.taxa_file import read_names
from tests.fuzz.cases import Case, Kind, mutated, one_in

__all__ = ["CHECKLISTS", "LISTS", "NAMES", "TABLES", "photo", "read_all", "table_of"]

NAMES = (
    *(
        "Iris germanica",
        "Iris germanica L.",
        "IRIS GERMANICA",
        "iris  germanica",
        "Iris",
        "Iridaceae",
        "Asparagales",
    ),
    *(
        "Quercus robur subsp. robur",
        "Quercus robur var. pedunculiflora",
        "Rosa canina agg.",
        "Rosa sect. Caninae",
    ),
    *("× Cupressocyparis leylandii", "Mentha x piperita L.", "Salix alba × Salix fragilis", "Rosa 'Peace'"),
    *(
        "Iris cf. germanica",
        "Iris sp.",
        "Iris ?germanica",
        "Iris &times; germanica",
        "Capsella bursa pastoris",
    ),
    *(
        '"Iris germanica"',
        "Iris\u00a0germanica",
        "I\u0301ris germanica",
        "Ιris germanica",
        "Iris germanica\u202e",
        "7*7",
    ),
    *(
        "",
        " ",
        "=cmd|' /C calc'!A0",
        "x" * 3000,
        "Iris\0germanica",
        "\ud7ff",
        "🌼",
        "NULL",
        "NA",
        "https://x.example/1",
    ),
)

_COLUMNS = (
    *("scientificName", "scientific_name", "Scientific Name", "species", "taxon_name", "col:scientificName"),
    *(
        "dwc:scientificName",
        "taxonRank",
        "taxon_rank",
        "rank",
        "taxonomicStatus",
        "status",
        "taxonID",
        "id",
        "col:ID",
    ),
    *(
        "parentNameUsageID",
        "acceptedNameUsageID",
        "accepted_plant_name_id",
        "genus",
        "family",
        "order",
        "file",
    ),
    *(
        "filename",
        "image",
        "license",
        "vernacularName",
        "common_name",
        "scientificNameAuthorship",
        "taxon_authors",
    ),
    *(
        "references",
        "eventDate",
        "decimalLatitude",
        "occurrenceID",
        "caption",
        "splitGroup",
        "",
        "scientificName",
    ),
)

_RANKS = (
    *(
        "species",
        "Species",
        "SPECIES",
        "subsp.",
        "variety",
        "varietas",
        "nothospecies",
        "hybrid",
        "form",
        "genus",
    ),
    *("family", "order", "kingdom", "cultivar", "nonsense", "", "1"),
)

_STATUSES = (
    "accepted",
    "Accepted",
    "synonym",
    "Synonym",
    "homotypic synonym",
    "unplaced",
    "doubtful",
    "",
    "misapplied",
)
_ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "utf-32", "gb18030")


@cache
def photo(colour: str = "orange", kind: str = "JPEG") -> bytes:
    """Return a small photo."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(buffer, kind)
    return buffer.getvalue()


def _cell(rng: random.Random, column: str, rows: int) -> str:
    plain = column.lower().replace("_", "").rpartition(":")[2]
    if "status" in plain:
        return rng.choice(_STATUSES)
    if "rank" in plain:
        return rng.choice(_RANKS)
    if plain.endswith("id"):  # links to other rows, also in circles
        return str(rng.randrange(rows + 2)) if not one_in(rng, 10) else rng.choice(("", "x", "-1", "1" * 400))
    if plain in ("file", "filename", "image"):
        return rng.choice(
            ("a.jpg", "b.png", ".\\a.jpg", "../a.jpg", "/etc/passwd", "A.JPG", "none.jpg", "a.jpg\0", ".")
        )
    if plain in ("vernacularname", "commonname"):
        return rng.choice(("iris", "iris|de:Schwertlilie|zh-Hans:鸢尾", "|||", "a:b:c", "eng:flag|xx", "de:"))
    return rng.choice(NAMES)


def table_of(rng: random.Random, first: str = "") -> bytes:
    """Make a table with random columns, separator, quotes, line ends and encoding.

    Args:
        rng: Random numbers.
        first: A column that is always there.
    """
    separator, end = rng.choice(",,,;|\t\t"), rng.choice(("\n", "\n", "\r\n", "\r"))
    columns = ([first] if first else []) + rng.sample(_COLUMNS, rng.randint(1, 8))
    rows = rng.choice((0, 1, 3, 10, 60))

    def quoted(cell: str) -> str:
        how = rng.randrange(12)
        if how == 0:
            return f'"{cell}'
        if how == 1:
            return f'"{cell}{end}{cell}"'
        return '"' + cell.replace('"', '""') + '"' if separator in cell or how == 2 else cell

    lines = [separator.join(columns)]
    for _ in range(rows):
        cells = [quoted(_cell(rng, column, rows)) for column in columns]
        if one_in(rng, 15):
            cells = cells[: rng.randrange(len(cells) + 1)] or cells * 3
        lines.append(separator.join(cells))
    if one_in(rng, 8):
        lines.insert(0, rng.choice((f"sep={separator}", "sep=", "# comment", "", "sep=xx")))
    if one_in(rng, 60):
        lines.append("x" * rng.choice((100_000, 3_000_000)))
    content = end.join(lines).encode(rng.choice(_ENCODINGS), "replace")
    if one_in(rng, 3):
        content = mutated(rng, content)
    if one_in(rng, 12):
        content = gzip.compress(content if not one_in(rng, 4) else bytes(30_000_000) + content)
        content = mutated(rng, content) if one_in(rng, 2) else content
    return content


def _make(names: tuple[str, ...], column: str) -> Callable[[random.Random], Case]:
    def make(rng: random.Random) -> Case:
        content = table_of(rng, column if not one_in(rng, 6) else "")
        return Case({rng.choice(names): content, "a.jpg": photo(), "b.png": photo("red", "PNG")})

    return make


def read_all(path: Path) -> None:
    """Read all records of a source, and the bytes of the first photos; skipped items are not failures."""
    records = read_records(path, report=Report(lambda skipped: None))
    for record in records[:5]:
        record.read_bytes()


def _read_list(path: Path) -> None:
    report = Report(lambda skipped: None)
    read_names(path, report)
    read_taxa(path, report)


def _read_checklist(path: Path) -> None:
    read_checklist(path, Report(lambda skipped: None))


TABLES = Kind("tables", _make(("photos.csv", "photos.tsv"), "file"), read_all, 300)
LISTS = Kind(
    "lists", _make(("taxa.csv", "taxa.tsv", "taxa.txt", "taxa.csv.gz"), "scientificName"), _read_list, 300
)
CHECKLISTS = Kind(
    "checklists",
    _make(("checklist.tsv", "checklist.csv", "checklist.tsv.gz"), "scientificName"),
    _read_checklist,
    300,
)
