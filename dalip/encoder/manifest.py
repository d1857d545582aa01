"""The fields of an encoder's `manifest.json`, checked when it is read."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dalip import __version__
from dalip.errors import BundleError

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
        _require(1 <= self.size <= 4096, "image.size", "between 1 and 4096")
        _require(all(s > 0 for s in self.std), "image.std", "above 0")


@dataclass(frozen=True)
class TextSettings:
    """How a text becomes the text encoder's input; the rest is in `tokenizer.json`."""

    context_length: int
    """Tokens kept of a text, its special ones included."""
    pad_id: int
    """The token that fills up the shorter texts of a batch."""

    def __post_init__(self) -> None:
        """Reject settings that no text can be prepared with."""
        _require(1 <= self.context_length <= 65536, "text.context_length", "between 1 and 65536")
        _require(self.pad_id >= 0, "text.pad_id", "0 or more")


@dataclass(frozen=True)
class Block:
    """A part of the embedding, and its weight in the similarity; its length is the square root of that."""

    name: str
    width: int
    weight: float

    def __post_init__(self) -> None:
        """Reject an empty block and a negative weight."""
        _require(self.width >= 1, "blocks.width", "1 or more")
        _require(0 <= self.weight <= 1, "blocks.weight", "between 0 and 1")


@dataclass(frozen=True)
class FileEntry:
    """What a file of the bundle must be: its SHA-256 in hexadecimal digits and its size in bytes."""

    sha256: str
    size: int

    def __post_init__(self) -> None:
        """Reject what cannot be a file's hash and size."""
        _require(bool(_SHA256.fullmatch(self.sha256)), "files.sha256", "64 hexadecimal digits")
        _require(self.size >= 0, "files.size", "0 or more")


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
        _require(self.embed_dim >= 1, "embed_dim", "1 or more")
        _require(bool(self.blocks), "blocks", "one block or more")
        total = sum(block.weight for block in self.blocks)
        _require(math.isclose(total, 1, abs_tol=1e-3), "blocks", f"weights that sum to 1, not {total:g}")
        _require(min(self.patch_grid) >= 1, "patch_grid", "1 or more rows and columns")
        _require(self.appearance_width >= 1, "appearance_width", "1 or more")
        _require(all(Path(name).name == name for name in self.files), "files", "plain file names")

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
        """Give the text of `manifest.json`: the fields, the fingerprint and the format version first."""
        first = {"format_version": self.format_version, "fingerprint": self.fingerprint}
        return json.dumps(first | asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "EncoderManifest":
        """Read the text of a `manifest.json`; fields that this version does not know are ignored.

        Raises:
            BundleError: Not JSON, another format version, a field missing, of a wrong type or impossible, or
                the fingerprint is not that of the fields. The caller adds the name of the file.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BundleError(f"is not JSON ({error})") from None
        if not isinstance(data, dict):
            raise BundleError("is not a JSON object")
        version = data.get("format_version")
        if type(version) is not int or version < 1:
            raise BundleError("has no format_version, so it is not an encoder's manifest")
        if version > FORMAT_VERSION:
            raise BundleError(
                f"has format version {version}, this DALIP reads {FORMAT_VERSION}; upgrade dalip"
            )
        manifest = _read(cls, data, "")
        assert isinstance(manifest, cls)
        for name in BUNDLE_FILES:
            if name not in manifest.files:
                raise BundleError(f"lacks the field files.{name}")
        if data.get("fingerprint", manifest.fingerprint) != manifest.fingerprint:
            raise BundleError("has a fingerprint that is not that of its fields, so one of them was changed")
        return manifest


def _require(condition: bool, where: str, what: str) -> None:
    if not condition:
        raise BundleError(f"is wrong: {where} must be {what}")


def _read(kind: Any, value: Any, where: str) -> Any:
    """Turn a value read from JSON into `kind`: a dataclass, tuple, dict, Literal or plain type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        _require(isinstance(value, dict), where, "an object")
        return _read_fields(kind, value, f"{where}." if where else "")
    if origin is Literal:
        _require(value in arguments, where, " or ".join(repr(a) for a in arguments))
    elif origin is tuple:
        any_length = arguments[-1] is Ellipsis
        fits = isinstance(value, list) and (any_length or len(value) == len(arguments))
        _require(fits, where, "a list" if any_length else f"a list of {len(arguments)}")
        return tuple(_read(arguments[0], item, where) for item in value)
    elif origin is dict:
        _require(isinstance(value, dict), where, "an object")
        return {key: _read(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    elif kind is float:
        number = type(value) in (int, float) and abs(value) < 1e300  # neither NaN nor infinite
        _require(number, where, "a number")
        return float(value)
    else:
        _require(type(value) is kind, where, {int: "a whole number", str: "a text"}[kind])
    return value


def _read_fields(kind: Any, data: Mapping[str, Any], where: str) -> Any:
    types_of = get_type_hints(kind)
    for name in (f.name for f in fields(kind)):
        if name not in data:
            raise BundleError(f"lacks the field {where}{name}")
    return kind(**{f.name: _read(types_of[f.name], data[f.name], where + f.name) for f in fields(kind)})
