"""Open photos: decode, orient, read EXIF data, read ahead."""

from lazy_loader import attach_stub as _attach_stub

__getattr__, __dir__, __all__ = _attach_stub(
    __name__, __file__
)  # a module is imported when its names are first used
