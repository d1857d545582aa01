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
    "b309f4293c8a8cc7d6504a75ae9b66a2538b327a61e7a07c37d6b98d551b7323": SearchLimits(words=0.53, photo=0.80)
}
"""By encoder fingerprint, because similarities are not comparable between encoders.

Source: `benchmarks/search.py`, chosen on validation photos; docs/search.md reports the effect on other photos.
"""


def limits_of(encoder: Encoder) -> SearchLimits | None:
    """Return the cut-offs measured for an encoder; `None` if there are none, and then no photo should be hidden."""
    return _LIMITS.get(encoder.fingerprint)
