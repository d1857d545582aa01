"""`TextVectors`: embed texts and keep their vectors on disk, so that a killed build of a large flora loses no text."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dalip.encoder import Encoder, Vectors
from dalip_index.store.versions import TEXT_VECTORS

__all__ = ["TextVectors"]

_KEY = 16  # bytes of a hash


class TextVectors:
    """Embeds texts; the vectors of texts that were embedded before, also by a killed process, are read from disk.

    The file is a sequence of records of one size, each a hash of the text and its vector in half precision. A record is
    written as soon as the text is embedded; one that was not written completely is ignored.
    """

    def __init__(self, encoder: Encoder, flora: Path) -> None:
        """Open the file of a flora that is being built; it is created if needed."""
        self._encoder = encoder
        self._path = flora / f"{TEXT_VECTORS}{encoder.fingerprint[:12]}"
        self._record = np.dtype([("key", f"V{_KEY}"), ("vector", "<f2", (encoder.width,))])
        self._rows: dict[bytes, int] = {}
        self._path.touch()
        with self._path.open("r+b") as file:
            size = file.seek(0, 2)
            file.truncate(size - size % self._record.itemsize)
        if size >= self._record.itemsize:
            keys = np.memmap(self._path, self._record, "r")["key"].tolist()
            self._rows = {bytes(key): row for row, key in enumerate(keys)}

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts, each at most once.

        Args:
            texts: Any number of texts.

        Returns:
            Shape (texts, E), as exact as in half precision.
        """
        keys = [
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY).digest()
            for text in texts
        ]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._rows}
        if new:
            records = np.empty(len(new), self._record)
            records["key"] = np.array(list(new), f"V{_KEY}")
            records["vector"] = self._encoder.encode_text(list(new.values()))
            with self._path.open("ab") as file:
                file.write(records.tobytes())
            self._rows |= {key: len(self._rows) + place for place, key in enumerate(new)}
        stored = np.memmap(self._path, self._record, "r")["vector"]
        return stored[[self._rows[key] for key in keys]].astype(np.float32)
