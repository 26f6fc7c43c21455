"""Records show in a few lines; fits give tables, and predictions that are lme4's."""

from __future__ import annotations

import importlib
import json
import pkgutil
import warnings
from dataclasses import is_dataclass, replace
from functools import cache
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlm_core
from mlm_core import (
    DataError,
    GroupedData,
    Scenario,
    fit_complete_pooling,
    fit_no_pooling,
    fit_partial_pooling,
    fit_variance_components,
    pooling_path,
    replicate,
    simulate,
    tau_posterior,
)
from mlm_core.intervals import variance_intervals
from mlm_core.records import all_converged
from mlm_core.showing import MOST_LINES, brief

GOLDEN = Path(__file__).parents[1] / "golden"
THEIRS = json.loads((GOLDEN / "predict" / "predict.json").read_text())
SLOPES = {"slopes": "varying", "slopes_u": "varying"}
HOSTILE = '<img src=x onerror="alert(1)">'


@cache
def case(name, with_x, with_u):
    frame = pd.read_csv(GOLDEN / "lme4" / "cases" / f"{name}.csv")
    x, u = "x" if with_x else None, "u" if with_u else None
    return GroupedData.from_frame(frame, y="y", group="school", x=x, u=u)


@pytest.mark.parametrize("theirs", THEIRS, ids=lambda t: f"{t['data']}-{t['model']}")
def test_predictions_are_lme4s(theirs):
    # lme4's own optimiser is off by up to 1e-5 of an SD: see test_partial_lme4
    model = theirs["model"]
    data = case(theirs["data"], model != "null", model.endswith("_u"))
    fit = fit_partial_pooling(data, SLOPES.get(model, "common"), model.endswith("_u"))
    ours = fit.predict(pd.DataFrame(theirs["new"]), new_groups=True)
    assert ours == pytest.approx(theirs["predicted"], abs=3e-4 * fit.sigma_y)


def data(**scenario):
    return simulate(Scenario(n_groups=6, **scenario)).data


def every_fit(of):
    yield fit_complete_pooling(of)
    yield fit_no_pooling(of)
    yield fit_no_pooling(of, "varying")
    for slopes in ("common", "varying", "uncorrelated"):
        for with_u in (False, True):
            yield fit_partial_pooling(of, slopes, with_u)


def components(of=None):
    of = of or data()
    factors = {"school": of.labels[of.j], "half": np.arange(of.n_students) % 2}
    return fit_variance_components(of.y, np.ones((of.n_students, 1)), factors)


def test_a_prediction_for_the_data_is_the_schools_line():
    of = data()
    frame = of.to_frame()
    for fit in every_fit(of):
        line = fit.lines.alpha[of.j] + fit.lines.beta[of.j] * of.x
        assert fit.predict(frame) == pytest.approx(line)
    fit = components(of)
    factors = {"school": frame["school"], "half": np.arange(len(frame)) % 2}
    whole = fit.coef[0] + fit.modes["school"][of.j] + fit.modes["half"][factors["half"]]
    assert fit.predict(np.ones((len(frame), 1)), factors) == pytest.approx(whole)


def test_a_known_school_needs_no_u_and_a_new_one_does():
    fit = fit_partial_pooling(data(), group_predictor=True)
    known = pd.DataFrame({"school": ["Cedar"], "x": [1.0]})
    line = fit.to_frame().loc["Cedar"]
    assert fit.predict(known)[0] == pytest.approx(line["alpha"] + line["beta"])
    with pytest.raises(DataError, match="no column 'u'"):
        fit.predict(known.assign(school="z"), new_groups=True)


def test_without_a_column_of_groups_all_are_new():
    fit = fit_partial_pooling(data(), group_predictor=False)
    frame = pd.DataFrame({"x": [0.0, 1.0]})
    expected = [fit.hyper.a0, fit.hyper.a0 + fit.hyper.a1]
    assert fit.predict(frame, new_groups=True) == pytest.approx(expected)
    with pytest.raises(DataError, match="no column 'school'"):
        fit.predict(frame)


def test_a_school_that_is_not_in_the_data_is_named():
    of = data()
    frame = pd.DataFrame({"school": ["Cedar", "Nowhere"], "x": [0.0, 0.0]})
    fits = fit_partial_pooling(of, group_predictor=False), fit_no_pooling(of)
    for fit, way in zip(fits, ("new_groups=True", "fit_partial_pooling"), strict=True):
        with pytest.raises(DataError, match=r"1 students .*\(Nowhere\).*" + way):
            fit.predict(frame)
    found, one = components(of), np.ones((1, 1))
    with pytest.raises(DataError, match="new_levels=True"):
        found.predict(one, {"school": ["z"], "half": [0]})
    new = found.predict(one, {"school": ["z"], "half": [0]}, new_levels=True)
    assert new == pytest.approx(found.coef + found.modes["half"][0])
    with pytest.raises(DataError, match="no factor 'half'"):
        found.predict(one, {"school": ["Cedar"]})


