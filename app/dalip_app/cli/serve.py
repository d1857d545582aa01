"""`dalip serve`, also `dalip-app serve`: serve the web page and the HTTP API."""

import gc
import logging
import os
import re
import signal
import sys
import tempfile
import threading
from contextlib import nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from dalip.errors import ServerError
from dalip_app.cli import space as space_cli
from dalip_app.cli.options import (
    DataDirOption,
    EncoderOption,
    FlorasOption,
    OnlyOption,
    complain_of_unknown,
    names_in,
)
from dalip_app.cli.regional.region_options import (
    DEFAULT_RADIUS,
    NearOption,
    RadiusOption,
    RegionOption,
    read_region,
    tell_of_region,
    without_region,
)
from dalip_app.cli.terminal import CommandGroup, complain, print_result

if TYPE_CHECKING:
    from dalip.encoder import Encoder

__all__ = ["EXAMPLES", "app", "main", "serve"]

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

EXAMPLES = """\b
Examples:
  dalip serve
  dalip serve --flora garden-flora --flora builtin --port 8000
  dalip serve --host 0.0.0.0 --tls --auth ann:secret
  dalip serve --host 0.0.0.0 --public
  dalip serve --only Asteraceae --only meadow-plants.txt
  dalip serve --region Spain"""

_SITE = re.compile(r"https?://[\w*.-]+(:\d+)?")

_GRADIO_SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    # By default Gradio records the last ten thousand events and recomputes a table of them after each one.
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize),
}


@app.callback(epilog="Example: dalip-app serve")
def dalip_app(
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", help="Print the Python traceback of an error. Works anywhere on the command line."
        ),
    ] = False,
) -> None:
    """Serve DALIP as a web page on this computer."""


