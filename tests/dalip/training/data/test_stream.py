"""Streaming from real shards: content, order, resuming at any step, and damaged shards."""

import gzip
import http.server
import pickle
import resource
import shutil
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from wording import refuses, said

from dalip.datasets import read_records, split_of
from dalip.encoder.manifest import ImageSettings
from dalip.errors import TrainingError
from dalip.taxonomy import Taxon
from dalip.training.data import stream as stream_module
from dalip.training.data.batches import Batch
from dalip.training.data.corpus import Texts, shards_of
from dalip.training.data.stream import StreamDataset
from tests.dalip.made import fields, png, write_tar
from tests.dalip.runs import tiny_config

IMAGE = ImageSettings(8, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
PHOTO = png(np.random.default_rng(0).integers(0, 255, (12, 10, 3)))


SAMPLE = 512 + 512 * -(-len(PHOTO) // 512) + 1024
"""Number of bytes of a photo and its caption in a shard."""


def write_photos(path: Path, count: int, *, skip: int = 0) -> Path:
    """Write photos in the training split only, with numbers as names and their names as captions."""
    keys = [f"{path.stem}-{i}" for i in range(4 * count + 40)]
    keys = [key for key in keys if split_of(key) == "train"][skip : skip + count]
    assert len(keys) == count
    members = {f"{key}.{suffix}": c for key in keys for suffix, c in (("png", PHOTO), ("txt", key.encode()))}
    return write_tar(path, members)


def stream(
    *data: Path | str,
    start: int = 0,
    process: int = 0,
    processes: int = 1,
    round_of: int = 200_000,
    **changes: object,
) -> StreamDataset:
    settings = {"stream": True, "steps": 12, "shuffle": 10, "batch_size": 4} | changes
    config = tiny_config(tuple(map(str, data)), **settings)
    texts = Texts({}, {})
    share = {"process": process, "processes": processes}
    return StreamDataset(config, texts, IMAGE, start=start, **share, round_of=round_of)


def load(dataset: StreamDataset, workers: int = 0) -> list[Batch]:
    return list(DataLoader(dataset, batch_size=None, num_workers=workers))


def keys_of(batches: list[Batch]) -> list[str]:
    return [key.rpartition(":")[2] for batch in batches for key in batch.keys]


def messages_of(batches: list[Batch]) -> list[str]:
    return [said(error) for batch in batches for error in batch.skipped]


def note_what_is_opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    opened: list[str] = []
    real = stream_module.wds.gopen
    monkeypatch.setattr(stream_module.wds, "gopen", lambda url: opened.append(url) or real(url))
    return opened


def assert_same(found: list[Batch], expected: list[Batch]) -> None:
    assert [b.keys for b in found] == [b.keys for b in expected]
    assert [b.texts for b in found] == [b.texts for b in expected]
    assert all(torch.equal(a.photos, b.photos) for a, b in zip(found, expected, strict=True))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    for name in ("a", "b", "c"):
        write_photos(folder / f"{name}.tar", 9)
    return folder


def test_batches_follow_from_the_seed(shards: Path) -> None:
    first = load(stream(shards))
    assert len(first) == 12
    assert all(len(batch.keys) == 4 and batch.photos.shape == (4, 3, 8, 8) for batch in first)
    assert_same(load(stream(shards)), first)
    assert keys_of(load(stream(shards, seed=1))) != keys_of(first)
    assert len(set(keys_of(first))) > 20
    assert messages_of(first) == []


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("round_of", [20, 200_000])
def test_a_stream_can_start_at_any_step(shards: Path, workers: int, round_of: int) -> None:
    """Within a round of draws, at its end, and after it."""
    whole = load(stream(shards, round_of=round_of), workers)
    assert len(whole) == 12
    for start in (4, 5, 11) if workers else range(1, 13):
        assert_same(load(stream(shards, start=start, round_of=round_of), workers), whole[start:])


def test_a_resumed_stream_reads_only_its_round_again(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eleven rounds of one step are done; the twelfth must not open more shards than one round needs."""
    opened = note_what_is_opened(monkeypatch)
    load(stream(shards, start=11, round_of=4))
    assert 1 <= len(opened) <= 3
    opened.clear()
    load(stream(shards, round_of=4))
    assert len(opened) >= 12


def test_processes_train_on_different_photos(shards: Path) -> None:
    batches = [load(stream(shards, batch_size=8, process=process, processes=2)) for process in (0, 1)]
    assert all(len(batch.keys) == 4 for share in batches for batch in share)
    together = zip(*batches, strict=True)
    assert sum(set(a.keys) == set(b.keys) for a, b in together) == 0


def test_a_photo_is_drawn_in_proportion_to_the_weight_of_its_source(tmp_path: Path) -> None:
    often, rarely = write_photos(tmp_path / "a.tar", 8), write_photos(tmp_path / "b.tar", 24)
    weighted = stream(f"{often}@1.5", f"{rarely}@0.5", steps=60, batch_size=40, shuffle=50)
    times = Counter(keys_of(load(weighted)))
    assert len(times) == 32
    means = [np.mean([n for key, n in times.items() if key.startswith(name)]) for name in ("a", "b")]
    assert means[0] / means[1] == pytest.approx(3, rel=0.15)
    assert max(times.values()) < 1.3 * means[0]
    assert min(times.values()) > 0.7 * means[1]


def test_a_stream_finds_the_same_photos_as_random_access(tmp_path: Path) -> None:
    """With the same keys, because a key determines the split, and with the same texts."""
    names = [f"{place}{i}" for i in range(12) for place in ("", "./_", "sub.folder/", "./a/b/")]
    members = {
        "__meta__/x.png": PHOTO,
        "._x.png": b"left by a Mac",
        "empty/.x.png": b"",
    }
    for i, name in enumerate(names):
        members |= {
            f"{name}.seg.png": b"not a photo of ours",
            f"{name}.{('PNG', 'png', 'WebP')[i % 3]}": PHOTO,
        }
        members |= {f"{name}.JSON": fields(scientificName=f"Rosa prima{i}"), f"{name}.Txt": b"a caption"}
    for i in range(
        40
    ):  # names with dots, of which each is a photo of its own, and a split that the key does not tell
        members[f"IMG_2024.05.{i}.png"] = PHOTO
        members[f"IMG_2024.05.{i}.json"] = fields(scientificName="Rosa alba", splitGroup=f"g{i}")
    path = write_tar(tmp_path / "a.tar", members)
    records = {f"{path}:{r.key}": r for r in read_records(path) if r.split == "train" and r.taxon}
    assert 50 < len(records) < 88
    assert {split_of(key.rpartition(":")[2]) for key in records if "IMG" in key} > {"train"}
    batches = load(stream(path, steps=60, shuffle=2))
    found = {key: taxon for b in batches for key, taxon in zip(b.keys, b.taxa, strict=True)}
    assert found == {key: record.taxon for key, record in records.items()}


def test_texts_of_a_taxon_are_completed(tmp_path: Path) -> None:
    said = (("png", PHOTO), ("json", fields(scientificName="Rosa rubra")))
    members = {f"{i}.{suffix}": content for i in range(9) for suffix, content in said}
    full = Taxon("Rosa rubra", family="Rosaceae", genus="Rosa")
    config = tiny_config(write_tar(tmp_path / "a.tar", members), stream=True, steps=20, description_share=0.5)
    texts = Texts({"Rosa rubra": full}, {"Rosa rubra": ("It is a rose of stone.",)})
    batches = load(StreamDataset(config, texts, IMAGE, start=0, process=0, processes=1))
    assert {taxon for batch in batches for taxon in batch.taxa} == {full}
    told = [text for batch in batches for text in batch.texts]
    assert 0.35 < told.count("It is a rose of stone.") / len(told) < 0.65
    assert any("Rosaceae" in text for text in told)


# Damaged shards and bad samples.


def truncate(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


BAD_SHARDS = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "no tar": lambda path: path.write_bytes(b"<html>not found</html>" * 200),
    "cut in a header": lambda path: truncate(path, 2 * SAMPLE + 100),
    "cut between files": lambda path: truncate(path, 2 * SAMPLE),
    "cut in a photo": lambda path: truncate(path, 600),
    "damaged header": lambda path: path.write_bytes(
        path.read_bytes()[: 2 * SAMPLE] + bytes([255]) * 512 + path.read_bytes()[2 * SAMPLE + 512 :]
    ),
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("wrong", BAD_SHARDS)
def test_an_unreadable_shard_is_reported_once_and_the_others_are_read(
    tmp_path: Path, wrong: str, workers: int
) -> None:
    for name in ("a", "b"):
        write_photos(tmp_path / f"{name}.tar", 9)
    BAD_SHARDS[wrong](tmp_path / "b.tar")
    batches = load(stream(f"{tmp_path}/{{a,b}}.tar", steps=20), workers)
    assert [len(batch.keys) for batch in batches] == [4] * 20
    (message,) = set(messages_of(batches))
    assert message.startswith(f"{tmp_path}/b.tar: this is not a complete, readable shard (")
    assert message.endswith("); copy or download it again")
    assert "\n" not in message
    assert len(messages_of(batches)) == max(workers, 1)  # each loading process reports it once
    good = {key for key in keys_of(batches) if key.startswith("a-")}
    assert len(good) == 9
    some = ("cut in a header", "cut between files", "damaged header")
    assert any(key.startswith("b-") for key in keys_of(batches)) == (wrong in some)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("wrong", ["nothing is readable", "no text", "no split train", "no photo"])
def test_a_stream_without_photos_ends_and_reports_it(
    tmp_path: Path, wrong: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"photo{i}" for i in range(40)]
    chosen = [key for key in keys if (split_of(key) == "train") == (wrong != "no split train")]
    photos, texts = {f"{key}.png": PHOTO for key in chosen}, {f"{key}.txt": b"a rose" for key in chosen}
    members = {"no text": photos, "no photo": texts}.get(wrong, photos | texts)
    for name in ("a", "b"):
        write_tar(tmp_path / f"{name}.tar", members)
        if wrong == "nothing is readable":
            truncate(tmp_path / f"{name}.tar", 100)
    opened = note_what_is_opened(monkeypatch)
    batches = load(stream(tmp_path, steps=1), workers)
    assert len(opened) == (0 if workers else 2)  # worker processes keep their own list
    assert len(batches[0].keys) == 0
    first = said(batches[0].skipped[0])
    assert (
        first
        == f"{tmp_path}: the most recently read shards contain no photo in the training split that has a name or a "
        "caption"
    )
    others = set(messages_of(batches)) - {first}
    if wrong == "no text":
        assert others == {
            f"{tmp_path}/{n}.tar: {len(chosen)} photos have neither a scientificName nor a caption"
            for n in "ab"
        }
    assert len(others) == {"nothing is readable": 2, "no text": 2}.get(wrong, 2 * len(chosen))


def test_a_bad_sample_is_skipped_and_named(tmp_path: Path) -> None:
    train = [key for i in range(40) if split_of(key := f"photo{i}") == "train"]
    bad = {
        "the record has no photo; it needs exactly one": {"txt": b"a rose"},
        "the record has 2 photos; it needs exactly one": {"png": PHOTO, "jpg": PHOTO, "txt": b"a rose"},
        "the .json or .txt file next to the photo cannot be read (Expecting": {"png": PHOTO, "json": b"{"},
        "the .json file next to the photo is not a JSON object": {"png": PHOTO, "json": b"[1]"},
        "the .json or .txt file next to the photo cannot be read ('utf-8'": {"png": PHOTO, "txt": b"\xff"},
        "unknown taxonRank": {"png": PHOTO, "json": fields(scientificName="Rosa", taxonRank="phylum")},
        "a taxon needs a scientific name": {"png": PHOTO, "json": fields(scientificName=["Rosa"])},
        "1 photos have neither": {"png": PHOTO, "json": fields(captions=5, caption={"a": 1}, text="  ")},
    }
    members = {
        f"{key}.{s}": c for key, files in zip(train, bad.values(), strict=False) for s, c in files.items()
    }
    good = train[len(bad) :]
    members |= {f"{key}.{s}": c for key in good for s, c in (("png", PHOTO), ("txt", b"a rose"))}
    batches = load(stream(write_tar(tmp_path / "a.tar", members), steps=40))
    assert set(keys_of(batches)) == set(good)
    messages = messages_of(batches)
    assert len(messages) == len(bad)
    for key, cause in zip(train, bad, strict=False):
        (message,) = [m for m in messages if cause in m]
        assert message.startswith(f"{tmp_path}/a.tar:{key}: ") or cause == "1 photos have neither"


def test_a_readable_photo_from_the_batch_replaces_an_unreadable_one(tmp_path: Path) -> None:
    path = write_photos(tmp_path / "a.tar", 9)
    keys = [record.key for record in read_records(path)]
    members = {f"{k}.png": b"no image" if k in keys[:3] else PHOTO for k in keys} | {
        f"{k}.txt": k.encode() for k in keys
    }
    members = {name: members[name] for name in sorted(members)}
    batches = load(stream(write_tar(path, members), steps=20))
    assert all(len(batch.keys) == len(batch.texts) == len(batch.photos) == 4 for batch in batches)
    assert set(keys_of(batches)) == set(keys[3:])
    found = set(messages_of(batches))
    assert {message.partition(": ")[0] for message in found} == {f"{path}:{key}" for key in keys[:3]}
    with_one = [batch for batch in batches if batch.skipped]
    assert len(with_one) > 5
    assert load(stream(path, steps=20))[3].keys == batches[3].keys


def test_a_shard_larger_than_a_round_is_named(tmp_path: Path) -> None:
    path = write_photos(tmp_path / "a.tar", 40)
    (message,) = messages_of(load(stream(path, round_of=8)))
    assert (
        message
        == f"{path}: the shard is too large: photos after the first 8 are not read; split it into smaller shards"
    )
    assert messages_of(load(stream(path, steps=40, round_of=40))) == []


def test_a_huge_file_in_a_compressed_shard_takes_no_memory(tmp_path: Path) -> None:
    """It is reported, and the photos around it are used."""
    key = next(key for i in range(9) if split_of(key := f"p{i}") == "train")
    parts = []
    for name, content in (
        (f"{key}.png", PHOTO),
        (f"{key}.txt", b"a rose"),
        ("big.png", None),
        ("big.txt", b"a bomb"),
    ):
        header = tarfile.TarInfo(name)
        header.size = 400_000_000 if content is None else len(content)
        parts.append(header.tobuf())
        parts += [bytes(10_000_000)] * 40 if content is None else [content, bytes(-len(content) % 512)]
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as file:
        file.writelines(parts)
        file.write(bytes(1024))
    parts.clear()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    batches = load(stream(str(tmp_path / "a.tar.gz"), steps=1, shuffle=1, batch_size=2))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KB
    assert keys_of(batches) == [key] * 2
    assert [message.rpartition(":big: ")[2] for message in messages_of(batches)][:1] == [
        "the file is larger than 100 MB, the limit for a photo; make it smaller"
    ]


# Locations of shards.


def test_patterns_commands_and_compressed_shards(shards: Path) -> None:
    config = tiny_config(
        (f"{shards}/{{a,b}}.tar@2", str(shards), f"pipe:cat {shards}/{{a,c}}.tar"), stream=True, steps=1
    )
    assert shards_of(config) == (
        [f"{shards}/{name}.tar" for name in "ababc"] + [f"pipe:cat {shards}/{name}.tar" for name in "ac"],
        [2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    )
    (shards / "z.tar.gz").write_bytes(gzip.compress((shards / "a.tar").read_bytes()))
    for source in (f"pipe:cat {shards}/a.tar", str(shards / "z.tar.gz"), f"pipe:cat {shards}/a.tar; exit 1"):
        batches = load(stream(source, steps=8))
        assert len(set(keys_of(batches))) == 9
        assert messages_of(batches) == []


def test_a_command_that_fails_is_reported(shards: Path) -> None:
    batches = load(stream("pipe:false", str(shards / "a.tar")))
    assert {message.partition(" (")[0] for message in messages_of(batches)} == {
        "pipe:false: this is not a complete, readable shard"
    }
    assert len(set(keys_of(batches))) == 9


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def address(shards: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(shards)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="webdataset reads from the network by curl")
def test_shards_are_read_from_the_network(address: str) -> None:
    batches = load(stream(f"{address}/{{a,gone}}.tar"))
    assert {key.rpartition(":")[0] for batch in batches for key in batch.keys} == {f"{address}/a.tar"}
    (message,) = messages_of(batches)
    assert message.startswith(f"{address}/gone.tar: this is not a complete, readable shard (")


def test_a_source_without_a_shard_is_named(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for source in (tmp_path / "photos", tmp_path / "gone.tar", tmp_path / "{a,b}.tar"):
        with refuses(TrainingError, match=r"no \.tar shard found") as error:
            stream(source)
        assert said(error.value).startswith(f"{source}: ")
    for pattern in ("{a", "${DALIP_UNSET}.tar"):
        with refuses(TrainingError, match="not a valid shard pattern"):
            stream(tmp_path / pattern)


def test_a_stream_can_be_pickled(shards: Path) -> None:
    assert_same(load(pickle.loads(pickle.dumps(stream(shards)))), load(stream(shards)))
