"""Choose the image size of a trained encoder, and whether to average with the mirror image.

    python benchmarks/choose_reading.py RUN [--sizes 224 256 288]

Identifies the validation photos of the run's data from texts alone. For each size, with and without the mirror image,
it prints the negative log-likelihood (lower is better; a mean over the sources, each at its best temperature) and
top-1 by source.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from dalip.evaluation import accuracy_by_source, choose_first_order
from dalip.training.data.corpus import load_corpus
from dalip.training.torch_embedder import TorchEmbedder
from dalip.training.towers.load_model import load_run
from dalip.training.validation import selection_naming


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--sizes", nargs="+", type=int, default=[224, 256, 288])
    arguments = parser.parse_args()
    model, towers, config = load_run(arguments.run)
    corpus = load_corpus(config)
    for size in arguments.sizes:
        reading = replace(towers, image=replace(towers.image, size=size))
        for mirror in (False, True):
            embedder = TorchEmbedder(model, reading, mirror=mirror)
            naming, _ = selection_naming(embedder, corpus)
            if naming is None:
                parser.error(f"{arguments.run}: the data of this run has no validation photos to choose on")
            first_order = choose_first_order(naming, embedder.blocks)
            accuracies = accuracy_by_source(naming.reweighted(embedder.blocks, first_order))
            found = [accuracy for source, accuracy in accuracies.items() if source in naming.sources]
            nll = sum(accuracy.nll for accuracy in found) / len(found)
            top_1 = "  ".join(f"{100 * r.top_1:.1f} % of {r.photos}" for r in found)
            way = f"{size} pixels{' and mirror image' if mirror else ''}"
            print(f"{way:28}  NLL {nll:.3f}  first order {first_order:.1f}  top-1 {top_1}", flush=True)


if __name__ == "__main__":
    main()
