"""Command reference and file tree: what `docs/commands.md` and `CONTRIBUTING.md` quote from the code, through cog.

make format    # renew both
make check     # fail if one of them is out of date
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from typer.testing import CliRunner

from dalip_app.cli.main import app

ROOT = Path(__file__).parents[1]
PACKAGES = ("dalip", "index/dalip_index", "app/dalip_app", "assets/dalip_assets")
FOLDERS = {
    "docs": "documentation: pages, pictures, and the scripts that make them",
    "benchmarks": "measurements: the scripts behind the tables in the documentation",
}
COLUMN = 30  # where the descriptions begin


def commands() -> str:
    """Return the `--help` of every command as Markdown, each under its own heading, groups before their commands."""
    return "\n".join(
        f"## {line}\n\n```text\n$ {line} --help\n{_help_of(line)}\n```\n"
        for line in _lines("dalip", typer.main.get_command(app))
    )


def _lines(line: str, command: Any) -> Iterator[str]:
    """List the command lines of a command and of those below it."""
    yield line
    for name, child in getattr(command, "commands", {}).items():
        yield from _lines(f"{line} {name}", child)


def _help_of(line: str) -> str:
    """Return what a command prints for `--help` in a terminal that is 80 columns wide."""
    _, *names = line.split()
    result = CliRunner().invoke(app, [*names, "--help"], prog_name="dalip")
    if result.exit_code:
        raise RuntimeError(f"{line} --help failed:\n{result.output}")
    return "\n".join(text.rstrip() for text in result.output.strip().splitlines())


def tree() -> str:
    """List the packages with their modules and sub-packages, and the other folders of the repository."""
    lines: list[str] = []
    for package in PACKAGES:
        lines += _package(ROOT / package, package, 0)
    for folder, description in FOLDERS.items():
        lines.append(_line(f"{folder}/", description, 0))
        lines += [_line(path.name, _description(path), 1) for path in sorted((ROOT / folder).glob("*.py"))]
    return "\n".join([*lines, _line("tests/", "tests, in the same folders as the modules they test", 0)])


def _package(folder: Path, name: str, depth: int) -> Iterator[str]:
    """List a package: its modules, then its sub-packages."""
    yield _line(f"{name}/", _description(folder / "__init__.py"), depth)
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield _line(path.name, _description(path), depth + 1)
    for path in sorted(folder.iterdir()):
        if (path / "__init__.py").exists():
            yield from _package(path, path.name, depth + 1)


def _line(name: str, description: str, depth: int) -> str:
    return f"{('    ' * depth + name).ljust(COLUMN)}  {description}"


def _description(module: Path) -> str:
    """Return the first sentence of a module's docstring, without the full stop."""
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return re.split(r"(?<=[a-z`)])\.(?:\s|$)", " ".join(text.split("\n\n")[0].split()))[0]
