"""The number of CPUs is at least one, and never more than the quota of any control group of the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dalip.cpus import available_cpus, cpu_quota

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1 = "33 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
V1_DOCKER = "712 711 0:28 /docker/c0ffee /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct"
HYBRID = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
MEMORY = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
SPACE = r"30 23 0:26 / /mnt/control\040groups rw - cgroup2 cgroup2 rw"
SYSTEMD = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope"
HIGH = 10**6
"""More than any computer has."""

FILES = {
    "v2, own group": (["0::/"], [V2], {"sys/fs/cgroup/cpu.max": "150000 100000"}, 2),
    "v2, no quota": (["0::/"], [V2], {"sys/fs/cgroup/cpu.max": "max 100000"}, HIGH),
    "v2, default period": (["0::/"], [V2], {"sys/fs/cgroup/cpu.max": "100000"}, 1),
    "v2, less than one": (["0::/"], [V2], {"sys/fs/cgroup/cpu.max": "5000 100000"}, 1),
    "v2, other period": (["0::/"], [V2], {"sys/fs/cgroup/cpu.max": "30000 10000"}, 3),
    "v2, a slice above": (
        [SYSTEMD],
        [V2],
        {
            "sys/fs/cgroup/user.slice/cpu.max": "max 100000",
            "sys/fs/cgroup/user.slice/user-1000.slice/cpu.max": "100000 100000",
            "sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cpu.max": "400000 100000",
            "sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope/cpu.max": "max",
        },
        1,
    ),
    "v2, a sibling": (["0::/a/b"], [V2], {"sys/fs/cgroup/a/c/cpu.max": "100000 100000"}, HIGH),
    "v2, outside the namespace": (
        ["0::/../../other"],
        [V2],
        {"sys/fs/cgroup/cpu.max": "100000 100000"},
        1,
    ),
    "v2, mounted elsewhere": (["0::/a"], [SPACE], {"mnt/control groups/a/cpu.max": "100000 100000"}, 1),
    "v1": (
        ["4:cpu,cpuacct:/"],
        [V1],
        {
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
        1,
    ),
    "v1, no quota": (
        ["4:cpu,cpuacct:/"],
        [V1],
        {
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
        HIGH,
    ),
    "v1, nested": (
        ["3:memory:/x", "4:cpu,cpuacct:/slurm/job_7/step_0"],
        [MEMORY, V1],
        {
            "sys/fs/cgroup/cpu,cpuacct/slurm/job_7/cpu.cfs_quota_us": "50000",
            "sys/fs/cgroup/cpu,cpuacct/slurm/job_7/cpu.cfs_period_us": "50000",
            "sys/fs/cgroup/cpu,cpuacct/slurm/job_7/step_0/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu,cpuacct/slurm/job_7/step_0/cpu.cfs_period_us": "100000",
        },
        1,
    ),
    "v1, in Docker": (
        ["4:cpu,cpuacct:/docker/c0ffee"],
        [V1_DOCKER],
        {
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
        1,
    ),
    "both": (
        ["4:cpu,cpuacct:/", "0::/"],
        [V1, HYBRID],
        {
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/unified/cgroup.procs": "1",
        },
        1,
    ),
    "damaged": (
        ["", "nonsense", "0::/", "4:cpu"],
        ["", "nonsense", V2, V1],
        {
            "sys/fs/cgroup/cpu.max": "not a number",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "0",
        },
        HIGH,
    ),
    "empty": (["0::/"], [V2], {"sys/fs/cgroup/cpu.max": ""}, HIGH),
}


def lay_out(root: Path, groups: list[str], mounts: list[str], files: dict[str, str]) -> None:
    described = {"proc/self/cgroup": "\n".join(groups), "proc/self/mountinfo": "\n".join(mounts)}
    for name, content in (described | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")


@pytest.mark.parametrize("name", FILES)
def test_a_quota_is_respected(tmp_path: Path, name: str) -> None:
    groups, mounts, files, most = FILES[name]
    everything = available_cpus(tmp_path)  # nothing is mounted yet
    lay_out(tmp_path, groups, mounts, files)
    assert cpu_quota(tmp_path) == (None if most == HIGH else most)
    assert available_cpus(tmp_path) == min(most, everything)


def test_without_control_groups_all_cpus_are_used(tmp_path: Path) -> None:
    assert 1 <= available_cpus() <= available_cpus(tmp_path) <= (os.cpu_count() or 1)


_THREADS = """
import os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
try:
    from dalip_app.cli.main import app
    app(["--version"])
except SystemExit:
    import faiss
    from dalip.cpus import available_cpus
    print(available_cpus(), faiss.omp_get_max_threads())
"""


def test_a_real_quota_limits_the_threads_of_all_libraries() -> None:
    group = Path(f"/sys/fs/cgroup/cpu/dalip-test-{os.getpid()}")
    try:
        group.mkdir()
        (group / "cpu.cfs_quota_us").write_text("100000")
    except OSError as error:
        pytest.skip(f"needs permission to make a control group of version 1: {error}")
    try:
        command = [sys.executable, "-c", _THREADS, str(group)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    finally:
        group.rmdir()
    assert done.stdout.splitlines()[1:] == ["1 1"]
