"""How commands print results, errors, progress and what was left out, and end with an exit status."""

import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from dalip.errors import DalipError, Skipped
from dalip.files import printable
from dalip.quiet import ignore_pillow_warnings

__all__ = [
    "CommandGroup",
    "LeftOut",
    "ProgressLine",
    "complain",
    "print_json",
    "print_result",
    "worded",
]

_BROKEN_PIPE = 141  # what a shell reports for a program that SIGPIPE ended
_INTERRUPTED = 130  # and for one that Ctrl-C ended


def complain(message: object) -> None:
    """Print one line about an error, a skipped source or a warning on stderr."""
    _clear_progress()
    print(f"dalip: {printable(worded(message))}", file=sys.stderr, flush=True)


def worded(message: object) -> str:
    """Put an error or a skipped source into words; anything else is text already."""
    error = message.error if isinstance(message, Skipped) else message
    if not isinstance(error, DalipError):
        return str(error)
    from dalip_app.messages.errors import describe

    return describe(error)


def print_result(line: str) -> None:
    """Print one line of a result on stdout at once, so that the reader of a pipe need not wait."""
    _clear_progress()
    print(line, flush=True)


def print_json(content: Mapping[str, Any]) -> None:
    """Print an object as one line of JSON on stdout."""
    print_result(json.dumps(content, ensure_ascii=False))


class LeftOut:
    """What a command could not use: each is reported at once, and in the end the command fails."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.faults: list[Skipped | DalipError] = []
        """What was left out, in the order of the reports."""

    def __call__(self, *faults: Skipped | DalipError, quiet: bool = False) -> None:
        """Report photos, rows or other sources that are not used.

        Args:
            faults: What was left out.
            quiet: Only count them, because they are reported in another way.
        """
        for fault in faults:
            self.faults.append(fault)
            if not quiet:
                complain(fault)

    def finish(self, given: int = 0) -> None:
        """End the command with status 1 if anything was left out.

        Args:
            given: How many there were, used or not; 0 if this is not known.
        """
        number = len(self.faults)
        if number and (number > 1 or given > 1):
            count = f"{number:,} of {given:,}" if given else f"{number:,}"
            complain(f"left out: {count}{'; the others were used' if number != given else ''}")
        if number:
            raise typer.Exit(1)


def prepare_streams() -> None:
    """Make stdout and stderr take every name, in UTF-8 or with escapes, and keep stderr free of Pillow's warnings."""
    ignore_pillow_warnings()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # streams that a test puts there lack it
        if reconfigure is not None:
            reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


class CommandGroup(TyperGroup):
    """A group of commands that turns errors into one line on stderr and an exit status.

    The option `--debug` may stand anywhere in the line before `--`: it adds Python's traceback to an error.
    """

    def main(self, args: Any = None, *positional: Any, **named: Any) -> Any:
        """Run the command line `args`, or the program's own."""
        arguments = list(sys.argv[1:] if args is None else args)
        end = arguments.index("--") if "--" in arguments else len(arguments)
        debug = "--debug" in arguments[:end]
        arguments = [a for i, a in enumerate(arguments) if i >= end or a != "--debug"]
        prepare_streams()
        return super().main(arguments, *positional, obj=debug, **named)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        if ctx.parent is not None:  # a group inside the group: the outer one answers for its errors
            return super().invoke(ctx)
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except (Exception, KeyboardInterrupt) as error:
            status = _status_of(error, debug=bool(ctx.obj))
            if status is None:
                raise
            raise typer.Exit(status) from None


def _status_of(error: BaseException, *, debug: bool) -> int | None:
    """Report an error and give its exit status; `None` for what Typer itself reports, as wrong usage."""
    if isinstance(error, typer.Exit | typer.Abort) or type(error).__module__.split(".")[0] in (
        "typer",
        "click",
    ):
        return None
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # Python flushes stdout once more on its way out, and would complain about the same pipe.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    if debug:
        traceback.print_exception(error)
    if isinstance(error, DalipError):
        complain(error)
    else:
        hint = "" if debug else "; run it again with --debug and report what it prints"
        complain(f"unexpected {type(error).__name__}: {error}{hint}")
    return 1


_on_screen: list["ProgressLine"] = []
"""Whose line stands on the terminal and must go before another one comes."""


def _clear_progress() -> None:
    for progress in tuple(_on_screen):
        progress.clear()


class ProgressLine:
    """A line on stderr that says how far a command has come; called as `progress(what, done, total)`.

    On a terminal the line rewrites itself, elsewhere a new one comes every ten seconds. Work that ends within
    two seconds prints nothing.
    """

    def __init__(self, stream: TextIO | None = None, *, hidden: bool = False) -> None:
        """Start the clock.

        Args:
            stream: Where to print; stderr by default.
            hidden: Print nothing at all.
        """
        self._stream = stream or sys.stderr
        self._hidden = hidden
        self._rewrite = self._stream.isatty()
        wait, self._interval = (0.5, 0.1) if self._rewrite else (2.0, 10.0)  # seconds
        self._next = time.monotonic() + wait
        self._width = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say that `done` of `total` are finished; `total` 0 means that it is not known."""
        now = time.monotonic()
        if self._hidden or now < self._next:
            return
        self._next = now + self._interval
        line = printable(f"{what}: {done:,} of {total:,}" if total else f"{what}: {done:,}")
        if self._rewrite:
            self._stream.write("\r" + line.ljust(self._width))
            self._width = len(line)
            if self not in _on_screen:
                _on_screen.append(self)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0
            _on_screen.remove(self)

    def __enter__(self) -> "ProgressLine":
        """Start."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line, whatever happened."""
        self.clear()
