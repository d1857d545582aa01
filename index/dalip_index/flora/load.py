"""`load_flora`: load a flora from disk and check that its parts match."""

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip.taxon_tree import TaxonTree
from dalip_assets import ENCODER, FLORA
from dalip_index.flora.calibration import CALIBRATION, Calibration
from dalip_index.flora.flora import Flora
from dalip_index.flora.prototypes import Prototypes
from dalip_index.store.catalogue import CATALOGUE, StoredTaxa
from dalip_index.store.faiss_index import PHOTO_INDEX, TEXT_INDEX, TEXT_RESIDUALS
from dalip_index.store.manifest import EncoderStamp, FloraManifest
from dalip_index.store.taxon_arrays import TAXON_ARRAYS, TaxonArrays
from dalip_index.store.versions import current_version

__all__ = ["VERSION_FILES", "check_encoder", "load_flora", "read_tree"]

VERSION_FILES = (CATALOGUE, TEXT_INDEX, PHOTO_INDEX, CALIBRATION, TAXON_ARRAYS)
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
                return _load_version(root, folder, encoder)
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
        unchanged = [
            other.submit(manifest.check_hash, folder, name)
            for name in (TEXT_INDEX, TEXT_RESIDUALS, PHOTO_INDEX, TAXON_ARRAYS)
        ]
        manifest.check_hash(folder, CALIBRATION)
        calibration = Calibration.load(folder / CALIBRATION)
        if (folder / CATALOGUE).stat().st_size <= _HASHED:
            manifest.check_hash(folder, CATALOGUE)
        arrays, tree = read_tree(folder, manifest)
        for each in unchanged:
            each.result()
    prototypes = Prototypes.load(folder, manifest, arrays)
    return Flora(folder, manifest, calibration, tree, prototypes, encoder)


def read_tree(folder: Path, manifest: FloraManifest) -> tuple[TaxonArrays | None, TaxonTree]:
    """Read the taxa of a version, without any names if it has arrays of them.

    Args:
        folder: The version.
        manifest: Its manifest.

    Returns:
        The arrays, `None` for a version written before there were any, and the taxa.

    Raises:
        FloraError: A file is damaged, or the number of taxa is not that of the manifest.
    """
    number = manifest.counts.taxa
    if TAXON_ARRAYS not in manifest.files:
        taxa = StoredTaxa(folder, number)
        return None, TaxonTree(taxa, rows_by_name=taxa.rows)
    arrays = TaxonArrays.load(folder, number)
    higher = StoredTaxa(folder, max(int(arrays.above.max(initial=-1)) + 1 - number, 0), "higher_taxa")
    taxa = StoredTaxa(folder, number)
    return arrays, TaxonTree(taxa, (higher, arrays.above), taxa.rows)
