"""Paths of the built-in encoder, the built-in flora, and the lists of harmful plants."""

from pathlib import Path

__all__ = ["CONFUSIONS", "ENCODER", "FLORA", "HARM_SOURCES", "POISONOUS"]

ENCODER = Path(__file__).parent / "encoder"
"""The bundle of the built-in encoder."""

FLORA = Path(__file__).parent / "flora"
"""The built-in flora."""

POISONOUS = Path(__file__).parent / "poisonous.csv"
"""Plants known to do harm."""

CONFUSIONS = Path(__file__).parent / "confusions.csv"
"""Plants that people have taken for others, which are in `POISONOUS`."""

HARM_SOURCES = Path(__file__).parent / "harm_sources.csv"
"""The publications that `POISONOUS` and `CONFUSIONS` refer to."""
