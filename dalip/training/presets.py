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
    # The built-in encoder; about a minute and a half per epoch on 2 cores.
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
        "train_sizes": ((0.4, 160), (0.75, 192), (1.0, 224)),
        # Plants appear larger in training crops than in whole photos, which a larger input size of the encoder makes up
        # for (Touvron et al., "Fixing the train-test resolution discrepancy", 2019). 256 was the best of 224, 256 and
        # 288 on validation photos.
        "image_size": 256,
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
