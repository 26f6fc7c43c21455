"""The command ``pooling-lab``: opens the app in a browser, or writes it as a static site.

It starts Streamlit as a program of its own and does not import it. The app lies beside
``mlm_core`` in a checkout, and in the folder ``pooling_lab`` beside it where it was
installed from a wheel.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from mlm_core import __version__

PORT = 8501
"""Where Streamlit serves by itself; the next free port is taken where this one is not."""

STAGE = "next_year?present=true"
"""The first lesson on the stage."""

PATIENCE = 60
"""Seconds within which the app must answer."""

_WRITE = (
    "import sys; from pathlib import Path; from pages.shared.static_site import write; "
    "write(Path(sys.argv[1]))"
)


class CommandError(Exception):
    """Why the command cannot do what it was asked: one sentence for the reader."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the command line if not given.

    Returns
    -------
    int
        0, or what the shell is told went wrong.
    """
    asked = _parser().parse_args(arguments)
    try:
        if asked.action == "export":
            return _export(asked.folder)
        return _open(asked.port, present=asked.present, browser=asked.browser)
    except CommandError as reason:
        print(f"pooling-lab: {reason}", file=sys.stderr)  # noqa: T201
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "pooling-lab", description="Understand multilevel regression by moving things and watching."
    )
    parser.add_argument("--version", action="version", version=f"pooling-lab {__version__}")
    parser.add_argument("--port", type=_port, help=f"where to serve (else {PORT} or the next free)")
    parser.add_argument(
        "--present", action="store_true", help="open the first lesson on the stage, for a projector"
    )
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="serve, and open no browser"
    )
    actions = parser.add_subparsers(dest="action", title="instead of opening the app")
    export = actions.add_parser("export", help="write the course as a static site")
    export.add_argument("folder", type=Path, metavar="DIR", help="where to write it")
    return parser


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError("a port is a whole number from 1 to 65535")
    return port


def home() -> Path:
    """The folder of the app.

    Returns
    -------
    Path
        With ``app.py``, ``pages/`` and ``datasets/``.

    Raises
    ------
    CommandError
        If only the core is installed.
    """
    site = Path(__file__).resolve().parents[1]
    for folder in (site, site / "pooling_lab"):
        if (folder / "app.py").exists() and (folder / "pages" / "shared").is_dir():
            return folder
    raise CommandError("The app is not installed here. Install it with: pip install pooling-lab")


def _open(port: int | None, *, present: bool, browser: bool) -> int:
    """Serve the app until Ctrl+C."""
    folder = home()
    if importlib.util.find_spec("streamlit") is None:
        raise CommandError("Streamlit is not installed. Install it with: pip install pooling-lab")
    if port is not None and not _free(port):
        raise CommandError(
            f"Port {port} is taken, perhaps by a Pooling Lab that runs already: look at "
            f"http://localhost:{port}, or take another port."
        )
    port = port or next((p for p in range(PORT, PORT + 100) if _free(p)), PORT)
    address = f"http://localhost:{port}"
    return _serve(folder, port, f"{address}/{STAGE}" if present else address, browser)


def _free(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as trial:
        if os.name != "nt":  # there it would let two listen on one port
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("", port))
        except OSError:
            return False
    return True


def _serve(folder: Path, port: int, address: str, browser: bool) -> int:
    """Run Streamlit as a child, tell the address once it answers, end with it."""
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "app.py")]
    command += ["--server.port", str(port), "--server.headless", "true"]
    # In a group of its own Ctrl+C does not reach it: it is asked to end, and ends in order.
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    threading.Thread(target=_tell, args=(child, port, address, browser), daemon=True).start()
    try:
        return child.wait()
    except KeyboardInterrupt:
        _end(child)
        print("\nPooling Lab has ended.")  # noqa: T201
        return 0


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask it to end; end it where it does not."""
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _tell(child: subprocess.Popen[bytes], port: int, address: str, browser: bool) -> None:
    """Say where the app is, and open it, once it answers."""
    given_up = time.monotonic() + PATIENCE
    while child.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
        except OSError:
            if time.monotonic() > given_up:
                print(f"pooling-lab: The app has not answered for {PATIENCE} seconds.", flush=True)  # noqa: T201
                return
            time.sleep(0.1)
            continue
        print(f"Pooling Lab is open at {address}\nCtrl+C ends it.", flush=True)  # noqa: T201
        if browser and _has_screen():
            webbrowser.open(address)
        return


def _has_screen() -> bool:
    """Whether a browser has where to open: not on a server that one works on from afar."""
    elsewhere = sys.platform in ("win32", "darwin")
    return elsewhere or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _export(folder: Path) -> int:
    """Write the static site."""
    app = home()
    if not any((app / "pages" / "shared").glob("static_site*")):
        raise CommandError("This version cannot write a static site yet.")
    target = folder.expanduser().resolve()
    if target.is_file():
        raise CommandError(f"{folder} is a file. Name a folder.")
    print("Writing the site; it takes a minute or two.", flush=True)  # noqa: T201
    try:
        code = subprocess.call([sys.executable, "-c", _WRITE, str(target)], cwd=app)
    except KeyboardInterrupt:
        raise CommandError(f"Stopped. What is in {target} is not complete.") from None
    if code == 0:
        print(f"The site is in {target}: open index.html there.")  # noqa: T201
    return code
