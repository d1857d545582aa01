"""Recognise image formats by their first bytes, never by the file name."""

__all__ = ["HEAD", "READABLE", "image_format"]

HEAD = 64
"""Number of bytes at the start of a file that `image_format` needs."""

READABLE = ("JPEG", "PNG", "WebP", "HEIC", "AVIF", "TIFF", "GIF", "BMP")
"""Image formats that can be read."""

_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
    # Photos that Pillow cannot read. Most other raw formats (NEF, ARW, DNG, PEF) are TIFF files.
    b"FUJIFILMCCD-RAW": "Fujifilm raw",
    b"IIRO": "Olympus raw",
    b"IIRS": "Olympus raw",
    b"MMOR": "Olympus raw",
    b"IIU\0": "Panasonic raw",
    b"FOVb": "Sigma raw",
    b"\0MRM": "Minolta raw",
    b"II\x1a\0\0\0HEAPCCDR": "Canon raw",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"8BPS": "Photoshop",
}
"""Source: the published format specifications, and the signatures of file(1) for raw formats."""

_BRANDS = {
    "AVIF": {b"avif", b"avis"},
    "HEIC": {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"},
    "Canon raw": {b"crx "},
}
"""Four-letter brands of the ISO base media format, which videos use as well. AVIF also has the brands of HEIC."""

_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def image_format(head: bytes) -> str:
    """Return the format of an image: one of `READABLE`, or another name for a photo that cannot be read.

    Args:
        head: The first `HEAD` bytes of the file, or all of a shorter one.

    Returns:
        The name of the format; empty if this is not a photo.
    """
    if head[8:10] == b"CR" and head[:4] in (b"II*\0", b"MM\0*"):
        return "Canon raw"
    for start, name in _STARTS.items():
        if head.startswith(start):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    # Two letters alone would also be the start of many texts.
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[4:8] == b"ftyp":
        brands = {head[i : i + 4] for i in range(8, len(head), 4)}
        return next((name for name, known in _BRANDS.items() if brands & known), "")
    return ""
