"""Measure encoders under distribution shift: plants from another source, and photos without plants.

    python benchmarks/elsewhere.py BUNDLE... --taxa TAXA --elsewhere SHARD --learned SHARD... --things SHARD

Zero-shot: photos of `--elsewhere` that show one of TAXA, or a species of a genus among them, are identified from texts.
Few-shot: photos of all other taxa are identified from one, two and four photos of each taxon, by both orders, by the
first alone and by appearance (SimpleShot, redrawn 200 times). Out-of-distribution detection: the similarity to the
nearest of TAXA should separate validation photos of the learned plants (`selection`) from other plants and from
`--things`, measured by the area under the ROC curve.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from dalip.datasets import Record, read_records, read_taxa
from dalip.encoder import Encoder, Vectors
from dalip.evaluation import (
    OnnxEmbedder,
    accuracy_by_source,
    label_of,
    make_zero_shot_task,
    reweight,
    simple_shot,
    text_vectors,
)
from dalip.prompts import taxon_texts
from dalip.taxonomy import Taxon

SHOTS = (1, 2, 4)
DRAWS = 200


def measure(
    bundle: Path, taxa: list[Taxon], elsewhere: list[Record], learned: list[Record], things: list[Record]
) -> dict[str, float]:
    embedder = OnnxEmbedder(Encoder.load(bundle))
    classes = {taxon.scientific_name: taxon_texts(taxon) for taxon in taxa}
    texts = text_vectors(embedder, [text for some in classes.values() for text in some])

    photos = OnnxEmbedder(embedder.encoder, appearance=True).embed_photos(elsewhere)
    appearances = photos.vectors[:, embedder.encoder.width :]
    photos = photos._replace(vectors=photos.vectors[:, : embedder.encoder.width])
    shown = np.array([label_of(record) for record in photos.records])
    taken_for = [
        name if name in classes else name.split()[0] for name in shown
    ]  # a species counts as its genus
    records = tuple(
        replace(record, fields={**record.fields, "scientificName": name})
        for record, name in zip(photos.records, taken_for, strict=True)
    )
    naming = make_zero_shot_task(photos._replace(records=records), classes, texts)
    known = list(accuracy_by_source(naming).values())[-1]  # of all sources together
    others = ~np.isin(taken_for, list(classes))
    labels, vectors = np.unique(shown[others], return_inverse=True)[1], photos.vectors[others]

    of_plants, of_others, of_things = (
        (those @ naming.class_vectors().T).max(axis=1)
        for those in (embedder.embed_photos(learned).vectors, vectors, embedder.embed_photos(things).vectors)
    )
    return {
        f"known taxa, {known.photos} photos, top-1 %": 100 * known.top_1,
        f"known taxa, {known.photos} photos, top-5 %": 100 * known.top_5,
        "known taxa, NLL": known.nll,
        **few_shot(vectors, labels, "both orders"),
        **few_shot(reweight(vectors, embedder.blocks, 1.0), labels, "first order"),
        **few_shot(appearances[others], labels, "appearance"),
        "AUROC against other plants": area(of_plants, of_others),
        "AUROC against things": area(of_plants, of_things),
    }


def few_shot(vectors: Vectors, labels: NDArray[np.intp], name: str) -> dict[str, float]:
    centre = vectors.mean(axis=0)
    figures = {}
    for shots in SHOTS:
        hits = []
        for draw in range(DRAWS):
            random = np.random.default_rng([shots, draw])
            rows = [random.permutation(np.flatnonzero(labels == label)) for label in range(labels.max() + 1)]
            support = np.concatenate([mine[:shots] for mine in rows if len(mine) > shots])
            asked = np.concatenate([mine[shots:] for mine in rows])
            found = simple_shot(vectors[support], labels[support], vectors[asked], centre)
            hits.append(float((found == labels[asked]).mean()))
        figures[f"other taxa, {shots} shots, {name}, top-1 %"] = 100 * mean(hits)
    return figures


def area(positives: Vectors, negatives: Vectors) -> float:
    truth = np.repeat([1, 0], [len(positives), len(negatives)])
    return float(roc_auc_score(truth, np.concatenate([positives, negatives])))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("--taxa", required=True, type=Path)
    parser.add_argument("--elsewhere", required=True, nargs="+", type=Path)
    parser.add_argument("--learned", required=True, nargs="+", type=Path)
    parser.add_argument("--things", required=True, nargs="+", type=Path)
    arguments = parser.parse_args()
    taxa = read_taxa(arguments.taxa)
    elsewhere = [record for record in read_records(*arguments.elsewhere) if record.taxon]
    learned = [record for record in read_records(*arguments.learned) if record.split == "selection"]
    things = read_records(*arguments.things)
    every = [measure(bundle, taxa, elsewhere, learned, things) for bundle in arguments.bundles]
    print("".join([f"{'':42}", *(f"  {bundle.parent.name[-12:]:>12}" for bundle in arguments.bundles)]))
    for name in every[0]:
        print("".join([f"{name:42}", *(f"  {figures[name]:12.3f}" for figures in every)]))


if __name__ == "__main__":
    main()
