"""Versions of a flora: the write lock, manifest checks, and cleanup of leftovers."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from wording import refuses

from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip.taxonomy import Taxon
from dalip_index import build_flora, undo_change
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.versions import CURRENT, check_target, current_version, new_version

EARLIER = Path(__file__).parents[1] / "earlier" / "flora-3"

_HOLD = """
import sys, time
from pathlib import Path
from dalip_index.store.versions import new_version
with new_version(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(3600)
"""


def test_two_writers_exclude_each_other(tmp_path: Path, encoder: Encoder, taxa: list[Taxon]) -> None:
    path = tmp_path / "flora"
    build_flora(path, encoder, taxa)
    with new_version(path):
        for change in (lambda: build_flora(path, encoder, taxa), lambda: undo_change(path)):
            with refuses(
                FloraError, match=r"flora: (another process|process \d+) is changing this flora; wait until"
            ):
                change()
            with ThreadPoolExecutor() as pool:
                assert isinstance(pool.submit(change).exception(), FloraError)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_writer_does_not_block_others(tmp_path: Path, encoder: Encoder, taxa: list[Taxon]) -> None:
    path = tmp_path / "flora"
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    with refuses(FloraError, match=f"process {process.pid} is changing this flora"):
        build_flora(path, encoder, taxa)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (path / ".CURRENT.draft").write_text("v0")  # as left by a process killed while updating `CURRENT`
    check_target(path)
    build_flora(path, encoder, taxa)
    assert {p.name for p in path.iterdir()} - {".lock"} == {"CURRENT", "v000001"}


def test_a_version_published_during_the_check_is_not_foreign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "v000001").mkdir()
    exists = Path.exists

    def publish(path: Path) -> bool:
        found = exists(path)
        if path.name == CURRENT and not found:  # another process publishes right after this was read
            path.write_text("v000001\n")
        return found

    monkeypatch.setattr(Path, "exists", publish)
    check_target(tmp_path)
    assert exists(tmp_path / CURRENT)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = r"flora: the flora cannot be written: .* cannot be written \(.*\); check the disk and the folder"
    with refuses(FloraError, match=words), new_version(tmp_path / "file" / "flora"):
        pass
    with refuses(FloraError, match="file: this is a file; choose a folder for the flora"):
        check_target(tmp_path / "file")


def test_manifest_round_trip(tmp_path: Path) -> None:
    read = FloraManifest.load(current_version(EARLIER))
    read.save(tmp_path)
    assert FloraManifest.load(tmp_path) == read
    assert read.format_version == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.pop("photos"), r"damaged \(.*missing required field `photos`"),
        (lambda m: m["counts"].pop("taxa"), r"damaged \(.*missing required field `taxa` - at `\$\.counts`"),
        (
            lambda m: m["counts"].update(taxa="3"),
            r"damaged \(Expected `int`, got `str` - at `\$\.counts\.taxa`",
        ),
        (lambda m: m["files"].update(x=1), r"damaged \(Expected `object`, got `int` - at `\$\.files"),
        (lambda m: m.update(selection=None), r"damaged \(Expected `object`, got `null` - at `\$\.selection`"),
        (
            lambda m: m.update(format_version=5),
            "the flora has format 5, but .* needs format 4; build the flora again, or upgrade DALIP if a newer",
        ),
        (lambda m: m.update(format_version="3"), r"damaged \(Expected `int \| null`, got `str`"),
        (lambda m: m.pop("format_version"), "format None, but .* needs format 4"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, change: Any, words: str) -> None:
    content = json.loads((current_version(EARLIER) / "manifest.json").read_bytes())
    change(content)
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with refuses(FloraError, match=rf"manifest\.json: .*{words}"):
        FloraManifest.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_file_that_is_not_a_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    with refuses(FloraError, match=r"manifest\.json: the file is missing; build the flora again"):
        FloraManifest.load(tmp_path)
    (tmp_path / "manifest.json").write_bytes(content)
    with refuses(FloraError, match=r"manifest\.json: the file is damaged \(.*\); build the flora again"):
        FloraManifest.load(tmp_path)


def test_numbers_and_fields_from_a_later_dalip_are_accepted(tmp_path: Path) -> None:
    content = json.loads((current_version(EARLIER) / "manifest.json").read_bytes())
    content["more"] = 1
    content["selection"]["both"] = {"top1": 1, "top5": 1}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    assert FloraManifest.load(tmp_path) == FloraManifest.load(current_version(EARLIER))
