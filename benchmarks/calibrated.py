"""Measure calibration and coverage by source, also of sources that the calibration has not seen. Run by `trust.py`."""

from collections.abc import Mapping, Sequence
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
from dalip_index.build.learn import PhotoVectors, learn
from dalip_index.evaluation.plots import draw_reliability
from dalip_index.evaluation.trust import expected_calibration_error, measure_trust, reliability
from dalip_index.store.catalogue import ROLE_OF_SPLIT, Role

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
                "coverage at 0.9": share_of([a.covered_itself for a in found]),
                "of shortened sets": share_of([a.covered for a in found]),
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


def unseen_rows(flora: Flora, evidence: Mapping[str, Labelled], test: Mapping[str, Labelled]) -> list[Row]:
    """Return the same figures for each source when the flora is calibrated on the other sources only.

    Args:
        flora: The flora.
        evidence: The photos that it was built from, by source.
        test: Test photos, by source.
    """
    groups: dict[str, list[Answered]] = {}
    for name, of in test.items():
        if name in evidence and len(evidence) > 1:
            groups[name] = answer_all(relearned(flora, evidence, name), *of)
    return calibration_rows(groups)


def relearned(flora: Flora, evidence: Mapping[str, Labelled], unseen: str) -> Flora:
    """Return a flora with the same evidence that no photo of one source helped to choose or calibrate."""
    roles: list[Role] = []
    for name, (photos, _) in evidence.items():
        roles += ["evidence" if name == unseen else ROLE_OF_SPLIT[r.split] for r in photos.records]
    rows, old = flora.tree.rows, flora.prototypes
    labels = np.array([rows[t.scientific_name] for _, shown in evidence.values() for t in shown], np.intp)
    vectors = np.concatenate([photos.vectors for photos, _ in evidence.values()]).astype(np.float16)
    photos = PhotoVectors(vectors, labels, roles, flora.encoder.width)
    learned = learn(old.text[:], old.text_counts, photos, flora.taxa, measure=False)
    found = Flora(
        flora.folder,
        flora.manifest,
        learned.calibration,
        flora.tree,
        learned.prototypes,
        flora.encoder,
    )
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
