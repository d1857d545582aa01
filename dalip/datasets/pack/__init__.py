"""From photos as people have them to WebDataset shards that can be trained on and built from. Loads no torch."""

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
