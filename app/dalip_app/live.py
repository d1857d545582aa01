"""The flora that a running server answers from, read anew when it has changed on disk."""

from pathlib import Path
from threading import Lock

from dalip.encoder import Encoder
from dalip.errors import DalipError
from dalip_app.places import chosen_flora, flora_to_change
from dalip_app.terminal import complain
from dalip_assets import ENCODER
from dalip_index import Flora, load_flora
from dalip_index.versions import CURRENT

__all__ = ["LiveFlora"]


class LiveFlora:
    """A flora that may be taught while it is being asked."""

    def __init__(self, chosen: Path | None, data_dir: Path | None, encoder: Path | None) -> None:
        """Load it.

        Args:
            chosen: The flora; `None` for the user's own, or the built-in one where nothing was taught.
            data_dir: The folder of the user's own things; `None` for the platform's place.
            encoder: The encoder's folder; `None` for the built-in one.

        Raises:
            DalipError: The flora or the encoder cannot be loaded.
        """
        self.encoder = Encoder.load(encoder or ENCODER)
        self._chosen, self._data_dir = chosen, data_dir
        self._lock = Lock()
        self._seen = self._pointers()
        self._flora = load_flora(chosen_flora(chosen, data_dir), self.encoder)

    @property
    def name(self) -> str:
        """What the flora's folder is called."""
        return self._flora.folder.parent.name

    @property
    def to_teach(self) -> tuple[Path, Path | None]:
        """Where lessons go, and the flora to start from where there is none yet."""
        return flora_to_change(self._chosen, self._data_dir)

    def now(self) -> Flora:
        """Give the flora as it is on disk; as it was where that cannot be loaded, which is said on stderr."""
        with self._lock:
            pointers = self._pointers()
            if pointers != self._seen:
                self._seen = pointers
                try:
                    self._flora = load_flora(chosen_flora(self._chosen, self._data_dir), self.encoder)
                except DalipError as error:
                    complain(f"{error}; the flora stays as it was")
            return self._flora

    def _pointers(self) -> list[str]:
        """Read which versions are live where the flora may be."""
        return [_read(place / CURRENT) for place in self.to_teach if place]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
