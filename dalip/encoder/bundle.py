"""Read, check and write encoder bundles, the folders that `dalip export` creates."""

import hashlib
from dataclasses import replace
from pathlib import Path

from dalip.encoder.manifest import (
    BUNDLE_FILES,
    EXTERNAL_DATA,
    FORMAT_VERSION,
    MANIFEST,
    EncoderManifest,
    FileEntry,
)
from dalip.errors import BundleError
from dalip.files import atomic_write

__all__ = [
    "check_bundle",
    "is_bundle",
    "read_checked",
    "read_manifest",
    "verify_bundle",
    "write_manifest",
]


def is_bundle(folder: Path) -> bool:
    """Return whether a folder contains an exported encoder."""
    return (folder / MANIFEST).is_file()


def write_manifest(folder: Path, manifest: EncoderManifest) -> EncoderManifest:
    """Hash the files of a bundle and write its `manifest.json` atomically.

    Args:
        folder: Already contains the other files of the bundle.
        manifest: What to write; its `files` are replaced.

    Returns:
        The manifest as written.

    Raises:
        BundleError: A file of the bundle is missing or cannot be read or written.
    """
    folder = Path(folder)
    try:
        data = [name for name in EXTERNAL_DATA.values() if (folder / name).exists()]
        files = {name: _entry(folder / name) for name in (*BUNDLE_FILES, *data)}
        written = replace(manifest, files=files, format_version=FORMAT_VERSION)
        with atomic_write(folder / MANIFEST) as draft:
            draft.write_text(written.to_json(), encoding="utf-8")
    except OSError as error:
        source = error.filename or folder
        raise BundleError(
            "bundle-not-written", source=source, cause=error.strerror, needed=BUNDLE_FILES
        ) from error
    return written


def read_manifest(folder: Path) -> EncoderManifest:
    """Read the manifest of a bundle, without looking at its other files.

    Raises:
        BundleError: The folder or its manifest is missing or wrong.
    """
    path = Path(folder) / MANIFEST
    if not path.parent.is_dir():
        raise BundleError("bundle-folder-missing", source=folder)
    try:
        return EncoderManifest.from_json(path.read_bytes())
    except FileNotFoundError:
        raise BundleError("bundle-without-manifest", source=path) from None
    except OSError as error:
        raise BundleError("bundle-file-not-read", source=path, cause=error.strerror) from error
    except BundleError as error:
        raise error.about(path) from None


def check_bundle(folder: Path) -> EncoderManifest:
    """Check a bundle quickly: the manifest, and the presence, size and first byte of each file.

    Returns:
        The manifest.

    Raises:
        BundleError: A file is missing or wrong; the error names it.
    """
    manifest = read_manifest(folder)
    for name, entry in manifest.files.items():
        path = Path(folder) / name
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                head = file.read(1)
        except OSError as error:
            raise BundleError("bundle-file-not-read", source=path, cause=error.strerror) from error
        if size != entry.size:
            raise BundleError("bundle-file-size", source=path, size=size, wanted=entry.size)
        # An ONNX file is a protobuf message whose first field, number 1, is the format version.
        if name.endswith(".onnx") and head != b"\x08":
            raise BundleError("bundle-file-not-onnx", source=path)
    return manifest


def verify_bundle(folder: Path) -> EncoderManifest:
    """Check a bundle in full: everything that `check_bundle` checks, and the hash of each file.

    Returns:
        The manifest.

    Raises:
        BundleError: A file is missing or wrong; the error names it.
    """
    manifest = check_bundle(folder)
    for name in manifest.files:
        _check_hash(folder, manifest, name)
    return manifest


def _check_hash(folder: Path, manifest: EncoderManifest, name: str) -> None:
    """Check the hash of one file of a bundle without keeping its content, which takes about a second for 1 GB.

    Raises:
        BundleError: The file cannot be read, or has changed.
    """
    path = Path(folder) / name
    try:
        changed = _entry(path).sha256 != manifest.files[name].sha256
    except OSError as error:
        raise BundleError("bundle-file-not-read", source=path, cause=error.strerror) from error
    if changed:
        raise BundleError("bundle-file-changed", source=path)


def read_checked(folder: Path, manifest: EncoderManifest, name: str) -> bytes:
    """Read one file of a bundle and check its hash, which takes about a millisecond for 2 MB.

    A graph may have its weights in the file of `EXTERNAL_DATA`, which is then also checked, and in no other one.

    Raises:
        BundleError: A file cannot be read or has changed, or the graph refers to another file.
    """
    path = Path(folder) / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError("bundle-file-not-read", source=path, cause=error.strerror) from error
    if hashlib.sha256(content).hexdigest() != manifest.files[name].sha256:
        raise BundleError("bundle-file-changed", source=path)
    if outside := content.count(_LOCATION):
        data = EXTERNAL_DATA.get(name, "")
        if data not in manifest.files or content.count(_LOCATION + _protobuf_value(data)) != outside:
            raise BundleError("bundle-data-elsewhere", source=path)
        _check_hash(folder, manifest, data)
    return content


_LOCATION = b"\x0a\x08location"
"""Begins the entry of a tensor in an ONNX file that names the file with its values (field 1 of a protobuf message)."""


def _protobuf_value(text: str) -> bytes:
    """Return a text shorter than 128 bytes as field 2 of a protobuf message."""
    return b"\x12" + bytes([len(text)]) + text.encode()


def _entry(path: Path) -> FileEntry:
    with path.open("rb") as file:
        return FileEntry(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)
