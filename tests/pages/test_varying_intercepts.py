"""A school-level predictor: the sentences, the answers, the numbers."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import Scenario, fit_no_pooling, fit_partial_pooling, simulate
from pages.shared import presets
from pages.shared.words import number, percent
from tests.pages.kit import alternative, figure, healthy, open_page, run_python, text

SLUG = "varying_intercepts"
SHOWN = {"predict_varying_intercepts": "Just show me"}
CORNERS = [
    {"n_groups": 3, "seed": 5},
    {"n_groups": 5, "seed": 1, "sigma_alpha": 0.0},
    {"imbalance": 0.0, "students_per_group": 2},
    {"sigma_alpha": 0.0, "b0": 0.0, "seed": 3},
    {"sigma_alpha": 0.0, "b0": 8.0, "sigma_y": 2.0},
    {"b0": 0.0, "seed": 12},
    {"b0": -6.0},
]


def scenarios() -> list[dict[str, float]]:
    rng = np.random.default_rng(11)
    drawn = [
        {
            "n_groups": int(rng.integers(4, 50)),
            "students_per_group": int(rng.integers(3, 50)),
            "sigma_alpha": float(rng.choice([0.5, 3.0, 12.0])),
            "b0": float(rng.choice([-5.0, 0.0, 2.0, 6.0])),
            "seed": int(rng.integers(1, 900)),
        }
        for _ in range(6)
    ]
    return drawn + CORNERS


def as_scenario(query: dict[str, float]) -> Scenario:
    hyper = {k: v for k, v in query.items() if k in ("sigma_alpha", "b0")}
    rest = {k: v for k, v in query.items() if k not in hyper}
    return replace(Scenario(), hyper=replace(Scenario().hyper, **hyper), **rest)


@pytest.mark.parametrize("query", scenarios(), ids=str)
def test_sentences_and_answers_are_right(query):
    data = simulate(as_scenario(query)).data
    own = fit_no_pooling(data).lines.alpha
    without, fit = fit_partial_pooling(data), fit_partial_pooling(data, "common", True)
    at = open_page(SLUG, **query, **SHOWN)
    said = text(at)

    j = int(np.flatnonzero(data.labels == at.selectbox(key="school").value)[0])
    assert (
        f"has the intercept {number(own[j])} by itself, {number(without.lines.alpha[j])} when "
        f"pulled to the mean, {number(fit.lines.alpha[j])} when pulled to the line." in said
    )
    s0, s1 = without.hyper.sigma_alpha, fit.hyper.sigma_alpha
    if s1 == 0:
        assert ("estimated as 0 with and without u" if s0 == 0 else "to exactly 0") in said
    elif number(s0, 2) == number(s1, 2):
        assert "stays at" in said
    elif s1 < s0:
        assert f"explains {percent(1 - s1**2 / s0**2)} of the variance" in said
    else:
        assert f"rises from {number(s0, 2)} to {number(s1, 2)}" in said

    line = fit.hyper.a0 + 2 * fit.hyper.b0
    if abs(line - without.hyper.a0) > 0.5:
        assert ("**Up.**" if line > without.hyper.a0 else "**Down.**") in said
    sizes = at.radio(key=f"check_{SLUG}_2").options
    assert len(set(sizes)) == 3
    higher = at.radio(key=f"check_{SLUG}_1")
    higher.set_value("The one with u = 1" if fit.hyper.b0 > 0 else "The one with u = −1").run()
    healthy(at)
    assert any(s.value.startswith("Right") for s in at.success)


def test_the_weighted_average_of_the_page_adds_up():
    """The numbers shown in the formula give the number shown as its result."""
    for name in ("Juniper", "Oak Hill", "Riverside"):
        at = open_page(SLUG, **SHOWN, school=name)
        (shown,) = [e.value for e in at.latex if name in e.value]
        shown = re.sub(r"\\textcolor\{#\w+\}|\^2", "", shown).replace("−", "-")
        n, sy, own, _, sa, line, *_, result = map(float, re.findall(r"-?\d+\.?\d*", shown))
        w = n / sy**2 / (n / sy**2 + 1 / sa**2)
        assert abs(w * own + (1 - w) * line - result) < 0.12  # each is shown to one decimal


def test_the_right_panel_waits_for_the_prediction():
    at = open_page(SLUG)
    _, tables = figure(at)
    assert tables["schools"]["line"].isna().all()
    assert tables["schools"]["mean"].notna().all()
    assert "line" not in alternative(at)
    at.radio(key="predict_varying_intercepts").set_value("Nowhere").run()
    assert "Not so" in text(at)
    _, tables = figure(at)
    assert tables["schools"]["line"].notna().all()


def test_truth_is_shown_only_when_asked_for():
    at = open_page(SLUG, **SHOWN)
    assert figure(at)[1]["schools"]["truth"].isna().all()
    spec = figure(at)[0]
    at.toggle(key="truth").set_value(True).run()
    after, tables = figure(at)
    simulation = simulate(Scenario())
    np.testing.assert_allclose(tables["schools"]["truth"], simulation.alpha)
    fit = fit_partial_pooling(simulation.data, "common", True)
    miss = np.abs(fit.lines.alpha - simulation.alpha).mean()
    assert f"by **{number(miss, 2)}** points" in text(at)
    spec.pop("datasets", None), after.pop("datasets", None)
    assert spec == after  # the picture is patched, not built again


def test_where_it_breaks_says_what_happens():
    nothing = replace(
        presets.DEFAULT, hyper=replace(presets.DEFAULT.hyper, b0=0.0, b1=0.0), seed=12
    )
    data = simulate(nothing).data
    with_u, without = fit_partial_pooling(data, "common", True), fit_partial_pooling(data)
    assert with_u.hyper.sigma_alpha > without.hyper.sigma_alpha
    five = simulate(replace(presets.DEFAULT, n_groups=5, seed=9)).data
    fit = fit_partial_pooling(five, "common", True)
    assert (number(fit.hyper.b0), number(fit.se("b0"))) == ("−3.4", "5.5")
    at = open_page(SLUG, **SHOWN)
    for k in (0, 1):
        at.button(key=f"break_{k}").click().run()
        healthy(at)
        assert "rises from" in text(at)


def test_the_code_and_statsmodels_give_the_numbers_of_the_page():
    at = open_page(SLUG, **SHOWN, school="Juniper")
    said = text(at)
    for language in ("Python (this core)", "Python (statsmodels)"):
        at.radio(key="code").set_value(language).run()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            printed = run_python(at.code[0].value)
        lines = printed.splitlines()
        # statsmodels stops near the optimum: 2 decimals
        without, with_u = float(lines[0].split()[1]), float(lines[1].split()[2])
        assert f"falls from {number(without, 2)} to {number(with_u, 2)}" in said, language
        (juniper,) = re.findall(r"'Juniper': (?:np.float64\()?([\d.]+)", printed)
        assert f"{number(float(juniper))} when pulled to the line" in said, language
