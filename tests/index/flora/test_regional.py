"""A region as a prior: what it does to probabilities, which taxa occur in it, and how its weight is fitted."""

import dataclasses
import json
import math

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import ROOT
from tiny_bundle import COLOURS
from wording import refuses

from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index import Calibration, Flora, Identification, RegionTaxa, in_region, load_flora, restrict
from dalip_index.flora.calibration import softmax
from dalip_index.flora.fit_calibration import fit_region_logit
from dalip_index.flora.regional import rows_inside
from dalip_index.store.name_index import NameIndex
from tests.index.calibrating import with_calibration
from tests.index.flora.test_properties import queries

SCHEMA = json.loads((ROOT / "docs" / "identify.schema.json").read_text(encoding="utf-8"))
seeds = st.integers(0, 2**32 - 1)
some_colours = st.sets(st.sampled_from(list(COLOURS)), min_size=1)


@pytest.fixture(scope="module")
def flora(flora_path: object, encoder: Encoder) -> Flora:
    return load_flora(flora_path, encoder)  # type: ignore[arg-type]


def roses(colours: set[str], *, only: bool = False) -> RegionTaxa:
    return RegionTaxa("Spain", {f"Rosa {colour}": () for colour in sorted(colours)}, only)


def weighing(flora: Flora, logit: float | None) -> Flora:
    return with_calibration(flora, dataclasses.replace(flora.calibration, region_logit=logit))


def shares(answer: Identification) -> dict[str, float | None]:
    return {p.taxon.scientific_name: p.probability for p in answer.predictions}


def same(one: Identification, other: Identification) -> bool:
    parts = ("verdict", "taxon", "plant", "in_flora", "coverage")
    return all(getattr(one, part) == getattr(other, part) for part in parts)


@given(seed=seeds, colours=some_colours)
def test_a_region_of_weight_0_changes_nothing(flora: Flora, seed: int, colours: set[str]) -> None:
    (photo,) = queries(seed, 1)
    plain = flora.answer("photo", photo[None], 10)
    regional = in_region(weighing(flora, -100.0), roses(colours)).answer("photo", photo[None], 10)
    assert same(plain, regional)
    assert shares(plain) == shares(regional)
    assert regional.region
    assert not regional.region.changed
    assert regional.region.taxa == len(colours)


@given(seed=seeds, colours=some_colours)
def test_a_region_of_a_large_weight_leaves_the_taxa_that_a_restriction_leaves(
    flora: Flora, seed: int, colours: set[str]
) -> None:
    (photo,) = queries(seed, 1)
    soft = in_region(weighing(flora, 700.0), roses(colours)).answer("photo", photo[None], 10)
    hard = restrict(flora, [f"Rosa {colour}" for colour in colours]).answer("photo", photo[None], 10)
    assert shares(soft) == pytest.approx({**dict.fromkeys(shares(soft), 0.0), **shares(hard)}, abs=1e-12)
    first = [prediction.taxon for prediction in soft.predictions[: len(colours)]]
    assert first == [prediction.taxon for prediction in hard.predictions]
    assert soft.in_flora == flora.answer("photo", photo[None]).in_flora  # photos are rejected as before


@given(seed=seeds, colours=some_colours)
def test_the_odds_of_taxa_outside_fall_by_the_weight_and_no_others(
    flora: Flora, seed: int, colours: set[str]
) -> None:
    (photo,) = queries(seed, 1)
    plain = flora.similarities(photo[None])
    placed = in_region(weighing(flora, 1.5), roses(colours))
    assert placed.region
    others = len(COLOURS) - len(colours)
    assert placed.region.weight == pytest.approx(max(1.5 + np.log(others / len(colours)), 0) if others else 0)
    regional = placed.similarities(photo[None])
    before, after = (each.shares(flora.calibration) for each in (plain, regional))
    assert before
    assert after
    inside = np.array([taxon.scientific_name.split()[1] in colours for taxon in flora.taxa])
    odds = np.log(after.probabilities[0] / before.probabilities[0])
    assert odds[inside] == pytest.approx(odds[inside][0])
    assert odds[~inside] == pytest.approx(odds[inside][0] - placed.region.weight)
    assert regional.fits(flora.calibration) == plain.fits(flora.calibration)
    assert [*map(list, regional.refused(flora.calibration))] == [*map(list, plain.refused(flora.calibration))]


