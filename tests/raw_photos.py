"""Write TIFF and DNG files with several images: previews, full-size photos and sensor values."""

import struct

from hostile_images import photo
from PIL import Image

_RAW = 32803  # photometric interpretation of sensor values


def image_tags(
    image: Image.Image | None, size: tuple[int, int], *, reduced: bool, photometric: int = 2
) -> list[tuple[int, int, object]]:
    """The tags of an uncompressed image; sensor values if there is no image."""
    width, height = size
    content = image.tobytes() if image else bytes(2 * width * height)
    samples, bits = (3, 8) if image else (1, 16)
    return [
        (254, 4, int(reduced)), (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1),
        (262, 3, photometric if image else _RAW), (273, 4, content), (277, 3, samples), (278, 4, height),
        (279, 4, len(content)),
    ]  # fmt: skip


def tiff(directories: list[list[tuple[int, int, object]]], below: int = 0, *, order: str = "<") -> bytes:
    """Write a TIFF; the last `below` directories are sub-directories of the first, the others follow it."""
    body = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 0))
    places: list[int] = []
    pointers: list[int] = []
    for number, tags in enumerate(directories):
        if number == 0 and below:
            tags = [*tags, (330, 4, [0] * below)]
        entries = []
        for tag, kind, value in sorted(tags, key=lambda entry: entry[0]):
            if isinstance(value, bytes):
                entries.append((tag, kind, 1, len(body)))
                body += value
            elif isinstance(value, list) and len(value) > 1:
                entries.append((tag, kind, len(value), len(body)))
                pointers = [len(body) + 4 * i for i in range(len(value))]
                body += bytes(4 * len(value))
            else:
                entries.append((tag, kind, 1, 0 if isinstance(value, list) else value))  # type: ignore[arg-type]
        body += bytes(len(body) % 2)
        places.append(len(body))
        body += struct.pack(f"{order}H", len(entries))
        for tag, kind, count, value in entries:
            if tag == 330 and below == 1:
                pointers = [len(body) + 8]
            wide = struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value)
            body += struct.pack(f"{order}HHI", tag, kind, count) + wide
        body += bytes(4)
    main = places[: len(places) - below]
    struct.pack_into(f"{order}I", body, 4, main[0])
    for number, following in zip(range(len(main) - 1), main[1:], strict=True):
        (count,) = struct.unpack_from(f"{order}H", body, main[number])
        struct.pack_into(f"{order}I", body, main[number] + 2 + 12 * count, following)
    for pointer, place in zip(pointers, places[len(main) :], strict=True):
        struct.pack_into(f"{order}I", body, pointer, place)
    return bytes(body)


THUMBNAIL = image_tags(photo(160, 120), (160, 120), reduced=True)
FULL = image_tags(photo(1200, 900), (1200, 900), reduced=False)
SENSOR = image_tags(None, (1200, 900), reduced=False)
