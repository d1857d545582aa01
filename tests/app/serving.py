"""A running `dalip serve` for tests."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from warm import Forked, fork

from tests.app.conftest import BIN, CODE, World, environment

PATIENCE = 300
"""Seconds in which an answer or an end must come, however busy the machine is."""

THEIRS = ("gradio", "fastapi_offline", "onnxruntime")
PAGE = (*THEIRS, "dalip_app.cli.serve", "dalip_app.server.run", "dalip_app.page.site")


@dataclass(frozen=True)
class Served:
    """The page at work."""

    process: subprocess.Popen[str] | Forked
    address: str
    temporary: Path
    """Where the process puts its temporary files."""
    log: Path
    line: str
    """What it said of its addresses."""

    def client(self, **options: Any) -> httpx.Client:
        """Open a client that asks this server, and is patient."""
        return httpx.Client(base_url=self.address, timeout=PATIENCE, **options)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something while the process runs."""
        while not condition():
            assert self.process.poll() is None, self.errors()
            time.sleep(0.02)

    @property
    def uploads(self) -> Path:
        """Where it keeps what was sent."""
        (place,) = self.temporary.glob("dalip-serve-*/uploads")
        return place

    def errors(self) -> str:
        return self.log.read_text()


@contextmanager
def serving(
    world: World, folder: Path, *options: str, first: str = "", fresh: bool = False
) -> Iterator[Served]:
    """Serve the page on a free port until the block ends.

    Args:
        world: What it answers from.
        folder: Where its files go.
        options: Of `dalip-app serve`.
        first: Python that the process runs before.
        fresh: Start the command as installed, and not in a process that has imported what it needs.
    """
    temporary, log = folder / "tmp", folder / "stderr.txt"
    temporary.mkdir(exist_ok=True)
    arguments = ["serve", *world.options, "--port", "0", *options]
    settings = environment(TMPDIR=str(temporary), DALIP_DATA_DIR=str(folder / "data"))
    process: subprocess.Popen[str] | Forked
    with log.open("w") as errors:
        if fresh:
            command = [BIN / "dalip-app", *arguments]
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=settings
            )
        else:
            code = f"{first}\n{CODE['dalip-app']}"
            modules = THEIRS if first else PAGE  # `first` may change what ours would have imported already
            process = fork(code, arguments, settings, modules=modules, stderr=errors)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"Open DALIP at (https?://127\.0\.0\.1:\d+)", line)
        assert found, line + log.read_text()
        yield Served(process, found[1], temporary, log, line)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()
