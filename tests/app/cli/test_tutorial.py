"""The commands of docs/guide/own-flora.md, run in order on real photos."""

import re
import shlex
from pathlib import Path

import httpx
import pytest
from paths import ROOT

from dalip.datasets import read_records
from dalip_assets import ENCODER, FLORA
from dalip_index import flora_info
from tests.app.conftest import Done, World, run
from tests.app.serving import PATIENCE, serving

PHOTOS = ROOT.parent / "shared" / "data" / "garden-plants-000000.tar"
TAXA = 12


def commands() -> list[list[str]]:
    text = (ROOT / "docs" / "guide" / "own-flora.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty photos of twelve plants, one folder per plant, plus one photo to identify and some to add later."""
    if not PHOTOS.exists():
        pytest.skip(f"needs {PHOTOS}")
    root = tmp_path_factory.mktemp("garden")
    by_name: dict[str, list[bytes]] = {}
    for record in read_records(PHOTOS):
        assert record.taxon
        by_name.setdefault(record.taxon.scientific_name, []).append(record.read_bytes())
    names = ["Iris pseudacorus", "Plantago major"]
    names += [name for name, photos in sorted(by_name.items()) if len(photos) >= 6 and name not in names]
    photos, more = root / "photos", root / "more"
    for name in names[:TAXA]:
        first, *rest = by_name[name]
        if name == "Iris pseudacorus":
            (root / "asked.webp").write_bytes(first)
        for i, content in enumerate(rest[:5]):
            place = (photos if i < 4 or name in names[:2] else more) / name
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{i}.webp").write_bytes(content)
    assert len(list(photos.glob("*/*.webp"))) == 50
    return root


def test_from_photos_in_folders_to_a_served_flora(garden: Path) -> None:
    done: dict[str, Done] = {}
    for program, *arguments in commands():
        if arguments[0] == "serve":
            flora = garden / "garden-flora"
            with serving(World(ENCODER, flora, garden, flora), garden) as served:
                photo = {"images": (garden / "asked.webp").read_bytes()}
                answer = httpx.post(f"{served.address}/v2/identify/all", files=photo, timeout=PATIENCE).json()
            assert answer["bestMatch"].startswith("Iris pseudacorus")
            continue
        line = " ".join(arguments)
        done[line] = run([program, *arguments], cwd=garden, DALIP_DATA_DIR=str(garden / "data"))
        assert done[line].status == 0, (line, done[line])
    info = done["index info garden-flora"].out
    assert re.search(r"^leave-one-out +top-1 \d+% \(top-5 \d+%\), \d+%", info, flags=re.MULTILINE)
    assert "Iris pseudacorus" in done["identify asked.webp --flora garden-flora"].lines[1]
    assert "added" in done["index add --flora garden-flora more"].out
    assert (
        "removed Plantago major; 11 taxa left"
        in done["index remove --flora garden-flora --taxon Plantago major"].out
    )
    assert "with 12 taxa" in done["index undo --flora garden-flora"].out
    assert done["index verify garden-flora"].out == "garden-flora: OK\n"
    assert "0 of" not in done["index merge garden-flora garden-flora both-flora"].out
    known = {taxon.casefold() for taxon in flora_info(FLORA).taught}
    assert not known
    assert flora_info(garden / "everything").manifest.counts.taxa > 130
