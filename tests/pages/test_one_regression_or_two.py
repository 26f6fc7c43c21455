"""One regression or two: its sentences, its answers, its numbers held to explicit fits."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from mlm_core import Scenario
from mlm_core.estimates import students_table
from mlm_core.experiments.second_step import equal_slopes
from mlm_core.replication import two_steps, world
from pages.shared.presets import LARGE
from tests.pages.kit import figure, open_page, text

SLUG = "one_regression_or_two"
COMMON = "One slope for all schools"


def shown(**query):
    return open_page(SLUG, **{f"predict_{SLUG}": "Just show me"} | query)


def sentence(at) -> str:
    return next(m.value for m in at.markdown if m.value.startswith("Two steps find"))


@pytest.mark.parametrize("seed", range(40, 46))
@pytest.mark.parametrize("first", [None, COMMON])
def test_the_sentence_is_the_worlds(seed, first):
    size = 3 + 4 * (seed % 5)
    query = {"seed": seed, "students_per_group": size, "sigma_alpha": seed % 3 * 4.0}
    at = shown(**query, **({"first": first} if first else {}))
    hyper = {"sigma_alpha": seed % 3 * 4.0}
    scenario = _scenario(seed, size, **hyper)
    found = two_steps(scenario, 500, slopes="common" if first else "varying")
    told = [float(x) for x in re.findall(r"\d+\.\d+", sentence(at))]
    expected = [
        found.sigma_alpha.mean(),
        found.multilevel.sigma_alpha.mean(),
        hyper["sigma_alpha"],
        found.b0.std(),
        np.sqrt((found.se_b0**2).mean()),
        found.multilevel.b0.std(),
        np.sqrt((found.multilevel.se_b0**2).mean()),
    ]
    assert told == pytest.approx(expected, abs=0.051)
    left_out = int((~found.used).sum())
    said = any("line of" in c.value and "own" in c.value for c in at.caption)
    assert said == (left_out > 0)
    if left_out == 1:
        assert any("1 school cannot have a line of its own" in c.value for c in at.caption)


def _scenario(seed: int, size: int, **hyper: float) -> Scenario:
    from dataclasses import replace

    start = Scenario(seed=seed, students_per_group=size)
    return equal_slopes(replace(start, hyper=replace(start.hyper, **hyper)))


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ({}, "Two steps"),
        ({"students_per_group": 3}, "Two steps"),
        ({"students_per_group": LARGE.students_per_group, "imbalance": 0}, "Neither"),
        ({"sigma_alpha": 0}, "Both"),
    ],
)
def test_the_prediction_is_computed(query, right):
    at = open_page(SLUG, **{f"predict_{SLUG}": right}, **query)
    assert "**Yes.**" in text(at)


def test_other_settings_of_the_course_do_not_leak_in():
    """Slopes that vary, a contextual effect: neither way knows of them, so they are off."""
    plain, odd = (sentence(shown(**q)) for q in ({}, {"b1": 3, "sigma_beta": 4, "contextual": 9}))
    assert plain == odd


def test_too_few_students_say_so():
    at = shown(n_groups=3, students_per_group=2, imbalance=1.2)
    assert at.warning
    assert "students" in at.warning[0].value


@pytest.mark.parametrize("size", [15, 3])
def test_world_one_is_that_of_statsmodels(size):
    import statsmodels.formula.api as smf

    at = shown(students_per_group=size)
    _, tables = figure(at)
    first = tables["worlds"].iloc[0]
    schools = students_table(world(_scenario(Scenario().seed, size), 0).data)
    lines = {n: np.polyfit(s.x, s.y, 1) for n, s in schools.groupby("school") if len(s) > 1}
    u = schools.groupby("school").u.first()[list(lines)].to_numpy()
    own = np.array([line[1] for line in lines.values()])
    second = smf.ols("own ~ u", pd.DataFrame({"own": own, "u": u})).fit()
    assert first.two_b0 == pytest.approx(second.params["u"])
    assert first.two_sigma_alpha == pytest.approx(np.sqrt(second.scale))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = smf.mixedlm("y ~ x + u", schools, groups="school").fit(reml=True)
    # its optimiser stops within 1e-3 of an SD
    assert first.both_b0 == pytest.approx(both.fe_params["u"], abs=5e-3)
    assert first.both_sigma_alpha == pytest.approx(np.sqrt(both.cov_re.iloc[0, 0]), abs=5e-3)
