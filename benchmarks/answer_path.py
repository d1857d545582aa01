"""Measure the time of an answer once a photo is encoded, against the minimum in plain numpy.

    python benchmarks/answer_path.py [--taxa 130 1300 13000] [--repeats 21] [--threads 1]

The floras have synthetic taxa, ten species per genus and ten genera per family, and vectors as wide as those of the
built-in flora. The photos are synthetic too. The floor is one matrix product over the vectors,
one sort and one softmax, in numpy alone. Prints medians over the photos; each is answered once, with answer and floor
interleaved. The last column reads the whole answer, as `--json` does: the look-alikes need a second product.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from dalip.encoder import Vectors
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index import Flora, load_flora
from dalip_index.flora.prototypes import Prototypes
from dalip_index.flora.shrinkage import unit_rows


def make_flora(number: int) -> Flora:
    """Return a flora of synthetic taxa with the calibration of the built-in one."""
    real, rng = load_flora(), np.random.default_rng(number)
    width, appearance_width = real.encoder.width, real.encoder.appearance_width
    halves = (rng.standard_normal((number, size), np.float32) for size in (width, appearance_width))
    one_each = np.ones(number, np.intp)
    prototypes = Prototypes.built(next(halves), one_each, next(halves), one_each)
    taxa = tuple(
        Taxon(f"Genus{i // 10} species{i}", "species", (), f"Genus{i // 10}", f"Family{i // 100}", "Order")
        for i in range(number)
    )
    return Flora(real.folder, real.manifest, real.calibration, TaxonTree(taxa), prototypes, real.encoder)


def matrix(flora: Flora) -> Vectors:
    """Return one vector per taxon: its text and photo prototypes, each times its weight, shape (taxa, E + A)."""
    weight, known = np.float32(flora.calibration.text_weight), flora.prototypes
    return np.hstack([known.text[:] * weight, known.photos * (1 - weight)])


def make_photos(vectors: Vectors, number: int) -> Vectors:
    """Return vectors of photos that each resemble one of the taxa, shape (photos, E + A)."""
    rng = np.random.default_rng(0)
    shown = vectors[rng.integers(0, len(vectors), number)]
    noise = rng.standard_normal(shown.shape, np.float32) / shown.shape[1] ** 0.5
    photos: Vectors = unit_rows(shown) + noise
    return photos


def floor(vectors: Vectors, photo: Vectors, temperature: float) -> None:
    """Compute the minimum of an answer: similarities, their order, and probabilities."""
    similarities = vectors @ photo
    np.argsort(-similarities)
    exponentials = np.exp((similarities - similarities.max()) / temperature)
    exponentials / exponentials.sum()


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def measure(flora: Flora, vectors: Vectors, photos: Vectors) -> list[float]:
    """Return the medians of answer, floor, product and whole answer, in milliseconds."""
    temperature = flora.calibration.temperature or 1.0
    flora.answer("", photos[:1]).to_dict()  # warms up what is computed once and cached
    found: list[list[float]] = []
    for row in range(1, len(photos)):
        photo, whole = photos[row : row + 1], photos[row]
        runs = (
            lambda photo=photo: flora.answer("", photo),
            lambda whole=whole: floor(vectors, whole, temperature),
            lambda whole=whole: vectors @ whole,
            lambda photo=photo: flora.answer("", photo).to_dict(),
        )
        found.append([seconds(run) for run in runs])
    return [1000 * statistics.median(column) for column in zip(*found, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--taxa", nargs="+", type=int, default=[130, 1300, 13000])
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1, help="threads of the matrix product")
    arguments = parser.parse_args()
    print(f"numpy {np.__version__}, {arguments.threads} threads\n")
    print("| taxa | answer, ms | floor, ms | matrix product of the floor, ms | whole answer, ms |")
    print("|---:|---:|---:|---:|---:|")
    for number in arguments.taxa:
        with threadpool_limits(arguments.threads):
            flora = make_flora(number)
            vectors = matrix(flora)
            times = measure(flora, vectors, make_photos(vectors, arguments.repeats + 1))
        print(f"| {number:,} | " + " | ".join(f"{value:.2f}" for value in times) + " |")


if __name__ == "__main__":
    main()
