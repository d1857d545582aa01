"""Evaluation with few photos per taxon works without warnings."""

import warnings

import numpy as np

from dalip.evaluation import LabelledPhotos, few_shot, linear_probe


def test_one_photo_per_taxon_causes_no_scikit_learn_warnings() -> None:
    vectors, labels = np.eye(24, dtype=np.float32), np.arange(24)
    asked = (vectors, labels, ("garden",) * 24)
    names = tuple(map(str, labels))
    photos = LabelledPhotos(vectors, labels, {"selection": asked, "test": asked}, names, 0, ())
    with warnings.catch_warnings(action="error"):
        (row,) = linear_probe(photos, "test")
        (shots,) = few_shot(photos, "test", (2, 1))
    assert (row.taxa, row.top_1) == (24, 1)
    assert (shots.shots, shots.taxa, shots.top_1) == (1, 24, 1)
