"""The lesson on nested and crossed: its sentences, answers and numbers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlm_core.experiments import crossing
from pages.shared.words import number
from tests.pages.kit import alternative, figure, open_page, run_python, text

SLUG = "nested_and_crossed"
SEEN = {"predict_nested_and_crossed": "Just show me"}
IN_DISTRICTS = {"structure": "Schools in districts"}
AGAIN = {**IN_DISTRICTS, "recycled": "true"}
CORNERS: list[dict[str, Any]] = [
    {}, {"sigma_alpha": 0}, {"sigma_alpha": 20}, {"sigma_y": 1}, {"sigma_y": 30},
    *({"seed": seed} for seed in (1, 5, 17, 60, 9999)),
]  # fmt: skip


def schools_of(seed: int) -> list[int]:
    """In how many schools each neighbourhood has children, counted one by one."""
    made = crossing.children_in_schools(0.01, 5.0, 10.0, seed)
    pairs = set(zip(made.outer.tolist(), made.inner.tolist(), strict=True))
    return [sum(inner == k for _, inner in pairs) for k in sorted(set(made.inner.tolist()))]


@pytest.mark.parametrize("settings", CORNERS, ids=str)
def test_sentence_counts_what_is_drawn(settings: dict[str, Any]) -> None:
    """The number of neighbourhoods with several schools, in the sentence and in the chart."""
    at = open_page(SLUG, **SEEN, **settings)
    several = sum(k > 1 for k in schools_of(settings.get("seed", 2179)))
    send = "sends" if several == 1 else "send"
    if several:
        assert f"{several} of 16 neighbourhoods {send} children to more than one school" in text(at)
        assert "**No, not nested.**" in text(at)
    else:
        assert "are nested in the schools" in text(at)
        assert "**Yes, nested.**" in text(at)
    _, tables = figure(at)
    here = tables["cells"][tables["cells"]["resting"]]
    assert (here.groupby("column").size() > 1).sum() == several
    assert here["n"].sum() == 960


def test_a_draw_in_which_one_neighbourhood_or_none_is_shared() -> None:
    """The grammar of one and of none."""
    wanted = {2126: "neighbourhoods are nested", 423: "1 of 16 neighbourhoods sends"}
    for (seed, words), several in zip(wanted.items(), (0, 1), strict=True):
        assert sum(k > 1 for k in schools_of(seed)) == several
        assert words in text(open_page(SLUG, **SEEN, seed=seed))


@pytest.mark.parametrize("settings", CORNERS, ids=str)
def test_districts_are_nested_whatever_the_names(settings: dict[str, Any]) -> None:
    for names in (IN_DISTRICTS, AGAIN):
        at = open_page(SLUG, **SEEN, **names, **settings)
        assert "**Yes, nested.**" in text(at)
        labels = figure(at)[1]["cells"].groupby("column").size()
        assert set(labels) == ({6} if names is AGAIN else {1})


def test_names_used_again_cost_what_the_sentence_says() -> None:
    """The wrong numbers against sums of squares: the design is balanced and crossed."""
    at = open_page(SLUG, **SEEN, **AGAIN)
    made = crossing.recycled(crossing.schools_in_districts(5.0, 10.0, 2179))
    districts, names = (np.unique(v, return_inverse=True)[1] for v in (made.outer, made.inner))
    n, (a, b) = len(made.y), (6, 4)
    grand = made.y.mean()
    by = [np.bincount(j, made.y) / np.bincount(j) for j in (districts, names)]
    ms_a = n / a * ((by[0] - grand) ** 2).sum() / (a - 1)
    ms_b = n / b * ((by[1] - grand) ** 2).sum() / (b - 1)
    rest = made.y - by[0][districts] - by[1][names] + grand
    ms_e = (rest**2).sum() / (n - a - b + 1)
    said = text(at)
    assert f"comes out as {number(np.sqrt((ms_b - ms_e) / (n / b)))} instead" in said
    assert f"students comes out as {number(np.sqrt(ms_e))} instead" in said
    assert f"districts as {number(np.sqrt((ms_a - ms_e) / (n / a)))} instead" in said


@pytest.mark.parametrize("names", [{}, IN_DISTRICTS, AGAIN], ids=str)
@pytest.mark.parametrize("language", ["Python (this core)", "Python (statsmodels)", "R (lme4)"])
def test_code_gives_the_numbers_of_the_page(
    names: dict[str, str], language: str, tmp_path: Path
) -> None:
    at = open_page(SLUG, **SEEN, **names, code=language)
    code = at.code[-1].value
    if language.startswith("R"):
        if not shutil.which("Rscript"):
            pytest.skip("R is not here.")
        (tmp_path / "page.R").write_text(code, encoding="utf-8")
        ran = subprocess.run(["Rscript", str(tmp_path / "page.R")], capture_output=True, text=True)
        if "there is no package" in ran.stderr:
            pytest.skip("lme4 is not here.")
        assert ran.returncode == 0, ran.stderr
        printed = ran.stdout
    else:
        printed = run_python(code)
    said = re.search(
        r"SD of \w+ ([\d.]+), of \w+ ([\d.]+), of students ([\d.]+)\.", alternative(at)
    )
    assert said
    found = [float(v) for v in re.findall(r"\d+\.\d+", printed)]
    for value in map(float, said.groups()):
        assert any(abs(value - v) < 0.06 for v in found), (value, printed)


def test_nothing_is_named_before_the_prediction() -> None:
    spec, _ = figure(open_page(SLUG))
    assert "meaning" not in str(spec)


def test_an_sd_of_zero_is_not_sold_as_knowledge() -> None:
    """Where the formula for nested data finds no difference, ±0.0 would look like precision."""
    path = crossing.crossing_path(5.0, 30.0, 5)
    assert path.split[-1].sd["inner"] == 0
    at = open_page(SLUG, **SEEN, sigma_y=30, seed=5)
    assert "takes their SD for 0.0 instead of" in text(at)
    assert "±0.0" not in text(at)
