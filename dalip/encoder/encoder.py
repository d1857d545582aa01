"""`Encoder`: embed photos and texts with an exported encoder."""

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalip.cpus import available_cpus
from dalip.encoder.bundle import check_bundle, read_checked, verify_bundle
from dalip.encoder.embed_ahead import embed_ahead
from dalip.encoder.manifest import IMAGE_ENCODER, TEXT_ENCODER, TOKENIZER, EncoderManifest
from dalip.encoder.preprocess import preprocess
from dalip.encoder.sessions import Session, runtime
from dalip.encoder.tokenizer import TextTokenizer
from dalip.errors import BundleError, ImageError
from dalip.photos import PhotoSource

__all__ = ["Encoder", "Vectors"]

_LARGEST_SCALE = math.log(100)
_IMAGES_AT_ONCE = 16
_TEXTS_AT_ONCE = 64

Vectors = NDArray[np.float32]
"""Embeddings of unit length, one per row: float32 of shape (number, E)."""

S = TypeVar("S", bound=PhotoSource)


class Encoder:
    """Embeds photos and texts in one space, with the models of a bundle on disk.

    Embeddings have unit length, so the inner product of two is their similarity. Each model is loaded on first use,
    so identifying photos never loads the text encoder. Several threads may share an encoder.
    """

    def __init__(self, folder: Path, manifest: EncoderManifest) -> None:
        """Use `Encoder.load`, which checks the bundle."""
        self.folder = folder
        self.manifest = manifest
        self.fingerprint = manifest.fingerprint
        self._opening = threading.Lock()
        self._image_session: Session | None = None
        self._text_session: Session | None = None
        self._tokenizer: TextTokenizer | None = None

    @classmethod
    def load(cls, folder: Path | str, *, verify: bool = False) -> "Encoder":
        """Open a bundle.

        Args:
            folder: The folder of the bundle.
            verify: Check the hash of every file now; otherwise check sizes and headers now and each hash on first use.

        Raises:
            BundleError: The bundle is missing, incomplete, damaged or of an unknown version; the error names the file.
        """
        folder = Path(folder)
        return cls(folder, verify_bundle(folder) if verify else check_bundle(folder))

    def __repr__(self) -> str:
        return f"Encoder({self.manifest.name!r}, {self.fingerprint[:12]}, {str(self.folder)!r})"

    @property
    def width(self) -> int:
        """E, the length of an embedding."""
        return self.manifest.width

    @property
    def appearance_width(self) -> int:
        """A, the length of a photo's appearance."""
        return self.manifest.appearance_width

    @property
    def logit_scale(self) -> float:
        """The factor from similarity to logit that the model was trained with; 100, CLIP's largest, if unknown."""
        origin = self.manifest.details.get("origin")
        found = origin.get("logit_scale") if isinstance(origin, dict) else None
        return math.exp(min(found, _LARGEST_SCALE)) if isinstance(found, float) else math.exp(_LARGEST_SCALE)

    def open_ahead(self) -> None:
        """Open the image encoder in another thread, so that the first photo waits less.

        If it cannot be opened, the first photo that is embedded raises the error.
        """
        runtime()  # not in the other thread, because it hides what this one writes to stderr
        threading.Thread(target=self._try_to_open).start()

    def _try_to_open(self) -> None:
        with suppress(Exception):  # the first photo raises it
            self._images()

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Embed photos that are in memory.

        Args:
            images: Upright, of any size and mode.

        Returns:
            Array (n, E), float32, rows of unit length; (0, E) if there are no photos.

        Raises:
            BundleError: The image encoder cannot be opened or run.
            ImageError: A photo has no pixels.
        """
        results = [np.empty((0, self.width), dtype=np.float32)]
        for start in range(0, len(images), _IMAGES_AT_ONCE):
            batch = images[start : start + _IMAGES_AT_ONCE]
            pixels = np.stack([preprocess(image, self.manifest.image) for image in batch])
            results.append(self._embed_pixels(pixels))
        return np.concatenate(results)

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """Embed texts of any length and script; longer ones are truncated to the context length.

        Args:
            texts: Any number of strings, empty ones included.

        Returns:
            Array (n, E), float32, rows of unit length; (0, E) if there are no texts.

        Raises:
            BundleError: The text encoder cannot be opened or run.
            TypeError: A text is not a string, or `texts` is one string.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings; put the one text into a list")
        batches = [texts[start : start + _TEXTS_AT_ONCE] for start in range(0, len(texts), _TEXTS_AT_ONCE)]
        results: Iterable[Vectors]
        if len(batches) > 1:
            # Several batches with a thread each take less time than one batch with several threads, which have to wait
            # for one another in each layer.
            with ThreadPoolExecutor(available_cpus()) as pool:
                results = list(pool.map(self._embed_texts, batches))
        else:
            results = map(self._embed_texts, batches)
        return np.concatenate([np.empty((0, self.width), dtype=np.float32), *results])

    def _embed_texts(self, texts: Sequence[str]) -> Vectors:
        ids, mask = self._text_tokens()(texts)
        (embeddings,) = self._text().run(["embedding"], {"input_ids": ids, "attention_mask": mask})
        return self._checked("embedding", embeddings, (len(ids), self.width), TEXT_ENCODER)

    def encode_patches(self, image: Image.Image) -> NDArray[np.float32]:
        """Embed the patches of a photo, for heat maps.

        Args:
            image: Upright, of any size and mode.

        Returns:
            Array (rows, columns, D), float32: vectors of unit length in the space of the first block.

        Raises:
            BundleError: The image encoder cannot be opened or run.
            ImageError: The photo has no pixels.
        """
        pixels = preprocess(image, self.manifest.image)[None]
        (patches,) = self._images().run(["patches"], {"pixels": pixels})
        rows, columns = self.manifest.patch_grid
        shape = (rows * columns, self.manifest.embed_dim)
        return self._checked("patches", patches, (1, *shape), IMAGE_ENCODER).reshape(rows, columns, -1)

    def encode_files(
        self, sources: Iterable[S], batch_size: int = 8, *, appearance: bool = False
    ) -> Iterator[tuple[S, Vectors | ImageError]]:
        """Embed any number of photos, in order; an unreadable one does not stop the rest.

        Threads read photos while the encoder works, a few batches ahead at most.

        Args:
            sources: Each a path, the bytes of an image file, an image, or a function that returns one of these.
            batch_size: Photos per batch, 1 or more.
            appearance: Whether to append each photo's appearance to its embedding.

        Returns:
            Each source with its embedding, (E,) float32 of unit length, or with the error if it cannot be read. With
            `appearance` the row is (E + A,). The direction of an appearance describes what the photo looks like. Its
            length, about 1 for photos of plants, is an out-of-distribution score: how far the photo is from those that
            the encoder learned. Every length is 1 if the encoder was exported without whitening.

        Raises:
            BundleError: The image encoder cannot be opened or run.
        """
        embed = partial(self._embed_pixels, appearance=appearance)
        return embed_ahead(sources, self.manifest.image, batch_size, embed)

    def _embed_pixels(self, pixels: NDArray[np.float32], *, appearance: bool = False) -> Vectors:
        widths = {"embedding": self.width} | ({"appearance": self.appearance_width} if appearance else {})
        found = self._images().run(list(widths), {"pixels": pixels})
        for (name, width), values in zip(widths.items(), found, strict=True):
            self._checked(name, values, (len(pixels), width), IMAGE_ENCODER)
        return np.concatenate(found, axis=1)

    def _checked(self, output: str, values: Vectors, shape: tuple[int, ...], name: str) -> Vectors:
        if values.shape != shape:
            source = self.folder / name
            raise BundleError(
                "model-output-shape", source=source, output=output, shape=values.shape, wanted=shape
            )
        return values

    def _images(self) -> Session:
        with self._opening:
            if self._image_session is None:
                self._image_session = self._open(IMAGE_ENCODER, ("embedding", "patches", "appearance"))
            return self._image_session

    def _text(self) -> Session:
        with self._opening:
            if self._text_session is None:
                self._text_session = self._open(TEXT_ENCODER, ("embedding",), threads=1)
            return self._text_session

    def _text_tokens(self) -> TextTokenizer:
        with self._opening:
            if self._tokenizer is None:
                content = read_checked(self.folder, self.manifest, TOKENIZER)
                name = str(self.folder / TOKENIZER)
                self._tokenizer = TextTokenizer(content, self.manifest.text, name)
            return self._tokenizer

    def _open(self, name: str, outputs: Sequence[str], threads: int | None = None) -> Session:
        content = read_checked(self.folder, self.manifest, name)
        return Session(content, self.folder / name, outputs, threads)
