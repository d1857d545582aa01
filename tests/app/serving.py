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
"""Seconds to wait for an answer or for the process to end; generous, because the machine may be busy."""

THEIRS = ("gradio", "fastapi_offline", "onnxruntime")
PAGE = (*THEIRS, "dalip_app.cli.serve", "dalip_app.server.run", "dalip_app.page.site")


@dataclass(frozen=True)
class Served:
    """A running server."""

    process: subprocess.Popen[str] | Forked
    address: str
    temporary: Path
    """Folder of the temporary files of the process."""
    log: Path
    line: str
    """The line in which it printed its addresses."""

    def client(self, **options: Any) -> httpx.Client:
        """Open a client for this server, with a long timeout."""
        return httpx.Client(base_url=self.address, timeout=PATIENCE, **options)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition is true; fail if the process ends first."""
        while not condition():
            assert self.process.poll() is None, self.errors()
            time.sleep(0.02)

    @property
    def uploads(self) -> Path:
        """Folder of the uploads."""
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
        world: Flora and encoder to serve.
        folder: Folder for the files of the server.
        options: Options of `dalip-app serve`.
        first: Python code to run before the command.
        fresh: Start the installed command instead of forking a process that has already imported what it needs.
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
            # `first` may patch our modules, so they must not be imported yet.
            modules = THEIRS if first else PAGE
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
