"""The method in PyTorch: Brownian distance covariance over the tokens of open_clip towers."""

from dalip.model.bdc import MultiHeadBDC, brownian_covariance
from dalip.model.classifier import CLASSIFIED, TaxonClassifier
from dalip.model.dalip import DALIP, Embeddings, MethodConfig
from dalip.model.loss import DalipLoss, Objective, match_matrix
from dalip.model.towers import Tokens, image_adapter, text_adapter

__all__ = [
    "CLASSIFIED",
    "DALIP",
    "DalipLoss",
    "Embeddings",
    "MethodConfig",
    "MultiHeadBDC",
    "Objective",
    "TaxonClassifier",
    "Tokens",
    "brownian_covariance",
    "image_adapter",
    "match_matrix",
    "text_adapter",
]
