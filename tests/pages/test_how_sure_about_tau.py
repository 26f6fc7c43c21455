"""How sure about tau: the page against quadrature and textbook values, in its corners too."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from mlm_core.charts.tau_curves import _apart
from tests.pages.kit import alternative, figure, healthy, open_page, run_python, text

SLUG = "how_sure_about_tau"
SEEN = {f"predict_{SLUG}": "Just show me"}
SIMULATED = {**SEEN, "data": "Simulated schools"}
Y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
SE = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
AT_5 = [9.87, 7.88, 6.89, 7.71, 5.76, 6.68, 9.88, 8.15]
AT_10 = [14.24, 8.06, 5.00, 7.62, 3.08, 4.90, 13.06, 9.04]
AVERAGED = [11.40, 7.89, 6.13, 7.64, 5.13, 6.14, 10.67, 8.46]
LANGUAGES = ("Python (this core)", "Python (statsmodels)", "R (lme4)")


def unscaled(tau, y, se, prior="flat", scale=1.0):
    """Posterior density up to a constant, written out from BDA3 (5.21)."""
    w = 1 / (se**2 + tau**2)
    mu = (w * y).sum() / w.sum()
    like = w.sum() ** -0.5 * np.prod(np.sqrt(w) * se * np.exp(-w * (y - mu) ** 2 / 2))
    z = tau / scale
    return (
        like * {"flat": 1, "half-normal": np.exp(-z * z / 2), "half-cauchy": 1 / (1 + z * z)}[prior]
    )


def average(y, se, k, prior="flat", scale=1.0):
    """Mean of one effect over tau, by adaptive quadrature."""

    def curve(tau):
        w = 1 / (se**2 + tau**2)
        mu = (w * y).sum() / w.sum()
        return mu + tau**2 / (tau**2 + se[k] ** 2) * (y[k] - mu)

    def area(f):
        edges = [0, 1, 3, 6, 10, 20, 40, 100, np.inf]
        return sum(quad(f, *ends)[0] for ends in pairwise(edges))

    peak = max(unscaled(t, y, se, prior, scale) for t in np.linspace(0, 30, 301))
    whole = area(lambda t: unscaled(t, y, se, prior, scale) / peak)
    return area(lambda t: curve(t) * unscaled(t, y, se, prior, scale) / peak) / whole


def test_the_figure_has_the_numbers_of_the_book():
    _, tables = figure(open_page(SLUG, **SEEN))
    curves = tables["curves"].pivot_table(index="tau", columns="row", values="value")
    # two decimals as printed in the book's sources
    np.testing.assert_allclose(curves.loc[5.0], AT_5, atol=0.005)
    np.testing.assert_allclose(curves.loc[10.0], AT_10, atol=0.005)
    np.testing.assert_allclose(curves.loc[0.0], 7.69, atol=0.005)
    np.testing.assert_allclose(tables["schools"]["averaged"], AVERAGED, atol=0.005)
    assert tables["schools"]["own"].tolist() == Y.tolist()
    assert tables["marks"]["best"].tolist() == [0.0]
    steps = tables["steps"]
    relative = np.array([unscaled(t, Y, SE) for t in steps["tau"]])
    np.testing.assert_allclose(steps["density"], relative / relative.max(), rtol=1e-9)
    assert steps.loc[steps["resting"], "tau"].tolist() == [5.25]  # the step nearest the median 5.24


def test_the_live_sentence_of_the_eight_schools():
    said = text(open_page(SLUG, **SEEN))
    assert "best guess of τ is exactly 0: it would give every school the same 7.7" in said
    assert "between 0.2 and 20.8" in said
    assert "School A by itself says 28.0. At τ = 10 its estimate is 14.2; " in said
    assert "averaged over τ it is **11.4**" in said
    assert "give or take 8.3" in said
    assert "**Hardly.**" in said


def test_the_answer_is_kept_back_until_asked_for():
    at = open_page(SLUG)
    said, (_, tables) = text(at), figure(at)
    assert "11.4" not in said
    assert "20.8" not in said
    assert (tables["steps"]["density"] == 0).all()


def test_conditional_sds_are_those_of_the_simulation_at_one_tau():
    _, tables = figure(open_page(SLUG, curves="SDs", **SEEN))
    curves = tables["curves"].pivot_table(index="tau", columns="row", values="value")
    np.testing.assert_allclose(curves.loc[0.0], (1 / (1 / SE**2).sum()) ** 0.5)
    # draw mu, then theta given mu: their SD within Monte Carlo error (400,000 draws: 0.5%)
    rng = np.random.default_rng(1)
    w = 1 / (SE**2 + 100)
    mu = rng.normal((w * Y).sum() / w.sum(), w.sum() ** -0.5, (400_000, 1))
    v = 1 / (1 / SE**2 + 1 / 100)
    theta = rng.normal(v * (Y / SE**2 + mu / 100), np.sqrt(v))
    np.testing.assert_allclose(curves.loc[10.0], theta.std(0), rtol=0.005)


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_sentence_is_right_over_simulated_schools(seed):
    rng = np.random.default_rng(seed)
    prior = ("flat", "half-normal", "half-Cauchy")[seed % 3]
    query = {
        **SIMULATED,
        "n_groups": [3, 4, 8, 20, 100][seed - 1],
        "sigma_alpha": rng.integers(0, 30) / 2,
        "students_per_group": rng.integers(2, 40),
        "imbalance": rng.integers(0, 12) / 10,
        "seed": seed,
        "prior": prior,
    }
    at = open_page(SLUG, **query)
    said, (_, tables) = text(at), figure(at)
    schools = tables["schools"]
    k = int(np.flatnonzero(schools["strong"])[0])
    _, sds = figure(open_page(SLUG, **query, curves="SDs"))
    y, se = schools["own"].to_numpy(), sds["schools"]["own"].to_numpy()
    w = 1 / se**2
    assert k == int(np.argmax(abs(y - (w * y).sum() / w.sum())))
    expected = average(y, se, k, prior.lower(), 10.0)
    found = schools["averaged"].iloc[k]
    assert found == pytest.approx(expected, abs=1e-4)
    assert f"averaged over τ it is **{found:.1f}**" in said
    assert f"{schools['school'].iloc[k].split()[0]}" in said
    best = tables["marks"]["best"].iloc[0]
    assert ("best guess of τ is exactly 0" in said) == (best == 0)
    grid = np.linspace(0, 60, 4001)
    height = [np.log(max(unscaled(t, y, se), 1e-300)) for t in grid]
    if best < 55:
        assert best == pytest.approx(grid[int(np.argmax(height))], abs=0.02)
    assert f"The true τ is {query['sigma_alpha']:.1f}." in said


def test_three_schools_break_the_flat_prior_and_the_page_says_so():
    at = open_page(SLUG, **SEEN)
    next(b for b in at.button if b.label == "Three schools").click().run()
    healthy(at)
    said = text(at)
    assert "of the density lies to the right of the figure" in said
    assert "nan" not in said.lower()
    assert "3 schools" in alternative(at)


def test_a_prior_that_insists():
    at = open_page(SLUG, **SIMULATED)
    next(b for b in at.button if b.label == "A prior that insists").click().run()
    healthy(at)
    _, tables = figure(at)
    np.testing.assert_allclose(
        tables["schools"]["averaged"],
        [average(Y, SE, k, "half-normal", 1.0) for k in range(8)],
        rtol=1e-5,
    )
    assert np.ptp(tables["schools"]["averaged"]) < 1


@pytest.mark.parametrize(
    ("query", "right"),
    [({}, "Hardly"), ({"data": "Simulated schools", "n_groups": 100, "imbalance": 0}, "Very well"),
     ({"data": "Simulated schools"}, "Roughly")],
)  # fmt: skip
def test_the_prediction_is_computed(query, right):
    at = open_page(SLUG, **SEEN, **query)
    assert f"**{right}.**" in text(at)


def test_a_best_guess_understates_the_sd():
    at = open_page(SLUG, **SEEN)
    at.radio(key=f"check_{SLUG}_2").set_value("It is too small").run()
    assert any("4.07 instead of 8.34" in s.value for s in at.success)
    at.radio(key=f"check_{SLUG}_2").set_value("It stays as it is").run()
    assert any("4.07 at the best guess and 8.34" in s.value for s in at.warning)


def numbers(out: str) -> np.ndarray:
    return np.array([float(v) for v in re.findall(r"-?\d+\.?\d*(?:e[-+]\d+)?", out)])


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"prior": "half-Cauchy", "scale": 5},
        {"data": "Simulated schools", "prior": "half-normal"},
    ],
)
def test_the_three_listings_print_the_numbers_of_the_page(query, tmp_path):
    at = open_page(SLUG, **SEEN, **query)
    _, tables = figure(at)
    averaged = tables["schools"]["averaged"].round(2).to_numpy()
    for language in LANGUAGES:
        at.radio(key="code").set_value(language).run()
        listing = at.code[0].value
        if not language.startswith("R"):
            out = run_python(listing)
        elif shutil.which("Rscript"):
            script = tmp_path / "page.R"
            script.write_text(listing, encoding="utf-8")
            out = re.sub(r"\[\d+\]", "", subprocess.run(
                ["Rscript", str(script)], capture_output=True, text=True, check=True, timeout=60
            ).stdout)  # fmt: skip
        else:
            continue
        found, J = numbers(out), len(averaged)
        # printed to two decimals; the listings' grid is coarser than the page's
        np.testing.assert_allclose(found[-2 * J : -J], averaged, atol=0.011)


@pytest.mark.parametrize(
    "values", [[1.0, 1.1, 5.0], [3.0, 2.0, 1.0], [0.0] * 8, [5.0, -1.0, 4.9, 4.8]]
)
def test_letters_keep_apart_and_in_order(values):
    at = np.array(values)
    moved = _apart(at, 1.0)
    order = np.argsort(at, kind="stable")
    assert (np.diff(moved[order]) >= 1 - 1e-12).all()
    assert moved.mean() == pytest.approx(at.mean(), abs=2.5)
    far = np.array([0.0, 2.0, 9.0])
    np.testing.assert_array_equal(_apart(far, 1.0), far)
