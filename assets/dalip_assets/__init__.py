"""The built-in encoder and flora: where they are on this machine."""

from pathlib import Path

__all__ = ["ENCODER", "FLORA"]

ENCODER = Path(__file__).parent / "encoder"
"""The bundle of the built-in encoder."""

FLORA = Path(__file__).parent / "flora"
"""The built-in flora."""
