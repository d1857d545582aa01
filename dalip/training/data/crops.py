"""Data augmentation: random crops and colour changes of training photos, reproducible from a seed."""

import torch
from torch import Tensor
from torchvision.transforms import v2

from dalip.encoder.manifest import ImageSettings
from dalip.photos import open_image
from dalip.training.config import TrainConfig

__all__ = ["augmentation", "open_crop"]


def open_crop(content: bytes, transform: v2.Transform, seed: int) -> Tensor:
    """Decode a photo and return a crop that is determined by the seed; torch's global generator is unchanged.

    Raises:
        ImageError: The photo cannot be read.
    """
    photo = open_image(content)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        crop: Tensor = transform(photo)
    return crop


def augmentation(config: TrainConfig, image: ImageSettings, size: int) -> v2.Transform:
    """Return the transform from a photo to a normalised training crop of `size` pixels per side."""
    grey = [round(255 * mean) for mean in image.mean]
    changes: dict[str, list[v2.Transform]] = {
        "none": [],
        "colour": [v2.ColorJitter(0.3, 0.3, 0.3, 0.03)],
        "trivial": [v2.TrivialAugmentWide(interpolation=v2.InterpolationMode.BILINEAR, fill=grey)],
    }
    return v2.Compose(
        [
            v2.RandomResizedCrop(size, (config.crop_scale, 1), interpolation=v2.InterpolationMode.BICUBIC),
            v2.RandomHorizontalFlip(),
            *changes[config.augment],
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(image.mean, image.std),
            v2.RandomErasing(config.erasing),
        ]
    )
