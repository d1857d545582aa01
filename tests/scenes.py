"""Random test photos of soft colour patches, which differ from each other as much as real photos do."""

import io

import numpy as np
from PIL import Image

__all__ = ["encoded", "scene"]


def scene(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """Draw a photo, deterministic for a seed."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    return patches.resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """Encode a photo."""
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 90} | options))  # type: ignore[arg-type]
    return file.getvalue()
