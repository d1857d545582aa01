"""Photographs with names: records from shards, folders and tables, and the split rule. Loads no torch."""

from dalip.datasets.record import Record, Split, read_records, require_unique_keys, split_of
from dalip.datasets.shards import IMAGE_SUFFIXES

__all__ = ["IMAGE_SUFFIXES", "Record", "Split", "read_records", "require_unique_keys", "split_of"]
