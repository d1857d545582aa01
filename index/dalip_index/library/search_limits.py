"""Similarity cut-offs for search: how similar a photo must be to be shown."""

from dataclasses import dataclass

from dalip.encoder import Encoder

__all__ = ["SearchLimits", "limits_of"]


@dataclass(frozen=True)
class SearchLimits:
    """Minimum similarities."""

    words: float
    """Between a photo and words."""
    photo: float
    """Between two photos."""


_LIMITS = {
    "8163f67c31a7317ae55302794a9b887b2a1d4b23ebd5028e843aeb77fd3219d0": SearchLimits(words=0.52, photo=0.77)
}
"""By encoder fingerprint, because similarities are not comparable between encoders.

Source: `benchmarks/search.py`, chosen on validation photos; docs/search.md reports the effect on other photos.
"""


def limits_of(encoder: Encoder) -> SearchLimits | None:
    """Return the cut-offs measured for an encoder; `None` if there are none, and then no photo should be hidden."""
    return _LIMITS.get(encoder.fingerprint)
