"""The Dockerfile, checked piece by piece, because Docker may be missing where the tests run."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from paths import ROOT

from tests.app.conftest import World, run
from tests.app.serving import serving

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def command(instruction: str) -> list[str]:
    """Return the command of an instruction in exec form (a JSON list)."""
    found = re.search(rf"^{instruction}\b.*?(\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found
    words: list[str] = json.loads(found[1])
    return words


def test_the_docker_context_is_enough_to_install(tmp_path: Path) -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in [line.removeprefix("!") for line in lines if line.startswith("!")]:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, tmp_path / "src" / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            (tmp_path / "src").mkdir(exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "src")
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        tmp_path,
        tmp_path / "src",
    ]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"dalip_app/page/site.py", "dalip_assets/encoder/image_encoder.onnx"} <= set(names)


def test_the_command_accepts_the_documented_options() -> None:
    program, *arguments = command("ENTRYPOINT")
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    added = re.findall(r"^docker run .* dalip((?: --\S+)*)(?: +#.*)?$", page, re.MULTILINE)
    assert "" in added
    assert " --public" in added
    for options in added:
        done = run([program, *arguments, *options.split(), "--help"])
        assert done.status == 0, done.err


def test_the_health_check_also_works_with_a_login(world: World, tmp_path: Path) -> None:
    _, option, code = command("HEALTHCHECK")
    with serving(world, tmp_path, "--auth", "me:secret") as served:
        port = served.address.rpartition(":")[2]
        check = [sys.executable, option, code.replace("7860", port)]
        assert subprocess.run(check, check=False, env=os.environ).returncode == 0
    assert subprocess.run(check, check=False, capture_output=True).returncode != 0
