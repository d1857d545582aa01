"""Answers restricted to some taxa: predictions, probabilities and rejection."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bundle import COLOURS
from wording import refuses

from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip.taxon_tree import taxon_above
from dalip.taxonomy import Taxon
from dalip_index import (
    Calibration,
    Flora,
    Identification,
    build_flora,
    evaluate_flora,
    heat_map,
    load_flora,
    restrict,
    teach_taxon,
)
from dalip_index.flora.calibration import IN_FLORA_LEAST
from dalip_index.flora.restricted import alike_names
from dalip_index.flora.similarities import Similarities
from tests.index.calibrating import calibrate, with_calibration
from tests.index.conftest import paint, rose
from tests.index.flora.test_properties import queries

seeds = st.integers(0, 2**32 - 1)
some_colours = st.sets(st.sampled_from(list(COLOURS)), min_size=1)


@pytest.fixture(scope="module")
def flora(flora_path: Path, encoder: Encoder) -> Flora:
    """The roses, calibrated as if on ten times as many photos, because with so few no photo can be rejected."""
    found = load_flora(flora_path, encoder)
    many = {
        name: tuple(np.repeat(getattr(found.calibration, name), 10).tolist())
        for name in ("right", "fits", "lengths")
    }
    calibration = dataclasses.replace(found.calibration, **many)
    return with_calibration(found, calibration)


def named(answer: Identification) -> list[str]:
    return [prediction.taxon.scientific_name for prediction in answer.predictions]


@given(seed=seeds, colours=some_colours)
def test_probabilities_are_renormalised_over_the_allowed_taxa(
    flora: Flora, seed: int, colours: set[str]
) -> None:
    allowed = {f"Rosa {colour}" for colour in colours}
    photo = queries(seed, 1)
    whole, some = flora.answer("", photo, 99), restrict(flora, sorted(allowed)).answer("", photo, 99)
    left = [p for p in whole.predictions if p.taxon.scientific_name in allowed]
    total = sum(p.probability or 0 for p in left)
    assert named(some) == [p.taxon.scientific_name for p in left]  # same order, without the other taxa
    assert [p.similarity for p in some.predictions] == [p.similarity for p in left]
    shares = [p.probability or 0 for p in some.predictions]
    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx([(p.probability or 0) / total for p in left])
    assert {t.scientific_name for t in some.look_alikes} <= allowed - {named(some)[0]}


@given(seed=seeds, colours=some_colours, coverage=st.floats(0.5, 0.99))
def test_a_prediction_set_loses_no_allowed_taxon(
    flora: Flora, seed: int, colours: set[str], coverage: float
) -> None:
    allowed = {f"Rosa {colour}" for colour in colours}
    photo = queries(seed, 1)
    sets = [
        {p.taxon.scientific_name for p in each.answer("", photo, coverage=coverage).taxon_set}
        for each in (flora, restrict(flora, allowed))
    ]
    assert (
        sets[1] == {"Rosa"} or sets[0] & allowed <= sets[1] <= allowed
    )  # a long set is shortened to the genus


@given(seed=seeds, colours=some_colours, more=some_colours)
def test_allowing_more_taxa_lowers_each_probability_and_raises_the_total(
    flora: Flora, seed: int, colours: set[str], more: set[str]
) -> None:
    photos = queries(seed, 3)
    few, many = (restrict(flora, [f"Rosa {c}" for c in some]) for some in (colours, colours | more))
    for photo in photos:
        wide = {p.taxon: p.probability for p in many.answer("", photo[None], 99).predictions}
        for prediction in few.answer("", photo[None], 99).predictions:
            assert (prediction.probability or 0) >= (wide[prediction.taxon] or 0) - 1e-12
    fits = [each.similarities(photos).fits(flora.calibration) for each in (few, many)]
    for (best, listed, share), (same, more_listed, more_share) in zip(*fits, strict=True):
        assert best == same  # from the whole flora
        assert listed <= more_listed + 1e-12
        assert share <= more_share


@given(seed=seeds, colours=some_colours, rank=st.sampled_from([None, "species", "genus", "family"]))
def test_restriction_to_a_family_does_not_make_the_family_certain(
    flora: Flora, seed: int, colours: set[str], rank: str | None
) -> None:
    some, photo = restrict(flora, [f"Rosa {colour}" for colour in colours]), queries(seed, 1)
    answer = some.answer("", photo, rank=rank)
    ((_, listed, _),) = some.similarities(photo).fits(flora.calibration)
    if answer.taxon and all(answer.taxon in (taxon, taxon_above(taxon, "genus")) for taxon in some.taxa):
        assert answer.probability == pytest.approx(min(listed, 1))
    if len(colours) == 1:
        assert (answer.taxon is not None) <= (listed >= flora.calibration.threshold)


@given(seed=seeds, number=st.integers(1, 3))
def test_restriction_to_all_taxa_changes_nothing(flora: Flora, seed: int, number: int) -> None:
    photos = queries(seed, number)
    mine, all_ = flora.answer("", photos, 99), restrict(flora, ["Rosaceae"]).answer("", photos, 99)
    assert named(all_) == named(mine)
    assert (all_.verdict, all_.taxon, all_.in_flora) == (mine.verdict, mine.taxon, mine.in_flora)
    assert [p.probability for p in all_.predictions] == pytest.approx(
        [p.probability for p in mine.predictions]
    )


def made(seed: int, photos: int = 2000, taxa: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return similarities of synthetic photos and their taxa; some taxa are hard to distinguish."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, taxa, photos)
    similarities = rng.normal(0, 0.12, (photos, taxa))
    similarities[np.arange(photos), targets] += rng.normal(0.5, 0.12, photos)
    return similarities, targets


@settings(max_examples=15)
@given(seed=seeds, number=st.integers(1, 11))
def test_allowed_plants_are_rejected_no_more_often_than_the_limit(seed: int, number: int) -> None:
    similarities, targets = made(seed, 1600)
    lengths = np.ones(800, np.float32)
    calibration = calibrate(similarities[::2], targets[::2])
    judged = Similarities(similarities[1::2, :number], lengths, similarities[1::2, number:])
    _, refused = judged.refused(calibration)
    asked_for = targets[1::2] < number
    error = (0.05 * 0.95 / asked_for.sum()) ** 0.5
    assert refused[asked_for].mean() < IN_FLORA_LEAST + 5 * error
    assert refused[~asked_for].mean() > 2 * refused[asked_for].mean()
    ignored = Similarities(similarities[1::2], lengths).refused(calibration)[1]
    assert refused[~asked_for].mean() > ignored[~asked_for].mean()


@given(
    similarity=st.floats(-1, 1), listed=st.floats(0, 1), share=st.floats(0.01, 0.99), step=st.floats(0, 0.5)
)
def test_a_better_fit_is_never_rejected_sooner(
    similarity: float, listed: float, share: float, step: float
) -> None:
    similarities, targets = made(0, 300)
    calibration = calibrate(similarities, targets)
    fits = calibration.in_flora(similarity, listed, share)
    assert fits is not None
    assert 0 < fits <= 1
    assert fits <= (calibration.in_flora(similarity + step, listed, share) or 0)
    assert fits <= (calibration.in_flora(similarity, min(listed + step, 1), share) or 0)
    assert calibration.in_flora(similarity, listed, 1) == calibration.in_flora(similarity)
    assert Calibration.bare(0.5, 0, None, 5).in_flora(similarity, listed, share) is None


def test_excluded_plants_are_rejected_and_not_predicted(flora: Flora, tmp_path: Path) -> None:
    red, blue = (paint(tmp_path / f"{colour}.png", colour, 77) for colour in ("red", "blue"))
    some = restrict(flora, ["Rosa red", "Rosa green"])
    for rank in (None, "species", "genus", "family"):
        here, gone = some.identify([red, blue], rank=rank)
        assert isinstance(here, Identification)
        assert isinstance(gone, Identification)
        if rank in ("genus", "family"):  # all taxa are roses anyway
            assert here.verdict in ("sure", "unsure")
        else:
            assert (here.verdict, here.probability) == ("sure", pytest.approx(1, abs=0.05))
        assert (gone.verdict, gone.taxon) == ("not in flora", None)
        assert set(named(here)) == set(named(gone)) <= {"Rosa red", "Rosa green", "Rosa", "Rosaceae"}
    (whole,) = some.whole.identify([blue])
    assert isinstance(whole, Identification)
    assert (whole.verdict, named(whole)[0]) == ("sure", "Rosa blue")


def test_heat_maps_and_evaluation_work_on_a_restricted_flora(
    flora: Flora, photos: Path, records: list
) -> None:
    from PIL import Image

    some = restrict(flora, ["Rosa red", "Rosa blue", "Rosa green"])
    assert len(some.prototypes.text) == len(some.experimental) == 3
    photo = Image.open(photos / "Rosa red" / "1.png").convert("RGB")
    expected, found = (heat_map(each, photo, rose("red"), rose("blue")) for each in (flora, some))
    np.testing.assert_array_equal(found, expected)
    measured = evaluate_flora(some, records)
    assert {row.photos for row in measured.accuracy} == {45}
    assert {taxon.taxon for taxon in measured.taxa} == {"Rosa red", "Rosa blue", "Rosa green"}
    assert measured.other_photos == 105
    assert {r.kind for r in measured.rejections} == {"other plants"}
    assert all(r.refused > 0.8 for r in measured.rejections)
    with refuses(FloraError, match="Rosa white: the flora does not contain this taxon"):
        some.row(rose("white"))


def test_names_can_be_written_in_any_way(flora: Flora) -> None:
    for name in ("rosa", " ROSACEAE", "rosales"):
        assert len(restrict(flora, [name]).taxa) == 10
    some = restrict(flora, ["rosa  red", "Rosa gren", "Rosa blue", "Rosa red", "Rosa gren"])
    assert [taxon.scientific_name for taxon in some.taxa] == ["Rosa red", "Rosa blue"]
    assert some.unknown == ("Rosa gren",)
    assert alike_names(flora, "Rosa gren")[0] == "Rosa green"
    assert [t.scientific_name for t in restrict(some, ["Rosa"]).taxa] == ["Rosa red", "Rosa blue"]
    assert restrict(some, ["Rosa blue"]).whole is flora
    with refuses(FloraError, match=r"^Rosa gren: .* contains neither this taxon .*; did you mean Rosa green"):
        restrict(flora, ["Rosa gren"])
    with refuses(
        FloraError,
        match=r"^Quercus robur: .* neither this taxon .* true of the other requested name; check the spelling",
    ):
        restrict(flora, ["Quercus robur", "Fagus"])
    with refuses(FloraError, match="Rosa blue: "):
        restrict(restrict(flora, ["Rosa red"]), ["Rosa blue"])
    with refuses(FloraError, match="specify at least one name"):
        restrict(flora, [])


def test_hybrids_are_found_with_either_sign_and_subspecies_by_their_species(
    tmp_path: Path, encoder: Encoder
) -> None:
    taxa = [Taxon("Rosa × red", genus="Rosa"), Taxon("Rosa blue subsp. pink", "subspecies", genus="Rosa")]
    build_flora(tmp_path / "flora", encoder, [*taxa, rose("green")])
    flora = load_flora(tmp_path / "flora", encoder)
    for name in ("Rosa x red", "Rosa ×red", "rosa × Red"):
        assert [t.scientific_name for t in restrict(flora, [name]).taxa] == ["Rosa × red"]
    some = restrict(flora, ["Rosa blue"])
    assert [t.scientific_name for t in some.taxa] == ["Rosa blue subsp. pink"]
    (answer,) = some.identify([paint(tmp_path / "red.png", "red", 1)])
    assert isinstance(answer, Identification)
    assert (answer.verdict, len(answer.predictions)) == ("uncalibrated", 1)
    assert answer.look_alikes == ()


def test_synonyms_are_used_only_if_the_flora_lacks_the_name(flora: Flora) -> None:
    other_names = {"Rosa nova": ["Rosa red L.", "Rosa blue", "Rosa grey"], "Rosa green": ["Rosa white"]}
    some = restrict(flora, other_names)
    assert {taxon.scientific_name for taxon in some.taxa} == {"Rosa red", "Rosa blue", "Rosa green"}
    assert [(r.given, r.how, r.taxon and r.taxon.scientific_name) for r in some.noted] == [
        ("Rosa nova", "synonym", "Rosa red"),
        ("Rosa nova", "synonym", "Rosa blue"),
    ]
    assert some.unknown == ()
    assert restrict(flora, {"Rosa green": [], "Rosa nova": ["Rosa gren"]}).unknown == ("Rosa nova",)


def test_a_taught_plant_is_identified_as_in_the_whole_flora(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon], records: list
) -> None:
    path = tmp_path / "flora"
    build_flora(path, encoder, [taxon for taxon in taxa if taxon != rose("purple")], records, keep=0)
    lesson = [paint(tmp_path / f"{i}.png", "purple", 500 + i) for i in range(4)]
    teach_taxon(path, encoder, rose("purple"), lesson)
    flora, asked = load_flora(path, encoder), paint(tmp_path / "asked.png", "purple", 700)
    some = restrict(flora, ["Rosa purple", "Rosa green"])
    assert some.taught == ("Rosa purple",)
    whole, answer = (next(each.identify([asked], 99)) for each in (flora, some))
    assert isinstance(whole, Identification)
    assert isinstance(answer, Identification)
    assert named(answer)[0] == named(whole)[0] == "Rosa purple"
    assert answer.predictions[0].similarity == whole.predictions[0].similarity
    shutil.rmtree(path)


def test_with_few_calibration_photos_only_one_rejection_criterion_is_used() -> None:
    similarities, targets = made(0, 30)
    calibration = calibrate(similarities, targets)
    assert calibration.foreign(1, listed=0, share=0.3)
    assert not calibration.foreign(-1, listed=1, share=0.3)
    assert calibration.foreign(-1, listed=1, share=0.7)
    assert not calibration.foreign(1, listed=0, share=0.7)
    many = calibrate(*made(0, 300))
    for share in (0.3, 0.7):
        assert many.foreign(1, listed=0, share=share)
        assert many.foreign(-1, listed=1, share=share)
        assert not many.foreign(1, listed=1, share=share)
