"""Calibrated answers: probabilities, prediction sets, ranks, rejection, and several photos of one plant."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from wording import refuses

from dalip.datasets import FilePart, Record
from dalip.encoder import Encoder
from dalip.errors import FloraError, Skipped
from dalip.taxonomy import Taxon
from dalip_index import (
    Calibration,
    Flora,
    Identification,
    build_flora,
    evaluate_flora,
    load_flora,
    teach_taxon,
)
from dalip_index.evaluation.trust import (
    expected_calibration_error,
    measure_trust,
    rejection,
    reliability,
)
from dalip_index.flora.similarities import Similarities
from tests.index.calibrating import calibrate, with_calibration
from tests.index.conftest import paint, rose

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def flora(flora_path: Path, encoder: Encoder) -> Flora:
    return load_flora(flora_path, encoder)


def ask(flora: Flora, photo: Path, **options: object) -> Identification:
    (answer,) = flora.identify([photo], **options)  # type: ignore[arg-type]
    assert isinstance(answer, Identification)
    return answer


def calibrated(seed: int, photos: int = 2000) -> tuple[Calibration, np.ndarray, np.ndarray]:
    """Return a calibration on one half of synthetic photos, and the other half."""
    rng = np.random.default_rng(seed)
    similarities = rng.uniform(-1, 1, (2 * photos, 6))
    targets = (similarities / 0.3 + rng.gumbel(size=similarities.shape)).argmax(axis=1)
    found = calibrate(similarities[:photos], targets[:photos], rng.uniform(1, 2, photos))
    return found, similarities[photos:], targets[photos:]


@given(seeds, st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_prediction_sets_have_the_requested_coverage(seed: int, coverage: float) -> None:
    calibration, similarities, targets = calibrated(seed)
    least = calibration.least_probability(coverage)
    probabilities = calibration.probabilities(similarities)
    assert least is not None
    assert probabilities is not None
    held = (probabilities[np.arange(len(targets)), targets] >= least).mean()
    assert held == pytest.approx(coverage, abs=0.08)  # five standard errors of two halves of 2,000


@given(seeds)
def test_higher_coverage_never_makes_a_smaller_set(seed: int) -> None:
    calibration, *_ = calibrated(seed, 50)
    asked = [calibration.least_probability(coverage) for coverage in (0.5, 0.8, 0.9, 0.99, 0.9999)]
    assert asked == sorted(asked, reverse=True)  # type: ignore[type-var]
    assert asked[-1] == 0  # 50 photos are too few for this coverage, so only the set of all taxa has it


@given(seeds, st.floats(0.02, 0.5))
def test_rejection_rates_of_plants_in_the_flora_match_the_threshold(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.gamma(5, 0.2, 4000)
    similarities = rng.uniform(0, 1, (2000, 3))
    targets = similarities.argmax(axis=1)
    calibration = calibrate(similarities, targets, lengths[:2000])
    strange = np.mean([(calibration.plant(length) or 0) < share for length in lengths[2000:]])
    assert strange == pytest.approx(share, abs=0.08)
    bad = np.mean([(calibration.in_flora(fit) or 0) < share for fit in rng.uniform(0, 1, (2000, 3)).max(1)])
    assert bad == pytest.approx(share, abs=0.08)


def test_without_calibration_there_are_no_probabilities_or_sets(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon]
) -> None:
    build_flora(tmp_path / "flora", encoder, taxa)
    answer = ask(load_flora(tmp_path / "flora", encoder), paint(tmp_path / "red.png", "red", 1))
    assert answer.verdict == "uncalibrated"
    assert (answer.taxon, answer.coverage, answer.plant, answer.in_flora) == (None, None, None, None)
    assert answer.taxon_set == ()
    assert all(p.experimental and p.probability is None for p in answer.predictions)


def test_an_answer_has_out_of_distribution_scores(flora: Flora, tmp_path: Path) -> None:
    answer = ask(flora, paint(tmp_path / "red.png", "red", 99), coverage=0.8)
    assert (answer.verdict, answer.coverage) == ("sure", 0.8)
    assert answer.taxon is not None
    assert answer.taxon.scientific_name == "Rosa red"
    assert answer.probability == pytest.approx(1, abs=0.2)
    assert answer.plant is not None
    assert answer.in_flora is not None
    assert 0 < answer.plant <= 1
    assert 0 < answer.in_flora <= 1
    held = [p.taxon for p in ask(flora, tmp_path / "red.png", coverage=0.99).taxon_set]
    assert any(taxon == answer.taxon or taxon.contains(answer.taxon) for taxon in held)


@given(seeds, st.integers(10, 200))
def test_rejection_needs_enough_calibration_photos(seed: int, photos: int) -> None:
    calibration, *_ = calibrated(seed, photos)
    assert not any(calibration.foreign(fit) for fit in calibration.fits[photos // 20 :])
    assert not any(calibration.strange(length) for length in calibration.lengths[: 99 * photos // 100])
    assert calibration.foreign(calibration.fits[0] - 1e-3) == (photos >= 20)
    assert calibration.strange(calibration.lengths[-1] + 1e-3) == (photos >= 100)
    bare = Calibration.bare(0.5, 0, None, 5)
    assert not bare.foreign(-9)
    assert not bare.strange(9)


def test_a_photo_that_is_not_a_plant_is_rejected(flora: Flora, tmp_path: Path) -> None:
    pixels = np.zeros((56, 56, 3), np.uint8)
    pixels[:, :28] = (255, 0, 0)
    pixels[:28, 28:] = (0, 255, 255)
    Image.fromarray(pixels).save(tmp_path / "flag.png")
    few = dataclasses.replace(flora.calibration, lengths=tuple(np.linspace(1, 1.01, 200).tolist()))
    strict = with_calibration(flora, few)
    answer = ask(strict, tmp_path / "flag.png")
    assert answer.verdict == "not a plant"
    assert answer.taxon is None
    assert answer.plant == pytest.approx(1 / 201)
    assert len(answer.predictions) == 5  # still shown, for users who know better


def test_a_plant_that_is_not_in_the_flora_is_rejected(flora: Flora, tmp_path: Path) -> None:
    fits = tuple(np.linspace(0.999, 1.0, 200).tolist())
    strict = dataclasses.replace(flora.calibration, fits=fits)
    other = with_calibration(flora, strict)
    answer = ask(other, paint(tmp_path / "red.png", "red", 5))
    assert (answer.verdict, answer.taxon) == ("not in flora", None)


def test_answers_at_a_requested_rank(flora: Flora, tmp_path: Path) -> None:
    photo = paint(tmp_path / "red.png", "red", 3)
    answer = ask(flora, photo, rank="genus")
    assert [p.taxon.scientific_name for p in answer.predictions] == ["Rosa"]
    assert answer.predictions[0].probability == pytest.approx(1)
    assert answer.predictions[0].similarity == pytest.approx(ask(flora, photo).predictions[0].similarity)
    assert answer.taxon is not None
    assert (answer.verdict, answer.taxon.taxon_rank) == ("sure", "genus")


def test_taxa_with_texts_only_are_never_the_confident_answer(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record]
) -> None:
    others = [r for r in records if r.taxon and r.taxon.scientific_name != "Rosa red"]
    texts = {"Rosa red": ["red"]}
    build_flora(tmp_path / "flora", encoder, taxa, others, texts=texts)
    flora = load_flora(tmp_path / "flora", encoder)
    answers = [ask(flora, paint(tmp_path / f"{i}.png", "red", i)) for i in range(8)]
    assert {p.experimental for a in answers for p in a.predictions if p.taxon == rose("red")} == {True}
    assert rose("red") not in [answer.taxon for answer in answers]


def test_several_photos_of_one_plant_are_one_answer(flora: Flora, tmp_path: Path) -> None:
    photos = [paint(tmp_path / f"{i}.png", "orange", i) for i in range(3)]
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    answer, skipped = flora.identify_together([photos[0], broken, *photos[1:]])
    assert [photo.source for photo in skipped] == [str(broken)]
    assert answer is not None
    assert answer.image == ", ".join(map(str, photos))
    assert answer.predictions[0].taxon.scientific_name == "Rosa orange"
    alone = [ask(flora, photo).predictions[0] for photo in photos]
    assert answer.predictions[0].similarity == pytest.approx(np.mean([p.similarity for p in alone]), abs=1e-5)
    assert answer.predictions[0].probability >= min(p.probability for p in alone)  # type: ignore[operator,type-var]
    assert sum(
        p.probability or 0 for p in flora.answer("", np.zeros((2, 48), np.float32), 10).predictions
    ) == (pytest.approx(1))
    nothing, skipped = flora.identify_together([broken])
    assert nothing is None
    assert isinstance(skipped[0], Skipped)


def test_one_photo_identified_together_equals_one_photo(flora: Flora, tmp_path: Path) -> None:
    photo = paint(tmp_path / "blue.png", "blue", 1)
    assert flora.identify_together([photo])[0] == ask(flora, photo)


@pytest.mark.parametrize("coverage", [0, 1, -1, 2])
def test_coverage_must_be_between_0_and_1(flora: Flora, tmp_path: Path, coverage: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        ask(flora, paint(tmp_path / "red.png", "red", 1), coverage=coverage)


def test_a_calibration_out_of_order_is_refused() -> None:
    with refuses(FloraError, match="ascending"):
        replace(Calibration.bare(0.5, 0, 1.0, 20), right=(0.5, 0.1))
    with refuses(FloraError, match="ascending"):
        replace(Calibration.bare(0.5, 0, 1.0, 20), lengths=(float("nan"),))


def test_calibration_error_is_the_mean_distance() -> None:
    right = np.arange(1000) % 10 < 7
    for probability, error in ((0.7, 0), (0.9, 0.2)):
        bins = reliability(np.full(1000, probability), right)
        assert [b.photos for b in bins] == [67] * 10 + [66] * 5
        assert [b.probability for b in bins] == pytest.approx([probability] * 15)
        assert expected_calibration_error(bins) == pytest.approx(error, abs=0.02)
    few = reliability(np.array([0.9, 0.2]), np.array([True, False]))
    assert [(b.photos, b.probability, b.right) for b in few] == [(1, 0.2, 0), (1, 0.9, 1)]


@given(seeds)
def test_synthetic_photos_are_well_calibrated(seed: int) -> None:
    calibration, similarities, targets = calibrated(seed)
    lengths = np.random.default_rng(seed + 1).uniform(1, 2, len(targets))
    found = measure_trust("made", Similarities(similarities, lengths), targets, calibration)
    assert found.ece < 0.08  # bins of 133 photos deviate by 3 or 4 points by chance
    for name, share in found.coverage.items():
        assert share == pytest.approx(float(name), abs=0.08)
    sizes = list(found.set_size.values())
    assert sizes == sorted(sizes)
    assert found.not_a_plant < 0.03
    assert found.not_in_flora < 0.1
    assert found.right_if_answered > 0.7 or found.answered < 0.05  # at least 0.8, in a hundred photos or more


@given(seeds)
def test_auroc_equals_counting_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    calibration, *_ = calibrated(0, 50)
    named, others = (
        Similarities(rng.integers(0, 5, (n, 3)) / 4, rng.integers(0, 5, n) / 4) for n in (30, 20)
    )
    by_similarity, by_length = rejection("others", named, others, calibration)
    best, worst = named.values.max(axis=1)[:, None], others.values.max(axis=1)
    assert by_similarity.auroc == pytest.approx(((best > worst) + 0.5 * (best == worst)).mean())
    mine, theirs = named.lengths[:, None], others.lengths
    assert by_length.auroc == pytest.approx(((mine < theirs) + 0.5 * (mine == theirs)).mean())


def test_evaluation_measures_rejection(flora: Flora, records: list[Record]) -> None:
    named = records[:60]
    fields = {"scientificName": "Bellis perennis", "genus": "Bellis", "family": "Asteraceae"}
    daisies = [dataclasses.replace(r, key=f"daisy {r.key}", fields=fields) for r in records[60:70]]
    things = [dataclasses.replace(r, key=f"thing {r.key}", fields={}) for r in records[70:85]]
    plants = [
        dataclasses.replace(r, key=f"plant {r.key}", fields={"containsPlant": True}) for r in records[85:90]
    ]
    found = evaluate_flora(flora, [*named, *daisies, *things, *plants])
    assert [(r.kind, r.score, r.photos) for r in found.rejections] == [
        ("other plants", "similarity", 10),
        ("other plants", "strangeness", 10),
        ("no plants", "similarity", 15),
        ("no plants", "strangeness", 15),
    ]
    assert found.other_photos == 10
    assert found.accuracy[0].photos == found.trust[0].photos == 60
    assert evaluate_flora(flora, named).rejections == ()


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_calibration_photos_are_not_enough(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record], number: int
) -> None:
    calibrating = [r for r in records if r.split == "calibration"][:number]
    build_flora(tmp_path / "flora", encoder, taxa, [r for r in records if r.split == "train"] + calibrating)
    flora = load_flora(tmp_path / "flora", encoder)
    assert flora.calibration.calibration_photos == number
    assert flora.calibration.temperature is None
    answer = ask(flora, paint(tmp_path / "red.png", "red", 1))
    assert (answer.verdict, answer.predictions[0].taxon) == ("uncalibrated", rose("red"))
    assert evaluate_flora(flora, records[:20]).trust == ()


def test_a_flora_with_one_taxon_accepts_or_rejects(
    tmp_path: Path, encoder: Encoder, records: list[Record]
) -> None:
    red = [r for r in records if r.taxon and r.taxon.scientific_name == "Rosa red"]
    more = [
        Record(str(i), FilePart(paint(tmp_path / f"{i}.png", "red", i)), red[0].fields) for i in range(200)
    ]
    some = [r for r in more if r.split == "calibration"]
    assert len(some) >= 10
    build_flora(tmp_path / "flora", encoder, [rose("red")], [*red, *some])
    flora = load_flora(tmp_path / "flora", encoder)
    assert flora.calibration.temperature is not None
    assert flora.calibration.taught_offset is None  # similarity by chance cannot be measured
    answer = ask(flora, paint(tmp_path / "red.png", "red", 1))
    assert (answer.verdict, answer.taxon, answer.probability) == ("sure", rose("red"), 1)
    assert answer.look_alikes == ()
    blue = ask(flora, paint(tmp_path / "blue.png", "blue", 1))
    assert blue.in_flora == pytest.approx(1 / (len(flora.calibration.fits) + 1))  # no photo fits worse
    assert evaluate_flora(flora, red).trust[0].ece <= 0.01
    teach_taxon(tmp_path / "flora", encoder, rose("blue"), [tmp_path / "blue.png"])
    both = load_flora(tmp_path / "flora", encoder)
    assert ask(both, paint(tmp_path / "navy.png", "blue", 2)).predictions[0].taxon == rose("blue")
    assert ask(both, tmp_path / "red.png").predictions[0].taxon == rose("red")
