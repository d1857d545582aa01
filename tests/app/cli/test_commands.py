"""Behaviour that all commands share: help, versions, exit statuses, one-line errors."""

import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from tiny_bundle import write_tiny_bundle

from dalip import __version__
from dalip.errors import DataError, ImageError, Skipped
from dalip.files import printable
from dalip_app.cli import terminal
from dalip_app.cli.main import app as dalip_app
from dalip_app.cli.serve import app as serve_app
from dalip_app.cli.terminal import LeftOut, ProgressLine, worded
from dalip_app.messages.words import percent
from tests.app.conftest import BIN, Done, World, paint, run

Dalip = Callable[..., Done]


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, sub in getattr(command, "commands", {}).items():
        yield from leaves(sub, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


COMMANDS = [
    *leaves(typer.main.get_command(dalip_app), ("dalip",)),
    *leaves(typer.main.get_command(serve_app), ("dalip-app",)),
]


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_every_command_and_option_is_explained(path: tuple[str, ...], command: Any) -> None:
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{' '.join(path)} {parameter.name}"
    if path[-1] in ("train", "export"):
        return
    name = " ".join(("dalip", *path[1:]))  # `dalip` has all commands of `dalip-app`
    assert name in (command.epilog or ""), "has an example"


@pytest.mark.parametrize("path", [("dalip",), ("dalip-app",), *(path for path, _ in COMMANDS)], ids=" ".join)
def test_help_is_printed(path: tuple[str, ...]) -> None:
    done = run([*path, "--help"], fresh=len(path) == 1)
    assert done.status == 0
    assert done.out.startswith(f"Usage: {' '.join(path)}")
    assert max(map(len, done.lines)) <= 80


def test_version(dalip: Dalip) -> None:
    assert dalip("--version").out == f"dalip {__version__}\n"


@pytest.mark.skipif(os.name != "posix", reason="other shells close no streams")
def test_a_closed_stream_loses_nothing_but_itself(world: World, tmp_path: Path) -> None:
    photo = next(world.photos.rglob("*.png"))
    command = shlex.join(map(str, [BIN / "dalip", "identify", tmp_path / "no.jpg", photo, *world.options]))
    run = partial(subprocess.run, shell=True, capture_output=True, text=True, check=False)
    whole = run(command)
    assert (whole.returncode, bool(whole.stdout), "no.jpg" in whole.stderr) == (1, True, True)
    without = run(f"{command} 2>&-")
    assert (without.returncode, without.stdout) == (1, whole.stdout)
    assert run(f"{command} >&-").stderr == whole.stderr


def test_unknown_command_exits_with_2(dalip: Dalip) -> None:
    done = dalip("identfy", "x.jpg")
    assert (done.status, done.out) == (2, "")


def fails(done: Done, *words: str) -> None:
    assert done.status == 1, done
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("dalip: ")
    for word in words:
        assert word in line


def test_a_flora_that_is_not_there(dalip: Dalip, world: World) -> None:
    fails(dalip("identify", "x.jpg", "--flora", "nowhere", *world.encoder), "nowhere")
    fails(dalip("index", "info", "nowhere"), "nowhere")
    fails(dalip("index", "verify", "nowhere"), "nowhere")


def test_the_built_in_flora_has_a_name(dalip: Dalip, tmp_path: Path) -> None:
    data = ("--data-dir", tmp_path)
    assert dalip("index", "info", "builtin", *data).out == dalip("index", "info", *data).out != ""


def test_a_flora_of_another_encoder(dalip: Dalip, world: World, tmp_path: Path) -> None:
    other = write_tiny_bundle(tmp_path / "other", seed=1)
    done = dalip("identify", world.photos, "--flora", world.flora, "--encoder", other)
    fails(done, str(world.flora), "tiny-0", "tiny-1", "--encoder")
    fails(dalip("index", "verify", world.flora, "--encoder", other), "tiny-0", "tiny-1")


def test_a_bundle_with_one_byte_changed(dalip: Dalip, world: World, tmp_path: Path) -> None:
    bundle = shutil.copytree(world.bundle, tmp_path / "bundle")
    model = bundle / "image_encoder.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    photo = world.photos / "Flos_red" / "red-00.png"
    fails(dalip("identify", photo, "--flora", world.flora, "--encoder", bundle), str(model), "changed")
    fails(dalip("index", "verify", world.flora, "--encoder", bundle), str(model), "changed")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name,family\nRosa,Rosaceae\n", ("scientificName",)),
        ("scientificName\n", ("contains no taxa",)),
    ],
)
def test_an_unusable_taxa_file(
    dalip: Dalip, world: World, tmp_path: Path, content: str, words: tuple[str, ...]
) -> None:
    taxa = tmp_path / "taxa.csv"
    taxa.write_text(content)
    fails(dalip("index", "build", *world.encoder, "--taxa", taxa, "out"), str(taxa), *words)
    assert not (tmp_path / "out").exists()


