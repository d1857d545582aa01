"""Fixtures for a small flora: ten roses of different colours, their photos, and an encoder that recognises colours."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_bundle import COLOURS, write_tiny_bundle

from dalip.datasets import Record, read_records
from dalip.encoder import Encoder
from dalip.taxonomy import Taxon, VernacularName
from dalip_index import build_flora

PHOTOS_EACH = 15


def rose(colour: str) -> Taxon:
    names = (VernacularName(f"{colour} rose"), VernacularName(f"rose {colour}", "fr"))
    references = ("https://en.wikipedia.org/wiki/Rose", "https://example.org/a")
    return Taxon(f"Rosa {colour}", "species", names, "Rosa", "Rosaceae", "Rosales", references)


def paint(path: Path, colour: str, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    pixels = np.array(COLOURS[colour]) + rng.normal(0, 25, (20, 20, 3)) + rng.normal(0, 25, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="session")
def encoder(bundle: Path) -> Encoder:
    return Encoder.load(bundle)


@pytest.fixture(scope="session")
def other_encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(write_tiny_bundle(tmp_path_factory.mktemp("other"), seed=1))


@pytest.fixture(scope="session")
def taxa() -> list[Taxon]:
    return [rose(colour) for colour in COLOURS]


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one subfolder per taxon."""
    root = tmp_path_factory.mktemp("photos")
    for i, colour in enumerate(COLOURS):
        for number in range(PHOTOS_EACH):
            paint(root / f"Rosa {colour}" / f"{number}.png", colour, 1000 * i + number)
    return root


@pytest.fixture(scope="session")
def records(photos: Path) -> list[Record]:
    return read_records(photos)


@pytest.fixture(scope="session")
def flora_path(
    tmp_path_factory: pytest.TempPathFactory,
    encoder: Encoder,
    taxa: Sequence[Taxon],
    records: Sequence[Record],
) -> Path:
    """A flora with texts and photos; tests must not change it."""
    path = tmp_path_factory.mktemp("floras") / "roses"
    build_flora(path, encoder, taxa, records, keep=0)
    return path
