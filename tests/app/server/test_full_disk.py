"""A server whose disk for temporary files is full answers 507, and logs one line."""

from pathlib import Path

import httpx
import pytest
from disks import fill, small_disk

from tests.app.conftest import World, paint
from tests.app.serving import serving


@pytest.mark.parametrize("options", [[], ["--public"]], ids=["private", "public"])
def test_a_full_disk_is_reported(world: World, tmp_path: Path, options: list[str]) -> None:
    large = paint(tmp_path / "red.png", "red").read_bytes() + bytes(
        3_000_000
    )  # kept on disk while it is read
    with (
        small_disk(tmp_path / "server" / "tmp", 8) as disk,
        serving(world, tmp_path / "server", *options) as served,
    ):
        filler = fill(disk)

        def ask(client: httpx.Client) -> list[httpx.Response]:
            return [
                client.post("/v2/identify/all?no-reject=true", files={"images": ("a.png", large)}),
                client.post("/gradio_api/upload", files={"files": ("a.png", large)}),
                client.post("/fr/gradio_api/upload", files={"files": ("a.png", large[:5000])}),
                client.get("/journal.zip"),
            ]

        with served.client() as client:
            for response in ask(client):
                assert response.status_code == 507, response.text
                assert response.json()["error"] == "Insufficient Storage"
                assert str(disk) not in response.text
            lines = served.errors().splitlines()
            assert len(lines) == 4, lines
            assert all(" is full (0 MB free)" in line for line in lines)
            assert list(served.uploads.iterdir()) == []
            filler.unlink()
            assert [response.status_code for response in ask(client)] == [200] * 4
