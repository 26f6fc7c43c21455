"""The code that a page shows runs as pasted, and all three languages give the same numbers."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache

import pytest

from mlm_core import Scenario
from pages.shared import contents, story
from pages.shared.code import Listing
from tests.pages.kit import run_python, story_of

LESSONS = [
    lesson.slug
    for lesson in contents.lessons()
    if lesson.slug not in ("next_year", "your_data", "glossary")
]
NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d+(?:e[-+]\d+)?(?![\w.])")


def code_of(slug: str, **changes) -> Listing:
    """The code that a lesson shows in its laboratory."""
    lesson = story_of(slug)
    made: Listing = lesson.listing(lesson.facts(story.designed(lesson, -1, **changes)))
    return made


def numbers(text: str) -> list[float]:
    return [float(found) for found in NUMBER.findall(text)]


@cache
def has_lme4() -> bool:
    if not shutil.which("Rscript"):
        return False
    asked = ["Rscript", "-e", "quit(status = !requireNamespace('lme4', quietly = TRUE))"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def run_r(code: str) -> str:
    made = subprocess.run(["Rscript", "-"], input=code, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:]
    return made.stdout


BETWEEN = "=== another lesson ==="


def each_in_r(codes: list[str]) -> list[str]:
    """What each prints, in one R that forgets between them what they have made."""
    forget = f'rm(list = ls()); cat("\n{BETWEEN}\n")\n'
    return run_r(f"\n{forget}".join(codes)).split(BETWEEN)


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
    code = code_of(slug)
    same(run_python(code.core), run_python(code.statsmodels))


@pytest.mark.parametrize("half", [0, 1])
def test_r(half):
    if not has_lme4():
        pytest.skip("R with lme4 is a check more where it is installed")
    codes = [code_of(slug) for slug in LESSONS[half::2]]
    in_r = each_in_r([code.lme4 for code in codes])
    for code, printed in zip(codes, in_r, strict=True):
        same(run_python(code.core), printed)


def test_a_changed_scenario_is_in_the_code():
    code = code_of("partial_pooling", n_groups=6, sigma_alpha=2.0, sigma_y=4.5, seed=77)
    assert "n_groups=6" in code.core
    assert "sigma_alpha=2.0" in code.core
    same(run_python(code.core), run_python(code.statsmodels))


def test_large_data_come_from_the_file():
    code = code_of("partial_pooling", n_groups=100, students_per_group=60).statsmodels
    assert 'read_csv("schools.csv"' in code
    assert len(code) < 2000
    assert Scenario().n_groups == 20
