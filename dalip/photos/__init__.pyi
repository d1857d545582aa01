from .colour import to_rgb
from .copies import encode, is_plain_webp, shrink, small_copy
from .decode import ImageSource, caution_about, is_heavy, open_image
from .details.photo_details import DATE_SOURCES, FILE_TIME, PhotoDetails
from .details.read_details import read_details
from .formats.signatures import READABLE
from .open_file import open_file
from .read_ahead import PhotoSource, map_ahead
from .workers import HEAVY_PLACES, decode_in_workers

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
