"""Collect the training data of a run: usable photos of all sources, their weights, and the texts of the taxa."""

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import webdataset as wds

from dalip.datasets import Record, Report, read_named, read_taxa, require_unique_keys
from dalip.datasets.names.resolver import Resolver
from dalip.errors import Skipped, TrainingError, first_line
from dalip.progress import no_report
from dalip.prompts import sentences, taxon_texts
from dalip.taxonomy import Taxon
from dalip.training.config import TrainConfig, source_of

__all__ = ["Corpus", "Texts", "is_remote", "load_corpus", "load_texts", "shards_of"]


@dataclass(frozen=True)
class Texts:
    """Names and descriptions of taxa."""

    listed: Mapping[str, Taxon]
    """Listed taxa by scientific name and by synonym, which replace the taxon data of photos."""
    descriptions: Mapping[str, tuple[str, ...]]
    """Sentences about a taxon, by scientific name; taxa without a description are absent."""

    def complete(self, taxon: Taxon) -> Taxon:
        """Return the listed taxon with the same name or synonym, or the given one if it is not listed."""
        return self.listed.get(taxon.scientific_name, taxon)


@dataclass(frozen=True)
class Corpus:
    """The photos of a run and the texts of each taxon."""

    records: tuple[Record, ...]
    """All photos with a taxon or captions, from every split."""
    weights: tuple[float, ...]
    """How often each record is drawn per epoch, on average; as long as `records`."""
    left_out: Mapping[str, int]
    """Photos with neither taxon nor caption, by source."""
    skipped: tuple[Skipped, ...]
    """What was skipped for another reason: malformed text, a missing photo, an invalid taxon."""
    taxa: Mapping[str, Taxon]
    """Taxa by scientific name, from the run's list or else from the last photo of the taxon."""
    texts: Mapping[str, tuple[str, ...]]
    """Texts for the names of each taxon, by scientific name."""
    descriptions: Mapping[str, tuple[str, ...]]
    """Sentences about a taxon, by scientific name; taxa without a description are absent."""

    @property
    def every_text(self) -> list[str]:
        """All texts for the names of the taxa, one taxon after the other."""
        return [text for texts in self.texts.values() for text in texts]

    def plants(self, split: str) -> list[Record]:
        """Return the photos of a split that have a taxon."""
        return [record for record in self.records if record.taxon and record.split == split]

    def captioned(self, split: str) -> list[Record]:
        """Return the photos of a split that have captions but no taxon."""
        return [record for record in self.records if not record.taxon and record.split == split]


def shards_of(config: TrainConfig) -> tuple[list[str], list[float]]:
    """List the shards of a streaming run, and how often each is read relative to the others.

    Raises:
        TrainingError: A source contains no shard, or webdataset cannot expand its pattern.
    """
    urls: list[str] = []
    weights: list[float] = []
    for path, weight in map(source_of, config.data):
        if not is_remote(path) and Path(path).exists():
            found = sorted(map(str, Path(path).glob("*.tar"))) if Path(path).is_dir() else [path]
        else:
            try:
                found = wds.shardlists.expand_urls(path)
            except (ValueError, AssertionError) as error:
                raise TrainingError("shard-pattern", source=path, cause=first_line(error)) from error
        if not any(is_remote(url) or Path(url).exists() for url in found):
            raise TrainingError("no-shard", source=path)
        urls += found
        weights += [weight] * len(found)
    return urls, weights


def is_remote(url: str) -> bool:
    """Return whether a shard is read from the network or a command (`http:`, `pipe:` etc., but not a drive letter)."""
    return re.match(r"[A-Za-z][\w+.-]+:", url) is not None


