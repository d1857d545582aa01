"""Measure time and memory of `MultiHeadBDC`, forward and backward, against a plain implementation.

    python benchmarks/mbdc_speed.py [--batches 32 256] [--compile] [--threads 2]

Uses 197 tokens of width 512, 4 heads and 46 channels, in training mode and fp32. First checks that the baseline returns
the same features and gradients. Prints the medians of interleaved repetitions, the median of the ratios within a
repetition, and the peak memory of the tensors of a step, without layer and inputs. On Linux, put
MALLOC_TRIM_THRESHOLD_=2147483647 MALLOC_MMAP_THRESHOLD_=2147483647 before the command to keep freed memory, as training
does; without it, fresh pages are cleared at every step. A single thread is timed by its CPU time.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

from dalip.model import MultiHeadBDC

TOKENS, WIDTH, HEADS, REDUCED = 197, 512, 4, 46
PARTS = {
    "whole layer": (),
    "without hidden and output": ("hidden", "output"),
    "also without projection": ("hidden", "output", "projection"),
    "without any linear map": ("hidden", "output", "projection", "reduction"),
}
Step = Callable[[], object]


class PlainBDC(MultiHeadBDC):
    """Baseline: a loop over heads, centring by products with matrices of ones, triangles by advanced indexing.

    Source: the approach of the DALIP paper's release, reimplemented.
    """

    def triangles(self, summary: Tensor, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the covariance features between the projection and the output map."""
        weighted = []
        for head, own in zip(
            tokens.chunk(self.num_heads, dim=-1), summary.chunk(self.num_heads, dim=-1), strict=True
        ):
            likeness = F.cosine_similarity(head, own.unsqueeze(1), dim=-1)
            if mask is not None:
                likeness = likeness.masked_fill(~mask, float("-inf"))
            weighted.append(head * likeness.softmax(dim=-1).unsqueeze(-1))
        rows = self.reduction(torch.stack(weighted, dim=1))  # b h m r
        rows = F.relu(self.reduction_norm(rows.flatten(0, 2)).view_as(rows))
        if mask is not None:
            rows = rows * mask[:, None, :, None]
            counts = mask.sum(dim=-1).float()[:, None, None]
        else:
            counts = torch.full((len(tokens), 1, 1), float(tokens.shape[1]), device=tokens.device)
        with torch.autocast(tokens.device.type, enabled=False):
            triangles = [self._triangle(rows[:, head].float(), counts) for head in range(self.num_heads)]
        features: Tensor = self.hidden(self.triangle_norm(torch.cat(triangles, dim=-1)))
        return features

    def _triangle(self, rows: Tensor, counts: Tensor) -> Tensor:
        batch, _, r = rows.shape
        ones = torch.ones(batch, r, r, device=rows.device)
        gram = rows.transpose(1, 2) @ rows
        own = gram * torch.eye(r, device=rows.device)
        distances = (own @ ones + ones @ own - 2 * gram).clamp(min=0)
        distances = torch.sqrt(distances / (2 * counts) + 1e-5)
        centred = distances - distances @ ones / r - ones @ distances / r + ones @ distances @ ones / r**2
        i, j = torch.triu_indices(r, r, device=rows.device)
        return centred[:, i, j]


class FirstChannels(nn.Module):
    """A stand-in for the reduction with as many channels, without the product."""

    def forward(self, heads: Tensor) -> Tensor:
        """Return the first channels."""
        return heads[..., :REDUCED]


def interleaved_seconds(steps: dict[str, Step], repeats: int, *, warmups: int = 2) -> dict[str, list[float]]:
    """Time steps in turn, so that other load on the machine affects all of them equally.

    A single CPU thread is timed by its CPU time, which excludes other processes.
    """
    alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
    clock = time.process_time if alone else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(-warmups, repeats):
        for name, step in steps.items():
            _finish()
            started = clock()
            step()
            _finish()
            if repeat >= 0:
                seconds[name].append(clock() - started)
    return seconds


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_mebibytes(step: Step) -> float:
    """Measure the peak memory of tensors during a step, minus what they took before it."""
    if torch.cuda.is_available():
        _finish()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        step()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.json")
        record.export_chrome_trace(str(path))
        events = [e for e in json.loads(path.read_text())["traceEvents"] if e.get("name") == "[memory]"]
    allocated = sorted(events, key=lambda e: e["ts"])
    before = allocated[0]["args"]["Total Allocated"] - allocated[0]["args"]["Bytes"]
    return (max(e["args"]["Total Allocated"] for e in allocated) - before) / 2**20


def ratio(seconds: dict[str, list[float]], over: str, under: str) -> float:
    """Return the median of the ratios of two steps within a repetition."""
    return statistics.median(a / b for a, b in zip(seconds[over], seconds[under], strict=True))


def make_step(layer: nn.Module, summary: Tensor, tokens: Tensor) -> Callable[[], list[Tensor]]:
    """Return a function that runs a layer forward and backward and returns its features and gradients."""
    leaves = [summary, tokens, *layer.parameters()]
    seed: list[Tensor] = []

    def step() -> list[Tensor]:
        features = layer(summary, tokens)
        if not seed:
            seed.append(torch.randn(features.shape, generator=torch.Generator().manual_seed(1)).to(features))
        return [features, *torch.autograd.grad(features, leaves, seed[0], allow_unused=True)]

    return step


def compare(part: str, batch: int, device: str, repeats: int, compiled: bool) -> str:
    """Measure one part of the layer and return a row of the table."""
    torch.manual_seed(0)
    layers = {
        name: kind(WIDTH, num_heads=HEADS, reduced_dim=REDUCED)
        for name, kind in (("baseline", PlainBDC), ("ours", MultiHeadBDC))
    }
    layers["ours"].load_state_dict(layers["baseline"].state_dict())
    summary = torch.randn(batch, WIDTH, device=device, requires_grad=True)
    tokens = torch.randn(batch, TOKENS, WIDTH, device=device, requires_grad=True)
    steps: dict[str, Step] = {}
    results = []
    for name, layer in layers.items():
        for left_out in PARTS[part]:
            setattr(layer, left_out, FirstChannels() if left_out == "reduction" else nn.Identity())
        layer.train().to(device)
        step = make_step(torch.compile(layer) if compiled else layer, summary, tokens)
        steps[name] = step
        results.append(step())
    for plain, ours in zip(*results, strict=True):
        if plain is not None:
            torch.testing.assert_close(ours, plain, rtol=1e-3, atol=1e-3 * plain.abs().max().item())
    del results
    seconds = interleaved_seconds(steps, repeats)
    memory = {name: peak_mebibytes(step) for name, step in steps.items()}
    baseline, ours = (1000 * statistics.median(seconds[name]) for name in steps)
    return (
        f"| {batch} | {part}{', compiled' if compiled else ''} | {baseline:.1f} | {ours:.1f} "
        f"| {ratio(seconds, 'baseline', 'ours'):.2f} | {memory['baseline']:.0f} | {memory['ours']:.0f} |"
    )


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", nargs="+", type=int, default=[32, 256] if device == "cuda" else [32])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--compile", action="store_true", help="also measure both layers with torch.compile")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"PyTorch {torch.__version__}, {device}, {arguments.threads} threads\n")
    print("| batch | part | baseline, ms | ours, ms | speed-up | baseline, MiB | ours, MiB |")
    print("|---|---|---|---|---|---|---|")
    for batch in arguments.batches:
        for compiled in (False, True) if arguments.compile else (False,):
            for part in PARTS:
                print(compare(part, batch, device, arguments.repeats, compiled), flush=True)


if __name__ == "__main__":
    main()
