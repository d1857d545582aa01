"""Measure the cost of a training step of DALIP relative to CLIP, for ViT-B/16 with the paper's heads.

    python benchmarks/step_cost.py [--batch 16] [--repeats 5] [--threads 2]

A step is forward, loss, backward and AdamW, on random images and texts of full length. The models share their towers.
The baseline heads are those of `mbdc_speed.PlainBDC`. The rows "heads alone" measure the heads of both towers without
the noise of the towers. Prints medians of interleaved steps, the median of their ratios to CLIP within a repetition,
and the peak memory of the tensors of a step, without weights and optimiser. On a GPU the towers run in bfloat16. See
`mbdc_speed.py` for the environment variables that keep freed memory.
"""

import argparse
import statistics

import open_clip
import torch
from mbdc_speed import PlainBDC, Step, interleaved_seconds, peak_mebibytes, ratio
from open_clip.model import CLIP

from dalip.model import DALIP, DalipLoss, MethodConfig

NAME = "ViT-B-16"
PIXELS, PATCHES, LENGTH, END = 224, 196, 77, 49407  # the end-of-text token has the highest id
PLAIN = "CLIP"


def make_models(clip: CLIP) -> dict[str, DALIP]:
    """Return the three models that are compared; they share their towers."""
    baseline = DALIP(clip, MethodConfig())
    heads = (PlainBDC(baseline.embed_dim, modality=m) for m in ("image", "text"))
    baseline.image_bdc, baseline.text_bdc = heads
    ours = DALIP(clip, MethodConfig())
    return {PLAIN: DALIP(clip, None), "DALIP, baseline heads": baseline, "DALIP, our heads": ours}


def make_step(model: DALIP, batch: int, device: str) -> Step:
    """Return a function that takes one training step."""
    model.train().to(device)
    loss = DalipLoss(objective="dalip" if model.config else "clip")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    pixels = torch.randn(batch, 3, PIXELS, PIXELS, device=device)
    ids = torch.randint(1, END, (batch, LENGTH), device=device)
    ids[:, -1] = END
    mask = model.text_tower.mask(ids)

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            image, text, _, scale = model(pixels, ids, mask)
        loss(image, text, scale).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def make_heads_step(model: DALIP, batch: int, device: str) -> Step:
    """Return a function that takes one training step of the two heads, starting from tokens."""
    heads = [head for head in (model.image_bdc, model.text_bdc) if head is not None]
    optimizer = torch.optim.AdamW([p for head in heads for p in head.parameters()], lr=1e-6)
    summary, *tokens = (
        torch.randn(*shape, model.embed_dim, device=device, requires_grad=True)
        for shape in ((batch,), (batch, PATCHES), (batch, LENGTH))
    )

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            features = [head(summary, x) for head, x in zip(heads, tokens, strict=True)]
        torch.stack(features).float().square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=256 if device == "cuda" else 16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    models = make_models(open_clip.create_model(NAME, pretrained=None))
    steps = {name: make_step(model, arguments.batch, device) for name, model in models.items()}
    seconds = interleaved_seconds(steps, arguments.repeats, warmups=1)
    heads = {
        f"{name.removeprefix('DALIP, ')} alone": make_heads_step(model, arguments.batch, device)
        for name, model in models.items()
        if name != PLAIN
    }
    heads_seconds = interleaved_seconds(heads, 3 * arguments.repeats)
    plain = statistics.median(seconds[PLAIN])
    print(f"PyTorch {torch.__version__}, {device}, {arguments.threads} threads, batch {arguments.batch}\n")
    print("| step | seconds | over CLIP | memory, MiB |")
    print("|---|---|---|---|")
    for name, step in steps.items():
        over = f"{100 * (ratio(seconds, name, PLAIN) - 1):+.1f} %"
        print(f"| {name} | {statistics.median(seconds[name]):.3f} | {over} | {peak_mebibytes(step):.0f} |")
    for name, step in heads.items():
        own = statistics.median(heads_seconds[name])
        print(f"| {name} | {own:.3f} | {100 * own / plain:+.1f} % | {peak_mebibytes(step):.0f} |")


if __name__ == "__main__":
    main()
