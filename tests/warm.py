"""Processes that start at once: forked from one that has imported what takes long to import.

They are like any other: arguments, environment, folder, streams and exit are their own, and code that they run may be
killed, or fail. Only imports were done before, and so were not done in the order, or for the reason, of a real start.

python warm.py DESCRIPTOR MODULE...    waits at the socket DESCRIPTOR for processes that are wanted
"""

import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO

TRAINING = ("dalip_app.cli.main", "dalip.training.loop", "dalip.export")
"""What processes that train have imported before they start."""

_NUMBER = 12  # bytes in which a process's number, and then its status, is told


class Forked:
    """A process that was forked; answers as `subprocess.Popen` does."""

    def __init__(self, told: int, stdout: IO[str] | None, stderr: IO[str]) -> None:
        """Wait until it is there.

        Args:
            told: A pipe from which its number comes, and its status at its end.
            stdout: What it prints.
            stderr: The file that has what it writes to stderr.
        """
        self.stdout, self._stderr = stdout, stderr
        self.returncode: int | None = None
        self._told = told
        self.pid = int(os.read(told, _NUMBER))

    def __del__(self) -> None:
        os.close(self._told)

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(["forked"], timeout or 0)
            self.returncode = int(os.read(self._told, _NUMBER))
        return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def communicate(self) -> tuple[str, str]:
        """Wait for its end, and give what it printed and what it wrote to stderr."""
        printed = self.stdout.read() if self.stdout else ""
        self.wait()
        self._stderr.seek(0)
        return printed, self._stderr.read()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def fork(
    code: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    modules: Sequence[str],
    stderr: IO[str],
    stdout: IO[str] | None = None,
    cwd: Path | None = None,
) -> Forked | subprocess.Popen[str]:
    """Run code as `python -c` does, in a process that has imported `modules` already.

    Without `stdout`, what it prints comes through a pipe.
    """
    if sys.platform != "linux":  # other systems' libraries do not all bear a fork
        command = [sys.executable, "-c", code, *arguments]
        out = stdout or subprocess.PIPE
        return subprocess.Popen(command, cwd=cwd, env=environment, stdout=out, stderr=stderr, text=True)
    asked = {
        "code": code,
        "arguments": arguments,
        "environment": dict(environment),
        "cwd": str(cwd or Path.cwd()),
    }
    read, write = (None, stdout) if stdout else map(os.fdopen, os.pipe(), "rw")
    told, tell = os.pipe()
    with tempfile.TemporaryFile("w+") as request:
        json.dump(asked, request)
        request.seek(0)
        streams = [request, write, stderr]
        socket.send_fds(_parent(tuple(modules)), [b"."], [*(file.fileno() for file in streams), tell])
    os.close(tell)
    if read:
        write.close()
    return Forked(told, read, stderr)


@cache
def _parent(modules: tuple[str, ...]) -> socket.socket:
    """Start a process that imports modules and forks when asked to; it ends with this one."""
    here, there = socket.socketpair()
    subprocess.Popen(
        [sys.executable, "-P", __file__, str(there.fileno()), *modules],
        pass_fds=[there.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # no terminal, so that what its children print waits in a buffer as in a pipe
        # As dalip.encoder sets it before it imports onnxruntime.
        env=os.environ | {"PYTHONUTF8": "1", "ORT_DISABLE_TELEMETRY": "1"},
    )
    there.close()
    return here


def _fork_when_asked(asked: socket.socket) -> dict[str, object]:
    """Wait for requests, and return with each in a new process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # of those that watch, below
    while True:
        message, files, _, _ = socket.recv_fds(asked, 1, 4)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
    asked.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, stdout, stderr, tell = files
    child = os.fork()
    if child:  # this process watches the other
        os.close(stdout)
        os.close(stderr)
        os.write(tell, str(child).rjust(_NUMBER).encode())
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(tell, str(status).rjust(_NUMBER).encode())
        os._exit(0)
    os.close(tell)
    # A job in the background inherits that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in ((1, stdout), (2, stderr)):
        os.dup2(file, number)
        os.close(file)
    # New ones, for the old have found out what they wrote to.
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape")
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace")
    with os.fdopen(request) as file:
        return json.load(file)


def main() -> None:
    """Import, and then run in new processes what is asked for."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.freeze()  # else each new process would copy what a search for garbage touches
    request = _fork_when_asked(asked)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    sys.argv = ["-c", *request["arguments"]]
    tempfile.tempdir = None
    sys.modules["__main__"] = ModuleType("__main__")
    status: object = 0
    try:
        exec(request["code"], vars(sys.modules["__main__"]))
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    # What the interpreter does at its end, except for taking everything apart, no small part of a short process.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else status is not None)


if __name__ == "__main__":
    main()
