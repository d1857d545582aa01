"""Atomic writes, file locks that end with their process, and JSON round trips."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoilt_json import spoil

from dalip.errors import DalipError, FloraError
from dalip.files import atomic_write, flush_to_disk, from_json, hold_lock, to_json

# Writes a file in a process that is killed at its first line, then at its second, and so on, until one run finishes.
_KILLED_AT_EVERY_LINE = """
import os, signal, sys
from pathlib import Path
from dalip import files

path, durable = Path(sys.argv[1]), sys.argv[2] == "durable"

def write():
    with files.atomic_write(path, durable=durable) as draft:
        with draft.open("wb", buffering=0) as file:
            for _ in range(3):
                file.write(b"new" * 1000)

def trace(frame, event, argument):
    global left
    if frame.f_code.co_filename not in (files.__file__, "<string>"):
        return None
    left -= event == "line"
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return trace

step, ended = 0, False
while not ended:
    path.write_bytes(b"old" * 1000)
    child = os.fork()
    if not child:
        left = step
        sys.settrace(trace)
        write()
        sys.settrace(None)
        os._exit(0)
    ended = os.waitpid(child, 0)[1] == 0
    print(path.read_bytes()[:3].decode(), len(path.read_bytes()), flush=True)
    step += 1
"""

# Holds a lock until it is told to end.
_HOLDER = """
import sys
from pathlib import Path
from dalip.errors import DalipError
from dalip.files import hold_lock
with hold_lock(Path(sys.argv[1]), lambda holder: DalipError("busy")):
    print("held", flush=True)
    sys.stdin.read()
