"""Measure heads trained on a few photos of new plants: gains and losses, the tables of docs/training.md.

    python benchmarks/heads.py --data DATA --cache FOLDER            # DATA: the folder with the shards
    python benchmarks/heads.py --data DATA --cache FOLDER --write    # writes the tables into docs/training.md

Cross-validation: the photos of garden-plants are divided into three folds, taxon by taxon, three times. Heads are
trained on two folds, as by `dalip train --init builtin --freeze-towers`, and evaluated on the third. The weight of
texts against photos is chosen on the other folds. The towers are frozen; their features are computed once and cached in
FOLDER, and so are the results.
"""

import argparse
import copy
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from tables import publish
from tokenizers import Tokenizer

from dalip.datasets import Record, read_records, split_of
from dalip.encoder.embed_ahead import embed_ahead
from dalip.evaluation.metrics import nll_at_best_temperature
from dalip.export.whitening import read_whitening
from dalip.model import DALIP
from dalip.progress import no_report
from dalip.prompts import taxon_texts
from dalip.taxonomy import Taxon
from dalip.training import TrainConfig
from dalip.training.data.batches import PhotoDataset
from dalip.training.data.corpus import Corpus
from dalip.training.data.photo_features import PhotoFeatures, cache_photo_features
from dalip.training.data.text_features import TextFeatures
from dalip.training.inherit import inherit_towers, settings_of
from dalip.training.optimizer import freeze
from dalip.training.presets import FREEZE_TOWERS
from dalip.training.towers.create import Towers
from dalip.training.towers.load_model import load_weights, method_of
from dalip.training.trainer import Trainer
from dalip_assets import ENCODER, FLORA
from dalip_index import Flora, load_flora
from dalip_index.build.learn import hit_rates
from dalip_index.flora.prototypes import mean_prototypes

PAGE = Path(__file__).parent.parent / "docs" / "training.md"
FOLDS, SEEDS = 3, 3
WEIGHTS = [step / 20 for step in range(21)]
EPOCHS = (10.0, 40.0)

Vectors = NDArray[np.float32]
TRAIN = next(f"train-{i}" for i in range(99) if split_of(f"train-{i}") == "train")


class SomeFeatures(PhotoFeatures):
    """Cached features of a subset of the photos."""

    def __init__(self, whole: PhotoFeatures, chosen: Sequence[int]) -> None:
        super().__init__(whole.path, {})
        self.chosen = chosen

    def read(self, position: int, seed: int) -> torch.Tensor:
        """Return one view of a photo."""
        return super().read(self.chosen[position], seed)


@dataclass(frozen=True)
class Bench:
    """The built-in encoder as a model to train, and the features of photos from its frozen tower."""

    config: TrainConfig
    towers: Towers
    model: DALIP
    garden: list[Record]
    taxa: dict[str, Taxon]
    views: PhotoFeatures
    seen: Vectors
    """Features of the garden photos and their mirror images, shape (photos, 2, ...)."""
    looks: Vectors
    """Appearances of the garden photos, shape (photos, A), unit length."""
    texts: TextFeatures
    old_seen: Vectors
    old_looks: Vectors
    old: NDArray[np.intp]
    """Rows of the taxa in the old photos."""
    flora: Flora

    @property
    def targets(self) -> NDArray[np.intp]:
        """Rows of the taxa in the garden photos."""
        names = list(self.taxa)
        return np.array([names.index(r.taxon.scientific_name) for r in self.garden if r.taxon], np.intp)

    def train(self, chosen: NDArray[np.intp], seed: int, epochs: float) -> DALIP:
        """Train heads on some of the garden photos."""
        if not epochs:
            return self.model
        config = self.config.with_values(epochs=epochs, seed=seed)
        records = tuple(
            replace(self.garden[i], fields={**self.garden[i].fields, "splitGroup": TRAIN}) for i in chosen
        )
        texts = {name: tuple(taxon_texts(taxon)) for name, taxon in self.taxa.items()}
        corpus = Corpus(records, (1.0,) * len(records), {}, (), self.taxa, texts, {})
        model = copy.deepcopy(self.model)
        freeze(model, config.freeze)
        towers = replace(self.towers, clip=model.clip)
        trainer = Trainer(
            config, Path(config.cache or ""), corpus, towers, model, Accelerator(cpu=True), no_report
        )
        trainer.feed.photos = PhotoDataset(
            corpus, config, towers.image, SomeFeatures(self.views, chosen.tolist())
        )
        trainer.feed.text_features = self.texts
        for batch in trainer.feed.batches(0):
            trainer.take_step(batch)
            trainer.step += 1
        return trainer.result().eval()

    @torch.inference_mode()
    def embed(self, model: DALIP, seen: Vectors) -> Vectors:
        """Embed photos as the exported encoder would."""
        rows = []
        for start in range(0, len(seen), 32):
            views = torch.from_numpy(seen[start : start + 32].astype(np.float32)).unbind(1)
            one, other = (model.encode_image_features(view) for view in views)
            rows.append(one.mean_with(other).joint(0.5).numpy())
        return np.concatenate(rows)

    @torch.inference_mode()
    def name(self, model: DALIP, taxa: Sequence[Taxon]) -> Vectors:
        """Return the text prototypes of taxa."""
        texts = [(row, text) for row, taxon in enumerate(taxa) for text in taxon_texts(taxon)]
        rows = []
        for start in range(0, len(texts), 64):
            batch = [text for _, text in texts[start : start + 64]]
            ids, mask, features = self.texts(batch, torch.device("cpu"))
            assert features is not None
            rows.append(model.encode_text_features(features, ids, mask).joint(0.5).numpy())
        labels = np.array([row for row, _ in texts], np.intp)
        return mean_prototypes(np.concatenate(rows), labels, len(taxa))[0]


