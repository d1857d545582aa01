"""Compare DALIP with CLIP and run ablations: one change at a time, several seeds.

    python benchmarks/method.py EXPERIMENT... --data FOLDER [--seeds N] [--work runs/method]

EXPERIMENT is one of the names that `--help` lists, or `all`. Each run appends a line to `docs/results/EXPERIMENT.jsonl`
as soon as it ends, so an interrupted command resumes when you run it again. `docs/make_results.py` writes the tables.

`breadth` and `breadth_finetuned` use the photos of thousands of taxa; the other experiments use those of 130.

Both sides of a comparison have the same photos, texts, steps, seeds and initial weights. Most experiments train the
heads and projections over frozen towers, whose features are computed once; `finetune` and `breadth_finetuned` train the
image tower as well.
The scoring weight of the orders is chosen on validation photos; everything reported is measured on test photos.
"""

import argparse
import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dalip.datasets import Record
from dalip.encoder import Vectors, preprocess
from dalip.evaluation import (
    Photos,
    Reweighted,
    ZeroShotTask,
    accuracy_by_source,
    choose_first_order,
    make_zero_shot_task,
    retrieval,
    text_vectors,
)
from dalip.photos import open_image
from dalip.progress import Progress, no_progress, no_report
from dalip.training import TrainConfig
from dalip.training.config import CARRIED_OUT
from dalip.training.data.corpus import Corpus, load_corpus
from dalip.training.data.text_features import TextFeatures
from dalip.training.loop import train
from dalip.training.presets import PRESETS
from dalip.training.torch_embedder import TorchEmbedder
from dalip.training.towers.load_model import load_run

RESULTS = Path(__file__).parent.parent / "docs" / "results"
TAXA = Path(__file__).parent.parent / "assets" / "dalip_assets" / "taxa.csv"

Changes = dict[str, Any]

FROZEN: Changes = {
    "model": "lite0-minilm",
    "freeze": ("image", "text"),
    "cache_views": 4,
    "image_size": 192,
    "train_sizes": ((1.0, 160),),
    "epochs": 20.0,
    "evaluate_every": 0.0,
    "save_minutes": 1000.0,
    "ema_decay": 0.99,
    "workers": 0,
    "norm": "batch",
}
"""Settings of runs with frozen towers: only the heads are trained, with the paper's norm."""

FINETUNED: Changes = {
    "model": "lite0-minilm",
    "freeze": PRESETS["builtin"]["freeze"],
    "image_size": 160,
    "train_sizes": ((1.0, 128),),
    "epochs": 16.0,
    "evaluate_every": 0.0,
    "ema_decay": 0.99,
}
"""Settings of fine-tuning on small crops: all but the first stages of the image tower, as in the built-in encoder."""

BREADTH: Changes = FROZEN | {"epochs": 8.0, "norm": "layer", "balance": 0.15}
"""Settings for thousands of taxa, most of them with one or two photos."""

RELATED: Changes = {"genus_weight": 0.2, "family_weight": 0.05}
"""Taxa of the same genus and family are positives of lower weight."""

BREADTH_FINETUNED: Changes = PRESETS["builtin"] | FINETUNED | {"epochs": 6.0}
"""Settings of fine-tuning on thousands of taxa: those of the built-in encoder, but shorter and with smaller crops."""

MANY = ("Oxford 102 Flowers", "iNaturalist")
"""Sources with many photos of few taxa; the others are measured together."""

OTHERS = "other sources"

OBJECTIVES: dict[str, Changes] = {
    "DALIP": {},
    "first order": {"objective": "first-order"},
    "second order": {"objective": "second-order"},
    "CLIP": {"objective": "clip"},
    "SigLIP": {"objective": "siglip"},
}

FIRST_STAGE: Changes = {"captions": 1.0, "epochs": 60.0}
"""Captioned photos only, for 60 epochs."""

COMPARED = ("DALIP", "first order", "CLIP")

