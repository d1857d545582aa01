"""Records of photos that a flora keeps or is taught from, and their locations."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from wording import refuses

from dalip.datasets import FilePart, Record, split_of
from dalip.errors import DataError
from dalip.photos import PhotoSource
from dalip.taxonomy import Taxon
from dalip_index.store.kept_photos import (
    TAUGHT,
    KeptCopy,
    digest_of,
    kept_as,
    kept_fields,
    packs_of,
    taught_record,
)

ROSE = Taxon("Rosa canina", genus="Rosa")
COPY = Record("", KeptCopy(Path("photos/a.tar"), 512, 99, digest="abc"))


def test_a_copy_keeps_the_fields_of_the_photo() -> None:
    record = Record("Rosa/1.jpg", FilePart(Path("Rosa/1.jpg")), {"key": "another", "scientificName": "Rosa"})
    kept = kept_as(COPY, record)
    assert (kept.key, digest_of(kept), kept.split) == ("Rosa/1.jpg", "abc", record.split)
    assert kept.name == f"{Path('photos/a.tar')}:Rosa/1.jpg"
    assert json.loads(kept_fields(kept)) == {
        "key": "Rosa/1.jpg",
        "scientificName": "Rosa",
        "splitGroup": "Rosa/1.jpg",
    }
    assert kept_as(COPY, kept) == kept, "a copy of a copy gets no further fields"


def test_a_copy_stays_in_the_split_of_its_observation() -> None:
    record = Record("1.jpg", FilePart(Path("1.jpg")), observation="o1")
    assert kept_as(COPY, record).split == record.split == split_of("o1")


def test_only_kept_photos_are_in_packs() -> None:
    assert packs_of([COPY, Record("1", FilePart(Path("b.tar"))), COPY]) == [Path("photos/a.tar")]
    assert digest_of(Record("1", FilePart(Path("1.jpg")))) == ""


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "image", "function"])
def test_a_photo_for_teaching_is_read_from_any_kind_of_source(tmp_path: Path, kind: str) -> None:
    image = Image.new("RGB", (20, 10), "red")
    image.save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    sources: dict[str, PhotoSource] = {
        "path": tmp_path / "a.png",
        "text": str(tmp_path / "a.png"),
        "bytes": content,
        "image": image,
        "function": lambda: tmp_path / "a.png",
    }
    record = taught_record(3, sources[kind], ROSE, TAUGHT[0])
    assert Image.open(io.BytesIO(record.read_bytes())).size == (20, 10)
    assert record.name == (str(tmp_path / "a.png") if kind in ("path", "text") else "image 3")
    assert record.taxon == ROSE
    assert record.fields["taught"] == "new plant"


def test_a_missing_photo_for_teaching_is_named(tmp_path: Path) -> None:
    record = taught_record(1, tmp_path / "gone.jpg", ROSE, TAUGHT[1])
    with refuses(DataError, match=r"gone\.jpg: no such file"):
        record.read_bytes()