def test_bad_rows_and_photos_are_reported_and_the_rest_is_built(
    dalip: Dalip, world: World, tmp_path: Path
) -> None:
    taxa = tmp_path / "taxa.csv"
    rows = (
        "scientificName,taxonRank,genus,family",
        "Flos red,species,Flos,Coloraceae",
        "Flos red,species,Flos,Coloraceae",
        "Flosaria,clan,Flos,Coloraceae",
        f"{'x' * 10_000_000},species,,",
        "Flos green,species,Flos,Greenaceae",
        "Flos pink,species,Flos,Coloraceae",
    )
    taxa.write_text("\n".join(rows))
    photos = shutil.copytree(world.photos, tmp_path / "photos")
    (photos / "Flos_red" / "broken.png").write_bytes(b"no photo")
    shutil.copy(photos / "Flos_red" / "red-01.png", photos / "Flos_pink" / "red.png")
    done = dalip("index", "build", *world.encoder, "--taxa", taxa, "--photos", photos, "out")
    assert done.status == 1
    assert "out: 2 taxa" in done.out
    for line, what in (
        (3, "twice"),
        (4, "unknown taxonRank 'clan'"),
        (5, "more than 1,000,000"),
    ):
        assert any(f"line {line}: " in told and what in told for told in done.err.splitlines()), done.err
    assert (
        "the genus Flos is in Coloraceae according to Flos red, but in Greenaceae according to Flos green"
        in done.err
    )
    assert "broken.png" in done.err
    (twice,) = (told for told in done.err.splitlines() if "is the same photo as" in told)
    assert all(name in twice for name in ("red-01.png", "red.png", "Flos red", "Flos pink"))
    assert max(map(len, done.err.splitlines())) < 500
    assert dalip("index", "verify", "out", *world.encoder).out.endswith("out: OK\n")


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_debug_adds_a_traceback_wherever_it_stands(dalip: Dalip, place: int) -> None:
    arguments = ["index", "info", "nowhere"]
    assert "Traceback" not in dalip(*arguments).err
    arguments.insert(place, "--debug")
    done = dalip(*arguments)
    assert done.status == 1
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("dalip: nowhere: ")


def test_after_two_dashes_debug_is_a_name(dalip: Dalip) -> None:
    fails(dalip("index", "info", "--", "--debug"), "--debug: no such flora")


def test_index_info_and_verify(dalip: Dalip, world: World, tmp_path: Path) -> None:
    text = dalip("index", "info", world.flora).out
    assert "10, with 20 common names" in text
    facts = json.loads(dalip("index", "info", world.flora, "--json").out)
    assert facts["manifest"]["counts"]["taxa"] == 10
    done = dalip("index", "verify", world.flora, *world.encoder)
    assert (done.status, done.lines) == (0, [f"{world.bundle}: OK", f"{world.flora}: OK"])
    flora = shutil.copytree(world.flora, tmp_path / "flora")
    (index,) = flora.glob("v*/text.faiss")
    content = bytearray(index.read_bytes())
    content[-1] ^= 1
    index.write_bytes(content)
    fails(dalip("index", "verify", flora), str(index))


def test_evaluate_flora(dalip: Dalip, world: World) -> None:
    arguments = ("evaluate", "flora", *world.options, "--photos", world.photos)
    done = dalip(*arguments)
    assert done.status == 0, done.err
    assert done.lines[0].split() == ["source", "evidence", "photos", "top-1", "top-5", "(test", "photos)"]
    assert "precision at 5" in done.out
    heads = [line.split("  ") for line in done.lines if line.startswith("source ")]
    assert [cell.strip() for cell in heads[1] if cell][1:4] == ["photos", "macro top-1", "ECE"]
    content = json.loads(dalip(*arguments, "--json", "--split", "all").out)
    assert content["split"] == "all"
    both, text, photos = content["accuracy"]
    assert [row["evidence"] for row in (both, text, photos)] == ["both", "text", "photos"]
    assert {row["source"] for row in (both, text, photos)} == {"photos"}
    assert both["photos"] == 240
    assert both["top1"] > 0.9
    assert content["trust"][0]["coverage"].keys() == {"0.8", "0.9", "0.95"}


