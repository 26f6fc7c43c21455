"""Varying slopes: its sentences, its answers, its numbers held to statsmodels."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from mlm_core import Scenario, fit_no_pooling, fit_partial_pooling, simulate
from mlm_core.estimates import students_table
from mlm_core.origin import move_origin
from pages.shared.presets import PERFECT
from tests.pages.kit import figure, open_page, text

SHOW = {"predict_varying_slopes": "Just show me"}


def shown(**query):
    return open_page("varying_slopes", **SHOW | query)


def sentence(at) -> str:
    return next(m.value for m in at.markdown if "partial pooling" in m.value and "slope" in m.value)


def read(pattern: str, prose: str) -> list[float]:
    found = re.search(pattern, prose)
    assert found, prose
    return [float(g.replace("−", "-")) for g in found.groups()]


N = r"(−?\d+\.\d)"
N2 = r"(−?\d+\.\d\d)"


@pytest.mark.parametrize("seed", range(100, 108))
@pytest.mark.parametrize("with_u", [False, True])
def test_the_sentence_is_the_fit(seed, with_u):
    at = shown(seed=seed, with_u=str(with_u).lower(), n_groups=8 + seed % 5)
    data = simulate(Scenario(seed=seed, n_groups=8 + seed % 5)).data
    own = fit_no_pooling(data, "varying").lines
    fit = fit_partial_pooling(data, "varying", with_u)
    j = data.labels.tolist().index(at.selectbox(key="school").value)
    prose = sentence(at)
    first, second, alpha, was = read(
        rf"own of {N}; partial pooling makes it {N}, and its intercept {N} instead of {N}\.", prose
    )
    assert (first, second) == pytest.approx((own.beta[j], fit.lines.beta[j]), abs=0.051)
    assert (alpha, was) == pytest.approx((fit.lines.alpha[j], own.alpha[j]), abs=0.051)
    assert f"with {data.n[j]} student" in prose
    if fit.hyper.sigma_beta == 0:
        assert "σ_β is exactly 0" in prose
    elif abs(fit.hyper.rho) == 1:
        assert f"exactly {'−' if fit.hyper.rho < 0 else ''}1:" in prose
    else:
        here, there = read(rf"ρ is {N2} with x = 0 at 500, {N2} with x = 0 at a raw", prose)
        assert here == pytest.approx(fit.hyper.rho, abs=0.0051)
        assert there == pytest.approx(move_origin(fit.hyper, -5).rho, abs=0.0051)


def test_a_school_without_a_line_of_its_own():
    data = simulate(Scenario(students_per_group=3)).data
    own = fit_no_pooling(data, "varying").lines
    alone = data.labels[~np.isfinite(own.beta)]
    at = shown(students_per_group=3, school=alone[0])
    assert "1 student and no slope of its own" in sentence(at)
    assert any(f"{len(alone)} school" in c.value for c in at.caption)
    assert "nan" not in text(at).lower()


def test_parallel_lines_say_so():
    prose = sentence(shown(sigma_beta=0, b1=0, seed=12, n_groups=4))
    assert "The estimate of σ_β is exactly 0: the slopes differ by no more than chance." in prose
    assert "σ_β is exactly 0" in sentence(
        shown(sigma_beta=0, b1=0, seed=12, n_groups=4, truth="true")
    )


@pytest.mark.parametrize("with_u", [False, True])
def test_the_preset_has_a_correlation_of_exactly_one(with_u):
    fit = fit_partial_pooling(simulate(PERFECT).data, "varying", with_u)
    assert abs(fit.hyper.rho) == 1
    assert fit.singular
    assert fit.hyper.sigma_alpha > 3
    assert fit.hyper.sigma_beta > 1
    at = shown(n_groups=PERFECT.n_groups, seed=PERFECT.seed, with_u=str(with_u).lower())
    assert "ρ is exactly 1" in sentence(at)
    (gap,) = read(rf"deviance is {N2} larger", sentence(at))
    apart = fit_partial_pooling(simulate(PERFECT).data, "uncorrelated", with_u)
    assert gap == pytest.approx(apart.criterion - fit.criterion, abs=0.0051)
    assert ("next to nothing" in sentence(at)) == (gap < 3.84)


def test_data_that_cannot_answer_say_why():
    at = open_page("varying_slopes", n_groups=3, students_per_group=2, imbalance=0, **SHOW)
    assert "too few" in at.warning[0].value


@pytest.mark.parametrize("seed", [1, 5, 18])
def test_the_prediction_is_computed(seed):
    data = simulate(Scenario(seed=seed)).data
    own, fit = fit_no_pooling(data, "varying").lines, fit_partial_pooling(data, "varying").lines
    known = np.isfinite(own.beta)
    kept = [
        np.std(f[known]) / np.std(o[known])
        for o, f in ((own.alpha, fit.alpha), (own.beta, fit.beta))
    ]
    right = "The slopes" if kept[1] < kept[0] else "The intercepts"
    at = open_page("varying_slopes", seed=seed, predict_varying_slopes=right)
    assert "**Yes.**" in text(at)
    assert f"{100 * (1 - kept[1]):.0f}%" in text(at)


@pytest.mark.parametrize("seed", [1, 5, 39])
def test_the_one_student_question(seed):
    """Its answer is the sign of what a refit with such a school does to its slope."""
    data = simulate(Scenario(seed=seed)).data
    rho = fit_partial_pooling(data, "varying").hyper.rho
    at = shown(seed=seed)
    radio = at.radio(key="check_varying_slopes_1")
    right = "Steeper" if rho > 0 else "Flatter"
    radio.set_value(next(o for o in radio.options if o.startswith(right))).run()
    assert at.success


def test_numbers_of_the_default_are_those_of_statsmodels():
    import statsmodels.formula.api as smf

    data = simulate(Scenario()).data
    fit = fit_partial_pooling(data, "varying")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = smf.mixedlm(
            "y ~ x", students_table(data), groups="school", re_formula="~x"
        ).fit(reml=True, method=["lbfgs"])  # fmt: skip
    sd = np.sqrt(np.diag(other.cov_re))
    # its optimiser stops about 1e-3 of an SD away
    assert (fit.hyper.sigma_alpha, fit.hyper.sigma_beta) == pytest.approx(sd, rel=5e-3)
    assert fit.hyper.rho == pytest.approx(other.cov_re.iloc[0, 1] / sd.prod(), abs=5e-3)
    spec, tables = figure(shown())
    assert spec["layer"]
    alpha = tables["schools"].set_index("school").alpha
    for school, effect in other.random_effects.items():
        assert alpha[school] == pytest.approx(other.fe_params.iloc[0] + effect.iloc[0], abs=0.05)


def test_the_figure_stays_light():
    _, tables = figure(shown(n_groups=100))
    assert sum(len(table) for table in tables.values()) < 700