EXPERIMENTS: dict[str, dict[str, Changes]] = {
    "objectives": OBJECTIVES | {"first order, 512 wide": OBJECTIVES["first order"] | {"embed_dim": 512}},
    "finetune": {name: OBJECTIVES[name] for name in COMPARED},
    "joint": {"sum of two": {}, "of the sum": {"objective": "joint"}},
    "dropout": {f"{p:g}": {"dropout": p} for p in (0.0, 0.1, 0.25, 0.5)},
    "norm": {"batch norm": {}, "layer norm": {"norm": "layer"}},
    "heads": {
        f"h {h}, r {r}": {"num_heads": h, "reduced_dim": r}
        for h, r in ((1, 24), (2, 24), (4, 24), (8, 24), (4, 12), (4, 46), (1, 48))
    },
    "lambda": {f"{x:g}": {"first_order": x} for x in (0.25, 0.5, 0.75)},
    "lr": {
        f"{name}, {rate:g}": OBJECTIVES[name] | {"head_lr": rate}
        for name in COMPARED
        for rate in (1e-3, 3e-3)
    },
    "padding": {"left out": {}, "counted": {"count_padding": True}},
    "epochs": {
        f"{name}, {n} epochs": OBJECTIVES[name] | {"epochs": float(n)}
        for name in COMPARED
        for n in (1, 2, 6, 20)
    },
    "mixing": {
        f"{name}, {share:.0%}": OBJECTIVES[name] | {"captions": share}
        for name in ("DALIP", "first order")
        for share in (0.0, 0.1, 0.4)
    },
    "breadth": {
        f"{name}{said}": OBJECTIVES[name] | changes
        for name in ("DALIP", "first order")
        for said, changes in (("", {}), (", relatives", RELATED))
    },
    "breadth_finetuned": {name: OBJECTIVES[name] for name in ("DALIP", "first order")},
    "forgetting": {
        f"{name}, {then}": OBJECTIVES[name] | changes
        for name in COMPARED
        for then, changes in {
            "captions alone": FIRST_STAGE,
            "then plants": {"captions": 0.0, "after": OBJECTIVES[name] | FIRST_STAGE},
            "then both": {"after": OBJECTIVES[name] | FIRST_STAGE},
        }.items()
    },
}
"""What each variant changes in `FROZEN`, or in the settings in `BASES`.

Besides the fields of TrainConfig, `captions` is the share of captioned photos in a batch, and `after` contains the
changes of an earlier run whose weights this one starts from.
"""


BASES: dict[str, Changes] = {
    "finetune": FINETUNED,
    "breadth": BREADTH,
    "breadth_finetuned": BREADTH_FINETUNED,
}

BROAD = ("breadth", "breadth_finetuned")
"""Experiments with thousands of taxa."""

SEEDS: dict[str, int] = {"breadth_finetuned": 1}
"""Seeds of experiments that do not have three."""


