"""Prompt templates: texts about a taxon in the wording that an encoder was trained with, such as seven ranks."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from dalip.errors import DataError
from dalip.prompts import name_texts
from dalip.taxonomy import Taxon, first_words

__all__ = ["BIOCLIP", "check_templates", "prompts_for", "read_templates"]

BIOCLIP = (
    "[{kingdom} ][{phylum} ][{class} ][{order} ][{family} ][{genus} ][{specificEpithet}]"
    "[ with common name {vernacularName}]"
)
"""A taxon as BioCLIP's training texts name it: seven ranks and a common name.

Source: Stevens et al., BioCLIP: A Vision Foundation Model for the Tree of Life (https://arxiv.org/abs/2311.18803).
"""

_MOST_TEXTS = 5_000
"""A flora gets about this many texts if an encoder has many templates; a ViT-L/14 embeds them in some minutes."""

_LONGEST = 1000  # characters of a template
_TERM = re.compile(r"\{([^{}]*)\}")
_PART = re.compile(r"\[([^\[\]]*)\]|\{([^{}\[\]]*)\}|[\[\]{}]")
_HIGHER_TAXA = Path(__file__).with_name("higher_taxa.csv")
_FIELDS = (
    "scientificName",
    "vernacularName",
    "taxonRank",
    "kingdom",
    "phylum",
    "class",
    "order",
    "family",
    "genus",
    "specificEpithet",
)


def prompts_for(taxa: Iterable[Taxon], templates: Sequence[str], among: int) -> Iterator[list[str]]:
    """Yield the texts that a flora knows each taxon by, in the wording of its encoder.

    Args:
        taxa: Taxa of the flora.
        templates: The encoder's templates, the best one first. Few taxa are described by all of them, many taxa by the
            first ones, so that a flora has about 5,000 texts or one for each taxon. Without templates, DALIP's own
            wording is used (`dalip.prompts.name_texts`).
        among: Number of all taxa of the flora.

    Yields:
        One or more texts for each taxon.

    Raises:
        DataError: A template is malformed.
    """
    check_templates(templates)
    most = max(1, _MOST_TEXTS // max(1, among))
    for taxon in taxa:
        yield _filled(taxon, templates, most) or name_texts(taxon)


def read_templates(path: Path) -> tuple[str, ...]:
    """Read a file of prompt templates: one per line; empty lines and lines that begin with `#` are ignored.

    A template contains Darwin Core terms in braces, as in `a photo of {scientificName}`. A part in square brackets is
    left out for a taxon without one of its terms; a template that lacks a term outside brackets is left out as a whole.

    Raises:
        DataError: The file cannot be read, a template is malformed, or there is none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError("templates-not-utf-8", source=path) from None
    except OSError as error:
        raise DataError("templates-not-read", source=path, cause=error.strerror) from error
    found: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                check_templates([line.strip()])
            except DataError as error:
                raise error.about(f"{path}, line {number}") from None
            found.append(line.strip())
    if not found:
        raise DataError("templates-none", source=path, known=_FIELDS)
    return tuple(dict.fromkeys(found))


def check_templates(templates: Sequence[str]) -> None:
    """Check that templates can be filled in.

    Raises:
        DataError: A template is too long, has an unknown term or unmatched brackets, or mentions no name of the taxon.
    """
    for template in templates:
        if len(template) > _LONGEST:
            raise DataError("template-long", length=len(template), most=_LONGEST)
        terms: list[str] = []
        for part in _PART.finditer(template):
            inside = part[1] if part[1] is not None else part[0]
            fields, rest = _TERM.findall(inside), _TERM.sub("", inside.strip("[]"))
            if not fields or not all(fields) or {*"[]{}"} & {*rest}:
                raise DataError("template-malformed", template=template)
            terms += fields
        for term in terms:
            if term not in _FIELDS:
                raise DataError("template-term-unknown", term=term, known=_FIELDS)
        if not {"scientificName", "vernacularName", "specificEpithet"} & set(terms):
            raise DataError("template-without-name", template=template)


def _filled(taxon: Taxon, templates: Sequence[str], most: int) -> list[str]:
    values = _values(taxon) if templates else {}
    found: dict[str, None] = {}
    for template in templates:
        if len(found) == most:
            break
        text = _fill(template, values)
        if text:
            found[text] = None
    return list(found)


def _fill(template: str, values: dict[str, str]) -> str:
    """Return a template with the values of a taxon; empty if a term outside brackets has no value."""
    missing = False

    def replaced(part: re.Match[str]) -> str:
        nonlocal missing
        if part[1] is not None:
            known = all(values[term] for term in _TERM.findall(part[1]))
            return part[1].format_map(values) if known else ""
        missing = missing or not values[part[2]]
        return values[part[2]]

    text = " ".join(_PART.sub(replaced, template).split())
    return "" if missing else re.sub(r" ([.,;])", r"\1", text)


def _values(taxon: Taxon) -> dict[str, str]:
    """Return the terms of a taxon; what its list does not say is filled in from its family."""
    name, rank = taxon.scientific_name, taxon.taxon_rank
    family = taxon.family or (name if rank == "family" else "")
    order, klass, phylum = _above().get(family, ("", "", ""))
    order = taxon.order or (name if rank == "order" else order)
    if not klass:
        klass, phylum = _above_order().get(order, ("", ""))
    genus = taxon.genus or (name if rank == "genus" else "")
    species = first_words(name, 2)
    below = name[len(first_words(name, 1)) :].strip() if species != first_words(name, 1) else ""
    return {
        "scientificName": name,
        "vernacularName": taxon.vernacular_name,
        "taxonRank": rank,
        "kingdom": "Plantae",
        "phylum": phylum,
        "class": klass,
        "order": order,
        "family": family,
        "genus": genus,
        "specificEpithet": below if rank not in ("family", "order", "genus") else "",
    }


@cache
def _above() -> dict[str, tuple[str, str, str]]:
    """Return order, class and phylum of each family (made by `tests/dalip/make_higher_taxa.py`)."""
    with _HIGHER_TAXA.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return {family: (order, klass, phylum) for family, order, klass, phylum in rows}


@cache
def _above_order() -> dict[str, tuple[str, str]]:
    return {order: (klass, phylum) for order, klass, phylum in _above().values()}
