"""The upload folder: private to the user, emptied regularly, deleted at the end."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from dalip_app.server.uploads import KEPT, LOOK_EVERY, forget_old, held_bytes, upload_folder


def upload(folder: Path, age: float) -> Path:
    path = folder / f"visit-{age}" / "upload.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(1000))
    for changed in (path, path.parent):
        os.utime(changed, (time.time() - age, time.time() - age))
    return path


def test_old_uploads_are_deleted_and_new_ones_kept(tmp_path: Path) -> None:
    new, old = upload(tmp_path, 0), upload(tmp_path, KEPT + 60)
    assert held_bytes(tmp_path) == 2000
    forget_old(tmp_path, KEPT)
    assert new.exists()
    assert not old.exists()
    # The folder of the old upload looked new, because deleting the file had just changed it.
    forget_old(tmp_path, -1)
    assert list(tmp_path.iterdir()) == []
    assert held_bytes(tmp_path) == 0


def test_nothing_is_kept_for_longer_than_ten_minutes() -> None:
    assert KEPT + LOOK_EVERY < 600
    from dalip_app.page.layout import _KEEP_UPLOADS

    assert sum(_KEEP_UPLOADS) <= KEPT  # Gradio deletes files first, so that it also forgets their names


def test_old_uploads_are_deleted_while_the_folder_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with upload_folder(look_every=0.01) as folder:
        old, new = upload(folder, KEPT + 60), upload(folder, 0)
        while old.exists():
            time.sleep(0.01)
        assert new.exists()


def test_the_folder_is_private_and_is_deleted_with_its_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with upload_folder() as folder:
        assert folder.is_relative_to(tmp_path)
        assert os.name != "posix" or folder.parent.stat().st_mode & 0o77 == 0
        upload(folder, 0)
        # Only the command changes where the process puts temporary files.
        assert tempfile.gettempdir() == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_abandoned_folders_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine = tmp_path / "mine"
    photo = upload(mine, 0)
    (tmp_path / "dalip-serve-link").symlink_to(mine)
    (tmp_path / "dalip-serve-file").write_text("no folder")
    abandoned = upload(tmp_path / "dalip-serve-abandoned" / "uploads", 0)
    with upload_folder() as first, upload_folder() as second:
        assert first.is_dir()
        assert second.is_dir()
        assert not abandoned.exists()
        assert photo.exists()
