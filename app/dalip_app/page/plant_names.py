"""Find plants of a flora by what visitors type, and the field in which they choose or type a name."""

from collections.abc import Callable, Collection
from typing import Any

import gradio as gr
from rapidfuzz import fuzz, process, utils

from dalip.datasets.names.resolve import resolve_typed
from dalip.datasets.names.resolver import Resolver
from dalip.taxonomy import Taxon
from dalip_app.messages.errors import sentence_about
from dalip_app.messages.language import Language
from dalip_app.messages.words import best_name
from dalip_app.page.cards import notice
from dalip_app.page.components import QUIET
from dalip_index import Flora

__all__ = ["find_taxa", "name_choices", "named_by_user", "suggest_names"]

_ALIKE = 75  # of 100; names less similar to the query are not shown
_OFFERED = 50  # names in a field; a page whose fields list thousands does not respond for half a minute
_TYPED = 2  # characters before names are suggested
_CHOOSING = ("ArrowUp", "ArrowDown", "Enter", "Escape", "Tab")
"""Keys that choose among the offered names instead of typing."""


def find_taxa(flora: Flora, words: str) -> list[Taxon]:
    """Find taxa by their own names or by family or order, with fuzzy matching.

    Args:
        flora: The flora to search.
        words: Part of a scientific name, a common name in any language, a family or an order; empty for all taxa.

    Returns:
        The best match first; in alphabetical order for an empty query.
    """
    if not words.strip():
        return sorted(flora.taxa, key=lambda taxon: taxon.scientific_name)
    names: list[str] = []
    rows: list[int] = []
    for row, taxon in enumerate(flora.taxa):
        common = (name.name for name in taxon.vernacular_names)
        for name in (taxon.scientific_name, taxon.family, taxon.order, *common):
            if name:
                names.append(name)
                rows.append(row)
    asked, cleaned = utils.default_process(words), list(map(utils.default_process, names))
    meant = {row for row, name in zip(rows, cleaned, strict=True) if asked and f" {asked}" in f" {name}"}
    if meant:  # exact and prefix matches suppress fuzzy ones
        whole = {row for row, name in zip(rows, cleaned, strict=True) if asked == name}
        return sorted(
            (flora.taxa[row] for row in meant), key=lambda t: (flora.row(t) not in whole, t.scientific_name)
        )
    found = process.extract(asked, cleaned, scorer=fuzz.WRatio, limit=None, score_cutoff=_ALIKE)
    best: dict[int, float] = {}
    for _, score, place in found:
        best.setdefault(rows[place], score)
    return [
        flora.taxa[row] for row in sorted(best, key=lambda row: (-best[row], flora.taxa[row].scientific_name))
    ]


def name_choices(flora: Flora, likely: Collection[str], say: Language) -> list[tuple[str, str]]:
    """Return names of a flora to choose from, also ones that `--only` excludes from answers; others can be typed.

    Args:
        flora: The flora.
        likely: Scientific names of the most likely taxa. Their relatives are preferred in a large flora.
        say: The language.

    Returns:
        Pairs of display name and scientific name, in alphabetical order.
    """
    taxa = flora.whole.taxa
    known = [taxon for taxon in taxa if taxon.scientific_name in likely]
    genera, families = ({getattr(taxon, rank) for taxon in known} for rank in ("genus", "family"))

    def distance(taxon: Taxon) -> tuple[bool, bool, bool]:
        return taxon.scientific_name not in likely, taxon.genus not in genera, taxon.family not in families

    return sorted(_choices(sorted(taxa, key=distance), say))


def _choices(taxa: list[Taxon], say: Language) -> list[tuple[str, str]]:
    return [(best_name(taxon, say.code), taxon.scientific_name) for taxon in taxa[:_OFFERED]]


def suggest_names(
    field: gr.Dropdown,
    which: gr.Dropdown,
    flora_of: Callable[[str | None], Flora],
    say: Language,
) -> None:
    """Let a field offer the plants of the whole flora whose names match what a visitor types.

    Args:
        field: Lists the names of `name_choices` at first.
        which: The flora that the visitor chose.
        flora_of: Returns the flora of that name.
        say: The language.
    """

    def suggest(chosen: str | None, typed: gr.KeyUpData) -> Any:
        words = typed.input_value.strip()
        if typed.key in _CHOOSING or len(words) < _TYPED:
            return gr.skip()
        found = find_taxa(flora_of(chosen).whole, words)
        return gr.Dropdown(_choices(found, say)) if found else gr.skip()

    # `always_last` would repeat the first of the keys typed meanwhile, not the last.
    field.key_up(suggest, which, field, trigger_mode="multiple", **QUIET)


def named_by_user(text: str, names: Resolver, say: Language) -> tuple[str, str]:
    """Read the name that a user gives an observation.

    Args:
        text: What the user typed or chose; empty for no name.
        names: The known taxa, such as those of a flora.
        say: The language of the notice.

    Returns:
        The scientific name, without its author; and a notice if it was read as another name than the typed one.

    Raises:
        DataError: The text is not the name of one plant.
    """
    if not text.strip():
        return "", ""
    found = resolve_typed(text, names)
    assert found.taxon is not None
    return found.taxon.scientific_name, notice(sentence_about(found.note, say)) if found.noted else ""