"""


def busy(holder: int) -> FloraError:
    return FloraError("flora-busy", holder=holder)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("durable", ["durable", ""])
def test_a_file_is_old_or_new_but_never_partial_if_its_writer_is_killed(tmp_path: Path, durable: str) -> None:
    path = tmp_path / "kept"
    done = subprocess.run(
        [sys.executable, "-c", _KILLED_AT_EVERY_LINE, str(path), durable],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    seen = Counter(done.stdout.splitlines())
    assert set(seen) == {"old 3000", "new 9000"}
    assert seen["old 3000"] > 8
    assert done.stdout.index("new") > done.stdout.rindex("old")
    # The last writer, which was not killed, removed what the others left.
    assert names(tmp_path) == ["kept"]


def write_half(path: Path) -> None:
    with atomic_write(path) as draft:
        draft.write_text("half")
        raise ZeroDivisionError


def test_an_error_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    for kept in ([], ["kept"]):
        with pytest.raises(ZeroDivisionError):
            write_half(path)
        assert names(tmp_path) == kept
        assert not kept or path.read_text() == "old"
        path.write_text("old")


def test_the_draft_is_a_hidden_file_in_the_same_folder(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    with atomic_write(path) as draft:
        assert (draft.parent, draft.name) == (tmp_path, ".kept.json.draft")
        draft.write_text("{}")
    with atomic_write(path, rivals=True) as own:
        assert own.name == f".kept.json.{os.getpid()}.draft"
        own.write_text("[]")
    assert (names(tmp_path), path.read_text()) == (["kept.json"], "[]")


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"), atomic_write(tmp_path / "nowhere" / "kept") as draft:
        draft.write_text("new")
    with pytest.raises(OSError, match="kept"), atomic_write(tmp_path / "kept"):
        pass  # nothing was written


def test_concurrent_writers_do_not_interfere(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom dalip.files import atomic_write\n"
        "for _ in range(200):\n"
        "    with atomic_write(Path(sys.argv[1]), rivals=True) as draft:\n"
        "        draft.write_text(sys.argv[2] * 5000)\n"
    )
    path = tmp_path / "kept"
    path.write_text("a" * 5000)
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in "ab"]
    try:
        while any(writer.poll() is None for writer in writers):
            content = path.read_text()
            assert len(content) == 5000
            assert len(set(content)) == 1
    finally:
        codes = [writer.wait(timeout=600) for writer in writers]
    assert codes == [0, 0]
    assert names(tmp_path) == ["kept"]


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot flush folders")
def test_a_durable_write_is_flushed_before_and_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []

    def fsync(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").resolve().name if Path("/proc/self/fd").is_dir() else ""
        flushed.append((name, (tmp_path / "kept").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_write(tmp_path / "kept", durable=True) as draft:
        draft.write_text("new")
    assert [there for _, there in flushed] == [False, True]
    assert [name for name, _ in flushed if name] in ([], [".kept.draft", tmp_path.name])
    with atomic_write(tmp_path / "kept") as draft:
        draft.write_text("new")
    assert len(flushed) == 2


def test_flushing_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    flush_to_disk(tmp_path)
    with pytest.raises(FileNotFoundError):
        flush_to_disk(tmp_path / "nowhere")


def test_a_lock_is_held_until_its_process_ends_in_any_way(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    for end in (subprocess.Popen.kill, lambda process: process.stdin.close()):
        holder = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(lock)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with holder:
            assert holder.stdout
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(FloraError) as caught, hold_lock(lock, busy):
                pass
            assert caught.value.facts["holder"] == (holder.pid if Path("/proc/self/fd").exists() else 0)
            end(holder)
            holder.wait(timeout=600)
        with hold_lock(lock, busy):
            assert lock.exists()
    assert names(tmp_path) == ["lock"]


def test_one_thread_holds_a_lock(tmp_path: Path) -> None:
    caught: list[DalipError] = []

    def take() -> None:
        try:
            with hold_lock(tmp_path / "lock", busy):
                pass
        except DalipError as error:
            caught.append(error)

    with hold_lock(tmp_path / "lock", busy):
        for _ in range(2):
            thread = threading.Thread(target=take)
            thread.start()
            thread.join()
        take()  # also by the same thread
    assert [error.facts["holder"] for error in caught] == [0, 0, 0]
    take()
    assert len(caught) == 3


def test_an_error_in_the_block_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path / "lock", busy):
        raise ZeroDivisionError
    with hold_lock(tmp_path / "lock", busy):
        pass


def test_a_lock_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"), hold_lock(tmp_path / "file" / "lock", busy):
        pass
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if not os.access(closed, os.W_OK):  # root can write everywhere
        with pytest.raises(PermissionError), hold_lock(closed / "lock", busy):
            pass


@dataclass(frozen=True)
class Part:
    width: int
    weight: float

    def __post_init__(self) -> None:
        if self.width < 0:
            raise FloraError("part-too-narrow", width=self.width)
        if self.weight < 0:
            raise ValueError("weight must be 0 or more")


@dataclass(frozen=True)
class Whole:
    name: str
    kind: Literal["genus", "species"]
    parts: tuple[Part, ...]
    by_name: dict[str, Part]
    first: Part | None = None
    details: dict[str, Any] = field(default_factory=dict)


numbers = st.floats(0, 1e300)
parts = st.builds(Part, width=st.integers(0, 2**70), weight=numbers)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
wholes = st.builds(
    Whole,
    name=st.text(),
    kind=st.sampled_from(["genus", "species"]),
    parts=st.lists(parts, max_size=3).map(tuple),
    by_name=st.dictionaries(st.text(), parts, max_size=3),
    first=st.none() | parts,
    details=st.dictionaries(st.text(), values, max_size=3),
)


@given(wholes)
def test_dataclass_json_round_trip(whole: Whole) -> None:
    text = to_json(whole)
    assert from_json(text, Whole) == from_json(text.encode(), Whole) == whole
    assert text.endswith("}\n")
    fields = json.loads(text)
    assert to_json(fields) == text
    assert from_json(to_json(fields | {"later": 1}), Whole) == whole


@given(wholes, st.data())
def test_a_changed_field_is_a_one_line_error_or_a_valid_dataclass(whole: Whole, data: st.DataObject) -> None:
    fields = json.loads(to_json(whole))
    spoil(fields, data, values)
    try:
        whole = from_json(json.dumps(fields), Whole)
    except (ValueError, FloraError) as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - most are refused, some are still right
    else:
        assert isinstance(whole, Whole)


@given(st.binary(max_size=50) | st.text(max_size=50).map(str.encode))
def test_bytes_that_are_not_json_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_json(content, Whole)
    with suppress(ValueError):
        assert isinstance(from_json(content, dict[str, Any]), dict)


GOOD = {"name": "Rosa", "kind": "genus", "parts": [], "by_name": {"a": {"width": 1, "weight": 1}}}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"name": 3}, r"\$\.name"),
        ({"kind": "order"}, r"'order' - at `\$\.kind`"),
        ({"parts": [{"width": 1}]}, r"`weight` - at `\$\.parts\[0\]`"),
        ({"parts": [{"width": True, "weight": 1}]}, r"\$\.parts\[0\]\.width"),
        ({"parts": [{"width": 1.5, "weight": 1}]}, r"\$\.parts\[0\]\.width"),
        ({"parts": [{"width": 1, "weight": -1}]}, r"weight must be 0 or more - at `\$\.parts\[0\]`"),
        ({"first": []}, r"\$\.first"),
    ],
)
def test_the_field_that_is_wrong_is_named(change: dict[str, object], cause: str) -> None:
    assert from_json(json.dumps(GOOD), Whole).name == "Rosa"
    with pytest.raises(ValueError, match=cause):
        from_json(json.dumps(GOOD | change), Whole)
    for missing in GOOD:
        with pytest.raises(ValueError, match=f"`{missing}`"):
            from_json(json.dumps({k: v for k, v in GOOD.items() if k != missing}), Whole)


def test_validation_errors_of_a_dataclass_are_kept() -> None:
    with pytest.raises(FloraError) as caught:
        from_json(json.dumps(GOOD | {"parts": [{"width": -1, "weight": 1}]}), Whole)
    assert (caught.value.kind, caught.value.facts) == ("part-too-narrow", {"width": -1})


def test_json_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        from_json('{"a":' + "[" * 200_000, dict[str, Any])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_cannot_represent_are_not_written(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json({"loss": value})
