"""`load_flora`: load a flora from disk and check that its parts match."""

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip_assets import ENCODER, FLORA
from dalip_index.flora.calibration import CALIBRATION, Calibration
from dalip_index.flora.flora import Flora
from dalip_index.flora.prototypes import Prototypes
from dalip_index.store.catalogue import CATALOGUE, read_taxa
from dalip_index.store.faiss_index import PHOTO_INDEX, TEXT_INDEX
from dalip_index.store.manifest import EncoderStamp, FloraManifest
from dalip_index.store.versions import current_version

__all__ = ["VERSION_FILES", "check_encoder", "load_flora"]

VERSION_FILES = (CATALOGUE, TEXT_INDEX, PHOTO_INDEX, CALIBRATION)
"""The files of a version, besides its manifest."""

_HASHED = 50_000_000  # bytes: a larger catalogue is not hashed, because most of it is not read otherwise


def load_flora(path: Path | None = None, encoder: Path | Encoder | None = None) -> Flora:
    """Load the live version of a flora, and check that its files are unchanged.

    Not checked are kept photos, which answers do not need, and a catalogue of more than 50 MB, of which only the taxa
    are read; `dalip index verify` checks them.

    Args:
        path: The flora; `None` for the built-in one.
        encoder: The encoder that built it, or the folder of its bundle; `None` for the built-in one.

    Raises:
        FloraError: The flora is missing or damaged, or was built with another encoder.
        BundleError: The encoder is missing or damaged.
    """
    root = FLORA if path is None else path
    if not isinstance(encoder, Encoder):
        encoder = Encoder.load(ENCODER if encoder is None else encoder)
    while True:
        folder = current_version(root)
        try:
            with _garbage_collection_paused():
                flora = _load_version(root, folder, encoder)
                _ = flora.tree  # every answer needs it
                return flora
        except FloraError:
            # If two builds finish while we read, our version is deleted. `CURRENT` has then changed: try again.
            if current_version(root) == folder:
                raise


def check_encoder(path: Path, built_with: EncoderStamp, encoder: Encoder) -> None:
    """Make sure that an encoder is the one that made a flora's vectors.

    Args:
        path: The flora.
        built_with: The flora's encoder, from its manifest.
        encoder: The encoder to check.

    Raises:
        FloraError: It is a different encoder.
    """
    if built_with.fingerprint != encoder.fingerprint:
        raise FloraError(
            "flora-of-another-encoder",
            source=path,
            built_with=built_with.name,
            its_fingerprint=built_with.fingerprint[:12],
            given=encoder.manifest.name,
            given_fingerprint=encoder.fingerprint[:12],
        )


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector, which takes most of the time while many objects are made that all stay."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _load_version(root: Path, folder: Path, encoder: Encoder) -> Flora:
    manifest = FloraManifest.load(folder)
    manifest.check_sizes(folder)
    check_encoder(root, manifest.encoder, encoder)
    with ThreadPoolExecutor(1) as other:  # while this thread reads the taxa
        unchanged = [other.submit(manifest.check_hash, folder, name) for name in (TEXT_INDEX, PHOTO_INDEX)]
        manifest.check_hash(folder, CALIBRATION)
        calibration = Calibration.load(folder / CALIBRATION)
        if (folder / CATALOGUE).stat().st_size <= _HASHED:
            manifest.check_hash(folder, CATALOGUE)
        taxa = read_taxa(folder)
        for each in unchanged:
            each.result()
    if len(taxa) != manifest.counts.taxa:
        raise FloraError(
            "flora-parts-differ", source=folder, taxa=len(taxa), expected_taxa=manifest.counts.taxa
        )
    prototypes = Prototypes.load(folder, manifest)
    return Flora(folder, manifest, calibration, taxa, prototypes, encoder)
