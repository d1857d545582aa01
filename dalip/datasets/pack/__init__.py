"""`dalip data pack`: name, check and resize photos, find duplicates, write shards and a datasheet."""

from dalip.datasets.pack.output_folder import DOWNLOADS
from dalip.datasets.pack.packing import Packed, PackSettings, pack
from dalip.datasets.pack.prepare_photo import PhotoSettings

__all__ = ["DOWNLOADS", "PackSettings", "Packed", "PhotoSettings", "pack"]
