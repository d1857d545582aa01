"""The fields of an encoder's `manifest.json`, checked when it is read."""

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from dalip import __version__
from dalip.errors import BundleError
from dalip.files import from_json, to_json

__all__ = [
    "BUNDLE_FILES",
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

FORMAT_VERSION = 1
"""The version of the bundle format that this code writes, and the newest that it reads."""

MANIFEST = "manifest.json"
IMAGE_ENCODER = "image_encoder.onnx"
TEXT_ENCODER = "text_encoder.onnx"
TOKENIZER = "tokenizer.json"
BUNDLE_FILES = (IMAGE_ENCODER, TEXT_ENCODER, TOKENIZER)
"""The files beside the manifest; each is named there with its size and hash."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ImageSettings:
    """How a photo becomes the image encoder's input."""

    size: int
    """Height and width of the input, in pixels."""
    mean: tuple[float, float, float]
    """Subtracted from each channel, in units of white = 1."""
    std: tuple[float, float, float]
    """Each channel is divided by it after that."""
    resize_mode: Literal["shortest", "squash"] = "shortest"
    """`shortest`: the short side becomes `size`, then the centre is cropped; `squash`: both become `size`."""
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    """Pillow's filter for the resize."""

    def __post_init__(self) -> None:
        """Reject settings that no photo can be prepared with."""
        _check_range("image.size", self.size, 1, 4096)
        _check(all(s > 0 for s in self.std), "manifest-std-not-positive")


@dataclass(frozen=True)
class TextSettings:
    """How a text becomes the text encoder's input; the rest is in `tokenizer.json`."""

    context_length: int
    """Tokens kept of a text, its special ones included."""
    pad_id: int
    """The token that fills up the shorter texts of a batch."""

    def __post_init__(self) -> None:
        """Reject settings that no text can be prepared with."""
        _check_range("text.context_length", self.context_length, 1, 65536)
        _check_least("text.pad_id", self.pad_id, 0)


@dataclass(frozen=True)
class Block:
    """A part of the embedding, and its weight in the similarity; its length is the square root of that."""

    name: str
    width: int
    weight: float

    def __post_init__(self) -> None:
        """Reject an empty block and a negative weight."""
        _check_least("blocks.width", self.width, 1)
        _check_range("blocks.weight", self.weight, 0, 1)


@dataclass(frozen=True)
class FileEntry:
    """What a file of the bundle must be: its SHA-256 in hexadecimal digits and its size in bytes."""

    sha256: str
    size: int

    def __post_init__(self) -> None:
        """Reject what cannot be a file's hash and size."""
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
    """The parts of an embedding, in order; their weights sum to one."""
    patch_grid: tuple[int, int]
    """Rows and columns of the patch vectors."""
    appearance_width: int
    """A, numbers that describe what a photo looks like whatever texts say of it (see `DALIP.appearance`)."""
    opset: int
    precision: str
    """Of the weights, in words: `fp32`, `int8 weights`."""
    files: dict[str, FileEntry] = field(default_factory=dict)
    """File name to hash and size; filled in by `write_manifest`."""
    trained_on: tuple[str, ...] = ()
    """The data sets whose photos or texts shaped the weights."""
    terms: str = ""
    """Under which terms the weights may be used."""
    created_by: str = f"dalip {__version__}"
    details: dict[str, Any] = field(default_factory=dict)
    """Whatever else is worth keeping, as JSON."""
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
            _check(Path(name).name == name, "manifest-file-name", name=name)

    @property
    def width(self) -> int:
        """E, the length of an embedding: the sum of the blocks' widths."""
        return sum(block.width for block in self.blocks)

    @property
    def fingerprint(self) -> str:
        """What tells this encoder from any other: 64 hexadecimal digits.

        It is the SHA-256 over the hashes of the files and the settings of image and text, for these decide an
        embedding. Name, terms and details do not, so copies of one encoder share their fingerprint.
        """
        hashes = sorted(self.files[name].sha256 for name in BUNDLE_FILES if name in self.files)
        settings = json.dumps([asdict(self.image), asdict(self.text)], sort_keys=True)
        return hashlib.sha256("\n".join([*hashes, settings]).encode()).hexdigest()

    def to_json(self) -> str:
        """Give the text of `manifest.json`: the fields, the format version and the fingerprint first."""
        first = {"format_version": self.format_version, "fingerprint": self.fingerprint}
        return to_json(first | asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "EncoderManifest":
        """Read the content of a `manifest.json`; fields that this version does not know are ignored.

        Raises:
            BundleError: Not JSON, another format version, a field missing, of a wrong type or impossible, or
                the fingerprint is not that of the fields. The caller adds the name of the file.
        """
        try:
            content = from_json(text, dict[str, Any])
        except ValueError as error:
            raise BundleError("manifest-not-json", cause=error) from None
        version = content.get("format_version", 0)
        _check(type(version) is int and version >= 1, "manifest-no-version")
        _check(version <= FORMAT_VERSION, "manifest-newer", version=version, known=FORMAT_VERSION)
        for name in (known.name for known in fields(cls)):  # defaults are for writers: a file has all of them
            _check(name in content, "manifest-field-missing", field=name)
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
