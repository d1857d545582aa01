"""`read_taxa` and `read_names`: the accepted taxa in a list, for floras and training, and its names, for `--only`."""

from collections import defaultdict
from collections.abc import Container
from dataclasses import replace
from pathlib import Path

from dalip.datasets.names.checklist import ListedNames, checklist_of, read_taxon_list
from dalip.datasets.names.list_file import open_list
from dalip.datasets.names.list_rows import plain_names
from dalip.datasets.report import Report
from dalip.errors import DataError
from dalip.progress import Progress, no_progress
from dalip.scientific_name import read_name
from dalip.taxonomy import Taxon

__all__ = ["read_names", "read_taxa"]

_WIDE = ("order", "family", "genus")


def read_taxa(path: Path, report: Report | None = None, progress: Progress = no_progress) -> list[Taxon]:
    """Read the accepted taxa in a list of taxa, with their synonyms.

    Args:
        path: The list, see `read_taxon_list`. Rows for the same taxon with other common names are merged.
        report: Receives rows that are skipped because they are malformed or repeat a taxon, and notes on rows that
            are deliberately not used; without it, the first skipped row is an error.
        progress: Receives the number of rows.

    Returns:
        The taxa in the order of the file, at least one.

    Raises:
        DataError: The file cannot be read, has no scientific names, or contains no accepted taxon.
    """
    report = report or Report()
    listed = read_taxon_list(path, report, progress)
    taxa: dict[str, Taxon] = {}
    repeated: list[tuple[int, str]] = []
    for entry in listed.accepted:
        name = entry.taxon.scientific_name
        if name not in taxa:
            taxa[name] = entry.taxon
        elif merged := _merged(taxa[name], entry.taxon):
            taxa[name] = merged
        else:
            repeated.append((entry.line, name))
    if repeated:
        line, name = repeated[0]
        report.skip(f"{path}, line {line}", "taxon-repeated", name=name, more=len(repeated) - 1)
    synonyms = _synonyms(listed, taxa)
    used = {synonym for of_taxon in synonyms.values() for synonym in of_taxon}
    if unused := sum(entry.taxon.scientific_name not in used for entry in listed.synonyms):
        report.note(str(path), "list-synonyms-unused", number=unused)
    if not taxa:
        raise DataError("taxa-file-empty", source=path)
    return [
        replace(taxon, synonyms=synonyms[name]) if name in synonyms else taxon for name, taxon in taxa.items()
    ]


def _synonyms(listed: ListedNames, names: Container[str]) -> dict[str, tuple[str, ...]]:
    """Return the synonyms of accepted taxa by scientific name, without those that are also other names."""
    found: dict[str, list[str]] = defaultdict(list)
    if any(True for _ in listed.synonyms):
        for pairs in checklist_of(listed, Report(lambda skipped: None)).synonyms.values():
            for entry, taxon in pairs:
                if entry.taxon.scientific_name not in names:  # it may be the name of another taxon, too
                    found[taxon.scientific_name].append(entry.taxon.scientific_name)
    return {name: tuple(dict.fromkeys(synonyms)) for name, synonyms in found.items()}


def _merged(one: Taxon, other: Taxon) -> Taxon | None:
    """Add the common names of another row for the same taxon; `None` if it has no others, or differs otherwise."""
    names = tuple(dict.fromkeys((*one.vernacular_names, *other.vernacular_names)))
    same = replace(one, vernacular_names=()) == replace(other, vernacular_names=())
    return replace(one, vernacular_names=names) if same and names != one.vernacular_names else None


def read_names(
    path: Path, report: Report | None = None, progress: Progress = no_progress
) -> dict[str, tuple[str, ...]]:
    """Read the names in a list of taxa, without authors, and the synonyms of each.

    Args:
        path: The list, as for `read_taxa`. In a file with one name per line, what follows `#` is a comment.
        report: Receives rows that cannot be used, and notes; without it, the first skipped row is an error.
        progress: Receives the number of rows.

    Returns:
        Of a table, the accepted taxa with their synonyms, and synonyms whose accepted taxon it lacks. Families and
        genera that are only there as parents of other taxa are left out. Of a file with one name per line, each name,
        once, without synonyms.

    Raises:
        DataError: The file cannot be read, or contains no name.
    """
    report = report or Report()
    with open_list(path, report) as opened:
        lines = None if opened.table else [name for _, name, _ in plain_names(opened)]
    if lines is None:
        names = _of_table(read_taxon_list(path, report, progress))
    else:
        names = dict.fromkeys(map(_without_author, lines), ())
    if not names:
        raise DataError("names-file-empty", source=path)
    return names


def _of_table(listed: ListedNames) -> dict[str, tuple[str, ...]]:
    names = dict.fromkeys(
        entry.taxon.scientific_name
        for entry in listed.entries
        if not (entry.identifier in listed.parents and entry.taxon.taxon_rank in _WIDE)
        and not (entry.is_synonym and (entry.accepted in listed.known or entry.accepted_name))
    )
    synonyms = _synonyms(listed, names)
    return {name: synonyms.get(name, ()) for name in names}


def _without_author(name: str) -> str:
    parts = read_name(name)
    return parts.text if parts and parts.author and parts.certain else name
