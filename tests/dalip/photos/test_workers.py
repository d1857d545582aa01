"""Worker processes for the photos of strangers: a fault of a decoder costs one photo, and the others go on."""

import ctypes
import io
import os
import pickle
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hostile_images import photo
from PIL import Image
from wording import refuses, said

from dalip.errors import ImageError
from dalip.photos import HEAVY_PLACES, decode_in_workers, open_image, read_details, small_copy
from dalip.photos.formats.cost import HEAVY, STRANGERS
from dalip.photos.workers import in_worker

SECONDS = 2


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    stream = io.BytesIO()
    (image or photo()).save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


PHOTO = encoded("JPEG")
HEAVY_PHOTO = encoded("WEBP", Image.new("RGB", (5000, 3000)))
"""It takes 240 MB."""


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with decode_in_workers(SECONDS, SECONDS):
        yield


def processes() -> set[psutil.Process]:
    code = "from dalip.photos.workers import work"
    found = set()
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            found |= {child} if code in " ".join(child.cmdline()) else set()
    return found


def test_photos_are_the_same_as_without_workers(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(PHOTO)
    expected = Image.open(io.BytesIO(PHOTO)).convert("RGB")
    for source in (PHOTO, path, str(path), io.BytesIO(PHOTO)):
        image = open_image(source)
        assert (image.tobytes(), image.info) == (expected.tobytes(), {"size": (96, 64)})
    assert open_image(encoded("PNG", photo(1200, 900)), target=100).size == (300, 225)
    assert small_copy(PHOTO).startswith(b"\xff\xd8")
    assert read_details(PHOTO).event_date == ""


def test_every_reader_of_photos_runs_in_another_process() -> None:
    assert in_worker(os.getpid) in {process.pid for process in processes()}


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("no photo")
    with refuses(ImageError, match=r"text\.jpg: the file is not an image"):
        open_image(path)
    with refuses(ImageError, match=r"missing\.jpg: no such file"):
        open_image(tmp_path / "missing.jpg")


def test_a_crash_costs_one_photo() -> None:
    for function, arguments in ((os.abort, ()), (os._exit, (0,)), (ctypes.string_at, (1,))):
        with refuses(ImageError, match="made its decoder crash"):
            in_worker(function, *arguments)
        assert open_image(PHOTO).size == (96, 64)


class Trap:
    """Runs a command in the process that loads it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.path,)


def trap(path: str) -> Trap | str:
    return Trap(path) if path else "no trap"


def allocate(size: int) -> int:
    return len(bytearray(size))


def test_a_decoder_that_was_taken_over_runs_nothing_in_the_server(tmp_path: Path) -> None:
    assert in_worker(trap, "") == "no trap"
    with refuses(ImageError, match="made its decoder crash"):
        in_worker(trap, str(tmp_path / "made"))
    assert not (tmp_path / "made").exists()
    assert open_image(PHOTO)


def test_a_decoder_that_hangs_is_stopped() -> None:
    with refuses(ImageError, match=f"longer than {SECONDS} seconds"):
        in_worker(time.sleep, 1000)
    assert open_image(PHOTO).size == (96, 64)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_a_decoder_that_takes_too_much_memory_is_refused() -> None:
    assert in_worker(allocate, 100_000_000) == 100_000_000
    for size in (2 * HEAVY.memory + 300_000_000, 10**12):
        with refuses(ImageError, match="needs more memory"):
            in_worker(allocate, size)
    assert open_image(PHOTO).size == (96, 64)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_an_idle_worker_that_was_killed_costs_nothing(number: int) -> None:
    for process in processes():
        process.send_signal(number)
        process.wait()
    for content in (PHOTO, HEAVY_PHOTO, PHOTO):
        assert open_image(content, target=20).mode == "RGB"


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(
    ("number", "cause"), [(signal.SIGKILL, "decoder crash"), (signal.SIGSTOP, "longer than")]
)
def test_a_busy_worker_that_was_killed_or_stopped_is_replaced(number: int, cause: str) -> None:
    errors: list[ImageError] = []

    def wait() -> None:
        try:
            in_worker(time.sleep, 1000)
        except ImageError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    before = {process.pid for process in processes()}
    thread.start()
    assert open_image(PHOTO).size == (96, 64)  # in another worker, or in the same one before
    for process in processes():
        if process.pid in before:
            process.send_signal(number)
    thread.join()
    assert len(errors) == 1
    assert cause in said(errors[0])
    for _ in before:  # those that were idle are noticed when they are used
        with suppress(ImageError):
            open_image(PHOTO)
        with suppress(ImageError):
            open_image(HEAVY_PHOTO, target=20)
    assert open_image(PHOTO).size == (96, 64)
    assert open_image(HEAVY_PHOTO, target=20).mode == "RGB"


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_stopped_worker_does_not_block_who_sends_a_large_photo() -> None:
    for process in processes():
        process.send_signal(signal.SIGSTOP)
    with refuses(ImageError, match="longer than"):
        open_image(PHOTO + bytes(20_000_000))
    for process in processes():
        process.kill()
        process.wait()


def test_a_worker_that_cannot_be_replaced_at_once_is_replaced_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/no/python")
        for _ in range(10):
            with refuses(ImageError, match="decoder crash"):
                in_worker(os.abort)
    assert open_image(PHOTO).size == (96, 64)


def test_a_request_that_is_sent_in_part_does_not_damage_the_next_one() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        in_worker(len, bytes(1_000_000), lambda: 0)
    for _ in range(10):
        assert open_image(PHOTO).size == (96, 64)


def test_a_heavy_photo_makes_no_light_one_wait() -> None:
    done: list[str] = []
    turn = threading.Event()

    def heavy() -> None:
        turn.set()
        open_image(HEAVY_PHOTO, target=100)
        done.append("heavy")

    thread = threading.Thread(target=heavy)
    thread.start()
    turn.wait()
    while thread.is_alive() and "light" not in done:
        open_image(PHOTO)
        done.append("light")
    thread.join()
    assert done[0] == "light"


def test_only_a_few_heavy_photos_may_wait() -> None:
    kinds: list[str] = []

    def heavy() -> None:
        try:
            open_image(HEAVY_PHOTO, target=100)
            kinds.append("read")
        except ImageError as error:
            kinds.append(error.kind)

    threads = [threading.Thread(target=heavy) for _ in range(3 * HEAVY_PLACES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(kinds) == {"read", "image-busy"}
    assert kinds.count("read") >= HEAVY_PLACES


def test_strangers_have_lower_limits() -> None:
    webp = encoded("WEBP", Image.new("RGB", (7000, 5000)))
    with refuses(ImageError, match=f"limit of {STRANGERS.memory // 10**6} MB"):
        open_image(webp, target=100)


def test_decoded_photos_of_strangers_take_little_memory_of_the_server() -> None:
    palette = encoded("GIF", Image.new("P", (6000, 6000)))
    assert open_image(palette, target=100).size == (200, 200)
    narrow = encoded("PNG", Image.new("L", (1_000_000, 60)))
    with refuses(ImageError, match="memory"):
        open_image(narrow, target=100)


def test_no_worker_outlives_its_server() -> None:
    with decode_in_workers():
        assert open_image(PHOTO).size == (96, 64)
        inside = processes()
    assert not [process for process in inside - processes() if process.is_running()]


def test_no_other_code_opens_images() -> None:
    """Otherwise a photo on a public page could be decoded in the server itself."""
    root = Path(__file__).parents[3]
    modules = [path for name in ("dalip", "index", "app", "assets") for path in (root / name).rglob("*.py")]
    assert len(modules) > 100
    opens = re.compile(r"Image\.open\(|ImagePlugin|pillow_heif|import_module\(.PIL")
    found = {path.relative_to(root).as_posix() for path in modules if opens.search(path.read_text())}
    assert found == {"dalip/photos/formats/plugins.py", "dalip/quiet.py"}
