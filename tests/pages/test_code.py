"""The code that a page shows runs as pasted, and all three languages give the same numbers."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from pages.shared import contents
from pages.shared.lesson import LANGUAGES
from tests.pages.kit import open_page, run_python

LESSONS = [
    lesson.slug for lesson in contents.lessons() if lesson.slug not in ("your_data", "glossary")
]
CORE, STATSMODELS, LME4 = LANGUAGES
NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d+(?:e[-+]\d+)?(?![\w.])")


def shown_code(slug: str, language: str, **query) -> str:
    at = open_page(slug, code=language, **{f"predict_{slug}": "Just show me"} | query)
    assert at.code, f"{slug} shows no code"
    return str(at.code[-1].value)


def numbers(text: str) -> list[float]:
    return [float(found) for found in NUMBER.findall(text)]


def has_lme4() -> bool:
    if not shutil.which("Rscript"):
        return False
    asked = ["Rscript", "-e", "quit(status = !requireNamespace('lme4', quietly = TRUE))"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def run_r(code: str) -> str:
    made = subprocess.run(["Rscript", "-"], input=code, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:]
    return made.stdout


def same(core: str, other: str) -> None:
    """Every number of the one that prints fewer is printed by the other, too.

    R rounds tables to 3 or 4 digits and optimisers differ in the fifth: 0.2%. A 0 is
    what a model does not have, and not every language prints it.
    """
    few, many = sorted((numbers(core), numbers(other)), key=len)
    few = [v for v in few if v != 0]
    assert len(few) >= 3
    missing = [v for v in few if not any(abs(v - w) <= 0.006 + 0.002 * abs(v) for w in many)]
    assert not missing, (missing[:5], core[:800], other[:800])


@pytest.mark.parametrize("slug", LESSONS)
def test_python(slug):
    core = run_python(shown_code(slug, CORE))
    same(core, run_python(shown_code(slug, STATSMODELS)))


@pytest.mark.skipif(not has_lme4(), reason="R with lme4 is a check more where it is installed")
@pytest.mark.parametrize("slug", LESSONS)
def test_r(slug):
    same(run_python(shown_code(slug, CORE)), run_r(shown_code(slug, LME4)))


def test_a_changed_scenario_is_in_the_code():
    changed = {"n_groups": 6, "sigma_alpha": 2, "sigma_y": 4.5, "seed": 77}
    code = shown_code("partial_pooling", CORE, **changed)
    assert "n_groups=6" in code
    assert "sigma_alpha=2.0" in code
    same(run_python(code), run_python(shown_code("partial_pooling", STATSMODELS, **changed)))


def test_large_data_come_from_the_file():
    code = shown_code("partial_pooling", STATSMODELS, n_groups=100, students_per_group=60)
    assert 'read_csv("schools.csv"' in code
    assert len(code) < 2000
