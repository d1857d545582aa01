"""Count the processors that this process may use."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

__all__ = ["available_cpus", "cpu_quota"]

_PERIOD = 100_000  # microseconds, the default of Linux


def available_cpus(root: Path = Path("/")) -> int:
    """Return how many processors this process may use: its CPU affinity or, if lower, the quota of its container.

    Args:
        root: See `cpu_quota`.
    """
    if hasattr(os, "process_cpu_count"):  # from Python 3.13
        count = os.process_cpu_count() or 1
    elif hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return min(count, cpu_quota(root) or count)


def cpu_quota(root: Path = Path("/")) -> int | None:
    """Return how many processors the container of this process may use at the same time, on Linux.

    This is the lowest quota of its control groups and all groups above them, in versions 1 and 2 of cgroups. Part of a
    processor counts as a whole one.

    Args:
        root: Folder in which `proc` and `sys` are mounted.

    Returns:
        At least 1; `None` if there is no quota.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/scheduler/sched-bwc.html
    """
    return min(filter(None, map(_quota, _control_groups(root))), default=None)


def _quota(folder: Path) -> int | None:
    """Return the quota of one control group in processors, rounded up; `None` if it has none."""
    with suppress(OSError, ValueError, IndexError):
        limit, *period = (folder / "cpu.max").read_text().split()  # version 2; "max" is not a number
        return _processors(int(limit), int(period[0]) if period else _PERIOD)
    with suppress(OSError, ValueError):
        limit = (folder / "cpu.cfs_quota_us").read_text()  # version 1; -1 means no quota
        return _processors(int(limit), int((folder / "cpu.cfs_period_us").read_text()))
    return None


def _processors(quota: int, period: int) -> int | None:
    return -(-quota // period) if quota > 0 and period > 0 else None


def _control_groups(root: Path) -> Iterator[Path]:
    """Yield the folders of the control groups that limit this process, and of those above them."""
    try:
        groups = (root / "proc/self/cgroup").read_text(errors="surrogateescape").splitlines()
        mounts = (root / "proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return  # not Linux
    mounted = [mount for line in mounts if (mount := _mount(line))]
    for line in groups:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")  # version 2 lists no controllers
        for names, top, place in mounted:
            if names == {""} if not controllers else "cpu" in controllers.split(",") and "cpu" in names:
                yield from _upwards(root / place.relative_to("/"), PurePosixPath(path), top)


def _mount(line: str) -> tuple[set[str], PurePosixPath, PurePosixPath] | None:
    """Return controllers, top group and place of a mounted control group file system; `None` for other lines.

    The controllers of version 2 are `{""}`.
    """
    before, _, after = line.partition(" - ")
    fields, about = before.split(" "), after.split(" ")
    if len(fields) < 5 or len(about) < 3 or about[0] not in ("cgroup", "cgroup2"):
        return None
    names = {""} if about[0] == "cgroup2" else {*about[2].split(",")}
    top, place = (PurePosixPath(_unescaped(field)) for field in fields[3:5])
    return names, top, place


def _unescaped(field: str) -> str:
    r"""Undo the escapes in `mountinfo`: a space is written as `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _upwards(mount: Path, group: PurePosixPath, top: PurePosixPath) -> Iterator[Path]:
    """Yield the folder of a group and those above it.

    Args:
        mount: Where the file system is mounted.
        group: Path of the group.
        top: Path of the group that is mounted; a container sees only its own group, under the path that it has outside.
    """
    inside = group.relative_to(top) if group.is_relative_to(top) and ".." not in group.parts else None
    parts = inside.parts if inside is not None else ()
    for depth in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:depth])
