"""Open photos: decode, orient, read EXIF data, read ahead."""

from dalip.photos.colour import to_rgb
from dalip.photos.copies import encode, is_plain_webp, shrink, small_copy
from dalip.photos.decode import ImageSource, caution_about, is_heavy, open_image
from dalip.photos.details.photo_details import DATE_SOURCES, FILE_TIME, PhotoDetails
from dalip.photos.details.read_details import read_details
from dalip.photos.formats.signatures import READABLE
from dalip.photos.open_file import open_file
from dalip.photos.read_ahead import PhotoSource, map_ahead
from dalip.photos.workers import HEAVY_PLACES, decode_in_workers

__all__ = [
    "DATE_SOURCES",
    "FILE_TIME",
    "HEAVY_PLACES",
    "READABLE",
    "ImageSource",
    "PhotoDetails",
    "PhotoSource",
    "caution_about",
    "decode_in_workers",
    "encode",
    "is_heavy",
    "is_plain_webp",
    "map_ahead",
    "open_file",
    "open_image",
    "read_details",
    "shrink",
    "small_copy",
    "to_rgb",
]
