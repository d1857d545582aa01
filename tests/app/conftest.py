"""Fixtures that run the real commands on a small flora of coloured flowers."""

import gc
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jaxtyping
import numpy as np
import pytest
from PIL import Image
from tiny_bundle import COLOURS, write_tiny_bundle

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BIN = Path(sysconfig.get_path("scripts"))
PHOTOS_EACH = 24
HOSTILE_NAME = "<img src=x onerror=alert(1)> ${7*7} {{7*7}} & 'red'"
"""A common name of the red flower, as an untrusted taxa file could contain it."""


@dataclass(frozen=True)
class Done:
    """Exit status and output of a command."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass(frozen=True)
class World:
    """A small flora, its encoder, and the photos it was built from."""

    bundle: Path
    taxa: Path
    photos: Path
    flora: Path

    @property
    def options(self) -> list[str]:
        return ["--flora", str(self.flora), "--encoder", str(self.bundle)]

    @property
    def encoder(self) -> list[str]:
        return ["--encoder", str(self.bundle)]


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DALIP_", "GRADIO_"))}
    return kept | {"PYTHONUTF8": "1", "COLUMNS": "80"} | more


CODE = {
    "dalip": "from dalip_app.cli.main import main\nmain()",
    "dalip-app": "from dalip_app.cli.serve import main\nmain()",
}
"""Code that the installed commands run."""


def run(command: Sequence[object], cwd: Path | None = None, *, fresh: bool = False, **more: str) -> Done:
    """Run `dalip ...` or `dalip-app ...` in this process or, if `fresh`, as the installed command in a new process."""
    program, *arguments = map(str, command)
    settings = environment(**more)
    if fresh:
        whole = [BIN / program, *arguments]
        done = subprocess.run(
            whole, cwd=cwd, env=settings, capture_output=True, encoding="utf-8", check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)
    from dalip_app.cli import main, serve

    start = {"dalip": main.main, "dalip-app": serve.main}[program]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _process(arguments, settings, cwd or Path.cwd()), _streams(out.fileno(), err.fileno()):
            try:
                start()
                status = 0
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else int(end.code is not None)
        out.seek(0)
        err.seek(0)
        return Done(status, out.read().decode(), err.read().decode())


@contextmanager
def _process(arguments: list[str], settings: dict[str, str], cwd: Path) -> Iterator[None]:
    """Give the block the arguments, environment and folder of a separate process; restore them afterwards."""
    before = dict(os.environ), Path.cwd(), sys.argv, tempfile.tempdir
    unchecked = jaxtyping.config.jaxtyping_disable
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    os.chdir(cwd)
    try:
        os.environ.clear()
        os.environ.update(settings)
        sys.argv, tempfile.tempdir = ["-c", *arguments], None
        # As in an installed command; shape checks would also end up in exported models.
        jaxtyping.config.update("jaxtyping_disable", True)
        with warnings.catch_warnings():
            yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", unchecked)
        os.environ.clear()
        environ, folder, sys.argv, tempfile.tempdir = before
        os.environ.update(environ)
        os.chdir(folder)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        gc.collect()  # closes what the process would have closed when it ended


@contextmanager
def _streams(*files: int) -> Iterator[None]:
    """Redirect stdout and stderr to files, including what libraries and child processes write to the descriptors."""
    before = sys.stdout, sys.stderr
    for stream in before:
        stream.flush()
    kept = [os.dup(number) for number in (1, 2)]
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
    # Opened as Python opens them, and not closed afterwards, because a library may still use them for its log.
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, "utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
        for number, file in enumerate(kept, 1):
            os.dup2(file, number)
            os.close(file)


def paint(path: Path, colour: str, seed: int = 0, side: int = 48) -> Path:
    """Write a photo of one colour, with some noise."""
    rng = np.random.default_rng(seed)
    pixels = np.array(COLOURS[colour]) + rng.normal(0, 12, (side, side, 3)) + rng.normal(0, 12, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return path


def _taxa_file(path: Path) -> Path:
    lines = ["scientificName\ttaxonRank\tvernacularName\tgenus\tfamily\treferences"]
    for colour in COLOURS:
        names = f"{colour} flower|{HOSTILE_NAME}" if colour == "red" else f"{colour} flower|de:{colour} Blume"
        wikipedia = f"https://en.wikipedia.org/wiki/{colour}"
        lines.append(f"Flos {colour}\tspecies\t{names}\tFlos\tColoraceae\t{wikipedia}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("world")
    bundle = write_tiny_bundle(root / "bundle")
    photos = root / "photos"
    for number, colour in enumerate(COLOURS):
        for i in range(PHOTOS_EACH):
            paint(photos / f"Flos_{colour}" / f"{colour}-{i:02}.png", colour, 1000 * number + i)
    world = World(bundle, _taxa_file(root / "taxa.tsv"), photos, root / "flora")
    command = [
        "dalip",
        "index",
        "build",
        *world.encoder,
        "--taxa",
        world.taxa,
        "--photos",
        photos,
        "--keep",  # keeps no photos, like the built-in flora
        0,
        world.flora,
    ]
    done = run(command, fresh=True)
    assert done.status == 0, done.err
    assert "10 taxa" in done.out
    return world


@pytest.fixture(scope="session")
def bare_flora(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flora built from names only, so it is not calibrated."""
    out = tmp_path_factory.mktemp("bare") / "flora"
    done = run(["dalip", "index", "build", *world.encoder, "--taxa", world.taxa, out])
    assert done.status == 0, done.err
    return out


@pytest.fixture
def dalip(tmp_path: Path) -> Callable[..., Done]:
    """Run `dalip` in an empty folder, with an empty data directory."""

    def call(*arguments: object) -> Done:
        return run(["dalip", *arguments], cwd=tmp_path, DALIP_DATA_DIR=str(tmp_path / "data"))

    return call


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Headless Chromium."""
    from tests.app.browsing import browsing

    with browsing() as browser:
        yield browser
