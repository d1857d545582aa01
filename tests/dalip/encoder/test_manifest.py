"""Manifests survive a round trip, and for a bundle that differs from its manifest, the error names the file."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoilt_json import spoil
from tiny_bundle import write_tiny_bundle
from wording import refuses, said

from dalip.encoder import (
    Block,
    Encoder,
    EncoderManifest,
    FileEntry,
    ImageSettings,
    TextSettings,
    read_manifest,
    verify_bundle,
    write_manifest,
)
from dalip.encoder.manifest import BUNDLE_FILES
from dalip.errors import BundleError
from dalip_assets import ENCODER


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "bundle"))


def edit(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = bundle / "manifest.json"
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


positive = st.integers(1, 1000)
number = st.floats(-10, 10)
channels = st.tuples(number, number, number)
texts = st.text(max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
entries = st.builds(FileEntry, sha256=st.binary(min_size=32, max_size=32).map(bytes.hex), size=positive)
manifests = st.builds(
    EncoderManifest,
    name=texts,
    image=st.builds(
        ImageSettings,
        size=positive,
        mean=channels,
        std=st.tuples(*[st.floats(0.01, 10)] * 3),
        resize_mode=st.sampled_from(["shortest", "squash"]),
        interpolation=st.sampled_from(["bicubic", "bilinear"]),
    ),
    text=st.builds(TextSettings, context_length=positive, pad_id=st.integers(0, 100_000)),
    embed_dim=positive,
    blocks=st.tuples(positive, positive, st.floats(0, 1)).map(
        lambda b: (Block("first_order", b[0], b[2]), Block("second_order", b[1], 1 - b[2]))
    ),
    patch_grid=st.tuples(positive, positive),
    appearance_width=positive,
    opset=positive,
    precision=texts,
    files=st.fixed_dictionaries(dict.fromkeys(BUNDLE_FILES, entries)),
    trained_on=st.lists(texts, max_size=3).map(tuple),
    terms=texts,
    created_by=texts,
    details=st.dictionaries(texts, json_values, max_size=3),
)


@given(manifests)
def test_json_round_trip(manifest: EncoderManifest) -> None:
    again = EncoderManifest.from_json(manifest.to_json())
    assert again == manifest
    assert again.fingerprint == manifest.fingerprint


@given(manifests, st.data())
def test_any_other_json_is_a_manifest_or_a_bundle_error(
    manifest: EncoderManifest, data: st.DataObject
) -> None:
    fields = json.loads(manifest.to_json())
    del fields["fingerprint"]
    spoil(fields, data, json_values)
    with suppress(BundleError):
        assert EncoderManifest.from_json(json.dumps(fields)).width > 0


@given(st.text(max_size=50) | json_values.map(json.dumps))
def test_other_strings_are_refused(text: str) -> None:
    with pytest.raises(BundleError):
        EncoderManifest.from_json(text)


def test_deeply_nested_json_is_refused() -> None:
    with pytest.raises(BundleError):
        EncoderManifest.from_json("[" * 200_000)


def test_write_and_read_return_the_same_manifest(bundle: Path) -> None:
    written = write_manifest(bundle, replace(read_manifest(bundle), name="renamed", files={}))
    assert written == read_manifest(bundle) == verify_bundle(bundle)
    assert set(written.files) == set(BUNDLE_FILES)
    assert sorted(p.name for p in bundle.iterdir()) == sorted(["manifest.json", *BUNDLE_FILES])


def test_copies_share_their_fingerprint_and_others_do_not(whole: Path, bundle: Path, tmp_path: Path) -> None:
    original = read_manifest(whole).fingerprint
    renamed = write_manifest(bundle, replace(read_manifest(bundle), name="renamed", terms="other"))
    assert renamed.fingerprint == original
    assert read_manifest(write_tiny_bundle(tmp_path / "again")).fingerprint == original
    assert read_manifest(write_tiny_bundle(tmp_path / "other", seed=1)).fingerprint != original
    # Different preprocessing gives different embeddings from the same files.
    bigger = replace(renamed, image=replace(renamed.image, resize_mode="squash"))
    assert write_manifest(bundle, bigger).fingerprint != original


def test_writing_needs_the_files(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    (bundle / "text_encoder.onnx").unlink()
    with refuses(BundleError, match=r"text_encoder\.onnx"):
        write_manifest(bundle, manifest)


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_one_changed_byte_is_found_and_the_file_is_named(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    Encoder.load(bundle)  # the quick check does not find it
    for check in (verify_bundle, lambda folder: Encoder.load(folder, verify=True)):
        with refuses(BundleError, match=rf"{name}: the file was changed"):
            check(bundle)


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_a_missing_or_truncated_file_is_found_by_the_quick_check(bundle: Path, name: str) -> None:
    content = (bundle / name).read_bytes()
    (bundle / name).write_bytes(content[:-1])
    with refuses(BundleError, match=rf"{name}: the file size is {len(content) - 1:,} bytes"):
        Encoder.load(bundle)
    (bundle / name).unlink()
    with refuses(BundleError, match=rf"{name}: the file cannot be read \(No such file"):
        Encoder.load(bundle)


def test_a_wrong_file_type_is_found_by_the_quick_check(bundle: Path) -> None:
    path = bundle / "image_encoder.onnx"
    path.write_bytes(b"<html>".ljust(path.stat().st_size))
    with refuses(BundleError, match=r"image_encoder\.onnx: this is not an ONNX file"):
        Encoder.load(bundle)


def test_a_missing_folder_or_manifest(tmp_path: Path) -> None:
    with refuses(BundleError, match="nowhere: no such folder"):
        Encoder.load(tmp_path / "nowhere")
    with refuses(BundleError, match=r"manifest\.json: no such file"):
        Encoder.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'"text"', b"null"])
def test_a_file_that_is_not_a_manifest(bundle: Path, content: bytes) -> None:
    (bundle / "manifest.json").write_bytes(content)
    with refuses(BundleError, match=r"manifest\.json: .*; copy or export"):
        Encoder.load(bundle)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda m: m.update(format_version=3), "format version 3.*upgrade DALIP"),
        (lambda m: m.pop("format_version"), "there is no valid format_version"),
        (lambda m: m.update(format_version="1"), "there is no valid format_version"),
        (lambda m: m.pop("blocks"), "the field blocks is missing"),
        (lambda m: m["image"].pop("size"), r"required field `size` - at `\$\.image`"),
        (lambda m: m["image"].update(size="224"), r"`int`, got `str` - at `\$\.image\.size`"),
        (lambda m: m["image"].update(size=True), r"`int`, got `bool` - at `\$\.image\.size`"),
        (lambda m: m["image"].update(size=10**9), r"image\.size must be between 1 and 4,096"),
        (lambda m: m["image"].update(std=[1, 1, 0]), r"image\.std must be greater than 0"),
        (lambda m: m["image"].update(std=[1, 1]), r"length 3 - at `\$\.image\.std`"),
        (
            lambda m: m["image"].update(mean=[0, 0, float("nan")]),
            "cannot be read as JSON .*byte",
        ),  # JSON has no NaN
        (lambda m: m["image"].update(mean=[0, 0, 10**400]), r"out of range - at `\$\.image\.mean\[2\]`"),
        (
            lambda m: m["image"].update(resize_mode="crop"),
            r"'crop' - at `\$\.image\.resize_mode`",
        ),
        (lambda m: m["blocks"][0].update(weight=0.9), "weights in blocks sum to 1.3 instead of 1"),
        (lambda m: m.update(blocks=[]), "the list blocks is empty"),
        (lambda m: m["files"].pop("tokenizer.json"), r"the field files\.tokenizer\.json is missing"),
        (
            lambda m: m["files"].update({"../x": {"sha256": "0" * 64, "size": 1}}),
            r"\.\./x, .* not a file of an encoder bundle",
        ),
        (lambda m: m["files"]["tokenizer.json"].update(sha256="12"), "64 hexadecimal digits"),
        (lambda m: m.update(fingerprint="0" * 64), "fingerprint"),
        (lambda m: m["image"].update(mean=[0.4, 0.5, 0.5]), "fingerprint"),
    ],
)
def test_a_wrong_manifest_is_refused_by_field(
    bundle: Path, change: Callable[[dict[str, Any]], object], cause: str
) -> None:
    edit(bundle, change)
    with refuses(BundleError, match=cause) as caught:
        Encoder.load(bundle)
    assert said(caught.value).startswith(str(bundle / "manifest.json"))
    assert "; " in said(caught.value)


@pytest.mark.parametrize("field", sorted(f.name for f in fields(EncoderManifest)))
def test_a_manifest_has_all_fields(bundle: Path, field: str) -> None:
    edit(bundle, lambda m: m.pop(field))
    with refuses(BundleError, match=rf"manifest\.json: .*\b{field}\b.*; copy or export"):
        Encoder.load(bundle)


def test_the_built_in_manifest_is_rewritten_unchanged() -> None:
    assert read_manifest(ENCODER).to_json().encode() == (ENCODER / "manifest.json").read_bytes()


def test_unknown_fields_are_ignored(bundle: Path) -> None:
    edit(bundle, lambda m: m.update(colour="green"))
    assert Encoder.load(bundle).manifest.name == "tiny-0"
