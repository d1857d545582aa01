"""The results page: its tables are computed from the measurements and are up to date."""

import json
import math
import re
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from paths import SHARED_DATA

from dalip.datasets import read_records
from docs import make_results
from docs.make_results import (
    BLOCK,
    EXPERIMENTS,
    OTHERS,
    PAGE,
    READ_IN_ORDERS,
    RESULTS,
    STEPS,
    Experiment,
    read,
    renewed,
    steps_table,
    table,
)


def scores(oxford: float, inat: float = 0.5, weight: float = 0.7) -> dict[str, float]:
    return {
        "first order": weight,
        "Oxford 102 Flowers top-1": oxford,
        "iNaturalist top-1": inat,
        "Oxford 102 Flowers NLL": 2 - oxford,
        "iNaturalist NLL": 1.0,
        "caption to photo R@1": 0.2,
        "caption to photo R@5": 0.4,
        "photo to caption R@1": 0.3,
    }


def write(folder: Path, experiment: str, runs: dict[str, list[dict[str, Any]]]) -> None:
    """Write one row per run, seed by seed as the benchmark does; `test` is one reading, or several by name."""
    rows = [
        {"variant": variant, "seed": seed, "test": test if "chosen" in test else {"chosen": test}}
        for variant, tests in runs.items()
        for seed, test in enumerate(tests)
    ]
    rows.sort(
        key=lambda row: -int(str(row["seed"]))
    )  # the order of rows in the file affects only the order of variants
    rows.sort(key=lambda row: list(runs).index(str(row["variant"])))
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{experiment}.jsonl").write_text(text, encoding="utf-8")


