"""`dalip journal`, run as complete commands."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from dalip.photos import small_copy
from dalip_index import Journal, Observation
from tests.app.conftest import Done, World, paint

Dalip = Callable[..., Done]


def save(data_dir: Path, folder: Path, colour: str, number: int, **more: object) -> Observation:
    seen = Observation(
        f"{colour}-{number}",
        f"2026-05-{number + 1:02}",
        "Flos red",
        "species",
        "Coloraceae",
        0.25 + number / 10,
        "unsure",
        **more,  # type: ignore[arg-type]
    )
    photo = paint(folder / f"{colour}{number}.png", colour, 100 + number).read_bytes()
    Journal(data_dir).add(seen, [small_copy(photo)])
    return seen


def test_observations_are_listed_exported_and_imported(dalip: Dalip, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert dalip("journal", "list") == Done(0, "", "")
    save(data, tmp_path, "red", 0, name="Flos red")
    save(data, tmp_path, "red", 1)
    save(data, tmp_path, "blue", 2, name="Flos blue", event_date="2026-05-31T10:00")
    assert dalip("journal", "list").lines == [
        "2026-05-31    45 %  Flos blue  DALIP's answer: Flos red",
        "2026-05-02    35 %  Flos red",
        "2026-05-01    25 %  Flos red  confirmed",
    ]
    doubtful = [json.loads(line)["id"] for line in dalip("journal", "list", "--by", "doubt", "--json").lines]
    assert doubtful == ["red-1", "red-0", "blue-2"]
    for ending in ("zip", "csv", "json"):
        assert dalip("journal", "export", f"mine.{ending}").out == f"mine.{ending}: 3 observations\n"
        again = ("journal", "import", f"mine.{ending}", "--data-dir", tmp_path / ending)
        assert dalip(*again).out == f"mine.{ending}: 3 added, 0 already in the journal\n"
        assert dalip(*again).out == f"mine.{ending}: 0 added, 3 already in the journal\n"
        assert Journal(tmp_path / ending).observations() == Journal(data).observations()
    done = dalip("journal", "export", "mine.txt")
    assert (done.status, done.err) == (
        1,
        "dalip: mine.txt: a journal file must end in .zip, .csv or .json; use one of these extensions\n",
    )


def test_corrections_teach_the_flora(dalip: Dalip, world: World, bare_flora: Path, tmp_path: Path) -> None:
    lines = world.taxa.read_text(encoding="utf-8").splitlines()
    (tmp_path / "taxa.tsv").write_text(
        "\n".join(line for line in lines if "purple" not in line), encoding="utf-8"
    )
    use = ("--flora", tmp_path / "nine", *world.encoder)
    build = (
        "index",
        "build",
        *world.encoder,
        "--taxa",
        "taxa.tsv",
        "--photos",
        world.photos,
        "--keep",
        0,
        tmp_path / "nine",
    )
    assert dalip(*build).status == 0
    data = tmp_path / "data"
    save(data, tmp_path, "red", 0, name="Flos red")  # the flora was built with this plant
    save(data, tmp_path, "blue", 0)  # neither confirmed nor corrected
    done = dalip("journal", "teach", *use)
    assert (done.status, done.out) == (0, "")
    assert "nothing to teach" in done.err
    for number in range(2):
        save(data, tmp_path, "purple", number, name="Flos purple")
    done = dalip("journal", "teach", *use)
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{tmp_path / 'nine'}: learned Flos purple from 2 photos of yours\n"
    save(data, tmp_path, "purple", 2, name="Flos purple")
    assert "from 3 photos of yours" in dalip("journal", "teach", *use).out
    (answer,) = (json.loads(line) for line in dalip("identify", "purple0.png", *use, "--json").lines)
    assert answer["predictions"][0]["scientificName"] == "Flos purple"
    assert answer["predictions"][0]["family"] == "Coloraceae"
    assert dalip("index", "verify", tmp_path / "nine").status == 0


def test_a_flora_that_keeps_its_photos_learns_what_was_corrected(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    flora = tmp_path / "kept"
    built = dalip("index", "build", *world.encoder, "--taxa", world.taxa, "--photos", world.photos, flora)
    assert built.status == 0, built.err
    for number in range(2):
        save(tmp_path / "data", tmp_path, "blue", number, name="Flos blue")
    use = ("--flora", flora, *world.encoder)
    before = json.loads(dalip("index", "info", flora, "--json").out)["manifest"]["counts"]
    done = dalip("journal", "teach", *use)
    assert (done.status, done.err) == (0, ""), done.err
    after = json.loads(dalip("index", "info", flora, "--json").out)["manifest"]["counts"]
    assert after["kept_photos"] == before["kept_photos"] + 2
    assert after["taxa"] == before["taxa"]
    assert "nothing to teach" in dalip("journal", "teach", *use).err  # it has already learned them


def test_what_an_import_or_a_list_does_not_use_is_listed_and_the_command_fails(
    dalip: Dalip, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    for number in range(2):
        save(data, tmp_path, "red", number)
    assert dalip("journal", "export", "mine.json").status == 0
    rows = json.loads((tmp_path / "mine.json").read_text())
    (tmp_path / "bad.json").write_text(json.dumps([rows[0], rows[1] | {"dateIdentified": 0}]))
    done = dalip("journal", "import", "bad.json", "--data-dir", tmp_path / "new")
    assert (done.status, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert line.startswith("dalip: bad.json: nothing was imported")
    assert "(row 2, dateIdentified: expected text, not 0)" in line
    Journal(data).change("red-1", notes="changed")
    done = dalip("journal", "import", "mine.json")
    assert (done.status, done.out) == (1, "mine.json: 0 added, 2 already in the journal\n")
    assert "the observation red-1 is already in the journal with other content, which was kept" in done.err
    with sqlite3.connect(data / "journal.db") as connection:  # as an earlier version could import it
        connection.execute("UPDATE observations SET created = 0 WHERE id = 'red-0'")
    connection.close()
    for command in (("list",), ("list", "--json"), ("export", "mine.zip")):
        done = dalip("journal", *command)
        assert done.status == 1
        assert len(done.lines) == 1
        assert "the observation red-0 cannot be used (0 is not a date" in done.err
        assert "move the file" not in done.err