def prepare(data: Path, cache: Path) -> Bench:
    cache.mkdir(parents=True, exist_ok=True)
    settings = {**FREEZE_TOWERS, **settings_of(ENCODER), "workers": 0, "cache": str(cache)}
    config = TrainConfig(data=("none",), init=str(ENCODER), **settings)
    with tempfile.TemporaryDirectory() as folder:
        towers = inherit_towers(config, Path(folder))
    model = DALIP(towers.clip, method_of(config))
    load_weights(model, ENCODER)
    freeze(model.eval(), config.freeze)
    texts = TextFeatures(model, Tokenizer.from_buffer(towers.tokenizer), towers.text)
    garden = read_records(data / "garden-plants-000000.tar")
    views = cache_photo_features(model, garden, config, towers.image, cache, report=print)
    flora = load_flora(FLORA)
    taxa = {r.taxon.scientific_name: r.taxon for r in garden if r.taxon}
    said = [text for taxon in (*taxa.values(), *flora.taxa) for text in taxon_texts(taxon)]
    texts.prepare(said, cache, print)
    rows = {taxon.scientific_name: row for row, taxon in enumerate(flora.taxa)}
    shards = [*sorted(data.glob("inat-santa-cruz-*.tar")), *sorted(data.glob("oxford-flowers-*.tar"))]
    old = [r for r in read_records(*shards) if r.split == "test" and r.taxon]
    seen = see(model, towers, garden, cache / "garden.npy")
    old_seen = see(model, towers, old, cache / "old.npy")
    return Bench(
        config,
        towers,
        model,
        garden,
        taxa,
        views,
        seen,
        looks(model, seen),
        texts,
        old_seen,
        looks(model, old_seen),
        np.array([rows[r.taxon.scientific_name] for r in old if r.taxon], np.intp),
        flora,
    )


def see(model: DALIP, towers: Towers, records: Sequence[Record], path: Path) -> Vectors:
    """Compute, or read from the cache, the image tower's features of photos and their mirror images."""

    @torch.inference_mode()
    def features(pixels: Vectors) -> Any:
        views = torch.from_numpy(pixels)
        return torch.stack([model.image_tower.features(v) for v in (views, views.flip(-1))], 1).half().numpy()

    if not path.exists():
        found = embed_ahead((record.read_bytes for record in records), towers.image, 16, features)
        np.save(path, np.stack([row for _, row in found]))
    return np.load(path, mmap_mode="r")


