"""Convert the tokenizers of open_clip to the `tokenizer.json` of a bundle.

Both kinds of open_clip tokenizers clean text before they split it. The cleaning steps that follow a simple rule are
kept: white space, case, punctuation, straight quotation marks, composed accents, control characters. The repair of
damaged text is not: mojibake, HTML entities, ligatures and full-width letters are unchanged. The CLIP tokenizer also
does not recognise a special token that is written out in a text, which would end the text there.
"""

from pathlib import Path
from typing import Any

from open_clip.tokenizer import HFTokenizer, SimpleTokenizer, get_clean_fn
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from dalip.encoder.manifest import TextSettings
from dalip.errors import TrainingError

__all__ = ["save_tokenizer"]

# What CLIP treats as a word. Source: the pattern of open_clip's SimpleTokenizer, without its special tokens.
_WORD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"

_REPAIRS = (
    ("[\u02bc\u2018-\u201b]", "'"),
    ("[\u201c-\u201f]", '"'),
    ("[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]", ""),
)
"""The rules of ftfy's `fix_text` that matter for everyday text: pattern and replacement."""

_PROBES = (
    "",
    "A photo of  Rosa canina L., the “dog-rose”.\n",
    "It's Größe 12½: 日本の桜 🌸, crème brûlée; [foo_bar]!?",
    "Quercus × hispanica 'Lucombeana' " * 60,
)
"""Texts on which both tokenizers must agree before the new one is used: empty, odd, and too long."""


def save_tokenizer(tokenizer: SimpleTokenizer | HFTokenizer, path: Path) -> TextSettings:
    """Write the tokenizer of an open_clip model as a file of the tokenizers library.

    Args:
        tokenizer: The result of open_clip's `get_tokenizer`.
        path: The file to write; its folder exists.

    Returns:
        Context length and padding of the texts.

    Raises:
        TrainingError: The tokenizer does something that the file format cannot express.
    """
    if isinstance(tokenizer, HFTokenizer):
        made, pad_id = _from_transformers(tokenizer), tokenizer.tokenizer.pad_token_id
    elif isinstance(tokenizer, SimpleTokenizer):
        made, pad_id = _from_clip(tokenizer), 0
    else:
        raise TrainingError("tokenizer-unknown", tokenizer=type(tokenizer).__name__)
    settings = TextSettings(tokenizer.context_length, pad_id)
    made.no_padding()
    made.no_truncation()
    made.save(str(path), pretty=False)
    made.enable_truncation(settings.context_length)
    made.enable_padding(pad_id=pad_id, length=settings.context_length)
    if [encoding.ids for encoding in made.encode_batch(list(_PROBES))] != tokenizer(list(_PROBES)).tolist():
        raise TrainingError("tokenizer-differs", tokenizer=type(tokenizer).__name__)
    return settings


def _from_clip(tokenizer: SimpleTokenizer) -> Tokenizer:
    """Build the Rust equivalent of CLIP's Python byte-pair encoder."""
    if tokenizer.reduction_fn:
        raise TrainingError("tokenizer-random")
    start, end = tokenizer.sot_token_id, tokenizer.eot_token_id
    made = Tokenizer(
        models.BPE(vocab=tokenizer.encoder, merges=list(tokenizer.bpe_ranks), end_of_word_suffix="</w>")
    )
    made.normalizer = normalizers.Sequence(_cleaning(tokenizer.clean_fn))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.post_processor = processors.TemplateProcessing(
        single="<start_of_text> $A <end_of_text>",
        special_tokens=[("<start_of_text>", start), ("<end_of_text>", end)],
    )
    return made


def _from_transformers(tokenizer: HFTokenizer) -> Tokenizer:
    """Prepend open_clip's cleaning to a fast tokenizer of transformers."""
    fast = tokenizer.tokenizer
    if not fast.is_fast or tokenizer.tokenizer_mode:
        raise TrainingError("tokenizer-slow", tokenizer=fast.name_or_path)
    made = Tokenizer.from_str(fast.backend_tokenizer.to_str())
    own = [made.normalizer] if made.normalizer else []
    made.normalizer = normalizers.Sequence([*_cleaning(tokenizer.clean_fn), *own])
    if tokenizer.strip_sep_token:  # CLIPA ends its texts with the padding id
        made.post_processor = processors.TemplateProcessing(
            single=f"{fast.cls_token} $A {fast.sep_token}",
            special_tokens=[(fast.cls_token, fast.cls_token_id), (fast.sep_token, 0)],
        )
    return made


def _cleaning(clean: Any) -> list[normalizers.Normalizer]:
    """Return the steps of one of open_clip's cleaning functions, with only the common repairs of ftfy."""
    steps: list[normalizers.Normalizer] = [
        normalizers.Replace(Regex(pattern), by) for pattern, by in _REPAIRS
    ]
    steps.append(normalizers.NFC())
    if clean is get_clean_fn("canonicalize"):
        steps.append(normalizers.Replace("_", " "))
        steps.append(normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), ""))
    steps += [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    if clean is not get_clean_fn("whitespace"):
        # Lowercase converts letter by letter, but Greek has a separate sigma for the end of a word.
        steps.append(normalizers.Replace(Regex(r"(?<=\p{L})Σ(?!\p{L})"), "ς"))
        steps.append(normalizers.Lowercase())
    return steps
