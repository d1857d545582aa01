"""Settings for all tests."""

import gc
import os
import shutil
import sys
import tempfile

from hypothesis import settings

# A busy machine must not make a property fail.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """Exclude what all tests have imported from the garbage collection that training and commands trigger."""
    gc.collect()
    gc.freeze()


# Commands without a data folder must not write into that of the person who runs the tests.
_data = tempfile.TemporaryDirectory()
os.environ["XDG_DATA_HOME"] = _data.name

# Nor into their cache of the model hub. Both are read when the hub's client is imported. Xet is a second protocol for
# large files, which the hub of the tests does not speak.
os.environ["HF_HOME"] = f"{_data.name}/hub"
os.environ["HF_HUB_DISABLE_XET"] = "1"

# There are as many test processes as CPUs, so more threads would only wait. Read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Runs are compared bit for bit, which a GPU does not guarantee; tests for the GPU enable it. PyTorch finds the GPU of a
# Mac even in a virtual machine, where it has no memory.
if shutil.which("nvidia-smi") or sys.platform == "darwin":
    os.environ.setdefault("ACCELERATE_USE_CPU", "true")
