"""Read the segments of a JPEG: its metadata, how much memory decoding takes, and whether it can be decoded small.

Source: ITU-T T.81, annex B, for the markers.
"""

import re
from typing import NamedTuple

from dalip.photos.formats.containers import MOST_METADATA, Contents
from dalip.photos.formats.pieces import Pieces, Stream

__all__ = ["all_scans_begun", "read_jpeg"]

_MOST_SEGMENTS = 10_000
_MOST_SCANS = 100  # photos have about 10; each takes time for the whole image
_MOST_BETWEEN = 65_536  # bytes that may be skipped between segments, all together

_FILL = b"\xff" * _MOST_BETWEEN

_SOI, _EOI, _SOS, _APP0, _APP1, _APP2, _APP14, _COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without content
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15; the others are not frames
_SCALABLE = frozenset({0xC0, 0xC1, 0xC2})  # SOF0 to SOF2: baseline, extended and progressive
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_DROPPED = frozenset({_APP1, *range(_APP2, _APP14), 0xEF, _COM})
_SCAN_MARKER = re.compile(rb"\xff(\xda..|[\xc0-\xcf])", re.DOTALL)


class _Segment(NamedTuple):
    marker: int
    start: int
    content: int
    """Where its content starts, after the length."""
    end: int


def read_jpeg(file: Stream) -> Contents:
    """Read the segments before the first scan.

    libjpeg returns all pixels of a lossless JPEG (SOF3) whatever size is requested, but Pillow's `draft` has allocated
    memory for fewer, so they would be written out of bounds: only DCT-based ones are scalable.

    Args:
        file: Positioned anywhere.

    Raises:
        ValueError: It has more than 10,000 segments, more than 100 scans, or too many bytes between segments or scans.
    """
    segments = _segments(file)
    if not segments or segments[-1].marker != _SOS:
        file.seek(0)
        return Contents(file)  # damaged; the decoder says how
    frames = {segment.marker for segment in segments if segment.marker in _FRAMES}
    contents = Contents(file, scalable=bool(frames) and frames <= _SCALABLE)
    contents.extra = _held_by_decoder(file, segments, frames)
    kept: list[bytes | tuple[int, int]] = []
    for segment in segments:
        if segment.marker in _DROPPED:
            _note(contents, _content(file, segment))
        else:
            kept.append((segment.start, segment.end))
    scans = segments[-1].end
    end = _check_scans(file, scans, bool(frames & _PROGRESSIVE))
    contents.stream = Pieces(file, [b"\xff\xd8", *kept, (scans, end)])
    return contents


def _segments(file: Stream) -> list[_Segment]:
    """List the segments up to the first scan, as libjpeg finds them; the last one is the scan unless it is missing."""
    file.seek(0)
    found: list[_Segment] = []
    if file.read(2) != b"\xff\xd8":
        return found
    between = _MOST_BETWEEN
    while len(found) < _MOST_SEGMENTS:
        before = file.tell()
        marker = _next_marker(file, between)
        between -= file.tell() - before - 2 * (marker not in _ALONE)
        if marker in _ALONE:
            continue
        if marker in (-1, _EOI, _SOI):
            return found
        start = file.tell() - 2
        length = int.from_bytes(file.read(2), "big")
        if length < 2:
            return found
        found.append(_Segment(marker, start, start + 4, start + 2 + length))
        if marker == _SOS:
            return found
        file.seek(start + 2 + length)
    raise ValueError("too many segments")


def _next_marker(file: Stream, most: int) -> int:
    """Skip to the next marker and return its code, or -1 if the file ends first.

    Raises:
        ValueError: It would be more than `most` bytes away. libjpeg would go on, but no photo is like that, and what is
            decoded must have been checked.
    """
    filled = False  # any number of these bytes may precede the code
    for _ in range(most):
        byte = file.read(1)
        if not byte:
            return -1
        if filled and byte not in (b"\0", b"\xff"):
            return byte[0]
        filled = byte == b"\xff"
    raise ValueError("too many bytes between segments")


def _content(file: Stream, segment: _Segment) -> bytes:
    file.seek(segment.content)
    return file.read(segment.end - segment.content)


def _note(contents: Contents, metadata: bytes) -> None:
    """Keep the metadata of a segment that decoding needs: orientation and colour profile."""
    if metadata.startswith(b"Exif\0\0") and not contents.exif:
        contents.exif = metadata
    elif metadata.startswith(b"http://ns.adobe.com/xap/1.0/\0") and not contents.xmp:
        contents.xmp = metadata
    elif metadata.startswith(b"ICC_PROFILE\0") and len(contents.profile) <= MOST_METADATA:
        contents.profile += metadata[14:]  # written in order by every known program


def _held_by_decoder(file: Stream, segments: list[_Segment], frames: set[int]) -> float:
    """Return the bytes per pixel that libjpeg holds besides rows: the coefficients of images sent in several scans."""
    extra = 0.0
    for segment in segments:
        if segment.marker not in _FRAMES:
            continue
        frame = _content(file, segment)
        factors = [(byte >> 4, byte & 15) for byte in frame[7::3]]
        most = max((h for h, _ in factors), default=1) * max((v for _, v in factors), default=1)
        samples = sum(h * v for h, v in factors) / max(most, 1)
        several = _content(file, segments[-1])[:1] != frame[5:6]  # a scan without all components
        if frames & _PROGRESSIVE or several or frames & _LOSSLESS:
            extra = max(extra, 2 * samples)
    return extra


def _check_scans(file: Stream, start: int, progressive: bool) -> int:
    """Check what follows the first scan header, and return where to stop reading.

    Raises:
        ValueError: There are too many scans or, before the last end marker, too many fill bytes: Pillow passes the
            file to libjpeg in parts, and libjpeg skips all fill bytes again with each part.
    """
    file.seek(start)
    rest = file.read()
    if progressive and rest.count(b"\xff\xda") > _MOST_SCANS:
        raise ValueError("too many scans")
    last = rest.rfind(b"\xff\xd9")
    end = len(rest) if last < 0 else last + 2
    if 0 <= rest.find(_FILL) < end:
        raise ValueError("too many fill bytes")
    return start + end


def all_scans_begun(file: Stream) -> bool:
    """Return whether every coefficient of a JPEG whose end is missing is in a scan that has at least begun.

    Args:
        file: Positioned anywhere.
    """
    segments = _segments(file)
    frames = [segment for segment in segments if segment.marker in _FRAMES]
    if len(frames) != 1 or segments[-1].marker != _SOS:
        return False
    components = set(_content(file, frames[0])[6::3])
    missing = {(component, k) for component in components for k in range(64)}
    file.seek(segments[-1].start)
    rest = file.read()
    for found in _SCAN_MARKER.finditer(rest):
        if found[1][0] != _SOS:
            continue
        number = rest[found.start() + 4] if found.start() + 4 < len(rest) else 0
        scan = rest[found.start() + 5 : found.start() + 5 + 2 * number + 3]
        if len(scan) < 2 * number + 3:
            break
        first, last, precision = scan[-3], scan[-2], scan[-1] & 15
        if precision == 0:  # the last bit of these coefficients
            missing -= {(c, k) for c in scan[0 : 2 * number : 2] for k in range(first, last + 1)}
    return not missing
