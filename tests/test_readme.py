"""README.md and docs/python.md: commands and Python run in the order of the page, and figures are the measured ones."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from paths import ROOT, temporary

from dalip_assets import ENCODER
from tests.app.conftest import World, paint, run
from tests.app.serving import serving

README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:7860"
QUICKLY = ("--steps", "2", "--batch-size", "8", "--workers", "0")
"""Options that the test adds to `dalip train`, which would otherwise take minutes."""
FRESH = sys.platform != "linux"
"""Whether to start the installed commands: elsewhere, OpenMP libraries of faiss and torch may clash in a process."""


def lines(language: str, page: str = README) -> list[str]:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the photos that the README mentions."""
    with temporary(tmp_path_factory, "readme") as root:
        for name, colour in (
            ("poppy", "red"),
            ("leaf", "green"),
            ("flower", "green"),
            ("holiday/one", "yellow"),
        ):
            paint(root / f"{name}.jpg", colour, side=256)
        for plant, colour in (
            ("Papaver rhoeas", "red"),
            ("Iris pseudacorus", "yellow"),
            ("Viola odorata", "blue"),
        ):
            for number in range(12):
                paint(root / "my-photos" / plant / f"{number}.jpg", colour, number, side=96)
        yield root


def test_commands_run_in_this_order(folder: Path) -> None:
    ran: list[str] = []
    data = str(folder / "data")
    for line in lines("sh"):
        program, *arguments = shlex.split(line)
        if program != "dalip" or arguments[0] == "serve":
            continue
        if arguments[0] == "train":
            if not find_spec("torch"):
                break  # the next commands need the trained model
            arguments += QUICKLY
        line_of, _, out = shlex.join(arguments).partition(" '>' ")
        done = run([program, *shlex.split(line_of)], cwd=folder, fresh=FRESH, DALIP_DATA_DIR=data)
        assert done.status == 0, (line, done)
        if out:
            (folder / out).write_text(done.out, encoding="utf-8")
        ran.append(line)
    assert (folder / "plants.csv").read_text(encoding="utf-8").startswith("image,")
    assert {line.split()[1] for line in ran} >= {"identify", "library", "search", "index"}


def test_the_page_that_it_serves_answers_its_requests(folder: Path) -> None:
    flora = folder / "my-flora"
    if not flora.exists():
        build = ["dalip", "index", "build", "--photos", "my-photos", flora]
        assert run(build, cwd=folder, fresh=FRESH).status == 0
    (served_as,) = (line for line in lines("sh") if line.startswith("dalip serve"))
    assert served_as == "dalip serve --flora my-flora --flora builtin"
    requests = [line for line in lines("sh") if line.startswith("curl ")]
    assert len(requests) == 3
    with serving(World(ENCODER, flora, folder, flora), folder, "--flora", "builtin") as served:
        for line in requests:
            command = shlex.split(
                line.replace("curl ", "curl --silent --fail ").replace(ADDRESS, served.address)
            )
            done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
            assert done.stdout.startswith(b"{")


def test_its_python_runs(folder: Path) -> None:
    code = "\n".join(lines("python"))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 5


def test_the_python_of_the_documentation_runs_in_this_order(folder: Path, tmp_path: Path) -> None:
    for photo in ("poppy", "leaf", "flower"):
        shutil.copy(folder / f"{photo}.jpg", tmp_path)
    shutil.copytree(folder / "my-photos", tmp_path / "my-photos")
    paint(tmp_path / "more-photos" / "Viola odorata" / "one.jpg", "blue", 99, side=96)
    build = ["dalip", "index", "build", "--photos", "my-photos", "my-flora"]
    assert run(build, cwd=tmp_path, fresh=FRESH).status == 0
    code = "\n".join(lines("python", (ROOT / "docs" / "python.md").read_text(encoding="utf-8")))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "missing.jpg image-missing" in done.stdout


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("line", [line for line in lines("sh") if line.startswith("make ")])
def test_its_make_targets_exist(line: str) -> None:
    subprocess.run([*shlex.split(line), "--dry-run"], cwd=ROOT, capture_output=True, check=True)


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 200
