"""Right and wrong confident answers, with and without the taxon in the flora, and prediction sets as they are shown."""

from pathlib import Path

import numpy as np

from dalip.encoder import Encoder
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index import load_flora
from dalip_index.evaluation.sure import measure_sure
from dalip_index.evaluation.trust import measure_trust
from dalip_index.flora.answer import LONGEST_SET
from dalip_index.flora.similarities import Similarities
from tests.index.calibrating import calibrate
from tests.index.conftest import rose
from tests.index.flora.test_sharpness import COUNTS, LEVELS, TAXA, unequal


def test_confident_answers_are_right_at_the_rank_that_they_claim(flora_path: Path, encoder: Encoder) -> None:
    flora = load_flora(flora_path, encoder)
    number, rows = len(flora.taxa), np.arange(len(flora.taxa))
    values = np.zeros((number, number), np.float32)
    values[rows, rows] = 1
    found = Similarities(values, np.ones(number))
    known = measure_sure("known", flora, found, flora.taxa)
    assert (known.kind, known.photos, known.right, known.wrong_total) == ("known", number, {"species": 1}, 0)
    others = measure_sure("others", flora, found, [Taxon(f"Viola {i}", genus="Viola") for i in range(number)])
    assert (others.wrong, others.right_total) == ({"species": 1}, 0)
    assert (values[rows, rows] == 1).all()


def test_without_the_taxon_only_its_higher_taxa_can_be_right(flora_path: Path, encoder: Encoder) -> None:
    flora = load_flora(flora_path, encoder)
    values = np.full((1, len(flora.taxa)), 0.9, np.float32)
    values[0, flora.row(rose("red"))] = 1
    found = measure_sure("left out", flora, Similarities(values, np.ones(1)), [rose("red")], leave_out=True)
    assert (found.right, found.wrong) == ({"genus": 1}, {})


def test_sets_are_measured_as_they_are_shown() -> None:
    similarities, targets = unequal(5, 1200)
    found = Similarities(similarities, np.linspace(0.9, 1.1, 1200), levels=LEVELS)
    calibration = calibrate(similarities, targets, found.lengths, COUNTS, TAXA)
    trust = measure_trust("made", found, targets, calibration, TaxonTree(TAXA))
    assert all(trust.shown_size[name] <= size for name, size in trust.set_size.items())
    assert trust.shown_size["0.95"] <= LONGEST_SET
    assert not measure_trust("made", found, targets, calibration).shown_size
