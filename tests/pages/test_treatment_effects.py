"""Treatment effects: its sentences, its answers, its numbers held to other computations."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from scipy.stats import t

from mlm_core import GroupedData, Scenario, fit_partial_pooling, simulate
from mlm_core.estimates import students_table
from mlm_core.experiments.trial import STEPS, Effects, effects, trial, winner
from pages.shared import cached
from tests.pages.kit import figure, open_page, run_python, text

SHOW = {"predict_treatment_effects": "Just show me"}
N = r"(−?\d+\.\d)"


def shown(**query):
    return open_page("treatment_effects", **SHOW | query)


def read(pattern: str, prose: str) -> list[float]:
    found = re.search(pattern, prose)
    assert found, prose
    return [float(g.replace("−", "-")) for g in found.groups()]


def sentence(at) -> str:
    return next(m.value for m in at.markdown if "Does it work?" in m.value)


@pytest.mark.parametrize("seed", range(50, 56))
def test_the_sentence_is_the_fit(seed):
    scenario = Scenario(seed=seed, n_groups=6 + seed % 7, sigma_y=6)
    at = shown(simulated="true", seed=seed, n_groups=scenario.n_groups, sigma_y=6)
    made = trial(scenario)
    fit = fit_partial_pooling(made.data, "varying")
    se, mean = fit.se("a1"), fit.hyper.a1
    reach = t.ppf(0.975, scenario.n_groups - 1)
    wide = reach * np.hypot(se, fit.hyper.sigma_beta)
    said = read(rf"by {N} points \({N} to {N}\)", sentence(at))
    assert said == pytest.approx([mean, mean - reach * se, mean + reach * se], abs=0.051)
    assert read(rf"lies from {N} to {N}:", sentence(at)) == pytest.approx(
        [mean - wide, mean + wide], abs=0.051
    )
    above = mean - reach * se > 0
    assert (": yes." in sentence(at)) == above
    own = {
        name: made.data.y[(made.data.j == k) & (made.data.x == 1)].mean()
        - made.data.y[(made.data.j == k) & (made.data.x == 0)].mean()
        for k, name in enumerate(made.data.labels)
        if made.data.n[k] > 1
    }
    best = max(own, key=own.get)
    assert read(rf"of its own of {N};", sentence(at)) == pytest.approx([own[best]], abs=0.051)
    assert best in sentence(at)


def test_a_school_with_one_arm_has_no_effect_of_its_own():
    made = trial(Scenario(students_per_group=3))
    alone = made.data.labels[made.data.n == 1]
    assert len(alone)
    at = shown(simulated="true", students_per_group=3, school=alone[0])
    assert "1 student, has no effect of its own; partial pooling gives it" in sentence(at)
    _, tables = figure(at)
    schools = tables["schools"].set_index("school")
    assert schools.loc[alone[0], ["own", "own_low"]].isna().all()
    assert "nan" not in text(at).lower()


def test_a_spread_of_zero_is_said():
    at = shown()
    [button] = [b for b in at.button if b.label == "A spread estimated as 0"]
    at.button(key=button.key).click().run()
    assert "σ_β is exactly 0" in text(at)
    low, high, again, there = read(rf"\({N} to {N}\).*lies from {N} to {N}:", sentence(at))
    assert (low, high) == (again, there)


def test_a_mean_effect_of_zero_with_spread():
    at = shown()
    [button] = [b for b in at.button if b.label == "A mean effect of 0"]
    at.button(key=button.key).click().run()
    assert "that cannot be told" in sentence(at)
    low, high = read(rf"lies from {N} to {N}:", sentence(at))
    assert low < -8
    assert high > 8


@pytest.mark.parametrize("a1", [-8, 0, 4, 9])
def test_the_prediction_is_the_share_of_new_schools(a1):
    at = shown(simulated="true", a1=a1, sigma_beta=4, n_groups=40)
    fit = fit_partial_pooling(trial(at_scenario(a1)).data, "varying")
    spread = np.hypot(fit.se("a1"), fit.hyper.sigma_beta)
    share = t.sf(-fit.hyper.a1 / spread, 39)
    answer = (
        "More than 95%" if share > 0.95 else "75 to 95%" if share > 0.75
        else "50 to 75%" if share > 0.5 else "Less than 50%"
    )  # fmt: skip
    assert f"**{answer}.**" in text(at)
    _, tables = figure(at)
    rest = tables["new"].query("resting")
    assert rest["effect"].iloc[0] == pytest.approx(0, abs=1e-12)
    assert rest["above"].iloc[0] == pytest.approx(share, abs=1e-9)
    assert len(tables["new"]) == STEPS


def at_scenario(a1):
    from dataclasses import replace

    hyper = replace(Scenario().hyper, a1=float(a1), sigma_beta=4.0)
    return Scenario(hyper=hyper, n_groups=40)


def test_the_file_held_to_statsmodels():
    import statsmodels.formula.api as smf

    data = cached.trial(None).data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = smf.mixedlm("y ~ x", students_table(data), groups="school", re_formula="~x").fit()
    found = effects(cached.trial(None).partial)
    assert found.mean == pytest.approx(fit.fe_params["x"], abs=1e-3)
    assert found.se == pytest.approx(dense_se(data, fit.cov_re.to_numpy(), fit.scale), rel=2e-3)
    assert found.sd == pytest.approx(np.sqrt(fit.cov_re.iloc[1, 1]), rel=1e-2)


def dense_se(data, cov, scale):
    """Standard error of the mean effect by generalised least squares with the whole V.

    statsmodels' own ``bse_fe`` comes from a Hessian that counts the SDs, too.
    """
    Z = np.column_stack([np.ones(data.n_students), data.x])
    V = scale * np.eye(data.n_students) + (Z @ cov @ Z.T) * (data.j[:, None] == data.j)
    return float(np.sqrt(np.linalg.inv(Z.T @ np.linalg.solve(V, Z))[1, 1]))


def test_coding_by_halves_leaves_the_effects():
    """What the page says of the coding: only the intercepts, their SD and rho change."""
    data = cached.trial(None).data
    halves = GroupedData(data.y, data.x - 0.5, data.j, data.u, data.labels)
    fit, other = (fit_partial_pooling(d, "varying") for d in (data, halves))
    np.testing.assert_allclose(fit.lines.beta, other.lines.beta, atol=1e-5)
    assert fit.hyper.sigma_beta == pytest.approx(other.hyper.sigma_beta, rel=1e-5)
    assert abs(fit.hyper.rho - other.hyper.rho) > 0.05


def test_the_trial_is_random_within_schools_and_keeps_its_truth():
    made, before = trial(Scenario(seed=3)), simulate(Scenario(seed=3))
    treated = np.bincount(made.data.j, weights=made.data.x)
    assert (treated == made.data.n // 2).all()
    assert set(np.unique(made.data.x)) == {0.0, 1.0}
    j = made.data.j
    noise = made.data.y - made.alpha[j] - made.beta[j] * made.data.x
    was = before.data.y - before.alpha[j] - before.beta[j] * before.data.x
    np.testing.assert_allclose(noise, was, atol=1e-9)
    # tutored by lot: the noise says nothing of who is tutored (4 standard errors)
    many = [trial(Scenario(seed=s)) for s in range(1, 60)]
    gap = [
        (m.data.y - (m.alpha + 0)[m.data.j] - m.beta[m.data.j] * m.data.x) @ (m.data.x - 0.5)
        for m in many
    ]
    size = sum(m.data.n_students for m in many)
    assert abs(sum(gap)) < 4 * 10 * np.sqrt(size) / 2


def test_the_winner_falls_as_order_statistics_say():
    """Ten equal effects with error 3: the largest of ten normals lies 1.5388 SD up (tables)."""
    found = winner(Effects(4, 0, 0, 4, 4, 4, 4, 9), np.full(10, 3.0), 20_000)
    assert found.truth == 4
    assert found.fall == pytest.approx(1.5388 * 3, abs=0.06)
    half = winner(Effects(0, 0, 3, 0, 0, 0, 0, 9), np.full(10, 3.0), 20_000)
    assert half.truth == pytest.approx(half.promise / 2, abs=0.1)


def test_the_code_prints_the_numbers_of_the_page():
    at = shown(code="Python (this core)")
    printed = run_python(at.code[0].value)
    mean, low, high = read(rf"by {N} points \({N} to {N}\)", sentence(at))
    got = read(r"Effects\(mean=(.*?), se=.*?, low=(.*?), high=(.*?),", printed)
    assert got == pytest.approx([mean, low, high], abs=0.051)
