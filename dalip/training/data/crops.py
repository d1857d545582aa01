"""Data augmentation: random crops and colour changes of training photos, reproducible from a seed."""

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import v2

from dalip.encoder.manifest import ImageSettings
from dalip.photos import open_image
from dalip.training.config import TrainConfig

__all__ = ["augmentation", "open_crop"]

_LEAST_SIDE = 96  # pixels


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
    reduced = [v2.RandomApply([_Reduced()], config.low_resolution)] if config.low_resolution else []
    return v2.Compose(
        [
            *reduced,
            v2.RandomResizedCrop(size, (config.crop_scale, 1), interpolation=v2.InterpolationMode.BICUBIC),
            v2.RandomHorizontalFlip(),
            *changes[config.augment],
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(image.mean, image.std),
            v2.RandomErasing(config.erasing),
        ]
    )


class _Reduced(nn.Module):
    """Reduces a photo so that its short side has a random number of pixels: at least 96, at most as many as it has."""

    def forward(self, photo: Image.Image) -> Image.Image:
        short = min(photo.size)
        if short <= _LEAST_SIDE:
            return photo
        side = int(torch.randint(_LEAST_SIDE, short + 1, ()))
        width, height = (max(1, round(length * side / short)) for length in photo.size)
        return photo.resize((width, height), Image.Resampling.BICUBIC)
