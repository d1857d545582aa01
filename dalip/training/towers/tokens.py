"""Tokenise texts for a text tower: ids and mask, padded."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from dalip.encoder.manifest import TextSettings

__all__ = ["tokenize"]


def tokenize(
    tokenizer: Tokenizer, texts: Sequence[str], settings: TextSettings, *, full: bool = False
) -> tuple[Tensor, Tensor]:
    """Return ids (int64) and mask (bool) of texts, padded to the longest or, if `full`, to the context length."""
    tokenizer.enable_truncation(settings.context_length)
    tokenizer.enable_padding(pad_id=settings.pad_id, length=settings.context_length if full else None)
    # Lone surrogates come from JSON and file names that are not UTF-8; the Rust code rejects them.
    encoded = tokenizer.encode_batch([text.encode("utf-8", "replace").decode() for text in texts])
    ids = torch.tensor([e.ids for e in encoded], dtype=torch.long)
    return ids, torch.tensor([e.attention_mask for e in encoded], dtype=torch.bool)
