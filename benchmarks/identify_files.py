"""Run `dalip identify --json` on labelled photo files: accuracy by source, and time.

    python benchmarks/identify_files.py SHARD_OR_FOLDER... [--split test] [--flora F] [--encoder E]

Unpacks the photos of one split into a temporary folder, identifies them with the real command, and prints top-1 and
top-5 by source. Then it prints times, each the median of five whole processes: one photo (cold start), 500 photos, and
twenty 12-megapixel JPEGs made from them; the last two as time per photo.
"""

import argparse
import collections
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from dalip.datasets import Record, read_records

REPEATS = 5


def identify(paths: list[Path], options: list[str]) -> tuple[list[dict], float]:
    """Return the answers and the seconds of the whole process."""
    command = [str(Path(sys.executable).with_name("dalip")), "identify", "--json", *options, *map(str, paths)]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()], time.perf_counter() - started


def median_seconds(paths: list[Path], options: list[str]) -> tuple[float, float]:
    """Return the median and the range (maximum minus minimum) of the seconds of a process."""
    seconds = [identify(paths, options)[1] for _ in range(REPEATS)]
    return statistics.median(seconds), max(seconds) - min(seconds)


def unpack(records: list[Record], folder: Path) -> dict[str, Record]:
    """Write photos to files and return the record of each path."""
    found = {}
    for record in records:
        suffix = record.location.path.suffix if record.location.size is None else ".webp"
        path = folder / f"{record.key.replace('/', '_')}{suffix}"
        path.write_bytes(record.read_bytes())
        found[str(path)] = record
    return found


def print_accuracy(by_path: dict[str, Record], options: list[str]) -> None:
    answers, _ = identify([Path(p) for p in by_path], options)
    hits: dict[str, list[tuple[bool, bool]]] = collections.defaultdict(list)
    for answer in answers:
        record = by_path[answer["image"]]
        names = [p["scientificName"] for p in answer["predictions"]]
        truth = record.taxon.scientific_name
        hits[record.source].append((truth == names[0], truth in names))
    for source, pairs in sorted(hits.items()):
        top1, top5 = (100 * sum(column) / len(pairs) for column in zip(*pairs, strict=True))
        print(f"{source}: top-1 {top1:.1f} %, top-5 {top5:.1f} % of {len(pairs)} photos")


def print_times(photos: list[Path], options: list[str], folder: Path) -> None:
    median, spread = median_seconds(photos[:1], options)
    print(f"one photo, cold: {median:.2f} s (spread {spread:.2f})")
    many = [photos[i % len(photos)] for i in range(500)]
    median, spread = median_seconds(many, options)
    print(f"500 photos: {1000 * median / 500:.0f} ms per photo (spread {1000 * spread / 500:.0f})")
    large = []
    for i, path in enumerate(photos[:20]):
        large.append(folder / f"large-{i}.jpg")
        with Image.open(path) as photo:
            photo.convert("RGB").resize((4000, 3000)).save(large[-1], quality=92)
    median, spread = median_seconds(large, options)
    print(
        f"20 JPEGs of 12 megapixels: {1000 * median / 20:.0f} ms per photo (spread {1000 * spread / 20:.0f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--flora")
    parser.add_argument("--encoder")
    arguments = parser.parse_args()
    options = [f"--{n}={v}" for n in ("flora", "encoder") if (v := getattr(arguments, n))]
    records = [r for r in read_records(*arguments.photos) if r.split == arguments.split and r.taxon]
    with tempfile.TemporaryDirectory() as temporary:
        by_path = unpack(records, Path(temporary))
        print_accuracy(by_path, options)
        print_times([Path(p) for p in by_path], options, Path(temporary))


if __name__ == "__main__":
    main()
