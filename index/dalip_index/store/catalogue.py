"""`catalogue.db` of a flora (SQLite): taxa, their names and evidence."""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, groupby
from pathlib import Path
from threading import Lock
from typing import Any, Literal, overload
from weakref import finalize

from dalip.datasets import Split
from dalip.errors import DalipError, FloraError, first_line
from dalip.taxonomy import LIST_SEPARATOR, Taxon, VernacularName
from dalip_index.sqlite import in_parts
from dalip_index.store.name_tables import write_names

__all__ = [
    "CATALOGUE",
    "ROLE_OF_SPLIT",
    "Evidence",
    "Role",
    "StoredTaxa",
    "open_catalogue",
    "read_evidence",
    "read_taught",
    "read_taxa",
    "write_catalogue",
]

CATALOGUE = "catalogue.db"
"""Name of the catalogue in a version's folder."""

_EVIDENCE = ("kind", "content", "rights", "role", "photo", "pack")

_OF_A_TAXON = (
    "scientificName",
    "scientificNameAuthorship",
    "taxonRank",
    "genus",
    "family",
    "order",
    "references",
    "synonyms",
)
_NAMES_STORED = 10_000
"""From this number of taxa, the catalogue has tables of their names, which would add a quarter to a small flora. For
fewer taxa, they are made in memory in a fraction of a second."""
_KEPT_IN_MEMORY = 10_000  # taxa that were read one by one
_PACKED_TAXA = 4096
"""Taxa whose texts are compressed together. Texts made from names compress to a tenth, and nothing searches them."""


Role = Literal["evidence", "selection", "calibration"]
"""What a photo is used for. All photos are evidence; some also choose the weights (`selection`) or calibrate the flora,
and are left out of the prototypes for as long as that takes."""

