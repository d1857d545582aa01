"""Update the measured figures in the model card from the output of `dalip evaluate flora --json`.

python assets/dalip_assets/make_card.py            # update MODEL_CARD.md
python assets/dalip_assets/make_card.py --check    # exit with status 1 if it is out of date
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent
CARD = ASSETS / "MODEL_CARD.md"
BLOCK = re.compile(r"(<!-- (?P<what>accuracy|selection|size) -->\n).*?(<!-- end -->)", re.DOTALL)
EVIDENCE = {"both": "texts and photos", "text": "texts alone", "photos": "photos alone"}


def accuracy() -> str:
    """Return the accuracy table from `evaluation.json`."""
    found: dict[str, Any] = json.loads((ASSETS / "evaluation.json").read_text(encoding="utf-8"))
    lines = ["| source | photos | answers from | top-1 | top-5 |", "|---|---:|---|---:|---:|"]
    lines += [
        f"| {row['source']} | {row['photos']:,} | {EVIDENCE[row['evidence']]} "
        f"| {100 * row['top1']:.1f} % | {100 * row['top5']:.1f} % |"
        for row in found["accuracy"]
    ]
    search = found["search"]
    lines += [
        "",
        f"Search by common name: mean precision at 5 is {search['precision_at_5']:.3f} over {search['taxa']} names and "
        f"{search['photos']:,} photos. The best possible value is {search['best_possible']:.3f}, because many taxa "
        "have fewer than five test photos.",
    ]
    return "\n".join(lines)


def selection() -> str:
    """Return the accuracy on the validation photos, as measured in training."""
    manifest = json.loads((ASSETS / "encoder" / "manifest.json").read_text(encoding="utf-8"))
    rows = manifest["details"]["selection"].items()
    parts = [f"{source} {100 * row['top_1']:.1f} % of {row['photos']}" for source, row in rows]
    weights = " and ".join(f"{b['weight']:.1f} {b['name'].replace('_', ' ')}" for b in manifest["blocks"])
    return (
        f"Top-1 from texts alone on the validation photos, in PyTorch: {', '.join(parts)}. "
        f"The scoring weights were chosen on these photos: {weights}."
    )


def size() -> str:
    """Return the sizes of the encoder and the flora."""
    sizes = {
        name: sum(p.stat().st_size for p in (ASSETS / name).rglob("*") if p.is_file())
        for name in ("encoder", "flora")
    }
    return f"The encoder is {sizes['encoder'] / 1e6:.1f} MB on disk, the flora {sizes['flora'] / 1e6:.1f} MB."


def main() -> None:
    """Update the card or, with `--check`, exit with status 1 if it is out of date."""
    text = CARD.read_text(encoding="utf-8")
    blocks = {"accuracy": accuracy(), "selection": selection(), "size": size()}
    renewed = BLOCK.sub(lambda m: f"{m[1]}{blocks[m['what']]}\n{m[3]}", text)
    if "--check" not in sys.argv[1:]:
        CARD.write_text(renewed, encoding="utf-8")
    elif renewed != text:
        sys.exit("MODEL_CARD.md is out of date; run `make format`")


if __name__ == "__main__":
    main()
