"""The taxa above those of a flora, and what becomes of probabilities there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalip.taxon_tree import TaxonTree, taxon_above
from dalip.taxonomy import RANKS, Taxon

VIOLA = Taxon("Viola", "genus", genus="Viola", family="Violaceae", order="Malpighiales")
OCELLATA = Taxon("Viola ocellata", genus="Viola", family="Violaceae", order="Malpighiales")
PASSIFLORA = Taxon("Passiflora", "genus", genus="Passiflora", family="Passifloraceae", order="Malpighiales")
ROBUR = Taxon("Quercus robur", genus="Quercus", family="Fagaceae", order="Fagales")
ILEX = Taxon("Quercus ilex", genus="Quercus", family="Fagaceae", order="Fagales")
SOLE = Taxon("Sole mystery", genus="Sole")
TAXA = (VIOLA, OCELLATA, PASSIFLORA, ROBUR, ILEX, SOLE)
NONE_SHUT = np.zeros(len(TAXA), bool)


@pytest.mark.parametrize(
    ("shares", "name", "rank", "probability"),
    [
        ((0.1, 0.85, 0, 0.05, 0, 0), "Viola ocellata", "species", 0.85),
        (
            (0.4, 0.45, 0.1, 0.05, 0, 0),
            "Viola",
            "genus",
            0.85,
        ),  # a genus and its own species live in one flora
        ((0.3, 0.25, 0.3, 0.05, 0.1, 0), "Malpighiales", "order", 0.85),
        ((0, 0, 0.05, 0.5, 0.4, 0.05), "Quercus", "genus", 0.9),  # which the flora does not hold itself
        ((0.9, 0.05, 0, 0, 0.05, 0), "Viola", "genus", 0.95),
        ((0, 0, 0, 0, 0.1, 0.9), "Sole mystery", "species", 0.9),
    ],
)
def test_the_lowest_taxon_that_is_sure_enough(
    shares: tuple[float, ...], name: str, rank: str, probability: float
) -> None:
    found = TaxonTree(TAXA).lowest(np.array(shares), 0.8, NONE_SHUT)
    assert found is not None
    assert (found[0].scientific_name, found[0].taxon_rank) == (name, rank)
    assert found[1] == pytest.approx(probability)


def test_nothing_is_sure_where_not_even_an_order_is() -> None:
    assert TaxonTree(TAXA).lowest(np.array([0.2, 0.2, 0.1, 0.2, 0.1, 0.2]), 0.8, NONE_SHUT) is None


def test_what_cannot_be_the_answer_may_still_count_for_its_genus() -> None:
    shut = NONE_SHUT.copy()
    shut[3] = True
    found = TaxonTree(TAXA).lowest(np.array([0, 0, 0, 0.95, 0.05, 0]), 0.8, shut)
    assert found is not None
    assert found[0].scientific_name == "Quercus"


def test_what_holds_all_is_no_more_probable_than_that_it_is_one_of_them() -> None:
    shares, shut = np.array([0.5, 0.5]), np.zeros(2, bool)
    tree, alone = TaxonTree([ROBUR, ILEX]), TaxonTree([ROBUR])
    assert tree.lowest(shares, 0.8, shut, listed=0.79) is None
    assert tree.lowest(shares, 0.8, shut, listed=0.9) == (tree.above(ROBUR, "genus"), 0.9)
    assert tree.lowest(np.array([0.9, 0.1]), 0.8, shut, listed=0.2) == (ROBUR, 0.9)
    assert alone.lowest(np.ones(1), 0.8, shut[:1], listed=0.9) == (ROBUR, 0.9)
    assert alone.lowest(np.ones(1), 0.8, shut[:1], listed=0.7) is None


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6).filter(any))
def test_what_holds_a_taxon_is_at_least_as_probable(shares: list[float]) -> None:
    tree = TaxonTree(TAXA)
    probabilities = np.array(shares) / sum(shares)
    found = dict(zip(tree.nodes, tree.probabilities(probabilities), strict=True))
    for row, taxon in enumerate(TAXA):
        assert found[taxon] >= probabilities[row] - 1e-12
        for rank in RANKS:
            assert found[tree.above(taxon, rank)] >= found[taxon] - 1e-12
    assert max(found.values()) <= 1 + 1e-9


def test_a_taxon_of_the_flora_stands_for_itself_above_others() -> None:
    named = Taxon("Viola", "genus", genus="Viola", family="Violaceae", references=("https://example.org",))
    assert TaxonTree([OCELLATA, named]).above(OCELLATA, "genus") is named


@pytest.mark.parametrize(
    ("taxon", "rank", "name"),
    [
        (Taxon("Euphorbia characias subsp. wulfenii", "subspecies"), "species", "Euphorbia characias"),
        (Taxon("Abelia x grandiflora var. nova", "variety"), "species", "Abelia x grandiflora"),
        (OCELLATA, "family", "Violaceae"),
        (VIOLA, "species", "Viola"),
        (SOLE, "family", "Sole mystery"),
        (SOLE, "genus", "Sole"),
    ],
)
def test_the_taxon_above(taxon: Taxon, rank: str, name: str) -> None:
    assert taxon_above(taxon, rank).scientific_name == name


def test_a_taxonomy_that_contradicts_itself_breaks_nothing() -> None:
    here = Taxon("Rosa a", genus="Rosa", family="Rosaceae")
    there = Taxon("Rosa b", genus="Rosa", family="Liliaceae")
    found = TaxonTree([here, there]).lowest(np.array([0.5, 0.5]), 0.8, np.zeros(2, bool))
    assert found is not None
    assert found[0].scientific_name == "Rosa"
