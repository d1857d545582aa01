"""Measure the peak memory of decoding photos of each format, beside the estimate that the limits are compared with.

```sh
python benchmarks/decode_memory.py
```

Each photo is decoded in a fresh process. The table, in bytes per pixel, is in docs/limits.md.
"""

import argparse
import io
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

from dalip.photos.decode import memory_needed

_MEASURE = """
import re, resource, sys, time
from dalip.photos import open_image
from dalip.photos.formats.plugins import use_one_thread

def peak():
    if sys.platform == "linux":  # ru_maxrss would count the process that started this one
        return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

use_one_thread()
before, start = peak(), time.perf_counter()
open_image(sys.argv[1], target=int(sys.argv[2]) or None)
print(peak() - before, time.perf_counter() - start)
"""


def samples(width: int, height: int) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Yield the name and the writer of a photo of each kind."""
    down, across = np.linspace(0, 200, height)[:, None], np.linspace(0, 55, width)[None]
    grey = Image.fromarray((down + across).astype(np.uint8))
    colour = Image.merge("RGB", [grey, grey.point(lambda value: 255 - value), grey])
    clear = colour.copy()
    clear.putalpha(grey)
    palette = colour.quantize(64)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)

    def saved(image: Image.Image, **options: Any) -> Callable[[Path], None]:
        return lambda path: image.save(path, **options)

    cmyk = colour.convert("CMYK")
    jpegs = {"": {}, " 4:4:4": {"subsampling": 0}}
    for said, options in jpegs.items():
        yield f"jpeg{said}.jpg", saved(colour, **options)
        yield f"jpeg progressive{said}.jpg", saved(colour, progressive=True, **options)
    yield "jpeg grey.jpg", saved(grey)
    yield "jpeg cmyk.jpg", saved(cmyk)
    yield "jpeg cmyk progressive.jpg", saved(cmyk, progressive=True)
    yield "jpeg turned.jpg", saved(colour, exif=_turned())
    for name, image in {
        "rgb": colour,
        "rgba": clear,
        "grey": grey,
        "palette": palette,
        "16 bit": deep,
    }.items():
        yield f"png {name}.png", saved(image, compress_level=1)
    yield "png grey with alpha.png", saved(Image.merge("LA", (grey, grey)), compress_level=1)
    yield "png palette transparent.png", saved(palette, transparency=3, compress_level=1)
    yield "png rgb transparent.png", saved(colour, transparency=(1, 2, 3), compress_level=1)
    yield "png 1 bit.png", saved(grey.convert("1"))
    yield "webp.webp", saved(colour, method=0)
    yield "webp lossless.webp", saved(colour, lossless=True, quality=0, method=0)
    yield "webp transparent.webp", saved(clear, method=0)
    yield "webp animated.webp", saved(colour, save_all=True, append_images=[grey.convert("RGB")], method=0)
    yield "avif.avif", saved(colour, speed=10)
    yield "avif 4:4:4.avif", saved(colour, speed=10, subsampling="4:4:4")
    yield "avif transparent.avif", saved(clear, speed=10)
    yield "heic.heic", lambda path: pillow_heif.from_pillow(colour).save(path)
    yield "heic 4:4:4.heic", lambda path: pillow_heif.from_pillow(colour).save(path, chroma=444)
    yield "heic transparent.heic", lambda path: pillow_heif.from_pillow(clear).save(path)
    yield "heic 10 bit.heic", lambda path: _deep_heic(colour, path)
    for name, image in {
        "rgb": colour,
        "rgba": clear,
        "cmyk": cmyk,
        "palette": palette,
        "16 bit": deep,
    }.items():
        yield f"tiff {name}.tif", saved(image)
        yield f"tiff {name} lzw.tif", saved(image, compression="tiff_lzw")
    yield "tiff one strip.tif", saved(colour, compression="tiff_lzw", tiffinfo={278: height})
    yield "tiff jpeg.tif", saved(colour, compression="jpeg")
    yield "tiff 1 bit.tif", saved(grey.convert("1"), compression="group4")
    yield "tiff 32 bit.tif", saved(Image.fromarray(np.asarray(deep).astype(np.int32)))
    yield "tiff float.tif", saved(Image.fromarray(np.asarray(deep).astype(np.float32)))
    yield "gif.gif", saved(palette)
    yield "bmp.bmp", saved(colour)
    yield "bmp palette.bmp", saved(palette)


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _deep_heic(colour: Image.Image, path: Path) -> None:
    content = np.asarray(colour).astype(np.uint16) * 257
    pillow_heif.from_bytes("RGB;16", colour.size, content.tobytes()).save(path)


def measured(path: Path, target: int) -> tuple[int, float]:
    """Decode a photo in a fresh process; return its peak memory in bytes, beyond that of the process, and seconds.

    Args:
        path: The photo.
        target: As in `open_image`; 0 for the full size.
    """
    command = [sys.executable, "-W", "ignore", "-c", _MEASURE, str(path), str(target)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    memory, seconds = done.stdout.split()
    return int(memory), float(seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=6000)
    parser.add_argument("--height", type=int, default=4000)
    parser.add_argument("--target", type=int, default=256, help="size of the encoder's input")
    asked = parser.parse_args()
    pixels = asked.width * asked.height
    print("| photo | full size | estimate | reduced | estimate | seconds |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, write in samples(asked.width, asked.height):
            path = Path(folder) / name.replace(":", "")
            write(path)
            cells, seconds = io.StringIO(), 0.0
            for target in (0, asked.target):
                memory, seconds = measured(path, target)
                print(
                    f"{memory / pixels:.1f} | {memory_needed(path, target or None) / pixels:.1f}",
                    end=" | ",
                    file=cells,
                )
            print(f"| {path.stem} | {cells.getvalue()}{seconds:.2f} |", flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
