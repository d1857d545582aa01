"""Measure answers from floras of many taxa: the first one of a new process, the next ones, and how exact they are.

    python benchmarks/answer_path.py [--taxa 6250 450000] [--queries 10000] [--repeats 21] [--work FOLDER]

The floras are known from names alone: synthetic text vectors, as wide as those of the built-in encoder and close
together within genera, ten species in each. They are written to disk and loaded again. The photos are synthetic, too:
each resembles one of the taxa.

- First answer: the median over five new processes, from start to exit, each with one photo of random pixels.
- Next answers: the median over photos that are already encoded, on one processor core. The floor is the time to read
  the 8-bit vectors once.
- Exact: how often the first five taxa are those of a product in single precision with vectors that were never rounded,
  and the largest difference of a probability at a temperature of 0.01.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tables import Row, make_table, working_folder

from dalip.encoder import Encoder, Vectors
from dalip.taxonomy import Taxon
from dalip_assets import ENCODER
from dalip_index import Flora, load_flora
from dalip_index.build.build import count_evidence, write_version
from dalip_index.build.learn import PhotoVectors, learn
from dalip_index.build.texts import text_evidence
from dalip_index.flora.calibration import softmax
from dalip_index.flora.shrinkage import unit_rows
from dalip_index.store.photo_store import PhotoStore
from dalip_index.store.versions import new_version

TEMPERATURE = 0.01
AT_ONCE = 100  # queries

ONE_ANSWER = """
import sys
from pathlib import Path
from dalip_index import load_flora
flora = load_flora(Path(sys.argv[1]))
(answer,) = flora.identify([sys.argv[2]])
answer.to_dict()
# Not ru_maxrss, which counts the memory of the process that started this one.
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def made_vectors(number: int, width: int) -> Vectors:
    """Return unit vectors, ten around the centre of each genus and a hundred around that of each family."""
    rng, rows = np.random.default_rng(number), np.arange(number)
    found = rng.standard_normal((number, width), np.float32)
    for size, weight in ((10, 1.0), (100, 1.0)):
        found += (
            np.float32(weight) * rng.standard_normal((number // size + 1, width), np.float32)[rows // size]
        )
    return unit_rows(found)


def made_taxa(number: int) -> list[Taxon]:
    """Return synthetic taxa, ten in each genus and a hundred in each family."""
    return [
        Taxon(f"Genus{i // 10} species{i}", "species", (), f"Genus{i // 10}", f"Family{i // 100}", "Order")
        for i in range(number)
    ]


def write_flora(out: Path, encoder: Encoder, vectors: Vectors, taxa: Sequence[Taxon]) -> None:
    """Write a flora of synthetic taxa that are known from texts alone."""
    nothing = np.zeros((0, encoder.width + encoder.appearance_width), np.float16)
    photos = PhotoVectors(nothing, np.zeros(0, np.intp), [], encoder.width)
    learned = learn(vectors, np.ones(len(taxa), np.intp), photos, taxa)
    evidence = text_evidence(taxa, {taxon.scientific_name: [taxon.scientific_name] for taxon in taxa}, ())
    counts = count_evidence(taxa, evidence)
    with new_version(out) as draft:
        write_version(
            draft, encoder, taxa, evidence, learned, counts, 0, PhotoStore(out, encoder.fingerprint), []
        )


def first_answer(flora: Path, photo: Path) -> tuple[float, float]:
    """Return the seconds and the peak memory in MB, with mapped files, of a new process that answers one photo."""
    times, memory = [], []
    for _ in range(5):
        started = time.perf_counter()
        command = [sys.executable, "-c", ONE_ANSWER, str(flora), str(photo)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - started)
        memory.append(int(done.stdout) / 1024)
    return statistics.median(times), max(memory)


def median_ms(run: Callable[[NDArray[np.float32]], object], photos: Vectors) -> float:
    """Return the median time over photos, in milliseconds; the first one is not counted."""
    times = []
    for photo in photos:
        started = time.perf_counter()
        run(photo[None])
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times[1:])


def exactness(flora: Flora, vectors: Vectors, photos: Vectors) -> tuple[float, float]:
    """Return how often the first five taxa are exact, and the largest difference of a probability."""
    same, worst, width = 0, 0.0, vectors.shape[1]
    for start in range(0, len(photos), AT_ONCE):
        some = photos[start : start + AT_ONCE]
        found, exact = flora.similarities(some).values, some[:, :width] @ vectors.T
        for ours, theirs in zip(found, exact, strict=True):
            first = [np.argpartition(values, -5)[-5:] for values in (ours, theirs)]
            same += set(first[0].tolist()) == set(first[1].tolist())
        chances = [softmax(values.astype(np.float64) / TEMPERATURE) for values in (found, exact)]
        worst = max(worst, float(np.abs(chances[0] - chances[1]).max()))
    return same / len(photos), worst


def measure(number: int, queries: int, repeats: int, work: Path) -> Row:
    """Measure a flora of a number of taxa."""
    encoder, path, photo = Encoder.load(ENCODER), work / f"flora-{number}", work / "photo.png"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (300, 300, 3), np.uint8)).save(photo)
    vectors = made_vectors(number, encoder.width)
    write_flora(path, encoder, vectors, made_taxa(number))
    flora = load_flora(path, encoder)
    shown = vectors[rng.integers(0, number, queries)]
    embeddings = unit_rows(shown + 2.0 * unit_rows(rng.standard_normal(shown.shape, np.float32)))
    looks = unit_rows(rng.standard_normal((queries, encoder.appearance_width), np.float32))
    photos = np.hstack([embeddings, looks])
    seconds, memory = first_answer(path, photo)
    exact, difference = exactness(flora, vectors, photos)
    del vectors
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:1])
    codes = flora.prototypes.text.codes.reshape(-1).view(np.uint64)
    floor = median_ms(lambda _: codes.sum(), photos[: repeats + 1])
    plain = median_ms(lambda p: flora.answer("", p).to_dict(), photos[: repeats + 1])
    temperature = replace(load_flora(encoder=encoder).calibration, text_weight=1.0, sharpness=None)
    flora.calibration = replace(temperature, temperature=TEMPERATURE, right_by_level=())
    calibrated = median_ms(lambda p: flora.answer("", p).to_dict(), photos[: repeats + 1])
    os.sched_setaffinity(0, cores)
    return {
        "taxa": number,
        "first answer, s": f"{seconds:.2f}",
        "memory, MB": round(memory),
        "next, ms": plain,
        "next, calibrated, ms": calibrated,
        "floor, ms": floor,
        "first five exact": f"{exact:.2%}",
        "difference of a probability": f"{difference:.1e}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--taxa", nargs="+", type=int, default=[6250, 450_000])
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--work", type=Path, help="folder for the floras; by default a temporary one")
    arguments = parser.parse_args()
    with working_folder(arguments.work) as work:
        rows = [measure(n, arguments.queries, arguments.repeats, work) for n in arguments.taxa]
    print("\n".join(make_table(rows)))


if __name__ == "__main__":
    main()
