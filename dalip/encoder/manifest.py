"""The fields of an encoder's `manifest.json`, checked when they are read."""

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from dalip import __version__
from dalip.errors import BundleError
from dalip.files import from_json, to_json

__all__ = [
    "BUNDLE_FILES",
    "EXTERNAL_DATA",
    "FORMAT_VERSION",
    "IMAGE_ENCODER",
    "MANIFEST",
    "TEXT_ENCODER",
    "TOKENIZER",
    "Block",
    "EncoderManifest",
    "FileEntry",
    "ImageSettings",
    "TextSettings",
]

FORMAT_VERSION = 2
"""The bundle format version that this code writes, and the newest that it reads.

Version 2 added `model_sha256`, `prompts`, `citation` and external data.
"""

MANIFEST = "manifest.json"
IMAGE_ENCODER = "image_encoder.onnx"
TEXT_ENCODER = "text_encoder.onnx"
TOKENIZER = "tokenizer.json"
BUNDLE_FILES = (IMAGE_ENCODER, TEXT_ENCODER, TOKENIZER)
"""The files that every bundle has besides its manifest, which lists each with its size and hash."""

EXTERNAL_DATA = {name: f"{name}.data" for name in (IMAGE_ENCODER, TEXT_ENCODER)}
"""The file next to a graph that contains its weights if they are too large for one ONNX file."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_IN_VERSION_2 = ("citation", "prompts", "model_sha256")


@dataclass(frozen=True)
class ImageSettings:
    """How a photo is preprocessed for the image encoder."""

    size: int
    """Height and width of the input, in pixels."""
    mean: tuple[float, float, float]
    """Subtracted from each channel, whose values are from 0 to 1 (white)."""
    std: tuple[float, float, float]
    """Each channel is then divided by this."""
    resize_mode: Literal["shortest", "squash"] = "shortest"
    """`shortest`: the short side becomes `size`, then the centre is cropped; `squash`: both become `size`."""
    interpolation: Literal["bicubic", "bilinear", "bilinear-float"] = "bicubic"
    """Pillow's filter for the resize; `bilinear-float` does not round to 8 bits, as torchvision with tensors."""

    def __post_init__(self) -> None:
        """Reject settings that cannot be used to preprocess photos."""
        _check_range("image.size", self.size, 1, 4096)
        _check(all(s > 0 for s in self.std), "manifest-std-not-positive")


@dataclass(frozen=True)
class TextSettings:
    """How text is tokenized for the text encoder; the rest is in `tokenizer.json`."""

    context_length: int
    """Maximum number of tokens, including special tokens; longer texts are truncated."""
    pad_id: int
    """The token that pads the shorter texts of a batch."""

    def __post_init__(self) -> None:
        """Reject settings that cannot be used to tokenize text."""
        _check_range("text.context_length", self.context_length, 1, 65536)
        _check_least("text.pad_id", self.pad_id, 0)


@dataclass(frozen=True)
class Block:
    """A part of the embedding, and its weight in the similarity, the square of the part's norm."""

    name: str
    width: int
    weight: float

    def __post_init__(self) -> None:
        """Reject an empty block and a weight outside [0, 1]."""
        _check_least("blocks.width", self.width, 1)
        _check_range("blocks.weight", self.weight, 0, 1)


@dataclass(frozen=True)
class FileEntry:
    """The expected SHA-256, in hexadecimal digits, and size in bytes of a bundle file."""

    sha256: str
    size: int

    def __post_init__(self) -> None:
        """Reject a malformed hash and a negative size."""
        _check(bool(_SHA256.fullmatch(self.sha256)), "manifest-hash-wrong", hash=self.sha256)
        _check_least("files.size", self.size, 0)


