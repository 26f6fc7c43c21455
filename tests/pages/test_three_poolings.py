"""The sentences of the first lessons, over scenarios, against numbers computed apart."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from mlm_core import Hyperparameters, Scenario, fit_partial_pooling, simulate
from tests.pages.kit import alternative, figure, open_page, text

SCENARIOS = [
    Scenario(),
    Scenario(n_groups=3, seed=5),
    Scenario(n_groups=8, students_per_group=3, seed=11),
    Scenario(imbalance=0.0, seed=3),
    Scenario(hyper=Hyperparameters(sigma_alpha=15.0), seed=8),
    Scenario(n_groups=60, students_per_group=40, seed=21),
    Scenario(sigma_y=1.0, seed=2),
]


def shown(slug: str, scenario: Scenario, **query):
    """A page at a scenario, its answer given."""
    of_hyper = {name: getattr(scenario.hyper, name) for name in ("sigma_alpha", "b0")}
    own = {
        name: getattr(scenario, name)
        for name in ("n_groups", "students_per_group", "imbalance", "sigma_y", "seed", "redraw")
    }
    return open_page(slug, **{f"predict_{slug}": "Just show me"} | of_hyper | own | query)


def frame(scenario: Scenario) -> pd.DataFrame:
    data = simulate(scenario).data
    return pd.DataFrame({"school": data.labels[data.j], "x": data.x, "y": data.y})


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_partial_pooling_says_what_it_did_to_the_school(scenario):
    table = frame(scenario)
    said = text(shown("partial_pooling", scenario))
    found = re.search(
        r"([\w ]+) has (\d+) students?: its own mean ([\d.−]+) is pulled "
        r"(less than 1%|more than 99%|\d+%) of the way to ([\d.−]+), to ([\d.−]+)\.",
        said,
    )
    assert found, said[:600]
    school, n, own, share, mu, pulled = found.groups()
    mine = table[table["school"] == school]["y"]
    assert int(n) == len(mine) == table.groupby("school").size().min()
    assert float(own) == pytest.approx(mine.mean(), abs=0.051)
    data = simulate(scenario).data
    fit = fit_partial_pooling(replace(data, x=None))
    weight = 1 / (1 + len(mine) * fit.hyper.sigma_alpha**2 / fit.sigma_y**2)
    if share.endswith("%") and share[0].isdigit():
        assert float(share[:-1]) == pytest.approx(100 * weight, abs=0.51)
    between = float(own) + weight * (float(mu) - float(own))
    assert float(pulled) == pytest.approx(between, abs=0.11)


def test_partial_pooling_against_statsmodels():
    fit = smf.mixedlm("y ~ 1", frame(Scenario()), groups="school").fit(reml=True)
    said = text(open_page("partial_pooling", predict_partial_pooling="Just show me"))
    assert f"of the way to {fit.fe_params.iloc[0]:.1f}" in said
    assert "Oak Hill, with 59 students" in said
    at = open_page("partial_pooling", predict_partial_pooling="Just show me")
    assert f"SD between schools: {np.sqrt(fit.cov_re.iloc[0, 0]):.1f}." in alternative(at)


def test_partial_pooling_counts_who_came_closer():
    scenario = Scenario(seed=4)
    made = simulate(scenario)
    fit = fit_partial_pooling(replace(made.data, x=None))
    own = frame(scenario).groupby("school")["y"].mean().to_numpy()
    closer = int((abs(fit.lines.alpha - made.mean) < abs(own - made.mean)).sum())
    said = text(shown("partial_pooling", scenario, truth="true"))
    assert f"**{closer} of 20** schools" in said
    assert f"farther from it: {20 - closer}." in said


def test_partial_pooling_hides_its_answer_and_rests_on_no_pooling():
    _, tables = figure(open_page("partial_pooling"))
    assert tables["likelihood"].loc[tables["likelihood"]["resting"], "step"].tolist() == [120]
    at = open_page("partial_pooling", predict_partial_pooling="The smallest")
    _, tables = figure(at)
    rest = tables["likelihood"][tables["likelihood"]["resting"]]
    assert rest["estimate"].all()


def test_partial_pooling_says_an_estimate_of_0_plainly():
    at = shown(
        "partial_pooling",
        Scenario(8, 10, hyper=Hyperparameters(sigma_alpha=2.0, b0=0.0), seed=1),
        b1=0,
        sigma_beta=0,
    )
    assert "exactly 0" in text(at)
    assert "No number is enough" in " ".join(at.radio(key="check_partial_pooling_2").options)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_complete_pooling_counts_the_students_on_one_side(scenario):
    table = frame(scenario)
    fit = smf.ols("y ~ x", table).fit()
    said = text(shown("complete_pooling", scenario))
    found = re.search(r"(\d+) of (\d+) students? of ([\w ]+?) l(?:ie|ies) on", said)
    assert found, said[:800]
    side, n, school = found.groups()
    mine = fit.resid[table["school"] == school]
    assert int(n) == len(mine)
    assert int(side) == int(((mine > 0) == (mine.mean() > 0)).sum())
    assert f"± {fit.bse['Intercept']:.1f} points" in said
    groups = pd.factorize(table["school"])[0]
    robust = smf.ols("y ~ x", table).fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert f"± {robust.bse['Intercept']:.1f}" in said
