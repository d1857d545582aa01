"""The training data of a run: sources of every layout are weighted and balanced, and unusable records are skipped."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from wording import refuses, said

from dalip.datasets import read_records, split_of
from dalip.encoder.manifest import ImageSettings
from dalip.errors import DalipError, DataError, TrainingError
from dalip.training.config import source_of
from dalip.training.data.batches import PhotoDataset
from dalip.training.data.corpus import Corpus, load_corpus
from dalip.training.data.sampling import Item, Sampling
from tests.dalip.made import fields, png, write_tar
from tests.dalip.runs import tiny_config

IMAGE = ImageSettings(8, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
PHOTO = png(np.random.default_rng(0).integers(0, 255, (12, 10, 3)))


def write_plants(path: Path, **counts: int) -> Path:
    """Write the given number of training photos for each species of Rosa, and one photo for every other split."""
    members = {}
    for epithet, count in counts.items():
        said = fields(scientificName=f"Rosa {epithet}", source="plants")
        keys = [f"{path.stem}-{epithet}-{i}" for i in range(2 * count + 60)]
        chosen = [key for key in keys if split_of(key) == "train"][:count]
        chosen += [next(k for k in keys if split_of(k) == s) for s in ("selection", "calibration", "test")]
        members |= {f"{k}.{s}": content for k in chosen for s, content in (("png", PHOTO), ("json", said))}
    return write_tar(path, members)


def write_captioned(folder: Path, count: int, header: str = "file,caption") -> Path:
    folder.mkdir()
    rows = [f"{folder.name}-{i}.png,a dog that is number {i}" for i in range(count)]
    for row in rows:
        (folder / row.partition(",")[0]).write_bytes(PHOTO)
    (folder / "captions.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    return folder


def drawn(corpus: Corpus, epochs: int = 200) -> Counter[str]:
    """Count how often a run draws each taxon; captions are counted together."""
    photos = PhotoDataset(corpus, tiny_config("x"), IMAGE)
    sampling = Sampling(photos.weights, 8, 0)
    taxa = [r.taxon.scientific_name if r.taxon else "captions" for r in photos.records]
    return Counter(taxa[i] for number in range(epochs) for i in sampling.epoch(number))


def test_a_weight_sets_how_often_a_source_is_drawn(tmp_path: Path) -> None:
    plants = write_plants(tmp_path / "a.tar", rubra=30)
    captioned = write_captioned(tmp_path / "dogs", 40)
    train = sum(record.split == "train" for record in read_records(captioned))
    times = drawn(load_corpus(tiny_config((f"{plants}@0.5", f"{captioned}@2"))), epochs=200)
    assert times["Rosa rubra"] / 200 == pytest.approx(15, rel=0.02)
    assert times["captions"] / 200 == pytest.approx(2 * train, rel=0.02)


@pytest.mark.parametrize(("balance", "ratio"), [(0.0, 16), (0.5, 4), (1.0, 1)])
def test_balance_draws_rare_taxa_more_often_and_keeps_the_share_of_captions(
    tmp_path: Path, balance: float, ratio: float
) -> None:
    plants = write_plants(tmp_path / "a.tar", rubra=64, alba=4)
    captioned = write_captioned(tmp_path / "dogs", 40)
    corpus = load_corpus(tiny_config((str(plants), str(captioned)), balance=balance))
    times = drawn(corpus)
    assert times["Rosa rubra"] / times["Rosa alba"] == pytest.approx(ratio, rel=0.1)
    assert (times["Rosa rubra"] + times["Rosa alba"]) / 200 == pytest.approx(68, rel=0.02)
    assert len(corpus.weights) == len(corpus.records)


def test_sources_of_every_layout_are_mixed(tmp_path: Path) -> None:
    folder = tmp_path / "classes" / "Viola_odorata"
    folder.mkdir(parents=True)
    for i in range(20):
        (folder / f"{i}.png").write_bytes(PHOTO)
    (tmp_path / "shards").mkdir()
    write_plants(tmp_path / "shards" / "a.tar", rubra=5)
    write_plants(tmp_path / "shards" / "b.tar", alba=5)
    sources = (tmp_path / "shards", tmp_path / "classes", write_captioned(tmp_path / "dogs", 20))
    config = tiny_config(tuple(map(str, sources)), description_share=0.0)
    corpus = load_corpus(config)
    assert set(corpus.taxa) == {"Rosa rubra", "Rosa alba", "Viola odorata"}
    photos = PhotoDataset(corpus, config, IMAGE)
    assert len(photos.records) == len(corpus.captioned("train")) + len(corpus.plants("train")) > 30
    for position, record in enumerate(photos.records):
        sample = photos[Item(position, position, 8)]
        assert sample.key == record.key
        assert sample.taxon == record.taxon
        assert sample.text in (
            corpus.texts[record.taxon.scientific_name] if record.taxon else record.captions
        )
        assert sample.skipped == ()


def test_an_unreadable_photo_is_replaced_by_the_next_readable_one(tmp_path: Path) -> None:
    path = write_plants(tmp_path / "a.tar", rubra=30)
    config = tiny_config(path)
    photos = PhotoDataset(load_corpus(config), config, IMAGE)
    bad = [photos.records[i] for i in (3, 4, 29)]
    content = bytearray(path.read_bytes())
    for record in bad:
        content[record.location.offset : record.location.offset + 8] = bytes(8)
    path.write_bytes(content)
    sample = photos[Item(3, 0, 8)]
    assert sample.photo is not None
    assert sample.key == photos.records[5].key
    assert [error.source for error in sample.skipped] == [record.name for record in bad[:2]]
    assert photos[Item(29, 0, 8)].key == photos.records[0].key
    path.unlink()
    sample = photos[Item(0, 0, 8)]
    assert sample.photo is None
    assert len(sample.skipped) == 20


def test_records_without_text_are_counted_and_malformed_ones_are_named(tmp_path: Path) -> None:
    bad = {
        "bare.png": PHOTO,
        "blank.png": PHOTO,
        "blank.json": fields(scientificName="", captions=[" "], source="other"),
        "phylum.png": PHOTO,
        "phylum.json": fields(scientificName="Rosa", taxonRank="phylum"),
        "spaces.png": PHOTO,
        "spaces.json": fields(scientificName="  "),
        "json.png": PHOTO,
        "json.json": b"{",
    }
    bad_shard = write_tar(tmp_path / "bad.tar", bad | {"good.png": PHOTO, "good.txt": b"a rose"})
    corpus = load_corpus(tiny_config((str(bad_shard), str(write_plants(tmp_path / "a.tar", rubra=3)))))
    assert corpus.left_out == {tmp_path.name: 2, "other": 1}
    assert [photo.source for photo in corpus.skipped] == [f"{bad_shard}:{key}" for key in ("json", "phylum")]
    assert "unknown taxonRank 'phylum'" in said(corpus.skipped[1].error)
    assert not any("\n" in said(photo.error) for photo in corpus.skipped)
    assert {record.key for record in corpus.captioned(split_of("good"))} == {"good"}
    assert len(corpus.records) == len(corpus.weights) == 3 + 3 + 1


def test_table_rows_without_text_or_photo_are_skipped(tmp_path: Path) -> None:
    folder = write_captioned(tmp_path / "dogs", 30)
    (folder / "dogs-3.png").unlink()
    table = folder / "captions.csv"
    table.write_text(
        table.read_text()
        .replace(",a dog that is number 5\n", ",\n")
        .replace(",a dog that is number 7\n", "\n")
    )
    corpus = load_corpus(tiny_config(folder))
    assert corpus.left_out == {"dogs": 2}
    assert [said(photo.error) for photo in corpus.skipped] == [
        f"{table}, line 5: 'dogs-3.png' is not a file in {folder}; correct the name"
    ]
    assert len(corpus.records) == 27


@pytest.mark.parametrize(
    ("header", "cause"),
    [
        ("foto,caption", r"captions\.csv: there is no column `file` .*\(columns found: foto, caption\)"),
        ("file,label", r"none of the 4 photos has a usable scientificName or caption .*fields found: label"),
    ],
)
def test_a_wrong_column_is_named_with_the_existing_columns(tmp_path: Path, header: str, cause: str) -> None:
    folder = write_captioned(tmp_path / "dogs", 4, header)
    with refuses(DalipError, match=cause) as error:
        load_corpus(tiny_config((str(write_plants(tmp_path / "a.tar", rubra=3)), str(folder))))
    assert said(error.value).startswith(str(folder))
    assert "\n" not in said(error.value)


def test_an_empty_source_is_named(tmp_path: Path) -> None:
    good = str(write_plants(tmp_path / "a.tar", rubra=3))
    (tmp_path / "folder").mkdir()
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "t.csv").write_text("file,caption\n")
    empty = write_tar(tmp_path / "empty.tar", {})
    for source in (tmp_path / "folder", tmp_path / "table", empty, tmp_path / "gone"):
        with refuses(DataError, match=r"contains no photos|no such file or folder") as error:
            load_corpus(tiny_config((good, str(source))))
        assert said(error.value).startswith(f"{source}: ")


def test_a_source_without_a_photo_to_train_on_is_refused(tmp_path: Path) -> None:
    key = next(f"photo{i}" for i in range(99) if split_of(f"photo{i}") != "train")
    path = write_tar(tmp_path / "a.tar", {f"{key}.png": PHOTO, f"{key}.txt": b"a rose"})
    with refuses(TrainingError, match=r"a\.tar: there are no photos in the training split; add photos"):
        load_corpus(tiny_config(path))


def test_taxa_are_completed_and_descriptions_are_split(tmp_path: Path) -> None:
    taxa = tmp_path / "taxa.csv"
    taxa.write_text("scientificName,family\nRosa rubra,Rosaceae\n")
    described = tmp_path / "described.jsonl"
    line = '{"scientificName": "Rosa rubra", "description": "A rose of red stone. It grows in the sea of sand."}\n'
    described.write_text(line)
    path = write_plants(tmp_path / "a.tar", rubra=3)
    corpus = load_corpus(tiny_config(path, taxa=str(taxa), descriptions=str(described)))
    assert corpus.taxa["Rosa rubra"].family == "Rosaceae"
    assert corpus.descriptions == {"Rosa rubra": ("A rose of red stone.", "It grows in the sea of sand.")}
    for wrong in ('{"scientificName": "Rosa alba"}\n', "Rosa alba\n", "5\n"):
        described.write_text(line + wrong)
        with refuses(
            TrainingError,
            match=r"described\.jsonl: a line is not a JSON object with scientificName and description [^\n]+$",
        ) as error:
            load_corpus(tiny_config(path, descriptions=str(described)))
        assert said(error.value).endswith(wrong.strip())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.tar", ("a.tar", 1.0)),
        ("a.tar@0.5", ("a.tar", 0.5)),
        ("https://user@example.org/a.tar", ("https://user@example.org/a.tar", 1.0)),
        ("https://user@example.org/a.tar@2", ("https://user@example.org/a.tar", 2.0)),
    ],
)
def test_a_source_and_its_weight(text: str, expected: tuple[str, float]) -> None:
    assert source_of(text) == expected


@pytest.mark.parametrize("text", ["a.tar@", "a.tar@0", "a.tar@-1", "a.tar@many", "a.tar@inf", "a.tar@nan"])
def test_impossible_weights_are_refused(text: str) -> None:
    with refuses(TrainingError, match="must be a number greater than 0"):
        source_of(text)
