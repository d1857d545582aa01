"""Compare the texts that a taxon without common names is found by: each text alone, pairs, and all of them.

    python benchmarks/name_texts.py --data FOLDER

Every text takes milliseconds, so a list of hundreds of thousands of names is built faster from fewer texts. The flora's
taxa are known from texts alone here, without their common names. The choice is made on validation photos.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from answers import Labels, labelled
from embedded import PLANTS, embed
from numpy.typing import NDArray
from tables import Row, make_table

from dalip.encoder import Vectors
from dalip.prompts import taxon_texts
from dalip_index import Flora, load_flora
from dalip_index.flora.shrinkage import Kin, unit_rows

WORDINGS = 4


def texts_of(flora: Flora) -> list[list[str]]:
    """Return the texts of each taxon without its common names; the last one is repeated if there are fewer."""
    found = [taxon_texts(replace(taxon, vernacular_names=())) for taxon in flora.taxa]
    return [(texts + texts[-1:] * WORDINGS)[:WORDINGS] for texts in found]


def photos_of(flora: Flora, data: Path, labels: Labels, split: str) -> tuple[Vectors, NDArray[np.intp]]:
    """Return embeddings of the photos of a split, and the rows of their taxa."""
    vectors, rows = [], []
    for name in PLANTS:
        photos, shown = labelled(embed(flora.encoder, data, name).of_split(split), labels)
        of = np.array([flora.tree.rows.get(taxon.scientific_name, -1) for taxon in shown], np.intp)
        vectors.append(photos.vectors[of >= 0, : flora.encoder.width])
        rows.append(of[of >= 0])
    return np.concatenate(vectors), np.concatenate(rows)


def rows_of(flora: Flora, data: Path, labels: Labels) -> Iterator[Row]:
    """Yield the accuracy of each choice of texts on validation and test photos."""
    texts = texts_of(flora)
    embedded = [flora.encoder.encode_text([some[i] for some in texts]) for i in range(WORDINGS)]
    kin = Kin.of((taxon.genus, taxon.family) for taxon in flora.taxa)
    asked = {split: photos_of(flora, data, labels, split) for split in ("selection", "test")}
    numbers = range(WORDINGS)
    for chosen in (*((i,) for i in numbers), *combinations(numbers, 2), tuple(numbers)):
        prototypes = unit_rows(sum(embedded[i] for i in chosen))
        row: Row = {"texts": " and ".join(f'"{texts[0][i]}"' for i in chosen)}
        for split, (photos, targets) in asked.items():
            similarities = photos @ prototypes.T
            own = similarities[np.arange(len(targets)), targets]
            places, first = (similarities >= own[:, None]).sum(axis=1), similarities.argmax(axis=1)
            said = "validation" if split == "selection" else split
            row |= {
                f"{said}, top-1": f"{(places <= 1).mean():.1%}",
                f"{said}, top-5": f"{(places <= 5).mean():.1%}",
                f"{said}, genus": f"{(kin.genera[first] == kin.genera[targets]).mean():.1%}",
            }
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, type=Path)
    arguments = parser.parse_args()
    flora = load_flora()
    rows = rows_of(flora, arguments.data, Labels(flora, arguments.data))
    print("\n".join(make_table(list(rows))))


if __name__ == "__main__":
    main()
