"""The training objective: InfoNCE over first- and second-order features, blind to false negatives."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from dalip.model.dalip import Embeddings
from dalip.taxonomy import Taxon

__all__ = ["DalipLoss", "info_nce", "match_matrix"]


def match_matrix(taxa: Sequence[Taxon | None]) -> tuple[Bool[Tensor, "n n"], Bool[Tensor, "n n"]]:
    """Say which pairs of a batch belong together and which count neither way.

    Args:
        taxa: The taxon of each record; `None` for a record that names none and so matches only itself.

    Returns:
        `positives`, true where two records are of one taxon (always on the diagonal), and `ignored`, true where
        one taxon contains the other, as a genus does its species.
    """
    names = [taxon.scientific_name if taxon else "" for taxon in taxa]
    distinct = {taxon.scientific_name: taxon for taxon in taxa if taxon}
    positions = {name: i for i, name in enumerate(distinct)}
    labels = torch.tensor([positions.get(name, -1) for name in names], dtype=torch.long)
    positives = (labels[:, None] == labels[None, :]) & (labels >= 0)[:, None]
    positives |= torch.eye(len(names), dtype=torch.bool)
    related = torch.tensor(
        [[a.contains(b) or b.contains(a) for b in distinct.values()] for a in distinct.values()],
        dtype=torch.bool,
    ).reshape(len(distinct), len(distinct))
    # One more row and column for the records without a taxon, which are related to nothing.
    padded = nn.functional.pad(related, (0, 1, 0, 1))
    return positives, padded[labels][:, labels]


def info_nce(
    logits: Float[Tensor, "n n"],
    positives: Bool[Tensor, "n n"],
    ignored: Bool[Tensor, "n n"],
) -> Float[Tensor, ""]:
    """Compute the symmetric InfoNCE loss with targets uniform over the positives.

    Args:
        logits: Scaled similarities, images in rows, texts in columns.
        positives: Pairs that match; at least one in every row and column.
        ignored: Pairs left out of the comparison, none of them positive.

    Returns:
        The mean of the cross-entropies from image to text and from text to image, in nats.
    """
    logits = logits.float().masked_fill(ignored, float("-inf"))

    def one_way(logits: Tensor, positives: Tensor) -> Tensor:
        log_p = logits.log_softmax(dim=1).masked_fill(~positives, 0.0)
        return -(log_p.sum(dim=1) / positives.sum(dim=1)).mean()

    return (one_way(logits, positives) + one_way(logits.T, positives.T)) / 2


class DalipLoss(nn.Module):
    """l1 InfoNCE(first order) + l2 InfoNCE(second order), l1 + l2 = 1, one shared logit scale."""

    def __init__(self, first_order: float = 0.5) -> None:
        """Choose the weights.

        Args:
            first_order: The weight l1 of the first order, in [0, 1]; the second order has 1 - l1. The authors' code
                calls it alpha.
        """
        super().__init__()
        if not 0 <= first_order <= 1:
            raise ValueError(f"the weight of the first order, {first_order}, must lie in [0, 1]")
        self.first_order = first_order

    def forward(
        self,
        image: Embeddings,
        text: Embeddings,
        logit_scale: Float[Tensor, ""],
        positives: Bool[Tensor, "n n"] | None = None,
        ignored: Bool[Tensor, "n n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Compute the loss of a batch of matching pairs.

        Args:
            image: Unit-length embeddings of n images.
            text: Unit-length embeddings of their n texts.
            logit_scale: Factor from cosine to logit (not its logarithm).
            positives: As `match_matrix` gives them; by default each image matches its own text alone.
            ignored: Likewise; by default none.

        Returns:
            The loss in nats.
        """
        n, device = image.first_order.shape[0], image.first_order.device
        if positives is None:
            positives = torch.eye(n, dtype=torch.bool, device=device)
        if ignored is None:
            ignored = torch.zeros(n, n, dtype=torch.bool, device=device)
        first = info_nce(logit_scale * image.first_order @ text.first_order.T, positives, ignored)
        second = info_nce(logit_scale * image.second_order @ text.second_order.T, positives, ignored)
        return self.first_order * first + (1 - self.first_order) * second
