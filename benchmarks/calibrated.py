"""Measure calibration and coverage by source, also of sources that the calibration has not seen. Run by `trust.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
from accuracy import Groups
from answers import Answered, answer_all
from embedded import Embedded
from intervals import share_of
from numpy.typing import NDArray
from tables import Row

from dalip.taxonomy import Taxon
from dalip_index import Flora
from dalip_index.evaluation.plots import draw_reliability
from dalip_index.evaluation.trust import expected_calibration_error, measure_trust, reliability
from dalip_index.flora.fit_calibration import fit_calibration
from dalip_index.flora.mixture import levels_of
from dalip_index.flora.prototypes import with_unit_appearance
from dalip_index.flora.similarities import compare

SIMULATIONS = 200

Labelled = tuple[Embedded, Sequence[Taxon]]
"""Photos, and the taxon in each."""


def calibration_rows(groups: Groups) -> list[Row]:
    """Return the calibration error and the coverage of the sets, for test photos of taxa that are in the flora."""
    rows: list[Row] = []
    for name, every in groups.items():
        found = [a for a in every if a.evidence >= 0]
        if not found:
            continue
        sizes = [a.set_size for a in found]
        rows.append(
            {
                "source": name,
                "photos": len(found),
                "ECE": 100 * error_of(found),
                "ECE by chance": 100 * error_by_chance(found),
                "coverage at 0.9": share_of([a.covered for a in found]),
                "mean set size": sum(sizes) / len(sizes),
                "median": float(median(sizes)),
            }
        )
    return rows


def error_of(answers: Sequence[Answered]) -> float:
    """Return the expected calibration error (ECE) of the first names."""
    return _error(_probabilities(answers), np.array([a.top1 for a in answers]))


def error_by_chance(answers: Sequence[Answered]) -> float:
    """Return the mean ECE of as many photos with these probabilities if the calibration were perfect."""
    probabilities, random = _probabilities(answers), np.random.default_rng(0)
    drawn = random.random((SIMULATIONS, len(answers))) < probabilities
    return float(np.mean([_error(probabilities, right) for right in drawn]))


def _probabilities(answers: Sequence[Answered]) -> NDArray[np.float64]:
    return np.array([a.probability for a in answers], np.float64)


def _error(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    return expected_calibration_error(reliability(probabilities, right))


def unseen_rows(
    flora: Flora,
    calibrating: Mapping[str, Labelled],
    test: Mapping[str, Labelled],
    untrained: NDArray[np.bool_],
) -> list[Row]:
    """Return the same figures for each source when the flora is calibrated on the other sources only.

    Args:
        flora: The flora.
        calibrating: Calibration photos, by source.
        test: Test photos, by source.
        untrained: Which taxa of the flora have no photo in the training split, shape (taxa,). Their other photos are
            evidence, and left out while the flora is calibrated.
    """
    groups: dict[str, list[Answered]] = {}
    for name, (photos, shown) in test.items():
        others = [of for source, of in calibrating.items() if source != name and of[1]]
        if name in calibrating and others:
            groups[name] = answer_all(recalibrated(flora, others, untrained), photos, shown)
    return calibration_rows(groups)


def recalibrated(flora: Flora, calibrating: Sequence[Labelled], untrained: NDArray[np.bool_]) -> Flora:
    """Return a flora that is calibrated on other photos; the weight of texts stays the same."""
    rows = flora.tree.rows
    vectors = np.concatenate([photos.vectors for photos, _ in calibrating])
    targets = np.array([rows.get(t.scientific_name, -1) for _, shown in calibrating for t in shown], np.intp)
    vectors, targets = vectors[targets >= 0], targets[targets >= 0]
    old = flora.calibration
    prototypes = replace(flora.prototypes, photo_counts=np.where(untrained, 0, flora.prototypes.photo_counts))
    unit, lengths = with_unit_appearance(vectors, flora.encoder.width)
    fitted = fit_calibration(
        old.text_weight,
        old.selection_photos,
        compare(unit, prototypes.vectors(old.text_weight)),
        targets,
        lengths,
        old.chance,
        levels=levels_of(prototypes.photo_counts),
        tree=flora.tree,
    )
    found = Flora(
        flora.folder,
        flora.manifest,
        fitted,
        flora.taxa,
        flora.vectors,
        flora.encoder,
    )
    vars(found).update(tree=flora.tree, prototypes=flora.prototypes, experimental=flora.experimental)
    return found


def draw(flora: Flora, test: Mapping[str, Labelled], path: Path) -> None:
    """Draw the reliability diagram."""
    from matplotlib.figure import Figure

    found = []
    for name, (photos, shown) in test.items():
        targets = np.array([flora.tree.rows.get(t.scientific_name, -1) for t in shown], np.intp)
        if (targets >= 0).sum() >= 100:
            compared = flora.similarities(photos.vectors[targets >= 0])
            found.append(measure_trust(name, compared, targets[targets >= 0], flora.calibration))
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    draw_reliability(figure.subplots(), found)
    figure.savefig(path, dpi=160, metadata={"Software": None})
