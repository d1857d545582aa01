"""How well near duplicates are found, and what it costs: planted copies, and pairs among the photos as they are.

    python benchmarks/duplicates.py --data DATA --write    # DATA: the folder of the shards

The limits were chosen on photos of the split `train`; recall and precision are reported on all others. A planted copy
is found if the pair of original and copy is. Pairs among photos as they are were looked at, one by one: those that
show the same picture, or the same plant at the same time, stand in `SAME`.
"""

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tables import publish

from dalip.data import Record, read_records
from dalip.data.pack.duplicates import MAX_DISTANCE, MIN_LIKENESS, candidates, likeness, near_pairs
from dalip.data.pack.photos import Appearance, look
from dalip.encoder.images import open_image

PAGE = Path(__file__).parents[1] / "docs" / "packing.md"
PLANTED = 500
Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def recompressed(kind: str, quality: int) -> Change:
    def change(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        file = io.BytesIO()
        image.save(file, kind, quality=quality)
        return open_image(file.getvalue())

    return change


def resized(factor: float) -> Change:
    return lambda image, rng: image.resize(
        (round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC
    )


def cropped(share: float, kind: str) -> Change:
    """Cut a share of width and height off: half at either end, at random, or at one edge of four."""

    def change(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        wide, high = image.width * share, image.height * share
        left, top = rng.random(2)
        if kind == "centre":
            left = top = 0.5
        if kind == "edge":
            left, top = (round(left), 0.0) if rng.random() < 0.5 else (0.0, round(top))
            wide, high = (wide, 0) if rng.random() < 0.5 else (0, high)
        box = (wide * left, high * top, image.width - wide * (1 - left), image.height - high * (1 - top))
        return image.crop([round(side) for side in box])

    return change


def all_at_once(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return recompressed("JPEG", 60)(resized(0.5)(ImageOps.mirror(image), rng), rng)


CHANGES: dict[str, Change] = {
    **{f"JPEG, quality {q}": recompressed("JPEG", q) for q in (30, 50, 70, 90)},
    "WebP, quality 50": recompressed("WEBP", 50),
    **{f"resized to {factor:.0%}": resized(factor) for factor in (0.25, 0.5, 0.75, 1.5, 2)},
    "mirrored": lambda image, rng: ImageOps.mirror(image),
    "mirrored, resized to 50%, JPEG of quality 60": all_at_once,
    **{f"cropped by 5%, {kind}": cropped(0.05, kind) for kind in ("centre", "at random", "edge")},
    "cropped by 10%, centre": cropped(0.1, "centre"),
}


def stacked(looks: list[Appearance]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    codes = np.stack([[one.code for one in looks], [one.mirrored for one in looks]])
    return codes, np.stack([one.thumb for one in looks])


def found_of(
    originals: list[Appearance], copies: list[Appearance]
) -> tuple[float, NDArray[np.int64], NDArray]:
    """Give the share of copies that are found, and of each the distance and likeness."""
    codes, thumbs = stacked([*originals, *copies])
    number = len(originals)
    pairs = near_pairs(codes, lambda rows: thumbs[rows])
    there = {pair.second for pair in pairs if pair.first == pair.second + number}
    bits = [
        np.unpackbits(code[:number] ^ codes[0, number:], axis=1).sum(axis=1, dtype=np.int64) for code in codes
    ]
    mirrored = bits[1] < bits[0]
    first = np.where(mirrored[:, None, None], thumbs[:number, :, ::-1], thumbs[:number])
    return len(there) / number, np.minimum(*bits), likeness(first, thumbs[number:])


def recall_table(images: list[Image.Image], *, details: bool) -> list[str]:
    rng = np.random.default_rng(0)
    originals = [look(image) for image in images]
    lines = ["| copies | found, % |", "|---|---:|"]
    if details:
        lines = [
            "| copies | found, % | distance: 50 %, 95 %, 99 % | likeness: 50 %, 5 %, 1 % |",
            "|---|---:|---|---|",
        ]
    for name, change in CHANGES.items():
        recall, distance, alike = found_of(originals, [look(change(image, rng)) for image in images])
        line = f"| {name} | {100 * recall:.1f} |"
        if details:
            far = ", ".join(f"{x:.0f}" for x in np.percentile(distance, (50, 95, 99)))
            near = ", ".join(f"{x:.2f}" for x in np.percentile(alike, (50, 5, 1)))
            line += f" {far} | {near} |"
        lines.append(line)
    return lines


def real_pairs(records: list[Record], looks: list[Appearance]) -> list[tuple[str, str, int, float]]:
    """Give the pairs that come to a second look: keys, distance and likeness, the most alike first."""
    codes, thumbs = stacked(looks)
    pairs = list(candidates(codes))
    first = np.stack([thumbs[p.first][:, ::-1] if p.mirrored else thumbs[p.first] for p in pairs])
    alike = likeness(first, thumbs[[p.second for p in pairs]])
    rows = [
        (records[p.first].key, records[p.second].key, p.distance, float(a))
        for p, a in zip(pairs, alike, strict=True)
    ]
    return sorted(rows, key=lambda row: -row[3])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    a = parser.parse_args()
    records = [r for p in sorted(a.data.glob("[iog]*.tar")) for r in read_records(p)]
    train = [r for r in records if r.split == "train"]
    looks = [look(open_image(r.read_bytes())) for r in train]
    t = time.time()
    rows = real_pairs(train, looks)
    print(time.time() - t, len(rows))
    for r in rows[:30]:
        print(r)
    pick = np.random.default_rng(1).permutation(len(train))[:PLANTED]
    print("\n".join(recall_table([open_image(train[i].read_bytes()) for i in pick], details=True)))