ROLE_OF_SPLIT: Mapping[Split, Role] = {
    "train": "evidence",
    "selection": "selection",
    "calibration": "calibration",
    "test": "evidence",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A text or photo of a taxon: evidence for it."""

    taxon: int
    """Row of the taxon, from 0."""
    kind: Literal["text", "photo"]
    content: str
    """The text itself, or the key of the photo's record."""
    rights: str = ""
    """Rights holder, licence and source, as far as known."""
    role: Role = "evidence"
    """What it is used for; texts are evidence only."""
    photo: str = ""
    """For a kept photo, the SHA-256 of the original file."""
    pack: str = ""
    """For a kept photo, the name of the shared file that contains the copy."""


def write_catalogue(
    path: Path,
    taxa: Sequence[Taxon],
    higher: Sequence[Taxon],
    evidence: Sequence[Evidence],
    prototypes: Iterable[Mapping[str, object]],
) -> None:
    """Write a new catalogue; row i of the taxa gets the primary key i + 1.

    Args:
        path: The file, which must not exist.
        taxa: The taxa in the order of the flora.
        higher: Higher taxa that are not among them, as `place_taxa` returns them.
        evidence: All texts and photos of the flora.
        prototypes: Rows of the table `prototypes`: `taxon` (primary key), `kind`, `count` and `offset`.
    """
    # sqlite-utils takes a third of a second to import, which would slow down identification.
    from sqlite_utils import Database

    database = Database(path)
    of_a_taxon = [("taxon", "taxa", "id")]
    with closing(database.conn), database.conn:
        for table, some in (("taxa", taxa), ("higher_taxa", higher)):
            database[table].create({"id": int, **dict.fromkeys(_OF_A_TAXON, str)}, pk="id")
            _insert(database.conn, table, (_taxon_row(number, taxon) for number, taxon in enumerate(some, 1)))
        database["vernacular_names"].create(
            {"id": int, "taxon": int, "language": str, "name": str}, pk="id", foreign_keys=of_a_taxon
        )
        database["evidence"].create(
            {"id": int, "taxon": int} | dict.fromkeys(_EVIDENCE, str),
            pk="id",
            foreign_keys=of_a_taxon,
        )
        database["prototypes"].create(
            {"taxon": int, "kind": str, "count": int, "offset": float},
            pk=("taxon", "kind"),
            foreign_keys=of_a_taxon,
        )
        database["texts"].create({"id": int, "packed": bytes}, pk="id")
        names = ((number, v) for number, taxon in enumerate(taxa, 1) for v in taxon.vernacular_names)
        _insert(
            database.conn,
            "vernacular_names",
            ({"taxon": number, "language": v.language, "name": v.name} for number, v in names),
        )
        photos = (e for e in evidence if e.kind == "photo")
        _insert(
            database.conn,
            "evidence",
            ({"taxon": e.taxon + 1} | {name: getattr(e, name) for name in _EVIDENCE} for e in photos),
        )
        _insert(database.conn, "texts", ({"packed": part} for part in _packed(evidence)))
        _insert(database.conn, "prototypes", prototypes)
        database["taxa"].create_index(["scientificName"], unique=True)
        for table in ("vernacular_names", "evidence"):
            database[table].create_index(["taxon"])
        if len(taxa) >= _NAMES_STORED:
            write_names(database.conn, taxa, higher)


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Insert rows with the same columns in one statement; sqlite-utils needs one for every hundred of them."""
    every = iter(rows)
    if (first := next(every, None)) is None:
        return
    columns = ", ".join(f'"{column}"' for column in first)
    places = ", ".join("?" for _ in first)
    values = (tuple(row.values()) for row in chain([first], every))
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", values)


def _packed(evidence: Sequence[Evidence]) -> Iterator[bytes]:
    """Yield the texts of some thousand taxa at a time, as compressed JSON: `[[taxon, text, ...], ...]`."""
    texts = (e for e in evidence if e.kind == "text")
    of_taxa = ([taxon + 1, *(e.content for e in some)] for taxon, some in groupby(texts, lambda e: e.taxon))
    for part in in_parts(of_taxa, _PACKED_TAXA):
        yield zlib.compress(json.dumps(part).encode(), 9)


def _taxon_row(number: int, taxon: Taxon) -> dict[str, str | int]:
    terms = taxon.to_darwin_core()
    del terms["vernacularName"]  # in a separate table
    return {"id": number, **terms, "synonyms": LIST_SEPARATOR.join(taxon.synonyms)}


@contextmanager
def open_catalogue(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the catalogue of a version for reading only, which also works on a read-only disk.

    Raises:
        FloraError: The file is missing or is not a database, or a query in the block fails.
    """
    with _as_flora_error(folder), closing(_connect(folder)) as connection:
        yield connection


def _connect(folder: Path, *, check_same_thread: bool = True) -> sqlite3.Connection:
    # Versions never change once written; `immutable` spares SQLite its locks and journal files.
    address = f"{(folder / CATALOGUE).resolve().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True, check_same_thread=check_same_thread)


@contextmanager
def _as_flora_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise FloraError("flora-file-damaged", source=folder / CATALOGUE, cause=error) from error


def read_taxa(folder: Path) -> tuple[Taxon, ...]:
    """Read the taxa of a version in the order of their primary keys.

    Raises:
        FloraError: The catalogue is damaged.
    """
    with open_catalogue(folder) as connection:
        return _select(connection, folder, "taxa", _columns(connection, "taxa"))


class StoredTaxa(Sequence[Taxon]):
    """The taxa of a version, or its higher taxa, each read from the catalogue when it is needed."""

    def __init__(self, folder: Path, number: int, table: Literal["taxa", "higher_taxa"] = "taxa") -> None:
        """Open the catalogue, which stays open.

        Args:
            folder: The version's folder.
            number: Number of taxa in the table.
            table: Name of the table.

        Raises:
            FloraError: The file is missing, is not a database, or has another number of taxa.
        """
        self._folder, self._number, self._table = folder, number, table
        with _as_flora_error(folder):
            self._connection = _connect(folder, check_same_thread=False)
            finalize(self, self._connection.close)
            last = self._connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0
            self._columns = _columns(self._connection, table)
        if last != number:
            raise FloraError("flora-parts-differ", source=folder, taxa=last, expected_taxa=number)
        self._lock = Lock()  # a connection is for one thread at a time
        self._one = lru_cache(_KEPT_IN_MEMORY)(lambda row: self._read(range(row, row + 1))[0])
        self._all: tuple[Taxon, ...] | None = None

    def __len__(self) -> int:
        return self._number

    @overload
    def __getitem__(self, row: int) -> Taxon: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[Taxon, ...]: ...
    def __getitem__(self, row: int | slice) -> Taxon | tuple[Taxon, ...]:
        if isinstance(row, slice):
            some = range(self._number)[row]
            if some.step == 1 and len(some) < self._number:
                return self._read(some)
            return self.all()[row]
        if self._all is not None:
            return self._all[row]
        return self._one(range(self._number)[row])

    def __iter__(self) -> Iterator[Taxon]:
        return iter(self.all())

    def __eq__(self, other: object) -> bool:
        """Return whether these are the same taxa as in another sequence."""
        return tuple(self) == tuple(other) if isinstance(other, StoredTaxa | tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.all())

    def all(self) -> tuple[Taxon, ...]:
        """Read all taxa, once."""
        with self._lock, _as_flora_error(self._folder):
            if self._all is None:
                self._all = _select(self._connection, self._folder, self._table, self._columns)
            return self._all

    def select(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query on the catalogue."""
        with self._lock, _as_flora_error(self._folder):
            return self._connection.execute(query, values).fetchall()

    @cached_property
    def has_names(self) -> bool:
        """Whether the catalogue has tables of names, as it has for many taxa."""
        return bool(self.select("SELECT 1 FROM sqlite_schema WHERE name = 'taxon_words'"))

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each taxon, by scientific name."""
        return _StoredRows(self, self._table)

    def starting(self, prefix: str) -> Iterator[tuple[int, str]]:
        """Yield row and scientific name of all taxa whose name begins like this, and perhaps of some others."""
        pattern = "".join(
            c if c.isascii() and c.isalnum() else "_" for c in prefix
        )  # `_` matches any character
        found = self.select(
            f"SELECT id, scientificName FROM {self._table} WHERE scientificName LIKE ? ORDER BY id",
            (f"{pattern}%",),
        )
        return ((number - 1, name) for number, name in found)

    def _read(self, rows: range) -> tuple[Taxon, ...]:
        with self._lock, _as_flora_error(self._folder):
            return _select(self._connection, self._folder, self._table, self._columns, rows)


class _StoredRows(Mapping[str, int]):
    """Looks up the row of a taxon in the catalogue."""

    def __init__(self, taxa: StoredTaxa, table: str) -> None:
        self._taxa, self._table = taxa, table

    def __len__(self) -> int:
        return len(self._taxa)

    def __iter__(self) -> Iterator[str]:
        return (
            name for (name,) in self._taxa.select(f"SELECT scientificName FROM {self._table} ORDER BY id")
        )

    def __getitem__(self, name: str) -> int:
        for (number,) in self._taxa.select(f"SELECT id FROM {self._table} WHERE scientificName = ?", (name,)):
            return int(number) - 1
        raise KeyError(name)


def _columns(connection: sqlite3.Connection, table: str) -> str:
    """Return the columns that `_select` reads; floras from before 0.1.0 was released have no authors or synonyms."""
    present = {column for _, column, *_ in connection.execute(f"PRAGMA table_info({table})")}
    later = (column if column in present else "''" for column in ("scientificNameAuthorship", "synonyms"))
    return f'id, scientificName, taxonRank, genus, family, "order", "references", {", ".join(later)}'


def _select(
    connection: sqlite3.Connection, folder: Path, table: str, columns: str, rows: range | None = None
) -> tuple[Taxon, ...]:
    """Read all taxa of a table, or those in a range of rows."""
    between = () if rows is None else (rows.start + 1, rows.stop)
    names: dict[int, list[VernacularName]] = {}
    if table == "taxa":
        for taxon, language, name in connection.execute(
            "SELECT taxon, language, name FROM vernacular_names "
            f"{'WHERE taxon BETWEEN ? AND ?' if between else ''} ORDER BY id",
            between,
        ):
            names.setdefault(taxon, []).append(VernacularName(name, language))
    found = connection.execute(
        f"SELECT {columns} FROM {table} {'WHERE id BETWEEN ? AND ?' if between else ''} ORDER BY id", between
    ).fetchall()
    try:
        return tuple(
            Taxon(
                name,
                rank,
                tuple(names.get(number, ())),
                genus,
                family,
                order,
                _split(references),
                author,
                _split(synonyms),
            )
            for number, name, rank, genus, family, order, references, author, synonyms in found
        )
    except (DalipError, TypeError, AttributeError) as error:  # a value may not be a string
        cause = error if isinstance(error, DalipError) else first_line(error)
        raise FloraError("flora-file-damaged", source=folder / CATALOGUE, cause=cause) from error


def _split(value: str) -> tuple[str, ...]:
    return tuple(filter(None, value.split(LIST_SEPARATOR)))


def read_taught(folder: Path) -> tuple[str, ...]:
    """Read the scientific names of the taxa in a version that were taught later.

    Raises:
        FloraError: The catalogue is damaged.
    """
    with open_catalogue(folder) as connection:
        rows = connection.execute(
            'SELECT scientificName FROM taxa WHERE id IN (SELECT taxon FROM prototypes WHERE "offset" IS NOT NULL) '
            "ORDER BY id"
        ).fetchall()
    return tuple(name for (name,) in rows)


def read_evidence(folder: Path) -> list[Evidence]:
    """Read all texts and photos of a version.

    Raises:
        FloraError: The catalogue is damaged.
    """
    with open_catalogue(folder) as connection:
        rows = connection.execute(
            f"SELECT taxon, {', '.join(_EVIDENCE)} FROM evidence ORDER BY id"
        ).fetchall()
        packed: list[tuple[bytes]] = []
        # Floras from before 0.1.0 was released have texts among the evidence.
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'texts'").fetchone():
            packed = connection.execute("SELECT packed FROM texts ORDER BY id").fetchall()
    try:
        texts = [
            Evidence(int(number) - 1, "text", str(text))
            for (part,) in packed
            for number, *some in json.loads(zlib.decompress(part))
            for text in some
        ]
    except (zlib.error, ValueError, TypeError) as error:
        raise FloraError("flora-file-damaged", source=folder / CATALOGUE, cause=first_line(error)) from error
    return texts + [Evidence(number - 1, *values) for number, *values in rows]
