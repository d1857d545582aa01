"""The project as a whole: built and installed files, imports, and whether the documents are correct."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import house
import pytest
from paths import ROOT, temporary

from docs import reference

SOURCES = {
    "dalip": ROOT,
    "dalip_index": ROOT / "index",
    "dalip_app": ROOT / "app",
    "dalip_assets": ROOT / "assets",
}
WITH_TORCH = ("dalip.model", "dalip.training.", "dalip.export")
LIGHT_IN_TRAINING = ("dalip.training.config", "dalip.training.presets")
PACKAGES = [root / name for name, root in SOURCES.items()]


def python(*arguments: str, cwd: Path, path: Path | None = None) -> str:
    environment = os.environ | {"PYTHONPATH": str(path)} if path else os.environ
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the sdist, and the wheel that was built from it."""
    with temporary(tmp_path_factory, "dist") as out:
        python("-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT), cwd=out)
        yield out


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder away from the checkout into which the wheel was installed, without its dependencies."""
    with temporary(tmp_path_factory, "installed") as target:
        (wheel,) = built.glob("*.whl")
        install = ("install", "--no-deps", "--no-index", "--target", str(target), str(wheel))
        python("-m", "pip", *install, cwd=built)
        yield target


def test_sdist_holds_code_tests_and_terms(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "NOTICE", "Makefile", "pyproject.toml", "tests/test_house.py"} <= names
    assert "assets/dalip_assets/LICENSE-WEIGHTS.md" in names
    assert not [name for name in names if name.startswith((".ci", ".git/", ".venv"))]


def test_wheel_holds_the_four_packages_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {*SOURCES, f"dalip-{version('dalip')}.dist-info"}
    assert all(f"{package}/py.typed" in names for package in SOURCES)
    assets = {str(p.relative_to(ROOT / "assets")) for p in tracked() if p.is_relative_to(ROOT / "assets")}
    assert assets <= set(names)
    for terms in ("LICENSE", "NOTICE", "assets/dalip_assets/LICENSE-WEIGHTS.md"):
        assert f"dalip-{version('dalip')}.dist-info/licenses/{terms}" in names


def test_wheel_works_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    names = ", ".join(SOURCES)
    code = f"import {names}; print(dalip.__version__, *[package.__file__ for package in ({names})])"
    number, *files = python("-c", code, cwd=tmp_path, path=installed).split()
    assert number == version("dalip")
    assert all(Path(file).is_relative_to(installed) for file in files)


@pytest.mark.parametrize("command", ["dalip", "dalip-app"])
def test_installed_commands_answer(installed: Path, tmp_path: Path, command: str) -> None:
    assert "Usage" in python(str(installed / "bin" / command), "--help", cwd=tmp_path, path=installed)


def modules() -> list[str]:
    files = [
        path.relative_to(root)
        for name, root in SOURCES.items()
        for path in sorted((root / name).rglob("*.py"))
    ]
    return [".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files]


def test_only_method_training_and_export_load_torch(tmp_path: Path) -> None:
    light = [
        name
        for name in modules()
        if (not name.startswith(WITH_TORCH) or name in LIGHT_IN_TRAINING) and not name.endswith("__main__")
    ]
    assert {
        "dalip",
        "dalip.encoder",
        "dalip.training",
        *LIGHT_IN_TRAINING,
        "dalip_index",
        "dalip_app",
    } <= set(light)
    code = "import sys; [*map(__import__, sys.argv[1:])]; print('torch' in sys.modules)"
    assert python("-c", code, *light, cwd=tmp_path).strip() == "False"


def tracked() -> list[Path]:
    """Return the files under version control."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout:
        pytest.skip("not a git checkout, so nothing says which files belong to it")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).exists()]


def test_every_module_is_described_in_the_file_tree() -> None:
    lines = [line.split(maxsplit=1) for line in reference.tree().splitlines()]
    assert [line for line in lines if len(line) < 2] == []
    wanted = [p.name for p in tracked() if p.suffix == ".py" and p.name != "__init__.py"]
    mine = [p.name for p in tracked() if p.suffix == ".py" and p.is_relative_to(ROOT / "tests")]
    named = Counter(name for name, _ in lines if name.endswith(".py"))
    assert named == Counter(wanted) - Counter(mine)


def test_links_in_the_documents_are_valid() -> None:
    for page in [path for path in tracked() if path.suffix == ".md"]:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (page.parent / target).exists(), (
                f"{page.relative_to(ROOT)} links to {target}, which is not there"
            )


def test_names_in_the_documents_exist() -> None:
    """Paths and dotted names in the documentation exist; the CHANGELOG is excluded, as it describes old versions."""
    sources = house.modules_of(PACKAGES)
    for page in [path for path in tracked() if path.suffix == ".md" and path.name != "CHANGELOG.md"]:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"`(dalip(?:_index|_app|_assets)?(?:\.\w+)+)`", text):
            module, _, public = name.rpartition(".")
            known = name in sources or (
                module in sources and public in house.interface(sources[module]).read_text("utf-8")
            )
            assert known, f"{page.name} names {name}"
        folders = "app|assets|benchmarks|dalip|docs|index|tests"
        for name in re.findall(rf"(?<![\w./])((?:{folders})/[\w./-]+\.\w+)", re.sub(r"\]\(.*?\)", "", text)):
            assert (ROOT / name).exists(), f"{page.name} names {name}"


