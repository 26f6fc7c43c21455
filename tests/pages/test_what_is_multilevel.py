"""The first lesson: its sentences, its answers, its numbers."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import Scenario, fit_no_pooling, fit_partial_pooling, simulate
from pages.shared import presets
from pages.shared.words import number
from tests.pages.kit import figure, healthy, open_page, run_python, text

SLUG = "what_is_multilevel"
LAYERS = [
    "1 Students",
    "2 A line for each school",
    "3 Each line is a point",
    "4 A model for the points",
]
SHOWN = {"predict_what_is_multilevel": "Just show me"}


def scenarios() -> list[dict[str, float]]:
    rng = np.random.default_rng(7)
    return [
        {
            "n_groups": int(rng.integers(3, 40)),
            "students_per_group": int(rng.integers(4, 40)),
            "imbalance": round(float(rng.choice([0.0, 0.6, 1.2])), 1),
            "sigma_alpha": float(rng.choice([0.0, 1.0, 5.0, 15.0])),
            "b0": float(rng.choice([-4.0, 0.0, 3.0])),
            "seed": int(rng.integers(1, 500)),
        }
        for _ in range(8)
    ]


def as_scenario(query: dict[str, float]) -> Scenario:
    hyper = {k: v for k, v in query.items() if k in ("sigma_alpha", "b0")}
    rest = {k: v for k, v in query.items() if k not in hyper}
    return replace(Scenario(), hyper=replace(Scenario().hyper, **hyper), **rest)


@pytest.mark.parametrize("query", scenarios(), ids=str)
def test_the_sentence_of_each_layer_is_right(query):
    data = simulate(as_scenario(query)).data
    own, fit = fit_no_pooling(data).lines, fit_partial_pooling(data, "common", True)
    j = int(np.argmin(data.n))
    at = open_page(SLUG, **query, **SHOWN)
    assert f"{data.n_students} students of {data.n_groups} schools" in text(at)
    one = data.n[j] == 1
    assert f"The 1 student of {data.labels[j]} is circled" in text(at) or not one
    at.radio(key="layer").set_value(LAYERS[1]).run()
    assert f"line is at {number(own.alpha[j])} points" in text(at)
    at.radio(key="layer").set_value(LAYERS[2]).run()
    assert f"α = {number(own.alpha[j])}" in text(at)
    at.radio(key="layer").set_value(LAYERS[3]).run()
    healthy(at)
    if fit.hyper.sigma_alpha == 0:
        assert "estimated as exactly 0" in text(at)
    else:
        assert f"an SD of {number(fit.hyper.sigma_alpha)} " in text(at)
    assert number(fit.lines.alpha[j]) in text(at)


def test_layers_come_one_at_a_time_and_the_last_two_wait_for_the_prediction():
    at = open_page(SLUG, layer=LAYERS[3])
    _, tables = figure(at)
    assert set(tables["schools"]["layer"]) == {2}
    assert "Answer the question above first" in text(at)
    at.radio(key="predict_what_is_multilevel").set_value("One for each student").run()
    assert "Not so" in text(at)
    assert "It has 20" in text(at)
    _, tables = figure(at)
    assert set(tables["schools"]["layer"]) == {4}
    assert len(tables["model"]) == 2


def test_the_figure_marks_the_picked_school_on_both_sides():
    at = open_page(SLUG, **SHOWN, layer=LAYERS[3])
    at.selectbox(key="school").set_value("Grange").run()
    _, tables = figure(at)
    for name in ("students", "schools"):
        assert set(tables[name].query("picked")["school"]) == {"Grange"}


def test_a_lines_height_at_zero_is_its_points_height():
    _, tables = figure(open_page(SLUG, **SHOWN, layer=LAYERS[2]))
    schools = tables["schools"]
    np.testing.assert_allclose((schools["low"] + schools["high"]) / 2, schools["at"])


def test_numbers_are_those_of_statsmodels():
    import warnings

    import pandas as pd
    import statsmodels.formula.api as smf

    data = simulate(Scenario()).data
    frame = pd.DataFrame({"y": data.y, "x": data.x, "u": data.u[data.j], "school": data.j})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = smf.mixedlm("y ~ u + x", frame, groups="school").fit(reml=True)
    a0, b0, beta = fit.fe_params
    at = open_page(SLUG, **SHOWN)
    shown = "\n".join(e.value for e in at.latex)
    # statsmodels stops near the optimum: 2 decimals of an SD
    assert f"{np.sqrt(fit.cov_re.iloc[0, 0]):.2f}" in shown
    assert f"{np.sqrt(fit.scale):.2f}" in shown
    assert f"{a0:.1f} + {b0:.1f}" in shown
    assert f"+ {beta:.1f}" in shown


def test_where_it_breaks_says_what_happens():
    three = simulate(replace(presets.DEFAULT, n_groups=3, seed=5)).data
    fit = fit_partial_pooling(three, "common", True)
    assert number(fit.hyper.b0) == "17.1"
    assert fit.hyper.sigma_alpha == 0
    large = simulate(presets.LARGE).data
    fit = fit_partial_pooling(large, "common", True)
    assert np.abs(fit.lines.alpha - fit_no_pooling(large).lines.alpha).max() < 1.0
    at = open_page(SLUG, **SHOWN)
    at.button(key="break_0").click().run()
    healthy(at)
    assert at.radio(key="layer").value == LAYERS[3]
    assert "17.1" in text(at)
    assert "estimated as exactly 0" in text(at)


def test_sorting_explains_every_wrong_bin_and_counts_as_done():
    at = open_page(SLUG, **SHOWN)
    right = ["parameter", "parameter", *["hyperparameter"] * 3, "data", "data"]
    for k, answer in enumerate(right, 1):
        whys = {}
        for bin_ in ("data", "parameter", "hyperparameter"):
            before = {m.value for m in at.markdown}
            at.radio(key=f"check_{SLUG}_1_{k}").set_value(bin_).run()
            (whys[bin_],) = {m.value for m in at.markdown} - before
        assert len(set(whys.values())) == 3
        assert [bin_ for bin_, why in whys.items() if ":material/check:" in why] == [answer]
        at.radio(key=f"check_{SLUG}_1_{k}").set_value(answer).run()
    for k in (2, 3):
        radio = at.radio(key=f"check_{SLUG}_{k}")
        choice = next(o for o in radio.options if "from a₀ + b₀" in o or "indicator" in o)
        radio.set_value(choice).run()
    healthy(at)
    assert SLUG in at.session_state["done"]


def test_the_code_gives_the_numbers_of_the_page():
    at = open_page(SLUG, **SHOWN, layer=LAYERS[3])
    for language in ("Python (this core)", "Python (statsmodels)"):
        at.radio(key="code").set_value(language).run()
        printed = run_python(at.code[0].value)
        (juniper,) = re.findall(r"'Juniper': (?:np.float64\()?([\d.]+)", printed)
        assert f"to {number(float(juniper))}." in text(at), language
