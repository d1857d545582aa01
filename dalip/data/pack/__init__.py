"""From photos as people have them to WebDataset shards that can be trained on and built from. Loads no torch."""

from dalip.data.pack.folder import DOWNLOADS
from dalip.data.pack.items import FilePart, Item, WebPhoto, ZipMember
from dalip.data.pack.naming import given_names
from dalip.data.pack.packing import Packed, PackSettings, pack
from dalip.data.pack.photos import PhotoSettings

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
