"""Load a flora from disk, checked so that it can be used at once."""

from pathlib import Path

from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip_assets import ENCODER, FLORA
from dalip_index.flora.calibration import CALIBRATION, Calibration
from dalip_index.flora.flora import Flora
from dalip_index.store.catalogue import read_taxa
from dalip_index.store.faiss_index import INDEX, read_index
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.versions import current_version

__all__ = ["load_flora"]


def load_flora(path: Path | None = None, encoder: Path | Encoder | None = None) -> Flora:
    """Load the live version of a flora, checking sizes and headers but not the hashes.

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
            return _load_version(root, folder, encoder)
        except FloraError:
            # Two builds that end while we read take our version away: then the pointer has moved on.
            if current_version(root) == folder:
                raise


def _load_version(root: Path, folder: Path, encoder: Encoder) -> Flora:
    manifest = FloraManifest.load(folder)
    manifest.check_sizes(folder)
    built_with = manifest.encoder
    if built_with.fingerprint != encoder.fingerprint:
        raise FloraError(
            f"{root}: was built with the encoder {built_with.name} ({built_with.fingerprint[:12]}), not with "
            f"{encoder.manifest.name} ({encoder.fingerprint[:12]}); name its own with --encoder, or build "
            "the flora again"
        )
    calibration = Calibration.load(folder / CALIBRATION)
    taxa = read_taxa(folder)
    index = read_index(folder / INDEX)
    width = encoder.width + encoder.appearance_width + 1
    if not index.ntotal == len(taxa) == manifest.counts.taxa or index.d != width:
        raise FloraError(
            f"{folder}: {len(taxa)} taxa, {index.ntotal} vectors of width {index.d}, and a manifest of "
            f"{manifest.counts.taxa} taxa of width {width} do not fit together; build the flora again"
        )
    return Flora(folder, manifest, calibration, taxa, index, encoder)
