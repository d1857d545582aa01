"""`dalip train --settings` lists every choice."""

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Literal, get_args, get_origin, get_type_hints

from dalip.training import TrainConfig
from tests.app.conftest import Done

Dalip = Callable[..., Done]


def test_every_choice_is_listed(dalip: Dalip) -> None:
    listed = dict(re.findall(r"^(\w+).*\n((?:    .*\n)+)", dalip("train", "--settings").out, re.MULTILINE))
    kinds = {name: kind for name, kind in get_type_hints(TrainConfig).items() if get_origin(kind) is Literal}
    assert len(kinds) >= 6
    for name, kind in kinds.items():
        for choice in get_args(kind):
            assert f"`{choice}`" in " ".join(listed[name].split()), (name, choice)


def test_settings_are_listed_without_importing_torch() -> None:
    """Importing PyTorch would take seconds."""
    code = (
        "import sys; from dalip_app.cli.main import app\n"
        "try: app(['train', '--settings'])\n"
        "finally: assert not {'torch', 'numpy'} & {*sys.modules}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
