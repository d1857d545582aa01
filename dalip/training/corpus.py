"""What a run learns from: the usable photos of its sources, how often each is drawn, and the texts of the taxa."""

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dalip.data import Record, read_records, require_unique_keys
from dalip.errors import TrainingError
from dalip.prompts import sentences, taxon_texts
from dalip.taxonomy import Taxon, read_taxa
from dalip.training.config import TrainConfig, source_of

__all__ = ["Corpus", "Texts", "load_corpus", "load_texts"]


@dataclass(frozen=True)
class Texts:
    """What can be said of taxa."""

    listed: Mapping[str, Taxon]
    """Taxa of the run's list by scientific name; they complete what photos say of theirs."""
    descriptions: Mapping[str, tuple[str, ...]]
    """Sentences about a taxon, by scientific name; taxa without a description are absent."""

    def complete(self, taxon: Taxon) -> Taxon:
        """Give the taxon with all names known."""
        return self.listed.get(taxon.scientific_name, taxon)


@dataclass(frozen=True)
class Corpus:
    """The photos of a run and the texts of each taxon."""

    records: tuple[Record, ...]
    """All photos that name a taxon or have captions, of every split."""
    weights: tuple[float, ...]
    """How often each record is drawn an epoch, on average; as long as `records`."""
    left_out: Mapping[str, int]
    """Photos with neither taxon nor caption, by source."""
    taxa: Mapping[str, Taxon]
    """By scientific name, with all names known."""
    texts: Mapping[str, tuple[str, ...]]
    """What stands for a taxon, by scientific name."""
    descriptions: Mapping[str, tuple[str, ...]]
    """Sentences about a taxon, by scientific name; taxa without a description are absent."""

    @property
    def every_text(self) -> list[str]:
        """What stands for the taxa: all texts, one taxon after the other."""
        return [text for texts in self.texts.values() for text in texts]

    def plants(self, split: str) -> list[Record]:
        """Give the photos of one split that name a taxon."""
        return [record for record in self.records if record.taxon and record.split == split]

    def captioned(self, split: str) -> list[Record]:
        """Give the photos of one split that have captions and name no taxon."""
        return [record for record in self.records if not record.taxon and record.split == split]


def load_texts(config: TrainConfig) -> Texts:
    """Read the list of taxa and the descriptions that a configuration names.

    Raises:
        DataError: The list of taxa cannot be read.
        TrainingError: The descriptions cannot be read.
    """
    listed = {t.scientific_name: t for t in read_taxa(Path(config.taxa))} if config.taxa else {}
    return Texts(listed, _read_descriptions(Path(config.descriptions)) if config.descriptions else {})


def load_corpus(config: TrainConfig) -> Corpus:
    """Read what a configuration names; where it streams, what it is evaluated on.

    Raises:
        DataError: A source cannot be read.
        TrainingError: A source holds nothing to learn from, or no photo is left to train on.
    """
    records: list[Record] = []
    weights: list[float] = []
    left_out: Counter[str] = Counter()
    for path, weight in map(source_of, config.validate if config.stream else config.data):
        found = read_records(Path(path))
        usable = [record for record in found if record.taxon or record.captions]
        if not usable:
            raise TrainingError(
                f"{path}: none of its photos has a scientificName or a caption; there is nothing to learn from"
            )
        left_out.update(record.source for record in found if not (record.taxon or record.captions))
        records += usable
        weights += [weight] * len(usable)
    require_unique_keys(records)
    if not config.stream and not any(record.split == "train" for record in records):
        raise TrainingError(f"{', '.join(config.data)}: no photo falls into the split train")
    texts = load_texts(config)
    taxa = {r.taxon.scientific_name: texts.complete(r.taxon) for r in records if r.taxon}
    return Corpus(
        tuple(records),
        tuple(_balanced(records, weights, config.balance)),
        dict(left_out),
        taxa,
        {name: tuple(taxon_texts(taxon)) for name, taxon in taxa.items()},
        {name: parts for name, parts in texts.descriptions.items() if name in taxa},
    )


def _balanced(records: list[Record], weights: list[float], balance: float) -> list[float]:
    """Draw rare taxa more often, by count ** -balance, while the plants together are drawn as often as before."""
    train = [record.taxon.scientific_name for record in records if record.taxon and record.split == "train"]
    counts = Counter(train)
    factors = [
        max(counts[record.taxon.scientific_name], 1) ** -balance if record.taxon else 1.0
        for record in records
    ]
    plants = [i for i, record in enumerate(records) if record.taxon and record.split == "train"]
    before, after = sum(weights[i] for i in plants), sum(weights[i] * factors[i] for i in plants)
    scale = before / after if after else 1.0
    return [
        weight * factor * scale if record.taxon else weight
        for record, weight, factor in zip(records, weights, factors, strict=True)
    ]


def _read_descriptions(path: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row: dict[str, Any] = json.loads(line)
                found[row["scientificName"]] = tuple(sentences(row["description"]))
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"{path}: not JSON lines with scientificName and description ({error})"
        ) from error
    return {name: parts for name, parts in found.items() if parts}
