"""Settings of all tests."""

import gc
import os
import shutil

from hypothesis import settings

# A busy machine must not make a property fail.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """Let a search for garbage, which training and commands do, pass over what all tests have imported."""
    gc.collect()
    gc.freeze()


# As many processes run as there are processors; more threads would wait for each other. Read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Runs are compared bit for bit, which a GPU does not promise; tests of a GPU ask for it.
if shutil.which("nvidia-smi"):
    os.environ.setdefault("ACCELERATE_USE_CPU", "true")
