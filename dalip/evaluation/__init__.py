"""Measure an encoder on labelled photos: zero-shot, few-shot, linear probe, retrieval."""

from dalip.encoder import Vectors
from dalip.encoder.embedder import Embedder, OnnxEmbedder, Photos, collect_photos
from dalip.encoder.reweight import Reweighted, reweight
from dalip.evaluation.few_shot import FewShot, few_shot, simple_shot
from dalip.evaluation.labelled import ALL_SOURCES, LabelledPhotos, embed_labelled, label_of, source_masks
from dalip.evaluation.linear_probe import LinearProbe, linear_probe
from dalip.evaluation.metrics import hit_rate, macro_mean, nearest_ranks, nll_at_best_temperature, ranks
from dalip.evaluation.retrieval import Retrieval, retrieval
from dalip.evaluation.zero_shot import (
    Accuracy,
    ZeroShot,
    ZeroShotTask,
    accuracy_by_source,
    choose_first_order,
    classes_by_name_kind,
    make_zero_shot_task,
    text_vectors,
    zero_shot,
)
from dalip.progress import Progress

__all__ = [
    "ALL_SOURCES",
    "Accuracy",
    "Embedder",
    "FewShot",
    "LabelledPhotos",
    "LinearProbe",
    "OnnxEmbedder",
    "Photos",
    "Progress",
    "Retrieval",
    "Reweighted",
    "Vectors",
    "ZeroShot",
    "ZeroShotTask",
    "accuracy_by_source",
    "choose_first_order",
    "classes_by_name_kind",
    "collect_photos",
    "embed_labelled",
    "few_shot",
    "hit_rate",
    "label_of",
    "linear_probe",
    "macro_mean",
    "make_zero_shot_task",
    "nearest_ranks",
    "nll_at_best_temperature",
    "ranks",
    "retrieval",
    "reweight",
    "simple_shot",
    "source_masks",
    "text_vectors",
    "zero_shot",
]
