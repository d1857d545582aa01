"""Encoders measured side by side: an old and a new one, or one model stored in single precision and small.

    python benchmarks/compare_encoders.py ONE OTHER... --taxa TAXA --photos SHARD... --captions SHARD... [--split test]

Builds a flora with each bundle from the same photos, then prints the accuracy from text, photos and both, the negative
log-likelihood of the right taxon (NLL, in nats, each at its best temperature; smaller is better, and steadier than hit
rates on a few hundred photos), precision at 5 of search by common name, and recall of each caption's own photo.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from dalip.data import Record, read_records
from dalip.encoder import Encoder
from dalip.evaluation import OnnxEmbedder, retrieval
from dalip.taxonomy import Taxon, read_taxa
from dalip_index import Flora, build_flora, evaluate_flora, load_flora
from dalip_index.answers import EVIDENCE_KINDS
from dalip_index.calibration import fit_temperature, negative_log_likelihood


def measure(
    bundle: Path, taxa: list[Taxon], photos: list[Record], captions: list[Record], split: str
) -> dict[str, float]:
    encoder = Encoder.load(bundle)
    measured = [r for r in photos if r.split == split]
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        build_flora(Path(folder) / "flora", encoder, taxa, photos)
        flora = load_flora(Path(folder) / "flora", encoder)
        found = evaluate_flora(flora, measured)
        likelihoods = nll(flora, measured)
    for row in found.accuracy:
        figures[f"{row.source}, {row.evidence}, top-1 %"] = 100 * row.top1
        figures[f"{row.source}, {row.evidence}, top-5 %"] = 100 * row.top5
    figures |= likelihoods
    if found.search:
        figures["search by name, precision at 5 %"] = 100 * found.search.precision_at_5
    if captions:
        for row in retrieval(OnnxEmbedder(encoder), [r for r in captions if r.split == split])[0]:
            figures |= {f"{row.source}, caption recall@{k} %": 100 * v for k, v in row.text_to_image.items()}
    return figures


def nll(flora: Flora, photos: list[Record]) -> dict[str, float]:
    embedded = OnnxEmbedder(flora.encoder).embed_photos(photos)
    names = {taxon.scientific_name: row for row, taxon in enumerate(flora.taxa)}
    targets = np.array([names[r.taxon.scientific_name] for r in embedded.records if r.taxon])
    sources = np.array([r.source for r in embedded.records])
    figures = {}
    for kind in EVIDENCE_KINDS:
        similarities, rows = flora.rank(embedded.vectors, kind)
        columns = np.nonzero(rows == targets[:, None])[1]
        for source in [*sorted(set(sources.tolist())), "all"]:
            part = (sources == source) | (source == "all")
            temperature = fit_temperature(similarities[part], columns[part])
            figures[f"{source}, {kind}, NLL"] = negative_log_likelihood(
                similarities[part], columns[part], temperature
            )
    return figures


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
    print("".join([f"{'':42}", *(f"  {b.name[-12:]:>12}" for b in arguments.bundles)]))
    for name in every[0]:
        print("".join([f"{name:42}", *(f"  {figures[name]:12.3f}" for figures in every)]))


if __name__ == "__main__":
    main()
