"""The higher taxa of a flora, and the probabilities summed over them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalip.ranks import RANKS
from dalip.taxon_tree import TaxonTree, place_taxa, taxon_above
from dalip.taxonomy import Taxon

VIOLA = Taxon("Viola", "genus", genus="Viola", family="Violaceae", order="Malpighiales")
OCELLATA = Taxon("Viola ocellata", genus="Viola", family="Violaceae", order="Malpighiales")
PASSIFLORA = Taxon("Passiflora", "genus", genus="Passiflora", family="Passifloraceae", order="Malpighiales")
ROBUR = Taxon("Quercus robur", genus="Quercus", family="Fagaceae", order="Fagales")
ILEX = Taxon("Quercus ilex", genus="Quercus", family="Fagaceae", order="Fagales")
SOLE = Taxon("Sole mystery", genus="Sole")
TAXA = (VIOLA, OCELLATA, PASSIFLORA, ROBUR, ILEX, SOLE)
NONE_SHUT = np.zeros(len(TAXA), bool)
EIGHTY = dict.fromkeys(RANKS, 0.8)


@pytest.mark.parametrize(
    ("shares", "name", "rank", "probability"),
    [
        ((0.1, 0.85, 0, 0.05, 0, 0), "Viola ocellata", "species", 0.85),
        (
            (0.4, 0.45, 0.1, 0.05, 0, 0),
            "Viola",
            "genus",
            0.85,
        ),  # the flora contains a genus and its species
        ((0.3, 0.25, 0.3, 0.05, 0.1, 0), "Malpighiales", "order", 0.85),
        ((0, 0, 0.05, 0.5, 0.4, 0.05), "Quercus", "genus", 0.9),  # a genus that is not itself in the flora
        ((0.9, 0.05, 0, 0, 0.05, 0), "Viola", "genus", 0.95),
        ((0, 0, 0, 0, 0.1, 0.9), "Sole mystery", "species", 0.9),
    ],
)
def test_the_lowest_taxon_that_is_probable_enough(
    shares: tuple[float, ...], name: str, rank: str, probability: float
) -> None:
    found = TaxonTree(TAXA).lowest(np.array(shares), EIGHTY, NONE_SHUT)
    assert found is not None
    assert (found[0].scientific_name, found[0].taxon_rank) == (name, rank)
    assert found[1] == pytest.approx(probability)


def test_no_taxon_is_returned_if_not_even_an_order_is_probable_enough() -> None:
    assert TaxonTree(TAXA).lowest(np.array([0.2, 0.2, 0.1, 0.2, 0.1, 0.2]), EIGHTY, NONE_SHUT) is None


def test_each_rank_has_its_own_threshold() -> None:
    tree, shares = TaxonTree(TAXA), np.array([0, 0, 0.05, 0.5, 0.4, 0.05])
    found = [
        tree.lowest(shares, least, NONE_SHUT)
        for least in ({"species": 0.5}, {"family": 0.9}, {"order": 0.95})
    ]
    assert [taxon and taxon[0].scientific_name for taxon in found] == ["Quercus robur", "Fagaceae", None]


def test_every_taxon_has_a_row_of_the_taxa_above_it() -> None:
    tree = TaxonTree(TAXA)
    for taxon, places in zip(TAXA, tree.above_rows, strict=True):
        named = [tree.nodes[place] for place in places.tolist() if place >= 0]
        assert taxon in named
        assert all(node == taxon or node.contains(taxon) for node in named)
        assert all(node in tree for node in named)
    assert Taxon("Rosa", "genus") not in tree


def test_an_excluded_taxon_still_counts_for_its_genus() -> None:
    shut = NONE_SHUT.copy()
    shut[3] = True
    found = TaxonTree(TAXA).lowest(np.array([0, 0, 0, 0.95, 0.05, 0]), EIGHTY, shut)
    assert found is not None
    assert found[0].scientific_name == "Quercus"


def test_the_probability_of_a_common_ancestor_is_capped() -> None:
    shares, shut = np.array([0.5, 0.5]), np.zeros(2, bool)
    tree, alone = TaxonTree([ROBUR, ILEX]), TaxonTree([ROBUR])
    assert tree.lowest(shares, EIGHTY, shut, listed=0.79) is None
    assert tree.lowest(shares, EIGHTY, shut, listed=0.9) == (taxon_above(ROBUR, "genus"), 0.9)
    assert tree.lowest(np.array([0.9, 0.1]), EIGHTY, shut, listed=0.2) == (ROBUR, 0.9)
    assert alone.lowest(np.ones(1), EIGHTY, shut[:1], listed=0.9) == (ROBUR, 0.9)
    assert alone.lowest(np.ones(1), EIGHTY, shut[:1], listed=0.7) is None


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6).filter(any))
def test_a_higher_taxon_is_at_least_as_probable_as_its_members(shares: list[float]) -> None:
    tree = TaxonTree(TAXA)
    probabilities = np.array(shares) / sum(shares)
    found = dict(zip(tree.nodes, tree.probabilities(probabilities), strict=True))
    for row, taxon in enumerate(TAXA):
        assert found[taxon] >= probabilities[row] - 1e-12
        for rank in RANKS:
            assert found[tree[tree.at_rank(rank)[row]]] >= found[taxon] - 1e-12
    assert max(found.values()) <= 1 + 1e-9


def test_a_genus_in_the_flora_is_used_as_the_parent_of_its_species() -> None:
    named = Taxon("Viola", "genus", genus="Viola", family="Violaceae", references=("https://example.org",))
    tree = TaxonTree([OCELLATA, named])
    assert [tree[place] for place in tree.at_rank("genus").tolist()] == [named, named]
    assert tree[1] is named


def test_a_tree_is_the_same_with_higher_taxa_that_are_known_already() -> None:
    tree, again = TaxonTree(TAXA), TaxonTree(TAXA, place_taxa(TAXA))
    assert again.nodes == tree.nodes
    assert len(tree) == len(tree.nodes) == 13
    assert [tree[place] for place in range(len(tree))] == list(tree.nodes)
    np.testing.assert_array_equal(again.above_rows, tree.above_rows)
    assert tree.rows == {taxon.scientific_name: row for row, taxon in enumerate(TAXA)}
    assert tree.rows_in([tree[6], SOLE]) == [0, 1, 2, 5]


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
def test_taxon_above(taxon: Taxon, rank: str, name: str) -> None:
    assert taxon_above(taxon, rank).scientific_name == name


def test_a_contradictory_taxonomy_causes_no_error() -> None:
    here = Taxon("Rosa a", genus="Rosa", family="Rosaceae")
    there = Taxon("Rosa b", genus="Rosa", family="Liliaceae")
    found = TaxonTree([here, there]).lowest(np.array([0.5, 0.5]), EIGHTY, np.zeros(2, bool))
    assert found is not None
    assert found[0].scientific_name == "Rosa"