def test_schools_are_found_whatever_the_type_of_their_codes():
    frame = pd.DataFrame({"g": [1, 1, 2, 2], "y": [1.0, 2.0, 5.0, 7.0]})
    fit = fit_partial_pooling(GroupedData.from_frame(frame, y="y", group="g"))
    number, text = (fit.predict(pd.DataFrame({"g": g})) for g in ([2], ["2"]))
    assert number == text == fit.lines.alpha[1]


def test_summary_has_what_the_model_has():
    of = data()
    fit = fit_partial_pooling(of, "varying", group_predictor=True)
    table = fit.summary()
    assert [*table.index] == [
        "a0", "b0", "a1", "b1", "sigma_alpha", "sigma_beta", "rho", "sigma_y",
    ]  # fmt: skip
    for name in table.index[:-1]:
        assert table.loc[name, "estimate"] == getattr(fit.hyper, name)
    assert table.loc["b1", "se"] == fit.se("b1")
    assert table.loc["sigma_y", "estimate"] == fit.sigma_y
    assert "rho" not in fit_partial_pooling(of, "uncorrelated", False).summary().index
    assert "sigma_beta" not in fit_partial_pooling(of, group_predictor=False).summary().index
    complete = fit_complete_pooling(of)
    assert complete.summary().loc["beta", "cluster_se"] == complete.cluster_se_beta
    own = fit_no_pooling(of, "varying")
    sd = own.summary().loc["SD of beta", "estimate"]
    assert sd == pytest.approx(np.std(own.lines.beta, ddof=1))
    assert [*components(of).summary().index] == ["coef 0", "sd school", "sd half", "sigma_y"]


def test_summaries_of_complete_and_no_pooling_have_their_numbers():
    of = data()
    complete, line = fit_complete_pooling(of), fit_complete_pooling(of).lines
    rows = {
        "alpha": (line.alpha[0], line.se_alpha[0], complete.cluster_se_alpha),
        "beta": (line.beta[0], line.se_beta[0], complete.cluster_se_beta),
        "sigma_y": (complete.sigma_y, np.nan, np.nan),
    }
    table = complete.summary()
    assert table.index.name == "parameter"
    np.testing.assert_equal(table.T.to_dict("list"), {k: list(v) for k, v in rows.items()})
    for slopes in ("common", "varying"):
        own = fit_no_pooling(of, slopes)
        lines = own.lines
        means = {"mean of alpha": lines.alpha.mean(), "SD of alpha": lines.alpha.std(ddof=1)}
        if slopes == "common":
            means["beta"] = lines.beta[0]
            assert own.summary().loc["beta", "se"] == lines.se_beta[0]
        else:
            means |= {"mean of beta": lines.beta.mean(), "SD of beta": lines.beta.std(ddof=1)}
        means["sigma_y"] = own.sigma_y
        assert own.summary()["estimate"].to_dict() == pytest.approx(means)


def test_means_are_over_those_schools_that_have_an_estimate():
    of = GroupedData([1.0, 2, 4, 9, 7], [0.0, 1, 3, 1, 1], [0, 0, 0, 1, 1], None, ["a", "b"])
    table = fit_no_pooling(of, "varying").summary()["estimate"]
    assert table["mean of beta"] == pytest.approx(np.polyfit([0.0, 1, 3], [1.0, 2, 4], 1)[0])
    assert np.isnan(table["SD of beta"])


def test_tables_name_the_errors_too():
    of = data()
    for fit in (fit_complete_pooling(of), fit_no_pooling(of, "varying")):
        table = fit.to_frame()
        assert table.columns.tolist() == ["n", "alpha", "se_alpha", "beta", "se_beta"]
        for name in table.columns[1:]:
            np.testing.assert_equal(table[name].to_numpy(), getattr(fit.lines, name))
    crossed = components(of)
    table = crossed.to_frame("half")
    assert table.index.name == "half"
    assert table["mode"].tolist() == crossed.modes["half"].tolist()
    assert table["mode_sd"].tolist() == crossed.mode_sd["half"].tolist()


def test_the_first_line_says_what_and_of_how_many():
    of = data()
    size = f"{of.n_students} students in {of.n_groups} schools"
    fits = {
        f"CompletePooling: {size}": fit_complete_pooling(of),
        f'NoPooling, slopes="common": {size}': fit_no_pooling(of),
    }
    for first, fit in fits.items():
        assert repr(fit).split("\n")[0] == first
        html = fit._repr_html_()
        assert html.index(escape(first)) < html.index("sigma_y")
    assert "2 levels of half" in repr(components(of))


def test_a_table_has_a_row_a_school_and_names_of_the_readers_columns():
    frame = pd.DataFrame({"town": [2, 1, 2, 1], "score": [1.0, 2.0, 4.0, 3.0]})
    of = GroupedData.from_frame(frame, y="score", group="town")
    assert of.to_frame().columns.tolist() == ["town", "score"]
    for fit in (fit_complete_pooling(of), fit_no_pooling(of), fit_partial_pooling(of)):
        table = fit.to_frame()
        assert table.index.name == "town"
        assert table["n"].to_dict() == {1: 2, 2: 2}
        assert table["alpha"].tolist() == fit.lines.alpha.tolist()
        assert "beta" not in table
    assert components().to_frame("half").index.tolist() == [0, 1]


