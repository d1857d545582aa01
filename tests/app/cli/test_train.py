"""`dalip train`: turns photos into an encoder that the other commands accept."""

import contextlib
import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
import torch
from warm import TRAINING, fork

from dalip.datasets import split_of
from dalip.datasets.record import Split
from tests.app.conftest import BIN, CODE, Done, World, environment
from tests.dalip.runs import TOY

Dalip = Callable[..., Done]

# A tiny model and small batches, trained for a few steps on the photos of `world` (one folder per taxon).
SMALL = ("--preset", "tiny", "--batch-size", "16", "--workers", "0")
SMALLEST = (*SMALL, "--model", TOY, "--image-size", "32")


def test_from_photos_to_answers(dalip: Dalip, world: World, tmp_path: Path) -> None:
    """With a Ctrl-C during training."""
    train = [
        "train",
        *SMALLEST,
        "--data",
        str(world.photos),
        "--taxa",
        str(world.taxa),
        "--steps",
        "20",
        "run",
    ]
    log = tmp_path / "run" / "log.csv"
    with tempfile.TemporaryFile("w+") as errors:
        first = fork(CODE["dalip"], train, environment(), modules=TRAINING, cwd=tmp_path, stderr=errors)
        while first.poll() is None and not (log.exists() and "\n3," in log.read_text()):
            time.sleep(0.02)
        first.send_signal(signal.SIGINT)
        assert first.wait(600) == 130
    done = dalip("train", "run")
    assert (done.status, done.out) == (0, ""), done.err
    assert re.search(r"resumed at step \d+ of 20", done.err)
    assert all(line.startswith("dalip: ") for line in done.err.splitlines()), done.err
    for word in ("s/step", "min left", "validation  step 20", "lowest cosine similarity"):
        assert word in done.err
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left >= {"config.json", "log.csv", "tensorboard", "curves.png", "README.md", "model.pt", "encoder"}
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    with log.open() as file:
        losses = [float(row["value"]) for row in csv.DictReader(file) if row["quantity"] == "loss"]
    assert len(losses) == 20
    page = (tmp_path / "run" / "README.md").read_text()
    assert "| source | photos | top-1 | top-5 |" in page
    done = dalip("index", "build", "--encoder", "run/encoder", "--taxa", world.taxa, "flora")
    assert done.status == 0, done.err
    photo = world.photos / "Flos_red" / "red-00.png"
    done = dalip("identify", photo, "--flora", "flora", "--encoder", "run/encoder", "--json")
    assert done.status == 0, done.err
    assert len(json.loads(done.out)["predictions"]) == 5


def test_each_unusable_photo_is_reported_on_one_line(dalip: Dalip, world: World, tmp_path: Path) -> None:
    """Once each in training, validation and export, and on the page about the model."""
    photos = tmp_path / "photos"
    shutil.copytree(world.photos, photos)
    found = {split: list[Path]() for split in get_args(Split)}
    for path in sorted(photos.glob("*/*.png")):
        found[split_of(path.relative_to(photos).as_posix())].append(path)
    damaged = [found["train"][0], found["selection"][0]]
    for path in damaged:
        path.write_bytes(path.read_bytes()[:100])
    bare, captioned = found["train"][1:3]
    (tmp_path / "bare.csv").write_text(f"file,caption\n{bare},\n{captioned},a flower\n")
    sources = ["--data", photos, "--data", "bare.csv"]
    done = dalip("train", *SMALLEST, *sources, "--epochs", "2", "--set", "evaluate_every=1", "run")
    assert done.status == 0, done.err
    for path in damaged:
        lines = [line for line in done.err.splitlines() if path.name in line]
        # The export reads validation photos again.
        assert len(lines) == (1 if path is damaged[0] else 2), done.err
        assert all(re.match(r"dalip: \S+: the file is damaged or truncated; copy", line) for line in lines)
    assert re.search(r"dalip: \S+: 1 photos have neither a scientificName nor a caption\n", done.err)
    page = (tmp_path / "run" / "README.md").read_text()
    assert page.count("the file is damaged or truncated") == 2
    done = dalip("train", *SMALLEST, *sources, "--dry-run", "planned")
    assert done.err.count("\n") == 1
    assert "1 photos have neither" in done.err


