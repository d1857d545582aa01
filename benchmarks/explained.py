"""Measure attribution heat maps by the deletion test: a table of docs/trust.md.

    python benchmarks/explained.py --data DATA            # DATA: the folder with the shards
    python benchmarks/explained.py --data DATA --write    # writes the table into docs/trust.md

The photos are about every fourth test photo of the sets with few taxa.
"""

from pathlib import Path
from statistics import mean, stdev

import numpy as np
from embedded import NARROW, read_set
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tables import on_photos, publish

from dalip.datasets import Record
from dalip.errors import ImageError
from dalip.photos import open_image
from dalip_index import Flora, heat_map, load_flora

PAGE = Path(__file__).parent.parent / "docs" / "trust.md"
EXPLAINED = 200
HIDDEN = 0.2
"""Share of a photo that the deletion test hides."""


def deletion_table(flora: Flora, records: list[Record]) -> list[str]:
    """Test attribution by deletion: hide a fifth of each photo and measure the lead of the best taxon again."""
    random = np.random.default_rng(0)
    changes: dict[str, list[float]] = {
        "hottest patches": [],
        "random patches": [],
        "coldest patches": [],
    }
    size = flora.encoder.manifest.image.size
    for record in records:
        photo = ImageOps.fit(open_image(record.read_bytes()), (size, size), Image.Resampling.BICUBIC)
        first, second = flora.answer("", _vectors(flora, [photo]), 2).predictions
        heat = heat_map(flora, photo, first.taxon, second.taxon)
        order, hidden = np.argsort(-heat.ravel()), round(heat.size * HIDDEN)
        chosen = (order[:hidden], random.permutation(heat.size)[:hidden], order[-hidden:])
        covered = [_without(photo, heat.shape, patches) for patches in chosen]
        similarities = flora.similarities(_vectors(flora, [photo, *covered])).values
        leads = similarities[:, flora.row(first.taxon)] - similarities[:, flora.row(second.taxon)]
        for name, lead in zip(changes, leads[1:], strict=True):
            changes[name].append(float(lead - leads[0]))
    lines = ["| hidden part | change of the lead in similarity, ± standard error |", "|---|---:|"]
    for name, values in changes.items():
        lines.append(f"| {name} | {mean(values):+.3f} ± {stdev(values) / len(values) ** 0.5:.3f} |")
    return lines


def _vectors(flora: Flora, photos: list[Image.Image]) -> NDArray[np.float32]:
    found = (row for _, row in flora.encoder.encode_files(photos, appearance=True))
    return np.stack([row for row in found if not isinstance(row, ImageError)])


def _without(photo: Image.Image, grid: tuple[int, ...], patches: NDArray[np.intp]) -> Image.Image:
    """Return a square photo with some patches painted over with its mean colour."""
    covered = photo.copy()
    colour = tuple(np.asarray(photo).reshape(-1, 3).mean(axis=0).astype(int).tolist())
    height, width = photo.height / grid[0], photo.width / grid[1]
    for row, column in zip(*np.unravel_index(patches, grid), strict=True):
        box = (column * width, row * height, (column + 1) * width, (row + 1) * height)
        covered.paste(colour, tuple(round(float(x)) for x in box))
    return covered


def main() -> None:
    arguments = on_photos(__doc__).parse_args()
    photos = [record for name in NARROW for record in read_set(arguments.data, name, ("test",))]
    table = deletion_table(load_flora(), photos[:: max(len(photos) // EXPLAINED, 1)])
    publish({"deletion": table}, PAGE, write=arguments.write)


if __name__ == "__main__":
    main()
