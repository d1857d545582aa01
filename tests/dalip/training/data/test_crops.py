"""Random crops of training photos."""

import numpy as np
import pytest
import torch

from dalip.encoder.manifest import ImageSettings
from dalip.training import TrainConfig
from dalip.training.data.crops import augmentation, open_crop
from tests.dalip.made import png

NOISE = np.random.default_rng(0).integers(0, 255, (480, 360, 3))


def crops(content: bytes, low_resolution: float) -> torch.Tensor:
    config = TrainConfig(data=("photos",), augment="none", crop_scale=0.5, low_resolution=low_resolution)
    settings = ImageSettings(size=224, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    transform = augmentation(config, settings, 224)
    return torch.stack([open_crop(content, transform, seed) for seed in range(8)])


def test_photos_of_low_resolution_have_less_detail() -> None:
    sharp, coarse = (crops(png(NOISE), probability) for probability in (0.0, 1.0))
    assert sharp.shape == coarse.shape == (8, 3, 224, 224)
    assert float(coarse.std()) < 0.9 * float(sharp.std())
    assert torch.equal(coarse, crops(png(NOISE), 1.0))


@pytest.mark.parametrize("shape", [(90, 300), (96, 96), (97, 400), (1, 200)])
def test_small_photos_are_not_enlarged_first(shape: tuple[int, int]) -> None:
    assert crops(png(NOISE[: shape[0], : shape[1]]), 1.0).isfinite().all()
