"""The model card of an encoder that is published on a hub: the `README.md` of its repository."""

import json

from dalip.encoder import EncoderManifest

__all__ = ["model_card"]


def model_card(manifest: EncoderManifest, repository: str) -> str:
    """Return a model card as Markdown with YAML metadata.

    Args:
        manifest: Describes the encoder.
        repository: `ORG/REPO`.
    """
    plain = len(manifest.blocks) == 1
    kind = (
        "CLIP model"
        if plain
        else "DALIP encoder (first- and second-order statistics of image and text tokens)"
    )
    tags = ["zero-shot-image-classification", "clip", "plants", "biology", "dalip"]
    sources = list(manifest.trained_on)
    size = manifest.image.size
    lines = [
        "---",
        f"license: {json.dumps(_licence_id(manifest.terms))}",
        f"license_name: {json.dumps(manifest.terms or 'not stated')}",
        f"library_name: {'open_clip' if plain else 'dalip'}",
        f"tags: {json.dumps(tags)}",
        "pipeline_tag: zero-shot-image-classification",
        "---",
        "",
        f"# {manifest.name}",
        "",
        f"A {kind} for photos of {size} x {size} pixels, made with {manifest.created_by}.",
        "",
        "## Use",
        "",
        "```sh",
        f"dalip encoder get hf-hub:{repository}",
        f"dalip index build --encoder hf-hub:{repository} --taxa names.csv my-flora",
        "dalip identify photo.jpg --flora my-flora",
        "```",
        "",
    ]
    if plain:
        lines += [
            "```python",
            "import open_clip",
            f'model, preprocess = open_clip.create_model_from_pretrained("hf-hub:{repository}")',
            f'tokenizer = open_clip.get_tokenizer("hf-hub:{repository}")',
            "```",
            "",
        ]
    lines += ["## Training data", "", *(f"- {source}" for source in sources or ["not stated"]), ""]
    if accuracy := manifest.details.get("selection"):
        lines += [
            "## Accuracy on the validation split",
            "",
            "```json",
            json.dumps(accuracy, indent=2),
            "```",
            "",
        ]
    lines += ["## Terms of use", "", manifest.terms or "Not stated.", ""]
    if manifest.citation:
        lines += ["## Citation", "", manifest.citation, ""]
    lines += ["Never eat a plant based on an identification.", ""]
    return "\n".join(lines)


def _licence_id(terms: str) -> str:
    """Return the terms as the hub's identifier of a licence, or `other`."""
    word = terms.strip().casefold()
    known = ("mit", "apache-2.0", "cc0-1.0", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-sa-4.0", "bsd-3-clause")
    return word if word in known else "other"
