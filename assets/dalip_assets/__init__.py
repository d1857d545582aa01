"""Paths of the built-in encoder, the built-in flora, and the list of harmful plants."""

from pathlib import Path

__all__ = ["ENCODER", "FLORA", "POISONOUS"]

ENCODER = Path(__file__).parent / "encoder"
"""The bundle of the built-in encoder."""

FLORA = Path(__file__).parent / "flora"
"""The built-in flora."""

POISONOUS = Path(__file__).parent / "poisonous.csv"
"""Plants known to do harm."""
