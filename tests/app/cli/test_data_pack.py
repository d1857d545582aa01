"""`dalip data pack`: resumes to the same bytes after being killed at any moment, and reports problems."""

import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from scenes import encoded, scene
from warm import fork

from dalip.datasets import read_records
from tests.app.conftest import CODE, Done, World, environment

PHOTOS = 200
PACKING = ("dalip_app.cli.main", "dalip.datasets.pack")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of three plants, enough for several parts, and a duplicate."""
    root = tmp_path_factory.mktemp("photos") / "garden"
    for number in range(PHOTOS):
        path = root / ("Rosa canina", "Viola odorata", "Iris")[number % 3] / f"{number:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(scene(number, 160, 120)))
    (root / "Iris" / "copy.jpg").write_bytes(encoded(scene(2, 320, 240), quality=50))
    return root


def content(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def test_a_killed_run_resumes_to_the_same_bytes(
    folder: Path, tmp_path: Path, dalip: Callable[..., Done]
) -> None:
    command = ["data", "pack", folder, "--shard-photos", 40]
    done = dalip(*command, tmp_path / "whole")
    assert done.status == 0, done.err
    assert f"{PHOTOS + 1} photos read in" in done.out
    assert f"photos without a licence: {PHOTOS + 1} of {PHOTOS + 1};" in done.err
    assert "200 photos of 3 taxa in 5 shards" in done.out
    assert "1 duplicate," in done.out
    out = tmp_path / "out"
    moments: list[Callable[[], bool]] = [
        lambda: (out / ".work").exists(),
        lambda: bool(list(out.glob(".work/*.draft"))),
        lambda: len(list(out.glob(".work/*.part"))) >= 1,
        lambda: len(list(out.glob(".work/*.part"))) >= 3,
        lambda: bool(list(out.glob("*.draft"))),
        lambda: len(list(out.glob("*.tar"))) >= 3,
        lambda: (out / "datasheet.json").exists(),
    ]
    killed = [start_and_kill([*command, out], moment) for moment in moments]
    assert all(killed[:4]), "reading takes far longer than it takes to see that it has begun"
    done = dalip(*command, out)
    assert done.status == 0, done.err
    assert content(out) == content(tmp_path / "whole")
    assert not list(out.rglob("*.draft"))
    again = dalip(*command, out)
    assert "already packed, nothing has changed" in again.out
    assert content(out) == content(tmp_path / "whole")


def start_and_kill(command: list[object], moment: Callable[[], bool]) -> bool:
    """Start a command, kill it with SIGKILL at a given moment, and wait until its child processes have ended.

    Returns:
        Whether it was killed; it may have finished before.
    """
    with (out := tempfile.TemporaryFile("w+")), (err := tempfile.TemporaryFile("w+")):
        process = fork(
            CODE["dalip"], [*map(str, command)], environment(), modules=PACKING, stdout=out, stderr=err
        )
    while process.poll() is None and not moment():
        time.sleep(0.001)
    family = []
    if process.poll() is None:
        family = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # A child process may still finish writing a part; then it must end, because its parent is gone.
    _, alive = psutil.wait_procs(family, timeout=600)
    assert not alive, "processes were left behind"
    return process.returncode == -signal.SIGKILL


def test_problems_are_reported_and_the_rest_is_packed(tmp_path: Path, dalip: Callable[..., Done]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(encoded(scene(number)))
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff but no photo")
    table = "file,scientificName,license\n" + "".join(
        f"{number}.jpg,{name},CC0\n"
        for number, name in enumerate(
            ["Rosa canina", "Rosa cannina", "Viola", "Nonesuch plantus", "violet", "Iris"]
        )
    )
    table += "bad.jpg,Rosa canina,CC0\nmissing.jpg,Rosa canina,CC0\n../out.jpg,Rosa canina,CC0\n"
    (folder / "photos.csv").write_text(table)
    checklist = tmp_path / "plants.csv"
    checklist.write_text(
        "scientificName,taxonRank,family,vernacularName\nRosa canina,species,Rosaceae,dog rose\n"
        "Viola,genus,Violaceae,\nViola odorata,species,Violaceae,violet\nIris,genus,Iridaceae,\nIris,order,,\n"
    )
    decisions = tmp_path / "names.csv"
    decisions.write_text("given,scientificName\nNonesuch plantus,\n")
    out = tmp_path / "out"
    done = dalip("data", "pack", folder, out, "--checklist", checklist, "--names", decisions)
    assert done.status == 1
    assert "Rosa cannina: matched to Rosa canina (spelling)" in done.err
    assert "violet: matched to Viola odorata (common name)" in done.err
    assert "Iris: ambiguous, could be Iris (genus" in done.err
    assert "photos.csv, line 8: the file is damaged" in done.err
    assert "missing.jpg" in done.err
    assert "out.jpg" in done.err
    assert "Nonesuch" not in done.err
    assert "Traceback" not in done.err
    assert "4 photos of 3 taxa in 1 shard" in done.out
    sheet = json.loads((out / "datasheet.json").read_text())
    assert sheet["left_out"] == {"unread": 2, "decided": 1, "unreadable": 1, "unresolved": 1}
    assert {record.taxon.scientific_name for record in read_records(out) if record.taxon} == {
        "Rosa canina",
        "Viola",
        "Viola odorata",
    }
    again = dalip("data", "pack", folder, out, "--checklist", checklist, "--names", decisions)
    assert again.status == 1, "what is wrong is still wrong"


def test_photos_are_downloaded_from_this_computer_only_if_asked_for(
    folder: Path, tmp_path: Path, dalip: Callable[..., Done]
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/Iris/002.jpg"
        (tmp_path / "web.csv").write_text(f"file,scientificName\n{address},Iris\n")
        command = ["data", "pack", tmp_path / "web.csv", tmp_path / "out", "--download"]
        refused = dalip(*command)
        assert refused.status == 1
        assert "127.0.0.1 is at 127.0.0.1, an address of this computer" in refused.err
        assert "add --allow-private-addresses" in refused.err
        assert dalip(*command, "--allow-private-addresses").status == 0
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert len(read_records(tmp_path / "out")) == 1


def test_wrong_usage_is_a_one_line_error(folder: Path, tmp_path: Path, dalip: Callable[..., Done]) -> None:
    assert dalip("data", "pack", folder).status == 2
    inside = dalip("data", "pack", folder, folder / "packed")
    assert inside.status == 2
    assert "choose an output folder" in inside.err.replace("\n", " ")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    refused = dalip("data", "pack", folder, tmp_path / "mine")
    assert refused.status == 1
    assert "thesis.txt, which `dalip data pack` did not write" in refused.err
    nowhere = dalip("data", "pack", tmp_path / "nowhere", tmp_path / "out")
    assert nowhere.status == 1
    assert len(nowhere.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_flora_is_built_from_packed_photos(
    folder: Path, tmp_path: Path, world: World, dalip: Callable[..., Done]
) -> None:
    out = tmp_path / "out"
    assert dalip("data", "pack", folder, out, "--workers", 1).status == 0
    done = dalip(
        "index", "build", *world.encoder, "--taxa", out / "taxa.csv", "--photos", out, tmp_path / "flora"
    )
    assert done.status == 0, done.err
    assert "3 taxa" in done.out
