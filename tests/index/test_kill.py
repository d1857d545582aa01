"""A build is killed for real; the flora is always the old one or the new one."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip.taxonomy import Taxon
from dalip_index import Library, build_flora, load_flora, verify_flora
from dalip_index.versions import new_version

# Dies at the n-th of the moments that change something on disk; says how many there were if it survives.
_BUILD = """
import os, pathlib, signal, sys
from pathlib import Path
from dalip.encoder import Encoder
from dalip.taxonomy import Taxon
from dalip_index import build_flora
import dalip_index.build, dalip_index.versions

path, bundle, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
moments = 0

def deadly(function):
    def moment(*args, **options):
        global moments
        moments += 1
        if moments == last:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **options)
        moments += 1
        if moments == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return moment

for owner, names in (
    (Path, ("mkdir", "rename", "replace", "write_text", "unlink")),
    (dalip_index.build, ("write_catalogue", "write_index")),
    (dalip_index.versions, ("flush",)),
    (dalip_index.versions.shutil, ("rmtree",)),
):
    for name in names:
        setattr(owner, name, deadly(getattr(owner, name)))
print("ready", flush=True)
build_flora(Path(path), Encoder.load(bundle), [Taxon("Rosa new"), Taxon("Rosa newer"), Taxon("Rosa newest")])
print(moments)
"""


def build(path: Path, bundle: Path, last: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _BUILD, str(path), str(bundle), str(last)], capture_output=True, text=True
    )


def check_old_or_new(path: Path, encoder: Encoder, old: list[Taxon]) -> bool:
    """Check the flora in full, and say whether it is the new one."""
    verify_flora(path)
    names = [t.scientific_name for t in load_flora(path, encoder).taxa]
    new = ["Rosa new", "Rosa newer", "Rosa newest"]
    assert names in ([t.scientific_name for t in old], new)
    return names == new


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("existing", [True, False])
def test_killed_at_every_kind_of_moment(
    tmp_path: Path, bundle: Path, encoder: Encoder, taxa: list[Taxon], existing: bool
) -> None:
    survivor = tmp_path / "survivor"
    for _ in range(2 * existing):
        build_flora(survivor, encoder, taxa)
    moments = int(build(survivor, bundle).stdout.split()[-1])
    assert moments > 20
    outcomes = set()
    for last in [*range(1, moments, 8), moments - 1, moments]:
        path = tmp_path / f"flora-{last}"
        for _ in range(2 * existing):
            build_flora(path, encoder, taxa)
        assert build(path, bundle, last).returncode == -signal.SIGKILL
        if existing or (path / "CURRENT").exists():
            outcomes.add(check_old_or_new(path, encoder, taxa))
        else:
            outcomes.add(False)
            with pytest.raises(FloraError, match="flora"):
                load_flora(path, encoder)
        build_flora(path, encoder, taxa)  # a rerun succeeds and tidies up
        verify_flora(path)
        left = sorted(p.name for p in path.iterdir())
        assert left[0] == "CURRENT"
        assert all(name.startswith("v") for name in left[1:])
        assert len(left) <= 3
    assert outcomes == {False, True}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_at_random_moments(tmp_path: Path, bundle: Path, encoder: Encoder, taxa: list[Taxon]) -> None:
    path = tmp_path / "flora"
    build_flora(path, encoder, taxa)
    generator = random.Random(0)
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", _BUILD, str(path), str(bundle), "0"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        time.sleep(generator.uniform(0, 0.5))
        process.kill()
        process.communicate()
        check_old_or_new(path, encoder, taxa)


_ADD = """
import os, signal, sys
from pathlib import Path
from dalip.encoder import Encoder
from dalip_index import Library

def progress(stage, done, total):
    if done >= int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

Library(Path(sys.argv[1])).add(Path(sys.argv[2]), Encoder.load(sys.argv[3]), progress)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_library_goes_on_where_it_was(
    tmp_path: Path, bundle: Path, encoder: Encoder, photos: Path
) -> None:
    arguments = [sys.executable, "-c", _ADD, str(tmp_path), str(photos), str(bundle), "100"]
    assert subprocess.run(arguments).returncode == -signal.SIGKILL
    library = Library(tmp_path)
    before = len(library)
    assert 0 < before < 150
    report = library.add(photos, encoder)
    assert (report.added, report.unchanged) == (150 - before, before)
    assert len(library) == 150


def test_two_writers_do_not_meet(tmp_path: Path, encoder: Encoder, taxa: list[Taxon]) -> None:
    path = tmp_path / "flora"
    with new_version(path), pytest.raises(FloraError, match="another process is changing"):
        build_flora(path, encoder, taxa)
