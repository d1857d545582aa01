"""Count the processors that this process may use."""

import contextlib
import os
from pathlib import Path

__all__ = ["available_cpus"]


def available_cpus() -> int:
    """Return how many processors this process may use, by its CPU affinity and, on Linux, its container's quota."""
    if hasattr(os, "process_cpu_count"):  # from Python 3.13
        count = os.process_cpu_count() or 1
    elif hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        count = min(count, -(-int(quota) // int(period)))  # "max" means no quota and is not a number
    return max(1, count)
