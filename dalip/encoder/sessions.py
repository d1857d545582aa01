"""Open ONNX Runtime sessions when they are first needed, on the processors that this process may use."""

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.cpus import available_cpus
from dalip.errors import BundleError

__all__ = ["Session"]

_FATAL = 4  # onnxruntime's severity; below it, stderr fills with notes on graphics cards that are not there
_NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"


class Session:
    """An ONNX model in memory, ready to run."""

    def __init__(self, content: bytes, name: str, outputs: Sequence[str]) -> None:
        """Open a model.

        Args:
            content: What the .onnx file holds.
            name: How errors name the file.
            outputs: Names that the model must give.

        Raises:
            BundleError: onnxruntime refuses the model, or an output is missing.
        """
        ort = _onnxruntime()
        options = ort.SessionOptions()
        options.log_severity_level = _FATAL
        options.intra_op_num_threads = available_cpus()
        options.inter_op_num_threads = 1
        # Threads that wait in a busy loop take the processors from those that read the next photos.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._name = name
        try:
            self._session: Any = ort.InferenceSession(content, options, providers=_providers(ort))
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise BundleError("model-not-opened", source=name, cause=_brief(error)) from error
        found = [output.name for output in self._session.get_outputs()]
        for output in outputs:
            if output not in found:
                raise BundleError("model-output-missing", source=name, output=output, found=found)

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Run the model.

        Args:
            outputs: Which outputs to give.
            inputs: Array of each input, by its name.

        Returns:
            The outputs in the order asked for, float32, all of them finite.

        Raises:
            BundleError: The model fails on this input, or gives numbers that are not finite.
        """
        try:
            values = self._session.run(list(outputs), dict(inputs))
        except Exception as error:
            raise BundleError("model-fails", source=self._name, cause=_brief(error)) from error
        results = [np.asarray(value, dtype=np.float32) for value in values]
        if not all(np.isfinite(result).all() for result in results):
            raise BundleError("model-not-finite", source=self._name)
        return results


def _brief(error: Exception) -> str:
    """Give what onnxruntime says, which may fill many lines, as one short one."""
    return " ".join(str(error).split())[:200]


@cache
def _onnxruntime() -> Any:
    """Import onnxruntime without output on stderr, and without its telemetry.

    From version 1.29 it reports its use to its makers unless a variable, read while it is imported, tells it not to.
    DALIP promises that nothing leaves this computer. The variable is then put back, for it is the user's.
    """
    before = os.environ.get(_NO_TELEMETRY)
    os.environ[_NO_TELEMETRY] = "1"
    try:
        with _without_stderr():
            import onnxruntime
    finally:
        if before is None:
            del os.environ[_NO_TELEMETRY]
        else:
            os.environ[_NO_TELEMETRY] = before
    onnxruntime.set_default_logger_severity(_FATAL)
    onnxruntime.disable_telemetry_events()  # Windows, where the variable means nothing
    return onnxruntime


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """Turn the process's stderr away for a moment.

    There is no other way: while it is imported, onnxruntime looks for graphics cards, and its C++ code warns straight
    into file 2 about virtual ones (WSL, containers, Raspberry Pi). Its severity can be set only after that.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # a program without one
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _providers(ort: Any) -> list[str]:
    if "CUDAExecutionProvider" in ort.get_available_providers() and _has_cuda_device():
        # Finds the CUDA libraries that pip installed; it prints about those that it misses, and onnxruntime
        # then falls back to the CPU by itself.
        with contextlib.redirect_stdout(io.StringIO()):
            ort.preload_dlls()
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


@cache
def _has_cuda_device() -> bool:
    """Ask the driver itself: onnxruntime-gpu always lists CUDA, and complains where there is none."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int()
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (OSError, AttributeError):
        return False
