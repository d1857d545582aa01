from .names.taxa_file import read_taxa
from .photo_location import FilePart
from .reader import read_named, read_records, require_unique_keys
from .record import Record, Split, split_of
from .report import Report

__all__ = [
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
