"""Run an exported encoder: its manifest, the preparation of photos and texts, its ONNX sessions. No torch."""

from dalip.encoder.bundle import read_manifest, verify_bundle, write_manifest
from dalip.encoder.embed_ahead import PhotoSource
from dalip.encoder.encoder import Encoder
from dalip.encoder.manifest import Block, EncoderManifest, FileEntry, ImageSettings, TextSettings
from dalip.encoder.preprocess import preprocess, visible_box
from dalip.encoder.sessions import available_cpus
from dalip.photos.decode import open_image, to_rgb

__all__ = [
    "Block",
    "Encoder",
    "EncoderManifest",
    "FileEntry",
    "ImageSettings",
    "PhotoSource",
    "TextSettings",
    "available_cpus",
    "open_image",
    "preprocess",
    "read_manifest",
    "to_rgb",
    "verify_bundle",
    "visible_box",
    "write_manifest",
]
