"""Cache the features of texts from a frozen text tower."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from dalip.encoder.manifest import TextSettings
from dalip.model import DALIP
from dalip.training.checkpoint import load_checkpoint, save_checkpoint
from dalip.training.log import ReportLine
from dalip.training.optimizer import weights_hash
from dalip.training.towers.tokens import tokenize

__all__ = ["TextFeatures"]

_AT_MOST = 131_072  # texts; with 20 tokens of width 384 each, 2 GB


class TextFeatures:
    """Tokenise texts and, if the text tower is frozen, cache their features."""

    def __init__(self, model: DALIP, tokenizer: Tokenizer, settings: TextSettings) -> None:
        """Determine whether the tower is frozen: none of its parameters requires a gradient."""
        self.model, self.tokenizer, self.settings = model, tokenizer, settings
        self.frozen = not any(p.requires_grad for p in model.text_tower.body)
        self._remembered: dict[str, Tensor] = {}

    def __call__(self, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return ids (n, l), mask (n, l) and, if the tower is frozen, its features, float32 (n, l, w)."""
        ids, mask = tokenize(self.tokenizer, texts, self.settings, full=self.model.counts_padding)
        ids, mask = ids.to(device), mask.to(device)
        if not self.frozen:
            return ids, mask, None
        rows = [self._features(text, device) for text in texts]
        return ids, mask, nn.utils.rnn.pad_sequence(rows, batch_first=True).float().to(device)

    def prepare(self, texts: Sequence[str], folder: Path, report: ReportLine) -> None:
        """Compute the features of texts before training, or read those that another run has cached.

        Args:
            texts: Texts that training will use; only the first 131,072 in sorted order are cached.
            folder: Folder of the cache; the file name depends on tower and texts.
            report: Called with one line of progress at a time.
        """
        if not self.frozen:
            return
        wanted = sorted(set(texts))[:_AT_MOST]
        device = next(self.model.parameters()).device
        tower = weights_hash(self.model.text_tower.body)
        said = "\n".join([tower, str(self.model.counts_padding), *wanted])
        name = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        path = folder / f"texts-{name}.pt"
        if path.exists():
            self._remembered = load_checkpoint(path)
            return
        for i, text in enumerate(wanted):
            self._features(text, device)
            if (i + 1) % 1000 == 0:
                report(f"text features: {i + 1:,} of {len(wanted):,}")
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(path, self._remembered)

    def _features(self, text: str, device: torch.device) -> Tensor:
        if text not in self._remembered:
            if len(self._remembered) >= _AT_MOST:  # only a stream has so many; drop the oldest
                del self._remembered[next(iter(self._remembered))]
            self._remembered[text] = self._compute(text, device)
        return self._remembered[text]

    @torch.no_grad()
    def _compute(self, text: str, device: torch.device) -> Tensor:
        # One text at a time, although batches are faster: the last bits depend on the rest of the batch, so a resumed
        # run, whose cache is empty, would not reproduce the run that was stopped.
        ids, mask = tokenize(self.tokenizer, [text], self.settings, full=self.model.counts_padding)
        return self.model.text_tower.features(ids.to(device), mask.to(device))[0].half().cpu()