def load_texts(config: TrainConfig, on_skip: Callable[[Skipped], None] = no_report) -> Texts:
    """Read the list of taxa and the descriptions of a configuration.

    Args:
        config: The configuration.
        on_skip: Receives each row of the list that cannot be used.

    Raises:
        DataError: The list of taxa cannot be read.
        TrainingError: The descriptions cannot be read.
    """
    taxa = read_taxa(Path(config.taxa), Report(on_skip)) if config.taxa else []
    listed = {synonym: taxon for taxon in taxa for synonym in taxon.synonyms}
    listed |= {taxon.scientific_name: taxon for taxon in taxa}
    told = _read_descriptions(Path(config.descriptions)) if config.descriptions else {}
    # A description with the accepted name replaces one with a synonym.
    accepted = {name: listed[name].scientific_name for name in told if name in listed}
    told |= {accepted[name]: told[name] for name in sorted(accepted, key=lambda n: n == accepted[n])}
    return Texts(listed, told)


def load_corpus(config: TrainConfig) -> Corpus:
    """Read the data of a configuration; for a streaming run, only the data that it is evaluated on.

    Raises:
        DataError: A source cannot be read.
        TrainingError: A source has no photo with a taxon or caption, or the training split is empty.
    """
    if config.stream:
        shards_of(config)
    records: list[Record] = []
    weights: list[float] = []
    left_out: Counter[str] = Counter()
    skipped: list[Skipped] = []
    texts = load_texts(config, skipped.append)
    names = Resolver.of(dict.fromkeys(texts.listed.values())) if texts.listed else None
    keys: set[str] = set()
    for path, weight in map(source_of, config.validate if config.stream else config.data):
        if is_remote(path) and not Path(path).exists():
            raise TrainingError("remote-without-stream", source=path)
        found = [
            record.renamed(Path(path).resolve().name) if record.key in keys else record
            for record in read_named(Path(path), names=names, report=Report(skipped.append))
        ]
        keys.update(record.key for record in found)
        usable = [record for record in found if record.taxon or record.captions]
        left_out.update(record.source for record in found if not (record.taxon or record.captions))
        if not usable:
            fields = tuple(found[0].fields) if found else ()
            raise TrainingError("nothing-to-learn", source=path, photos=len(found), fields=fields or ("-",))
        records += usable
        weights += [weight] * len(usable)
    require_unique_keys(records)
    if not config.stream and not any(record.split == "train" for record in records):
        raise TrainingError("no-training-photo", source=", ".join(config.data))
    taxa = {r.taxon.scientific_name: texts.complete(r.taxon) for r in records if r.taxon}
    return Corpus(
        tuple(records),
        tuple(_balanced(records, weights, config.balance)),
        dict(left_out),
        tuple(skipped),
        taxa,
        {name: tuple(taxon_texts(taxon)) for name, taxon in taxa.items()},
        {name: parts for name, parts in texts.descriptions.items() if name in taxa},
    )


def _balanced(records: list[Record], weights: list[float], balance: float) -> list[float]:
    """Oversample rare taxa by count ** -balance, while all plants together are drawn as often as before."""
    names = [record.taxon.scientific_name if record.taxon else None for record in records]
    plants = [i for i, record in enumerate(records) if record.taxon and record.split == "train"]
    counts = Counter(names[i] for i in plants)
    drawn = [
        weight * max(counts[name], 1) ** -balance if name else weight
        for name, weight in zip(names, weights, strict=True)
    ]
    after = sum(drawn[i] for i in plants)
    scale = sum(weights[i] for i in plants) / after if after else 1.0
    return [weight * scale if name else weight for name, weight in zip(names, drawn, strict=True)]


def _read_descriptions(path: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    if not path.exists():
        raise TrainingError("descriptions-missing", source=path)
    opener = gzip.open if path.suffix == ".gz" else open
    line = ""
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row: dict[str, Any] = json.loads(line)
                name = row["scientificName"].replace(" x ", " × ")
                found[name] = tuple(sentences(row["description"]))
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            "descriptions-malformed", source=path, cause=error, line=f"{line.strip():.60}"
        ) from error
    return {name: parts for name, parts in found.items() if parts}
