"""`NameIndex`: look names up among the taxa of a flora, in its catalogue or, for a small flora, in memory."""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.datasets.names.known_names import KnownNames, name_keys
from dalip.datasets.names.list_rows import Entry
from dalip.scientific_name import plain_name
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index.sqlite import ASKED_AT_ONCE, in_parts
from dalip_index.store.catalogue import StoredTaxa
from dalip_index.store.name_tables import (
    BETWEEN_NAMES,
    names_of,
    plain_words,
    write_common_names,
    write_keys,
    write_words,
)

__all__ = ["NameIndex"]

Select = Callable[..., list[tuple[Any, ...]]]
"""Runs a query, given with its values, and returns all rows."""

_KEYS = 10_000  # whose nodes are kept in memory
_WORD_ALIKE = 60  # of 100: minimum similarity of such words
_WORDS = 20  # similar words for each word of the text
_GENERA = 20  # similar genera
_ALIKE = 75  # of 100: minimum fuzzy-match score


class NameIndex(KnownNames):
    """The names of the taxa of a flora and of their higher taxa."""

    def __init__(self, tree: TaxonTree, *, compared: int = 20_000) -> None:
        """Prepare to look names up.

        Args:
            tree: The taxa. Unless they are stored with tables of their names, these are made in memory when they are
                needed.
            compared: With this many taxa or fewer, a misspelt text is compared with the names of all. With more, only
                with names that share a similar word or genus with it.
        """
        self.tree, self._compared = tree, compared
        self._whole = self
        self._rows: NDArray[np.bool_] | None = None  # which taxa there are; `None` for all
        self._nodes: NDArray[np.bool_] | None = None
        self._nodes_with = lru_cache(_KEYS)(self._read_nodes)

    def among(self, rows: NDArray[np.intp], higher: NDArray[np.intp] | None = None) -> "NameIndex":
        """Return the names of some of the taxa.

        Args:
            rows: Rows of the taxa.
            higher: The higher taxa to find, as nodes of the tree; by default none.
        """
        part, nodes = NameIndex(self.tree, compared=self._compared), np.arange(len(self.tree))
        part._whole = self._whole
        part._rows = np.isin(nodes[: len(self.tree.taxa)], rows)
        part._nodes = np.isin(nodes, rows if higher is None else np.concatenate([rows, higher]))
        return part

    @cached_property
    def _keys(self) -> Select:
        if self._whole is not self:
            return self._whole._keys
        higher = self.tree.higher
        return self._select(lambda connection, taxa: write_keys(connection, taxa, tuple(higher)))

    @cached_property
    def _common_names(self) -> Select:
        return self._select(write_common_names) if self._whole is self else self._whole._common_names

    @cached_property
    def _words(self) -> Select:
        return self._select(write_words) if self._whole is self else self._whole._words

    def _select(self, write: Callable[[sqlite3.Connection, tuple[Taxon, ...]], None]) -> Select:
        """Return what queries the tables that a function writes."""
        taxa = self.tree.taxa
        if isinstance(taxa, StoredTaxa) and taxa.has_names:
            return taxa.select
        return _in_memory(lambda connection: write(connection, tuple(taxa)))

    def with_name(self, key: str) -> Sequence[Entry]:
        """See `KnownNames`, here and below."""
        taxa = ((place, self.tree[place]) for place in self._nodes_with(key)[0])
        return [Entry(place + 1, taxon, taxon.scientific_name_authorship) for place, taxon in taxa]

    def nodes_named(self, names: Collection[str]) -> dict[str, list[int]]:
        """Look many scientific names up at once.

        Args:
            names: The names, in any spelling of hybrid signs, ranks and capitals.

        Returns:
            The nodes of the taxa and higher taxa with each name that is known or, if there are none, of those with this
            synonym.
        """
        keys = {name: [key for key in dict.fromkeys(name_keys(name)) if key] for name in names}
        found = dict[str, list[tuple[int, int]]]()
        for part in in_parts({key for some in keys.values() for key in some}, ASKED_AT_ONCE):
            places = ", ".join("?" * len(part))
            query = f"SELECT key, synonym, node FROM name_keys WHERE key IN ({places})"
            for key, synonym, node in self._keys(query, part):
                found.setdefault(key, []).append((synonym, node))
        nodes = dict[str, list[int]]()
        for name, some in keys.items():
            known = [pair for key in some for pair in found.get(key, ())]
            held = self._held(node for synonym, node in known if not synonym)
            if held := held or self._held(node for synonym, node in known if synonym):
                nodes[name] = held
        return nodes

    def with_synonym(self, key: str) -> Sequence[tuple[str, Taxon]]:  # noqa: D102
        return [("", self.tree[place]) for place in self._nodes_with(key)[1]]

    def with_common_name(self, name: str) -> Sequence[Taxon]:  # noqa: D102
        found = self._common_names("SELECT taxon FROM common_name_keys WHERE key = ? ORDER BY taxon", (name,))
        return [self.tree[place] for place in self._held(number for (number,) in found)]

    def genera(self) -> Sequence[str]:  # noqa: D102
        return self._whole._genera

    def keys_in(self, genus: str) -> Sequence[str]:  # noqa: D102
        # A space sorts before, and an exclamation mark after all keys that begin with the genus and a space.
        found = self._keys(
            "SELECT key, node FROM name_keys WHERE (key = ? OR (key > ? AND key < ?)) AND parsed ORDER BY key",
            (genus, f"{genus} ", f"{genus}!"),
        )
        return list(dict.fromkeys(key for key, node in found if self._nodes is None or self._nodes[node - 1]))

    @cached_property
    def _genera(self) -> tuple[str, ...]:
        return tuple(genus for (genus,) in self._keys("SELECT genus FROM genera ORDER BY genus"))

    def _read_nodes(self, key: str) -> tuple[list[int], list[int]]:
        """Return the nodes with a name, and those with a synonym."""
        found = self._keys("SELECT synonym, node FROM name_keys WHERE key = ? ORDER BY synonym, node", (key,))
        return (
            self._held(node for synonym, node in found if not synonym),
            self._held(node for synonym, node in found if synonym),
        )

    def _held(self, numbers: Iterable[int]) -> list[int]:
        return [number - 1 for number in numbers if self._nodes is None or self._nodes[number - 1]]

    def languages(self) -> frozenset[str]:
        """Return the languages of the common names."""
        taxa = self.tree.taxa
        if not isinstance(taxa, StoredTaxa):
            spoken = (
                (row, name.language) for row, taxon in enumerate(taxa) for name in taxon.vernacular_names
            )
            return frozenset(language for row, language in spoken if self._has(row))
        if self._rows is None:
            return frozenset(
                code for (code,) in taxa.select("SELECT DISTINCT language FROM vernacular_names")
            )
        found = taxa.select("SELECT DISTINCT taxon - 1, language FROM vernacular_names")
        return frozenset(language for row, language in found if self._has(row))

    def starting(self, prefix: str, places: slice) -> list[Taxon]:
        """Return taxa whose scientific name begins like this, in any case, in the order of the flora.

        Args:
            prefix: The beginning.
            places: Which of these taxa to return.
        """
        taxa, start = self.tree.taxa, prefix.lower()
        if isinstance(taxa, StoredTaxa):
            names = taxa.starting(start)
        else:
            names = ((row, taxon.scientific_name) for row, taxon in enumerate(taxa))
        rows = [row for row, name in names if name.lower().startswith(start) and self._has(row)]
        return [taxa[row] for row in rows[places]]

    def first(self, most: int) -> list[Taxon]:
        """Return the first taxa in the alphabetical order of their scientific names."""
        if self._rows is not None:
            return self._taxa(self._words("SELECT taxon FROM alphabetical ORDER BY place"), most)
        return self._taxa(self._words("SELECT taxon FROM alphabetical ORDER BY place LIMIT ?", (most,)), most)

    def beginning(self, text: str, most: int) -> list[Taxon]:
        """Find taxa with a name in which words begin like a text.

        Args:
            text: Some words, the last of which may be incomplete.
            most: How many taxa to return.

        Returns:
            Taxa with exactly this name, then others, each in alphabetical order.
        """
        if not (asked := _phrase(text)):
            return []
        query = (
            "SELECT taxon FROM taxon_words JOIN alphabetical ON place = taxon_words.rowid "
            "WHERE taxon_words MATCH ? ORDER BY taxon_words.rowid LIMIT ?"
        )
        whole = self._words(
            query, (_phrase(f"{BETWEEN_NAMES} {plain_words(text)} {BETWEEN_NAMES}", plain=True), -1)
        )
        limit = most + len(whole) if self._rows is None else -1
        return self._taxa(dict.fromkeys([*whole, *self._words(query, (f"{asked} *", limit))]), most)

    def count(self, text: str) -> int:
        """Return the number of taxa that `beginning` finds if it may return all."""
        if not (asked := _phrase(text)):
            return 0
        if self._rows is not None:
            return len(self.beginning(text, len(self._rows)))
        query = "SELECT count(*) FROM taxon_words WHERE taxon_words MATCH ?"
        return int(self._words(query, (f"{asked} *",))[0][0])

    def _taxa(self, found: Iterable[tuple[int]], most: int) -> list[Taxon]:
        rows = [number - 1 for (number,) in found if self._has(number - 1)]
        return [self.tree.taxa[row] for row in rows[:most]]

    def _has(self, row: int) -> bool:
        return self._rows is None or bool(self._rows[row])

    def similar(self, text: str) -> list[Taxon]:
        """Find taxa with a name that is spelt like a text (fuzzy match), best first."""
        from rapidfuzz import fuzz, process, utils

        asked, names, of = utils.default_process(text), list[str](), list[Taxon]()
        for taxon in self._to_compare(asked):
            cleaned = list(map(utils.default_process, names_of(taxon)))
            names += cleaned
            of += [taxon] * len(cleaned)
        found = process.extract(asked, names, scorer=fuzz.WRatio, limit=None, score_cutoff=_ALIKE)
        best: dict[Taxon, float] = {}
        for _, score, place in found:
            best.setdefault(of[place], score)
        return sorted(best, key=lambda taxon: (-best[taxon], taxon.scientific_name))

    def _to_compare(self, asked: str) -> list[Taxon]:
        """Return the taxa in whose names all words are similar to those of a text; if there are none, any word."""
        number = len(self.tree.taxa) if self._rows is None else int(self._rows.sum())
        if len(self.tree.taxa) <= self._compared:
            return [taxon for row, taxon in enumerate(self.tree.taxa) if self._has(row)]
        if number <= self._compared:
            return self.first(number)
        from rapidfuzz import fuzz, process

        each = [
            process.extract(
                word, self._whole._vocabulary, scorer=fuzz.ratio, limit=_WORDS, score_cutoff=_WORD_ALIKE
            )
            for word in asked.split()
        ]
        groups = [" OR ".join(_phrase(word, plain=True) for word, *_ in some) for some in each if some]
        for joined in (") AND (", ") OR ("):
            if groups and (taxa := self._matching(f"({joined.join(groups)})")):
                return taxa
        return []

    def _matching(self, expression: str) -> list[Taxon]:
        found = self._words(
            "SELECT taxon FROM taxon_words JOIN alphabetical ON place = taxon_words.rowid "
            "WHERE taxon_words MATCH ? ORDER BY taxon_words.rowid LIMIT ?",
            (expression, self._compared),
        )
        return self._taxa(found, self._compared)

    @cached_property
    def _vocabulary(self) -> list[str]:
        self._words(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, taxon_words, row)"
        )
        return [word for (word,) in self._words("SELECT term FROM temp.vocabulary") if word != BETWEEN_NAMES]

    def similar_names(self, name: str, most: int) -> list[str]:
        """Find the scientific names of taxa and higher taxa that are spelt like a name (fuzzy match), best first."""
        from rapidfuzz import fuzz, process

        asked = plain_name(name)
        keys = self._keys_to_compare(asked)
        found = process.extract(asked, list(keys), scorer=fuzz.WRatio, limit=None, score_cutoff=_ALIKE)
        names = dict[str, str]()  # of the best keys
        for key, *_ in found:
            for entry in self.with_name(key):
                names.setdefault(plain_name(entry.taxon.scientific_name), entry.taxon.scientific_name)
            if len(names) >= most:
                break
        best = sorted(list(names)[:most], key=lambda folded: -fuzz.ratio(asked, folded))
        return [names[folded] for folded in best]

    def _keys_to_compare(self, asked: str) -> Iterable[str]:
        if len(self.tree) <= self._compared:
            nodes = enumerate((*self.tree.taxa, *self.tree.higher), 1)
            return dict.fromkeys(
                plain_name(node.scientific_name) for number, node in nodes if self._held([number])
            )
        from rapidfuzz import fuzz, process

        genus = asked.partition(" ")[0]
        near = process.extract(genus, self.genera(), scorer=fuzz.ratio, limit=_GENERA)
        return dict.fromkeys((*self.genera(), *(key for genus, *_ in near for key in self.keys_in(genus))))


def _phrase(text: str, plain: bool = False) -> str:
    """Return the words of a text as a phrase of an FTS5 query; empty if there are none."""
    words = text if plain else plain_words(text)
    return f'"{words}"' if words else ""


def _in_memory(write: Callable[[sqlite3.Connection], None]) -> Select:
    connection, lock = sqlite3.connect(":memory:", check_same_thread=False), Lock()
    write(connection)

    def select(query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with lock:  # a connection is for one thread at a time
            return connection.execute(query, values).fetchall()

    return select
