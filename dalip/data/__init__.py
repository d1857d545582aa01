"""Photographs with names: records from shards, folders and tables, and the split rule. Loads no torch."""

from dalip.data.records import IMAGE_SUFFIXES, Record, Split, read_records, require_unique_keys, split_of

__all__ = ["IMAGE_SUFFIXES", "Record", "Split", "read_records", "require_unique_keys", "split_of"]
