"""A running `dalip-app serve` for tests."""

import subprocess
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

    def errors(self) -> str:
        return self.log.read_text()


@contextmanager
def serving(world: World, folder: Path, *options: str) -> Iterator[Served]:
    """Serve the page on a free port until the block ends."""
    temporary, log = folder / "tmp", folder / "stderr.txt"
    temporary.mkdir()
    command = [BIN / "dalip-app", "serve", *world.options, "--port", "0", *options]
    settings = environment(TMPDIR=str(temporary), DALIP_DATA_DIR=str(folder / "data"))
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=settings)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("DALIP answers at http://127.0.0.1:"), line + log.read_text()
        yield Served(process, line.split()[-1], temporary, log)
    finally:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
