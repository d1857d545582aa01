"""Read the plants in NCBI's taxonomy dump: `nodes.dmp` and `names.dmp` of `taxdmp.zip`, as a table of taxa.

Source: the description of both files in the archive's `readme.txt`.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from dalip.datasets.tables import Table
from dalip.errors import DataError
from dalip.progress import Progress, no_progress
from dalip.taxonomy import LIST_SEPARATOR

__all__ = ["NAMES", "NODES", "read_dump"]

NODES, NAMES = "nodes.dmp", "names.dmp"
"""The two files of the dump that are read."""

_PLANTS = 33090
"""Identifier of Viridiplantae, the green plants."""

_SYNONYMS = ("synonym", "equivalent name", "heterotypic synonym", "homotypic synonym", "basionym")
_COMMON = ("genbank common name", "common name")  # the preferred one first
_LARGEST = 100_000_000  # identifiers; there are 4 million so far
_DEEPEST = 200  # taxa above one another; there are 40 so far
_STEP = 100_000  # lines between two progress reports
_COLUMNS = [
    "taxonID",
    "scientificName",
    "taxonRank",
    "parentNameUsageID",
    "taxonomicStatus",
    "acceptedNameUsageID",
    "vernacularName",
]


def read_dump(nodes: BinaryIO, names: BinaryIO, name: str, progress: Progress = no_progress) -> Table:
    """Return the green plants of a dump as a table with Darwin Core terms.

    Args:
        nodes: Content of `nodes.dmp`.
        names: Content of `names.dmp`, read while the rows of the table are.
        name: The dump's name in messages.
        progress: Receives the number of lines of `nodes.dmp`.

    Raises:
        DataError: A line of `nodes.dmp` does not have the form of the dump.
    """
    parents, ranks, words = _read_nodes(nodes, name, progress)
    return Table(_COLUMNS, _rows(names, parents, ranks, words, _plants(parents)), f"{name}: {NAMES}")


def _read_nodes(
    nodes: BinaryIO, name: str, progress: Progress
) -> tuple[NDArray[np.int32], NDArray[np.uint8], list[str]]:
    """Return parent and rank of each taxon by its identifier, and the words of the ranks."""
    parents, ranks = np.zeros(1, np.int32), np.zeros(1, np.uint8)
    words: dict[str, int] = {"": 0}
    for number, line in enumerate(nodes, 1):
        try:
            taxon, parent, rank = line.decode("utf-8", "replace").split("\t|\t", 3)[:3]
            taxon_id, parent_id = int(taxon), int(parent)
            if not (0 < taxon_id < _LARGEST and 0 <= parent_id < _LARGEST and len(words) < 256):
                raise ValueError
        except ValueError:
            raise DataError("ncbi-dump-damaged", source=f"{name}: {NODES}, line {number}") from None
        if taxon_id >= len(parents):
            more = max(taxon_id + 1, 2 * len(parents)) - len(parents)
            parents, ranks = np.pad(parents, (0, more)), np.pad(ranks, (0, more))
        parents[taxon_id] = parent_id
        ranks[taxon_id] = words.setdefault(rank, len(words))
        if number % _STEP == 0:
            progress("taxa", number, 0)
    parents[parents >= len(parents)] = 0
    return parents, ranks, list(words)


def _plants(parents: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which taxa are green plants: those whose ancestors include Viridiplantae."""
    found = np.zeros(len(parents), bool)
    if len(parents) > _PLANTS:
        found[_PLANTS] = True
        for _ in range(_DEEPEST):
            more = found | found[parents]
            if (more == found).all():
                break
            found = more
    return found


def _rows(
    names: BinaryIO,
    parents: NDArray[np.int32],
    ranks: NDArray[np.uint8],
    words: list[str],
    plants: NDArray[np.bool_],
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of the plants, each with the number of its first line; the names of a taxon are consecutive."""
    for taxon, group in groupby(_names(names, plants), key=lambda one: one[1]):
        lines = list(group)
        by_kind: dict[str, list[str]] = {}
        for _, _, text, kind in lines:
            by_kind.setdefault(kind, []).append(text)
        (scientific, *_) = by_kind.get("scientific name", [""])
        common = [text.replace(LIST_SEPARATOR, " ") for kind in _COMMON for text in by_kind.get(kind, ())]
        fields = {
            "taxonID": str(taxon),
            "scientificName": scientific,
            "taxonRank": words[ranks[taxon]],
            "parentNameUsageID": str(parents[taxon]),
            "taxonomicStatus": "accepted",
            "vernacularName": LIST_SEPARATOR.join(common),
        }
        yield lines[0][0], {column: text for column, text in fields.items() if text}
        for line, _, text, kind in lines:
            if kind in _SYNONYMS:
                rank = {"taxonRank": words[ranks[taxon]]} if words[ranks[taxon]] else {}
                synonym = {"taxonomicStatus": "synonym", "acceptedNameUsageID": str(taxon)}
                yield line, {"scientificName": text} | rank | synonym


def _names(names: BinaryIO, plants: NDArray[np.bool_]) -> Iterator[tuple[int, int, str, str]]:
    """Yield line number, taxon, name and kind of name for each name of a plant."""
    for number, line in enumerate(names, 1):
        parts = line.decode("utf-8", "replace").rstrip("\r\n").removesuffix("\t|").split("\t|\t")
        if len(parts) == 4 and parts[0].isdecimal() and len(parts[0]) < 10:
            taxon = int(parts[0])
            if taxon < len(plants) and plants[taxon]:
                yield number, taxon, parts[1], parts[3]
