"""The import among other processes: killed at any moment, and at the same time as saving, exporting and importing."""

import os
import random
import re
import signal
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import pytest
from warm import Forked, fork

from dalip_index import Journal, export_journal, import_journal
from tests.index.journal.exported import ROW, jpeg, observed, write_json

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

MODULES = ("dalip_index", "dalip_app.messages.errors")
HEAD = """
import os, signal, sqlite3, sys, tempfile, time
from pathlib import Path
from dalip_index import Journal, Observation, export_journal, import_journal
from dalip_app.messages.errors import describe
from dalip.errors import DalipError

journal, file = Journal(Path(sys.argv[1])), Path(sys.argv[2])
"""
KILLED = (
    HEAD
    + """
moment, moments = int(sys.argv[3]), 0

def trace(frame, event, argument):
    global moments
    if frame.f_code.co_filename.rpartition("dalip_index")[2].startswith(("/journal/", "/sqlite")):
        moments += 1
        if moments == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

sys.settrace(trace)
import_journal(journal, file)
sys.settrace(None)
print(moments)
"""
)


def start(code: str, *arguments: object) -> Forked:
    with tempfile.TemporaryFile("w+") as errors:
        started = fork(code, list(map(str, arguments)), os.environ, modules=MODULES, stderr=errors)
    assert isinstance(started, Forked)
    return started


def printed(process: Forked) -> str:
    assert process.stdout is not None
    return process.stdout.read()


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """An export of three observations with two photos each."""
    journal = Journal(tmp_path / "exported")
    for number in range(3):
        journal.add(observed(f"new{number}"), [jpeg("red"), jpeg("blue")])
    export_journal(journal, tmp_path / "mine.zip")
    return tmp_path / "mine.zip"


def check_after_kill(data: Path) -> bool:
    """Check that the journal is as before or complete, and return whether it is complete."""
    journal = Journal(data)
    ids = {seen.id for seen in journal.observations()}
    complete = ids == {"old", "new0", "new1", "new2"}
    assert complete or ids == {"old"}
    assert {len(journal.photos(identifier)) for identifier in ids - {"old"}} <= {2}
    with sqlite3.connect(journal.path) as connection:
        (photos,) = connection.execute("SELECT count(*) FROM photos").fetchone()
        assert photos == (7 if complete else 1)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    left = {path.name for path in data.iterdir()}
    assert left <= {"journal.db", "journal.db-wal", "journal.db-shm"}, "no photo is left on disk"
    return complete


@pytest.mark.parametrize("kills", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_an_import_killed_at_any_line_adds_everything_or_nothing(
    tmp_path: Path, exported: Path, kills: int
) -> None:
    def data(name: object) -> Path:
        Journal(tmp_path / f"data{name}").add(observed("old"), [jpeg()])
        return tmp_path / f"data{name}"

    moments = int(printed(start(KILLED, data("whole"), exported, 0)))
    assert moments > 500
    chance = random.Random(0)
    early = [chance.randint(1, moments) for _ in range(kills // 2)]
    # Half of the moments are near the end, in the transaction and just after it.
    late = [moments - 8 - round(1.15**step) for step in range(kills // 2)]
    complete = set()
    for name, moment in enumerate((*early, *late)):
        process = start(KILLED, data(name), exported, max(moment, 1))
        assert printed(process) == ""
        assert process.wait() == -signal.SIGKILL
        complete.add(check_after_kill(tmp_path / f"data{name}"))
        import_journal(Journal(tmp_path / f"data{name}"), exported)
        assert check_after_kill(tmp_path / f"data{name}")
    assert complete == {True, False}


def test_an_import_killed_at_random_times_adds_everything_or_nothing(tmp_path: Path, exported: Path) -> None:
    chance = random.Random(1)
    Journal(tmp_path / "data").add(observed("old"), [jpeg()])
    for _ in range(10):
        process = start(
            HEAD + "print('ready', flush=True)\nimport_journal(journal, file)", tmp_path / "data", exported
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0, 0.06))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if check_after_kill(tmp_path / "data"):
            for number in range(3):
                Journal(tmp_path / "data").remove(f"new{number}")


BUSY = (
    HEAD
    + """
task, rounds = sys.argv[3], int(sys.argv[4])
print("ready", flush=True)
try:
    for number in range(rounds):
        name = f"{task}-{number}"
        if task.startswith("save"):
            seen = Observation(name, "2026-05-01", "Rosa red", "species", "Rosaceae", 0.5, "sure")
            journal.add(seen, [bytes(50_000)])
            journal.change(name, notes=name)
        elif task.startswith("import"):
            print(import_journal(journal, file.with_name(f"{name}.json")).added)
        else:
            export_journal(journal, file)  # the other process exports to the same file
            import_journal(Journal(Path(f"{sys.argv[1]}-{name}")), file)
except DalipError as error:
    print("FAULT", describe(error))
print("done", flush=True)
"""
)


def test_processes_that_save_import_and_export_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    rounds, rows = 8, 30
    for task in ("import1", "import2"):
        for number in range(rounds):
            many = [ROW | {"occurrenceID": f"{task}-{number}-{row}"} for row in range(rows)]
            write_json(tmp_path / f"{task}-{number}.json", *many)
    tasks = ("save1", "save2", "import1", "import2", "export1", "export2")
    running = [start(BUSY, tmp_path / "data", tmp_path / "all.json", task, rounds) for task in tasks]
    for process in running:
        said = printed(process)
        assert process.wait() == 0
        assert "FAULT" not in said
        assert re.fullmatch(rf"ready\n({rows}\n)*done\n", said)
    found = {seen.id: seen for seen in Journal(tmp_path / "data").observations()}
    saved = {f"{task}-{number}" for task in tasks[:2] for number in range(rounds)}
    imported = {f"{task}-{n}-{row}" for task in tasks[2:4] for n in range(rounds) for row in range(rows)}
    assert found.keys() == saved | imported
    assert all(found[name].notes == name for name in saved)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_two_processes_that_import_the_same_file_add_it_once(tmp_path: Path, exported: Path) -> None:
    code = HEAD + "print(import_journal(journal, file).added)"
    running = [start(code, tmp_path / "data", exported) for _ in range(4)]
    assert sum(int(printed(process)) for process in running) == 3
    journal = Journal(tmp_path / "data")
    for number in range(3):
        assert journal.photos(f"new{number}") == [jpeg("red"), jpeg("blue")]


@pytest.mark.parametrize("during", ["photos", "database"])
def test_an_import_on_a_full_disk_adds_nothing(tmp_path: Path, exported: Path, during: str) -> None:
    """A limit on the size of files fails as a full disk does."""
    Journal(tmp_path / "data").add(observed("old"), [jpeg()])
    more = [jpeg(size=(1600, 1200 + number)) for number in range(9)]
    for number, photo in enumerate(more):
        Journal(tmp_path / "exported").add(observed(f"more{number}"), [photo])
    export_journal(Journal(tmp_path / "exported"), exported)
    most = 100 if during == "photos" else sum(map(len, more)) + 5_000
    limit = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, resource.RLIM_INFINITY))
try:
    import_journal(journal, file)
except DalipError as error:
    print("FAULT", describe(error))
"""
    said = printed(start(HEAD + limit, tmp_path / "data", exported))
    assert said.startswith("FAULT "), said
    assert "move the file" not in said
    assert [seen.id for seen in Journal(tmp_path / "data").observations()] == ["old"]
