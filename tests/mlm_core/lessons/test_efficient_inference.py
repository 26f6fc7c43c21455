"""Efficient inference: errors, coverage and estimated SDs, against fits of single draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from mlm_core import Hyperparameters, Scenario, fit_no_pooling, fit_partial_pooling
from mlm_core.data import DataError
from mlm_core.lessons.efficient_inference import (
    DRAWS,
    SHOWN,
    WAYS,
    density,
    expected_errors,
    facts,
    ml_spreads,
    only_schools,
)
from mlm_core.replication import replicate, world
from mlm_core.simulation import school_names
from tests.frames import frames


def scenario(sigma_alpha: float = 5.0, **changes) -> Scenario:
    return Scenario(hyper=Hyperparameters(sigma_alpha=sigma_alpha), **changes)


CORNERS = [
    scenario(),
    scenario(n_groups=3),
    scenario(0.0, n_groups=8, imbalance=0.0),
    scenario(20.0, n_groups=5, sigma_y=1.0, students_per_group=3),
    scenario(0.5, n_groups=30, sigma_y=30.0, imbalance=1.2, seed=7),
    scenario(8.0, n_groups=12, students_per_group=100, extraordinary=-40.0, seed=3),
]


def test_predictors_are_left_out():
    alone = only_schools(Scenario(contextual=2.0, sigma_x=1.0, extraordinary=-20.0))
    hyper = alone.hyper
    assert (hyper.b0, hyper.a1, hyper.b1, hyper.sigma_beta, hyper.rho) == (0, 0, 0, 0, 0)
    assert (alone.sigma_x, alone.contextual, alone.extraordinary) == (0, 0, -20)
    assert hyper.sigma_alpha == Scenario().hyper.sigma_alpha
    assert facts(Scenario(), "Juniper").scenario.hyper.b0 == 0


@pytest.mark.parametrize("asked", CORNERS)
def test_errors_against_fits_of_single_draws(asked):
    f = facts(asked, "Ashford")
    for k in (0, 17, 999):
        simulated = world(f.scenario, k, with_x=False)
        data, truth = simulated.data, simulated.alpha
        fit = fit_partial_pooling(data).lines
        own = fit_no_pooling(data).lines.alpha
        wanted = {
            "complete": data.y.mean() - truth,
            "no": own - truth,
            "partial": fit.alpha - truth,
        }
        for way, want in wanted.items():
            got = np.array([f.errors(way, j)[k] for j in range(data.n_groups)])
            assert got == pytest.approx(want, abs=2e-3)
    assert f.data.y == pytest.approx(world(f.scenario, 0, with_x=False).data.y)


@pytest.mark.parametrize("asked", CORNERS)
def test_root_mean_squares_and_gains(asked):
    second = school_names(2)[1]
    f = facts(asked, second)
    for way in WAYS:
        errors = np.stack([f.errors(way, j) for j in range(len(f.n))], axis=1)
        assert errors.shape == (DRAWS, len(f.n))
        assert f.of(way).rmse == pytest.approx(np.sqrt((errors**2).mean(axis=0)))
        assert f.of(way).overall_rmse == pytest.approx(np.sqrt((errors**2).mean()))
        so_far = [np.sqrt((errors[: k + 1, f.picked] ** 2).mean()) for k in range(SHOWN)]
        assert f.so_far(way) == pytest.approx(so_far)
    for j in (f.smallest, f.largest):
        no, partial = f.of("no").rmse[j], f.of("partial").rmse[j]
        assert f.gain(j) == pytest.approx((no - partial) / no)
    assert f.n[f.smallest] == f.n.min()
    assert f.n[f.largest] == f.n.max()
    assert f.equal == (len(set(f.n.tolist())) == 1)
    assert f.names[f.picked] == second
    assert f.partial_wins == (f.of("partial").overall_rmse < f.of("no").overall_rmse)
    assert f.never_estimated == f.spreads.reml.tolist().count(0.0) / DRAWS


def test_the_odd_school_is_odd_in_every_draw():
    f = facts(scenario(extraordinary=-30.0), "Juniper")
    assert f.names[f.odd] == "Ashford"
    truths = [world(f.scenario, k, with_x=False).alpha for k in range(40)]
    assert np.mean([t[f.odd] - np.delete(t, f.odd).mean() for t in truths]) == pytest.approx(
        -30, abs=4
    )
    assert f.pulled_up == np.mean([e > 0 for e in f.errors("partial", f.odd)])
    assert f.pulled_up > 0.8


def test_coverage_against_intervals_of_single_draws():
    f = facts(scenario(n_groups=4), "Ashford")
    few = replicate(f.scenario, 60, with_x=False)
    held = {"no": np.zeros(4), "partial": np.zeros(4)}
    for k in range(60):
        simulated = world(f.scenario, k, with_x=False)
        own, fit = fit_no_pooling(simulated.data), fit_partial_pooling(simulated.data)
        t = stats.t.isf(0.025, simulated.data.n_students - 4)
        for way, lines, reach in (("no", own.lines, t), ("partial", fit.lines, 1.959964)):
            held[way] += abs(lines.alpha - simulated.alpha) < reach * lines.se_alpha
    for way, counts in held.items():
        assert getattr(few, f"{way}_pooling").coverage == pytest.approx(counts / 60, abs=0.02)


def test_known_errors_against_the_inverse_of_the_covariance():
    """The conditional SD of alpha_j given n students, from the joint normal written out."""
    for n, sa, sy in ((1, 5.0, 10.0), (3, 0.5, 30.0), (59, 20.0, 1.0)):
        V = sa**2 * np.ones((n, n)) + sy**2 * np.eye(n)
        c = np.full(n, sa**2)
        conditional = np.sqrt(sa**2 - c @ np.linalg.solve(V, c))
        found = expected_errors(n, sa, sy)
        assert float(found["partial"]) == pytest.approx(conditional, rel=1e-6)
        assert float(found["no"]) == pytest.approx(sy / n**0.5)
        assert float(found["complete"]) == sa
        f = facts(scenario(sa, n_groups=4, sigma_y=sy), "Ashford")
        assert f.known(n) == pytest.approx({w: float(v) for w, v in found.items()})
    assert float(expected_errors(5, 0.0, 10.0)["partial"]) == 0


def test_many_schools_come_to_the_curves():
    f = facts(scenario(n_groups=100, seed=4), "Ashford")
    expected = expected_errors(f.n, 5.0, 10.0)
    assert (f.of("no").rmse / expected["no"]).mean() == pytest.approx(1, abs=0.01)
    assert (f.of("partial").rmse / expected["partial"]).mean() == pytest.approx(1, abs=0.02)


# REML and ML


def brute_ml(data) -> float:
    """The SD between schools that maximises the dense multivariate normal density."""
    Z = (data.j[:, None] == np.arange(data.n_groups)) * 1.0

    def minus(logs, zero=False):
        sa, sy = (0.0, np.exp(logs[0])) if zero else np.exp(logs)
        V = sa**2 * Z @ Z.T + sy**2 * np.eye(len(data.y))
        one = np.linalg.solve(V, np.ones(len(data.y)))
        a0 = one @ data.y / one.sum()
        return -stats.multivariate_normal.logpdf(data.y, np.full(len(data.y), a0), V)

    sy = data.y.std()
    options = {"xatol": 1e-7, "fatol": 1e-10, "maxiter": 2000}
    inside = min(
        (
            minimize(minus, np.log([s, sy]), method="Nelder-Mead", options=options)
            for s in (0.3 * sy, sy)
        ),
        key=lambda m: m.fun,
    )
    edge = minimize(minus, [np.log(sy)], (True,), method="Nelder-Mead", options=options)
    return 0.0 if edge.fun <= inside.fun + 1e-7 else float(np.exp(inside.x[0]))


@pytest.mark.parametrize(
    "asked",
    [
        scenario(3.0, n_groups=3, students_per_group=6),
        scenario(6.0, n_groups=5, students_per_group=5, imbalance=1.2, seed=4),
        scenario(0.0, n_groups=4, students_per_group=6, imbalance=0.0),
        scenario(20.0, n_groups=4, students_per_group=4, sigma_y=1.0),
    ],
)
def test_maximum_likelihood_against_the_dense_density(asked):
    alone = only_schools(asked)
    made = replicate(alone, 40, with_x=False, keep_errors=True)
    found = ml_spreads(made)
    for k in range(0, 40, 8):
        want = brute_ml(world(alone, k, with_x=False).data)
        assert found[k] == pytest.approx(want, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize("asked", CORNERS)
def test_both_methods_against_single_fits(asked):
    f = facts(asked, "Ashford")
    for k in (1, 33, 500):
        data = world(f.scenario, k, with_x=False).data
        for got, method in ((f.spreads.reml, "REML"), (f.spreads.ml, "ML")):
            want = fit_partial_pooling(data, method=method).hyper.sigma_alpha
            assert got[k] == pytest.approx(want, rel=5e-3, abs=0.02)
    assert (f.spreads.ml <= f.spreads.reml + 0.02).all()


def test_errors_must_be_kept():
    with pytest.raises(ValueError, match="without keeping"):
        ml_spreads(replicate(only_schools(scenario(n_groups=4)), 10, with_x=False))


def test_the_honest_average_of_estimated_sds():
    f = facts(scenario(n_groups=5), "Ashford")
    assert f.on_average(np.array([3.0, 4.0])) == pytest.approx(12.5**0.5)
    assert f.on_average(f.spreads.reml) == pytest.approx(5, abs=0.4)
    assert f.on_average(f.spreads.ml) < 4.6


# Tables


def test_a_density_is_that_of_scipy():
    values = np.random.default_rng(1).standard_t(5, 400)
    found = density(values)
    width = 1.06 * values.std() * 400**-0.2
    kernel = stats.gaussian_kde(values, bw_method=width / values.std(ddof=1))
    want = kernel(found["error"])
    assert found["density"] == pytest.approx(want / want.max(), abs=1e-9)


@pytest.mark.parametrize("asked", CORNERS)
def test_the_tables_of_errors(asked):
    f = facts(asked, "Ashford")
    tables = frames(f.error_tables(partial=True))
    dots = tables["dots"]
    for way, rows in dots.groupby("way"):
        assert rows["error"].tolist() == f.errors(way, f.picked)[:SHOWN].tolist()
        assert rows["step"].tolist() == list(range(SHOWN))
    for row in tables["bars"].itertuples():
        rmse = f.of(row.way).rmse[f.picked]
        assert (row.low, row.high, row.label) == (-rmse, rmse, f"RMSE {rmse:.1f}")
        names = {"complete": "the common mean", "no": "its own mean", "partial": "partial pooling"}
        assert row.name == names[row.way]
    assert set(frames(f.error_tables(partial=False))["dots"]["way"]) == {"complete", "no"}
    assert tables["steps"]["resting"].tolist() == [False] * (SHOWN - 1) + [True]
    captions = tables["steps"]["caption"].tolist()
    assert captions[0] == f"Ashford ({f.n[f.picked]}), draw 1"
    assert captions[41] == f"Ashford ({f.n[f.picked]}), draws 1 to 42 of 1,000"
    low, high = f.reach()
    errors = np.concatenate([f.errors(w, f.picked) for w in WAYS])
    assert ((errors >= low) & (errors <= high)).mean() > 0.99


@pytest.mark.parametrize("asked", CORNERS)
def test_the_table_by_size(asked):
    f = facts(asked, "Ashford")
    tables = frames(f.size_tables(100))
    for row in tables["schools"].itertuples():
        j = f.names.tolist().index(row.school)
        assert row.error == f.of(row.way).rmse[j]
        assert row.held == f.of(row.way).coverage[j]
        assert (row.n, row.picked) == (f.n[j], j == f.picked)
    assert len(tables["schools"]) == 3 * len(f.n)
    curves = tables["expected"]
    sa, sy = f.true_sd, f.scenario.sigma_y
    near = curves[(curves["way"] == "partial")]
    if sa:
        assert near["error"].to_numpy() == pytest.approx(1 / np.sqrt(near["n"] / sy**2 + 1 / sa**2))


@pytest.mark.parametrize("asked", CORNERS)
def test_the_table_of_estimated_sds(asked):
    f = facts(asked, "Ashford")
    tables, reach = frames(f.spread_tables()), f.spread_reach()
    for way, values in (("REML", f.spreads.reml), ("ML", f.spreads.ml)):
        bars = tables["bars"][tables["bars"]["way"] == way]
        row = tables["ways"].set_index("way").loc[way]
        for bar in bars.itertuples():
            inside = (values > 0) & (values >= bar.left) & (values < bar.right)
            assert bar.share == pytest.approx(inside.mean(), abs=0.0011)
        zero = (values == 0).mean()
        beyond = (values > reach).mean()
        assert bars["share"].sum() + zero + beyond == pytest.approx(1)
        assert row["zero"] == zero
        assert row["mean"] == pytest.approx(np.sqrt((values**2).mean()))
        assert row["truth"] == f.true_sd
        assert row["never"] == (f"{100 * zero:.0f}%" if zero > 0 else "")
        assert f"variance {(values**2).mean():.1f}, its root {row['mean']:.1f}" in row["said"]
        assert f.variance(values) == pytest.approx((values**2).mean())
        assert beyond < 0.01
    assert f.spread_top() == max(tables["bars"]["share"].max(), tables["ways"]["zero"].max())
    assert reach >= max(f.true_sd, 1)


def test_what_cannot_be_fitted_is_a_sentence():
    with pytest.raises(DataError, match=r"schools of two or more\.$"):
        facts(Scenario(n_groups=3, students_per_group=1, imbalance=0.0), "Ashford")