@settings(max_examples=20)
@given(seed=seeds, colours=some_colours)
def test_only_the_region_answers_as_a_restriction_and_says_what_it_changed(
    flora: Flora, seed: int, colours: set[str]
) -> None:
    (photo,) = queries(seed, 1)
    region = in_region(flora, roses(colours, only=True)).answer("photo", photo[None], 3)
    hard = restrict(flora, [f"Rosa {colour}" for colour in colours]).answer("photo", photo[None], 3)
    plain = flora.answer("photo", photo[None], 1)
    assert same(region, hard)
    assert shares(region) == shares(hard)
    assert region.region
    assert region.region.without.predictions[0].taxon == plain.predictions[0].taxon
    assert region.region.without.predictions[0].probability == pytest.approx(plain.predictions[0].probability)
    assert region.region.changed == (region.predictions[0].taxon != plain.predictions[0].taxon)


@pytest.mark.parametrize("rank", [None, "genus"])
@pytest.mark.parametrize("only", [False, True])
def test_an_answer_says_what_the_region_changed(flora: Flora, rank: str | None, only: bool) -> None:
    row = flora.row(next(taxon for taxon in flora.taxa if taxon.scientific_name == "Rosa red"))
    photo = queries(1, 1)
    red = in_region(weighing(flora, 30.0), roses({"red"}, only=only))
    content = red.answer("photo", photo, 3, rank=rank).to_dict()
    jsonschema.validate(content | {"cautions": []}, SCHEMA)
    first = flora.answer("photo", photo, 1, rank=rank)
    without = content["region"]["without"]
    assert (content["region"]["name"], content["region"]["taxa"]) == ("Spain", 1)
    assert without["scientificName"] == first.predictions[0].taxon.scientific_name
    assert without["verdict"] == first.verdict
    if rank is None:
        assert content["predictions"][0]["scientificName"] == flora.taxa[row].scientific_name
        assert content["region"]["changed"] == (without["scientificName"] != "Rosa red")
    marks = [prediction["inRegion"] for prediction in content["predictions"]]
    assert marks == [True, *[False] * (len(marks) - 1)]
    assert "region" not in first.to_dict()
    assert "inRegion" not in first.to_dict()["predictions"][0]


def test_only_the_region_narrows_another_restriction(flora: Flora) -> None:
    some = restrict(flora, ["Rosa red", "Rosa blue", "Rosa nowhere"])
    both = in_region(some, roses({"blue", "green"}, only=True))
    assert [taxon.scientific_name for taxon in both.taxa] == ["Rosa blue"]
    assert both.unknown == ("Rosa nowhere",)  # type: ignore[attr-defined]
    assert in_region(flora, roses({"red"})).whole is both.whole is flora
    answer = both.answer("photo", queries(3, 1), 3)
    assert answer.region
    assert answer.region.without.predictions[0].taxon in some.taxa


def test_regions_that_cannot_be_used_are_refused(flora: Flora) -> None:
    with refuses(FloraError, match="none of its 1 taxa is in the flora"):
        in_region(flora, RegionTaxa("Mars", {"Curiosa rover": ()}))


