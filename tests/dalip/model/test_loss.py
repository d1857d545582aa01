"""The loss against the authors' numbers, and which pairs count as positives."""

import numpy as np
import paths
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from dalip.model import DalipLoss, Embeddings, match_matrix
from dalip.model.loss import info_nce
from dalip.taxonomy import Taxon

GOLDEN = np.load(paths.GOLDEN / "dalip_reference_small.npz")
VIOLA = Taxon("Viola", "genus", genus="Viola", family="Violaceae")
OCELLATA = Taxon("Viola ocellata", genus="Viola", family="Violaceae")
OXALIS = Taxon("Oxalis pes-caprae", genus="Oxalis", family="Oxalidaceae")


def golden(name: str) -> torch.Tensor:
    return torch.from_numpy(GOLDEN[f"loss.{name}"])


def random_embeddings(n: int, seed: int) -> Embeddings:
    torch.manual_seed(seed)
    return Embeddings(F.normalize(torch.randn(n, 8), dim=1), F.normalize(torch.randn(n, 8), dim=1))


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_agrees_with_the_authors_loss(alpha: float) -> None:
    image = Embeddings(golden("image_first"), golden("image_second"))
    text = Embeddings(golden("text_first"), golden("text_second"))
    found = DalipLoss(alpha)(image, text, golden("logit_scale"))
    torch.testing.assert_close(found, golden(f"alpha_{alpha}"), atol=1e-5, rtol=0)


def test_two_photos_of_one_species_are_not_negatives() -> None:
    positives, ignored = match_matrix([OCELLATA, OXALIS, OCELLATA, None, None])
    assert positives.tolist() == [
        [True, False, True, False, False],
        [False, True, False, False, False],
        [True, False, True, False, False],
        [False, False, False, True, False],
        [False, False, False, False, True],
    ]
    assert not ignored.any()


def test_a_genus_and_its_species_are_ignored_pairs() -> None:
    positives, ignored = match_matrix([VIOLA, OCELLATA, OXALIS, None])
    assert positives.equal(torch.eye(4, dtype=torch.bool))
    expected = torch.zeros(4, 4, dtype=torch.bool)
    expected[0, 1] = expected[1, 0] = True
    assert ignored.equal(expected)
    logits = torch.randn(4, 4)
    changed = logits.clone()
    changed[0, 1] = changed[1, 0] = 50.0
    torch.testing.assert_close(info_nce(logits, positives, ignored), info_nce(changed, positives, ignored))


def test_relatives_count_by_the_rank_that_they_share() -> None:
    pedunculata = Taxon("Viola pedunculata", genus="Viola", family="Violaceae")
    cubelium = Taxon("Cubelium concolor", genus="Cubelium", family="Violaceae")
    taxa = [OCELLATA, pedunculata, cubelium, OXALIS, VIOLA, None, None, OCELLATA]
    weights, ignored = match_matrix(taxa, genus=0.5, family=0.25)
    assert weights.tolist() == [
        [1, 0.5, 0.25, 0, 0, 0, 0, 1],
        [0.5, 1, 0.25, 0, 0, 0, 0, 0.5],
        [0.25, 0.25, 1, 0, 0.25, 0, 0, 0.25],
        [0, 0, 0, 1, 0, 0, 0, 0],
        [0, 0, 0.25, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 0],
        [1, 0.5, 0.25, 0, 0, 0, 0, 1],
    ]
    assert ignored.equal(match_matrix(taxa)[1])


def test_the_loss_of_relatives_is_the_cross_entropy_with_their_weights() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.5, 3.0, -1.0], [0.0, 0.0, 1.0]])
    weights = torch.tensor([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]])
    expected = 0.0
    for scores in (logits.double().numpy(), logits.T.double().numpy()):
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        rows = -(2 / 3 * log_p[0, 0] + 1 / 3 * log_p[0, 1]), -(1 / 3 * log_p[1, 0] + 2 / 3 * log_p[1, 1])
        expected += (sum(rows) - log_p[2, 2]) / 3 / 2
    found = info_nce(logits, weights, torch.zeros(3, 3, dtype=torch.bool))
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_weights_of_zero_and_one_give_exactly_the_loss_without_relatives() -> None:
    torch.manual_seed(0)
    logits = torch.randn(5, 5)
    positives, ignored = match_matrix([VIOLA, OCELLATA, OXALIS, OCELLATA, None])
    assert torch.equal(info_nce(logits, positives, ignored), info_nce(logits, positives.float(), ignored))


@given(st.integers(2, 7), st.integers(0, 2**31), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_is_symmetric_in_images_and_texts(n: int, seed: int, alpha: float) -> None:
    image, text = random_embeddings(n, seed), random_embeddings(n, seed + 1)
    loss, scale = DalipLoss(alpha), torch.tensor(10.0)
    torch.testing.assert_close(loss(image, text, scale), loss(text, image, scale))


@given(st.integers(1, 6), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_doubling_a_batch_of_the_same_records_only_adds_log_2(n: int, seed: int) -> None:
    """Duplicates share their probability: uniform targets over k copies cost log k more, whatever the logits."""
    taxa = [Taxon(f"Genus{'abcdef'[i]} species") for i in range(n)]
    torch.manual_seed(seed)
    logits = torch.randn(n, n)
    once = info_nce(logits, *match_matrix(taxa))
    twice = info_nce(logits.repeat(2, 2), *match_matrix(taxa * 2))
    torch.testing.assert_close(twice - once, torch.tensor(2.0).log())


def test_records_without_a_taxon_match_only_themselves() -> None:
    positives, ignored = match_matrix([None, None])
    assert positives.equal(torch.eye(2, dtype=torch.bool))
    assert ignored.shape == (2, 2)
    assert not ignored.any()


@given(st.integers(1, 6), st.integers(0, 2**31), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_the_joint_vector_has_unit_length_and_scores_as_the_weighted_sum(n: int, seed: int, w: float) -> None:
    image, text = random_embeddings(n, seed), random_embeddings(n, seed + 1)
    torch.testing.assert_close(image.joint(w).norm(dim=1), torch.ones(n))
    expected = w * image.first_order @ text.first_order.T + (1 - w) * image.second_order @ text.second_order.T
    torch.testing.assert_close(image.joint(w) @ text.joint(w).T, expected, atol=1e-5, rtol=1e-5)


def test_a_weight_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(ValueError, match="must be in"):
        DalipLoss(1.5)
