"""Fixtures shared by the tests of the method."""

from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest

from tests.dalip.made import write_shard


@pytest.fixture(scope="module")
def unchecked_shapes() -> Iterator[None]:
    """Disable shape checks, which read sizes, so the exporter would treat those sizes as constants."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shard of photos in which each taxon has its own colour."""
    return write_shard(tmp_path_factory.mktemp("data") / "made.tar")
