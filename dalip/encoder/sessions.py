"""Open ONNX Runtime sessions, on the processors that this process may use or on a GPU."""

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

__all__ = ["Session", "runtime", "session_options"]

_FATAL = 4  # onnxruntime's log severity; lower levels fill stderr with notes about missing GPUs
_DATA_FOLDER = "session.model_external_initializers_file_folder_path"
_NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"


class Session:
    """An ONNX model in memory, ready to run."""

    def __init__(
        self, content: bytes, path: Path, outputs: Sequence[str], threads: int | None = None
    ) -> None:
        """Open a model.

        Args:
            content: The content of the .onnx file.
            path: The file; its folder may contain the model's external data.
            outputs: Names of the outputs that the model must have.
            threads: Threads of each run; by default one for each available processor.

        Raises:
            BundleError: onnxruntime rejects the model, or an output is missing.
        """
        ort, providers = runtime()
        self._path = path
        options = session_options(threads)
        options.add_session_config_entry(_DATA_FOLDER, str(path.parent))
        try:
            self._session: Any = ort.InferenceSession(content, options, providers=providers)
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise BundleError("model-not-opened", source=path, cause=_brief(error)) from error
        found = [output.name for output in self._session.get_outputs()]
        for output in outputs:
            if output not in found:
                raise BundleError("model-output-missing", source=path, output=output, found=found)

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Run the model.

        Args:
            outputs: Names of the outputs to return.
            inputs: Array of each input, by its name.

        Returns:
            The outputs in the requested order, float32, all values finite.

        Raises:
            BundleError: The model fails on this input, or returns values that are not finite.
        """
        try:
            values = self._session.run(list(outputs), dict(inputs))
        except Exception as error:
            raise BundleError("model-fails", source=self._path, cause=_brief(error)) from error
        results = [np.asarray(value, dtype=np.float32) for value in values]
        if not all(np.isfinite(result).all() for result in results):
            raise BundleError("model-not-finite", source=self._path)
        return results


def session_options(threads: int | None = None) -> Any:
    """Return the options of all sessions: no spinning, no messages, and by default a thread for each processor."""
    ort, _ = runtime()
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads or available_cpus()
    options.inter_op_num_threads = 1
    # Threads that spin while waiting take processor time from those that read the next photos.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _brief(error: Exception) -> str:
    """Return onnxruntime's error message, which may have many lines, as one short line."""
    return " ".join(str(error).split())[:200]


@cache
def runtime() -> tuple[Any, list[str]]:
    """Import onnxruntime, and choose the hardware to run models on.

    While this runs, nothing that the process writes to stderr is seen.

    Returns:
        The module and the names of its execution providers, in the order of preference.
    """
    ort = _onnxruntime()
    return ort, _providers(ort)


def _onnxruntime() -> Any:
    """Import onnxruntime without output on stderr, and without its telemetry.

    From version 1.29, onnxruntime sends usage data to its makers unless an environment variable, read during import,
    disables it. DALIP promises that nothing leaves this computer. The variable is then restored, because it belongs to
    the user.
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
    onnxruntime.disable_telemetry_events()  # for Windows, where the variable has no effect
    return onnxruntime


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """Redirect the process's stderr to the null device for the duration of the block.

    There is no other way: during its import, onnxruntime looks for GPUs, and its C++ code writes warnings about virtual
    ones (WSL, containers, Raspberry Pi) directly to file descriptor 2. Its log severity can only be set afterwards.
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
        # Finds the CUDA libraries that pip installed. It prints messages about missing ones; onnxruntime then falls
        # back to the CPU.
        with contextlib.redirect_stdout(io.StringIO()):
            ort.preload_dlls()
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


@cache
def _has_cuda_device() -> bool:
    """Ask the driver directly, because onnxruntime-gpu always lists CUDA and complains if there is no device."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int()
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (OSError, AttributeError):
        return False
