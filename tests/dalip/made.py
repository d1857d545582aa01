"""Small synthetic photos and shards, shared by several tests."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {
    "Rosa rubra": ("rose", (220, 30, 40)),
    "Viola caerulea": ("violet", (70, 50, 200)),
    "Ranunculus flavus": ("buttercup", (240, 210, 30)),
    "Filix viridis": ("fern", (40, 140, 50)),
}


def fields(**values: object) -> bytes:
    return json.dumps(values).encode()


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def write_tar(path: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_shard(path: Path, *, photos: int = 20, damaged: str | None = None) -> Path:
    """Write a shard of photos in which each taxon has its own colour."""
    random = np.random.default_rng(0)
    members = {}
    for i in range(photos):
        for name, (common, colour) in COLOURS.items():
            key = f"{common}-{i}"
            noise = random.integers(-30, 30, (72, 90, 3))
            photo = png(np.clip(noise + colour, 0, 255))
            members[f"{key}.png"] = b"not an image" if key == damaged else photo
            said = {"scientificName": name, "vernacularName": common, "family": "Testaceae"}
            members[f"{key}.json"] = fields(**said, source="made")
    return write_tar(path, members)
