"""Output of the commands: results, errors, progress, skipped files, and the exit status."""

import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from dalip.cpus import available_cpus, cpu_quota
from dalip.disk import is_write_fault, write_fault
from dalip.errors import DalipError, Skipped
from dalip.files import printable
from dalip.quiet import ignore_pillow_warnings

__all__ = [
    "CommandGroup",
    "LeftOut",
    "ProgressLine",
    "complain",
    "counted",
    "print_json",
    "print_result",
    "worded",
]

_BROKEN_PIPE = 141  # exit status that a shell reports after SIGPIPE
_INTERRUPTED = 130  # exit status that a shell reports after Ctrl-C


def complain(message: object) -> None:
    """Print an error, a skipped source or a warning as one line on stderr."""
    _clear_progress()
    print(f"dalip: {printable(worded(message))}", file=sys.stderr, flush=True)


def worded(message: object) -> str:
    """Return the message of an error or a skipped source; anything else is converted with `str`."""
    error = message.error if isinstance(message, Skipped) else message
    if not isinstance(error, DalipError):
        return str(error)
    from dalip_app.messages.errors import describe

    return describe(error)


def print_result(line: str) -> None:
    """Print one line of a result on stdout and flush it, so that the reader of a pipe need not wait."""
    _clear_progress()
    print(line, flush=True)


def print_json(content: Mapping[str, Any]) -> None:
    """Print an object as one line of JSON on stdout."""
    print_result(json.dumps(content, ensure_ascii=False))


class LeftOut:
    """Input that a command skipped: each item is reported immediately, and the command ends with status 1."""

    def __init__(self) -> None:
        """Start with an empty list."""
        self.faults: list[Skipped | DalipError] = []
        """Everything that was skipped, in the order of the reports."""

    def __call__(self, *faults: Skipped | DalipError, quiet: bool = False) -> None:
        """Report photos, rows or other sources that were skipped.

        Args:
            faults: What was skipped, and why.
            quiet: Only count them, because they are reported elsewhere.
        """
        for fault in faults:
            self.faults.append(fault)
            if not quiet:
                complain(fault)

    def finish(self, given: int = 0) -> None:
        """End the command with status 1 if anything was skipped.

        Args:
            given: Number of items in the input, used or skipped; 0 if unknown.
        """
        number = len(self.faults)
        if number and (number > 1 or given > 1):
            count = f"{number:,} of {given:,}" if given else f"{number:,}"
            complain(f"skipped {count}{'; the others were used' if number != given else ''}")
        if number:
            raise typer.Exit(1)


def prepare_streams() -> None:
    """Make stdout and stderr accept any file name, in UTF-8 or escaped, and silence Pillow's warnings."""
    ignore_pillow_warnings()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before this process started, as by `2>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # missing in streams that tests substitute
        if reconfigure is not None:
            reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def limit_threads() -> None:
    """Make NumPy, FAISS and torch, which see only the affinity, respect the CPU quota of a container.

    They read the variable when they are imported. ONNX Runtime gets its number of threads from `dalip.encoder`.
    """
    if cpu_quota():
        os.environ.setdefault("OMP_NUM_THREADS", str(available_cpus()))


class CommandGroup(TyperGroup):
    """A group of commands that turns errors into one line on stderr and an exit status.

    `--debug` works anywhere on the command line before `--`; it also prints the Python traceback of an error.
    """

    def main(self, args: Any = None, *positional: Any, **named: Any) -> Any:
        """Run the command line `args` (default: `sys.argv`)."""
        arguments = list(sys.argv[1:] if args is None else args)
        end = arguments.index("--") if "--" in arguments else len(arguments)
        debug = "--debug" in arguments[:end]
        arguments = [a for i, a in enumerate(arguments) if i >= end or a != "--debug"]
        prepare_streams()
        limit_threads()
        return super().main(arguments, *positional, obj=debug, **named)

    def invoke(self, ctx: Any) -> Any:
        """Run the requested command."""
        if ctx.parent is not None:  # a nested group: the outermost one handles errors
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
    """Report an error and return its exit status; `None` for errors that Typer reports itself, such as wrong usage."""
    if isinstance(error, typer.Exit | typer.Abort) or type(error).__module__.split(".")[0] in (
        "typer",
        "click",
    ):
        return None
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # Python flushes stdout again at exit, which would report the broken pipe a second time.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    if debug:
        traceback.print_exception(error)
    if isinstance(error, DalipError):
        complain(error)
    elif isinstance(error, OSError) and is_write_fault(error):  # a full or read-only disk
        complain(write_fault(Path.cwd(), error))
    else:
        hint = "" if debug else "; run the command again with --debug and report the output"
        complain(f"unexpected {type(error).__name__}: {error}{hint}")
    return 1


_on_screen: list["ProgressLine"] = []
"""Progress lines now on the terminal, which must be cleared before anything else is printed."""


def _clear_progress() -> None:
    for progress in tuple(_on_screen):
        progress.clear()


class ProgressLine:
    """A progress line on stderr; called as `progress(what, done, total)`.

    On a terminal, one line is updated in place. Elsewhere a new line is printed every ten seconds. Work that takes
    less than two seconds prints nothing there.
    """

    def __init__(self, stream: TextIO | None = None, *, hidden: bool = False) -> None:
        """Start the clock.

        Args:
            stream: Where to print; stderr by default.
            hidden: Print nothing.
        """
        self._stream = stream or sys.stderr
        self._hidden = hidden
        self._rewrite = self._stream.isatty()
        wait, self._interval = (0.5, 0.1) if self._rewrite else (2.0, 10.0)  # seconds
        self._next = time.monotonic() + wait
        self._width = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Report that `done` of `total` items are finished; `total` is 0 if it is unknown."""
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
        """Clear the line, so that something else can be printed."""
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0
            _on_screen.remove(self)

    def __enter__(self) -> "ProgressLine":
        """Return the progress line itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line, also after an error."""
        self.clear()


def counted(number: int, thing: str) -> str:
    """Format a count with its noun: `1 photo`, `1,000 photos`, `2 taxa`."""
    return f"{number:,} {thing if number == 1 else 'taxa' if thing == 'taxon' else thing + 's'}"
