"""Structured data: false alarms, design effect and worth that the page states."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import stats

from mlm_core.clustered import treatment_trial, treatment_trials
from mlm_core.experiments.false_alarms import (
    SHOWN,
    effective_students,
    expected_alarms,
    p_value_table,
    trial_tables,
)
from tests.pages.kit import figure, open_page, text

SHOW = {"predict_structured_data": "Just show me"}
SENTENCE = re.compile(
    r"([\d,]+) students in (\d+) schools tell as much about a school-level treatment as ([\d,]+) "
    r"independent ones.*\*\*(.+)%\*\* of the trials, the cluster-robust error in (.+)%, the "
    r"multilevel model in (.+)%"
)


def plain(number: str) -> float:
    return float(number.replace(",", "").replace("less than ", "").replace("more than ", ""))


def settings_of(seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    return {
        "icc": round(float(rng.uniform(0, 0.5)), 2),
        "class_size": float(rng.integers(2, 101)),
        "arms": float(2 * rng.integers(2, 31)),
    }


@pytest.mark.parametrize("seed", range(8))
def test_the_sentence_over_random_settings(seed):
    asked = settings_of(seed)
    J, n, icc = int(asked["arms"]), int(asked["class_size"]), asked["icc"]
    said = SENTENCE.search(text(open_page("structured_data", **asked, **SHOW)))
    assert said
    assert plain(said[1]) == J * n
    assert plain(said[2]) == J
    assert plain(said[3]) == pytest.approx(J * n / (1 + (n - 1) * icc), abs=0.51)
    trials = treatment_trials(J, n, icc, 1000)
    for found, p in zip(
        said.groups()[3:],
        (trials.p_ordinary, trials.p_cluster_robust, trials.p_multilevel),
        strict=True,
    ):
        assert plain(found) == pytest.approx(100 * (p < 0.05).mean(), abs=0.51)


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        ({"icc": 0}, "Less than 8%"),
        ({"icc": 0.01}, "8% to 20%"),
        ({}, "20% to 40%"),
        ({"icc": 0.2}, "More than 40%"),
    ],
)
def test_the_prediction_is_computed(asked, right):
    assert f"**{right}" in text(open_page("structured_data", **asked, **SHOW))


def test_the_design_effect_of_the_lesson():
    at = open_page("structured_data", **SHOW)
    assert "| design effect | 3.45 |" in text(at)
    assert "| worth, if independent | **290** |" in text(at)
    assert round(effective_students(20, 50, 0.05)) == 290


def test_shares_are_kept_back_until_the_prediction():
    _, tables = figure(open_page("structured_data"), 1)
    assert (tables["bins"]["share"] == 0).all()
    assert set(tables["bins"]["label"]) == {"how many?"}


def test_few_schools_are_the_failure_of_the_cluster_robust_error():
    few = treatment_trials(4, 50, 0.05, 20_000).false_alarms()
    assert few.cluster_robust > 0.1
    assert few.multilevel < 0.05
    none = treatment_trials(20, 50, 0.0, 20_000).false_alarms()
    assert none.ordinary == pytest.approx(0.05, abs=0.006)
    assert none.multilevel < 0.04


@pytest.mark.parametrize("icc", [0.0, 0.05, 0.2])
def test_expected_false_alarms_against_many_trials(icc):
    trials = treatment_trials(60, 30, icc, 20_000)
    assert expected_alarms(trials.design_effect) == pytest.approx(
        trials.false_alarms().ordinary, abs=0.015
    )
    z = 1.959963984540054 / np.sqrt(trials.design_effect)
    assert expected_alarms(trials.design_effect) == pytest.approx(2 * stats.norm.sf(z))


def test_histograms_and_trials_against_the_p_values():
    trials = treatment_trials(10, 20, 0.1, 1000)
    bins = p_value_table(trials)
    first = bins[bins["alarm"]].set_index("way")["share"]
    assert first["ordinary"] == pytest.approx(trials.false_alarms().ordinary)
    assert bins.groupby("way")["share"].sum().to_numpy() == pytest.approx(1)
    intervals = trial_tables(trials)["intervals"]
    misses = (intervals["low"] > 0) | (intervals["high"] < 0)
    assert (misses == intervals["alarm"]).all()
    last = intervals[intervals["step"] == SHOWN - 1].set_index("way")["tally"]
    found = int((trials.p_ordinary[:SHOWN] < 0.05).sum())
    assert last["ordinary"] == f"false alarms so far: {found} of {SHOWN}"


def test_the_shown_trial_against_statsmodels():
    """Means and the ordinary interval of trials 1 and 5, from all their students."""
    import statsmodels.api as sm

    tables = trial_tables(treatment_trials(8, 15, 0.1, 1000))
    for k in (0, 4):
        data = treatment_trial(8, 15, 0.1, k)
        shown = tables["schools"][tables["schools"]["step"] == k]
        assert shown["mean"].to_numpy() == pytest.approx(data.group_means(data.y))
        assert (shown["arm"] == 0).to_numpy().tolist() == (data.u == 1).tolist()
        fit = sm.OLS(data.y, sm.add_constant(data.u[data.j])).fit()
        row = tables["intervals"].query("step == @k and way == 'ordinary'").iloc[0]
        assert [row["low"], row["high"]] == pytest.approx(fit.conf_int()[1])


def test_a_large_trial_is_read_from_the_file_and_agrees():
    """The code says so, and the file has what it reads: the numbers are those of the trial."""
    at = open_page("structured_data", arms=60, class_size=100, code="Python (this core)", **SHOW)
    assert 'read_csv("schools.csv"' in at.code[-1].value
    assert any("Download the data first" in caption.value for caption in at.caption)
