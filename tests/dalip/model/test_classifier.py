"""The classifiers of taxa that are trained beside the pairs of photo and text."""

import pytest
import torch
from torch.nn import functional as F

from dalip.model import CLASSIFIED, TaxonClassifier
from dalip.taxonomy import Taxon

ROBUR = Taxon("Quercus robur", genus="Quercus", family="Fagaceae", order="Fagales")
AGRIFOLIA = Taxon("Quercus agrifolia", genus="Quercus", family="Fagaceae", order="Fagales")
FAGUS = Taxon("Fagus sylvatica", genus="Fagus", family="Fagaceae", order="Fagales")
VIOLA = Taxon("Viola", "genus", genus="Viola", family="Violaceae", order="Malpighiales")
TAXA = [ROBUR, AGRIFOLIA, FAGUS, VIOLA]


def test_a_taxon_is_a_class_at_its_rank_and_those_above() -> None:
    classifier = TaxonClassifier(TAXA, 8)
    assert classifier.classes == {
        "species": {"Fagus sylvatica": 0, "Quercus agrifolia": 1, "Quercus robur": 2},
        "genus": {"Fagus": 0, "Quercus": 1, "Viola": 2},
        "family": {"Fagaceae": 0, "Violaceae": 1},
        "order": {"Fagales": 0, "Malpighiales": 1},
    }
    stranger = Taxon("Quercus alba", genus="Quercus", family="Fagaceae")
    labels = classifier.labels([ROBUR, VIOLA, stranger, Taxon("Violaceae", "family"), None])
    assert labels.tolist() == [
        [2, 1, 0, 0],
        [-1, 2, 1, 1],
        [-1, 1, 0, -1],
        [-1, -1, 1, -1],
        [-1, -1, -1, -1],
    ]


def test_the_loss_is_the_mean_over_ranks_of_the_cross_entropies_of_labelled_photos() -> None:
    torch.manual_seed(0)
    classifier = TaxonClassifier(TAXA, 8)
    appearance = F.normalize(torch.randn(3, 8), dim=1)
    labels = classifier.labels([ROBUR, VIOLA, None])
    weights = F.normalize(classifier.weight, dim=1).split([3, 3, 2, 2])
    logits = [25 * appearance @ own.T for own in weights]
    expected = []
    for scores, own in zip(logits, labels.T, strict=True):
        log_p = scores.log_softmax(dim=1)
        rows = [-(0.9 * log_p[i, n] + 0.1 * log_p[i].mean()) for i, n in enumerate(own.tolist()) if n >= 0]
        expected.append(torch.stack(rows).mean())
    torch.testing.assert_close(classifier(appearance, labels), torch.stack(expected).mean())
    for found, scores in zip(classifier.logits(appearance), logits, strict=True):
        torch.testing.assert_close(found, scores)


@pytest.mark.parametrize("taxa", [[None, None], [Taxon("Rosa", "genus"), None]])
def test_photos_without_a_class_have_no_loss(taxa: list[Taxon | None]) -> None:
    classifier = TaxonClassifier(TAXA, 8)
    appearance = torch.randn(2, 8, requires_grad=True)
    loss = classifier(appearance, classifier.labels(taxa))
    loss.backward()
    assert loss == 0
    assert appearance.grad is not None
    assert not appearance.grad.any()


def test_one_class_at_every_rank_has_no_loss() -> None:
    classifier = TaxonClassifier([ROBUR], 8)
    assert classifier(torch.randn(2, 8), classifier.labels([ROBUR, ROBUR])) == 0


def test_the_classes_can_be_learnt() -> None:
    torch.manual_seed(0)
    classifier = TaxonClassifier(TAXA, 16, seed=3)
    appearance, labels = F.normalize(torch.randn(4, 16), dim=1), classifier.labels(TAXA)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(200):
        optimizer.zero_grad()
        classifier(appearance, labels).backward()
        optimizer.step()
    for rank, scores, own in zip(CLASSIFIED, classifier.logits(appearance), labels.T, strict=True):
        known = own >= 0
        assert torch.equal(scores.argmax(dim=1)[known], own[known]), rank


def test_the_seed_determines_the_weights() -> None:
    one, same, other = (TaxonClassifier(TAXA, 8, seed=seed).weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
