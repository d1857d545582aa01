"""Named settings that `dalip train --preset` starts from."""

from typing import Any

__all__ = ["FREEZE_TOWERS", "PRESETS"]

PRESETS: dict[str, dict[str, Any]] = {
    # A model of its own, from nothing, in a few minutes: to try the whole way from photos to answers.
    "tiny": {"model": "tiny", "epochs": 2.0, "head_lr": 5e-4, "crop_scale": 0.5, "ema_decay": 0.97},
    # The paper's model: OpenAI's CLIP ViT-B/16, 4 heads of 46 channels, batch norm. Batch and learning rates are ours.
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
    # The encoder that ships, about a minute and a half an epoch on 2 cores.
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
        # Training crops show plants larger than whole photos do, so a larger size of use makes up for it (Touvron et
        # al., "Fixing the train-test resolution discrepancy", 2019): the best of 224, 256 and 288 on validation photos.
        "image_size": 256,
        "mirror": True,
        "augment": "trivial",
        "erasing": 0.25,
        "reduced_dim": 46,
        "ema_decay": 0.997,
    },
}
"""Name to fields of `dalip.training.TrainConfig`."""

FREEZE_TOWERS: dict[str, Any] = {
    "freeze": ("image", "text"),
    "cache_views": 4,
    "epochs": 40.0,
    "head_lr": 1e-3,
    # Few photos make few steps, of which EMA weights would keep the first.
    "ema_decay": 0.0,
}
"""What `--freeze-towers` stands for: heads over an encoder that stays as it is, minutes on a laptop."""