def test_assets_are_small_and_hold_no_photo() -> None:
    files = [path for path in tracked() if path.is_relative_to(ROOT / "assets")]
    assert sum(path.stat().st_size for path in files) <= 48_000_000
    assert not [
        path for path in files if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp", ".heic", ".tar"}
    ]


def test_a_package_has_at_most_eighteen_modules(tmp_path: Path) -> None:
    assert house.crowded(PACKAGES) == []
    for number in range(19):
        (tmp_path / f"m{number}.py").touch()
    assert house.crowded([tmp_path]) == [f"{tmp_path}: 19 modules"]


def test_no_file_name_is_repeated_in_a_package(tmp_path: Path) -> None:
    assert [line for package in PACKAGES for line in house.repeated_names(package)] == []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "options.py").touch()
        (tmp_path / folder / "__init__.py").touch()
    assert house.repeated_names(tmp_path) == [f"{tmp_path.name}: options.py is there 2 times"]


def test_no_two_places_share_eight_lines() -> None:
    assert house.repeated_lines(PACKAGES) == []


LINES = [f"x{number} = {number}" for number in range(9)]
PLAIN = "\n".join(["def f(", *(f"    p{number}: int = {number}," for number in range(9)), "): ..."])
OPTIONS = PLAIN.replace(": int", ': Annotated[int, typer.Option("--o")]')


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("\n".join(LINES), "\n\n".join(["if True:", *(f"    {line}" for line in LINES)]), True),
        ("\n".join(LINES[:7]), "\n".join(["import os", *LINES[:7]]), False),
        (PLAIN, PLAIN.replace("f(", "g("), False),
        (OPTIONS, OPTIONS.replace("f(", "g("), True),
    ],
    ids=["code", "seven lines", "parameters", "options"],
)
def test_lines_that_two_places_share_are_found(tmp_path: Path, first: str, second: str, found: bool) -> None:
    (tmp_path / "a.py").write_text(first)
    (tmp_path / "b.py").write_text(second)
    assert bool(house.repeated_lines([tmp_path])) is found


def test_tests_replace_no_private_name() -> None:
    others = [path for path in (ROOT / "tests").rglob("*.py") if path.name != Path(__file__).name]
    assert house.private_patches(others) == []  # this file contains examples


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ('monkeypatch.setattr(module, "_limit", 5)', "_limit"),
        ('monkeypatch.setattr("dalip.files._limit", 5)', "dalip.files._limit"),
        ('with mock.patch("dalip._private.limit"): pass', "dalip._private.limit"),
        ('patch.object(module, "_limit", 5)', "_limit"),
        ("module._limit = 5", "module._limit"),
        ('CODE = """\nimport dalip\ndalip._limit = 5\n"""', "dalip._limit"),
        ('CODE = f"""\n    import dalip\n    dalip._limit = {limit}\n"""', "dalip._limit"),
        ('monkeypatch.setattr(target="dalip.files._limit", value=5)', "dalip.files._limit"),
        ('monkeypatch.setattr(f"{module}._limit", 5)', "0._limit"),
        ('monkeypatch.setitem(module._limits, "size", 5)', "module._limits"),
        ('patch.dict(module._limits, {"size": 5})', "module._limits"),
        ("patch.multiple(module, _limit=5)", "_limit"),
        ('module._limits["size"] = 5', "module._limits"),
        ("module._limits.size = 5", "module._limits.size"),
        ('monkeypatch.setattr(module, "limit", 5)', ""),
        ("self._limit = module._limit", ""),
        ("self._limits.size = dict(module._limits)", ""),
        ('module.__doc__ = "_limit"', ""),
    ],
)
def test_a_private_name_that_a_test_replaces_is_found(tmp_path: Path, code: str, name: str) -> None:
    (tmp_path / "test_a.py").write_text(code)
    found = [line.partition(" replaces ")[2] for line in house.private_patches([tmp_path / "test_a.py"])]
    assert found == [name] * bool(name)


def test_public_names_are_used_or_documented() -> None:
    pages = [
        path.read_text(encoding="utf-8")
        for path in [*tracked(), ROOT / "pyproject.toml"]
        if path.suffix in (".md", ".toml")
    ]
    scripts = [path for folder in ("benchmarks", "docs") for path in (ROOT / folder).rglob("*.py")]
    tests = [*(ROOT / "tests").rglob("*.py")]
    assert house.unused_names(PACKAGES, scripts, tests, "\n".join(pages)) == []


def test_unused_public_names_are_found(tmp_path: Path) -> None:
    names = ("used", "taken", "exported", "told", "tested", "dead", "idle")
    package = tmp_path / "made"
    package.mkdir()
    (package / "__init__.py").write_text("from made.a import exported\n__all__ = ['exported']\n")
    body = [f"def {name}(): ..." for name in names]
    (package / "a.py").write_text("\n".join([f"__all__ = {[*names]}", *body, "tested()"]))
    (package / "b.py").write_text("from made import a\nfrom made.a import used\na.taken()\n")
    test = tmp_path / "test_a.py"
    test.write_text("from made.a import dead, tested\n")
    assert house.unused_names([package], [], [test], "Call `made.a.told(x)`.") == [
        "made.a.dead",
        "made.a.idle",
    ]
