"""axe-core, found or fetched: the checker of accessibility that runs in the page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

VERSION = "4.14.1"
WHEEL = "axe-playwright-python==0.1.8"  # carries axe-core 4.12.1
HELP = (
    "The accessibility test needs axe-core, and neither npm nor PyPI could bring it. "
    f"Set POOLING_LAB_AXE to an axe.min.js (npm pack axe-core@{VERSION})."
)


def find_or_fetch() -> str:
    """The source of axe-core: named, kept from last time, from npm, or from a wheel on PyPI."""
    named = os.environ.get("POOLING_LAB_AXE")
    kept = Path(tempfile.gettempdir()) / f"pooling-lab-axe-{VERSION}.min.js"
    for place in (Path(named) if named else None, kept):
        if place is not None and place.exists():
            return place.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        source = _from_npm(Path(folder)) or _from_pypi(Path(folder))
        if source is None:
            raise RuntimeError(HELP)
        whole = Path(folder) / "whole.js"
        whole.write_text(source, encoding="utf-8")
        shutil.copy(whole, f"{kept}.{os.getpid()}")
        os.replace(f"{kept}.{os.getpid()}", kept)  # other workers see all of it or nothing
    return source


def _from_npm(folder: Path) -> str | None:
    npm = shutil.which("npm")
    if npm is None or not _ran([npm, "pack", f"axe-core@{VERSION}"], folder):
        return None
    for archive in folder.glob("axe-core-*.tgz"):
        with tarfile.open(archive) as packed:
            member = packed.extractfile("package/axe.min.js")
            return member.read().decode("utf-8") if member is not None else None
    return None


def _from_pypi(folder: Path) -> str | None:
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", WHEEL]
    if not _ran(pip, folder):
        return None
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as packed:
            return packed.read("axe_playwright_python/axe.min.js").decode("utf-8")
    return None


def _ran(command: list[str], folder: Path) -> bool:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=180, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
