"""Published models by alias: where each is on the hub, how to cite it, and how its photos and texts are prepared."""

from dataclasses import dataclass
from difflib import get_close_matches

__all__ = ["HUB", "LOCAL", "PUBLISHED", "close_aliases"]

HUB = "hf-hub:"
"""Prefix of the name of a repository on the hub, `hf-hub:ORG/REPO`."""

LOCAL = "local-dir:"
"""Prefix of the path of a folder with the files of such a repository."""


@dataclass(frozen=True)
class _Published:
    """A model that `dalip encoder get` knows by an alias."""

    repository: str
    """`ORG/REPO` on the hub."""
    tower: str
    """Architecture of the image tower, as people write it."""
    trained_on: str
    gigabytes: float
    """Approximate size of the weights."""
    citation: str
    biological: bool = True
    """Whether it learned the seven ranks of taxa in the wording of BioCLIP."""
    squash: bool = False
    """Whether the makers' own program, pybioclip, resizes photos to a square instead of cropping the centre."""
    architecture: str = ""
    """The open_clip architecture of `file`, if the repository is not in open_clip's format."""
    file: str = ""
    """The checkpoint in such a repository."""


PUBLISHED = {
    "bioclip": _Published(
        "imageomics/bioclip",
        "ViT-B/16",
        "TreeOfLife-10M",
        0.6,
        "S. Stevens et al., BioCLIP: A Vision Foundation Model for the Tree of Life, CVPR 2024, arXiv:2311.18803",
        squash=True,
    ),
    "bioclip-2": _Published(
        "imageomics/bioclip-2",
        "ViT-L/14",
        "TreeOfLife-200M",
        1.7,
        "J. Gu et al., BioCLIP 2: Emergent Properties from Scaling Hierarchical Contrastive Learning, 2025, "
        "arXiv:2505.23883",
        squash=True,
    ),
    "bioclip-2.5": _Published(
        "imageomics/bioclip-2.5-vith14",
        "ViT-H/14",
        "TreeOfLife-200M and more",
        3.9,
        "BioCLIP 2.5 Huge, imageomics/bioclip-2.5-vith14; J. Gu et al., BioCLIP 2, 2025, arXiv:2505.23883",
    ),
    "biocap": _Published(
        "imageomics/biocap",
        "ViT-B/16",
        "TreeOfLife-10M with captions",
        0.6,
        "Z. Zhang et al., BioCAP: Exploiting Synthetic Captions Beyond Labels in Biological Foundation Models, 2025, "
        "arXiv:2510.20095",
    ),
    # Trained by open_clip from OpenAI's weights for ViT-B-16, which open_clip builds with QuickGELU.
    "biotrove-b16": _Published(
        "BGLab/BioTrove-CLIP",
        "ViT-B/16",
        "BioTrove-Train, photos from iNaturalist",
        0.6,
        "C.-H. Yang et al., BioTrove: A Large Curated Image Dataset Enabling AI for Biodiversity, NeurIPS 2024, "
        "arXiv:2406.17720",
        architecture="ViT-B-16-quickgelu",
        file="biotroveclip-vit-b-16-from-openai-epoch-40.pt",
    ),
    "openclip-b32": _Published(
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        "ViT-B/32",
        "LAION-2B, general photos",
        0.6,
        "M. Cherti et al., Reproducible Scaling Laws for Contrastive Language-Image Learning, CVPR 2023, "
        "arXiv:2212.07143",
        biological=False,
    ),
}
"""The models by alias."""


def close_aliases(name: str) -> list[str]:
    """Return the aliases that may have been meant by an unknown name, the most similar first."""
    by_repository = {model.repository.casefold(): alias for alias, model in PUBLISHED.items()}
    known = {alias: alias for alias in PUBLISHED} | by_repository
    asked = name.removeprefix(HUB).strip().casefold().replace("_", "-")
    return list(dict.fromkeys(known[match] for match in get_close_matches(asked, known, cutoff=0.6)))