@torch.inference_mode()
def looks(model: DALIP, seen: Vectors) -> Vectors:
    whitening = read_whitening(ENCODER)
    assert whitening is not None
    parts = []
    for start in range(0, len(seen), 64):
        views = torch.from_numpy(seen[start : start + 64].astype(np.float32)).unbind(1)
        parts.append(torch.stack([model.appearance(view) for view in views]).mean(0).numpy())
    rows = (np.concatenate(parts) - whitening.mean) @ whitening.matrix[:, : len(whitening.weights)]
    rows *= whitening.weights
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def folds_of(targets: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """Distribute the photos of each taxon over the folds."""
    random, folds = np.random.default_rng(seed), np.empty(len(targets), np.intp)
    for taxon in np.unique(targets):
        mine = random.permutation(np.flatnonzero(targets == taxon))
        folds[mine] = (np.arange(len(mine)) + random.integers(FOLDS)) % FOLDS
    return folds


def rates(similarities: Vectors, targets: NDArray[np.intp]) -> tuple[float, float]:
    found = hit_rates(similarities, targets)
    return found.top1, found.top5


def both(text: Vectors, photos: Vectors, targets: NDArray[np.intp], folds: NDArray[np.intp]) -> Vectors:
    """Combine text and photo similarities in each fold, with the weight that is best in the other folds."""
    joint = np.empty_like(text)
    for fold in range(FOLDS):
        others = folds != fold

        def loss(weight: float, others: NDArray[np.bool_] = others) -> float:
            mixed = weight * text[others] + (1 - weight) * photos[others]
            return nll_at_best_temperature(mixed, np.eye(mixed.shape[1], dtype=np.float32), targets[others])

        weight = min(WEIGHTS, key=loss)
        joint[~others] = weight * text[~others] + (1 - weight) * photos[~others]
    return joint


def measure(bench: Bench, epochs: float) -> dict[str, list[float]]:
    """Return accuracies by name: of the garden photos in cross-validation, one per seed; and of the old taxa."""
    found: dict[str, list[float]] = {}
    asked_of_old: dict[int, DALIP] = {}  # one per seed, because it hardly differs between folds
    targets, taxa = bench.targets, list(bench.taxa.values())
    for seed in range(SEEDS):
        folds = folds_of(targets, seed)
        text = np.empty((len(targets), len(taxa)), np.float32)
        photos = np.empty_like(text)
        for fold in range(FOLDS):
            learned, asked = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            model = bench.train(learned, seed, epochs)
            text[asked] = bench.embed(model, bench.seen[asked]) @ bench.name(model, taxa).T
            known = mean_prototypes(bench.looks[learned], targets[learned], len(taxa))[0]
            photos[asked] = bench.looks[asked] @ known.T
            if fold == 0:
                asked_of_old[id(model)] = model
        kinds = {"text": text, "photos": photos, "both": both(text, photos, targets, folds)}
        for kind, similarities in kinds.items():
            for k, rate in zip((1, 5), rates(similarities, targets), strict=True):
                found.setdefault(f"{kind} {k}", []).append(rate)
    for model in asked_of_old.values():
        for name, rate in of_old(bench, model):
            found.setdefault(name, []).append(rate)
    return found


def of_old(bench: Bench, model: DALIP) -> Iterator[tuple[str, float]]:
    """Yield accuracies on the flora's own test photos: from texts alone, and with the flora's weight for photos."""
    photos = bench.embed(model, bench.old_seen)
    text = photos @ bench.name(model, bench.flora.taxa).T
    weight, known = bench.flora.calibration.text_weight, bench.flora.prototypes.photos
    for name, found in (("text", text), ("both", weight * text + (1 - weight) * bench.old_looks @ known.T)):
        for k, rate in zip((1, 5), rates(found, bench.old), strict=True):
            yield f"old {name} {k}", rate


def table(rows: dict[str, dict[str, list[float]]], kinds: Sequence[str]) -> list[str]:
    heads = [f"{kind.removeprefix('old ')}: top-1 | top-5" for kind in kinds]
    lines = [f"| heads | {' | '.join(heads)} |", "|---|" + "---:|" * (2 * len(kinds))]
    for name, found in rows.items():
        cells = [spread(found[f"{kind} {k}"]) for kind in kinds for k in (1, 5)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def spread(values: Sequence[float]) -> str:
    middle = f"{100 * mean(values):.1f}"
    return f"{middle} ± {100 * stdev(values):.1f}" if len(values) > 1 else middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    bench = prepare(arguments.data, arguments.cache)
    rows = {}
    for epochs in (0.0, *EPOCHS):
        path = arguments.cache / f"epochs-{epochs:g}.json"
        if not path.exists():
            path.write_text(json.dumps(measure(bench, epochs)))
        rows[f"trained for {epochs:g} epochs" if epochs else "before training"] = json.loads(path.read_text())
    tables = {
        "heads": table(rows, ("text", "photos", "both")),
        "heads-cost": table(rows, ("old text", "old both")),
    }
    publish(tables, PAGE, write=arguments.write)


if __name__ == "__main__":
    main()
