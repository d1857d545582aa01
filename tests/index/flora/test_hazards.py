"""Harmful plants are found by name, genus and species."""

import pytest

from dalip.taxonomy import Taxon
from dalip_index.flora.hazards import _listed, hazard_of


@pytest.mark.parametrize(
    ("name", "rank", "harm"),
    [
        ("Conium maculatum", "species", "deadly"),
        ("Conium", "genus", "deadly"),
        ("Aconitum napellus", "species", "deadly"),
        ("Prunus laurocerasus", "species", "poisonous"),
        ("Prunus", "genus", "poisonous"),
        ("Toxicodendron diversilobum", "species", "harms the skin"),
        ("Digitalis purpurea subsp. mariana", "subspecies", "deadly"),
    ],
)
def test_harmful_plants_are_found(name: str, rank: str, harm: str) -> None:
    found = hazard_of(Taxon.from_darwin_core({"scientificName": name, "taxonRank": rank}))
    assert found is not None
    assert found.harm == harm
    assert found.how


@pytest.mark.parametrize(
    ("name", "rank"), [("Bellis perennis", "species"), ("Prunus avium", "species"), ("Apiaceae", "family")]
)
def test_plants_that_are_not_listed_have_no_hazard(name: str, rank: str) -> None:
    assert hazard_of(Taxon.from_darwin_core({"scientificName": name, "taxonRank": rank})) is None


def test_the_hazard_list_is_valid() -> None:
    names = [hazard.taxon.scientific_name for hazard in _listed()]
    assert len(set(names)) == len(names) > 60
    assert {hazard.harm for hazard in _listed()} == {"deadly", "poisonous", "harms the skin"}
    assert {h.taxon.taxon_rank for h in _listed()} == {"genus", "species"}
