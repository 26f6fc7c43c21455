"""The facts, held to statsmodels and to brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from mlm_core import DataError, Scenario
from mlm_core.lessons.my_lesson import facts

SCENARIOS = [Scenario(), Scenario(n_groups=30, seed=7), Scenario(imbalance=0, redraw=3)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_means_and_errors_are_those_of_a_regression(scenario):
    f = facts(scenario, "Juniper")
    frame = pd.DataFrame({"y": f.data.y, "school": f.names[f.data.j]})
    fit = smf.ols("y ~ 0 + school", frame).fit()
    at = [f"school[{name}]" for name in f.names]
    np.testing.assert_allclose(f.own, fit.params[at])
    np.testing.assert_allclose(f.se, fit.bse[at])


def test_two_of_three_bars_hold_the_truth_on_average():
    draws = [facts(Scenario(redraw=k), "Juniper") for k in range(60)]
    share = np.mean([f.holding / f.data.n_groups for f in draws])
    # 0.68 for one normal mean; 1,200 bars stray from it by 0.013
    assert share == pytest.approx(0.68, abs=0.04)


def test_schools_of_one_student_cannot_be_told():
    with pytest.raises(DataError, match="one student"):
        facts(Scenario(students_per_group=1, imbalance=0), "Juniper")
