"""Compare encoders on the same photos: an old one with a new one, or fp32 with int8.

    python benchmarks/compare_encoders.py ONE OTHER... --taxa TAXA --photos SHARD... --captions SHARD... [--split test]

Builds a flora with each bundle from the same photos. Prints the accuracy from text, photos and both; the negative
log-likelihood of the right taxon (NLL, in nats, each at its best temperature; lower is better, and less noisy than
accuracy on a few hundred photos); precision at 5 of search by common name; and recall of the photo of each caption.
Means over photos are followed by the paired difference from the first bundle ± its standard error.
"""

import argparse
import math
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalip.datasets import Record, read_records, read_taxa
from dalip.encoder import Encoder
from dalip.evaluation import OnnxEmbedder, retrieval
from dalip.taxonomy import Taxon
from dalip_index import Flora, build_flora, evaluate_flora, load_flora
from dalip_index.flora.answer import EVIDENCE_KINDS
from dalip_index.flora.temperature import fit_temperature, negative_log_likelihood


def measure(
    bundle: Path, taxa: list[Taxon], photos: list[Record], captions: list[Record], split: str
) -> dict[str, NDArray[np.float64]]:
    """Return arrays of scores by name: one value per photo, or a single value. Their mean is printed."""
    encoder = Encoder.load(bundle)
    measured = [r for r in photos if r.split == split]
    with tempfile.TemporaryDirectory() as folder:
        build_flora(Path(folder) / "flora", encoder, taxa, photos)
        flora = load_flora(Path(folder) / "flora", encoder)
        figures = naming(flora, measured)
        search = evaluate_flora(flora, measured).search
    if search:
        figures["search by name, precision at 5 %"] = np.array([100 * search.precision_at_5])
    if captions:
        for row in retrieval(OnnxEmbedder(encoder), [r for r in captions if r.split == split])[0]:
            for k, v in row.text_to_image.items():
                figures[f"{row.source}, caption recall@{k} %"] = np.array([100 * v])
    return figures


def naming(flora: Flora, photos: list[Record]) -> dict[str, NDArray[np.float64]]:
    embedded = OnnxEmbedder(flora.encoder, appearance=True).embed_photos(photos)
    names = flora.tree.rows
    targets = np.array([names[r.taxon.scientific_name] for r in embedded.records if r.taxon])
    sources = np.array([r.source for r in embedded.records])
    figures = {}
    for kind in EVIDENCE_KINDS:
        similarities = flora.similarities(embedded.vectors, kind).values
        own = similarities[np.arange(len(targets)), targets][:, None]
        places = (similarities > own).sum(axis=1)
        for source in [*sorted(set(sources.tolist())), "all"]:
            part = (sources == source) | (source == "all")
            for k in (1, 5):
                figures[f"{source}, {kind}, top-{k} %"] = 100.0 * (places[part] < k)
            temperature = fit_temperature(similarities[part], targets[part])
            losses = [
                negative_log_likelihood(similarities[[i]], targets[[i]], temperature)
                for i in np.flatnonzero(part)
            ]
            figures[f"{source}, {kind}, NLL"] = np.array(losses)
    return figures


def beside(found: NDArray[np.float64], first: NDArray[np.float64]) -> str:
    """Format a mean and its paired difference from the first bundle."""
    if found is first or len(found) < 2:
        return f"{found.mean():12.3f}{'':16}"
    differences = found - first
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    return f"{found.mean():12.3f} {differences.mean():+7.3f} ± {error:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("--taxa", required=True, type=Path)
    parser.add_argument("--photos", required=True, nargs="+", type=Path)
    parser.add_argument("--captions", nargs="*", type=Path, default=[])
    parser.add_argument("--split", default="test")
    arguments = parser.parse_args()
    taxa = read_taxa(arguments.taxa)
    photos = read_records(*arguments.photos)
    captions = read_records(*arguments.captions)
    every = [measure(b, taxa, photos, captions, arguments.split) for b in arguments.bundles]
    print(f"{'':42}", *(f"{b.name[-12:]:>12}{'':16}" for b in arguments.bundles))
    for name, first in every[0].items():
        print(f"{name:42}", *(beside(figures[name], first) for figures in every))


if __name__ == "__main__":
    main()
