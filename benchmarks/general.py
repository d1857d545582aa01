"""Measure what encoders know besides plants, such as before and after a training: a table of docs/results.md.

    python benchmarks/general.py --data DATA NAME=BUNDLE...    # NAME: what the table calls the encoder
    python benchmarks/general.py --data DATA                   # only writes the table again

Zero-shot: photos of the sets that are for testing only are classified from the names of their classes. Retrieval:
photos and captions find each other; photos that training may use are left out. Appearance: each photo is classified by
the nearest mean appearance of the other photos of each class; texts play no part in it. Each encoder and set has a row
in docs/results/general.jsonl. Rows that are there already are not measured again, unless the encoder of this name has
changed. The encoder of an older commit: `git archive COMMIT assets/dalip_assets/encoder | tar -x -C FOLDER`.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from embedded import CAPTIONS, THINGS, Embedded, embed
from tables import make_table, publish

from dalip.datasets import Record
from dalip.encoder import Encoder, Vectors
from dalip.evaluation import (
    OnnxEmbedder,
    Photos,
    accuracy_by_source,
    label_of,
    make_zero_shot_task,
    text_vectors,
)
from dalip.evaluation import retrieval as measure_retrieval
from dalip.files import atomic_write
from dalip.progress import Progress, no_progress
from dalip.prompts import class_texts
from dalip_index.flora.prototypes import unit_rows

PAGE = Path(__file__).parent.parent / "docs" / "results.md"
ROWS = PAGE.parent / "results" / "general.jsonl"

ABOUT = {
    "objects": "ImageNet sample",
    "caltech101": "Caltech-101",
    "medical": "medical images",
    "insects": "rice insects",
    "fungi": "fungi",
    "aerial scenes": "aerial scenes (AID)",
    **{name: f"{name} captions" for name in CAPTIONS},
}
"""Names of the sets in the table."""


@dataclass(frozen=True)
class KeptEmbedder:
    """An encoder with the vectors of a set that are already known."""

    texts: OnnxEmbedder
    photos: Embedded

    @property
    def name(self) -> str:
        """Its name."""
        return self.texts.name

    @property
    def blocks(self) -> Any:
        """Its blocks."""
        return self.texts.blocks

    def embed_photos(self, records: Sequence[Record], progress: Progress = no_progress) -> Photos:
        """Return the embeddings of photos of the set."""
        places = {record.key: place for place, record in enumerate(self.photos.records)}
        rows = [places[record.key] for record in records]
        return Photos(tuple(records), self.photos.vectors[rows, : self.texts.encoder.width])

    def embed_texts(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        """Embed texts."""
        return self.texts.embed_texts(texts, progress)


def zero_shot(embedder: KeptEmbedder) -> dict[str, Any]:
    """Classify the photos of a set from the names of their classes."""
    photos = embedder.embed_photos(embedder.photos.records)
    names = sorted({label_of(record) or "" for record in photos.records})
    classes = {name: class_texts(name) for name in names}
    vectors = text_vectors(embedder, [text for texts in classes.values() for text in texts])
    found = list(accuracy_by_source(make_zero_shot_task(photos, classes, vectors)).values())[-1]
    return {
        "photos": found.photos,
        "classes": found.classes,
        "top-1": found.top_1,
        "top-5": found.top_5,
        "appearance top-1": by_appearance(embedder.photos, embedder.texts.encoder.width),
    }


def by_appearance(photos: Embedded, width: int) -> float | None:
    """Return top-1 of the nearest mean of the other photos of each class; `None` if no class has two photos."""
    units = unit_rows(photos.vectors[:, width:])
    _, labels = np.unique([label_of(record) or "" for record in photos.records], return_inverse=True)
    counts = np.bincount(labels)
    sums = np.zeros((len(counts), units.shape[1]), np.float32)
    np.add.at(sums, labels, units)
    similarities = units @ unit_rows(sums).T
    own = (units * unit_rows(sums[labels] - units)).sum(axis=1)
    similarities[np.arange(len(labels)), labels] = own
    several = counts[labels] > 1
    similarities[:, counts == 1] = -np.inf
    return float((similarities.argmax(axis=1) == labels)[several].mean()) if several.any() else None


def retrieval(embedder: KeptEmbedder) -> dict[str, Any]:
    """Find photos by their captions, and captions by their photos."""
    (found,), _ = measure_retrieval(embedder, embedder.photos.records)
    return {
        "photos": found.photos,
        "captions": found.captions,
        **{f"caption to photo R@{k}": found.text_to_image[k] for k in (1, 5)},
        **{f"photo to caption R@{k}": found.image_to_text[k] for k in (1, 5)},
    }


def measure(name: str, encoder: Encoder, data: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with those of an encoder added; its rows stay if they are of the same encoder."""
    stamp = encoder.fingerprint[:12]
    kept = [row for row in rows if row["encoder"] != name or row["fingerprint"] == stamp]
    done = {row["set"] for row in kept if row["encoder"] == name}
    for some in (*THINGS, *CAPTIONS):
        if some in done:
            continue
        photos = embed(encoder, data, some, ("calibration", "test") if some in CAPTIONS else ())
        if photos.records:
            embedder = KeptEmbedder(OnnxEmbedder(encoder), photos)
            found = retrieval(embedder) if some in CAPTIONS else zero_shot(embedder)
            kept.append({"encoder": name, "fingerprint": stamp, "set": some, **found})
    return kept


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the lines of the table: a row for each set and measure, a column for each encoder."""
    encoders = list(dict.fromkeys(row["encoder"] for row in rows))
    found = {(row["set"], row["encoder"]): row for row in rows}
    lines = []
    for some in dict.fromkeys(row["set"] for row in rows):
        first = next(row for row in rows if row["set"] == some)
        for measure in [key for key, value in first.items() if isinstance(value, float)]:
            classes = (
                f"{first['classes']:,} classes" if "classes" in first else f"{first['captions']:,} captions"
            )
            cells = {name: found.get((some, name), {}).get(measure) for name in encoders}
            shown = {name: None if value is None else 100 * value for name, value in cells.items()}
            lines.append(
                {"photos": f"{ABOUT[some]}, {first['photos']:,} photos, {classes}", "measure": measure}
                | shown
            )
    return make_table(lines) if lines else []


def read_rows() -> list[dict[str, Any]]:
    """Return the stored rows."""
    lines = ROWS.read_text(encoding="utf-8").splitlines() if ROWS.exists() else []
    return [json.loads(line) for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("encoders", nargs="*", metavar="NAME=BUNDLE")
    arguments = parser.parse_args()
    for given in arguments.encoders:
        name, _, bundle = given.partition("=")
        rows = measure(name, Encoder.load(Path(bundle)), arguments.data, read_rows())
        with atomic_write(ROWS) as draft:
            draft.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    publish({"general": table(read_rows())}, PAGE, write=True)


if __name__ == "__main__":
    main()
