"""Records: the split rule has not changed, and a record returns what its fields contain."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wording import refuses

from dalip.datasets import FilePart, Record, split_of
from dalip.errors import DataError


@pytest.mark.parametrize(
    ("key", "split"),
    [  # keys in the buckets at the split boundaries
        ("photo10", "train"),  # 0
        ("photo35", "train"),  # 69
        ("photo213", "selection"),  # 70
        ("photo23", "selection"),  # 79
        ("photo47", "calibration"),  # 80
        ("photo50", "calibration"),  # 89
        ("photo38", "test"),  # 90
        ("photo116", "test"),  # 99
    ],
)
def test_the_split_rule_has_not_changed(key: str, split: str) -> None:
    assert split_of(key) == split


@given(st.text(st.characters(exclude_categories=[])))
def test_every_key_has_a_split(key: str) -> None:
    assert split_of(key) in ("train", "selection", "calibration", "test")


def test_the_splits_have_the_stated_shares() -> None:
    splits = [split_of(str(i)) for i in range(10_000)]
    shares = {name: splits.count(name) / len(splits) for name in set(splits)}
    assert shares == pytest.approx(
        {"train": 0.7, "selection": 0.1, "calibration": 0.1, "test": 0.1}, abs=0.02
    )


@pytest.mark.parametrize(
    ("fields", "captions"),
    [
        ({"captions": ["a", "", 5, "b"], "caption": "c"}, ("a", "b")),
        ({"captions": "a", "text": "c"}, ("a",)),
        ({"captions": [], "caption": " ", "text": "c"}, ("c",)),
        ({"captions": 5, "caption": {"a": 1}, "text": None}, ()),
        ({}, ()),
    ],
)
def test_captions_come_from_the_first_usable_field(
    fields: dict[str, object], captions: tuple[str, ...]
) -> None:
    assert Record("a", FilePart(Path("a.jpg")), fields).captions == captions


def test_a_record_whose_fields_are_not_a_taxon_is_named_in_the_error(tmp_path: Path) -> None:
    record = Record("a", FilePart(tmp_path / "a.jpg"), {"scientificName": "Rosa", "taxonRank": "phylum"})
    with refuses(DataError, match=r"a\.jpg: Rosa: unknown taxonRank"):
        _ = record.taxon


def test_photos_in_one_group_share_a_split() -> None:
    place = FilePart(Path("a.jpg"))
    alone = Record("a", place)
    seen = Record("a", place, observation="o1")
    told = Record("a", place, {"splitGroup": "g"}, observation="o1")
    assert [record.group for record in (alone, seen, told)] == ["a", "o1", "g"]
    assert [record.split for record in (alone, seen, told)] == [split_of(group) for group in ("a", "o1", "g")]
    assert Record("a", place, {"splitGroup": 5}).group == "a"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_in_place_of_a_photo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with refuses(DataError, match=r"a\.jpg: this is a pipe or a device, not a file"):
        Record("a", FilePart(tmp_path / "a.jpg")).read_bytes()
