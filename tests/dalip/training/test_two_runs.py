"""Two processes train the same run: one of them does, and the other says so."""

import os
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from warm import TRAINING, fork
from wording import refuses

from dalip.errors import DalipError, TrainingError
from dalip.files import hold_lock
from dalip.training.loop import train
from tests.dalip.runs import tiny_config

pytestmark = pytest.mark.usefixtures("unchecked_shapes")

_TRAIN = """
import sys
from pathlib import Path
from dalip.errors import TrainingError
from dalip.training import TrainConfig
from dalip.training.loop import train
try:
    train(TrainConfig.load(Path(sys.argv[1])), Path(sys.argv[2]))
    print("trained")
except TrainingError as error:
    print(error.kind)
"""


def test_two_processes_train_the_same_run(shard: Path, tmp_path: Path) -> None:
    tiny_config(shard).save(tmp_path / "config.json")
    with TemporaryFile("w+") as errors:
        arguments = [str(tmp_path / "config.json"), str(tmp_path / "run")]
        both = [fork(_TRAIN, arguments, os.environ, modules=TRAINING, stderr=errors) for _ in range(2)]
        said = sorted(process.communicate()[0].strip() for process in both)
    assert said in (["run-busy", "trained"], ["trained", "trained"])
    assert (tmp_path / "run" / "model.pt").exists()


def test_a_run_that_is_in_use_is_left_alone(shard: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with hold_lock(run / ".lock", lambda holder: DalipError("busy")):
        with refuses(
            TrainingError, match="run: another process is training this run; wait until it finishes"
        ):
            train(tiny_config(shard), run)
        assert [path.name for path in run.iterdir()] == [".lock"]
