"""Tokenize text for the text encoder: token ids and attention mask."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.encoder.manifest import TextSettings
from dalip.errors import BundleError, first_line

__all__ = ["TextTokenizer"]


class TextTokenizer:
    """The bundle's `tokenizer.json`, with truncation and padding as set in the manifest."""

    def __init__(self, content: bytes, settings: TextSettings, name: str) -> None:
        """Load the tokenizer.

        Args:
            content: The content of `tokenizer.json`.
            settings: The `text` section of the manifest.
            name: The file's name in errors.

        Raises:
            BundleError: The content is not a tokenizer.
        """
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Any = Tokenizer.from_str(content.decode())
        except Exception as error:  # the Rust code raises plain Exception
            raise BundleError("bundle-file-not-tokenizer", source=name, cause=first_line(error)) from error
        self._tokenizer.enable_truncation(max_length=settings.context_length)
        self._tokenizer.no_padding()
        self._pad_id = settings.pad_id

    def __call__(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokenize texts of any length and script.

        Args:
            texts: One or more.

        Returns:
            Token ids and attention mask (1 for a token, 0 for padding), each (n, L) int64; L is the length of
            the longest text in tokens, at most the context length.

        Raises:
            TypeError: A text is not a string.
        """
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"a text must be a string, not {type(text).__name__}: {text!r:.60}")
        # Lone surrogates come from file names and arguments that are not UTF-8; the Rust code rejects them.
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        # `encode_batch` is no faster, and its threads cause a warning on stderr in every program that forks later.
        tokens = [self._tokenizer.encode(text).ids for text in clean]
        shape = len(tokens), max(map(len, tokens))
        ids, mask = np.full(shape, self._pad_id, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for row, found in enumerate(tokens):
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        return ids, mask
