"""How well a model in training names plants and finds captions, from its texts alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from dalip.data import Record
from dalip.encoder.images import open_image
from dalip.encoder.manifest import ImageSettings, TextSettings
from dalip.encoder.preprocess import preprocess
from dalip.errors import DalipError
from dalip.model import DALIP, Embeddings
from dalip.training.data import Corpus, tokenize

__all__ = [
    "Naming",
    "ZeroShot",
    "caption_recall",
    "embed_naming",
    "embed_photos",
    "embed_texts",
    "zero_shot",
]


class Naming(NamedTuple):
    """Photos to be named and the texts of the taxa to choose from, embedded."""

    records: list[Record]
    """The photos that could be read; each names one of `taxa`."""
    photos: Embeddings
    """One row a record."""
    taxa: Mapping[str, int]
    """Scientific name to number of texts."""
    texts: Embeddings
    """All taxa's texts, one taxon after the other."""


@dataclass(frozen=True)
class ZeroShot:
    """Accuracy in [0, 1] over the photos of one source, all taxa being possible answers."""

    top_1: float
    top_5: float
    nll: float
    """Mean negative log-likelihood of the right taxon, in nats, at the temperature that is best for these photos."""
    photos: int


def _chunks(items: Sequence[Record], size: int) -> Iterator[Sequence[Record]]:
    return (items[i : i + size] for i in range(0, len(items), size))


def _join(parts: Iterable[Embeddings], width: int) -> Embeddings:
    none = Embeddings(torch.empty(0, width), torch.empty(0, width))
    first, second = zip(none, *((p.first_order.cpu(), p.second_order.cpu()) for p in parts), strict=True)
    return Embeddings(torch.cat(first), torch.cat(second))


@torch.inference_mode()
def embed_photos(
    model: DALIP,
    records: Sequence[Record],
    image: ImageSettings,
    *,
    mirror: bool = False,
    batch_size: int = 32,
) -> tuple[list[Record], Embeddings]:
    """Embed photos as the exported encoder would prepare them.

    Returns:
        The records that could be read, perhaps none, and their embeddings on the CPU.
    """
    device = next(model.parameters()).device
    kept: list[Record] = []
    parts: list[Embeddings] = []
    for chunk in _chunks(records, batch_size):
        pixels = []
        for record in chunk:
            try:
                pixels.append(torch.from_numpy(preprocess(open_image(record.read_bytes()), image)))
            except DalipError:
                continue
            kept.append(record)
        if pixels:
            batch = torch.stack(pixels).to(device, memory_format=torch.channels_last)
            parts.append(model.encode_image(batch, mirror=mirror))
    return kept, _join(parts, model.embed_dim)


@torch.inference_mode()
def embed_texts(
    model: DALIP, texts: Sequence[str], tokenizer: Tokenizer, settings: TextSettings, *, batch_size: int = 64
) -> Embeddings:
    """Embed texts; the embeddings are on the CPU."""
    device = next(model.parameters()).device
    parts = []
    for start in range(0, len(texts), batch_size):
        ids, mask = tokenize(tokenizer, texts[start : start + batch_size], settings)
        parts.append(model.encode_text(ids.to(device), mask.to(device)))
    return _join(parts, model.embed_dim)


def embed_naming(
    model: DALIP,
    corpus: Corpus,
    records: Sequence[Record],
    tokenizer: Tokenizer,
    text: TextSettings,
    image: ImageSettings,
    *,
    mirror: bool = False,
) -> Naming:
    """Embed plant photos and the texts of all taxa of the corpus, for `zero_shot`."""
    kept, photos = embed_photos(model, records, image, mirror=mirror)
    taxa = {name: len(texts) for name, texts in corpus.texts.items()}
    return Naming(kept, photos, taxa, embed_texts(model, corpus.every_text, tokenizer, text))


def _class_vectors(texts: Embeddings, counts: Sequence[int], first_order: float) -> Float[Tensor, "t e"]:
    joint = texts.joint(first_order)
    return torch.nn.functional.normalize(
        torch.stack([part.mean(0) for part in joint.split(list(counts))]), dim=-1
    )


def zero_shot(naming: Naming, *, first_order: float = 0.5) -> dict[str, ZeroShot]:
    """Measure accuracy from text alone, by source; `first_order` is the scoring weight l1."""
    records, photos, taxa, texts = naming
    classes = _class_vectors(texts, list(taxa.values()), first_order)
    similarity = photos.joint(first_order) @ classes.T
    positions = {name: i for i, name in enumerate(taxa)}
    truth = torch.tensor([positions[r.taxon.scientific_name] for r in records if r.taxon])
    hits = (similarity.topk(min(5, len(taxa))).indices == truth[:, None]).float()
    results = {}
    for source in sorted({r.source for r in records}):
        mine = torch.tensor([r.source == source for r in records])
        top_1, top_5 = hits[mine, 0].mean().item(), hits[mine].sum(1).mean().item()
        results[source] = ZeroShot(top_1, top_5, _best_nll(similarity[mine], truth[mine]), int(mine.sum()))
    return results


def _best_nll(similarity: Float[Tensor, "n t"], truth: Int[Tensor, " n"]) -> float:
    scales = torch.logspace(0, 2.5, 41)  # 1 to 316, in steps of 15 %
    return min(float(F.cross_entropy(scale * similarity, truth)) for scale in scales)


def caption_recall(
    photos: Embeddings, captions: Embeddings, *, first_order: float = 0.5, k: int = 1
) -> float:
    """Measure how often a caption's own photo is among the k nearest: one caption a photo, in the same order."""
    similarity = captions.joint(first_order) @ photos.joint(first_order).T
    nearest = similarity.topk(min(k, len(similarity))).indices
    own = torch.arange(len(similarity))[:, None]
    return (nearest == own).any(1).float().mean().item()
