"""Paths used in tests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
"""The checkout."""

SHARED_DATA = ROOT.parent / "shared" / "data"
"""Photographs of the project, which need not be there."""

GOLDEN = ROOT / "tests" / "dalip" / "golden"
"""Numbers computed with the authors' modules."""


@contextmanager
def temporary(factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """Make a folder for a fixture of a module whose files are large, and delete it at the end of the block."""
    folder = factory.mktemp(name)
    yield folder
    shutil.rmtree(folder)
