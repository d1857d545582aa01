"""Right and wrong confident answers, with and without the taxon in the flora, and calibrations from other sources."""

from pathlib import Path

import numpy as np

from dalip.encoder import Encoder
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index import load_flora
from dalip_index.evaluation.sure import measure_sure
from dalip_index.evaluation.trust import leave_source_out
from dalip_index.flora.similarities import Similarities
from tests.index.conftest import rose
from tests.index.flora.test_mixture import LEVELS, TAXA, unequal


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


def test_each_source_is_measured_with_the_calibration_of_the_others() -> None:
    similarities, targets = unequal(5, 1200)
    sources = np.where(np.arange(1200) % 3 == 0, "easy", "hard")
    similarities[sources == "easy", targets[sources == "easy"]] += 0.3
    found = Similarities(similarities, np.linspace(0.9, 1.1, 1200), levels=LEVELS)
    easy, hard = leave_source_out(found, targets, sources, TaxonTree(TAXA))
    assert [(t.source, t.photos) for t in (easy, hard)] == [("easy", 400), ("hard", 800)]
    assert easy.coverage["0.9"] > 0.9 > hard.coverage["0.9"]
    assert all(hard.shown_size[name] <= size + 1e-9 for name, size in hard.set_size.items())
