"""Measure what each step of the appearance space and of the prototypes brings: a table of docs/results.md.

    python benchmarks/appearance.py --data DATA --cache FILE.npz    # DATA: the folder with the shards

A flora of all taxa in `inat-*`, `oxford-*`, `more/plants-wide-*` and `more/plants-deep-*` is learned again for each
step from the same photos: the whitening from the training split, weights from the validation split, prototypes from all
photos but those of the test split, of which only those of taxa without others are used. Every figure is measured on the
other test photos, with all taxa as candidates, and has a 95 % bootstrap interval over photos. The
features are those of `--encoder` (by default the built-in one) before its whitening; they are computed once and kept in
FILE. Results replace `docs/results/appearance.jsonl`; `docs/make_results.py` writes the table.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from dalip.datasets import Record, read_records, read_taxa
from dalip.encoder import Encoder, Vectors
from dalip.encoder.embed_ahead import embed_ahead
from dalip.encoder.manifest import IMAGE_ENCODER
from dalip.encoder.sessions import Session
from dalip.errors import ImageError
from dalip.export.whitening import Whitening, fit_whitening
from dalip.prompts import taxon_texts
from dalip.taxonomy import Taxon
from dalip_assets import ENCODER
from dalip_index.build.weights import choose_weights
from dalip_index.flora.comparison import Comparison
from dalip_index.flora.prototypes import Prototypes, mean_prototypes
from dalip_index.flora.shrinkage import Kin, unit_rows
from dalip_index.store.manifest import NO_SHRINKAGE
from dalip_index.store.quantized import QuantizedVectors

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results" / "appearance.jsonl"
TAXA = ROOT / "assets" / "dalip_assets" / "taxa.csv"
SHARDS = ("inat-*.tar", "oxford-*.tar", "more/plants-wide-*.tar", "more/plants-deep-*.tar")
WIDTHS = (64, 128, 256, 384, 512)
DRAWS = 1000
WIDE = "plants-wide"

Labels = NDArray[np.intp]


@dataclass(frozen=True)
class Bench:
    """Photos with their features, and the taxa in them."""

    taxa: Sequence[Taxon]
    texts: Vectors
    """Text prototypes, shape (taxa, E)."""
    embeddings: Vectors
    """Shape (photos, E)."""
    features: Vectors
    """Appearances before whitening, shape (photos, w)."""
    labels: Labels
    splits: NDArray[np.str_]
    wide: NDArray[np.bool_]
    """Which photos are of `plants-wide`."""

    @property
    def kin(self) -> Kin:
        """Genera and families of the taxa."""
        return Kin.of((taxon.genus, taxon.family) for taxon in self.taxa)

    def evidence(self) -> NDArray[np.bool_]:
        """Photos used as evidence, as `dalip index build` chooses them; the others are for testing."""
        known = self.splits != "test"
        return known | ~np.isin(self.labels, self.labels[known])

    def prototypes(self, appearances: Vectors, photos: NDArray[np.bool_]) -> Prototypes:
        """Return prototypes from the texts and some photos, whose means are not rounded."""
        means, counts = mean_prototypes(appearances[photos], self.labels[photos], len(self.taxa))
        means, one_each = means[counts > 0], np.ones(len(self.taxa), np.intp)
        return replace(Prototypes.built(self.texts, one_each, means, counts, self.kin), photos=means)


def features_of(encoder: Encoder, records: Sequence[Record]) -> Iterator[Vectors | ImageError]:
    """Yield the embedding of each photo, followed by its appearance before whitening."""
    model = onnx.load(encoder.folder / IMAGE_ENCODER)
    (centred,) = [n for n in model.graph.node if n.op_type == "Sub" and "mean" in n.input]
    (raw,) = [name for name in centred.input if name != "mean"]
    model.graph.output.append(onnx.helper.make_tensor_value_info(raw, onnx.TensorProto.FLOAT, None))
    session = Session(model.SerializeToString(), encoder.folder / IMAGE_ENCODER, ["embedding", raw])

    def embed(pixels: Vectors) -> Vectors:
        return np.hstack(session.run(["embedding", raw], {"pixels": pixels}))

    sources = (record.read_bytes for record in records)
    for number, (_, row) in enumerate(embed_ahead(sources, encoder.manifest.image, 16, embed), 1):
        if number % 1000 == 0:
            print(f"photos: {number:,} of {len(records):,}", flush=True)
        yield row


def read_bench(data: Path, cache: Path, encoder: Encoder) -> Bench:
    """Read the photos, and compute their features if FILE does not contain them yet."""
    paths = sorted(path for pattern in SHARDS for path in data.glob(pattern))
    records = [r for r in read_records(*paths) if r.taxon]
    if not cache.exists():
        rows = list(features_of(encoder, records))
        width = encoder.width + next(len(r) - encoder.width for r in rows if not isinstance(r, ImageError))
        found = [np.full(width, np.nan) if isinstance(r, ImageError) else r for r in rows]
        np.savez(cache, vectors=np.array(found, np.float16), fingerprint=encoder.fingerprint)
    stored = np.load(cache)
    if str(stored["fingerprint"]) != encoder.fingerprint:
        raise SystemExit(f"{cache} contains features of another encoder; give another --cache")
    vectors = stored["vectors"].astype(np.float32)
    usable = np.isfinite(vectors).all(axis=1)
    records = [r for r, fine in zip(records, usable, strict=True) if fine]
    listed = {taxon.scientific_name: taxon for taxon in read_taxa(TAXA)}
    taxa = {r.taxon.scientific_name: r.taxon for r in records if r.taxon}
    taxa |= {name: taxon for name, taxon in listed.items() if name in taxa}
    rows_of = {name: row for row, name in enumerate(taxa)}
    texts = [(row, text) for row, taxon in enumerate(taxa.values()) for text in taxon_texts(taxon)]
    prototypes, _ = mean_prototypes(
        encoder.encode_text([text for _, text in texts]), np.array([row for row, _ in texts]), len(taxa)
    )
    return Bench(
        list(taxa.values()),
        prototypes,
        vectors[usable, : encoder.width],
        vectors[usable, encoder.width :],
        np.array([rows_of[r.taxon.scientific_name] for r in records if r.taxon], np.intp),
        np.array([r.split for r in records]),
        np.array([Path(r.location.path).name.startswith(WIDE) for r in records]),
    )


def whitened(bench: Bench, groups: Sequence[str]) -> tuple[Vectors, Vectors]:
    """Return appearances whitened within groups of taxa, and the weights of the first directions."""
    train = bench.splits == "train"
    whitening = fit_whitening(bench.features[train], [groups[i] for i in bench.labels[train]])
    assert isinstance(whitening, Whitening)
    return (bench.features - whitening.mean) @ whitening.matrix, whitening.weights


def score(
    bench: Bench,
    appearances: Vectors,
    made: Callable[[Prototypes], tuple[Prototypes, float]],
    *,
    train: bool = False,
) -> Vectors:
    """Return the similarities of the test photos after a step has completed the prototypes and the text weight.

    Args:
        bench: The photos.
        appearances: Their appearances, shape (photos, A).
        made: Completes prototypes.
        train: Whether to use the training split alone.
    """
    evidence = bench.evidence()
    used = evidence & (bench.splits == "train") if train else evidence
    prototypes, weight = made(bench.prototypes(appearances, used))
    photos = np.hstack([bench.embeddings, appearances])[~evidence]
    return Comparison(prototypes, weight)(photos)


def chosen(
    bench: Bench, appearances: Vectors, *, texts: bool
) -> Callable[[Prototypes], tuple[Prototypes, float]]:
    """Return the step that chooses shrinkage, and with `texts` the text weight, on the validation photos."""

    def made(prototypes: Prototypes) -> tuple[Prototypes, float]:
        asked = bench.splits == "selection"
        others = bench.prototypes(appearances, bench.evidence() & ~asked)
        asked &= others.photo_counts[bench.labels] > 0
        photos = np.hstack([bench.embeddings[asked], appearances[asked]])
        if not texts:
            nothing = QuantizedVectors.of(0 * bench.texts)
            others, prototypes = (replace(each, text=nothing) for each in (others, prototypes))
        weight, shrinkage = choose_weights(others, photos, bench.labels[asked])
        print(f"text weight {weight}, {shrinkage}", flush=True)
        return replace(prototypes, shrinkage=shrinkage), weight if texts else 0.0

    return made


def nearest_photo(bench: Bench, appearances: Vectors) -> Vectors:
    """Return the similarity of each test photo to the most similar photo of each taxon."""
    evidence = bench.evidence()
    found = np.full((int((~evidence).sum()), len(bench.taxa)), -1, np.float32)
    order = np.argsort(bench.labels[evidence], kind="stable")
    labels, starts = np.unique(bench.labels[evidence][order], return_index=True)
    compared = appearances[~evidence] @ appearances[evidence][order].T
    found[:, labels] = np.maximum.reduceat(compared, starts, axis=1)
    return found


def steps(bench: Bench) -> Iterator[tuple[str, Vectors]]:
    """Yield the name of each step and the similarities of the test photos."""
    names = [taxon.scientific_name for taxon in bench.taxa]
    genera = [taxon.genus or taxon.scientific_name for taxon in bench.taxa]
    plain = unit_rows(bench.features - bench.features[bench.splits == "train"].mean(axis=0))

    def alone(prototypes: Prototypes) -> tuple[Prototypes, float]:
        return replace(prototypes, shrinkage=NO_SHRINKAGE), 0.0

    def rounded(prototypes: Prototypes) -> tuple[Prototypes, float]:
        return best(replace(prototypes, photos=QuantizedVectors.of(prototypes.photos)[:]))

    yield "centred features, without whitening", score(bench, plain, alone)
    rows, _ = whitened(bench, genera)
    yield "whitened within genera", score(bench, unit_rows(rows), alone)
    rows, weights = whitened(bench, names)
    yield "whitened within taxa", score(bench, unit_rows(rows), alone)
    for width in WIDTHS:
        if width < rows.shape[1]:
            yield f"{width} directions", score(bench, unit_rows(rows[:, :width]), alone)
    kept = unit_rows(rows[:, : len(weights)] * weights)
    name = f"{len(weights)} directions, weighted"
    yield name, score(bench, kept, alone)
    yield f"{name}, the nearest photo instead of the mean", nearest_photo(bench, kept)
    best = chosen(bench, kept, texts=False)
    yield f"{name}, shrinkage", score(bench, kept, best)
    best = chosen(bench, kept, texts=True)
    yield f"{name}, shrinkage, texts", score(bench, kept, best)
    yield f"{name}, shrinkage, texts, 8 bits", score(bench, kept, rounded)
    yield f"{name}, shrinkage, texts, training photos alone", score(bench, kept, best, train=True)


def figures(bench: Bench, similarities: Vectors) -> dict[str, list[float]]:
    """Return each figure with the ends of its interval, in percent."""
    test = ~bench.evidence()
    targets, wide, kin = bench.labels[test], bench.wide[test], bench.kin
    own = similarities[np.arange(len(targets)), targets]
    places, first = (similarities >= own[:, None]).sum(axis=1), similarities.argmax(axis=1)
    right = {
        "species": (wide, places <= 1),
        "top-5": (wide, places <= 5),
        "genus": (wide, kin.genera[first] == kin.genera[targets]),
        "family": (wide, kin.families[first] == kin.families[targets]),
        "130 taxa": (~wide, places <= 1),
    }
    found = {}
    for name, (those, hits) in right.items():
        draws = np.random.default_rng(0).choice(hits[those], (DRAWS, int(those.sum()))).mean(axis=1)
        found[name] = [round(100 * v, 2) for v in (hits[those].mean(), *np.quantile(draws, (0.025, 0.975)))]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, default=ENCODER)
    arguments = parser.parse_args()
    bench = read_bench(arguments.data, arguments.cache, Encoder.load(arguments.encoder))
    rows = []
    for name, similarities in steps(bench):
        rows.append({"step": name, "figures": figures(bench, similarities)})
        print(json.dumps(rows[-1]), flush=True)
    RESULTS.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
