"""The training objective: InfoNCE over first- and second-order features, blind to false negatives."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from dalip.model.dalip import Embeddings
from dalip.taxonomy import Taxon

__all__ = ["DalipLoss", "Objective", "info_nce", "match_matrix", "sigmoid_loss"]

Objective = Literal["dalip", "joint", "first-order", "second-order", "clip", "siglip"]
"""What training minimises; see `DalipLoss`."""


def match_matrix(
    taxa: Sequence[Taxon | None], keys: Sequence[str] | None = None
) -> tuple[Bool[Tensor, "n n"], Bool[Tensor, "n n"]]:
    """Say which pairs of a batch belong together and which count neither way.

    Args:
        taxa: The taxon of each record; `None` for a record that names none and so matches only itself.
        keys: What tells records apart, where one may be in the batch twice.

    Returns:
        `positives`, true where two records are of one taxon (always on the diagonal), and `ignored`, true where
        one taxon contains the other, as a genus does its species.
    """
    own = keys or [str(i) for i in range(len(taxa))]
    labels = [
        (taxon.scientific_name, "") if taxon else ("", key) for taxon, key in zip(taxa, own, strict=True)
    ]
    numbers = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    groups = torch.tensor([numbers[label] for label in labels], dtype=torch.long)
    named = {
        taxon.scientific_name: (numbers[label], taxon)
        for label, taxon in zip(labels, taxa, strict=True)
        if taxon
    }
    related = torch.zeros(len(numbers), len(numbers), dtype=torch.bool)
    for number, taxon in named.values():
        words = taxon.scientific_name.split(" ")
        above = {taxon.order, taxon.family, taxon.genus, *(" ".join(words[:i]) for i in range(1, len(words)))}
        for name in above & named.keys():  # whatever contains a taxon has one of these names
            higher, container = named[name]
            if container.contains(taxon):
                related[higher, number] = related[number, higher] = True
    return groups[:, None] == groups[None, :], related[groups][:, groups]


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


def sigmoid_loss(
    logits: Float[Tensor, "n n"],
    positives: Bool[Tensor, "n n"],
    ignored: Bool[Tensor, "n n"],
) -> Float[Tensor, ""]:
    """Compute SigLIP's loss: each pair on its own is a match or none.

    Args:
        logits: Scaled similarities plus bias.
        positives: Pairs that match.
        ignored: Pairs left out of the comparison.

    Returns:
        The sum over pairs of the negative log-likelihood, divided by n, in nats.

    Source:
        Zhai et al., "Sigmoid loss for language image pre-training", ICCV 2023.
    """
    signs = positives.float() * 2 - 1
    pairs = -F.logsigmoid(signs * logits.float()).masked_fill(ignored, 0.0)
    return pairs.sum() / len(logits)


class DalipLoss(nn.Module):
    """What a step minimises, by objective; all share one logit scale between the orders.

    - `dalip`: l1 InfoNCE(first order) + l2 InfoNCE(second order), l1 + l2 = 1;
    - `joint`: InfoNCE of the weighted similarity itself, l1 cos(f) + l2 cos(z);
    - `first-order`, `second-order`: InfoNCE of that order alone;
    - `clip`: InfoNCE of the first order as published, where a record matches nothing but itself;
    - `siglip`: the sigmoid loss of the first order as published, likewise.
    """

    def __init__(self, first_order: float = 0.5, *, objective: Objective = "dalip") -> None:
        """Choose objective and weights.

        Args:
            first_order: The weight l1 of the first order in `dalip` and `joint`, in [0, 1]; the second order has
                1 - l1. The authors' code calls it alpha.
            objective: As above. `siglip` adds a bias, the one parameter of this module, which starts at -10.
        """
        super().__init__()
        if not 0 <= first_order <= 1:
            raise ValueError(f"the weight of the first order, {first_order}, must lie in [0, 1]")
        self.objective = objective
        self.first_order = {"dalip": first_order, "joint": first_order, "second-order": 0.0}.get(
            objective, 1.0
        )
        self.bias = nn.Parameter(torch.tensor(-10.0)) if objective == "siglip" else None

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
            positives: As `match_matrix` gives them; by default, and for the published objectives always, each image
                matches its own text alone.
            ignored: Likewise; by default none.

        Returns:
            The loss in nats.
        """
        n, device = image.first_order.shape[0], image.first_order.device
        published = self.objective in ("clip", "siglip")
        if positives is None or published:
            positives = torch.eye(n, dtype=torch.bool, device=device)
        if ignored is None or published:
            ignored = torch.zeros(n, n, dtype=torch.bool, device=device)
        weights = self.first_order, 1 - self.first_order
        terms = [
            (weight, logit_scale * one @ other.T)
            for weight, one, other in zip(weights, image, text, strict=True)
            if weight
        ]
        if self.bias is not None:
            return sigmoid_loss(terms[0][1] + self.bias, positives, ignored)
        if self.objective == "joint":
            terms = [(1.0, torch.stack([weight * x for weight, x in terms]).sum(0))]
        return torch.stack([weight * info_nce(x, positives, ignored) for weight, x in terms]).sum()
