"""Paths used in tests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
"""Root of the checkout."""

SHARED_DATA = ROOT.parent / "shared" / "data"
"""Photos used by the project, which may be missing."""

GOLDEN = ROOT / "tests" / "dalip" / "golden"
"""Numbers computed with the authors' modules."""


@contextmanager
def temporary(factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """Create a folder for a module fixture with large files, and delete it at the end of the block."""
    folder = factory.mktemp(name)
    yield folder
    shutil.rmtree(folder)
