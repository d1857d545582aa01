"""`dalip data pack`: names resolved, photos checked and resized, duplicates found, shards and datasheet written."""

from dalip.datasets.pack.naming import given_names
from dalip.datasets.pack.output_folder import DOWNLOADS
from dalip.datasets.pack.packing import Packed, PackSettings, pack
from dalip.datasets.pack.shrink import PhotoSettings
from dalip.datasets.photo_location import FilePart, Item, WebPhoto, ZipMember

__all__ = [
    "DOWNLOADS",
    "FilePart",
    "Item",
    "PackSettings",
    "Packed",
    "PhotoSettings",
    "WebPhoto",
    "ZipMember",
    "given_names",
    "pack",
]
