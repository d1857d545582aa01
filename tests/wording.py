"""Error messages as users see them, for tests of the code that raises the errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dalip.errors import DalipError
from dalip_app.messages.errors import describe

__all__ = ["refuses", "said"]


def said(error: BaseException) -> str:
    """Return the line printed for an error."""
    return describe(error) if isinstance(error, DalipError) else str(error)


@contextmanager
def refuses(kind: type[DalipError], match: str = "") -> Iterator[pytest.ExceptionInfo[DalipError]]:
    """Expect an error, like `pytest.raises`, whose printed line matches a pattern."""
    with pytest.raises(kind) as caught:
        yield caught
    line = said(caught.value)
    assert re.search(match, line), f"{match!r} does not match {line!r}"
    assert "\n" not in line
