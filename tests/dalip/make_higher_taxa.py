"""Make `dalip/higher_taxa.csv`: the order, class and phylum of each plant family.

    python tests/dalip/make_higher_taxa.py CHECKLIST

CHECKLIST is a table with the columns family, order and class, such as one made from the NCBI taxonomy
(https://www.ncbi.nlm.nih.gov/taxonomy). NCBI counts monocots as Magnoliopsida and all land plants as Streptophyta.
BioCLIP's training texts have the names of GBIF, which separates Liliopsida and the phyla, so these are set here.
"""

import csv
import gzip
import sys
from pathlib import Path

MONOCOTS = """Acorales Alismatales Arecales Asparagales Commelinales Dioscoreales Liliales Pandanales Petrosaviales
Poales Zingiberales"""
PHYLA = {
    "Tracheophyta": """Magnoliopsida Liliopsida Polypodiopsida Lycopodiopsida Pinopsida Gnetopsida Cycadopsida
        Ginkgoopsida""",
    "Bryophyta": """Bryopsida Sphagnopsida Tetraphidopsida Oedipodiopsida Polytrichopsida Andreaeobryopsida
        Andreaeopsida Takakiopsida""",
    "Marchantiophyta": "Jungermanniopsida Marchantiopsida Haplomitriopsida",
    "Anthocerotophyta": "Anthocerotopsida Leiosporocerotopsida",
    "Charophyta": """Charophyceae Zygnemophyceae Coleochaetophyceae Klebsormidiophyceae Chlorokybophyceae
        Mesostigmatophyceae""",
}
PHYLUM_OF = {name: phylum for phylum, classes in PHYLA.items() for name in classes.split()}


def main(checklist: str, out: str = "dalip/higher_taxa.csv") -> None:
    """Write the table, sorted by family."""
    families = {}
    with gzip.open(checklist, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["family"] and row["order"]:
                name = "Liliopsida" if row["order"] in MONOCOTS.split() else row["class"]
                families[row["family"]] = (row["order"], name, PHYLUM_OF.get(name, row["phylum"]))
    with Path(out).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("family", "order", "class", "phylum"))
        writer.writerows((family, *families[family]) for family in sorted(families))


if __name__ == "__main__":
    main(*sys.argv[1:])
