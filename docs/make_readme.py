"""Write into README.md what it quotes of the code: the help of commands, and the tree of the source files.

    python docs/make_readme.py            # renew the README
    python docs/make_readme.py --check    # exit 1 if it is out of date

A marker names its command, as in `<!-- help: dalip identify -->` ... `<!-- end of help -->`. The tree, whose phrases
are the first sentences of docstrings, stands between `<!-- tree -->` and `<!-- end of tree -->`.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
HELP = re.compile(r"(<!-- help: (?P<command>.+?) -->\n).*?(<!-- end of help -->)", re.DOTALL)
TREE = re.compile(r"(<!-- tree -->\n).*?(<!-- end of tree -->)", re.DOTALL)
PACKAGES = ("dalip", "index/dalip_index", "app/dalip_app", "assets/dalip_assets")
FOLDERS = {
    "docs": "guides, pictures, and the scripts that make them",
    "benchmarks": "measurements: scripts that make the tables of the documentation",
}
COLUMN = 30  # where phrases begin


def help_of(command: str) -> str:
    """Give what a command prints for `--help`, in a terminal 80 columns wide without colours."""
    program, *rest = command.split()
    (entry,) = entry_points(group="console_scripts", name=program)
    # argv[0] is what the usage line shows.
    code = f"import sys; sys.argv[0] = {program!r}; from {entry.module} import {entry.attr} as main; main()"
    plain = {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1", "TERM": "dumb", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *rest, "--help"], env=os.environ | plain, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{command} --help failed:\n{done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def tree() -> str:
    """List the packages with their modules and sub-packages, and the other folders of the checkout."""
    lines: list[str] = []
    for package in PACKAGES:
        lines += _listed(ROOT / package, package, 0)
    for folder, phrase in FOLDERS.items():
        lines.append(_line(f"{folder}/", phrase, 0))
        lines += [_line(path.name, _phrase(path), 1) for path in sorted((ROOT / folder).glob("*.py"))]
    return "\n".join([*lines, _line("tests/", "tests, in the same folders as the modules that they test", 0)])


def _listed(folder: Path, name: str, depth: int) -> Iterator[str]:
    """List a package: its modules, then the packages in it."""
    yield _line(f"{name}/", _phrase(folder / "__init__.py"), depth)
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield _line(path.name, _phrase(path), depth + 1)
    for path in sorted(folder.iterdir()):
        if (path / "__init__.py").exists():
            yield from _listed(path, path.name, depth + 1)


def _line(name: str, phrase: str, depth: int) -> str:
    return f"{('    ' * depth + name).ljust(COLUMN)}  {phrase}"


def _phrase(module: Path) -> str:
    """Give the first sentence of a docstring, as a phrase."""
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return re.split(r"(?<=[a-z`)])\.(?:\s|$)", " ".join(text.split("\n\n")[0].split()))[0]


def main() -> None:
    """Renew the README or, with `--check`, say whether it is up to date."""
    text = README.read_text(encoding="utf-8")
    renewed = HELP.sub(
        lambda m: f"{m[1]}```\n$ {m['command']} --help\n{help_of(m['command'])}\n```\n{m[3]}", text
    )
    renewed = TREE.sub(lambda m: f"{m[1]}```\n{tree()}\n```\n{m[2]}", renewed)
    if "--check" not in sys.argv[1:]:
        README.write_text(renewed, encoding="utf-8")
    elif renewed != text:
        sys.exit("README.md: the command help or the tree is out of date; run `make format`")


if __name__ == "__main__":
    main()