@given(seed=seeds, colours=some_colours)
def test_without_calibration_a_region_changes_the_order_as_it_changes_odds(
    flora: Flora, seed: int, colours: set[str]
) -> None:
    bare = with_calibration(flora, Calibration.bare(0.5, 0, None, 0))
    (photo,) = queries(seed, 1)
    regional = in_region(bare, roses(colours))
    answer = regional.answer("photo", photo[None], 10)
    values, prior = bare.similarities(photo[None]).values[0], regional.prior
    assert prior is not None
    order = np.argsort(-(values * bare.encoder.logit_scale + prior), kind="stable")
    assert [bare.row(p.taxon) for p in answer.predictions] == order.tolist()
    np.testing.assert_allclose([p.similarity for p in answer.predictions], values[order], rtol=1e-6)
    assert answer.region
    assert answer.region.changed == (order[0] != values.argmax())
    assert {p.taxon.scientific_name for p in answer.predictions if p.in_region} == {
        f"Rosa {c}" for c in colours
    }
    by_genus = regional.answer("photo", photo[None], 10, rank="genus")
    assert [p.taxon.scientific_name for p in by_genus.predictions] == ["Rosa"]

    only = in_region(bare, roses(colours, only=True)).answer("photo", photo[None], 10)
    assert {p.taxon.scientific_name for p in only.predictions} == {f"Rosa {c}" for c in colours}


@given(seed=seeds, colours=some_colours)
def test_cautions_are_also_about_what_is_likely_without_the_region(
    flora: Flora, seed: int, colours: set[str]
) -> None:
    (photo,) = queries(seed, 1)
    plain = flora.answer("photo", photo[None], 10)
    regional = in_region(weighing(flora, 100.0), roses(colours)).answer("photo", photo[None], 10)
    names = [prediction.taxon.scientific_name for prediction in regional.likely]
    assert {prediction.taxon.scientific_name for prediction in plain.likely} <= {*names}
    assert len(names) == len({*names})


@pytest.mark.parametrize("only", [False, True])
def test_a_restricted_flora_has_the_same_taxa_of_a_region(flora: Flora, only: bool) -> None:
    names = ["Rosa red", "Rosa blue", "Rosa green"]
    some = in_region(restrict(flora, names), roses({"red", "white"}, only=only))
    answer = some.answer("photo", queries(1, 1), 10)
    assert [p.taxon.scientific_name for p in answer.predictions if p.in_region] == ["Rosa red"]
    assert len(answer.predictions) == (1 if only else 3)
    with refuses(FloraError, match="among those of --only"):
        in_region(restrict(flora, names), roses({"white"}))


TAXA = (
    Taxon("Rosa", "genus", family="Rosaceae"),
    Taxon("Iris pallida", genus="Iris", family="Iridaceae", synonyms=("Iris odoratissima",)),
    Taxon("Iris pumila", genus="Iris", family="Iridaceae"),
    Taxon("Quercus robur subsp. robur", "subspecies", genus="Quercus", family="Fagaceae"),
    Taxon("Mentha × piperita", genus="Mentha", family="Lamiaceae"),
    Taxon("Acer campestre", genus="Acer", family="Sapindaceae"),
)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ({"Iris pallida": ()}, ["Iris pallida"]),
        ({"Iris odoratissima": ()}, ["Iris pallida"]),  # a synonym in the flora
        ({"Iris foliosa": ("Iris pumila",)}, ["Iris pumila"]),  # a synonym in the list
        ({"Acer campestre": ("Iris pumila",)}, ["Acer campestre"]),  # which is not needed here
        ({"Iris": ()}, ["Iris pallida", "Iris pumila"]),
        ({"Fagaceae": ()}, ["Quercus robur subsp. robur"]),
        ({"Quercus robur": ()}, ["Quercus robur subsp. robur"]),
        ({"Rosa canina": ()}, ["Rosa"]),  # the genus occurs where its species do
        ({"Acer campestre subsp. leiocarpum": ()}, ["Acer campestre"]),
        ({"Mentha piperita": ()}, ["Mentha × piperita"]),
        ({"Acer × campestre": ()}, ["Acer campestre"]),  # hybrid signs are often missing
        ({"Mentha ×piperita": ()}, ["Mentha × piperita"]),
        ({"mentha x piperita": ()}, ["Mentha × piperita"]),
        ({"Acer rubrum": (), "Quercus": ()}, ["Quercus robur subsp. robur"]),
        ({"Bellis perennis": ()}, []),
    ],
)
def test_taxa_of_a_region_are_found_by_name_synonym_and_classification(
    names: dict[str, tuple[str, ...]], found: list[str]
) -> None:
    inside = rows_inside(NameIndex(TaxonTree(TAXA)), names)
    assert [taxon.scientific_name for taxon, is_in in zip(TAXA, inside, strict=True) if is_in] == found


