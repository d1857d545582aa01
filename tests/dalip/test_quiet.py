"""Pillow's remarks on odd photos reach those who use the library, and not those who use a command."""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_images import write_hostile_images

from dalip.photos import open_image
from dalip.quiet import ignore_pillow_warnings


@pytest.fixture
def settings_kept() -> Iterator[None]:
    """Leave the settings of this process as they are."""
    level = logging.getLogger("PIL").level
    with warnings.catch_warnings(action="default"):
        yield
    logging.getLogger("PIL").setLevel(level)


@pytest.mark.usefixtures("settings_kept")
def test_warnings_and_logs_of_pillow_alone_are_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = write_hostile_images(tmp_path / "made")["broken_exif"]
    with pytest.warns(UserWarning, match="EXIF"):
        open_image(odd)
    with warnings.catch_warnings(record=True) as caught:
        ignore_pillow_warnings()
        ignore_pillow_warnings()  # twice is as good
        open_image(odd)
        assert caught == []
        warnings.warn("of others", stacklevel=1)
        assert [str(warning.message) for warning in caught] == ["of others"]
    logging.getLogger("PIL.TiffImagePlugin").error("too many samples")
    logging.getLogger("others").error("of others")
    assert caplog.messages == ["of others"]
