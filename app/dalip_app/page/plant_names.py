"""Find plants of a flora by what visitors type, and the field in which they choose or type a name."""

from collections.abc import Collection, Iterable
from typing import Any

import gradio as gr
import numpy as np

from dalip.datasets.names.resolve import resolve_typed
from dalip.datasets.names.resolver import Resolver
from dalip.taxonomy import Taxon
from dalip_app.messages.errors import sentence_about
from dalip_app.messages.language import Language
from dalip_app.messages.words import best_name
from dalip_app.page.cards import notice
from dalip_app.page.components import QUIET
from dalip_index import Flora

__all__ = ["ON_KEY", "find_taxa", "name_choices", "named_by_user", "suggested"]

ON_KEY: dict[str, Any] = {"trigger_mode": "multiple", **QUIET}
"""Settings of the event that calls `suggested`: once for each key. By default, Gradio would skip keys typed while it
waits for an answer, and then send an earlier key again."""

_OFFERED = 50  # names in a field; a page whose fields list thousands does not respond for half a minute
_CHOOSING = ("ArrowUp", "ArrowDown", "Enter", "Escape", "Tab")
"""Keys that choose among the offered names instead of typing."""


def find_taxa(flora: Flora, words: str, most: int) -> tuple[list[Taxon], int]:
    """Find taxa by their own names or by family or order.

    Args:
        flora: The flora to search.
        words: Part of a scientific name, a common name in any language, a family or an order; empty for all taxa.
        most: How many taxa to return.

    Returns:
        Taxa, the best match first, or in alphabetical order for an empty query; and the number of all that match. If no
        word of a name begins like this, fuzzy matches.
    """
    names = flora.name_index
    if not words.strip():
        return names.first(most), len(flora.taxa)
    if found := names.beginning(words, most):
        return found, names.count(words)
    similar = names.similar(words)
    return similar[:most], len(similar)


def name_choices(
    flora: Flora, likely: Collection[str], say: Language, typed: str = ""
) -> list[tuple[str, str]]:
    """Return names of a flora to choose from, also ones that `--only` excludes from answers; others can be typed.

    The number of names does not depend on `typed`, because Gradio's field fails when its list becomes shorter.

    Args:
        flora: The flora.
        likely: Scientific names of the most likely taxa. Their relatives are preferred in a large flora.
        say: The language.
        typed: What the visitor has typed so far.

    Returns:
        Pairs of display name and scientific name: in alphabetical order if nothing is typed; otherwise the typed text,
        which the Enter key chooses, then the names that match it, then others.
    """
    whole = flora.whole

    def choices(some: Iterable[Taxon]) -> list[tuple[str, str]]:
        return [(best_name(taxon, say.code), taxon.scientific_name) for taxon in some]

    closest = sorted(choices(whole.taxa[row] for row in _relatives(whole, likely)))
    if not (words := typed.strip()):
        return closest
    matching = choices(whole.name_index.beginning(words, _OFFERED))
    return list(dict.fromkeys([(typed, typed), *matching, *closest]))[: len(closest)]


def _relatives(flora: Flora, likely: Collection[str]) -> list[int]:
    """Return the rows of the most likely taxa, of others in their genera, of others in their families, then others."""
    known = [row for name in likely if (row := flora.tree.rows.get(name)) is not None]
    distance = 4 * ~np.isin(np.arange(len(flora.taxa)), known)
    for weight, rank in ((2, "genus"), (1, "family")):
        above = flora.tree.at_rank(rank)
        distance += weight * ~np.isin(above, above[known])
    closest: list[int] = np.argsort(distance.astype(np.int8), kind="stable")[:_OFFERED].tolist()
    return closest


def suggested(
    flora: Flora, likely: Collection[str], say: Language, typed: gr.KeyUpData
) -> gr.Dropdown | dict[str, Any]:
    """Return the update of a field after a key: the names in `name_choices` for what it contains."""
    if typed.key in _CHOOSING:
        return gr.skip()
    return gr.Dropdown(name_choices(flora, likely, say, typed.input_value))


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
