"""Open photos: decode, orient, read EXIF data, read ahead."""

from dalip.photos.copies import encode, is_plain_webp, shrink, small_copy
from dalip.photos.decode import MAX_PIXELS, ImageSource, open_image, to_rgb
from dalip.photos.details import DATE_SOURCES, FILE_TIME, PhotoDetails
from dalip.photos.exif import read_details
from dalip.photos.open_file import open_file
from dalip.photos.read_ahead import PhotoSource, map_ahead
from dalip.photos.signatures import READABLE

__all__ = [
    "DATE_SOURCES",
    "FILE_TIME",
    "MAX_PIXELS",
    "READABLE",
    "ImageSource",
    "PhotoDetails",
    "PhotoSource",
    "encode",
    "is_plain_webp",
    "map_ahead",
    "open_file",
    "open_image",
    "read_details",
    "shrink",
    "small_copy",
    "to_rgb",
]
