"""The three layouts of labelled photos are read alike, and what is wrong with one is said in a line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import SHARED_DATA
from wording import refuses

from dalip.datasets.record import Record, read_records, split_of
from dalip.errors import DataError
from tests.dalip.made import fields, write_tar


@pytest.mark.parametrize(
    ("key", "split"),
    [  # keys in the buckets at the borders
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
    one, two, four = read_records(path)
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
    with refuses(DataError, match="its key 'key0' is also that of"):
        read_records(tmp_path, tmp_path / "0.tar")


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        ({"a.jpg": b"x", "a.json": b"{"}, "a.tar:a: its text cannot be read"),
        ({"a.jpg": b"x", "a.json": b"[1]"}, "its .json is not a JSON object"),
        ({"a.jpg": b"x", "a.txt": b"\xff"}, "a.tar:a: its text cannot be read"),
        ({"a.jpg": b"x", "a.png": b"y"}, "a.tar:a: has 2 photos; keep one"),
        ({"a.txt": b"x"}, "holds no photo"),
    ],
)
def test_wrong_shards(tmp_path: Path, members: dict[str, bytes], cause: str) -> None:
    with refuses(DataError, match=cause):
        read_records(write_tar(tmp_path / "a.tar", members))


def test_damaged_shards(tmp_path: Path) -> None:
    """Also those that end between two files or in a header, which Python's own reader takes for whole."""
    whole = write_tar(tmp_path / "a.tar", {"a.jpg": bytes(5000), "b.jpg": bytes(5000)})
    content = whole.read_bytes()
    second = 512 + 5120
    damaged = content[:second] + b"\xff" * 512 + content[second + 512 :]
    cut = [content[:size] for size in (0, 100, 3000, second, second + 100, second + 512, 2 * second)]
    for bad in (*cut, b"not a tar", damaged):
        (tmp_path / "bad.tar").write_bytes(bad)
        with refuses(DataError, match=r"bad\.tar: not a readable WebDataset shard \([^\n]+\)$"):
            read_records(tmp_path / "bad.tar")
    (tmp_path / "bad.tar").write_bytes(content[: 2 * second + 512])
    assert len(read_records(tmp_path / "bad.tar")) == 2
    record = read_records(whole)[0]
    whole.unlink()
    with refuses(DataError, match=r"a\.tar:a: cannot be read"):
        record.read_bytes()


def test_bad_records_are_left_out_and_named_where_that_is_asked_for(tmp_path: Path) -> None:
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
    faults: list[str] = []
    records = read_records(path, tmp_path / "table", faults=faults)
    assert [(r.key, r.captions) for r in records] == [("a", ("good",)), ("b.jpg", ("two",))]
    assert [fault.partition(" (")[0] for fault in faults] == [
        f"{path}:c: its text cannot be read",
        f"{path}:d: its text cannot be read",
        f"{path}:e: has 2 photos; keep one",
        f"{path}:f: has no photo",
        f"{tmp_path}/table/t.csv, line 2: 'gone.jpg' is not a file in {tmp_path}/table; correct the table",
    ]
    (tmp_path / "table" / "b.jpg").unlink()
    with refuses(DataError, match=r"line 2: 'gone\.jpg' is not a file"):  # not: holds no photo
        read_records(tmp_path / "table", faults=faults)


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
def test_captions_are_whatever_texts_there_are(fields: dict[str, object], captions: tuple[str, ...]) -> None:
    assert Record("a", Path("a.jpg"), fields=fields).captions == captions


@pytest.mark.parametrize(("suffix", "separator"), [("csv", ","), ("tsv", "\t")])
def test_a_folder_with_a_table(tmp_path: Path, suffix: str, separator: str) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos" / name).write_bytes(name.encode())
    rows = [
        ["file", "scientificName", "captions"],
        ["photos/a.jpg", "Rosa canina", "one rose"],
        ["photos/b.jpg", "", ""],
    ]
    (tmp_path / f"table.{suffix}").write_text("\n".join(separator.join(row) for row in rows))
    one, two = read_records(tmp_path)
    assert (one.key, two.key) == ("photos/a.jpg", "photos/b.jpg")
    assert one.read_bytes() == b"a.jpg"
    assert one.taxon is not None
    assert one.captions == ("one rose",)
    assert two.taxon is None
    assert two.captions == ()


