"""Processes are killed during changes; the flora is always either the old or the new one."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny_bundle import COLOURS
from warm import Forked, fork
from wording import refuses

from dalip.datasets import Record, read_records
from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip.taxonomy import Taxon
from dalip_index import Library, build_flora, load_flora, taxa_of, verify_flora
from dalip_index.store.catalogue import read_taxa
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.versions import current_version

_KILLS = 2  # per kind of change
_USED = ("dalip.encoder", "dalip_index.build.build", "onnxruntime")

# Makes a change and kills itself at the n-th change on disk; if it survives, prints how many there were.
_CHANGE = """
import os, signal, sys
from pathlib import Path
from dalip.datasets import read_records
from dalip.encoder import Encoder
import dalip_index
from dalip import files
from dalip_index.build import build, embed_photos
from dalip_index.flora import prototypes
from dalip_index.store import photo_store, versions

change, path, bundle, photos, last = sys.argv[1], *map(Path, sys.argv[2:5]), int(sys.argv[5])
encoder = Encoder.load(bundle)
records = read_records(photos)
embed_photos.AT_ONCE, photo_store.PACK_PHOTOS = 16, 24
moments = 0

def deadly(function):
    def moment(*args, **options):
        global moments
        for act in (lambda: None, lambda: function(*args, **options)):
            result = act()
            moments += 1
            if moments == last:
                os.kill(os.getpid(), signal.SIGKILL)
        return result
    return moment

for owner, names in (
    (Path, ("mkdir", "rename", "replace", "write_text", "write_bytes", "unlink", "rmdir")),
    (build, ("write_catalogue",)),
    (prototypes, ("write_index",)),
    (versions, ("flush_to_disk",)),
    (files, ("flush_to_disk",)),
    (photo_store.np, ("save",)),
    (versions.shutil, ("rmtree",)),
):
    for name in names:
        setattr(owner, name, deadly(getattr(owner, name)))
print("ready", flush=True)
if change == "build":
    dalip_index.build_flora(path, encoder, dalip_index.taxa_of(records), records)
elif change == "add":
    dalip_index.add_photos(path, encoder, records)
elif change == "remove":
    dalip_index.remove_from(path, encoder, names=["Rosa red", "Rosa blue"])
elif change == "rebuild":
    dalip_index.rebuild_flora(path, encoder)
elif change == "merge":
    dalip_index.merge_floras(path, encoder, [path.with_name("one"), path.with_name("two")])
