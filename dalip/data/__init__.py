"""Photographs with names: records from shards, folders and tables, and the split rule. Loads no torch."""

from dalip.data.records import Record, Split, read_records, split_of

__all__ = ["Record", "Split", "read_records", "split_of"]
