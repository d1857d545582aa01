"""Look-alikes and heat maps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_bundle import COLOURS, GRID
from wording import refuses

from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip.taxonomy import Taxon
from dalip_index import Flora, Identification, build_flora, heat_map, load_flora
from dalip_index.flora.heat_map import heat_picture
from tests.index.conftest import rose


@pytest.fixture(scope="module")
def flora(flora_path: Path, encoder: Encoder) -> Flora:
    return load_flora(flora_path, encoder)


def test_look_alikes_are_similar_taxa(flora: Flora) -> None:
    found = flora.look_alikes(rose("orange"), 9)
    assert len(found) == 9
    assert rose("orange") not in found
    assert rose("blue") not in found[:3]
    assert flora.look_alikes(rose("orange"), 2) == found[:2]


def test_the_heat_map_is_high_where_the_taxon_is(flora: Flora) -> None:
    photo = Image.new("RGB", (70, 70), COLOURS["red"])
    photo.paste(COLOURS["blue"], (0, 40, 70, 70))
    heat = heat_map(flora, photo, rose("red"), rose("blue"))
    assert heat.shape == (GRID, GRID)
    assert heat[:3].min() > 0 > heat[5:].max()
    np.testing.assert_allclose(heat_map(flora, photo, rose("blue"), rose("red")), -heat, atol=1e-6)


def test_an_impossible_heat_map_is_refused_with_the_reason(
    flora: Flora, tmp_path: Path, encoder: Encoder, taxa: list[Taxon], records: list
) -> None:
    stranger = Taxon("Bellis perennis")
    with refuses(FloraError, match="Bellis perennis: the flora does not contain this taxon"):
        flora.look_alikes(stranger)
    build_flora(tmp_path / "mute", encoder, taxa, records, texts={t.scientific_name: [] for t in taxa})
    mute = load_flora(tmp_path / "mute", encoder)
    with refuses(FloraError, match="Rosa red: the flora has no texts"):
        heat_map(mute, Image.new("RGB", (9, 9)), rose("red"), rose("blue"))
    assert len(mute.look_alikes(rose("red"))) == 3


def test_a_heat_map_is_orange_for_the_first_name_and_blue_for_the_second(flora: Flora) -> None:
    photo = Image.new("RGB", (70, 70), COLOURS["red"])
    photo.paste(COLOURS["blue"], (0, 40, 70, 70))
    (answer,) = flora.identify([photo], 10)
    assert isinstance(answer, Identification)
    by_name = {p.taxon.scientific_name: p for p in answer.predictions}
    red_first = replace(answer, verdict="sure", predictions=(by_name["Rosa red"], by_name["Rosa blue"]))
    picture = heat_picture(flora, photo, red_first)
    assert picture is not None
    assert picture.size == (448, 448)
    above, below = np.asarray(picture)[60, 224], np.asarray(picture)[400, 224]
    assert above[0] > int(above[2]) + 50
    assert below[2] > int(below[0]) + 50
    assert heat_picture(flora, photo, replace(red_first, verdict="not a plant")) is None
    assert heat_picture(flora, photo, replace(red_first, predictions=red_first.predictions[:1])) is None
