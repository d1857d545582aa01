"""The encoder returns the same unit vectors for every kind of input, and continues after unreadable photos."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hostile_images import READABLE, UNREADABLE, photo, write_hostile_images
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny_bundle import COLOURS, CONTEXT, DIM, GRID, write_tiny_bundle

from dalip.cpus import available_cpus
from dalip.encoder import Encoder
from dalip.errors import DataError, ImageError
from dalip.photos import open_image

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")  # of odd photos


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), verify=True)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_hostile_images(tmp_path_factory.mktemp("hostile") / "made")


def plain(colour: str, size: tuple[int, int] = (80, 60)) -> Image.Image:
    return Image.new("RGB", size, COLOURS[colour])


def test_colours_match_their_names(encoder: Encoder) -> None:
    photos = encoder.encode_images([plain(colour) for colour in COLOURS])
    texts = encoder.encode_text([f"a photo of a {colour} flower" for colour in COLOURS])
    assert photos.shape == texts.shape == (len(COLOURS), encoder.width)
    assert photos.dtype == texts.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(photos, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    assert (photos @ texts.T).argmax(axis=1).tolist() == list(range(len(COLOURS)))


def test_empty_input_returns_no_rows(encoder: Encoder) -> None:
    assert encoder.encode_images([]).shape == (0, encoder.width)
    assert encoder.encode_text([]).shape == (0, encoder.width)
    assert list(encoder.encode_files([])) == []


def test_batches_do_not_change_the_answer(encoder: Encoder) -> None:
    photos = [plain(colour) for colour in COLOURS] * 4
    together = encoder.encode_images(photos)
    np.testing.assert_allclose(
        np.concatenate([encoder.encode_images([p]) for p in photos]), together, atol=1e-6
    )
    texts = [*COLOURS, "a much longer text that makes the others need padding"] * 8
    singly = np.concatenate([encoder.encode_text([text]) for text in texts])
    np.testing.assert_allclose(encoder.encode_text(texts), singly, atol=1e-6)


def test_appearance_follows_the_embedding(encoder: Encoder) -> None:
    photos = [plain(colour) for colour in COLOURS]
    found = np.stack([row for _, row in encoder.encode_files(photos, appearance=True)])
    assert found.shape == (len(COLOURS), encoder.width + encoder.appearance_width)
    np.testing.assert_array_equal(found[:, : encoder.width], encoder.encode_images(photos))
    np.testing.assert_allclose(np.linalg.norm(found[:, encoder.width :], axis=1), 1, atol=1e-4)


def test_patches_match_the_positions_of_the_colours(encoder: Encoder) -> None:
    image = plain("red", (70, 70))
    image.paste(COLOURS["blue"], (0, 40, 70, 70))
    patches = encoder.encode_patches(image)
    assert patches.shape == (GRID, GRID, DIM)
    np.testing.assert_allclose(np.linalg.norm(patches, axis=-1), 1, atol=1e-5)
    red = encoder.encode_text(["red"])[0, :DIM]
    similarity = patches @ (red / np.linalg.norm(red))
    assert (similarity[:3] > similarity[5:].max()).all()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "x" * 100_000,
        "poppy " * 20_000,
        "罂粟花 мак خشخاش 🌺",
        "a\0b\n\t",
        "\udcff\ud800",
        "e\u0301" * 50,
    ],
)
def test_any_text_has_an_embedding(encoder: Encoder, text: str) -> None:
    embedding = encoder.encode_text([text, "red"])
    assert np.isfinite(embedding).all()
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4))
def test_tokens_fit_the_context(encoder: Encoder, texts: list[str]) -> None:
    ids, mask = encoder._text_tokens()(texts)
    assert ids.shape == mask.shape
    assert ids.dtype == mask.dtype == np.int64
    assert ids.shape[1] <= CONTEXT
    assert mask.sum(axis=1).max() == ids.shape[1]
    assert (ids[mask == 0] == encoder.manifest.text.pad_id).all()


def test_input_that_is_not_text_is_refused(encoder: Encoder) -> None:
    with pytest.raises(TypeError, match="must be a string, not int"):
        encoder.encode_text(["red", 3])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="list of strings"):
        encoder.encode_text("red")


def test_files_are_returned_in_order_with_errors_in_place(encoder: Encoder, paths: dict[str, Path]) -> None:
    names = sorted(paths)
    results = list(encoder.encode_files((paths[name] for name in names), batch_size=3))
    assert [source for source, _ in results] == [paths[name] for name in names]
    for name, (path, result) in zip(names, results, strict=True):
        if name in UNREADABLE:
            assert isinstance(result, ImageError)
            assert str(result).startswith(str(path))
        else:
            expected = encoder.encode_images([open_image(path, target=encoder.manifest.image.size)])[0]
            np.testing.assert_allclose(result, expected, atol=1e-6)
    assert set(names) >= set(READABLE)


def test_a_rotated_photo_has_the_same_embedding(encoder: Encoder, paths: dict[str, Path]) -> None:
    results = dict(encoder.encode_files([paths["jpeg"], paths["rotated"]]))
    assert np.dot(results[paths["jpeg"]], results[paths["rotated"]]) > 0.9999


def test_sources_of_every_kind(encoder: Encoder, paths: dict[str, Path]) -> None:
    path = paths["png"]

    def broken() -> bytes:
        raise DataError("a-kind", source="shard.tar", place=3)

    sources = [path, str(path), path.read_bytes(), open_image(path), path.read_bytes, lambda: path, broken]
    results = [result for _, result in encoder.encode_files(sources)]
    for result in results[:-1]:
        np.testing.assert_allclose(result, results[0], atol=1e-6)
    assert isinstance(results[-1], ImageError)
    error = results[-1]
    assert (error.kind, error.source, error.facts) == ("a-kind", "shard.tar", {"place": 3})


def test_few_photos_are_read_ahead_and_stopping_early_is_fine(encoder: Encoder) -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield photo()

    answers = encoder.encode_files(endless(), batch_size=4)  # type: ignore[arg-type]
    for _ in range(10):
        next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert taken <= 12 + 2 * 4 + available_cpus() + 1
    assert not any(t.name.startswith("dalip-photo") and not t.daemon and t.is_alive() for t in _settled())


def _settled() -> list[threading.Thread]:
    threads = [t for t in threading.enumerate() if t.name.startswith("dalip-photo")]
    for thread in threads:
        thread.join(timeout=600)
    return threads


def test_one_encoder_serves_many_threads(tmp_path: Path) -> None:
    encoder = Encoder.load(write_tiny_bundle(tmp_path))
    expected = Encoder.load(tmp_path).encode_images([photo()])
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: (encoder.encode_images([photo()]), encoder.encode_text(["red"])), range(32))
        )
    for image, text in answers:
        np.testing.assert_array_equal(image, expected)
        np.testing.assert_array_equal(text, answers[0][1])


def test_identifying_loads_neither_torch_nor_the_text_encoder(
    encoder: Encoder, paths: dict[str, Path]
) -> None:
    script = (
        "import sys\n"
        "from dalip.encoder import Encoder\n"
        "unused = {'torch', 'tokenizers', 'pillow_heif', 'transformers', 'PIL.TiffImagePlugin'}\n"
        "assert not (unused | {'onnxruntime'}) & set(sys.modules), sys.modules.keys()\n"
        "encoder = Encoder.load(sys.argv[1])\n"
        "[(_, embedding)] = encoder.encode_files(sys.argv[2:])\n"
        "assert embedding.shape == (encoder.width,)\n"
        "assert encoder._text_session is None\n"
        "assert not unused & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", script, str(encoder.folder), str(paths["jpeg"])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


@pytest.mark.parametrize("before", [None, "0"])
def test_onnxruntime_is_imported_silently_and_reports_nothing(tmp_path: Path, before: str | None) -> None:
    (tmp_path / "onnxruntime.py").write_text(
        "import os\nos.write(2, b'no graphics card')\nprint(os.environ['ORT_DISABLE_TELEMETRY'])\n"
        "set_default_logger_severity = disable_telemetry_events = lambda *level: None\n"
    )
    script = (
        "import os; from dalip.encoder import sessions; sessions._onnxruntime()\n"
        "print(os.environ.get('ORT_DISABLE_TELEMETRY')); os.write(2, b'after')"
    )
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment |= {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    environment |= {"ORT_DISABLE_TELEMETRY": before} if before else {}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, check=True)
    assert (done.stdout.split(), done.stderr) == (["1", str(before)], "after")


def test_import_and_use_do_not_change_the_process(encoder: Encoder, paths: dict[str, Path]) -> None:
    script = (
        "import logging, os, sys, warnings\n"
        "import numpy, PIL.Image\n"
        "def state(): return dict(os.environ), list(warnings.filters), dict(vars(logging.getLogger('PIL')))\n"
        "before = state()\n"
        "from dalip.encoder import Encoder\n"
        "import dalip.evaluation, dalip.photos\n"
        "assert state() == before, 'after the import'\n"
        "encoder = Encoder.load(sys.argv[1])\n"
        "[(_, embedding)] = encoder.encode_files(sys.argv[2:])\n"
        "encoder.encode_text(['red', 'a red flower'])\n"
        "assert state() == before, 'after its use'\n"
        "if hasattr(os, 'fork') and not os.fork(): os._exit(0)\n"  # warns if tokenizers ran in threads
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "TOKENIZERS_"))}
    command = [sys.executable, "-c", script, str(encoder.folder), str(paths["jpeg"])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = write_tiny_bundle(tmp_path / "one"), write_tiny_bundle(tmp_path / "two")
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()
