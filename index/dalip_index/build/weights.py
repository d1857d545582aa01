"""Choose on validation photos how a flora weighs its evidence: text weight and shrinkage."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dalip.encoder import Vectors
from dalip_index.flora.calibration import MIN_PHOTOS
from dalip_index.flora.comparison import Comparison
from dalip_index.flora.prototypes import Prototypes
from dalip_index.store.manifest import Shrinkage

__all__ = ["choose_weights"]


class _Choice(NamedTuple):
    """What is chosen."""

    text_weight: float
    genus: float
    family: float

    @property
    def shrinkage(self) -> Shrinkage:
        return Shrinkage(self.genus, self.family)


_DEFAULT = _Choice(0.5, 0.5, 0.2)
"""Used if there are too few validation photos; for the strengths of shrinkage, see docs/results.md."""

_TEXT_WEIGHTS = tuple(step / 20 for step in range(21))
_STRENGTHS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
# Never 0, because taxa without photos would not be compared with their genus and family.
_GRIDS = {"text_weight": _TEXT_WEIGHTS, "genus": _STRENGTHS, "family": _STRENGTHS}
_STEPS = (4, 2, 1)  # places in these lists
_CHOOSE_ON = 10_000_000  # pairs of a photo and a taxon: more take longer and hardly change what is chosen
_ROUNDS = 3
_SHARPNESS = (0.01, 10_000.0)
_NEWTON_STEPS = 20
_TOLERANCE = 0.02  # relative; the loss is flat at its minimum


def choose_weights(
    prototypes: Prototypes, photos: Vectors, targets: NDArray[np.intp]
) -> tuple[float, Shrinkage]:
    """Choose the text weight and the shrinkage that maximise the likelihood of the right class on validation photos.

    The likelihood, with the temperature fitted for each choice, changes smoothly. The hit rate on a few hundred photos
    is too noisy. One number is chosen after the other, several times.

    Args:
        prototypes: Prototypes of the taxa; their shrinkage is not used.
        photos: The validation photos, shape (photos, E + A).
        targets: Row of the right taxon for each photo, shape (photos,).

    Returns:
        The text weight, 0 to 1, and the shrinkage; the defaults if there are fewer than `MIN_PHOTOS` photos.
    """
    if len(targets) < MIN_PHOTOS:
        return _DEFAULT.text_weight, _DEFAULT.shrinkage
    number = min(len(targets), max(_CHOOSE_ON // len(prototypes.text), MIN_PHOTOS))
    some = np.linspace(0, len(targets) - 1, number).astype(np.intp)
    photos, targets = photos[some], targets[some]
    search, choice = _Search(prototypes, photos, targets), _DEFAULT
    for _ in range(_ROUNDS):
        before = choice
        for name in _GRIDS:
            choice = search.best(choice, name)
        if choice == before:
            break
    return choice.text_weight, choice.shrinkage


class _Search:
    """Losses of choices on validation photos, each computed once."""

    def __init__(self, prototypes: Prototypes, photos: Vectors, targets: NDArray[np.intp]) -> None:
        self._prototypes, self._photos, self._targets = prototypes, photos, targets
        self._losses: dict[_Choice, float] = {}
        self._sharpness = 20.0  # the inverse temperature, where the next fit starts

    def best(self, choice: _Choice, name: str) -> _Choice:
        """Climb to the best value of one number, in ever shorter steps."""
        grid = _GRIDS[name]
        for step in _STEPS:
            found = None
            while found != choice:
                choice = found or choice
                place = grid.index(getattr(choice, name))
                near = [p for p in (place, place - step, place + step) if 0 <= p < len(grid)]
                found = min((choice._replace(**{name: grid[p]}) for p in near), key=self._loss)
        return choice

    def _loss(self, choice: _Choice) -> float:
        if choice not in self._losses:
            prototypes = replace(self._prototypes, shrinkage=choice.shrinkage)
            similarities = Comparison(prototypes, choice.text_weight)(self._photos)
            loss, self._sharpness = _fitted_loss(similarities, self._targets, self._sharpness)
            self._losses[choice] = loss
        return self._losses[choice]


def _fitted_loss(similarities: Vectors, targets: NDArray[np.intp], sharpness: float) -> tuple[float, float]:
    """Return the mean negative log-likelihood at the best temperature, and the inverse of that temperature.

    The loss is convex in the inverse temperature, and Newton's method needs two or three steps from a good start.
    """
    own = similarities[np.arange(len(targets)), targets]
    relative = similarities - own[:, None]
    for _ in range(_NEWTON_STEPS):
        logits = relative * np.float32(sharpness)
        peaks = logits.max(axis=1, keepdims=True)
        np.exp(logits - peaks, out=logits)
        total = logits.sum(axis=1)
        first = np.einsum("ij,ij->i", logits, relative) / total
        logits *= relative
        second = np.einsum("ij,ij->i", logits, relative) / total
        loss = float(np.mean(np.log(total) + peaks[:, 0]))
        slope, curvature = float(first.mean()), float((second - np.square(first)).mean())
        step = -slope / curvature if curvature > 0 else 0.0
        after = min(max(sharpness + step, sharpness / 4, _SHARPNESS[0]), sharpness * 4, _SHARPNESS[1])
        if abs(after - sharpness) <= _TOLERANCE * sharpness:
            break
        sharpness = after
    return loss, sharpness
