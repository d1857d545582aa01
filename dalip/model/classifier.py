"""`TaxonClassifier`: cosine classifiers of species, genera, families and orders, trained beside the pairs.

They exist only during training, so that photos of different taxa come to look different to the image tower.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from dalip.ranks import RANKS
from dalip.taxonomy import Taxon

__all__ = ["CLASSIFIED", "TaxonClassifier"]

CLASSIFIED = ("species", "genus", "family", "order")
"""The ranks with a classifier. Subspecies, varieties, forms and cultivars are classes beside the species."""

_UNKNOWN = -1
_SMOOTHING = 0.1
_SCALE = 25.0
_SPREAD = 0.01


class TaxonClassifier(nn.Module):
    """One classifier for each rank: the cosine of a photo's appearance and a class's weights, times 25."""

    def __init__(self, taxa: Iterable[Taxon], width: int, *, seed: int = 0) -> None:
        """Create the classes, with random weights.

        Args:
            taxa: The taxa to tell apart, with their genera, families and orders.
            width: Width of `DALIP.appearance`.
            seed: Seed of the weights.
        """
        super().__init__()
        named = [_names(taxon) for taxon in taxa]
        self.classes = {
            rank: {
                name: i for i, name in enumerate(sorted({names[rank] for names in named if rank in names}))
            }
            for rank in CLASSIFIED
        }
        """Number of each class by rank and name."""
        count = sum(map(len, self.classes.values()))
        random = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
        self.weight = nn.Parameter(_SPREAD * random)

    def labels(self, taxa: Sequence[Taxon | None]) -> Int[Tensor, "n r"]:
        """Return the class of each photo at each rank, or -1: without a taxon, below its rank, or of no class."""
        rows = [_names(taxon) if taxon else {} for taxon in taxa]
        return torch.tensor(
            [[self.classes[rank].get(names.get(rank, ""), _UNKNOWN) for rank in CLASSIFIED] for names in rows]
        )

    def logits(self, appearance: Float[Tensor, "n w"]) -> tuple[Float[Tensor, "n _"], ...]:
        """Return the logits of the classes of each rank."""
        every = _SCALE * appearance.float() @ F.normalize(self.weight, dim=1).T
        return torch.split(every, [len(classes) for classes in self.classes.values()], dim=1)

    def forward(self, appearance: Float[Tensor, "n w"], labels: Int[Tensor, "n r"]) -> Float[Tensor, ""]:
        """Return the mean over ranks of the cross-entropy with label smoothing, in nats.

        Args:
            appearance: As returned by `DALIP.appearance`.
            labels: As returned by `labels`. At each rank, the mean is over the photos that have a class.
        """
        losses = []
        for logits, own in zip(self.logits(appearance), labels.unbind(dim=1), strict=True):
            if logits.shape[1] > 1:
                total = F.cross_entropy(
                    logits, own, ignore_index=_UNKNOWN, label_smoothing=_SMOOTHING, reduction="sum"
                )
                losses.append(total / (own != _UNKNOWN).sum().clamp(min=1))
        return torch.stack(losses).mean() if losses else 0.0 * appearance.sum()


def _names(taxon: Taxon) -> dict[str, str]:
    """Return the name of the class of a taxon at its own rank and at those above it."""
    own = RANKS.index(taxon.taxon_rank)
    above = {"order": taxon.order, "family": taxon.family, "genus": taxon.genus}
    names = {rank: name for rank, name in above.items() if name and RANKS.index(rank) < own}
    rank = taxon.taxon_rank if taxon.taxon_rank in above else "species"
    return names | {rank: taxon.scientific_name}
