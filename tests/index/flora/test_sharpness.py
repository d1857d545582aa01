"""Temperatures for taxa with unequal evidence, and the threshold of confident answers."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wording import refuses

from dalip.errors import FloraError
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index import Calibration
from dalip_index.flora.calibration import MISFIT_THRESHOLD, softmax
from dalip_index.flora.candidates import Candidates
from dalip_index.flora.fit_calibration import WRONG_SURE
from dalip_index.flora.sharpness import Sharpness, fit_sharpness, levels_of
from dalip_index.flora.similarities import Similarities
from tests.index.calibrating import calibrate

seeds = st.integers(0, 2**32 - 1)
COUNTS = np.repeat([30, 2, 0], [8, 12, 10])
LEVELS = levels_of(COUNTS)
TAXA = [
    Taxon(f"G{i // 3} s{i}", genus=f"G{i // 3}", family=f"F{i // 6}", order="O") for i in range(len(COUNTS))
]


def unequal(seed: int, photos: int) -> tuple[np.ndarray, np.ndarray]:
    """Return similarities and targets of photos of taxa with exact evidence, and with less exact or poor evidence."""
    rng = np.random.default_rng(seed)
    targets = rng.choice(len(COUNTS), photos, p=np.repeat([0.5 / 8, 0.3 / 12, 0.2 / 10], [8, 12, 10]))
    similarities = rng.normal(0, 0.1, (photos, len(COUNTS)))
    similarities[np.arange(photos), targets] += np.repeat([0.45, 0.2, 0.1], [8, 12, 10])[targets]
    return similarities.astype(np.float32), targets


def test_levels_follow_the_number_of_photos() -> None:
    assert levels_of(np.array([0, 1, 4, 5, 90])).tolist() == [1, 1, 1, 0, 0]


def test_several_temperatures_fit_unequal_evidence_better_than_one_temperature() -> None:
    half, rows = 800, np.arange(800)
    losses = np.zeros(2)
    for seed in range(5):
        similarities, targets = unequal(seed, 2 * half)
        known, asked = similarities[:half], similarities[half:]
        one = calibrate(known, targets[:half])
        many = calibrate(known, targets[:half], counts=COUNTS)
        assert many.sharpness is not None
        for place, calibration in enumerate((one, many)):
            shares = calibration.probabilities(asked, levels=LEVELS)
            assert shares is not None
            np.testing.assert_allclose(shares.sum(axis=1), 1)
            losses[place] -= np.log(shares[rows, targets[half:]]).mean()
    assert losses[1] < losses[0]


@given(seeds)
@settings(max_examples=5)
def test_the_likelihood_of_the_right_taxa_is_the_highest_possible(seed: int) -> None:
    similarities, targets = unequal(seed, 500)
    fitted = fit_sharpness(similarities, targets, LEVELS)
    assert fitted is not None

    def loss(sharpness: Sharpness) -> float:
        logits, _ = sharpness.logits(similarities, LEVELS)
        return float(-np.log(softmax(logits)[np.arange(500), targets]).mean())

    for name in ("levels", "statistics"):
        for place in range(2):
            for factor in (0.9, 1.1):
                values = list(getattr(fitted, name))
                values[place] *= factor
                # The penalty on statistics is about a thousandth of their squares.
                assert loss(replace(fitted, **{name: tuple(values)})) > loss(fitted) - 1e-3


@given(seeds, st.sampled_from([0.8, 0.9]))
@settings(max_examples=10)
def test_sets_have_the_requested_coverage_for_each_level(seed: int, coverage: float) -> None:
    similarities, targets = unequal(seed, 4000)
    half = 2000
    calibration = calibrate(similarities[:half], targets[:half], counts=COUNTS)
    shares = Similarities(similarities[half:], np.ones(half), levels=LEVELS).shares(calibration)
    assert shares is not None
    own = shares.probabilities[np.arange(half), targets[half:]]
    for level in np.unique(shares.likely_levels).tolist():
        mine = shares.likely_levels == level
        least = calibration.least_probability(coverage, level)
        assert least is not None
        if mine.sum() >= 300:  # five standard errors
            assert (own[mine] >= least).mean() == pytest.approx(coverage, abs=0.12)


def test_a_level_with_few_calibration_photos_gives_one_temperature() -> None:
    similarities, targets = unequal(0, 1000)
    many = np.flatnonzero(LEVELS[targets] == 0)
    few = np.flatnonzero(LEVELS[targets] == 1)
    some, enough = np.concatenate([many, few[:49]]), np.concatenate([many, few[:50]])
    assert fit_sharpness(similarities[many], targets[many], LEVELS) is None
    assert fit_sharpness(similarities[some], targets[some], LEVELS) is None
    assert fit_sharpness(similarities[enough], targets[enough], LEVELS) is not None


@given(seeds)
@settings(max_examples=10)
def test_excluded_taxa_have_no_probability(seed: int) -> None:
    similarities, targets = unequal(seed, 600)
    calibration = calibrate(similarities, targets, counts=COUNTS)
    rng = np.random.default_rng(seed)
    gone = rng.random(len(COUNTS)) < 0.5
    gone |= int(rng.integers(0, 2)) == LEVELS  # a whole level
    gone[int(rng.choice(np.flatnonzero(LEVELS == 0)))] = False
    masked = np.where(gone, -np.inf, similarities)
    shares = calibration.probabilities(masked, levels=LEVELS)
    assert shares is not None
    assert (shares[:, gone] == 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_a_restricted_answer_is_the_answer_given_the_listed_taxa() -> None:
    similarities, targets = unequal(3, 600)
    calibration = calibrate(similarities, targets, counts=COUNTS)
    whole = Similarities(similarities, np.ones(600), levels=LEVELS).shares(calibration)
    order = np.r_[5:15, 0:5, 15:30]
    some = Similarities(
        similarities[:, order[:10]], np.ones(600), similarities[:, order[10:]], LEVELS[order]
    ).shares(calibration)
    assert whole is not None
    assert some is not None
    listed = whole.probabilities[:, order[:10]]
    np.testing.assert_allclose(some.listed, listed.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(some.probabilities, listed / listed.sum(axis=1, keepdims=True), rtol=1e-6)


def wrong_sure(
    calibration: Calibration,
    similarities: np.ndarray,
    targets: np.ndarray,
    counts: np.ndarray,
    taxa: list[Taxon],
    left_out: bool,
) -> float:
    """Return the share of photos with a wrong confident answer, of the whole flora or without their taxon."""
    rows, tree, wrong = similarities.copy(), TaxonTree(taxa), 0
    if left_out:
        rows[np.arange(len(rows)), targets] = -np.inf
    shares = calibration.probabilities(rows, levels=levels_of(counts))
    assert shares is not None
    for share, row, target in zip(shares, rows, targets.tolist(), strict=True):
        misfit = calibration.foreign(float(row.max()))
        sure = tree.lowest(share, calibration.thresholds(misfit), counts == 0, float(not misfit))
        wrong += sure is not None and sure[0] != taxa[target] and not sure[0].contains(taxa[target])
    return wrong / len(targets)


@given(seeds)
@settings(max_examples=5)
def test_wrong_confident_answers_are_as_rare_as_requested(seed: int) -> None:
    similarities, targets = unequal(seed, 1200)
    half = 600
    calibration = calibrate(similarities[:half], targets[:half], counts=COUNTS, taxa=TAXA)
    for left_out in (False, True):
        wrong = wrong_sure(calibration, similarities[half:], targets[half:], COUNTS, TAXA, left_out)
        # Five standard errors of two halves. At 0.95, the highest threshold, the rate may be higher.
        assert wrong <= WRONG_SURE + 0.07 or calibration.threshold == 0.95


@pytest.mark.parametrize("seed", range(3))
def test_wrong_species_with_few_photos_count_as_wrong_confident_answers(seed: int) -> None:
    """The species of a genus are alike, so that without one of them another one is often the answer."""
    taxa = [Taxon(f"G{g} s{s}", genus=f"G{g}") for g in range(50) for s in range(4)]
    counts, genus = np.repeat([3, 10], [180, 20]), np.arange(200) // 4
    rng, photos = np.random.default_rng(seed), 1000
    targets = rng.integers(0, len(taxa), photos)
    similarities = rng.normal(0, 0.03, (photos, len(taxa))).astype(np.float32)
    alike = genus[targets][:, None] == genus
    similarities[alike] += rng.normal(0.6, 0.07, alike.sum())
    similarities[np.arange(photos), targets] += 0.07
    half = photos // 2
    calibration = calibrate(similarities[:half], targets[:half], counts=counts, taxa=taxa)
    for left_out in (False, True):
        wrong = wrong_sure(calibration, similarities[half:], targets[half:], counts, taxa, left_out)
        assert wrong <= WRONG_SURE + 0.07
    assert calibration.threshold < 0.95


def test_few_photos_keep_the_default_threshold() -> None:
    similarities, targets = unequal(1, 60)
    calibration = calibrate(similarities, targets, counts=COUNTS, taxa=TAXA)
    assert calibration.threshold == 0.8


def test_photos_that_fit_badly_are_not_named_below_the_genus() -> None:
    calibration = Calibration.bare(0.5, 0, 1.0, 20)
    assert calibration.thresholds() == pytest.approx(
        dict.fromkeys(("family", "genus", "species", "subspecies", "variety", "form", "cultivar"), 0.8)
    )
    assert calibration.thresholds(True) == dict.fromkeys(("family", "genus"), MISFIT_THRESHOLD)
    assert calibration.thresholds(orders=True)["order"] == 0.8


def test_a_set_is_shortened_no_more_than_needed() -> None:
    taxa = [Taxon(f"G{g} s{s}", genus=f"G{g}") for g in range(200) for s in range(3)]
    shares = np.zeros(len(taxa))
    shares[:12] = 1 / 12
    candidates = Candidates(taxa, shares, shares, np.zeros(len(taxa), bool))
    found, places = candidates.rolled_up(TaxonTree(taxa), candidates.best(12), 8)
    ranks = [prediction.taxon.taxon_rank for prediction in found.predictions(places)]
    assert sorted(ranks) == ["genus"] * 2 + ["species"] * 6


@given(seeds, st.integers(1, 12))
def test_a_shortened_set_contains_every_taxon(seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(len(TAXA), 0.3))
    candidates = Candidates(TAXA, rng.random(len(TAXA)), shares, rng.random(len(TAXA)) < 0.5)
    tree, rows = TaxonTree(TAXA), candidates.best(int(rng.integers(1, len(TAXA) + 1)))
    found, places = candidates.rolled_up(tree, rows, most)
    shown = found.predictions(places)
    assert len(shown) <= max(most, 1)  # all taxa are of one order
    for row in rows.tolist():
        assert any(p.taxon == TAXA[row] or p.taxon.contains(TAXA[row]) for p in shown)
    if len(rows) <= most:
        assert [p.taxon for p in shown] == [TAXA[row] for row in rows.tolist()]
    for prediction in shown:
        inside = [t == prediction.taxon or prediction.taxon.contains(t) for t in TAXA]
        assert prediction.probability == pytest.approx(shares[inside].sum())


def test_temperatures_are_saved_and_read(tmp_path: Path) -> None:
    similarities, targets = unequal(2, 600)
    calibration = calibrate(similarities, targets, counts=COUNTS)
    calibration.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == calibration
    with pytest.raises(ValueError, match="levels"):
        calibration.probabilities(similarities)


def test_an_earlier_calibration_has_one_temperature(tmp_path: Path) -> None:
    fields = asdict(Calibration.bare(0.5, 0, 0.1, 20))
    del fields["sharpness"], fields["right_by_level"]
    (tmp_path / "calibration.json").write_text(json.dumps(fields))
    found = Calibration.load(tmp_path / "calibration.json")
    values = np.array([[0.1, 0.3]])
    np.testing.assert_allclose(found.probabilities(values), softmax(values / 0.1))  # type: ignore[arg-type]


def test_an_unfit_sharpness_is_refused() -> None:
    sharpness = fit_sharpness(*unequal(2, 600), LEVELS)
    assert isinstance(sharpness, Sharpness)
    for change in (
        {"levels": (10.0, -1.0)},
        {"levels": (10.0, 10.0, 10.0)},
        {"means": sharpness.means[1:]},
        {"statistics": (1.0, float("nan"))},
        {"deviations": (1.0, 0.0)},
    ):
        with refuses(FloraError, match="build the flora again"):
            replace(sharpness, **change)
