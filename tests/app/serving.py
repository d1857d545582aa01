"""A running `dalip-app serve` for tests."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .conftest import BIN, World, environment


@dataclass(frozen=True)
class Served:
    """The page at work."""

    process: subprocess.Popen[str]
    address: str
    temporary: Path
    """Where the process puts its temporary files."""
    log: Path
    line: str
    """What it said of its addresses."""

    @property
    def uploads(self) -> Path:
        """Where it keeps what was sent."""
        (place,) = self.temporary.glob("dalip-serve-*/uploads")
        return place

    def errors(self) -> str:
        return self.log.read_text()


@contextmanager
def serving(world: World, folder: Path, *options: str, first: str = "") -> Iterator[Served]:
    """Serve the page on a free port until the block ends; `first` is Python that the process runs before."""
    temporary, log = folder / "tmp", folder / "stderr.txt"
    temporary.mkdir(exist_ok=True)
    program = [sys.executable, "-c", f"{first}\nfrom dalip_app.serve_cli import main\nmain()"]
    command = [*(program if first else [BIN / "dalip-app"]), "serve", *world.options, "--port", "0", *options]
    settings = environment(TMPDIR=str(temporary), DALIP_DATA_DIR=str(folder / "data"))
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=settings)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"DALIP answers at (https?://127\.0\.0\.1:\d+)", line)
        assert found, line + log.read_text()
        yield Served(process, found[1], temporary, log, line)
    finally:
        process.terminate()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()
