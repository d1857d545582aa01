"""Measure an encoder on labelled photos: zero-shot, few-shot, linear probe, retrieval."""

from dalip.encoder import Vectors
from dalip.encoder.embedder import Embedder, OnnxEmbedder, Photos, Weighed, collect_photos, weigh
from dalip.evaluation.few_shot import FewShot, few_shot, simple_shot
from dalip.evaluation.labelled import Labelled, embed_labelled, label_of
from dalip.evaluation.linear_probe import LinearProbe, linear_probe
from dalip.evaluation.metrics import hit_rate, macro_mean, nearest_ranks, nll_at_best_temperature, ranks
from dalip.evaluation.retrieval import Retrieval, retrieval
from dalip.evaluation.zero_shot import (
    Accuracy,
    Naming,
    ZeroShot,
    accuracy_by_source,
    choose_first_order,
    classes_by_names,
    make_naming,
    text_vectors,
    zero_shot,
)
from dalip.progress import Progress

__all__ = [
    "Accuracy",
    "Embedder",
    "FewShot",
    "Labelled",
    "LinearProbe",
    "Naming",
    "OnnxEmbedder",
    "Photos",
    "Progress",
    "Retrieval",
    "Vectors",
    "Weighed",
    "ZeroShot",
    "accuracy_by_source",
    "choose_first_order",
    "classes_by_names",
    "collect_photos",
    "embed_labelled",
    "few_shot",
    "hit_rate",
    "label_of",
    "linear_probe",
    "macro_mean",
    "make_naming",
    "name_photo",
    "nearest_ranks",
    "nll_at_best_temperature",
    "ranks",
    "retrieval",
    "simple_shot",
    "text_vectors",
    "weigh",
    "zero_shot",
]