class Bench:
    """The data of all runs, and the cached features of the frozen towers."""

    def __init__(self, folder: Path, work: Path, *, broad: bool = False) -> None:
        """Read the data.

        Args:
            folder: The folder with the shards.
            work: The folder for runs and caches.
            broad: Whether to use the photos of thousands of taxa, too.
        """
        patterns = ("inat-*.tar", "oxford-*.tar", *(("more/plants-*.tar",) if broad else ()))
        self.plants = sorted(str(path) for pattern in patterns for path in folder.glob(pattern))
        self.captions = str(folder / "general-captions-000000.tar")
        self.descriptions = str(folder / "descriptions.jsonl.gz")
        self.work = work
        everything = TrainConfig(data=(*self.plants, self.captions), taxa=str(TAXA))
        self.corpus: Corpus = load_corpus(everything)
        self.share_of_one = self._count(captioned=True) / self._count(captioned=False)
        self.remembered: dict[str, torch.Tensor] = {}

    def _count(self, *, captioned: bool) -> int:
        return len(self.corpus.captioned("train") if captioned else self.corpus.plants("train"))

    def config(self, base: Changes, changes: Changes, seed: int) -> TrainConfig:
        """Return the configuration of one run."""
        settings = base | changes
        share = settings.pop("captions", 0.1)  # of a batch
        never = 1e-9  # instead of dropping the source, so that all runs share one cache of features
        plants, captions, epochs = self.plants, f"{self.captions}@{never}", settings.pop("epochs")
        if share == 1:
            plants, captions = [f"{path}@{never}" for path in plants], self.captions
        else:
            epochs *= (1 - share) / (1 - 0.1)  # the same number of steps for every share
            if share:
                captions = f"{self.captions}@{share / (1 - share) / self.share_of_one:.4f}"
        if after := settings.pop("after", None):
            earlier = self.config(base, after, seed)
            run = self.work / "first" / self._digest(earlier)
            if not (run / "model.pt").exists():
                train(earlier, run, report=no_report)
            settings["init"] = str(run)
        return TrainConfig(
            data=(*plants, captions),
            taxa=str(TAXA),
            descriptions=self.descriptions,
            seed=seed,
            cache=str(self.work / "cache"),
            epochs=epochs,
            **settings,
        )

    def evaluate(self, run: Path) -> dict[str, Any]:
        """Measure a finished run on validation and test photos, with the scoring weight chosen on validation photos."""
        embedder = RunEmbedder(run, self.remembered)
        splits = ("selection", "test")
        photos = {split: embedder.embed_photos(self.corpus.plants(split)) for split in splits}
        vectors = text_vectors(embedder, self.corpus.every_text)
        naming = {
            split: _grouped(make_zero_shot_task(found, self.corpus.texts, vectors))
            for split, found in photos.items()
        }
        weights = {"chosen": choose_first_order(naming["selection"], embedder.blocks)}
        if len(embedder.blocks) == 2:
            weights |= {"first": 1.0, "both": 0.5, "second": 0.0}
        return {
            split: {
                name: {"first order": weight}
                | _naming_scores(naming[split].reweighted(embedder.blocks, weight), self.corpus)
                | _caption_scores(Reweighted(embedder, weight), self.corpus.captioned(split))
                for name, weight in weights.items()
            }
            for split in splits
        }

    def run(self, experiment: str, seeds: int) -> None:
        """Train and measure every variant of an experiment with every seed, except for runs that are done."""
        base = BASES.get(experiment, FROZEN)
        path = RESULTS / f"{experiment}.jsonl"
        for seed in range(seeds):
            for variant, changes in EXPERIMENTS[experiment].items():
                config = self.config(base, changes, seed)
                rows = {file: _read(file) for file in sorted(RESULTS.glob("*.jsonl"))}
                if any(row["variant"] == variant and row["seed"] == seed for row in rows.get(path, [])):
                    continue
                row: dict[str, Any] = {"variant": variant, "seed": seed, "config": self._digest(config)}
                done = [r for found in rows.values() for r in found if r.get("config") == row["config"]]
                if done:  # another experiment includes the same run
                    row |= {name: done[0][name] for name in ("seconds", "selection", "test")}
                else:
                    run = self.work / experiment / f"{variant.replace(' ', '-')}-{seed}"
                    started = time.monotonic()
                    train(config, run, report=no_report)
                    row |= {"seconds": round(time.monotonic() - started)} | self.evaluate(run)
                    shutil.rmtree(run)
                RESULTS.mkdir(parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                figures = {k: v for k, v in row["test"]["chosen"].items() if "top-1" in k or "R@1" in k}
                said = ", ".join(f"{k} {v:.3f}" for k, v in figures.items())
                print(f"{experiment}, {variant}, seed {seed}: {said}", flush=True)

    def _digest(self, config: TrainConfig) -> str:
        """Return a hash of everything that decides the outcome of a run; the location of the data does not count."""
        settings = asdict(config) | {"data": [Path(path).name for path in config.data]}
        settings["init"] = config.init and Path(config.init).name
        for name in ("taxa", "descriptions", *CARRIED_OUT):
            del settings[name]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _grouped(naming: ZeroShotTask) -> ZeroShotTask:
    """Return the task with all sources of few photos as one."""
    sources = tuple(source if source in MANY else OTHERS for source in naming.sources)
    return replace(naming, sources=sources)


def _naming_scores(naming: ZeroShotTask, corpus: Corpus) -> dict[str, float]:
    scores = {
        f"{source} {figure}": getattr(accuracy, field)
        for source, accuracy in accuracy_by_source(naming).items()
        for figure, field in (("top-1", "top_1"), ("top-5", "top_5"), ("NLL", "nll"))
    }
    wide = np.array(naming.sources) == OTHERS
    if not wide.any():
        return scores
    best = (naming.photos[wide] @ naming.class_vectors().T).argmax(axis=1)
    taxa = [corpus.taxa[name] for name in corpus.texts]
    for rank in ("genus", "family"):
        names = np.array([getattr(taxon, rank) for taxon in taxa])
        scores[f"{OTHERS} {rank}"] = float((names[best] == names[naming.truth[wide]]).mean())
    return scores


def _caption_scores(embedder: Reweighted, records: Sequence[Record]) -> dict[str, float]:
    (found,), _ = retrieval(embedder, records)
    scores = {f"photo to caption R@{k}": found.image_to_text[k] for k in (1, 5)}
    return scores | {f"caption to photo R@{k}": found.text_to_image[k] for k in (1, 5)}


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class RunEmbedder(TorchEmbedder):
    """A finished run as an embedder; the features of frozen towers are computed once for all runs."""

    def __init__(self, run: Path, remembered: dict[str, torch.Tensor]) -> None:
        """Load a run; `remembered` caches the image tower's features by photos, for this run and others."""
        model, towers, config = load_run(run)
        super().__init__(model, towers)
        self.frozen, self.remembered = "image" in config.freeze, remembered
        self.texts = TextFeatures(model.requires_grad_(False), self.tokenizer, self.text)
        self.cache = Path(config.cache or run)

    @torch.inference_mode()
    def embed_photos(self, records: Sequence[Record], progress: Progress = no_progress) -> Photos:
        """Embed photos, which must all be readable."""
        if not self.frozen:
            return super().embed_photos(records, progress)
        parts = []
        for start in range(0, len(records), 32):
            chunk = records[start : start + 32]
            name = f"{chunk[0].key} {self.image.size}"
            if name not in self.remembered:
                pixels = [preprocess(open_image(r.read_bytes()), self.image) for r in chunk]
                batch = torch.from_numpy(np.stack(pixels)).contiguous(memory_format=torch.channels_last)
                self.remembered[name] = self.model.image_tower.features(batch).half()
            embeddings = self.model.encode_image_features(self.remembered[name].float())
            parts.append(embeddings.joint(self.first_order).numpy())
        return Photos(tuple(records), np.concatenate(parts), {})

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        """Embed texts."""
        self.texts.prepare(texts, self.cache, no_report)
        parts = []
        for start in range(0, len(texts), 64):
            ids, mask, features = self.texts(texts[start : start + 64], torch.device("cpu"))
            assert features is not None
            parts.append(self.model.encode_text_features(features, ids, mask).joint(self.first_order).numpy())
        return np.concatenate(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", choices=[*EXPERIMENTS, "all"], nargs="+")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--seeds", type=int, help="by default 3, for breadth_finetuned 1")
    parser.add_argument("--work", type=Path, default=Path("runs/method"))
    arguments = parser.parse_args()
    chosen = list(EXPERIMENTS) if "all" in arguments.experiment else arguments.experiment
    for broad in (False, True):
        some = [experiment for experiment in chosen if (experiment in BROAD) == broad]
        if some:
            bench = Bench(arguments.data, arguments.work / ("broad" if broad else ""), broad=broad)
            for experiment in some:
                bench.run(experiment, arguments.seeds or SEEDS.get(experiment, 3))


if __name__ == "__main__":
    main()
