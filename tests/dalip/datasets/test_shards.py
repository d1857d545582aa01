"""Shards are read in place, damaged ones are rejected as a whole, and a bad photo is reported by its key."""

from pathlib import Path

import pytest
from paths import SHARED_DATA
from wording import refuses

from dalip.datasets import read_records, require_unique_keys, split_of
from dalip.errors import DataError
from tests.dalip.heard import Heard
from tests.dalip.made import fields, write_tar


def test_a_shard(tmp_path: Path) -> None:
    path = write_tar(
        tmp_path / "a.tar",
        {
            "one.jpg": b"first image",
            "one.json": fields(scientificName="Rosa canina", references="https://example.org/observation/1"),
            "one.txt": "a rose — in text".encode(),
            "./two.webp": b"second",
            "./two.json": fields(captions=["a dog", "a hound"], source="general"),
            "sub.folder/three.seg.png": b"not an image of ours",
            "sub.folder/four.PNG": b"fourth",
            "sub.folder/four.JSON": fields(caption="a cat"),
            "._one.jpg": b"left by a Mac",
            "notes.txt": b"of no image",
        },
    )
    heard = Heard()
    one, two, four = heard.read(path).values()
    assert heard.faults == [f"{path}:notes: the record has no photo; it needs exactly one"]
    assert (one.key, two.key, four.key) == ("one", "two", "sub.folder/four")
    assert [record.read_bytes() for record in (one, two, four)] == [b"first image", b"second", b"fourth"]
    assert one.taxon is not None
    assert one.taxon.scientific_name == "Rosa canina"
    assert one.taxon.references == ()
    assert one.fields["text"] == "a rose — in text"
    assert one.name == f"{path}:one"
    assert one.split == split_of("one")
    assert two.captions == ("a dog", "a hound")
    assert two.taxon is None
    assert four.captions == ("a cat",)
    assert (two.source, four.source) == ("general", tmp_path.name)


def test_a_folder_of_shards_and_several_sources(tmp_path: Path) -> None:
    for i in range(3):
        write_tar(tmp_path / f"{2 - i}.tar", {f"key{2 - i}.jpg": b"x"})
    assert [r.key for r in read_records(tmp_path)] == ["key0", "key1", "key2"]
    found = read_records(tmp_path, tmp_path / "0.tar")
    assert [r.key for r in found] == ["key0", "key1", "key2", "0.tar/key0"], "a shared key names its source"
    with refuses(
        DataError, match=r"0\.tar:key0: the key 'key0' is also the key of .*0\.tar:key0; rename one"
    ):
        require_unique_keys([found[0], found[0]])


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        ({"a.jpg": b"x", "a.json": b"{"}, "a.tar:a: the .json or .txt file next to the photo cannot be read"),
        ({"a.jpg": b"x", "a.json": b"[1]"}, "a.tar:a: the .json file next to the photo is not a JSON object"),
        (
            {"a.jpg": b"x", "a.txt": b"\xff"},
            "a.tar:a: the .json or .txt file next to the photo cannot be read",
        ),
        ({"a.jpg": b"x", "a.png": b"y"}, "a.tar:a: the record has 2 photos; it needs exactly one"),
        ({"a.txt": b"x"}, "a.tar:a: the record has no photo"),
        ({}, r"a\.tar: the source contains no photos; looked for \.avif"),
    ],
)
def test_wrong_shards(tmp_path: Path, members: dict[str, bytes], cause: str) -> None:
    with refuses(DataError, match=cause):
        read_records(write_tar(tmp_path / "a.tar", members))


def test_damaged_shards(tmp_path: Path) -> None:
    """Including shards cut between two files or in a header, which `tarfile` accepts as complete."""
    whole = write_tar(tmp_path / "a.tar", {"a.jpg": bytes(5000), "b.jpg": bytes(5000)})
    content = whole.read_bytes()
    second = 512 + 5120
    damaged = content[:second] + b"\xff" * 512 + content[second + 512 :]
    cut = [content[:size] for size in (0, 100, 3000, second, second + 100, second + 512, 2 * second)]
    for bad in (*cut, b"not a tar", damaged):
        (tmp_path / "bad.tar").write_bytes(bad)
        with refuses(
            DataError,
            match=r"bad\.tar: this is not a complete, readable shard \([^\n]+\); copy or download it again$",
        ):
            read_records(tmp_path / "bad.tar")
    (tmp_path / "bad.tar").write_bytes(content[: 2 * second + 512])
    assert len(read_records(tmp_path / "bad.tar")) == 2
    record = read_records(whole)[0]
    whole.unlink()
    with refuses(DataError, match=r"a\.tar:a: the photo cannot be read"):
        record.read_bytes()


def test_bad_records_are_skipped_and_reported_if_requested(tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "b.jpg").write_bytes(b"x")
    (tmp_path / "table" / "t.csv").write_text("file,caption\ngone.jpg,one\nb.jpg,two\n")
    bad = {
        "c.jpg": b"x",
        "c.json": b"{",
        "d.jpg": b"x",
        "d.txt": b"\xff",
        "e.jpg": b"x",
        "e.png": b"y",
        "f.txt": b"z",
    }
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"x", "a.txt": b"good"} | bad)
    heard = Heard()
    records = heard.read(path, tmp_path / "table").values()
    assert [(r.key, r.captions) for r in records] == [("a", ("good",)), ("b.jpg", ("two",))]
    assert [fault.partition(" (")[0] for fault in heard.faults] == [
        f"{path}:c: the .json or .txt file next to the photo cannot be read",
        f"{path}:d: the .json or .txt file next to the photo cannot be read",
        f"{path}:e: the record has 2 photos; it needs exactly one",
        f"{path}:f: the record has no photo; it needs exactly one",
        f"{tmp_path}/table/t.csv, line 2: 'gone.jpg' is not a file in {tmp_path}/table; correct the name",
    ]
    (tmp_path / "table" / "b.jpg").unlink()
    with refuses(DataError, match=r"nothing in this source can be used; .*line 2: 'gone\.jpg' is not a file"):
        heard.read(tmp_path / "table")


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="../shared/data is not there")
def test_the_shared_shards() -> None:
    records = read_records(*sorted(SHARED_DATA.glob("*.tar")))
    assert len(records) == 9918
    plants = [r.taxon for r in records if r.source in ("iNaturalist", "Oxford 102 Flowers")]
    assert len({taxon.scientific_name for taxon in plants if taxon}) == 130
    assert records[0].read_bytes()[:4] == b"RIFF"
