"""Write the help of the commands into README.md, between the markers that ask for it.

    python docs/readme_help.py            # renew the README
    python docs/readme_help.py --check    # exit 1 if it is out of date

A marker names its command, as in `<!-- help: dalip identify -->` ... `<!-- end of help -->`.
"""

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- help: (?P<command>.+?) -->\n).*?(<!-- end of help -->)", re.DOTALL)


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


def main() -> None:
    """Renew the README or, with `--check`, say whether it is up to date."""
    text = README.read_text(encoding="utf-8")
    renewed = BLOCK.sub(
        lambda m: f"{m[1]}```\n$ {m['command']} --help\n{help_of(m['command'])}\n```\n{m[3]}", text
    )
    if "--check" not in sys.argv[1:]:
        README.write_text(renewed, encoding="utf-8")
    elif renewed != text:
        sys.exit("README.md: the command help is out of date; run `make format`")


if __name__ == "__main__":
    main()
