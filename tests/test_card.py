"""The model card and the README quote the measured figures, and the picture of the families shows all of them."""

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import families
import general
import numpy as np
import pytest
from embedded import Embedded
from paths import ROOT

from dalip.datasets import Record
from dalip_assets import ENCODER, make_card
from docs.make_results import PAGE


def share(value: float) -> list[float]:
    return [value, value - 0.01, value + 0.01]


def row(name: str, photos: int, top1: float) -> dict[str, object]:
    rates = {key: share(value) for key, value in (("top-1", top1), ("top-5", 0.9), ("family", 0.85))}
    return {"source": name, "photos": photos, "taxa": 9} | rates


FIGURES = {
    "taxa": 6300,
    "accuracy": [row("oxford", 300, 0.9), row("inat", 100, 0.7), row("garden", 50, 0.4)],
    "evidence": [row("1", 500, 0.1)],
    "left-out": [{"plants left out": "all", "photos": 270, "confident and wrong": share(0.06)}],
}


def test_the_readme_and_the_card_are_up_to_date() -> None:
    figures = json.loads((ENCODER.parent / "evaluation.json").read_text(encoding="utf-8"))
    for page in (make_card.CARD, make_card.README):
        text = page.read_text(encoding="utf-8")
        assert make_card.BLOCK.search(text), page
        assert text == make_card.renewed(text, figures), f"{page}: run make format"


def test_what_the_readme_says_is_computed() -> None:
    said = " ".join(make_card.knows(FIGURES).split())
    assert "6,300 plants" in said
    assert "right for 85 % of 400 test photos" in said
    assert "for 40 % of 50 photos of garden plants from elsewhere" in said
    assert "knows a plant from one photo, the first name is right for 10 % of the photos" in said
    assert "texts only" not in said  # no row, so nothing is said
    assert "Of 270 photos of such plants, 6 % got a confident answer that was wrong" in said
    assert max(map(len, make_card.knows(FIGURES).splitlines())) <= 120


def test_a_card_shows_shares_with_intervals() -> None:
    lines = make_card.table([{"source": "a", "photos": 1234, "top-1": share(0.5), "family": None}])
    assert lines.splitlines()[-1] == "| a | 1,234 | 50.0 (49.0–51.0) | – |"


def test_tiles_fill_the_picture_without_overlap() -> None:
    areas = [50, 20, 10, 10, 5, 3, 1, 1]
    tiles = families.squarify(areas, (0, 0, 40, 60))
    assert [w * h for _, _, w, h in tiles] == pytest.approx([24 * area for area in areas])
    grid = np.zeros((240, 160), int)
    for x, y, w, h in tiles:
        assert x >= -1e-9
        assert y >= -1e-9
        assert x + w <= 40 + 1e-9
        assert y + h <= 60 + 1e-9
        columns, rows = (np.arange(size) / 4 + 0.125 for size in (160, 240))
        grid += ((columns > x) & (columns < x + w)) * ((rows > y) & (rows < y + h))[:, None]
    assert (grid == 1).mean() > 0.98


def test_families_are_drawn_with_and_without_photos(tmp_path: Path) -> None:
    known = families.Family("Rosaceae", 80, (True, False, True))
    unknown = families.Family("Fagaceae", 20, ())
    families.draw([known, unknown], tmp_path / "families.png")
    head = (tmp_path / "families.png").read_bytes()[:24]
    assert struct.unpack(">II", head[16:24]) == tuple(round(side * families.DPI) for side in families.SIZE)


def test_the_best_and_the_worst_families_have_enough_photos() -> None:
    some = [
        families.Family(name, 5, (True,) * right + (False,) * wrong)
        for name, right, wrong in (("Good", 9, 1), ("Bad", 2, 18), ("Rare", 1, 1))
    ]
    best, worst = ([r["family"] for r in families.family_rows(some, best=best)] for best in (True, False))
    assert (best, worst) == (["Good", "Bad"], ["Bad", "Good"])


def photo(name: str) -> Record:
    return Record(name, None, {"className": name[0]})  # type: ignore[arg-type]


def test_a_photo_is_not_compared_with_itself() -> None:
    photos = Embedded(tuple(map(photo, ("a1", "a2", "b1", "b2", "c1"))), np.zeros((5, 4), np.float32))
    photos.vectors[:, 2:] = [[1, 0.1], [1, 0.2], [0.1, 1], [1, 0], [0.5, 0.5]]
    # b2 looks like a, and then so does b1's only companion; c has no second photo.
    assert general.by_appearance(photos, 2) == pytest.approx(0.5)
    assert general.by_appearance(photos.part(np.array([True, False, True, False, True])), 2) is None


def test_the_table_of_general_ability_is_up_to_date() -> None:
    rows = general.read_rows()
    assert {row["set"] for row in rows} == {*general.THINGS, *general.CAPTIONS}
    text = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(r"<!-- table: general -->\n(.*?)\n\n<!-- end -->", text, re.DOTALL)
    assert found.strip().splitlines() == general.table(rows)


STEPS = ("trained", "exported", "built", "measured", "restricted", "explained", "general", "card")


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("done", [0, 1, 3, len(STEPS)])
def test_make_assets_continues_after_the_last_finished_step(tmp_path: Path, done: int) -> None:
    data, steps = tmp_path / "data", tmp_path / "steps"
    (data / "more").mkdir(parents=True)
    steps.mkdir()
    for name in ("oxford-flowers-000000.tar", "more/plants-wide-000000.tar", "general-captions-000000.tar"):
        (data / name).touch()
    for name in STEPS[:done]:
        (steps / name).touch()
    installed = tmp_path / "installed"  # not a file that make would try to remake
    installed.touch()
    command = ["make", "-n", "assets", f"DATA={data}", f"STEPS={steps}", f"DEVELOP={installed}"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    touched = re.findall(rf"^touch {re.escape(str(steps))}/(\w+)$", told, re.MULTILINE)
    assert touched == list(STEPS[done:])
    assert ("dalip train" in told) == (done == 0)
    if done == 0:
        assert f"--data {data}/more/plants-wide-000000.tar" in told
        assert f"--data {data}/general-captions-000000.tar " in told