def test_taxa_are_found_in_the_catalogue_as_in_memory(flora: Flora) -> None:
    tree = TaxonTree(tuple(flora.taxa))
    for names in ({"Rosa red": (), "Rosa x": ("Rosa blue",)}, {"Rosaceae": ()}, {"Rosa": ()}, {"Iris": ()}):
        assert (rows_inside(flora.name_index, names) == rows_inside(NameIndex(tree), names)).all()
    assert rows_inside(flora.name_index, {"Rosaceae": ()}).all()


def known(photos: int, taxa: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, taxa, photos)
    similarities = rng.normal(0, 1, (photos, taxa))
    similarities[np.arange(photos), targets] += sharpness
    return similarities, targets


def test_the_fitted_prior_leaves_as_much_probability_outside_as_is_assumed() -> None:
    similarities, targets = known(400, 200, 2.0)
    calibration = Calibration.bare(0.5, 0, 0.8, 400)
    logit = fit_region_logit(calibration, similarities, targets, np.zeros(200, int))
    calibration = dataclasses.replace(calibration, region_logit=logit)
    rng = np.random.default_rng(5)
    probabilities, outside = softmax(similarities / 0.8), []
    for photo, target in enumerate(targets):
        for is_inside, times in ((True, 0.95), (False, 0.05)):
            for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2):
                region = rng.random(200) < share
                region[target] = is_inside
                weight = calibration.region_weight(int(region.sum()), 200)
                weighed = probabilities[photo] * np.where(region, 1.0, math.exp(-weight))
                outside.append(times * weighed[~region].sum() / weighed.sum() / 4)
    assert np.sum(outside) / len(targets) == pytest.approx(0.05, abs=0.01)


def test_with_calibrated_probabilities_the_fitted_prior_is_the_assumed_one() -> None:
    """The temperature that calibrates: a normal score, raised by 2 for the right taxon, has 2 times itself as logit."""
    similarities, targets = known(2000, 200, 2.0)
    fitted = fit_region_logit(Calibration.bare(0.5, 0, 0.5, 2000), similarities, targets, np.zeros(200, int))
    assert fitted == pytest.approx(math.log(19), abs=0.15)


@given(inside=st.integers(1, 500), taxa=st.integers(1, 500))
def test_the_taxa_of_a_region_share_95_percent_of_the_prior(inside: int, taxa: int) -> None:
    inside = min(inside, taxa)
    weight = Calibration.bare(0.5, 0, 1.0, 100).region_weight(inside, taxa)
    prior = inside / (inside + (taxa - inside) * math.exp(-weight))
    assert prior == pytest.approx(max(0.95, inside / taxa))


def test_calibrations_keep_their_prior_and_older_ones_have_the_default(flora: Flora) -> None:
    assert flora.calibration.region_logit is not None
    content = json.loads((flora.folder / "calibration.json").read_text())
    assert content["region_logit"] == flora.calibration.region_logit
    regional = in_region(weighing(flora, None), roses({"red"}))
    assert regional.region
    assert regional.region.weight == pytest.approx(math.log(19 * 9))
    with refuses(FloraError, match="logit for regions"):
        weighing(flora, math.inf)


def test_photos_that_are_all_certain_do_not_determine_the_prior() -> None:
    similarities = np.eye(4, dtype=np.float32)[np.arange(40) % 4]
    calibration = dataclasses.replace(Calibration.bare(0.5, 0, None, 0), temperature=1e-4)
    assert fit_region_logit(calibration, similarities, np.arange(40) % 4, np.zeros(4, np.intp)) is None
