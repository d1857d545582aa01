"""The floras of a running server, reloaded when they change on disk."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock

from dalip.encoder import Encoder
from dalip.errors import DalipError, FloraError
from dalip.progress import no_report
from dalip_index import Flora, RegionTaxa, RestrictedFlora, in_region, load_flora, restrict
from dalip_index.places import BUILT_IN, chosen_flora, encoder_of, flora_to_change, remember_encoder
from dalip_index.store.versions import CURRENT

__all__ = ["Floras", "LiveFlora"]

Warn = Callable[[DalipError], None]


class LiveFlora:
    """A flora that can be taught while it is in use."""

    def __init__(
        self,
        chosen: Path | None,
        data_dir: Path | None,
        encoder: Encoder,
        only: Mapping[str, Sequence[str]] | None = None,
        warn: Warn = no_report,
        region: RegionTaxa | None = None,
    ) -> None:
        """Load the flora.

        Args:
            chosen: Folder of the flora; `None` for the built-in flora, including plants the user taught it.
            data_dir: The data folder of the user; `None` for the default of the platform.
            encoder: The encoder that built the flora.
            only: Scientific names of the taxa to answer with, with their synonyms, see `restrict`; empty for all.
            warn: Called with an error if a flora on disk cannot be used and another one is used instead.
            region: Where the photos were taken; `None` if that is not known.

        Raises:
            DalipError: The flora cannot be loaded, or does not contain any of these taxa.
        """
        self.encoder = encoder
        self._chosen, self._data_dir, self._only = chosen, data_dir, dict(only or {})
        self._warn, self._region = warn, region
        self._lock = Lock()
        self._seen = self._pointers()
        self._flora = self._load()
        self._spoken: tuple[Flora, frozenset[str]] | None = None

    @property
    def name(self) -> str:
        """Name of the flora's folder; `builtin` for the built-in flora."""
        return str(BUILT_IN) if self._chosen is None else self._flora.folder.parent.name

    @property
    def unknown(self) -> tuple[str, ...]:
        """Requested names that are not in the flora."""
        return self._flora.unknown if isinstance(self._flora, RestrictedFlora) else ()

    @property
    def to_teach(self) -> tuple[Path, Path | None]:
        """The flora to teach, and the flora to copy first if it does not exist yet."""
        return flora_to_change(self._chosen, self._data_dir)

    def now(self) -> Flora:
        """Return the current flora; if the version on disk cannot be loaded, warn and return the previous one."""
        with self._lock:
            pointers = self._pointers()
            if pointers != self._seen:
                self._seen = pointers
                try:
                    self._flora = self._load()
                except DalipError as error:
                    self._warn(FloraError("flora-not-reloaded", cause=error))
            return self._flora

    def languages(self) -> frozenset[str]:
        """Return the languages of the common names in the current flora, and English."""
        flora = self.now()
        with self._lock:
            if self._spoken is None or self._spoken[0] is not flora:
                self._spoken = flora, frozenset({"en", *flora.name_index.languages()})
            return self._spoken[1]

    def _load(self) -> Flora:
        flora = load_flora(chosen_flora(self._chosen, self._data_dir, self._warn), self.encoder)
        if self._only:
            flora = restrict(flora, self._only)
        return in_region(flora, self._region) if self._region else flora

    def _pointers(self) -> list[str]:
        """Read the current versions in all places where the flora may be."""
        return [_read(place / CURRENT) for place in self.to_teach if place]


class Floras:
    """The floras of a server, all with the same encoder; call it with a name, or without for the first flora."""

    def __init__(
        self,
        chosen: Sequence[Path | None],
        data_dir: Path | None,
        encoder: Path | None,
        only: Mapping[str, Sequence[str]] | None = None,
        warn: Warn = no_report,
        region: RegionTaxa | None = None,
    ) -> None:
        """Load the floras.

        Args:
            chosen: Folders of the floras, see `LiveFlora`; empty for the built-in flora.
            data_dir: See `LiveFlora`.
            encoder: Folder of the encoder; `None` for that of the first flora.
            only: See `LiveFlora`; applies to all floras.
            warn: See `LiveFlora`.
            region: See `LiveFlora`; applies to all floras.

        Raises:
            DalipError: A flora or the encoder cannot be loaded.
        """
        first = chosen_flora([*chosen, None][0], data_dir, no_report)  # `LiveFlora` warns
        self.encoder = Encoder.load(encoder or encoder_of(first, data_dir))
        remember_encoder(self.encoder, data_dir)
        self._floras: dict[str, LiveFlora] = {}
        for path in chosen or [None]:
            flora, number = LiveFlora(path, data_dir, self.encoder, only, warn, region), 1
            name = flora.name
            while name in self._floras:
                number += 1
                name = f"{flora.name}-{number}"
            self._floras[name] = flora
        unknown = set.intersection(*(set(flora.unknown) for flora in self._floras.values()))
        self.unknown = tuple(name for name in only or () if name in unknown)
        """Requested names that are in none of the floras."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the floras: their folder names, numbered if two are the same."""
        return tuple(self._floras)

    def __call__(self, name: str | None = None) -> LiveFlora:
        """Return a flora.

        Raises:
            KeyError: There is no flora with this name.
        """
        return self._floras[name or self.names[0]]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
