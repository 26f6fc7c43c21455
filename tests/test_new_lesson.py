"""The template of CONTRIBUTING is a lesson: copied, named and entered, it opens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TREE = ("app.py", "pyproject.toml", ".streamlit", "mlm_core", "pages", "datasets", "docs", "tests")
WITHOUT = shutil.ignore_patterns("__pycache__", "*.png", "*.gif", "golden", "static_site", "api")
ABOUT = ("how_precise", "How precise?", "How far may a mean be off?", "Half for four times.")
HELD = "has_its_steps or is_short or sound or every_step or valid or how_precise.py"


@pytest.fixture
def copy(tmp_path):
    """The app's tree somewhere else."""
    for name in TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=WITHOUT)
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    options = {"capture_output": True, "text": True, "check": False}
    return subprocess.run([sys.executable, *command], cwd=folder, env=plain, **options)


def test_a_lesson_from_the_template_opens_and_its_tests_pass(copy):
    begun = run(copy, "docs/new_lesson.py", *ABOUT)
    assert begun.returncode == 0, begun.stderr
    made = begun.stdout.split("\n")[:5]
    assert all((copy / path).exists() and "how_precise" in path for path in made)
    assert not any("my_" in (copy / path).read_text() for path in made)

    tests = ["tests/pages/test_every_lesson.py", *(path for path in made if "test_" in path)]
    options = ["-n", "0", "-q", "-p", "no:cacheprovider", "-k", f"how_precise and ({HELD})"]
    done = run(copy, "-m", "pytest", *options, *tests)
    assert done.returncode == 0, done.stdout
    assert "test_every_step" not in done.stdout  # named only where it fails
    assert int(done.stdout.split(" passed")[0].split()[-1]) >= 13

    again = run(copy, "docs/new_lesson.py", *ABOUT)
    assert "There already: " in again.stderr
    bad = run(copy, "docs/new_lesson.py", "How precise", *ABOUT[1:])
    assert "take small letters" in bad.stderr
