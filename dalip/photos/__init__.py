"""Open photos: decoding, orientation, EXIF data, reading ahead."""

from dalip.photos.decode import MAX_PIXELS, READABLE, ImageSource, is_plain_webp, open_image, to_rgb
from dalip.photos.exif import PhotoDetails, read_details, small_copy
from dalip.photos.read_ahead import PhotoSource, map_ahead

__all__ = [
    "MAX_PIXELS",
    "READABLE",
    "ImageSource",
    "PhotoDetails",
    "PhotoSource",
    "is_plain_webp",
    "map_ahead",
    "open_image",
    "read_details",
    "small_copy",
    "to_rgb",
]
