"""Every fit against lme4's of the same data (tests/golden/lme4, with the scripts that made it).

Tolerances. lme4 stops where its criterion changes by less than about 1e-9 to 1e-12. A criterion
off by e puts an SD off by about sqrt(e / curvature), and what depends on it too: 1e-9 with
curvatures of 1 to 1000 is up to 3e-5 of an SD. Where lme4's criterion is above ours by
more than that, it stopped short, and only the criterion is compared.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm_core.data import GroupedData
from mlm_core.partial import fit_partial_pooling

GOLDEN = Path(__file__).parents[1] / "golden" / "lme4"
MODELS = {
    "null": ("common", False, False),
    "null_u": ("common", False, True),
    "intercepts": ("common", True, False),
    "intercepts_u": ("common", True, True),
    "slopes": ("varying", True, False),
    "slopes_u": ("varying", True, True),
    "slopes_uncorrelated": ("uncorrelated", True, False),
    "slopes_uncorrelated_u": ("uncorrelated", True, True),
}
COEF = {"(Intercept)": "a0", "u": "b0", "x": "a1", "x:u": "b1"}
NEVER_ABOVE = 1e-6
OPTIMISER = 5e-9
SD = 5e-5
REFUSED = {("pairs", "slopes")}  # lme4 refuses as well unless told not to look


@cache
def frames():
    extra = pd.read_csv(GOLDEN / "extra_cases.csv")
    out = dict(list(extra.groupby("case")))
    return out | {path.stem: pd.read_csv(path) for path in (GOLDEN / "cases").glob("*.csv")}


def reference(file):
    fits = json.loads((GOLDEN / file).read_text())
    return [fit for fit in fits if fit["model"] in MODELS]


FITS = reference("lme4_fits.json") + [
    fit
    for fit in reference("lme4_extra.json")
    if (fit["data"], fit["model"].split("_")[0]) not in REFUSED
]


@cache
def data_of(name, with_x, with_u):
    x, u = "x" if with_x else None, "u" if with_u else None
    return GroupedData.from_frame(frames()[name], y="y", group="school", x=x, u=u)


@cache
def fit_of(name, model, method):
    slopes, with_x, with_u = MODELS[model]
    return fit_partial_pooling(data_of(name, with_x, with_u), slopes, with_u, method)


def fitted(theirs):
    data = data_of(theirs["data"], *MODELS[theirs["model"]][1:])
    return data, fit_of(theirs["data"], theirs["model"], theirs["method"])


@pytest.mark.parametrize(
    "theirs", FITS, ids=lambda fit: f"{fit['data']}-{fit['model']}-{fit['method']}"
)
def test_agrees_with_lme4(theirs):
    data, fit = fitted(theirs)
    assert fit.converged
    assert fit.criterion <= theirs["criterion"] + NEVER_ABOVE
    if fit.criterion < theirs["criterion"] - OPTIMISER:
        return
    check_spread(data, fit, theirs)
    check_coefficients(fit, theirs)
    if "conditional_modes" in theirs:
        check_modes(data, fit, theirs)
    if fit.singular != theirs["singular"]:
        # lme4 asks whether theta is below 1e-4, we whether an SD is 0 or rho 1 or -1
        near = [s["sdcor"] for s in theirs["sd_cor"] if "var2" not in s]
        assert min(near) < 1e-2 * fit.sigma_y or abs(fit.hyper.rho) > 1 - 1e-6


def check_spread(data, fit, theirs):
    assert fit.sigma_y == pytest.approx(theirs["sigma_y"], rel=SD)
    sds = theirs["sd_cor"]
    assert fit.hyper.sigma_alpha == pytest.approx(sds[0]["sdcor"], rel=SD, abs=SD * fit.sigma_y)
    if fit.slopes == "common":
        assert fit.hyper.sigma_beta == 0
        assert np.isnan(fit.hyper.rho)
        return
    unit = fit.sigma_y / data.x.std()
    assert fit.hyper.sigma_beta == pytest.approx(sds[1]["sdcor"], rel=SD, abs=SD * unit)
    smallest = min(fit.hyper.sigma_alpha / fit.sigma_y, fit.hyper.sigma_beta / unit)
    if fit.slopes == "varying" and smallest > 0.01:  # the rho of an SD near 0 is not known well
        assert fit.hyper.rho == pytest.approx(sds[2]["sdcor"], abs=SD / smallest)


def check_coefficients(fit, theirs):
    assert set(fit.coef_names) == {COEF[name] for name in theirs["fixed"]}
    for name, value in theirs["fixed"].items():
        se = theirs["fixed_se"][name]
        assert getattr(fit.hyper, COEF[name]) == pytest.approx(value, abs=SD * se)
        assert fit.se(COEF[name]) == pytest.approx(se, rel=SD)
    if "vcov" in theirs:
        order = [fit.coef_names.index(COEF[name]) for name in theirs["fixed"]]
        scale = np.outer(*[list(theirs["fixed_se"].values())] * 2)
        ours = fit.coef_cov[np.ix_(order, order)] / scale
        assert ours == pytest.approx(np.array(theirs["vcov"]) / scale, abs=2 * SD)


def check_modes(data, fit, theirs):
    hyper, u = fit.hyper, 0.0 if data.u is None else data.u
    ours = {
        "(Intercept)": (fit.lines.alpha - hyper.a0 - hyper.b0 * u, fit.mode_sd_alpha, fit.sigma_y),
        "x": (
            fit.lines.beta - hyper.a1 - hyper.b1 * u,
            fit.mode_sd_beta,
            1.0 if data.x is None else fit.sigma_y / data.x.std(),
        ),
    }
    for term, (mode, sd, unit) in ours.items():
        theirs_here = [m for m in theirs["conditional_modes"] if m["term"] == term]
        if not theirs_here:
            continue
        assert [int(m["grp"]) for m in theirs_here] == data.labels.tolist()
        size = unit * max(1.0, float(np.abs(mode).max()) / unit)
        assert mode == pytest.approx([m["condval"] for m in theirs_here], abs=SD * size)
        assert sd == pytest.approx([m["condsd"] for m in theirs_here], abs=SD * size)


def test_the_cases_reach_the_boundaries_and_most_of_them_are_compared_in_full():
    full, zero, one, minus_one = 0, 0, 0, 0
    for theirs in FITS:
        _, fit = fitted(theirs)
        full += fit.criterion > theirs["criterion"] - OPTIMISER
        zero += fit.hyper.sigma_alpha == 0 or (fit.slopes != "common" and fit.hyper.sigma_beta == 0)
        one, minus_one = one + (fit.hyper.rho == 1), minus_one + (fit.hyper.rho == -1)
    assert full > 0.9 * len(FITS)
    assert min(zero, one, minus_one) >= 10
