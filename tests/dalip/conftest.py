"""What several tests of the method share."""

from collections.abc import Iterator

import jaxtyping
import pytest


@pytest.fixture(scope="module")
def unchecked_shapes() -> Iterator[None]:
    """Leave the checks of shapes out: they look at sizes, which the exporter would then take for fixed."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
