"""Write every simulated data set of this folder again: ``python datasets/make.py``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
MAKERS = ("schools", "structures", "tutoring")


def write(folder: Path) -> None:
    for name in MAKERS:
        import_module(f"datasets.{name}").write(folder)


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parent))
    write(FOLDER)
