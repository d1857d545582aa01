"""Errors carry data, and keep it when callers extend them, when they are pickled, and when they are printed."""

import copy
import pickle
from pathlib import Path

import pytest
from wording import said

from dalip import errors
from dalip.errors import DalipError, DataError, ImageError, Skipped, first_line

FAMILIES = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]


def damaged() -> ImageError:
    return ImageError("image-too-large", source="rose.jpg", width=50_000, height=40_000, million=200)


def test_an_error_has_a_kind_a_source_and_facts() -> None:
    error = damaged()
    assert (error.kind, error.source) == ("image-too-large", "rose.jpg")
    assert error.facts == {"width": 50_000, "height": 40_000, "million": 200}
    assert str(error) == "rose.jpg: image-too-large (width=50000, height=40000, million=200)"
    assert repr(error) == (
        "ImageError('image-too-large', source='rose.jpg', width=50000, height=40000, million=200)"
    )
    bare = DataError("image-empty", source=Path("a") / "b.jpg")
    assert str(bare) == f"{Path('a') / 'b.jpg'}: image-empty"
    assert (str(DataError("image-empty")), repr(DataError("image-empty"))) == (
        "image-empty",
        "DataError('image-empty')",
    )


def test_a_caller_can_add_a_source() -> None:
    error = damaged()
    outer = error.about(Path("photos.zip"))
    assert type(outer) is ImageError
    assert outer.source == "photos.zip: rose.jpg"
    assert (outer.kind, outer.facts) == (error.kind, error.facts)
    assert error.source == "rose.jpg"  # the original is unchanged
    assert DataError("image-empty").about("rose.jpg").source == "rose.jpg"


def test_an_error_can_be_recast_as_another_class() -> None:
    error = damaged()
    other = error.recast(DataError)
    assert type(other) is DataError
    assert said(other) == said(error)
    assert error.recast(ImageError) is error
    assert error.recast(DalipError) is error


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_errors_pass_from_one_process_to_another(family: type[DalipError], again: object) -> None:
    error = family("image-not-opened", source="a.tar: rose.jpg", cause=damaged(), paths=[Path("x"), 3])
    assert callable(again)
    found = again(error)
    assert type(found) is family
    assert (str(found), repr(found), said(found)) == (str(error), repr(error), said(error))
    assert isinstance(found.facts["cause"], ImageError)
    assert found.facts["cause"].facts == damaged().facts


def test_all_errors_have_one_base_class() -> None:
    assert all(issubclass(family, DalipError) for family in FAMILIES)


def test_skipped_items_are_reported_with_their_source() -> None:
    named, nameless = damaged(), ImageError("image-empty")
    assert Skipped.of("photos/rose.jpg", named) == Skipped("photos/rose.jpg", named)
    found = Skipped.of("photos/rose.jpg", nameless)
    assert (found.source, found.error.source) == ("photos/rose.jpg", "photos/rose.jpg")


def test_messages_from_other_libraries_are_cut_to_one_line() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
