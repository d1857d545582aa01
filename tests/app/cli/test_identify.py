"""`dalip identify`, run as a complete command."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hostile_images import READABLE, UNREADABLE, write_hostile_images
from paths import ROOT
from PIL import Image
from raw_photos import SENSOR, THUMBNAIL, tiff
from tiny_bundle import COLOURS

from tests.app.conftest import BIN, Done, World, environment, paint, run
from tests.app.serving import PATIENCE

Dalip = Callable[..., Done]

FIELDS = ["scientificName", "taxonRank", "vernacularName", "genus", "family", "similarity", "probability"]


SCHEMA = json.loads((ROOT / "docs" / "identify.schema.json").read_text(encoding="utf-8"))


def objects(done: Done) -> list[dict[str, Any]]:
    """Parse the lines of `--json` and validate each against the schema."""
    answers = [json.loads(line) for line in done.lines]
    for answer in answers:
        jsonschema.validate(answer, SCHEMA)
    return answers


def test_json_has_the_documented_fields(dalip: Dalip, world: World, tmp_path: Path) -> None:
    photo = paint(tmp_path / "photo.png", "blue", 5)
    done = dalip("identify", photo, *world.options, "--json", "--top-k", 3)
    assert (done.status, done.err) == (0, "")
    (answer,) = objects(done)
    assert list(answer)[:4] == ["image", "predictions", "verdict", "taxon"]
    assert answer["image"] == str(photo)
    assert [list(p) for p in answer["predictions"]] == [[*FIELDS, "experimental"]] * 3
    best = answer["predictions"][0]
    assert (best["scientificName"], best["taxonRank"], best["genus"]) == ("Flos blue", "species", "Flos")
    assert (best["vernacularName"], best["family"]) == ("blue flower", "Coloraceae")
    assert 0.5 < best["probability"] <= 1
    assert best["similarity"] >= answer["predictions"][1]["similarity"]
    assert (answer["verdict"], answer["taxon"]) == ("sure", "Flos blue")
    assert (answer["taxonRank"], answer["coverage"]) == ("species", 0.9)
    assert answer["probability"] == pytest.approx(best["probability"], abs=1e-6)
    assert set(answer["taxonSet"]) <= {f"Flos {colour}" for colour in COLOURS}
    assert 0 < answer["plant"] <= 1
    assert 0 < answer["inFlora"] <= 1


def test_the_text_says_once_that_no_caution_never_means_edible(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    photo, never = paint(tmp_path / "photo.png", "blue", 5), "No caution never means edible"
    said = dalip("identify", photo, photo, "missing.jpg", *world.options).lines
    assert never in said[-1]
    assert sum(never in line for line in said) == 1
    for options in (["--json"], ["--csv"]):
        assert never not in dalip("identify", photo, *world.options, *options).out
    assert dalip("identify", "missing.jpg", *world.options).out == ""


def test_several_photos_of_one_plant_give_one_answer(dalip: Dalip, world: World, tmp_path: Path) -> None:
    one, two = paint(tmp_path / "one.png", "blue", 5), paint(tmp_path / "two.png", "blue", 6)
    done = dalip("identify", one, "missing.jpg", two, *world.options, "--together", "--json")
    assert done.status == 1
    missing, answer = objects(done)
    assert missing["image"] == "missing.jpg"
    assert answer["image"] == f"{one}, {two}"
    assert answer["taxon"] == "Flos blue"


def test_rank_and_coverage_can_be_chosen(dalip: Dalip, world: World, tmp_path: Path) -> None:
    photo = paint(tmp_path / "photo.png", "blue", 5)
    (answer,) = objects(
        dalip("identify", photo, *world.options, "--json", "--rank", "genus", "--coverage", 0.999)
    )
    assert [p["scientificName"] for p in answer["predictions"]] == ["Flos"]
    assert (answer["taxon"], answer["taxonRank"], answer["taxonSet"]) == ("Flos", "genus", ["Flos"])
    assert dalip("identify", photo, "--rank", "tribe").status == 2
    assert dalip("identify", photo, "--coverage", 1).status == 2


def test_without_calibration_there_is_no_probability(dalip: Dalip, world: World, bare_flora: Path) -> None:
    photo = world.photos / "Flos_red" / "red-00.png"
    arguments = ("identify", photo, "--flora", bare_flora, *world.encoder)
    (answer,) = objects(dalip(*arguments, "--json"))
    assert {p["probability"] for p in answer["predictions"]} == {None}
    assert (answer["verdict"], answer["taxon"]) == ("uncalibrated", None)
    assert "The closest match in this flora is Flos red (red flower)." in dalip(*arguments).out
    row = next(csv.DictReader(io.StringIO(dalip(*arguments, "--csv").out)))
    assert row["probability"] == ""


def test_answers_come_in_the_order_given_and_a_bad_file_stops_nothing(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    good, bad = paint(tmp_path / "good.png", "red"), tmp_path / "bad.jpg"
    bad.write_text("no photo")
    done = dalip("identify", bad, good, "missing.jpg", good, *world.options, "--json")
    answers = objects(done)
    assert done.status == 1
    assert [a["image"] for a in answers] == [str(bad), str(good), "missing.jpg", str(good)]
    assert [list(a) == ["image", "error"] for a in answers] == [True, False, True, False]
    assert done.err == "dalip: skipped 2 of 4; the others were used\n"


def test_folders_are_searched_in_order_without_hidden_files(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    names = ["a/z.png", "b.PNG", "c/d/e.jpeg", "c/f.png"]
    for name in [*names, ".hidden.png", "c/.trash/g.png"]:
        paint(tmp_path / "garden" / name, "green")
    (tmp_path / "garden" / "notes.txt").write_text("none of them")
    done = dalip("identify", "garden", *world.options, "--json")
    assert done.status == 0, done.err
    assert done.err.splitlines() == [
        "dalip: garden: 1 file is not a photo (1 .txt)",
        "dalip: garden: 2 hidden or system files and folders were left out",
    ]
    assert [a["image"] for a in objects(done)] == [str(Path("garden") / name) for name in names]


def test_files_in_a_folder_that_are_not_photos_are_listed_on_request(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    paint(tmp_path / "garden" / "a.png", "green").rename(tmp_path / "garden" / "a.dat")
    paint(tmp_path / "garden" / "@eaDir" / "b.png", "green")
    (tmp_path / "garden" / "notes.txt").write_text("no photo")
    done = dalip("identify", "garden", *world.options, "--json", "--verbose")
    assert done.status == 0
    assert [a["image"] for a in objects(done)] == ["garden/a.dat"]
    assert done.err.splitlines() == [
        "dalip: garden/notes.txt: this file is not a photo",
        "dalip: garden/@eaDir: this is a hidden or system file or folder, and was left out",
    ]
    (tmp_path / "garden" / "raw.cr3").write_bytes(b"\0\0\0\x18ftypcrx ")
    done = dalip("identify", "garden", *world.options, "--json")
    assert done.status == 1
    assert "a format that cannot be read (Canon raw)" in objects(done)[1]["error"]


@pytest.mark.parametrize(
    "command", [("identify",), ("library", "add"), ("library", "remove"), ("index", "add")]
)
def test_an_empty_path_is_not_the_current_folder(
    dalip: Dalip, world: World, command: tuple[str, ...]
) -> None:
    done = dalip(*command, "")
    assert (done.status, done.out) == (2, "")
    assert "the path is empty; use . for the current folder" in done.err.replace("\n", " ")


def test_a_folder_without_photos_is_a_separate_error(dalip: Dalip, world: World, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    photo = paint(tmp_path / "photo.png", "pink")
    done = dalip("identify", "empty", photo, *world.options, "--json")
    assert done.status == 1
    first, second = objects(done)
    assert first["image"] == "empty"
    assert first["error"].startswith("empty: the folder contains no photos; looked for JPEG, ")
    assert second["taxon"] == "Flos pink"


def test_csv_has_a_row_for_each_name(dalip: Dalip, world: World, tmp_path: Path) -> None:
    odd = paint(tmp_path / 'a, "b".png', "white")
    done = dalip(
        "identify", odd, "missing.jpg", world.photos / "Flos_red", *world.options, "--csv", "--top-k", 2
    )
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert list(rows[0]) == ["image", "position", *FIELDS, "verdict"]
    assert len(rows) == 2 * (1 + 24)
    assert (rows[0]["image"], rows[0]["position"], rows[1]["position"]) == (str(odd), "1", "2")
    assert rows[2]["scientificName"] == "Flos red"
    assert done.status == 1
    assert "dalip: missing.jpg: no such file; check the path" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_no_file_name_breaks_a_row_of_csv_or_is_run_as_a_formula(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    names = ["=1+1.png", "@SUM(1).png", "-2.png", "two\nlines\r.png", "\tt.png", "\u2028.png"]
    for name in names:
        paint(tmp_path / name, "white")
    done = dalip("identify", *(f"./{name}" for name in names), *world.options, "--csv", "--top-k", 1)
    assert done.status == 0, done.err
    assert len(done.out.splitlines()) == 1 + len(names)
    images = [row["image"] for row in csv.DictReader(io.StringIO(done.out))]
    assert images == [
        "'=1+1.png",
        "'@SUM(1).png",
        "'-2.png",
        "two\\nlines\\r.png",
        "'\\tt.png",
        "\\u2028.png",
    ]


def test_the_default_output_is_a_sentence_and_a_table(dalip: Dalip, world: World, tmp_path: Path) -> None:
    photo = paint(tmp_path / "photo.png", "purple")
    first, *table, empty, warning = dalip("identify", "photo.png", *world.options, "--top-k", 4).lines
    assert photo.exists()
    assert first == "photo.png: This is most likely Flos purple (purple flower)."
    assert len(table) == 4
    assert empty == ""
    assert "No caution never means edible" in warning
    assert (
        table[0].split("  ")[-3:] == ["Flos purple", "purple flower", "Coloraceae"]
        or "Flos purple" in table[0]
    )
    assert " %" in table[0]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_hostile_images(tmp_path_factory.mktemp("hostile"))


def test_every_odd_file_is_answered_and_every_bad_one_gets_a_line(
    dalip: Dalip, world: World, hostile: dict[str, Path]
) -> None:
    done = dalip("identify", *hostile.values(), *world.options, "--json")
    answers = dict(zip(hostile, objects(done), strict=True))
    for name in READABLE:
        assert "predictions" in answers[name], answers[name]
    for name in UNREADABLE.keys() & hostile.keys():
        error = answers[name]["error"]
        assert str(hostile[name]) in error
        assert "; " in error, "says what to do"
        assert "\n" not in error
    assert done.status == 1
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) == 1
    upright, rotated = answers["jpeg"]["predictions"], answers["rotated"]["predictions"]
    assert [p["scientificName"] for p in upright] == [p["scientificName"] for p in rotated]


@pytest.mark.parametrize("option", [(), ("--json",), ("--csv",), ("--together",)])
def test_a_photo_that_is_read_from_its_preview_is_answered_with_a_caution(
    dalip: Dalip, world: World, tmp_path: Path, option: tuple[str, ...]
) -> None:
    (tmp_path / "raw.dng").write_bytes(tiff([THUMBNAIL, SENSOR], 1))
    done = dalip("identify", "raw.dng", *world.options, *option)
    assert done.status == 0
    assert "raw.dng" in done.out
    assert done.err.splitlines() == [
        "dalip: raw.dng: only a preview of 160 x 120 pixels can be read from this file, not the photo of 1,200 x 900; "
        "for a better answer, export the photo as JPEG"
    ]


def test_one_line_stays_one_line(dalip: Dalip, world: World, tmp_path: Path) -> None:
    name = "two\nlines \x1b[31mred.png"
    paint(tmp_path / name, "red")
    done = dalip("identify", name, "no\nsuch.png", *world.options)
    assert done.lines[0].startswith("two\\nlines \\x1b[31mred.png: ")
    assert done.err.splitlines()[0].startswith("dalip: ")
    assert "no\\nsuch.png" in done.err.splitlines()[0]
    assert "\x1b" not in done.out + done.err


def test_a_photo_with_a_non_unicode_name_is_identified(dalip: Dalip, world: World, tmp_path: Path) -> None:
    try:
        os.rename(paint(tmp_path / "x.png", "red"), os.fsencode(tmp_path) + b"/caf\xe9.png")  # noqa: PTH104
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    (answer,) = objects(dalip("identify", tmp_path, *world.options, "--json"))
    assert answer["taxon"] == "Flos red"
    assert os.fsencode(answer["image"]).endswith(b"/caf\xe9.png")


@pytest.mark.parametrize(
    "arguments", [(), ("x", "--json", "--csv"), ("x", "--top-k", "0"), ("x", "--top-k", "a"), ("x", "--nope")]
)
def test_wrong_usage_exits_with_2(dalip: Dalip, arguments: tuple[str, ...]) -> None:
    done = dalip("identify", *arguments)
    assert (done.status, done.out) == (2, "")
    assert "Usage: dalip identify" in done.err
    assert "Traceback" not in done.err


def start(world: World, *arguments: object) -> subprocess.Popen[str]:
    command = [BIN / "dalip", "identify", *map(str, arguments), *world.options, "--json"]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        # Background jobs of a script ignore Ctrl-C, and the command would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_a_closed_pipe_is_not_an_error(world: World) -> None:
    process = start(world, *[world.photos] * 20)
    assert process.stdout is not None
    assert process.stderr is not None
    assert "predictions" in process.stdout.readline()  # the first answer is printed long before the last
    process.stdout.close()
    assert process.wait(PATIENCE) == 141
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal on POSIX only")
def test_ctrl_c_is_quiet(world: World) -> None:
    process = start(world, *[world.photos] * 100)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, "")


def test_nothing_is_left_behind(world: World, tmp_path: Path) -> None:
    """Not even the telemetry marker of onnxruntime, which would also contact its vendor."""
    photo = paint(tmp_path / "photo.png", "yellow")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    command = ["dalip", "identify", photo, *world.options]
    done = run(command, fresh=True, TMPDIR=str(temporary), HOME=str(home), XDG_DATA_HOME="")
    assert done.status == 0
    assert not list(temporary.iterdir())
    assert not list(home.iterdir())


def test_identify_loads_no_torch_and_no_page(world: World, tmp_path: Path) -> None:
    code = (
        "import sys; import dalip, dalip_index, dalip_app\n"
        "from dalip_app.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as done: assert not done.code, done.code\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    photo = paint(tmp_path / "photo.png", "yellow")
    command = [sys.executable, "-c", code, "identify", str(photo), *world.options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert "Flos yellow" in done.stdout
    loaded = set(json.loads(done.stdout.splitlines()[-1].replace("'", '"')))
    assert {"onnxruntime", "faiss"} <= loaded
    heavy = {"torch", "torchvision", "transformers", "timm", "open_clip", "accelerate", "gradio", "fastapi"}
    assert not loaded & heavy


def test_a_heat_map_shows_which_parts_support_the_answer(dalip: Dalip, world: World, tmp_path: Path) -> None:
    with Image.open(paint(tmp_path / "both.png", "red")) as red:
        red.paste(COLOURS["blue"], (0, 30, 48, 48))
        red.save(tmp_path / "both.png")
    done = dalip("identify", "both.png", "missing.png", *world.options, "--explain", "why", "--json")
    assert done.status == 1
    answer, missing = objects(done)
    assert (answer["heatMap"], missing["image"]) == (str(Path("why", "0001-both.png")), "missing.png")
    assert [p["scientificName"] for p in answer["predictions"][:2]] == ["Flos purple", "Flos red"]
    with Image.open(tmp_path / answer["heatMap"]) as picture:
        assert picture.size == (448, 448)
        above, below = picture.getpixel((224, 60)), picture.getpixel((224, 400))
    assert above[2] > above[0] + 50  # type: ignore[index,operator]  # blue overlay: red speaks against purple
    assert below[0] > below[2] + 50  # type: ignore[index,operator]  # orange overlay: blue supports purple
    explain = ("identify", ".", *world.options, "--explain", "why")
    # A heat map compares two names even with --top-k 1; heat maps in the folder are not read as photos.
    done = dalip(*explain, "--top-k", 1)
    assert [line.split(":")[0] for line in done.lines if "both.png" in line] == ["both.png", "  Heat map"]
    assert sum("%" in line for line in done.lines) == 1
    assert dalip("identify", "both.png", *world.options, "--explain", "why", "--rank", "genus").status == 2
    (tmp_path / "file").write_text("")
    done = dalip("identify", "both.png", *world.options, "--explain", "file")
    assert done.status == 1
    assert "choose another folder" in done.err.splitlines()[0]
    assert "both.png: " in done.out  # it is answered nevertheless
