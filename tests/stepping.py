"""One training step of a tiny model, in one process or in several, for test_step.py.

python stepping.py OUT    with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT set as by torchrun
"""

import sys

import torch
from accelerate import Accelerator
from open_clip.model import CLIP

from dalip.model import DALIP, DalipLoss, MethodConfig, TaxonClassifier
from dalip.taxonomy import Taxon
from dalip.training.step import Inputs, Targets, backward

VISION = {"image_size": 32, "layers": 2, "width": 64, "patch_size": 16, "head_width": 32}
TEXT = {"context_length": 12, "vocab_size": 50, "width": 32, "heads": 2, "layers": 2}
PAIRS = 8
OBJECTIVES = ("dalip", "joint", "clip", "siglip")
TAXA = [
    Taxon(f"Genus{word} species", family=f"Family{word[0]}") for word in ("aa", "ab", "bc", "bd", "be", "bf")
]


def gradients(accelerator: Accelerator, objective: str, parts: int) -> dict[str, torch.Tensor]:
    """Return the gradients of one step on a fixed batch of eight pairs, with this process's share in micro-batches."""
    torch.manual_seed(0)
    method = MethodConfig(num_heads=2, reduced_dim=5, norm="layer")
    model = DALIP(CLIP(32, VISION, TEXT), method if objective in ("dalip", "joint") else None)
    # The square root in `DALIP.appearance` amplifies rounding errors of values near 0, so keep the values away from 0.
    torch.nn.init.constant_(model.clip.visual.ln_post.bias, 4.0)
    classifier = TaxonClassifier(TAXA, VISION["width"])
    loss = DalipLoss(0.4, objective=objective, classifier=classifier)  # type: ignore[arg-type]
    pixels, ids = torch.randn(PAIRS, 3, 32, 32), torch.randint(1, 49, (PAIRS, 12))
    ids[:, 7] = 49  # end-of-text token
    taxa = torch.tensor([0, 1, 0, 2, 3, 4, 1, 5])
    positives, ignored = taxa[:, None] == taxa[None, :], torch.zeros(PAIRS, PAIRS, dtype=torch.bool)
    ignored[2, 3] = ignored[3, 2] = True
    labels = classifier.labels([TAXA[i] if i else None for i in taxa])
    prepared = accelerator.prepare(model)
    share = PAIRS // accelerator.num_processes
    mine = slice(accelerator.process_index * share, (accelerator.process_index + 1) * share)
    mask = model.text_tower.mask(ids)
    rows = zip(*(t[mine].chunk(parts) for t in (pixels, ids, mask)), strict=True)
    inputs = [Inputs(p, i, m, None, None) for p, i, m in rows]
    value = backward(accelerator, prepared, loss, inputs, Targets(positives, ignored, labels), seed=1)
    named = [*model.named_parameters(), *loss.named_parameters()]
    return {"loss": value} | {name: p.grad for name, p in named if p.grad is not None}


if __name__ == "__main__":
    accelerator = Accelerator(cpu=True)
    found = {f"{o} {parts}": gradients(accelerator, o, parts) for o in OBJECTIVES for parts in (1, 2)}
    if accelerator.is_main_process:
        torch.save(found, sys.argv[1])
