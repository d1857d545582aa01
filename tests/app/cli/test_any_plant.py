"""The commands of docs/any-plant.md, run in order with a small model of random weights from a hub on loopback."""

import re
import shlex
from pathlib import Path

import httpx
from hub import model_hub
from paths import ROOT
from PIL import Image

from dalip_assets import ENCODER
from tests.app.cli.test_published_encoders import write_model
from tests.app.conftest import World, run
from tests.app.serving import PATIENCE, serving

NAMES = """plant_name_id|taxon_rank|taxon_status|family|genus_hybrid|genus|species_hybrid|species|infraspecific_rank|\
infraspecies|taxon_authors|taxon_name|accepted_plant_name_id|powo_id
1|Species|Accepted|Rosaceae||Rosa||canina||||Rosa canina|1|1-1
2|Species|Accepted|Asteraceae||Bellis||perennis|||L.|Bellis perennis|2|2-1
3|Species|Synonym|Rosaceae||Rosa||corymbifera|||Borkh.|Rosa corymbifera|1|3-1
4|Species|Accepted|Poaceae||Poa||annua|||L.|Poa annua|4|4-1
"""


class Remembered(World):
    """A flora that is served without naming its encoder."""

    @property
    def options(self) -> list[str]:
        return ["--flora", str(self.flora)]


def commands() -> list[list[str]]:
    """Return the five commands of the page, before its first heading."""
    page = (ROOT / "docs" / "any-plant.md").read_text(encoding="utf-8").split("\n## ")[0]
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", page, flags=re.DOTALL | re.MULTILINE)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_from_nothing_to_a_served_flora_of_the_world(tmp_path: Path) -> None:
    (tmp_path / "wcvp_names.csv").write_text(NAMES, encoding="utf-8")
    Image.radial_gradient("L").convert("RGB").resize((300, 200)).save(tmp_path / "photo.jpg")
    install, get, build, identify, serve = commands()
    assert install == ["pip", "install", ".[train]"]
    write_model(tmp_path / "hub" / "imageomics" / "bioclip-2")
    with model_hub(tmp_path / "hub") as hub:
        settings = {
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(tmp_path / "cache"),
            "DALIP_DATA_DIR": str(tmp_path / "data"),
        }
        assert run(get, cwd=tmp_path, fresh=True, **settings).status == 0
    built = run(build, cwd=tmp_path, **settings)
    assert (built.status, "3 taxa" in built.out) == (0, True), built.err
    answer = run(identify, cwd=tmp_path, **settings)
    assert answer.status == 0, answer.err
    assert any(name in answer.out for name in ("Rosa canina", "Bellis perennis", "Poa annua"))
    assert serve == ["dalip", "serve", "--flora", "world"]
    world = Remembered(ENCODER, tmp_path, tmp_path, tmp_path / serve[-1])
    with serving(world, tmp_path) as served:
        photo = {"images": (tmp_path / "photo.jpg").read_bytes()}
        found = httpx.post(f"{served.address}/v2/identify/all", files=photo, timeout=PATIENCE).json()
    assert len(found["results"]) == 3
