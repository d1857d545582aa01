"""The training loss: InfoNCE over first- and second-order features, without false negatives."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from dalip.model.classifier import TaxonClassifier
from dalip.model.dalip import Embeddings
from dalip.taxonomy import Taxon

__all__ = ["DalipLoss", "Objective", "info_nce", "match_matrix", "sigmoid_loss"]

Objective = Literal["dalip", "joint", "first-order", "second-order", "clip", "siglip"]
"""What training minimises; see `DalipLoss`."""

Matches = Bool[Tensor, "n n"] | Float[Tensor, "n n"]


def match_matrix(
    taxa: Sequence[Taxon | None],
    keys: Sequence[str] | None = None,
    *,
    genus: float = 0.0,
    family: float = 0.0,
) -> tuple[Matches, Bool[Tensor, "n n"]]:
    """Determine which pairs of a batch are positives and which are ignored.

    Args:
        taxa: The taxon of each record; `None` for a record without a taxon, which matches only itself.
        keys: Unique keys of the records, if a record can be in the batch more than once.
        genus: Weight of a pair of different taxa of the same genus, in [0, 1]; the same taxon has weight 1.
        family: Weight of a pair of different genera of the same family, in [0, 1].

    Returns:
        `positives`, true where two records have the same taxon (always on the diagonal), or the weights of all pairs
        if `genus` or `family` is above 0; and `ignored`, true where one taxon contains the other, as a genus contains
        its species.
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
        for name in above & named.keys():  # any taxon that contains this one has one of these names
            higher, container = named[name]
            if container.contains(taxon):
                related[higher, number] = related[number, higher] = True
    same, ignored = groups[:, None] == groups[None, :], related[groups][:, groups]
    if not genus and not family:
        return same, ignored
    weights = torch.zeros(same.shape)
    weights[_share(["" if taxon is None else taxon.family for taxon in taxa])] = family
    weights[_share(["" if taxon is None else taxon.genus for taxon in taxa])] = genus
    return weights.masked_fill(same, 1.0).masked_fill(ignored, 0.0), ignored


def _share(names: Sequence[str]) -> Bool[Tensor, "n n"]:
    """Return which pairs have the same name; empty names match nothing."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names)) if name}
    given = torch.tensor([numbers.get(name, -1) for name in names], dtype=torch.long)
    return (given[:, None] == given[None, :]) & (given >= 0)


def info_nce(
    logits: Float[Tensor, "n n"],
    positives: Matches,
    ignored: Bool[Tensor, "n n"],
) -> Float[Tensor, ""]:
    """Compute the symmetric InfoNCE loss with targets in proportion to the weights of the positives.

    Args:
        logits: Scaled similarities, images in rows, texts in columns.
        positives: Pairs that match, or their weights; at least one in every row and column.
        ignored: Pairs excluded from the comparison; none of them may be positive.

    Returns:
        The mean of the cross-entropies from image to text and from text to image, in nats.
    """
    logits = logits.float().masked_fill(ignored, float("-inf"))

    def one_way(logits: Tensor, positives: Tensor) -> Tensor:
        log_p = logits.log_softmax(dim=1).masked_fill(positives == 0, 0.0) * positives
        return -(log_p.sum(dim=1) / positives.sum(dim=1)).mean()

    return (one_way(logits, positives) + one_way(logits.T, positives.T)) / 2


def sigmoid_loss(
    logits: Float[Tensor, "n n"],
    positives: Bool[Tensor, "n n"],
    ignored: Bool[Tensor, "n n"],
) -> Float[Tensor, ""]:
    """Compute the SigLIP loss: each pair is classified independently as a match or not.

    Args:
        logits: Scaled similarities plus bias.
        positives: Pairs that match.
        ignored: Pairs excluded from the comparison.

    Returns:
        The sum over pairs of the negative log-likelihood, divided by n, in nats.

    Source:
        Zhai et al., "Sigmoid loss for language image pre-training", ICCV 2023.
    """
    signs = positives.float() * 2 - 1
    pairs = -F.logsigmoid(signs * logits.float()).masked_fill(ignored, 0.0)
    return pairs.sum() / len(logits)


class DalipLoss(nn.Module):
    """The loss of a training step; in every objective, both orders share one logit scale.

    - `dalip`: l1 InfoNCE(first order) + l2 InfoNCE(second order), l1 + l2 = 1;
    - `joint`: InfoNCE of the weighted similarity itself, l1 cos(f) + l2 cos(z);
    - `first-order`, `second-order`: InfoNCE of only that order;
    - `clip`: InfoNCE of the first order as published, where a record matches only itself;
    - `siglip`: the sigmoid loss of the first order as published, where a record matches only itself.

    A classifier of the photos' appearance can be added to any of them.
    """

    def __init__(
        self,
        first_order: float = 0.5,
        *,
        objective: Objective = "dalip",
        classifier: TaxonClassifier | None = None,
        classifier_weight: float = 1.0,
    ) -> None:
        """Choose the objective and the weights of the orders.

        Args:
            first_order: The weight l1 of the first order in `dalip` and `joint`, in [0, 1]; the second order has
                1 - l1. The authors' code calls it alpha.
            objective: One of those above. `siglip` adds a bias, a parameter of this module, initialised to -10.
            classifier: Its loss is added, if there is one.
            classifier_weight: Factor of the classifier's loss.
        """
        super().__init__()
        if not 0 <= first_order <= 1:
            raise ValueError(f"the weight of the first order, {first_order}, must be in [0, 1]")
        self.objective = objective
        self.first_order = {"dalip": first_order, "joint": first_order, "second-order": 0.0}.get(
            objective, 1.0
        )
        self.bias = nn.Parameter(torch.tensor(-10.0)) if objective == "siglip" else None
        self.classifier, self.classifier_weight = classifier, classifier_weight

    def forward(
        self,
        image: Embeddings,
        text: Embeddings,
        logit_scale: Float[Tensor, ""],
        positives: Matches | None = None,
        ignored: Bool[Tensor, "n n"] | None = None,
        appearance: Float[Tensor, "n w"] | None = None,
        labels: Int[Tensor, "n r"] | None = None,
    ) -> Float[Tensor, ""]:
        """Compute the loss of a batch of matching pairs.

        Args:
            image: Unit-length embeddings of n images.
            text: Unit-length embeddings of their n texts.
            logit_scale: Factor from cosine to logit (not its logarithm).
            positives: As returned by `match_matrix`. By default, and always for `clip` and `siglip`, each image
                matches only its own text.
            ignored: As returned by `match_matrix`. By default, and always for `clip` and `siglip`, no pair.
            appearance: The appearance of the photos, for the classifier.
            labels: The photos' classes, as returned by the classifier's `labels`.

        Returns:
            The loss in nats.
        """
        loss = self._of_pairs(image, text, logit_scale, positives, ignored)
        if self.classifier is None:
            return loss
        classified: Tensor = self.classifier(appearance, labels)
        return loss + self.classifier_weight * classified

    def _of_pairs(
        self,
        image: Embeddings,
        text: Embeddings,
        logit_scale: Tensor,
        positives: Tensor | None,
        ignored: Tensor | None,
    ) -> Tensor:
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