def test_evaluate_needs_photos_in_the_split(dalip: Dalip, world: World, tmp_path: Path) -> None:
    folder = tmp_path / "one" / "Flos_red"
    folder.mkdir(parents=True)
    # Its key is in the training split.
    shutil.copy(world.photos / "Flos_red" / "red-00.png", folder / "a.png")
    fails(dalip("evaluate", "flora", *world.options, "--photos", "one"), "test split", "--split all")


@given(st.text())
def test_printable_returns_one_printable_line(text: str) -> None:
    line = printable(text)
    assert line.isprintable()
    assert printable(line) == line


@given(st.floats(0, 1))
def test_percentages_are_never_0_or_100(share: float) -> None:
    assert percent(share) not in ("0 %", "100 %")


def test_skipped_items_are_reported_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    left_out = LeftOut()
    left_out.finish(5)  # nothing was skipped, so the command continues
    left_out(Skipped.of("a.jpg", ImageError("image-empty")), DataError("split-empty", photos=9, split="test"))
    left_out(Skipped.of("b.jpg", ImageError("image-empty")), quiet=True)  # it is reported in the answer
    assert [*map(worded, left_out.faults)][2] == "b.jpg: the file is empty; copy or download it again"
    with pytest.raises(typer.Exit) as end:
        left_out.finish(5)
    assert end.value.exit_code == 1
    assert capsys.readouterr().err.splitlines() == [
        "dalip: a.jpg: the file is empty; copy or download it again",
        "dalip: none of the 9 photos is in the test split; try --split all",
        "dalip: skipped 3 of 5; the others were used",
    ]


@pytest.mark.parametrize(
    ("number", "given", "told"),
    [(1, 0, []), (2, 0, ["dalip: skipped 2; the others were used"]), (2, 2, ["dalip: skipped 2 of 2"])],
)
def test_the_summary_appears_only_if_it_adds_information(
    number: int, given: int, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    left_out = LeftOut()
    left_out(*[DataError("no-name")] * number, quiet=True)
    with pytest.raises(typer.Exit):
        left_out.finish(given)
    assert capsys.readouterr().err.splitlines() == told


def test_progress_is_silent_at_first_then_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
    stream = io.StringIO()
    with ProgressLine(stream) as progress:
        for now in range(21):
            progress("photos", int(now), 20)
    assert stream.getvalue().splitlines() == ["photos: 2 of 20", "photos: 12 of 20"]


def test_progress_rewrites_its_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    with ProgressLine(stream) as progress:
        for now in (0.0, 1.0, 2.0):
            progress("photos", int(now), 2)
    assert stream.getvalue() == "\rphotos: 1 of 2\rphotos: 2 of 2\r" + " " * 14 + "\r"


def test_a_message_replaces_the_progress_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    with ProgressLine(stream) as progress:
        for say in (terminal.complain, terminal.print_result):
            now += 1.0
            progress("photos", 1, 2)
            say("a word")
            assert stream.getvalue().endswith("\rphotos: 1 of 2\r" + " " * 14 + "\r")
    assert capsys.readouterr() == ("a word\n", "dalip: a word\n")


def test_hidden_progress_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    progress = ProgressLine(stream, hidden=True)
    monkeypatch.setattr(terminal.time, "monotonic", lambda: float("inf"))
    progress("photos", 1, 2)
    assert stream.getvalue() == ""


def test_a_command_behaves_the_same_in_this_process_and_restores_its_state(
    world: World, tmp_path: Path
) -> None:
    """This lets tests run commands in their own process."""
    photo = paint(tmp_path / "größe.png", "red")
    (tmp_path / "broken.jpg").write_text("no photo")

    def state() -> tuple[object, ...]:
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        return dict(os.environ), Path.cwd(), [*sys.argv], sys.stdout, sys.stderr, tempfile.tempdir, handlers

    for arguments in (
        ["identify", photo, "broken.jpg", "gone.jpg", *world.options, "--json"],
        ["serve", "--flora", "nowhere", "--port", 0],
        ["identify", "--top-k", "many"],
        ["--version"],
    ):
        before = state()
        here = run(["dalip", *arguments], cwd=tmp_path, TMPDIR=str(tmp_path))
        assert state() == before
        assert here == run(["dalip", *arguments], cwd=tmp_path, fresh=True)
