"""Measure `dalip data pack`: photos per second, CPU use, and resuming after kills.

    python benchmarks/packing.py --data DATA --write    # DATA: the folder with the shards

Photos from the shards are unpacked into one folder per plant and packed, first unchanged, then some of them enlarged to
the size of phone photos. Then the command is repeatedly killed (SIGKILL) at random moments and restarted until it
finishes, and the bytes are compared with those of an uninterrupted run.
"""

import io
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
from PIL import Image
from tables import on_photos, publish

from dalip.cpus import available_cpus
from dalip.datasets import read_records
from dalip.photos import open_image

PAGE = Path(__file__).parents[1] / "docs" / "packing.md"
DALIP = Path(sys.executable).with_name("dalip")
LARGE, LARGE_SIZE = 100, (4000, 3000)


def unpack(data: Path, folder: Path, photos: int) -> tuple[Path, Path]:
    """Return a folder of unchanged photos, and one of enlarged ones."""
    shards = [path for kind in ("garden", "inat") for path in sorted(data.glob(f"{kind}-*.tar"))]
    records = read_records(*shards)[:photos]
    for number, record in enumerate(records):
        assert record.taxon
        place = Path(record.taxon.scientific_name) / record.key
        for root, ending in (("small", ".webp"), ("large", ".jpg")):
            path = (folder / root / place).with_suffix(ending)
            if root == "small" or number < LARGE:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(record.read_bytes() if root == "small" else enlarged(record.read_bytes()))
    return folder / "small", folder / "large"


def enlarged(content: bytes) -> bytes:
    file = io.BytesIO()
    open_image(content).resize(LARGE_SIZE, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def command(source: Path, out: Path, workers: int) -> list[str]:
    return [*map(str, (DALIP, "data", "pack", source, out, "--workers", workers))]


def timed(source: Path, out: Path, workers: int) -> tuple[float, float, float]:
    """Pack photos; return the seconds, how many CPUs were used, and how many it could have kept busy.

    The last number also counts the time that the processes waited for a CPU that other programs used: it is what the
    second number would be on an idle machine.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command(source, out, workers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    spent: dict[int, tuple[float, float]] = {}
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess, OSError):
            for member in [process.pid, *(child.pid for child in psutil.Process(process.pid).children())]:
                ran, waited, _ = map(int, Path(f"/proc/{member}/schedstat").read_text().split())
                spent[member] = ran / 1e9, waited / 1e9
        time.sleep(0.1)
    assert process.returncode == 0
    seconds = time.perf_counter() - started
    ran, waited = map(sum, zip(*spent.values(), strict=True))
    return seconds, ran / seconds, (ran + waited) / seconds


def speed_table(sources: dict[str, Path], folder: Path) -> list[str]:
    lines = [
        "| photos | processes | seconds | photos per second | CPUs used | used or waited for |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, source in sources.items():
        photos = sum(1 for path in source.rglob("*") if path.is_file())
        for workers in sorted({1, available_cpus()}):
            out = folder / f"{source.name}-{workers}"
            seconds, had, wanted = timed(source, out, workers)
            lines.append(
                f"| {photos:,} {name} | {workers} | {seconds:.1f} | {photos / seconds:.0f} | {had:.2f} | {wanted:.2f} |"
            )
    return lines


def content(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def kills_table(source: Path, whole: Path, folder: Path, kills: int) -> list[str]:
    """Kill the command at random moments within the duration of a whole run."""
    chance = random.Random(0)
    workers = available_cpus()
    seconds, *_ = timed(source, folder / "again", workers)
    wanted = content(whole)
    assert content(folder / "again") == wanted, "the number of processes changes the bytes"
    done = sets = same = left = 0
    while done < kills:
        out = folder / "killed"
        while True:
            process = subprocess.Popen(
                command(source, out, workers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                process.wait(chance.uniform(0, seconds))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                done += 1
        sets += 1
        found = content(out)
        same += found == wanted
        left += len(set(found) - set(wanted))
        shutil.rmtree(out)
    return [
        "| kills | completed runs | runs with identical bytes | files left behind |",
        "|---:|---:|---:|---:|",
        f"| {done} | {sets} | {same} | {left} |",
    ]


def main() -> None:
    parser = on_photos(__doc__)
    parser.add_argument("--photos", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = unpack(arguments.data, folder, arguments.photos)
        sources = {"unchanged, 224 pixels": small, "of 12 megapixels": large}
        tables = {"speed of packing": speed_table(sources, folder)}
        tables["kills"] = kills_table(small, folder / "small-1", folder, arguments.kills)
    publish(tables, PAGE, write=arguments.write)


if __name__ == "__main__":
    main()
