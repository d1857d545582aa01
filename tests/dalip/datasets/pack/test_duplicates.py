"""Duplicates: edited copies are found, other photos are not, and no two copies end up in different splits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from paths import SHARED_DATA
from PIL import Image, ImageOps
from scenes import encoded, scene
from wording import said

from dalip.datasets import FilePart, Record, read_records, split_of
from dalip.datasets.pack import Packed, PackSettings
from dalip.datasets.pack import pack as pack_records
from dalip.datasets.pack.duplicates import Groups, near_pairs
from dalip.datasets.pack.prepare_photo import PerceptualHash, perceptual_hash
from dalip.photos import open_image

Change = Callable[[Image.Image], Image.Image]


def cut(left: float, top: float, right: float, bottom: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        wide, high = image.size
        return image.crop(
            (round(left * wide), round(top * high), round((1 - right) * wide), round((1 - bottom) * high))
        )

    return change


CHANGES: dict[str, Change] = {
    "jpeg 30": lambda image: open_image(encoded(image, quality=30)),
    "webp 50": lambda image: open_image(encoded(image, "WEBP", quality=50)),
    "a quarter": lambda image: image.reduce(4),
    "twice": lambda image: image.resize((2 * image.width, 2 * image.height)),
    "mirrored": ImageOps.mirror,
    "mirrored, small, jpeg": lambda image: open_image(encoded(ImageOps.mirror(image).reduce(2), quality=60)),
    "cropped all around": cut(0.025, 0.025, 0.025, 0.025),
    "cropped at a corner": cut(0.05, 0.05, 0, 0),
    "cropped at an edge": cut(0, 0, 0.05, 0),
}


LEAST = {"cropped at a corner": 0.75}
"""Minimum recall for changes where some copies are missed."""


def found(
    originals: list[Image.Image], copies: list[Image.Image], **limits: int
) -> tuple[float, set[tuple[int, int]]]:
    """Return the share of copies that are found, and the false pairs."""
    looks: list[PerceptualHash] = [perceptual_hash(image) for image in [*originals, *copies]]
    codes = np.stack([[one.code for one in looks], [one.mirrored for one in looks]])
    thumbs = np.stack([one.thumb for one in looks])
    pairs = {(pair.second, pair.first) for pair in near_pairs(codes, thumbs, **limits)}
    wanted = {(n, n + len(originals)) for n in range(len(originals))}
    return len(pairs & wanted) / len(wanted), pairs - wanted


@pytest.mark.parametrize("name", CHANGES)
def test_copies_are_found_and_nothing_else(name: str) -> None:
    originals = [scene(seed) for seed in range(60)]
    recall, others = found(originals, [CHANGES[name](image) for image in originals])
    assert recall >= LEAST.get(name, 0.95)
    assert not others


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the photographs of the project are not here")
@pytest.mark.parametrize("name", CHANGES)
def test_copies_of_real_photos_are_found(name: str) -> None:
    shard = SHARED_DATA / "inat-santa-cruz-000000.tar"
    records = [record for record in read_records(shard) if record.split == "test"]
    originals = [open_image(record.read_bytes()) for record in records[:60]]
    recall, others = found(originals, [CHANGES[name](image) for image in originals])
    assert recall >= LEAST.get(name, 0.95)
    assert not others


def test_copies_are_still_found_if_all_photos_look_alike() -> None:
    originals = [scene(seed) for seed in range(60)]
    for name in ("jpeg 30", "a quarter", "mirrored"):
        copies = [CHANGES[name](image) for image in originals]
        assert found(originals, copies, most=10, sample=50) == (1, set())


def test_a_flat_photo_has_no_duplicates() -> None:
    flat = [Image.new("RGB", (90, 90), colour) for colour in ("white", "black", "grey")]
    assert not found([*flat], [scene(seed) for seed in range(3)])[1]


class Set:
    """Photos to pack, and the result."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.photos: list[Record] = []

    def add(self, key: str, held: bytes, name: str = "Rosa canina", observation: str = "") -> None:
        path = self.folder / "photos" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held)
        fields = {"scientificName": name} if name else {"captions": [f"Caption of {key}"]}
        self.photos.append(Record(key, FilePart(path), fields, observation=observation))

    def pack(self, policy: str = "drop") -> Packed:
        return pack_records(self.photos, self.folder / policy, PackSettings(duplicates=policy), workers=1)  # type: ignore[arg-type]

    def splits(self, policy: str = "drop") -> dict[str, str]:
        return {record.key: record.split for record in read_records(self.folder / policy)}


