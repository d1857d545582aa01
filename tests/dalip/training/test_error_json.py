"""Errors stored in checkpoints and caches equal the errors that were raised."""

from pathlib import Path

from wording import said

from dalip.errors import DataError, ImageError
from dalip.training.error_json import read_error, write_error


def test_error_round_trip() -> None:
    inner = ImageError("image-too-large", source="caf\udce9.jpg", width=50_000, height=1, million=180)
    for error in (
        inner,
        DataError("shard-damaged", source=Path("a.tar"), cause=ValueError("odd")),
        DataError("record-text", source="a.tar:b", cause=inner),
    ):
        found = read_error(write_error(error))
        assert type(found) is type(error)
        assert said(found) == said(error)
        assert write_error(found) == write_error(error)


def test_sequences_are_written_the_same_after_reading() -> None:
    """Otherwise a resumed run would count an error twice."""
    error = DataError("table-column-missing", source="t.csv", columns=("a", "b"))
    assert write_error(read_error(write_error(error))) == write_error(error)


def test_messages_stored_by_earlier_versions_are_still_shown() -> None:
    for text in ("a.tar:b: the file is damaged", "5", '{"class": "NoError"}'):
        assert text in said(read_error(text))
