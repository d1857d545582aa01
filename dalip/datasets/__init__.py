"""Read labelled photos from folders, tables, shards and archives, and assign splits. Does not import torch."""

from lazy_loader import attach_stub as _attach_stub

# A module is imported when its names are first used.
__getattr__, __dir__, __all__ = _attach_stub(__name__, __file__)
