"""Calibrate on synthetic similarities, and give a flora another calibration."""

import copy

import numpy as np

from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index import Calibration, Flora
from dalip_index.flora.fit_calibration import fit_calibration

__all__ = ["calibrate", "with_calibration"]


def calibrate(
    similarities: np.ndarray,
    targets: np.ndarray,
    lengths: np.ndarray | None = None,
    counts: np.ndarray | None = None,
    taxa: list[Taxon] | None = None,
) -> Calibration:
    """Calibrate a flora, by default of unrelated species with many photos each."""
    number = similarities.shape[1]
    tree = TaxonTree(taxa or [Taxon(f"G{i} s", genus=f"G{i}") for i in range(number)])
    counts = np.full(number, 9) if counts is None else counts
    lengths = np.ones(len(targets)) if lengths is None else lengths
    return fit_calibration(0.5, 0, similarities, targets, lengths, None, counts, tree)


def with_calibration(flora: Flora, calibration: Calibration) -> Flora:
    """Return the flora with another calibration."""
    made = copy.copy(flora)
    made.calibration = calibration
    return made
