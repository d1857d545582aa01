"""Processes that start quickly: forked from a process that has already imported the slow modules.

They behave like other processes: they have separate arguments, environment, working directory, streams and exit status,
and their code can fail or be killed. Only the imports are done in advance, so their order and cause differ from those
in a real start.

python warm.py DESCRIPTOR MODULE...    waits on the socket DESCRIPTOR for requests to start processes
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
"""Modules that training processes have imported before they start."""

_NUMBER = 12  # bytes used to send a process ID, and later its exit status


class Forked:
    """A forked process with the interface of `subprocess.Popen`."""

    def __init__(self, told: int, stdout: IO[str] | None, stderr: IO[str]) -> None:
        """Wait until the process exists.

        Args:
            told: A pipe that delivers its process ID, and its status when it ends.
            stdout: Its standard output.
            stderr: The file to which it writes its standard error.
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
        """Wait until it ends, and return its output and its standard error."""
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
    """Run code as `python -c` does, in a process that has already imported `modules`.

    Without `stdout`, its output is sent through a pipe.
    """
    if sys.platform != "linux":  # on other systems, some libraries break after a fork
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
    """Start a process that imports modules and forks on request; it ends together with this one."""
    here, there = socket.socketpair()
    subprocess.Popen(
        [sys.executable, "-P", __file__, str(there.fileno()), *modules],
        pass_fds=[there.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # not a terminal, so that its children buffer their output as in a pipe
        # The same setting as in dalip.encoder before it imports onnxruntime.
        env=os.environ | {"PYTHONUTF8": "1", "ORT_DISABLE_TELEMETRY": "1"},
    )
    there.close()
    return here


def _fork_when_asked(asked: socket.socket) -> dict[str, object]:
    """Wait for requests, and return each of them in a new process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # for the watching processes below
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
    # A background job inherits an ignored Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in ((1, stdout), (2, stderr)):
        os.dup2(file, number)
        os.close(file)
    # New streams, because the old ones have already checked what they write to.
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape")
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace")
    with os.fdopen(request) as file:
        return json.load(file)


def main() -> None:
    """Import the modules, then run each request in a new process."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.freeze()  # or else garbage collection would make each new process copy the pages that it touches
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
    # Exit as the interpreter does, but without the teardown, which would take a large part of a short process's time.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else status is not None)


if __name__ == "__main__":
    main()
