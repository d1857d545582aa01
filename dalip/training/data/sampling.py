"""Plan which photos each step learns from, reproducible from weights, seed and step."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Item", "Sampling"]


class Item(NamedTuple):
    """One draw: position of the record, number of the draw as random seed, and pixels per side."""

    position: int
    draw: int
    size: int


class Sampling:
    """An endless sequence of draws, reshuffled in every epoch."""

    def __init__(self, weights: Sequence[float], batch_size: int, seed: int) -> None:
        """Choose how often each record is drawn.

        Args:
            weights: Draws of each record per epoch, on average: 1 is exactly once, 0.5 every other epoch, 2 twice.
            batch_size: Draws per step; the last, incomplete batch of an epoch is filled up from the next epoch.
            seed: Determines the order.
        """
        self.weights = np.asarray(weights, dtype=np.float64)
        self.batch_size, self.seed = batch_size, seed
        self.per_epoch = max(1, round(float(self.weights.sum())))
        self._epochs: dict[int, NDArray[np.int64]] = {}

    @property
    def steps_per_epoch(self) -> float:
        """Batches per epoch, where an incomplete last batch counts as a fraction."""
        return self.per_epoch / self.batch_size

    def steps_in(self, epochs: float) -> int:
        """Return the number of steps in this many epochs, at least one."""
        return max(1, round(self.steps_per_epoch * epochs))

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the positions drawn in one epoch, in order.

        This is systematic sampling. Records are laid end to end in random order, each as long as its weight, and
        picked at unit steps from a random start. So each is drawn as often as its weight, rounded up or down.
        """
        random = np.random.default_rng([self.seed, number])
        order = random.permutation(len(self.weights))
        ends = np.cumsum(self.weights[order])
        ends *= self.per_epoch / ends[-1]
        picks = np.searchsorted(ends, random.random() + np.arange(self.per_epoch), side="right")
        drawn: NDArray[np.int64] = order[np.minimum(picks, len(order) - 1)]
        random.shuffle(drawn)
        return drawn

    def batches(self, start: int, total: int, size_at: Callable[[float], int]) -> Iterator[list[Item]]:
        """Plan the batches from step `start` to `total`.

        Args:
            start: The first step.
            total: Steps of the whole run.
            size_at: Returns the pixels per side of training crops at a fraction of the run, in [0, 1).
        """
        for step in range(start, total):
            size = size_at(step / total)
            first = step * self.batch_size
            yield [Item(self._at(first + i), first + i, size) for i in range(self.batch_size)]

    def _at(self, draw: int) -> int:
        number, offset = divmod(draw, self.per_epoch)
        if number not in self._epochs:
            # Batches are read in order: one epoch at a time is enough.
            self._epochs = {number: self.epoch(number)}
        return int(self._epochs[number][offset])
