"""Resolve names against a checklist or taken as they are written, with the user's decisions first."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from dalip.datasets.columns import folded, name_columns
from dalip.datasets.names.checklist import Checklist
from dalip.datasets.names.resolution import How, Resolution
from dalip.datasets.names.resolver import Resolver
from dalip.datasets.report import Report
from dalip.datasets.tables import read_table
from dalip.datasets.terms import checked_name
from dalip.errors import DataError
from dalip.scientific_name import NameParts, read_name
from dalip.taxonomy import Taxon
from dalip.written_name import read_written_name

__all__ = ["as_given", "read_decisions", "resolve_names", "resolve_typed"]


def resolve_names(
    given: Iterable[str],
    names: Checklist | Resolver | None,
    decisions: Mapping[str, Taxon | None] | None = None,
) -> dict[str, Resolution]:
    """Resolve names to taxa.

    Args:
        given: Scientific or common names, as people wrote them.
        names: The checklist or other taxa to look them up in; without one, see `as_given`.
        decisions: The user's decisions, see `read_decisions`; they take precedence.

    Returns:
        A resolution for each name.
    """
    resolver = Resolver(names) if isinstance(names, Checklist) else names
    found = {}
    for name in dict.fromkeys(given):
        if decisions and name in decisions:
            found[name] = _decided(name, decisions[name], resolver)
        elif resolver:
            found[name] = resolver.resolve(name)
        else:
            found[name] = as_given(name)
    return found


def read_decisions(path: Path, report: Report) -> dict[str, Taxon | None]:
    """Read a user's decisions about names: a table with the columns `given` and `scientificName`, in any spelling.

    Args:
        path: The table. Other columns describe the taxon, as in a list of taxa, for a taxon that the checklist lacks.
            A row without a scientific name means that photos with this name are left out.
        report: Receives each row that cannot be used.

    Raises:
        DataError: The table cannot be read, or a column is missing.
    """
    decisions: dict[str, Taxon | None] = {}
    try:
        with path.open("rb") as file:
            table = read_table(file, str(path), report)
            columns = name_columns(tuple(table.columns))
            given = next((column for column in table.columns if folded(column) == "given"), "")
            if not (given and columns.have_names):
                table.require("given", "scientificName")
            for line, row in table.rows:
                try:
                    name = checked_name(row.get(given, ""))
                    taxon = _described(columns.fields(row))
                    if not name or decisions.get(name, taxon) != taxon:
                        raise DataError("decision-unclear")
                    decisions[name] = taxon
                except DataError as error:
                    report.skip_for(table.where(line), error)
    except OSError as error:
        raise DataError("decisions-not-read", source=path, cause=error.strerror) from error
    return decisions


def _described(fields: dict[str, str]) -> Taxon | None:
    name = fields.get("scientificName", "")
    if not name:
        return None
    parts = read_name(name)
    if parts and parts.author and parts.certain:
        fields = {"scientificNameAuthorship": parts.author, **fields, "scientificName": parts.text}
    return Taxon.from_darwin_core(fields)


def resolve_typed(text: str, names: Resolver, *, may_be_misspelt: bool = True) -> Resolution:
    """Resolve the name that a person typed for one plant, which may be new to the list.

    Args:
        text: The name.
        names: The known taxa.
        may_be_misspelt: Whether a misspelt name stands for the known taxon with the similar name.

    Returns:
        A resolution with a taxon: a known one; or a new one, with its cultivar.

    Raises:
        DataError: It is not the name of one plant. The error lists the candidates.
    """
    found = names.resolve(text)
    if found.how in ("exact", "synonym", "common name") or (found.how == "spelling" and may_be_misspelt):
        return found
    if found.refused:
        raise found.error
    new = as_given(text, with_cultivar=True)
    if new.taxon is None:
        raise new.error
    return new


def _decided(name: str, taxon: Taxon | None, resolver: Resolver | None) -> Resolution:
    if taxon and resolver:
        found = resolver.resolve(taxon.scientific_name)
        if found.how in ("exact", "synonym"):
            taxon = found.taxon
    return Resolution(name, "decided", taxon)


def as_given(given: str, *, with_cultivar: bool = False) -> Resolution:
    """Take a name as it is written, without a list: in its usual form, with its author apart.

    Args:
        given: The name.
        with_cultivar: Whether a cultivar is a taxon of its own; otherwise it counts for its species or genus.
    """
    try:
        written = read_written_name(checked_name(given))
        parts = written.parts
        if parts is None or not written.plausible:
            return Resolution(
                given,
                "unknown",
                None,
                no_name="absent" if written.absent else "formula" if written.formula else "text",
            )
        taxa = [_taxon(part, with_cultivar) for part in (parts, *written.others)]
        genus = _taxon(NameParts(parts.genus, sign=parts.sign))
    except DataError:
        return Resolution(given, "unknown", None, no_name="text")
    rest = [] if with_cultivar or not parts.cultivar else [f"'{parts.cultivar}'"]
    rest += [parts.aggregate] if parts.aggregate else []
    rest += [parts.author] if not (parts.certain or parts.cultivar) else []
    if written.others:
        return Resolution(given, "ambiguous", None, tuple(taxa))
    if written.doubt:
        at_genus = genus if parts.species else None
        return Resolution(
            given, "doubtful", None, (taxa[0],), (written.doubt, *rest, *written.dropped), at_genus
        )
    how: How = (
        "spelling" if written.respelt else "higher taxon" if rest and not parts.aggregate else "as given"
    )
    return Resolution(given, how, taxa[0], dropped=(*rest, *written.dropped))


def _taxon(parts: NameParts, with_cultivar: bool = False) -> Taxon:
    shown = (
        parts.wider if parts.wider and not with_cultivar and (parts.cultivar or parts.aggregate) else parts
    )
    author = parts.author if parts.certain else ""
    return Taxon.from_darwin_core(
        {"scientificName": shown.canonical, "scientificNameAuthorship": author.rstrip(",")}
    )
