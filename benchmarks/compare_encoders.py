"""What storing the weights small costs: two bundles of one model, measured side by side.

    python benchmarks/compare_encoders.py FP32 SMALL --taxa TAXA --photos SHARD... --captions SHARD... [--split test]

Builds a flora with each bundle from the same photos, then prints accuracy from text, photos and both, precision at 5 of
search by common name, and recall of each caption's own photo.
"""

import argparse
import tempfile
from pathlib import Path

from dalip.data import Record, read_records
from dalip.encoder import Encoder
from dalip.evaluation import OnnxEmbedder, retrieval
from dalip.taxonomy import Taxon, read_taxa
from dalip_index import build_flora, evaluate_flora, load_flora


def measure(
    bundle: Path, taxa: list[Taxon], photos: list[Record], captions: list[Record], split: str
) -> dict[str, float]:
    encoder = Encoder.load(bundle)
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        build_flora(Path(folder) / "flora", encoder, taxa, photos)
        flora = load_flora(Path(folder) / "flora", encoder)
        found = evaluate_flora(flora, [r for r in photos if r.split == split])
    for row in found.accuracy:
        figures[f"{row.source}, {row.evidence}, top-1"] = 100 * row.top1
        figures[f"{row.source}, {row.evidence}, top-5"] = 100 * row.top5
    if found.search:
        figures["search by name, precision at 5"] = 100 * found.search.precision_at_5
    if captions:
        for row in retrieval(OnnxEmbedder(encoder), [r for r in captions if r.split == split])[0]:
            figures |= {f"{row.source}, caption recall@{k}": 100 * v for k, v in row.text_to_image.items()}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs=2, type=Path)
    parser.add_argument("--taxa", required=True, type=Path)
    parser.add_argument("--photos", required=True, nargs="+", type=Path)
    parser.add_argument("--captions", nargs="*", type=Path, default=[])
    parser.add_argument("--split", default="test")
    arguments = parser.parse_args()
    taxa = read_taxa(arguments.taxa)
    photos = read_records(*arguments.photos)
    captions = read_records(*arguments.captions)
    one, two = (measure(b, taxa, photos, captions, arguments.split) for b in arguments.bundles)
    print(f"{'':40}  {arguments.bundles[0].name:>10}  {arguments.bundles[1].name:>10}  change  (%)")
    for name, value in one.items():
        print(f"{name:40}  {value:10.2f}  {two[name]:10.2f}  {two[name] - value:+6.2f}")


if __name__ == "__main__":
    main()
