"""Open ONNX Runtime sessions when they are first needed, on the processors that this process may use."""

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalip.cpus import available_cpus
from dalip.errors import BundleError

__all__ = ["Session"]

_FATAL = 4  # onnxruntime's severity; below it, stderr fills with notes on graphics cards that are not there


class Session:
    """An ONNX model in memory, ready to run."""

    def __init__(self, content: bytes, name: str, outputs: Sequence[str], threads: int | None = None) -> None:
        """Open a model.

        Args:
            content: What the .onnx file holds.
            name: How messages name the file.
            outputs: Names that the model must give.
            threads: Within one operation; by default `available_cpus()`.

        Raises:
            BundleError: onnxruntime refuses the model, or an output is missing.
        """
        ort = _onnxruntime()
        options = ort.SessionOptions()
        options.log_severity_level = _FATAL
        options.intra_op_num_threads = threads or available_cpus()
        options.inter_op_num_threads = 1
        # Threads that wait in a busy loop take the processors from those that read the next photos.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._name = name
        try:
            self._session: Any = ort.InferenceSession(content, options, providers=_providers(ort))
        except Exception as error:  # onnxruntime's exceptions share no base class
            cause = " ".join(str(error).split())[:200]
            raise BundleError(
                f"{name}: onnxruntime cannot open it ({cause}); upgrade onnxruntime or export it again"
            ) from error
        found = [output.name for output in self._session.get_outputs()]
        for output in outputs:
            if output not in found:
                raise BundleError(
                    f"{name}: lacks the output {output} (it has {', '.join(found)}); export it again"
                )

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
            cause = " ".join(str(error).split())[:200]
            raise BundleError(f"{self._name}: fails ({cause}); export the bundle again") from error
        results = [np.asarray(value, dtype=np.float32) for value in values]
        if not all(np.isfinite(result).all() for result in results):
            raise BundleError(f"{self._name}: gives numbers that are not finite; export the bundle again")
        return results


@cache
def _onnxruntime() -> Any:
    """Import onnxruntime without a sound, and without its telemetry.

    From version 1.29 it reports its use to its makers unless told otherwise before its import. DALIP promises
    that nothing leaves this computer.

    At its import it looks for graphics cards and warns on stderr about virtual ones (WSL, containers,
    Raspberry Pi) before any setting can stop it, so stderr itself is turned away for that moment.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        stderr = os.dup(2)
    except OSError:  # a program without one
        import onnxruntime
    else:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            try:
                import onnxruntime
            finally:
                os.dup2(stderr, 2)
                os.close(stderr)
    onnxruntime.set_default_logger_severity(_FATAL)
    onnxruntime.disable_telemetry_events()  # Windows, where the variable means nothing
    return onnxruntime


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
