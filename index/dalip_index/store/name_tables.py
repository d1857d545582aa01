"""Tables of `catalogue.db` in which the names of taxa are looked up: by key, and by the beginning of a word."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import zip_longest

from dalip.datasets.names.known_names import name_keys, plain_common_name
from dalip.taxonomy import Taxon

__all__ = [
    "BETWEEN_NAMES",
    "names_fit",
    "names_of",
    "plain_words",
    "write_common_names",
    "write_keys",
    "write_names",
    "write_words",
]

BETWEEN_NAMES = "|"
"""A word of its own in the index of words, before and after each name, so that a phrase cannot cross two names."""


def write_names(connection: sqlite3.Connection, taxa: Sequence[Taxon], higher: Sequence[Taxon]) -> None:
    """Write all these tables; arguments as for `write_keys`."""
    write_keys(connection, taxa, higher)
    write_common_names(connection, taxa)
    write_words(connection, taxa)


def write_keys(connection: sqlite3.Connection, taxa: Sequence[Taxon], higher: Sequence[Taxon]) -> None:
    """Write the keys of all scientific names.

    The tables are `name_keys`, with the keys of accepted names and synonyms, see `KnownNames`; and `genera`, with the
    first words of all keys. In `name_keys`, `parsed` is 1 for the key of a name that has parts.

    Args:
        connection: The database, in a transaction or in autocommit mode.
        taxa: The taxa of a flora.
        higher: Their higher taxa. The nodes are numbered from 1: the taxa first, then the higher taxa.
    """
    connection.execute(
        "CREATE TABLE name_keys (key TEXT NOT NULL, synonym INTEGER NOT NULL, node INTEGER NOT NULL, "
        "parsed INTEGER NOT NULL, PRIMARY KEY (key, synonym, node)) WITHOUT ROWID"
    )
    connection.execute("CREATE TABLE genera (genus TEXT PRIMARY KEY) WITHOUT ROWID")
    # Sorted, because SQLite writes a table in the order of its key much faster.
    rows = sorted(_keys_of((*taxa, *higher)))
    connection.executemany("INSERT OR IGNORE INTO name_keys VALUES (?, ?, ?, -?)", rows)
    genera = dict.fromkeys((key.partition(" ")[0],) for key, *_ in rows)
    connection.executemany("INSERT INTO genera VALUES (?)", genera)


def write_common_names(connection: sqlite3.Connection, taxa: Sequence[Taxon]) -> None:
    """Write the table `common_name_keys`, with the taxa by `plain_common_name`; arguments as for `write_words`."""
    connection.execute(
        "CREATE TABLE common_name_keys (key TEXT NOT NULL, taxon INTEGER NOT NULL, PRIMARY KEY (key, taxon)) "
        "WITHOUT ROWID"
    )
    common = {
        (plain_common_name(name.name), number)
        for number, taxon in enumerate(taxa, 1)
        for name in taxon.vernacular_names
    }
    connection.executemany("INSERT INTO common_name_keys VALUES (?, ?)", sorted(common))


def _keys_of(nodes: Iterable[Taxon]) -> Iterator[tuple[str, int, int, int]]:
    """Yield key, whether it is of a synonym, node, and -1 for a parsed key, which sorts before the others."""
    for number, node in enumerate(nodes, 1):
        for synonym, name in ((0, node.scientific_name), *((1, name) for name in node.synonyms)):
            parsed, plain = name_keys(name)
            if parsed:
                yield parsed, synonym, number, -1
            if plain and plain != parsed:
                yield plain, synonym, number, 0


def write_words(connection: sqlite3.Connection, taxa: Sequence[Taxon]) -> None:
    """Write the index of words, in which people find taxa while they type.

    `alphabetical` has the taxa in the order of their scientific names. `taxon_words` is an FTS5 index: its row N has
    the scientific name, family, order and common names of taxon N in that order.

    Args:
        connection: The database, in a transaction or in autocommit mode.
        taxa: The taxa of a flora.
    """
    connection.execute("CREATE TABLE alphabetical (place INTEGER PRIMARY KEY, taxon INTEGER NOT NULL)")
    # With indexes of one to three letters: otherwise the first keys that a person types would take longest.
    connection.execute(
        "CREATE VIRTUAL TABLE taxon_words USING fts5(names, content='', columnsize=0, prefix='1 2 3', "
        f"tokenize=\"unicode61 remove_diacritics 0 tokenchars '_{BETWEEN_NAMES}'\")"
    )
    order = sorted(range(len(taxa)), key=lambda row: taxa[row].scientific_name)
    connection.executemany("INSERT INTO alphabetical VALUES (?, ?)", enumerate((row + 1 for row in order), 1))
    texts = ((place, _words_of(taxa[row])) for place, row in enumerate(order, 1))
    connection.executemany("INSERT INTO taxon_words (rowid, names) VALUES (?, ?)", texts)


def _words_of(taxon: Taxon) -> str:
    between = f" {BETWEEN_NAMES} "
    return f"{between}{between.join(map(plain_words, names_of(taxon)))}{between}"


def names_fit(connection: sqlite3.Connection, taxa: Sequence[Taxon], higher: Sequence[Taxon]) -> bool:
    """Return whether the tables of a catalogue are those of its taxa; so are those of one without any."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'taxon_words'").fetchone():
        return True
    with closing(sqlite3.connect(":memory:")) as expected:
        write_names(expected, taxa, higher)
        for one in (connection, expected):
            one.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, taxon_words, instance)")
        return all(
            found == wanted
            for query in (
                "SELECT * FROM name_keys ORDER BY key, synonym, node",
                "SELECT * FROM common_name_keys ORDER BY key, taxon",
                "SELECT * FROM genera ORDER BY genus",
                "SELECT * FROM alphabetical ORDER BY place",
                "SELECT * FROM temp.words",
            )
            for found, wanted in zip_longest(connection.execute(query), expected.execute(query))
        )


def names_of(taxon: Taxon) -> list[str]:
    """Return the names by which people find a taxon: its own, its family and order, and its common names."""
    common = (name.name for name in taxon.vernacular_names)
    return [name for name in (taxon.scientific_name, taxon.family, taxon.order, *common) if name]


def plain_words(text: str) -> str:
    """Return the words of a text in lower case, without punctuation."""
    from rapidfuzz import utils  # rapidfuzz slows the start of every command

    return " ".join(utils.default_process(text).split())
