"""`dalip serve`, which is also called `dalip-app serve`: the web page and the HTTP API."""

import gc
import logging
import os
import re
import signal
import sys
import tempfile
import threading
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
  dalip serve --only Asteraceae --only meadow-plants.txt"""

_SITE = re.compile(r"https?://[\w*.-]+(:\d+)?")

_GRADIO_SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    # Otherwise it keeps notes on the last ten thousand events, and makes a table of them after each.
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize),
}


@app.callback(epilog="Example: dalip-app serve")
def dalip_app(
    debug: Annotated[
        bool,
        typer.Option("--debug", help="With an error, print Python's traceback too. May stand anywhere."),
    ] = False,
) -> None:
    """DALIP as a web page on this computer."""


def serve(
    flora: FlorasOption = None,
    encoder: EncoderOption = None,
    only: OnlyOption = None,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen on. 0.0.0.0 lets other devices in your network use the page."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65535, metavar="PORT", help="Port to listen on; 0 for any that is free."
        ),
    ] = 7860,
    auth: Annotated[
        str,
        typer.Option(
            "--auth",
            metavar="NAME:PASSWORD",
            envvar="DALIP_AUTH",
            help="Require this name and password; a browser asks for them.",
            show_default=False,
        ),
    ] = "",
    api_key: Annotated[
        str,
        typer.Option(
            "--api-key",
            metavar="KEY",
            envvar="DALIP_API_KEY",
            help="Require this key of programs, as api-key in the address or as a bearer token.",
            show_default=False,
        ),
    ] = "",
    public: Annotated[
        bool,
        typer.Option(
            "--public",
            help="Serve the page in public mode (also the default when other computers can reach the page and no login "
            "is set): each visit has a journal of its own, deleted after it, and visitors cannot search your photos or "
            "teach the flora.",
        ),
    ] = False,
    embed_in: Annotated[
        str,
        typer.Option(
            "--embed-in",
            metavar="URL",
            help="A site that may show the page inside its own, as https://example.org.",
            show_default=False,
        ),
    ] = "",
    tls: Annotated[
        bool,
        typer.Option(
            "--tls",
            help="Serve over HTTPS, with a certificate that this computer signs itself: browsers warn, and show the "
            "fingerprint that is printed.",
        ),
    ] = False,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            "--tls-cert",
            metavar="FILE",
            help="Serve over HTTPS, with this certificate (PEM).",
            show_default=False,
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option("--tls-key", metavar="FILE", help="The certificate's key (PEM).", show_default=False),
    ] = None,
    log_requests: Annotated[
        bool,
        typer.Option(
            "--log-requests", help="Write a line about each request on stderr, without what was sent."
        ),
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Serve the page and the HTTP API until Ctrl-C, and print the address once it answers.

    Requests that run are answered before it ends, for at most 20 seconds; a second Ctrl-C ends it at once.

    The API is that of Pl@ntNet's version 2: POST photos to /v2/identify/all. /docs describes it.
    """
    from dalip_index.places import BUILT_IN, data_dir_or_default

    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together; give both")
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    from dalip_app.server.addresses import bind, is_loopback
    from dalip_app.server.certificate import given_certificate, own_certificate
    from dalip_app.server.floras import Floras
    from dalip_app.server.guard import Keys
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
    floras = Floras(paths, data_dir, encoder, names_in(only), complain)
    complain_of_unknown(floras().now().whole, floras.unknown)
    _warm_up(floras.encoder)
    open_to_all = public or not (is_loopback(host) or keys.login)
    if not (public or is_loopback(host)) and keys == Keys():
        complain(
            "anyone who can reach this computer can use the page, but it shows your library and your journal "
            "to no one, not even to you; with --auth, it shows them to those who know the password"
        )
    try:
        with upload_folder() as uploads:
            _prepare_process(uploads)
            from dalip_app.page.site import make_site

            journals = Visits(uploads.parent / "visits") if open_to_all else Journal(place)
            site = make_site(floras, None if open_to_all else Library(place), journals, host, keys, embed_in)

            def on_ready(addresses: list[str]) -> None:
                others = (
                    f", and for phones in your network at {', '.join(addresses[1:])}" if addresses[1:] else ""
                )
                print_result(f"DALIP answers at {addresses[0]}{others}")
                if shown:
                    print_result(f"The SHA-256 fingerprint of its certificate is {shown.fingerprint}")
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
                )
            finally:
                site.close()
    except SystemExit as stop:
        end_process(int(stop.code or 0))
        raise


app.command("serve", epilog=EXAMPLES)(serve)
app.command("space", epilog=space_cli.EXAMPLES)(space_cli.space)


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def _prepare_process(uploads: Path) -> None:
    """Set what holds for the whole process, before Gradio is imported.

    Args:
        uploads: Where all temporary files go from now on: it is emptied, and deleted in the end.
    """
    tempfile.tempdir = str(uploads)
    os.environ |= {"GRADIO_TEMP_DIR": str(uploads), **_GRADIO_SETTINGS}
    # The sender gets what it finds wrong with a form.
    logging.getLogger("python_multipart").addHandler(logging.NullHandler())


def end_process(status: int, patience: float = 5.0) -> None:
    """Let the process end although work goes on that can neither be interrupted nor waited for.

    A thread that runs a model or reads a photo cannot be stopped from outside, and Python waits for such threads
    before it ends: at once after a second signal, or after a short wait, the process ends without them. All that is
    saved is written whole or not at all.

    Args:
        status: Of the exit; other than 0, it ends here.
        patience: Seconds that threads may take to end.
    """
    if status:
        os._exit(status)
    gc.freeze()  # otherwise Python looks through all that is in memory before it ends
    watchdog = threading.Timer(patience, os._exit, [status])
    watchdog.daemon = True
    watchdog.start()


def _warm_up(encoder: "Encoder") -> None:
    """Open both models now, so that the first visitor does not wait for them."""
    from PIL import Image

    encoder.encode_images([Image.new("RGB", (64, 64))])
    encoder.encode_text(["a plant"])


def main() -> None:
    """Run `dalip-app`."""
    app(prog_name="dalip-app")
