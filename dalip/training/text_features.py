"""Features of texts by a frozen tower, which need not run again at every step."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from dalip.encoder.manifest import TextSettings
from dalip.model import DALIP
from dalip.training.data import tokenize

__all__ = ["TextFeatures"]

_REMEMBERED = 65_536  # texts; of 20 tokens and width 384 each, that is 1 GB


class TextFeatures:
    """Tokenise texts and, where the tower is frozen, remember what it makes of them."""

    def __init__(self, model: DALIP, tokenizer: Tokenizer, settings: TextSettings) -> None:
        """Find out whether the tower is frozen: none of its parameters asks for a gradient."""
        self.model, self.tokenizer, self.settings = model, tokenizer, settings
        own = [p for n, p in model.named_parameters() if n.startswith("clip.text.transformer.")]
        self.frozen = bool(own) and not any(p.requires_grad for p in own)
        self._remembered = lru_cache(_REMEMBERED)(self._compute)

    def __call__(self, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor, Tensor | None]:
        """Give ids (n, l), mask (n, l) and, where the tower is frozen, its features, float32 (n, l, w)."""
        ids, mask = tokenize(self.tokenizer, texts, self.settings)
        ids, mask = ids.to(device), mask.to(device)
        if not self.frozen:
            return ids, mask, None
        rows = [self._remembered(text, device) for text in texts]
        return ids, mask, nn.utils.rnn.pad_sequence(rows, batch_first=True).float().to(device)

    @torch.no_grad()
    def _compute(self, text: str, device: torch.device) -> Tensor:
        # Alone, though a batch is faster: the last bits depend on what else is in a batch, and so a resumed run,
        # which remembers nothing, would not repeat the one that was stopped.
        ids, mask = tokenize(self.tokenizer, [text], self.settings)
        return self.model.text_tower.features(ids.to(device), mask.to(device))[0].half().cpu()