def test_a_dry_run_prints_the_plan_and_leaves_nothing(dalip: Dalip, world: World, tmp_path: Path) -> None:
    done = dalip("train", *SMALL, "--data", f"{world.photos}@0.5", "--dry-run", "run")
    assert (done.status, done.err) == (0, "")
    for word in ("data: photos: ", "taxa: ", "steps: ", "parameters", "trainable", "GiB"):
        assert word in done.out
    assert not (tmp_path / "run").exists()


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def launch_two() -> list[str]:
    """Return the start of a command that runs `dalip` in two processes."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--no-python", "--nproc-per-node", "2"]
    return [*launcher, "--master-port", free_port(), str(BIN / "dalip")]


def test_a_missing_package_is_named() -> None:
    code = f"import sys; sys.modules['torch'] = None\n{CODE['dalip']}"
    command = [sys.executable, "-c", code, "export", "run", "out"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "dalip: the package torch is not installed; run pip install 'dalip[builtin]'\n"


def by_two(arguments: list[str], folder: Path) -> tuple[list[int], list[str], str]:
    """Run `dalip` in two processes that form one group, as torchrun would start them.

    Returns:
        The exit statuses, the output of each process, and the combined stderr.
    """
    both = environment(WORLD_SIZE="2", LOCAL_WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=free_port())
    with tempfile.TemporaryFile("w+") as errors:
        started = [
            fork(
                CODE["dalip"],
                arguments,
                both | {"RANK": rank, "LOCAL_RANK": rank},
                modules=TRAINING,
                stderr=errors,
                cwd=folder,
            )
            for rank in ("0", "1")
        ]
        said = [process.stdout.read() for process in started if process.stdout]
        status = [process.wait(600) for process in started]
        errors.seek(0)
        return status, said, errors.read()


def test_two_processes_train_as_one(world: World, tmp_path: Path, dalip: Dalip) -> None:
    """Uses layer norm, because batch norm sees only the share of each process."""
    train = ["train", *SMALLEST, "--data", str(world.photos), "--steps", "3", "--set", "norm=layer"]
    (tmp_path / "one" / "encoder").mkdir(parents=True)
    (tmp_path / "one" / "encoder" / "notes.txt").touch()  # prevents the export, which is slow
    alone = dalip(*train, "--accumulate", "2", "one")
    assert (alone.status, "one/encoder: the folder contains other files" in alone.err) == (1, True), alone.err
    status, _, errors = by_two([*train, "two"], tmp_path)
    assert status == [0, 0], errors
    assert errors.count("lowest cosine similarity") == 1  # only the first process exports
    one, two = ((tmp_path / run / "log.csv").read_text().splitlines() for run in ("one", "two"))
    assert len(one) == len(two)
    for a, b in zip(one[1:], two[1:], strict=True):
        assert a.split(",")[:2] == b.split(",")[:2]
        assert abs(float(a.split(",")[2]) - float(b.split(",")[2])) < 2e-3, (a, b)


def test_the_plan_of_two_processes_is_printed_once(world: World, tmp_path: Path) -> None:
    status, said, errors = by_two(
        ["train", *SMALLEST, "--data", str(world.photos), "--dry-run", "run"], tmp_path
    )
    assert status == [0, 0], errors
    assert [text.count("steps: ") for text in said] == [1, 0]
    assert not (tmp_path / "run").exists()


def test_ctrl_c_stops_two_processes_at_the_same_step(world: World, tmp_path: Path) -> None:
    """torchrun forwards the signal to each process; the first one saves, whatever step the other was at."""
    run = tmp_path / "run"
    rest = ["--data", str(world.photos), "--workers", "1", "--steps", "1000"]
    process = subprocess.Popen(
        [*launch_two(), "train", *SMALLEST, *rest, str(run)],
        cwd=tmp_path,
        env=environment(OMP_NUM_THREADS="1"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Background jobs of a script ignore Ctrl-C, and the command would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    log = run / "log.csv"
    while process.poll() is None and not (log.exists() and "\n3," in log.read_text()):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    (stopped,) = re.findall(r"stopped at step (\d+) of 1000", errors)
    assert f"\n{stopped}," in log.read_text()
    assert torch.load(run / "checkpoint.pt", weights_only=True)["step"] == int(stopped)


@pytest.mark.slow
def test_two_killed_processes_resume_as_if_never_stopped(dalip: Dalip, world: World, tmp_path: Path) -> None:
    """Dropout, parts and the order of photos are reproduced in both."""
    train = ["train", *SMALL, "--data", str(world.photos), "--steps", "12", "--accumulate", "2"]
    train += ["--set", "dropout=0.3", "--set", "evaluate_every=0", "--set", "save_minutes=0"]
    log = tmp_path / "killed" / "log.csv"

    def start(run: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*launch_two(), *train, str(tmp_path / run)],
            cwd=tmp_path,
            env=environment(OMP_NUM_THREADS="1"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    assert start("whole").wait(300) == 0
    process = start("killed")
    while process.poll() is None and not (log.exists() and ",loss," in log.read_text().partition("\n3,")[2]):
        time.sleep(0.02)
    assert process.poll() is None, "it ended before it was killed"
    for command in Path("/proc").glob("[0-9]*/cmdline"):  # torchrun and both of its child processes
        with contextlib.suppress(OSError):
            if str(log.parent).encode() in command.read_bytes():
                os.kill(int(command.parent.name), signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "model.pt").exists()
    assert start("killed").wait(300) == 0
    assert log.read_text() == (tmp_path / "whole" / "log.csv").read_text()
