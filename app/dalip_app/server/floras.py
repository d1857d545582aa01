"""The floras that a running server answers from, read again when they have changed on disk."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from dalip.encoder import Encoder
from dalip.errors import DalipError, FloraError
from dalip.progress import no_report
from dalip_assets import ENCODER
from dalip_index import Flora, RestrictedFlora, load_flora, restrict
from dalip_index.places import BUILT_IN, chosen_flora, flora_to_change
from dalip_index.store.versions import CURRENT

__all__ = ["Floras", "LiveFlora"]

Warn = Callable[[DalipError], None]


class LiveFlora:
    """A flora that may be taught while it is being asked."""

    def __init__(
        self,
        chosen: Path | None,
        data_dir: Path | None,
        encoder: Encoder,
        only: Sequence[str] = (),
        warn: Warn = no_report,
    ) -> None:
        """Load it.

        Args:
            chosen: The flora; `None` for the user's own, or the built-in one where nothing was taught.
            data_dir: The folder of the user's own things; `None` for the platform's place.
            encoder: The one that built it.
            only: Scientific names of the taxa to answer with, as of `restrict`; none for all.
            warn: Called with a flora on disk that cannot be used, while another one answers instead.

        Raises:
            DalipError: The flora cannot be loaded, or has none of these taxa.
        """
        self.encoder = encoder
        self._chosen, self._data_dir, self._only = chosen, data_dir, tuple(only)
        self._warn = warn
        self._lock = Lock()
        self._seen = self._pointers()
        self._flora = self._load()

    @property
    def name(self) -> str:
        """What the flora's folder is called; `builtin` for the built-in one."""
        return str(BUILT_IN) if self._chosen is None else self._flora.folder.parent.name

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of taxa to answer with that the flora lacks."""
        return self._flora.unknown if isinstance(self._flora, RestrictedFlora) else ()

    @property
    def to_teach(self) -> tuple[Path, Path | None]:
        """Where lessons go, and the flora to start from where there is none yet."""
        return flora_to_change(self._chosen, self._data_dir)

    def now(self) -> Flora:
        """Give the flora as it is on disk; as it was where that cannot be loaded, which is warned of."""
        with self._lock:
            pointers = self._pointers()
            if pointers != self._seen:
                self._seen = pointers
                try:
                    self._flora = self._load()
                except DalipError as error:
                    self._warn(FloraError("flora-not-reloaded", cause=error))
            return self._flora

    def _load(self) -> Flora:
        flora = load_flora(chosen_flora(self._chosen, self._data_dir, self._warn), self.encoder)
        return restrict(flora, self._only) if self._only else flora

    def _pointers(self) -> list[str]:
        """Read which versions are live where the flora may be."""
        return [_read(place / CURRENT) for place in self.to_teach if place]


class Floras:
    """The floras of one server, all of the same encoder; called with the name of one, or with nothing for the first."""

    def __init__(
        self,
        chosen: Sequence[Path | None],
        data_dir: Path | None,
        encoder: Path | None,
        only: Sequence[str] = (),
        warn: Warn = no_report,
    ) -> None:
        """Load them.

        Args:
            chosen: As `LiveFlora`, for each; none is the same as one `None`.
            data_dir: As `LiveFlora`.
            encoder: The encoder's folder; `None` for the built-in one.
            only: As `LiveFlora`, for all of them.
            warn: As `LiveFlora`.

        Raises:
            DalipError: A flora or the encoder cannot be loaded.
        """
        self.encoder = Encoder.load(encoder or ENCODER)
        self._floras: dict[str, LiveFlora] = {}
        for path in chosen or [None]:
            flora, number = LiveFlora(path, data_dir, self.encoder, only, warn), 1
            name = flora.name
            while name in self._floras:
                number += 1
                name = f"{flora.name}-{number}"
            self._floras[name] = flora
        unknown = set.intersection(*(set(flora.unknown) for flora in self._floras.values()))
        self.unknown = tuple(name for name in dict.fromkeys(only) if name in unknown)
        """Names of taxa to answer with that all of them lack."""

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called: as their folders, with a number where two are called the same."""
        return tuple(self._floras)

    def __call__(self, name: str | None = None) -> LiveFlora:
        """Give a flora.

        Raises:
            KeyError: There is none of this name.
        """
        return self._floras[name or self.names[0]]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
