"""Run an exported encoder with ONNX Runtime, without PyTorch: manifest, preprocessing, tokenizer, sessions."""

from dalip.encoder.bundle import read_manifest, verify_bundle, write_manifest
from dalip.encoder.encoder import Encoder, Vectors
from dalip.encoder.manifest import Block, EncoderManifest, FileEntry, ImageSettings, TextSettings
from dalip.encoder.preprocess import preprocess, visible_box

__all__ = [
    "Block",
    "Encoder",
    "EncoderManifest",
    "FileEntry",
    "ImageSettings",
    "TextSettings",
    "Vectors",
    "preprocess",
    "read_manifest",
    "verify_bundle",
    "visible_box",
    "write_manifest",
]