@dataclass(frozen=True)
class EncoderManifest:
    """Everything needed to reproduce an embedding, and where the encoder comes from."""

    name: str
    image: ImageSettings
    text: TextSettings
    embed_dim: int
    """D, the width of the joint space and of each patch vector."""
    blocks: tuple[Block, ...]
    """The parts of an embedding, in order; their weights sum to 1."""
    patch_grid: tuple[int, int]
    """Rows and columns of the patch vectors."""
    appearance_width: int
    """A, the number of values that describe a photo's looks, independent of any text (see `DALIP.appearance`)."""
    opset: int
    precision: str
    """Precision of the weights, in words: `fp32`, `int8 weights`."""
    files: dict[str, FileEntry] = field(default_factory=dict)
    """File name to hash and size; filled in by `write_manifest`."""
    trained_on: tuple[str, ...] = ()
    """The datasets whose photos or texts the weights were trained on."""
    terms: str = ""
    """The terms of use of the weights."""
    citation: str = ""
    """How to cite the model, in words or as BibTeX."""
    prompts: tuple[str, ...] = ()
    """Templates of the texts about a taxon, the best first; empty for DALIP's own (see `dalip.prompt_templates`)."""
    model_sha256: str = ""
    """SHA-256 of the exported parameters and of everything else that determines an embedding except the settings here.

    Another export of the same model has the same value, also if another version of PyTorch writes other graphs.
    """
    created_by: str = f"dalip {__version__}"
    details: dict[str, Any] = field(default_factory=dict)
    """Any further information, as JSON."""
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        """Reject a manifest that contradicts itself."""
        _check_least("embed_dim", self.embed_dim, 1)
        _check(bool(self.blocks), "manifest-no-block")
        total = sum(block.weight for block in self.blocks)
        _check(math.isclose(total, 1, abs_tol=1e-3), "manifest-weights-sum", total=total)
        _check_least("patch_grid", min(self.patch_grid), 1)
        _check_least("appearance_width", self.appearance_width, 1)
        for name in self.files:
            _check(name in (*BUNDLE_FILES, *EXTERNAL_DATA.values()), "manifest-file-name", name=name)
        known = not self.model_sha256 or _SHA256.fullmatch(self.model_sha256)
        _check(bool(known), "manifest-hash-wrong", hash=self.model_sha256)

    @property
    def width(self) -> int:
        """E, the length of an embedding: the sum of the blocks' widths."""
        return sum(block.width for block in self.blocks)

    @property
    def fingerprint(self) -> str:
        """Identifies the encoder: 64 hexadecimal digits.

        It is the SHA-256 of the model's hash and the image and text settings, because these determine an embedding.
        Name, terms and details do not, so copies of an encoder and other exports of the same model have the same
        fingerprint. Without the model's hash, as in format version 1, those of the files are used.
        """
        names = {TOKENIZER} & self.files.keys() if self.model_sha256 else self.files
        hashes = [*filter(None, [self.model_sha256]), *sorted(self.files[name].sha256 for name in names)]
        settings = json.dumps([asdict(self.image), asdict(self.text)], sort_keys=True)
        return hashlib.sha256("\n".join([*hashes, settings]).encode()).hexdigest()

    def to_json(self) -> str:
        """Return the content of `manifest.json`: format version and fingerprint first, then the fields."""
        first = {"format_version": self.format_version, "fingerprint": self.fingerprint}
        later = _IN_VERSION_2 if self.format_version < FORMAT_VERSION else ()
        return to_json({name: value for name, value in (first | asdict(self)).items() if name not in later})

    @classmethod
    def from_json(cls, text: str | bytes) -> "EncoderManifest":
        """Parse the content of a `manifest.json`; unknown fields are ignored.

        Raises:
            BundleError: It is not JSON, has another format version, lacks a field, has a field of a wrong type or
                value, or its fingerprint does not match the fields. The caller adds the file name.
        """
        try:
            content = from_json(text, dict[str, Any])
        except ValueError as error:
            raise BundleError("manifest-not-json", cause=error) from None
        version = content.get("format_version", 0)
        _check(type(version) is int and version >= 1, "manifest-no-version")
        _check(version <= FORMAT_VERSION, "manifest-newer", version=version, known=FORMAT_VERSION)
        later = _IN_VERSION_2 if version < FORMAT_VERSION else ()
        for name in (known.name for known in fields(cls)):  # defaults are for writers; files have every field
            _check(name in content or name in later, "manifest-field-missing", field=name)
        try:
            manifest = from_json(text, cls)
        except ValueError as error:
            raise BundleError("manifest-field-wrong", cause=error) from None
        for name in BUNDLE_FILES:
            _check(name in manifest.files, "manifest-field-missing", field=f"files.{name}")
        same = content.get("fingerprint", manifest.fingerprint) == manifest.fingerprint
        _check(same, "manifest-fingerprint-wrong")
        return manifest


def _check(fine: bool, kind: str, **facts: Any) -> None:
    if not fine:
        raise BundleError(kind, **facts)


def _check_range(field: str, value: float, least: float, most: float) -> None:
    _check(least <= value <= most, "manifest-field-range", field=field, least=least, most=most)


def _check_least(field: str, value: float, least: int) -> None:
    _check(value >= least, "manifest-field-least", field=field, least=least)
