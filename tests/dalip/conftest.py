"""What several tests of the method share."""

from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest

from tests.dalip.made import write_shard


@pytest.fixture(scope="module")
def unchecked_shapes() -> Iterator[None]:
    """Leave the checks of shapes out: they look at sizes, which the exporter would then take for fixed."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos whose colour tells the taxon."""
    return write_shard(tmp_path_factory.mktemp("data") / "made.tar")
