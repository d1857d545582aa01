"""Write small ICC profiles for tests: RGB and grey with a gamma, and CMYK with a table. Source: ICC.1:2010."""

import struct
from collections.abc import Mapping

import numpy as np

SRGB = (
    (0.4360747, 0.2225045, 0.0139322),
    (0.3850649, 0.7168786, 0.0971045),
    (0.1430804, 0.0606169, 0.7141733),
)
"""XYZ (D50) of sRGB's red, green and blue."""

DISPLAY_P3 = (
    (0.5151187, 0.2411823, -0.0010505),
    (0.2919778, 0.6922441, 0.0418791),
    (0.1571035, 0.0665736, 0.7840714),
)
"""Those of Display P3, which iPhones use."""

ADOBE_RGB = (
    (0.6097559, 0.3111242, 0.0194811),
    (0.2052401, 0.6256560, 0.0608902),
    (0.1492240, 0.0632197, 0.7448387),
)
"""Those of Adobe RGB."""


def rgb_profile(colorants: tuple[tuple[float, ...], ...], gamma: float = 2.2) -> bytes:
    """Write an RGB profile."""
    tags = {name: _xyz(xyz) for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
    return _profile(b"RGB ", tags | {name: _gamma(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")})


def srgb_like_profile() -> bytes:
    """Write a profile of sRGB that is not Pillow's own, with its curve as a table."""
    level = np.linspace(0, 1, 1024)
    curve = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    table = b"curv\0\0\0\0" + struct.pack(">I", 1024) + np.round(curve * 65535).astype(">u2").tobytes()
    tags = {name: _xyz(xyz) for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), SRGB, strict=True)}
    return _profile(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), table))


def grey_profile(gamma: float) -> bytes:
    """Write a grey profile."""
    return _profile(b"GRAY", {b"kTRC": _gamma(gamma)})


def cmyk_profile() -> bytes:
    """Write a CMYK profile in which every ink turns paper into a grey of Lab lightness 50, and two inks into black."""
    corners = np.zeros((2, 2, 2, 2, 3), np.uint8)
    for place in np.ndindex(2, 2, 2, 2):
        corners[place] = {0: 255, 1: 128}.get(sum(place), 0), 128, 128
    ramp = bytes(range(256))
    identity = b"".join(struct.pack(">i", 65536 * (i % 4 == 0)) for i in range(9))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + 4 * ramp + corners.tobytes() + 3 * ramp
    return _profile(b"CMYK", {b"A2B0": table}, space=b"Lab ", kind=b"prtr")


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _gamma(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _profile(
    colours: bytes, tags: Mapping[bytes, bytes], *, space: bytes = b"XYZ ", kind: bytes = b"mntr"
) -> bytes:
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0".ljust(83, b"\0"), **tags}
    tags |= {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"cprt": b"text\0\0\0\0none\0\0\0\0"}
    table, content, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        value += bytes(-len(value) % 4)
        table += name + struct.pack(">II", start + len(content), len(value))
        content += value
    body = struct.pack(">I", len(tags)) + table + content
    head = struct.pack(">I4sI4s4s4s", 128 + len(body), b"lcms", 0x02400000, kind, colours, space)
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    return (head + struct.pack(">3i", 63190, 65536, 54061)).ljust(128, b"\0") + body
