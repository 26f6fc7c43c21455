"""Each preset shows what its name says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlm_core import fit_complete_pooling, fit_no_pooling, fit_partial_pooling, simulate
from mlm_core.scenario import bounds
from pages.shared import presets


def test_the_extraordinary_school_is_pulled_the_wrong_way():
    made = simulate(presets.EXTRAORDINARY)
    data = replace(made.data, x=None)
    ashford = data.labels.tolist().index("Ashford")
    own = fit_no_pooling(data).lines.alpha[ashford]
    pulled = fit_partial_pooling(data).lines.alpha[ashford]
    truth = made.alpha[ashford]
    assert abs(pulled - truth) > abs(own - truth) + 1


@pytest.mark.parametrize("with_x", [True, False])
def test_the_estimate_of_exactly_0(with_x):
    made = simulate(presets.ZERO)
    fit = fit_partial_pooling(made.data if with_x else replace(made.data, x=None))
    assert fit.hyper.sigma_alpha == 0
    assert fit.singular
    assert made.alpha.std() > 1


def test_every_slope_up_and_the_pooled_slope_down():
    data = simulate(presets.SIMPSON).data
    assert (fit_no_pooling(data, "varying").lines.beta > 0).all()
    assert fit_complete_pooling(data).lines.beta[0] < -1


def test_tiny_schools_have_some_with_one_student():
    data = simulate(presets.TINY).data
    assert (data.n == 1).sum() >= 2
    assert np.isnan(fit_no_pooling(data, "varying").lines.beta).any()


@pytest.mark.parametrize("name", presets.PRESETS)
def test_presets_lie_within_the_controls(name):
    scenario = presets.PRESETS[name]
    for record in (scenario, scenario.hyper):
        for setting in record.__dataclass_fields__:
            if setting != "hyper":
                low, high, _ = bounds(setting)
                assert low <= getattr(record, setting) <= high