def cells(lines: list[str]) -> dict[str, list[str]]:
    """Return the cells of a table by variant, without the header."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return {name: rest for name, *rest in rows}


def test_table_has_means_spreads_and_paired_differences(tmp_path: Path) -> None:
    dalip = [scores(0.80, 0.5), scores(0.82, 0.5), scores(0.84, 0.5)]
    plain = [scores(0.70, 0.5), scores(0.74, 0.5), scores(0.72, 0.5)]
    write(tmp_path, "joint", {"DALIP": dalip, "first order": plain})
    lines = table(read(tmp_path)["joint"], Experiment("DALIP"))
    assert lines[0].split("|")[3].strip() == "Oxford top-1"
    found = cells(lines)
    assert found["DALIP"] == [
        *("3", "**82.0 ± 2.0**", "50.0 ± 0.0", "**66.0 ± 1.0**", "**1.090 ± 0.010**"),
        *("20.0 ± 0.0", "40.0 ± 0.0", "30.0 ± 0.0", "–"),
    ]
    # Halves of -10, -8 and -12 points: mean -5, standard deviation 1, standard error 1 / sqrt(3).
    assert found["first order"] == [
        *("3", "72.0 ± 2.0", "50.0 ± 0.0", "61.0 ± 1.0", "1.140 ± 0.010"),
        *("20.0 ± 0.0", "40.0 ± 0.0", "30.0 ± 0.0", f"−5.0 ± {1 / math.sqrt(3):.1f}"),
    ]


@pytest.mark.parametrize(("lead", "bold"), [(0.021, True), (0.019, False)])
def test_bold_takes_a_lead_above_the_spread(tmp_path: Path, lead: float, bold: bool) -> None:
    around = (-0.02, 0.0, 0.02)  # standard deviation 0.02 on both sides
    runs = {name: [scores(at + x) for x in around] for name, at in (("0", 0.6), ("0.1", 0.6 + lead))}
    write(tmp_path, "dropout", runs)
    found = cells(table(read(tmp_path)["dropout"], Experiment("0")))
    assert found["0.1"][1].startswith("**") is bold
    assert "**" not in "".join(found["0"])


def test_variants_of_one_budget_are_compared(tmp_path: Path) -> None:
    runs = {
        f"{name}, {share}%": [scores(at + share / 100)] * 3
        for name, at in (("DALIP", 0.6), ("first order", 0.5))
        for share in (0, 20)
    }
    write(tmp_path, "mixing", runs)
    found = cells(table(read(tmp_path)["mixing"], EXPERIMENTS["mixing"]))
    assert list(found) == ["DALIP, 0%", "first order, 0%", "DALIP, 20%", "first order, 20%"]
    assert [row[-1] for row in found.values()] == ["–", "−5.0 ± 0.0"] * 2
    assert [row[1].startswith("**") for row in found.values()] == [True, False] * 2


def test_order_variants_are_read_from_the_dalip_runs(tmp_path: Path) -> None:
    tests = [
        {
            "chosen": scores(0.9, weight=weight),
            "first": scores(0.8),
            "both": scores(0.7),
            "second": scores(0.6),
        }
        for weight in (0.7, 0.6, 0.8)
    ]
    write(tmp_path, "objectives", {"DALIP": tests, "CLIP": [scores(0.1)] * 3})
    found = cells(table(read(tmp_path)["orders"], EXPERIMENTS["orders"]))
    assert {name: row[1].strip("*") for name, row in found.items()} == {
        "first order alone": "80.0 ± 0.0",
        "both alike": "70.0 ± 0.0",
        "second order alone": "60.0 ± 0.0",
        "chosen: l1 = 0.7, 0.6, 0.8": "90.0 ± 0.0",
    }


def test_stages_are_compared_with_both_orders_weighted_equally(tmp_path: Path) -> None:
    tests = [{"chosen": scores(0.9), "both": scores(0.7)}] * 3
    write(tmp_path, "forgetting", {"DALIP, then both": tests, "CLIP, then both": [scores(0.6)] * 3})
    found = cells(table(read(tmp_path)["forgetting"], EXPERIMENTS["forgetting"]))
    assert {name: row[1].strip("*") for name, row in found.items()} == {
        "DALIP, then both": "70.0 ± 0.0",
        "CLIP, then both": "60.0 ± 0.0",
    }


def test_missing_runs_are_reported(tmp_path: Path) -> None:
    page = "# Norms\n\n<!-- table: norm -->\nan old table\n<!-- end -->\n\nWords by hand.\n"
    assert "**Unfinished:**" in renewed(page, read(tmp_path))
    write(tmp_path, "norm", {"batch norm": [scores(0.9)] * 3, "layer norm": [scores(0.5)]})
    text = renewed(page, read(tmp_path))
    assert "**Unfinished:**" in text
    assert "| layer norm | 1 of 3 | 50.0 |" in text
    assert "**90.0" not in text  # no winner before all runs are complete
    write(tmp_path, "norm", {"batch norm": [scores(0.9)] * 3, "layer norm": [scores(0.5)] * 3})
    text = renewed(text, read(tmp_path))
    assert "**Unfinished:**" not in text
    assert "an old table" not in text
    assert text.startswith("# Norms\n\n<!-- table: norm -->\n\n| variant |")
    assert text.endswith("\n\n<!-- end -->\n\nWords by hand.\n")


def test_files_that_no_table_shows_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "colours", {"red": [scores(0.9)]})
    with pytest.raises(SystemExit, match="colours"):
        read(tmp_path)


def test_command_renews_tables_and_plots_and_checks_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {
        f"{name}, {n} epochs": [scores(0.5 + x) for x in (0, 0.1, 0.2)]
        for name in ("DALIP", "CLIP")
        for n in (1, 20)
    }
    write(tmp_path, "epochs", runs)
    write(tmp_path, "lambda", {"0.1": [scores(0.5)], "0.5": [scores(0.6)]})
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- table: epochs -->\n<!-- end -->\n<!-- table: lambda -->\n<!-- end -->\n", encoding="utf-8"
    )
    monkeypatch.setattr(make_results, "PAGE", page)
    monkeypatch.setattr(make_results, "RESULTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["make_results.py"])
    make_results.main()
    assert "| DALIP, 20 epochs | 3 |" in page.read_text(encoding="utf-8")
    for name in ("epochs", "lambda"):
        head = (tmp_path / f"{name}.png").read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">I", head[16:20]) == (1400,)  # width in pixels
    monkeypatch.setattr("sys.argv", ["make_results.py", "--check"])
    make_results.main()
    write(tmp_path, "lambda", {"0.1": [scores(0.5)], "0.5": [scores(0.7)]})
    with pytest.raises(SystemExit, match="out of date"):
        make_results.main()


def test_page_is_up_to_date_and_its_plots_are_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == renewed(text, read(RESULTS)), "run `python docs/make_results.py`"
    plots = set(re.findall(r"\]\((results/.+?\.png)\)", text))
    assert plots == {f"results/{name}.png" for name, shown in EXPERIMENTS.items() if shown.plot}
    for plot in plots:
        assert (PAGE.parent / plot).is_file(), plot


def test_every_experiment_of_the_benchmark_has_a_table_on_the_page() -> None:
    source = (PAGE.parents[1] / "benchmarks" / "method.py").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^EXPERIMENTS.*?^\}", source, re.DOTALL | re.MULTILINE)
    names = re.findall(r'^    "(\w+)": ', listed, re.MULTILINE)
    tables = [match["name"] for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    assert sorted([*names, *READ_IN_ORDERS]) == sorted(EXPERIMENTS)
    assert sorted([*EXPERIMENTS, STEPS, *OTHERS]) == sorted(tables)


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the photos in ../shared/data")
def test_page_says_how_many_photos_there_are() -> None:
    shards = [
        path
        for kind in ("inat", "oxford", "general-captions")
        for path in sorted(SHARED_DATA.glob(f"{kind}-*.tar"))
    ]
    photos = read_records(*shards)
    test = [record for record in photos if record.split == "test"]
    sources = Counter(record.source.split()[0] for record in test if record.taxon)
    captioned = [record for record in test if not record.taxon]
    captions = {text for record in captioned for text in record.captions}
    words = " ".join(PAGE.read_text(encoding="utf-8").split())
    for said in (
        f"top-1 over {sources['Oxford']} test photos of Oxford and {sources['iNaturalist']} of iNaturalist",
        f"each of the {len(captions)} captions of {len(captioned)} test photos",
    ):
        assert said in words
    taxa = {(r.source, r.taxon.scientific_name) for r in photos if r.taxon}
    assert Counter(source for source, _ in taxa) == {"Oxford 102 Flowers": 87, "iNaturalist": 44}
    assert len({name for _, name in taxa}) == 130
    assert sum(not record.taxon for record in photos) == 807


def test_the_table_of_steps_has_intervals(tmp_path: Path) -> None:
    rows = [{"step": "means", "figures": {"species": [8, 6.25, 9.75], "family": [20, 18, 22.04]}}]
    (tmp_path / "steps.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert steps_table(tmp_path / "steps.jsonl") == [
        "| step | species | family |",
        "|---|---:|---:|",
        "| means | 8.0 (6.2–9.8) | 20.0 (18.0–22.0) |",
    ]
    assert "Not measured yet" in steps_table(tmp_path / "absent.jsonl")[0]
