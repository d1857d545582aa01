"""Paths used in tests."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The checkout."""

SHARED_DATA = ROOT.parent / "shared" / "data"
"""Photographs of the project, which need not be there."""

GOLDEN = ROOT / "tests" / "dalip" / "golden"
"""Numbers computed with the authors' modules."""
