"""How similar a photo must be to be shown by a search."""

from dataclasses import dataclass

from dalip.encoder import Encoder

__all__ = ["SearchLimits", "limits_of"]


@dataclass(frozen=True)
class SearchLimits:
    """Least similarities."""

    words: float
    """Of a photo to words."""
    photo: float
    """Of a photo to a photo."""


_LIMITS = {
    "8163f67c31a7317ae55302794a9b887b2a1d4b23ebd5028e843aeb77fd3219d0": SearchLimits(words=0.52, photo=0.77)
}
"""By the encoder's fingerprint, for similarities mean something else with every encoder.

Source: `benchmarks/search.py`, chosen on validation photos, and docs/search.md, which says what they do on others.
"""


def limits_of(encoder: Encoder) -> SearchLimits | None:
    """Give the limits that were measured for an encoder; `None` where none were, so that nothing should be hidden."""
    return _LIMITS.get(encoder.fingerprint)
