"""Read labelled photos from folders, tables, shards and archives, and assign splits. Does not import torch."""

from dalip.datasets.names.taxa_file import read_taxa
from dalip.datasets.photo_location import FilePart
from dalip.datasets.reader import read_named, read_records, require_unique_keys
from dalip.datasets.record import Record, Split, split_of
from dalip.datasets.report import Report
from dalip.photos.walk import IMAGE_SUFFIXES

__all__ = [
    "IMAGE_SUFFIXES",
    "FilePart",
    "Record",
    "Report",
    "Split",
    "read_named",
    "read_records",
    "read_taxa",
    "require_unique_keys",
    "split_of",
]
