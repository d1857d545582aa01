"""A training step has the same gradients if the batch is divided into micro-batches or over real processes."""

import os
import socket
import tempfile

import pytest
import torch
from accelerate import Accelerator
from paths import ROOT
from stepping import OBJECTIVES, gradients
from warm import TRAINING, fork

SCRIPT = ROOT / "tests" / "stepping.py"
Found = dict[str, dict[str, torch.Tensor]]


@pytest.fixture(scope="module")
def by_two_processes(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The gradients computed by two processes together, for every objective, with one micro-batch and with two."""
    out = tmp_path_factory.mktemp("step") / "gradients.pt"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    common |= {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    code = SCRIPT.read_text(encoding="utf-8")
    with tempfile.TemporaryFile("w+") as errors:
        started = []
        for rank in ("0", "1"):
            own = common | {"RANK": rank, "LOCAL_RANK": rank}
            started.append(fork(code, [str(out)], own, modules=TRAINING, stderr=errors))
        for process in started:
            status = process.wait(600)
            errors.seek(0)
            assert status == 0, errors.read()
    return dict(torch.load(out, weights_only=True))


def test_an_unused_order_is_not_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    """On GPUs, accelerate ends with this `view`, which fails for a tensor of width 0."""
    monkeypatch.setattr(Accelerator, "gather", lambda self, rows: rows.view(-1, *rows.shape[1:]))
    assert gradients(Accelerator(cpu=True), "clip", parts=2)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_processes_and_micro_batches_have_the_gradients_of_the_whole_batch(
    objective: str, by_two_processes: Found
) -> None:
    accelerator = Accelerator(cpu=True)
    whole = gradients(accelerator, objective, parts=1)
    assert len(whole) > 30
    assert all(gradient.abs().sum() > 0 for name, gradient in whole.items() if not name.endswith("bias"))
    divided = {"4 parts": gradients(accelerator, objective, parts=4)}
    divided |= {f"2 processes, {parts} parts": by_two_processes[f"{objective} {parts}"] for parts in (1, 2)}
    for way, found in divided.items():
        assert found.keys() == whole.keys()
        for name, gradient in whole.items():
            assert (found[name] - gradient).norm() <= 1e-5 * gradient.norm() + 1e-7, f"{name}, {way}"
