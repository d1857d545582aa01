"""Read, check and write encoder bundles, the folders that `dalip export` makes."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from dalip.encoder.manifest import BUNDLE_FILES, MANIFEST, EncoderManifest, FileEntry
from dalip.errors import BundleError

__all__ = ["check_bundle", "read_checked", "read_manifest", "verify_bundle", "write_manifest"]

_COPY_AGAIN = "copy or export the bundle again"


def write_manifest(folder: Path, manifest: EncoderManifest) -> EncoderManifest:
    """Hash the files of a bundle and write its `manifest.json`, whole or not at all.

    Args:
        folder: Holds the other files of the bundle already.
        manifest: What to write; its `files` are replaced.

    Returns:
        The manifest as written.

    Raises:
        BundleError: A file of the bundle is missing or cannot be read or written.
    """
    folder = Path(folder)
    try:
        contents = {name: (folder / name).read_bytes() for name in BUNDLE_FILES}
        files = {name: FileEntry(_sha256(content), len(content)) for name, content in contents.items()}
        written = replace(manifest, files=files)
        draft = folder / f"{MANIFEST}.new"
        draft.write_text(written.to_json(), encoding="utf-8")
        os.replace(draft, folder / MANIFEST)  # noqa: PTH105 - the atomic one, by its name
    except OSError as error:
        raise BundleError(
            f"{error.filename}: {error.strerror}; a bundle needs {', '.join(BUNDLE_FILES)}"
        ) from error
    return written


def read_manifest(folder: Path) -> EncoderManifest:
    """Read the manifest of a bundle, without looking at its other files.

    Raises:
        BundleError: The folder or its manifest is missing or wrong.
    """
    path = Path(folder) / MANIFEST
    if not path.parent.is_dir():
        raise BundleError(f"{folder}: no such folder; name the folder of an encoder bundle")
    try:
        return EncoderManifest.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"{path}: no such file, so {folder} is no encoder bundle; name a folder that `dalip export` wrote"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: cannot be read ({error}); {_COPY_AGAIN}") from error
    except BundleError as error:
        raise BundleError(f"{path}: {error}" + ("" if "; " in str(error) else f"; {_COPY_AGAIN}")) from error


def check_bundle(folder: Path) -> EncoderManifest:
    """Check a bundle at the cost of a glance: the manifest, and presence, size and first bytes of its files.

    Returns:
        The manifest.

    Raises:
        BundleError: Something is missing or wrong; the message names the file.
    """
    manifest = read_manifest(folder)
    for name, entry in manifest.files.items():
        path = Path(folder) / name
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                head = file.read(1)
        except OSError as error:
            raise BundleError(f"{path}: {error.strerror}, but {MANIFEST} names it; {_COPY_AGAIN}") from error
        if size != entry.size:
            raise BundleError(f"{path}: has {size} bytes where {MANIFEST} says {entry.size}; {_COPY_AGAIN}")
        # An ONNX file is a protobuf message whose first field, number 1, is the format's version.
        if name.endswith(".onnx") and head != b"\x08":
            raise BundleError(f"{path}: is not an ONNX file; {_COPY_AGAIN}")
    return manifest


def verify_bundle(folder: Path) -> EncoderManifest:
    """Check a bundle in full: what `check_bundle` checks, and the hash of each file.

    Returns:
        The manifest.

    Raises:
        BundleError: Something is missing or wrong; the message names the file.
    """
    manifest = check_bundle(folder)
    for name in manifest.files:
        read_checked(folder, manifest, name)
    return manifest


def read_checked(folder: Path, manifest: EncoderManifest, name: str) -> bytes:
    """Read one file of a bundle and check its hash, which takes about a millisecond for 2 MB.

    Raises:
        BundleError: The file cannot be read, or a byte of it was changed.
    """
    path = Path(folder) / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}; {_COPY_AGAIN}") from error
    if _sha256(content) != manifest.files[name].sha256:
        raise BundleError(f"{path}: was changed, its SHA-256 is not the one in {MANIFEST}; {_COPY_AGAIN}")
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