print(moments)
"""

ALL = {f"Rosa {colour}" for colour in COLOURS}
OLD = ALL - {"Rosa white", "Rosa black"}


@dataclass(frozen=True)
class Ground:
    """A flora to change, and the inputs of the change."""

    change: str
    path: Path
    bundle: Path
    photos: Path
    old: set[str]
    new: set[str]

    def start(self, last: int = 0) -> "Forked | subprocess.Popen[str]":
        arguments = [self.change, self.path, self.bundle, self.photos, last]
        errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # as long as the process
        process = fork(_CHANGE, [*map(str, arguments)], os.environ, modules=_USED, stderr=errors)
        assert process.stdout
        assert process.stdout.readline() == "ready\n", process.communicate()
        return process

    def read(self) -> set[str]:
        """Load the flora as a concurrent reader would, with the encoder that built it."""
        folder = current_version(self.path)
        try:
            return {taxon.scientific_name for taxon in read_taxa(folder)}
        except FloraError:
            if current_version(self.path) == folder:
                raise
            return self.read()

    def check(self) -> bool:
        """Verify the whole flora, and return whether it is the new one."""
        verify_flora(self.path)
        names = self.read()
        assert names in (self.old, self.new)
        return names == self.new

    def check_tidy(self) -> None:
        """There are no files except the versions and the files that they need."""
        versions = sorted(self.path.glob("v*"))
        assert len(versions) <= 2
        names = {p.name for p in self.path.iterdir()} - {".lock"}
        assert names == {"CURRENT", "photos", *(v.name for v in versions)}
        needed = {name for version in versions for name in FloraManifest.load(version).photos}
        assert {p.name for p in (self.path / "photos").iterdir()} == needed


@pytest.fixture(scope="module")
def grounds(
    tmp_path_factory: pytest.TempPathFactory,
    bundle: Path,
    encoder: Encoder,
    other_encoder: Encoder,
    taxa: list[Taxon],
    records: list[Record],
    photos: Path,
) -> Callable[[str, Path], Ground]:
    """Build a flora of eight or ten roses, ready for each kind of change."""
    root = tmp_path_factory.mktemp("grounds")
    some = [taxon for taxon in taxa if taxon.scientific_name in OLD]
    build_flora(root / "flora", encoder, some, records)
    build_flora(root / "one", encoder, taxa[:6], records)
    build_flora(root / "two", encoder, taxa[4:], records)

    def make(change: str, folder: Path) -> Ground:
        for name in ("flora", "one", "two"):
            shutil.copytree(root / name, folder / name)
        uses = other_encoder.folder if change == "rebuild" else bundle
        new = {"remove": OLD - {"Rosa red", "Rosa blue"}, "rebuild": OLD}.get(change, ALL)
        return Ground(change, folder / "flora", uses, photos, OLD, new)

    return make


CHANGES = ("build", "add", "remove", "rebuild", "merge")


def kill_and_run_again(ground: Ground, last: int) -> None:
    process = ground.start(last)
    while process.poll() is None:
        assert ground.read() in (ground.old, ground.new)  # readers are not affected
    assert process.returncode == -signal.SIGKILL, process.communicate()
    done = ground.check()
    again = ground.start()
    _, errors = again.communicate()
    if not (done and ground.change == "remove"):  # otherwise there is nothing left to remove
        assert again.returncode == 0, errors
        ground.check_tidy()
    assert ground.check() or ground.change == "rebuild"
    if ground.change == "rebuild":
        load_flora(ground.path, ground.bundle)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("change", CHANGES)
def test_killed_at_every_kind_of_moment(
    tmp_path: Path, grounds: Callable[[str, Path], Ground], change: str
) -> None:
    output, errors = grounds(change, tmp_path / "survivor").start().communicate()
    moments = int(output or errors)
    assert moments > 30
    generator = random.Random(change)
    for number in range(_KILLS):
        last = generator.randint(number * moments // _KILLS + 1, (number + 1) * moments // _KILLS)
        kill_and_run_again(grounds(change, tmp_path / str(number)), last)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("change", CHANGES)
def test_killed_a_hundred_times(tmp_path: Path, grounds: Callable[[str, Path], Ground], change: str) -> None:
    """Twenty kills per kind of change, at random moments."""
    generator = random.Random(change)
    survivor = grounds(change, tmp_path / "survivor").start()
    began = time.monotonic()
    survivor.communicate()
    lasts = time.monotonic() - began
    for number in range(20):
        ground = grounds(change, tmp_path / str(number))
        process = ground.start()
        time.sleep(generator.uniform(0, lasts))
        process.kill()
        process.communicate()
        done = ground.check() and change in ("remove", "rebuild")
        assert ground.start().wait() == 0 or done  # there may be nothing left to remove
        ground.check_tidy()
        assert ground.read() == ground.new
        shutil.rmtree(ground.path.parent)


def test_a_killed_build_resumes(
    tmp_path: Path, grounds: Callable[[str, Path], Ground], encoder: Encoder, records: list[Record]
) -> None:
    ground = grounds("build", tmp_path)
    shutil.rmtree(ground.path)
    survivor = ground.start()
    moments = int(survivor.communicate()[0])
    shutil.rmtree(ground.path)
    ground.start(moments // 3).communicate()
    with refuses(FloraError, match="not a flora"):
        current_version(ground.path)
    written = len({r.key for pack in (ground.path / "photos").glob("[!.]*.tar") for r in read_records(pack)})
    assert written > 0
    counts = build_flora(ground.path, encoder, taxa_of(records), records).counts
    assert counts.new_photos == counts.kept_photos - written
    ground.check_tidy()


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
def test_a_killed_library_update_resumes(
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