def test_a_u_that_is_not_used_is_said_once_and_only_then():
    of = data()
    with pytest.warns(UserWarning, match=r"'u' is in the data.*group_predictor=True"):
        fit = fit_partial_pooling(of)
    assert "u is in the data and not in this model" in repr(fit)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unsaid = fit_partial_pooling(replace(of, u=None))
        assert fit_partial_pooling(of, group_predictor=False).criterion == fit.criterion
        assert "not in this model" not in repr(fit_partial_pooling(of, group_predictor=True))
    assert unsaid.criterion == fit.criterion


def test_what_a_reader_must_know_is_in_the_repr():
    of = data(sigma_y=30.0)
    fit = fit_partial_pooling(replace(of, u=None), "varying")
    assert ("estimated as 0" in repr(fit)) == fit.singular
    rough = replace(fit, converged=False, singular=True)
    for shown in (repr(rough), rough._repr_html_()):
        assert "used up its rounds" in shown
        assert "estimated as 0" in shown


def test_a_fit_that_did_not_converge_is_found_wherever_it_is():
    fit = fit_partial_pooling(data(), group_predictor=False)
    rough = replace(fit, converged=False)
    assert all_converged([fit, {"a": fit}, (1, "x", np.zeros(2))])
    for held in (rough, [fit, rough], {"a": (rough,)}, replace(simulate(Scenario()), data=rough)):
        assert not all_converged(held)


def public_records():
    """Some of every record that a reader gets."""
    of = data()
    yield of
    yield simulate(Scenario())
    yield GroupedData(np.arange(9e3), np.arange(9e3), np.arange(9000) // 3, None, np.arange(3000))
    yield from every_fit(of)
    yield fit_partial_pooling(of, group_predictor=True).lines
    yield components(of)
    yield variance_intervals(of)
    yield pooling_path(of, [0.0, 5.0, np.inf])
    replications = replicate(Scenario(n_groups=4), 20)
    yield from (replications, replications.partial_pooling, replications.fits)
    yield tau_posterior([28.0, 8, -3, 7], [15.0, 10, 16, 11])
    yield Scenario()


@pytest.mark.parametrize("shown", [*public_records()], ids=lambda r: type(r).__name__)
def test_a_record_shows_in_one_to_six_lines(shown):
    text = repr(shown)
    assert 1 <= text.count("\n") + 1 <= MOST_LINES
    assert len(text) < 700
    assert type(shown).__name__ in text


def test_every_record_of_the_core_that_holds_arrays_has_a_short_repr():
    long = []
    for found in pkgutil.walk_packages(mlm_core.__path__, "mlm_core."):
        if "charts" in found.name or "command" in found.name:
            continue
        for kind in vars(importlib.import_module(found.name)).values():
            holds_arrays = is_dataclass(kind) and kind.__eq__ is object.__eq__
            if holds_arrays and hasattr(kind.__repr__, "__wrapped__"):  # the dataclass's own
                long.append(kind)
    assert not long


def test_html_of_a_notebook_shows_labels_and_renders_none():
    frame = pd.DataFrame({HOSTILE: [HOSTILE, HOSTILE, "b", "b"], "y": [1.0, 2.0, 4.0, 3.0]})
    of = GroupedData.from_frame(frame, y="y", group=HOSTILE)
    found = fit_variance_components(frame["y"], np.ones((4, 1)), {HOSTILE: frame[HOSTILE]})
    fits = fit_complete_pooling(of), fit_no_pooling(of), fit_partial_pooling(of), found
    for shown in (of, *fits):
        html = shown._repr_html_()
        assert "<img" not in html
        assert html.count("<table") >= 1
    assert "&lt;img" in of._repr_html_()


def test_html_says_how_many_rows_there_are():
    assert "20 rows in all" in fit_no_pooling(simulate(Scenario()).data)._repr_html_()


def test_values_in_some_words():
    assert brief({"a": 1.0}) == "{a: 1}"
    assert brief(np.array([], dtype=float)) == "(0,)"
    assert brief(np.array([True, False])) == "(2,) 1 True"
    assert brief(np.array([np.nan])) == "(1,) NaN"
    assert brief(-np.zeros(2)) == "(2,) 0 to 0"
    assert brief(Scenario(seed=3)) == "Scenario(seed=3)"
    assert brief(np.array(["x" * 90])).startswith("(1,) 'xx")
    assert len(brief("x" * 900)) < 70


@pytest.mark.parametrize("package", ["mlm_core", "mlm_core.own_data", "mlm_core.lessons"])
def test_no_name_shadows_a_module(package):
    room = importlib.import_module(package)
    for found in pkgutil.iter_modules(room.__path__):
        module = importlib.import_module(f"{package}.{found.name}")
        assert getattr(room, found.name) is module
