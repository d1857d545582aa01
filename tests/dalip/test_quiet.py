"""Pillow's warnings about odd photos are shown to library users, but not to users of the commands."""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_images import write_hostile_images
from PIL import Image

from dalip.quiet import ignore_pillow_warnings


@pytest.fixture
def settings_kept() -> Iterator[None]:
    """Restore the warning and log settings of this process afterwards."""
    level = logging.getLogger("PIL").level
    with warnings.catch_warnings(action="default"):
        yield
    logging.getLogger("PIL").setLevel(level)


def read_exif(path: Path) -> None:
    with Image.open(path) as image:
        image.getexif().get_ifd(0x8769)


@pytest.mark.usefixtures("settings_kept")
def test_only_pillows_warnings_and_logs_are_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    odd = write_hostile_images(tmp_path / "made")["broken_exif"]
    with pytest.warns(UserWarning, match="EXIF"):
        read_exif(odd)
    with warnings.catch_warnings(record=True) as caught:
        ignore_pillow_warnings()
        ignore_pillow_warnings()  # calling it twice has the same effect
        read_exif(odd)
        assert caught == []
        warnings.warn("of others", stacklevel=1)
        assert [str(warning.message) for warning in caught] == ["of others"]
    logging.getLogger("PIL.TiffImagePlugin").error("too many samples")
    logging.getLogger("others").error("of others")
    assert caplog.messages == ["of others"]