@pytest.fixture
def photos(tmp_path: Path) -> Set:
    return Set(tmp_path)


def key_in(split: str, start: int = 0) -> str:
    """Return a key that is assigned to a split."""
    return next(f"{n}" for n in range(start, 1000) if split_of(f"{n}") == split)


TRAIN, TEST = key_in("train"), key_in("test")


def test_the_largest_copy_is_kept(photos: Set) -> None:
    photos.add(TRAIN, encoded(scene(1), quality=60))
    photos.add(TEST, encoded(scene(1, 640, 480)))
    photos.add("other", encoded(scene(2)))
    done = photos.pack()
    assert set(photos.splits()) == {TEST, "other"}
    assert [(left.key, left.reason) for left in done.left_out] == [(TRAIN, "duplicate")]
    assert done.sheet.duplicates == {"exact": 0, "near": 1, "withinSplit": 0, "acrossSplits": 1}
    assert done.sheet.complete
    table = (photos.folder / "drop" / "duplicates.csv").read_text()
    assert f"{TRAIN},Rosa canina,{TEST},Rosa canina,near,train,test,no" in table


def test_all_copies_can_be_kept_but_share_one_split(photos: Set) -> None:
    photos.add(TRAIN, encoded(scene(1)))
    photos.add(TEST, encoded(ImageOps.mirror(scene(1))))
    done = photos.pack("keep")
    assert len(set(photos.splits("keep").values())) == 1
    assert len(photos.splits("keep")) == 2
    assert not done.left_out
    assert done.sheet.duplicates["acrossSplits"] == 1


def test_a_photo_with_two_names_is_skipped(photos: Set) -> None:
    photos.add("a", encoded(scene(1)))
    photos.add("b", encoded(scene(1)), "Viola odorata")
    photos.add("c", encoded(scene(1), comment=b"the same pixels in another file"), "Viola odorata")
    photos.add("d", encoded(scene(2)))
    done = photos.pack()
    assert set(photos.splits()) == {"d"}
    assert {left.reason for left in done.left_out} == {"contradiction"}
    assert "under different names (Rosa canina, Viola odorata)" in said(done.left_out[0].error)
    assert done.sheet.duplicates["exact"] == 2
    assert not done.sheet.complete
    assert set(Set.pack(photos, "keep").sheet.duplicates) == set(done.sheet.duplicates)
    assert set(photos.splits("keep")) == {"a", "b", "c", "d"}


def test_similar_photos_with_two_names_are_kept_in_one_split(photos: Set) -> None:
    photos.add(TRAIN, encoded(scene(1)))
    photos.add(TEST, encoded(scene(1), quality=40), "Viola odorata")
    assert photos.pack().sheet.complete
    assert len(photos.splits()) == 2
    assert len(set(photos.splits().values())) == 1


def test_a_photo_with_captions_only_does_not_contradict_a_name(photos: Set) -> None:
    photos.add("a", encoded(scene(1)))
    photos.add("b", encoded(scene(1)), name="")
    assert photos.pack().sheet.complete
    assert set(photos.splits()) == {"a", "b"}


def test_photos_of_one_plant_and_copies_of_them_share_a_split(photos: Set) -> None:
    for number in range(12):
        photos.add(f"first/{number}.jpg", encoded(scene(number)), observation="obs-1")
        photos.add(f"second/{number}.jpg", encoded(scene(100 + number)), observation="obs-2")
    photos.add("alone/1.jpg", encoded(scene(200)))
    photos.add("copy/1.jpg", encoded(scene(3, 640, 480)), "Viola odorata")
    photos.pack()
    splits = photos.splits()
    assert {split for key, split in splits.items() if key.startswith("first")} == {split_of("obs-1")}
    assert {split for key, split in splits.items() if key.startswith("second")} == {split_of("obs-2")}
    assert splits["copy/1"] == split_of("obs-1")
    assert splits["alone/1"] == split_of("alone/1.jpg")


def test_groups_are_joined_transitively() -> None:
    groups = Groups()
    for one, other in ((1, 2), (3, 4), (2, 3), (5, 5)):
        groups.join(one, other)
    assert sorted(groups.listed(range(1, 7)).values()) == [[1, 2, 3, 4], [5], [6]]
