"""A running app and a real browser, found or installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HELP = (
    "The browser tests need Chromium or Chrome, and none could be found or installed. Install one "
    "(Debian and Ubuntu: apt-get install chromium; macOS and Windows: Google Chrome; anywhere with "
    "internet: playwright install chromium), or set POOLING_LAB_BROWSER to its path."
)


def installed_browser() -> str | None:
    """Path of a Chromium or Chrome on this machine."""
    named = os.environ.get("POOLING_LAB_BROWSER")
    found = (shutil.which(name) for name in NAMES)
    places = (place for place in PLACES if Path(place).exists())
    return named or next((path for path in found if path), None) or next(places, None)


def playwright_browser() -> str | None:
    """Path of Playwright's own Chromium, when it has been downloaded."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        path = driver.chromium.executable_path
    return path if Path(path).exists() else None


def find_or_install() -> str:
    """Path of a browser; installs one where the machine has a way to."""
    found = installed_browser() or playwright_browser()
    if found:
        return found
    _quietly([sys.executable, "-m", "playwright", "install", "chromium"])
    found = playwright_browser()
    if found:
        return found
    if shutil.which("apt-get"):
        root = [] if getattr(os, "geteuid", lambda: 1)() == 0 else ["sudo", "-n"]
        _quietly([*root, "apt-get", "update"])
        for package in ("chromium-headless-shell", "chromium"):
            if installed_browser() is None:
                _quietly([*root, "apt-get", "install", "-y", "--no-install-recommends", package])
    found = installed_browser()
    if found is None:
        raise RuntimeError(HELP)
    return found


def _quietly(command: list[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, timeout=400, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return


def chromium_options() -> dict[str, Any]:
    """What Playwright needs to launch the browser."""
    return {"executable_path": find_or_install(), "args": FLAGS}


@contextmanager
def serve(script: Path) -> Iterator[str]:
    """Run a Streamlit script on a free port and give its address."""
    with running(script) as (address, _):
        yield address


@contextmanager
def running(
    script: Path,
    log: Any = subprocess.DEVNULL,
    address: str | None = "127.0.0.1",
    environment: dict[str, str] | None = None,
    **more: Any,
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The same, with the server's process.

    ``address`` is where it listens (None: everywhere); ``more`` goes to ``subprocess.Popen``.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port),
        "--server.headless", "true", *(("--server.address", address) if address else ()),
    ]  # fmt: skip
    set_here = {**os.environ, "POOLING_LAB_PREPARE": "0", **(environment or {})}
    server = subprocess.Popen(
        command, cwd=script.parent, stdout=log, stderr=log, env=set_here, **more
    )
    where = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{where}/_stcore/health", server)
        yield where, server
    finally:
        server.terminate()
        server.wait(10)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"The server stopped with code {server.returncode}.")
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("The server did not answer within 30 seconds.")