@pytest.mark.parametrize(
    ("table", "cause"),
    [
        ("name\na.jpg\n", r"column file is missing \(columns found: name\)"),
        ("file\nb.jpg\n", "line 2: 'b.jpg' is not a file"),
        ("scientificName,file\nRosa\n", "line 2: '' is not a file"),
        ("file\n", "holds no photo"),
        ("file\na.jpg\na.jpg\n", "line 3: 'a.jpg' stands in a line before"),
        ("file\n" + "x" * 200_000, "line 2: 'xxx"),
    ],
)
def test_wrong_tables(tmp_path: Path, table: str, cause: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "table.csv").write_text(table)
    with refuses(DataError, match=cause):
        read_records(tmp_path)


def test_a_photo_with_several_captions_has_a_line_for_each(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    lines = ["file,scientificName,caption", *(f"a.jpg,Rosa canina,{n}" for n in ("one", "two", "three"))]
    (tmp_path / "table.csv").write_text("\n".join([*lines, "a.jpg,Viola,four", "a.jpg,Rosa canina,"]))
    faults: list[str] = []
    (record,) = read_records(tmp_path, faults=faults)
    assert record.captions == ("one", "two", "three")
    assert [fault.split(": ", 1)[0][-6:] for fault in faults] == ["line 5", "line 6"]


def test_two_tables_are_one_too_many_until_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    (tmp_path / "a.csv").write_text("file,caption\nphoto.jpg,one\n")
    (tmp_path / "b.TSV").write_text("file\tcaption\nphoto.jpg\ttwo\n")
    with refuses(DataError, match="holds 2 tables; give the one"):
        read_records(tmp_path)
    ((one,), (two,)) = (read_records(tmp_path / name) for name in ("a.csv", "b.TSV"))
    assert (one.captions, two.captions) == (("one",), ("two",))
    (tmp_path / "a.csv").unlink()
    assert read_records(tmp_path) == [two]  # by its folder as by itself


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for name in (
        "Viola/b.JPG",
        "Rosa_canina/deep/er/a.heic",
        "Rosa_canina/notes.txt",
        "Rosa_canina/.hidden.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "loose.jpg").write_bytes(b"x")
    rose, violet = read_records(tmp_path)
    assert (rose.key, violet.key) == ("Rosa_canina/deep/er/a.heic", "Viola/b.JPG")
    assert rose.taxon is not None
    assert rose.taxon.scientific_name == "Rosa canina"


def test_what_is_no_source(tmp_path: Path) -> None:
    with refuses(DataError, match="holds no photo"):
        read_records(tmp_path)
    for name in ("nowhere", "nowhere.tar", "nowhere.csv"):
        with refuses(DataError, match=rf"{name}: no such file or folder$"):
            read_records(tmp_path / name)
    (tmp_path / "photos.zip").write_bytes(b"x")
    with refuses(DataError, match=r"photos\.zip: neither a \.tar shard, nor a \.csv or \.tsv, nor a folder$"):
        read_records(tmp_path / "photos.zip")


def test_a_record_with_fields_of_no_taxon_is_named(tmp_path: Path) -> None:
    record = Record("a", tmp_path / "a.jpg", fields={"scientificName": "Rosa", "taxonRank": "phylum"})
    with refuses(DataError, match=r"a\.jpg: Rosa: unknown taxonRank"):
        _ = record.taxon


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="../shared/data is not there")
def test_the_shared_shards() -> None:
    records = read_records(*sorted(SHARED_DATA.glob("*.tar")))
    assert len(records) == 9918
    plants = [r.taxon for r in records if r.source in ("iNaturalist", "Oxford 102 Flowers")]
    assert len({taxon.scientific_name for taxon in plants if taxon}) == 130
    assert records[0].read_bytes()[:4] == b"RIFF"
