"""Presets of `dalip train --preset`: named settings to start from."""

from typing import Any

__all__ = ["FREEZE_TOWERS", "PRESETS"]

PRESETS: dict[str, dict[str, Any]] = {
    # A small model, trained from scratch in a few minutes, to try the whole pipeline from photos to answers.
    "tiny": {"model": "tiny", "epochs": 2.0, "head_lr": 5e-4, "crop_scale": 0.5, "ema_decay": 0.97},
    # The paper's model: OpenAI's CLIP ViT-B/16, 4 heads of 46 channels, batch norm. Batch size and learning rates are
    # ours.
    "paper": {
        "model": "ViT-B-16-quickgelu",
        "pretrained": "openai",
        "num_heads": 4,
        "reduced_dim": 46,
        "norm": "batch",
        "tower_lr": 1e-5,
        "head_lr": 5e-4,
        "batch_size": 1024,
        "precision": "bf16",
        "ema_decay": 0.0,
    },
    # The built-in encoder; about four minutes per epoch on 2 cores, with the photos of 6,251 taxa.
    "builtin": {
        "model": "lite0-minilm",
        "freeze": (
            "text",
            "clip.visual.trunk.conv_stem.",
            "clip.visual.trunk.bn1.",
            "clip.visual.trunk.blocks.0.",
            "clip.visual.trunk.blocks.1.",
        ),
        "epochs": 30.0,
        "tower_lr": 4e-4,
        # Most taxa have one photo, so the photos of others in their genus and family count as positives, too.
        "classifier": 2.0,
        "genus_weight": 0.2,
        "family_weight": 0.05,
        "balance": 0.15,
        # The photos of most taxa have 160 pixels.
        "low_resolution": 0.2,
        "train_sizes": ((0.45, 128), (0.85, 160), (1.0, 192)),
        # Plants appear larger in training crops than in whole photos, which a larger input size of the encoder makes up
        # for (Touvron et al., "Fixing the train-test resolution discrepancy", 2019).
        "image_size": 224,
        "mirror": True,
        "augment": "trivial",
        "erasing": 0.25,
        "reduced_dim": 46,
        "ema_decay": 0.997,
    },
}
"""Fields of `dalip.training.TrainConfig` by preset name."""

FREEZE_TOWERS: dict[str, Any] = {
    "freeze": ("image", "text"),
    "cache_views": 4,
    "epochs": 40.0,
    "head_lr": 1e-3,
    # Few photos mean few steps, and EMA weights would still contain too much of the first ones.
    "ema_decay": 0.0,
}
"""Settings of `--freeze-towers`: train only the heads and leave the towers unchanged, in minutes on a laptop."""
