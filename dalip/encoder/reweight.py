"""Change the scoring weights of the first and second order in the similarity."""

from collections.abc import Sequence

import numpy as np

from dalip.datasets import Record
from dalip.encoder.embedder import Embedder, Photos
from dalip.encoder.encoder import Vectors
from dalip.encoder.manifest import Block
from dalip.errors import DalipError
from dalip.progress import Progress, no_progress

__all__ = ["Reweighted", "reweight"]


class Reweighted:
    """An encoder with scoring weights that replace its own."""

    def __init__(self, embedder: Embedder, first_order: float) -> None:
        """Set the weight of the first order to `first_order`, in [0, 1], and that of the second to the rest.

        Raises:
            DalipError: The encoder has only the first order, or an order that needs a weight has weight 0 in it.
        """
        self.embedder, self.first_order, self.name = embedder, first_order, embedder.name
        try:
            _factors(embedder.blocks, first_order)
        except DalipError as error:
            raise error.about(embedder.name) from None
        weights = (first_order, 1 - first_order)
        self.blocks = tuple(
            Block(block.name, block.width, weight)
            for block, weight in zip(embedder.blocks, weights, strict=False)
        )

    def embed_photos(self, records: Sequence[Record], progress: Progress = no_progress) -> Photos:
        """Embed photos."""
        photos = self.embedder.embed_photos(records, progress)
        return photos._replace(vectors=reweight(photos.vectors, self.embedder.blocks, self.first_order))

    def embed_texts(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        """Embed texts."""
        return reweight(self.embedder.embed_texts(texts, progress), self.embedder.blocks, self.first_order)


def reweight(vectors: Vectors, blocks: Sequence[Block], first_order: float) -> Vectors:
    """Change the scoring weights in embeddings.

    Args:
        vectors: Embeddings of an encoder with these blocks, (n, E).
        blocks: Widths and current weights.
        first_order: Scoring weight l1 of the first order, in [0, 1]; the second has 1 - l1.

    Returns:
        (n, E), again of unit length.

    Raises:
        DalipError: There is no second order, or a block that needs a weight currently has weight 0.
    """
    factors = np.repeat(_factors(blocks, first_order), [block.width for block in blocks])
    return vectors * factors.astype(np.float32)


def _factors(blocks: Sequence[Block], first_order: float) -> list[float]:
    weights = (first_order, 1 - first_order)[: len(blocks)]
    if len(blocks) > 2 or not np.isclose(sum(weights), 1):
        raise DalipError("encoder-without-second-order")
    for block, weight in zip(blocks, weights, strict=True):
        if weight and not block.weight:
            raise DalipError("encoder-weight-lost", block=block.name)
    return [
        (weight / block.weight) ** 0.5 if weight else 0.0
        for block, weight in zip(blocks, weights, strict=True)
    ]