def serve(
    flora: FlorasOption = None,
    encoder: EncoderOption = None,
    only: OnlyOption = None,
    region: RegionOption = None,
    near: NearOption = "",
    radius: RadiusOption = DEFAULT_RADIUS,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen on; 0.0.0.0 lets other devices on your network use the page."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65535, metavar="PORT", help="Port to listen on; 0 for any free port."
        ),
    ] = 7860,
    auth: Annotated[
        str,
        typer.Option(
            "--auth",
            metavar="NAME:PASSWORD",
            envvar="DALIP_AUTH",
            help="Require this login; browsers ask for the name and password.",
            show_default=False,
        ),
    ] = "",
    api_key: Annotated[
        str,
        typer.Option(
            "--api-key",
            metavar="KEY",
            envvar="DALIP_API_KEY",
            help="Require this API key from programs, as the query parameter api-key or as a bearer token.",
            show_default=False,
        ),
    ] = "",
    public: Annotated[
        bool,
        typer.Option(
            "--public",
            help="Serve the page in public mode: each visit has a separate journal, which is deleted afterwards, and "
            "visitors cannot search your photos or teach the flora. This is the default if other computers can reach "
            "the page and no login is set.",
        ),
    ] = False,
    embed_in: Annotated[
        str,
        typer.Option(
            "--embed-in",
            metavar="URL",
            help="Website that may embed the page in a frame, for example https://example.org.",
            show_default=False,
        ),
    ] = "",
    tls: Annotated[
        bool,
        typer.Option(
            "--tls",
            help="Serve over HTTPS with a self-signed certificate. Browsers warn about it; compare the fingerprint "
            "they show with the printed one.",
        ),
    ] = False,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            "--tls-cert",
            metavar="FILE",
            help="Serve over HTTPS with this certificate (PEM).",
            show_default=False,
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(
            "--tls-key", metavar="FILE", help="Private key of the certificate (PEM).", show_default=False
        ),
    ] = None,
    proxy: Annotated[
        str,
        typer.Option(
            "--proxy",
            metavar="ADDRESSES",
            envvar="DALIP_PROXY",
            help="Addresses or networks of reverse proxies, separated by commas. Only their X-Forwarded-For header is "
            "believed; it says whose wrong passwords are counted.",
            show_default=False,
        ),
    ] = "",
    fetch_photos: Annotated[
        bool,
        typer.Option(
            "--fetch-photos",
            help="Let programs send addresses of photos (GET /v2/identify/all?images=URL). The server downloads them "
            "from public addresses only.",
        ),
    ] = False,
    log_requests: Annotated[
        bool,
        typer.Option("--log-requests", help="Log each request to stderr, without its content or query."),
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Serve the web page and the HTTP API.

    Prints the address as soon as the server is ready, and runs until you press Ctrl-C. It then finishes open requests,
    for at most 20 seconds; a second Ctrl-C stops it immediately.

    The API is compatible with Pl@ntNet's v2 API: POST photos to /v2/identify/all. It is documented at /docs.
    """
    from dalip_index.places import BUILT_IN, data_dir_or_default

    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key must be used together")
    _check_proxy(proxy)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    from dalip.disk import find_write_fault
    from dalip.photos import decode_in_workers
    from dalip_app.server.addresses import bind, is_loopback
    from dalip_app.server.certificate import given_certificate, own_certificate
    from dalip_app.server.floras import Floras
    from dalip_app.server.keys import Keys
    from dalip_app.server.photo_addresses import Download
    from dalip_app.server.run import run_server
    from dalip_app.server.uploads import upload_folder
    from dalip_app.server.visits import Visits
    from dalip_index import Journal, Library

    if embed_in and not _SITE.fullmatch(embed_in):
        raise ServerError("site-malformed", source=f"--embed-in {embed_in}")
    keys = Keys(auth, api_key)
    listening = bind(host, port)
    place = data_dir_or_default(data_dir)
    shown = None
    if tls_cert and tls_key:
        shown = given_certificate(tls_cert, tls_key)
    elif tls:
        shown = own_certificate(host, place)
    paths = [None if path == BUILT_IN else path for path in flora or []]
    regional = read_region(region, near, radius, only, data_dir)
    floras = Floras(paths, data_dir, encoder, names_in(without_region(only)), complain, regional)
    complain_of_unknown(floras().now(), floras.unknown)
    tell_of_region(floras().now())
    _warm_up(floras.encoder)
    open_to_all = public or not (is_loopback(host) or keys.login)
    if not (public or is_loopback(host)) and keys == Keys():
        complain(
            "anyone who can reach this computer can use the page, in public mode: it does not show your library or "
            "your journal, not even to you; set --auth to use them with a password"
        )
    try:
        # Started first, so that the workers are ready when the server is.
        with decode_in_workers() if open_to_all else nullcontext(), upload_folder() as uploads:
            _prepare_process(uploads)
            from dalip_app.page.site import make_site

            journals = Visits(uploads.parent / "visits", uploads) if open_to_all else Journal(place)
            if not open_to_all and (fault := find_write_fault(place)):
                complain(ServerError("nothing-saved", source=place, cause=fault))
            library = None if open_to_all else Library(place)
            download = Download() if fetch_photos else None
            site = make_site(floras, library, journals, host, keys, embed_in, download=download)

            def on_ready(addresses: list[str]) -> None:
                others = (
                    f", or from phones on your network at {', '.join(addresses[1:])}" if addresses[1:] else ""
                )
                print_result(f"Open DALIP at {addresses[0]}{others}")
                if shown:
                    print_result(f"SHA-256 fingerprint of the certificate: {shown.fingerprint}")
                site.begin()

            try:
                run_server(
                    site.application,
                    listening,
                    host,
                    on_ready,
                    site.end_streams,
                    tls=shown,
                    log_requests=log_requests,
                    proxies=proxy,
                )
            finally:
                site.close()
    except SystemExit as stop:
        end_process(int(stop.code or 0))
        raise


app.command("serve", epilog=EXAMPLES)(serve)
app.command("space", epilog=space_cli.EXAMPLES)(space_cli.space)


def _check_proxy(addresses: str) -> None:
    from dalip_app.server.addresses import within

    try:
        within("127.0.0.1", addresses)
    except ValueError as error:
        raise typer.BadParameter(f"--proxy: {error}; give addresses such as 10.0.0.5 or 10.0.0.0/8") from None


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def _prepare_process(uploads: Path) -> None:
    """Configure the whole process before Gradio is imported.

    Args:
        uploads: Folder for all temporary files from now on. Old files in it are deleted regularly, and the folder
            itself at the end.
    """
    tempfile.tempdir = str(uploads)
    os.environ |= {"GRADIO_TEMP_DIR": str(uploads), **_GRADIO_SETTINGS}
    # Problems in a form are reported to the client instead of the log.
    logging.getLogger("python_multipart").addHandler(logging.NullHandler())


def end_process(status: int, patience: float = 5.0) -> None:
    """End the process without waiting long for threads that cannot be interrupted.

    A thread that runs a model or reads a photo cannot be stopped from outside, and Python waits for such threads at
    exit. The process therefore ends without them: immediately after a second signal, otherwise after a short wait.
    Nothing is lost, because all writes are atomic.

    Args:
        status: Exit status; if it is not 0, the process ends here.
        patience: Seconds that threads get to finish.
    """
    if status:
        os._exit(status)
    gc.freeze()  # saves a full garbage collection at exit
    watchdog = threading.Timer(patience, os._exit, [status])
    watchdog.daemon = True
    watchdog.start()


def _warm_up(encoder: "Encoder") -> None:
    """Load both models now, so that the first visitor does not wait for them."""
    from PIL import Image

    encoder.encode_images([Image.new("RGB", (64, 64))])
    encoder.encode_text(["a plant"])


def main() -> None:
    """Run `dalip-app`."""
    app(prog_name="dalip-app")
