"""Held-out error: against refits by other software of hand-made training sets."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.api import OLS

from mlm_core import DataError, GroupedData, Scenario, fit_partial_pooling, simulate
from mlm_core.heldout import error_by_size, held_out, held_out_worlds

SLOPES = ("common", "varying")


@pytest.fixture(scope="module")
def data():
    return simulate(Scenario(n_groups=6, students_per_group=8, imbalance=0.5, seed=3)).data


def by_hand(data, train, i, pooling, slopes, group_predictor):
    """Prediction of student i by the dense formulas, from the students ``train``."""
    frame = pd.DataFrame({"y": data.y, "x": data.x, "j": data.j, "u": data.u[data.j]})
    seen, new = frame[train], frame.iloc[i]
    known = (seen["j"] == new["j"]).any()
    if pooling == "complete":
        fit = OLS(seen["y"], np.column_stack([np.ones(len(seen)), seen["x"]])).fit()
        return fit.params.iloc[0] + fit.params.iloc[1] * new["x"]
    if pooling == "no":
        if not known:
            return np.nan
        if slopes == "varying":
            own = seen[seen["j"] == new["j"]]
            if len(own) < 2:
                return np.nan
            slope, intercept = np.polyfit(own["x"], own["y"], 1)
            return intercept + slope * new["x"]
        Z = np.equal.outer(seen["j"].to_numpy(), np.unique(seen["j"])).astype(float)
        fit = OLS(seen["y"].to_numpy(), np.column_stack([Z, seen["x"]])).fit()
        where = int(np.searchsorted(np.unique(seen["j"]), new["j"]))
        return fit.params[where] + fit.params[-1] * new["x"]
    return blup(seen, new, slopes, group_predictor)


def blup(seen, new, slopes, group_predictor):
    """Generalised least squares at the core's SDs, then the conditional mean of y."""
    schools, j = np.unique(seen["j"], return_inverse=True)
    u = seen.groupby("j")["u"].first().to_numpy()
    columns = [seen["y"].to_numpy(), seen["x"].to_numpy()]
    train = GroupedData(*columns, j, u, schools)
    hyper_fit = fit_partial_pooling(train, slopes, group_predictor)
    h, s2 = hyper_fit.hyper, hyper_fit.sigma_y**2
    rho = 0.0 if np.isnan(h.rho) else h.rho
    cross = rho * h.sigma_alpha * h.sigma_beta
    Sigma = np.array([[h.sigma_alpha**2, cross], [cross, h.sigma_beta**2]])

    def design(rows):
        x = np.atleast_1d(rows["x"])
        fixed = [np.ones(len(x)), x]
        if group_predictor:
            fixed.append(np.atleast_1d(rows["u"]))
            if slopes == "varying":
                fixed.append(np.atleast_1d(rows["u"]) * x)
        return np.column_stack(fixed), np.column_stack([np.ones(len(x)), x])

    (X, Z), (X0, Z0) = design(seen), design(new)
    same = np.equal.outer(seen["j"].to_numpy(), seen["j"].to_numpy())
    V = same * (Z @ Sigma @ Z.T) + s2 * np.eye(len(seen))
    VX = np.linalg.solve(V, X)
    coef = np.linalg.solve(X.T @ VX, VX.T @ seen["y"].to_numpy())
    c = (seen["j"].to_numpy() == new["j"]) * (Z @ Sigma @ Z0.T)[:, 0]
    residual = seen["y"].to_numpy() - X @ coef
    return float((X0 @ coef)[0] + c @ np.linalg.solve(V, residual))


@pytest.mark.parametrize("slopes", SLOPES)
@pytest.mark.parametrize("group_predictor", [False, True])
@pytest.mark.parametrize(("leave", "folds"), [("students", 4), ("schools", None)])
def test_predictions_are_those_of_hand_made_training_sets(
    data, leave, folds, slopes, group_predictor
):
    table = held_out(data, leave, folds, slopes=slopes, group_predictor=group_predictor)
    fold = table[table["pooling"] == "no"]["fold"].to_numpy()
    for pooling, part in table.groupby("pooling"):
        for i in range(0, data.n_students, 5):
            expected = by_hand(data, fold != fold[i], i, pooling, slopes, group_predictor)
            # the same estimates by another route: rounding only
            assert part["predicted"].iloc[i] == pytest.approx(expected, rel=1e-6, nan_ok=True)
    assert (table["error"] - (table["y"] - table["predicted"])).abs().max() == 0


def test_without_x_the_school_means_predict():
    data = GroupedData([1.0, 2, 3, 7, 8, 10], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
    table = held_out(data)
    no = table[table["pooling"] == "no"]["predicted"]
    assert no.to_list() == pytest.approx([2.5, 2, 1.5, 9, 8.5, 7.5])
    complete = table[table["pooling"] == "complete"]["predicted"]
    assert complete.to_list() == pytest.approx([(31 - y) / 5 for y in data.y])


def test_nobody_is_used_to_predict_himself(data):
    before = held_out(data, folds=3)
    fold = before["fold"].to_numpy()[: data.n_students]
    y = data.y + 50.0 * (fold == 1)  # another outcome for the students of one fold
    after = held_out(GroupedData(y, data.x, data.j, data.u, data.labels), folds=3)
    pd.testing.assert_series_equal(
        before[before["fold"] == 1]["predicted"], after[after["fold"] == 1]["predicted"]
    )
    assert (before["predicted"] != after["predicted"]).any()


def test_folds_of_students_spread_every_school(data):
    table = held_out(data, folds=4)
    table = table[table["pooling"] == "no"]
    shares = pd.crosstab(table["school"], table["fold"])
    assert (shares.max(axis=1) - shares.min(axis=1)).max() <= 1
    sizes = table["fold"].value_counts()
    assert sizes.max() - sizes.min() <= 1


def test_folds_of_schools_keep_schools_whole(data):
    table = held_out(data, "schools", folds=3)
    assert len(table[["school", "fold"]].drop_duplicates()) == 6
    assert table.groupby("fold")["school"].nunique().to_list() == [2, 2, 2]


@pytest.mark.parametrize("leave", ["students", "schools"])
def test_the_seed_decides(data, leave):
    one, same, other = (held_out(data, leave, 3, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert (one["fold"] != other["fold"]).any()


def test_only_no_pooling_has_no_answer_for_a_new_school(data):
    table = held_out(data, "schools")
    empty = table.groupby("pooling")["predicted"].apply(lambda values: values.isna().mean())
    assert empty.to_dict() == {"complete": 0, "no": 1, "partial": 0}


def test_a_student_alone_makes_the_school_new():
    made = simulate(Scenario(n_groups=5, imbalance=0)).data
    alone = np.flatnonzero((made.j != 2) | (np.arange(made.n_students) == 2 * 15))
    data = GroupedData(made.y[alone], made.x[alone], made.j[alone], made.u, made.labels)
    table = held_out(data)
    lone = table[table["n"] == 1].set_index("pooling")["predicted"]
    assert np.isnan(lone["no"])
    assert np.isfinite(lone["partial"])
    assert np.isfinite(lone["complete"])


def test_errors_by_size_are_root_mean_squares(data):
    table = held_out(data, folds=4)
    sizes = error_by_size(table, (5, 9))
    for row in sizes.itertuples():
        part = table[table["n"].between(row.smallest, row.largest)]
        part = part[part["pooling"] == row.pooling]
        assert row.students == len(part)
        assert row.schools == part["school"].nunique()
        assert row.rmse == pytest.approx(np.sqrt((part["error"] ** 2).mean()))
    assert sizes.groupby("pooling")["students"].sum().eq(data.n_students).all()
    assert sizes["largest"].max() == data.n.max()


def test_errors_by_size_count_the_students_without_an_answer(data):
    sizes = error_by_size(held_out(data, "schools")).set_index("pooling")
    assert (sizes.loc["no", "answered"] == 0).all()
    assert sizes.loc["no", "rmse"].isna().all()
    assert (sizes.loc["partial", "answered"] == sizes.loc["partial", "students"]).all()


def test_worlds_are_single_worlds_below_each_other():
    scenario = Scenario(n_groups=5, seed=7)
    table = held_out_worlds(scenario, 3)
    for world in range(3):
        single = held_out(
            simulate(Scenario(n_groups=5, seed=7 + world)).data, folds=5, seed=7 + world
        )
        part = table[table["world"] == world].drop(columns="world").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, single)
    sizes = error_by_size(table)
    assert sizes[sizes["pooling"] == "no"]["schools"].sum() == 15
    assert sizes[sizes["pooling"] == "no"]["students"].sum() == len(table) / 3


def test_over_many_worlds_partial_pooling_predicts_best():
    sizes = error_by_size(held_out_worlds(Scenario(), 30))
    sizes = sizes.pivot_table(index="smallest", columns="pooling", values="rmse")
    assert (sizes["partial"] < sizes["complete"]).all()
    assert (sizes["partial"] < sizes["no"]).all()
    # the smaller the school, the more there is to gain
    gain = (sizes["no"] - sizes["partial"]).sort_index()
    assert gain.iloc[0] > 0.2
    assert gain.iloc[-1] < 0.05


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"leave": "pupils"}, "'students' or 'schools'"),
        ({"folds": 1}, "folds is 1"),
        ({"folds": 2.5}, "folds is 2.5"),
        ({"folds": 10_000}, "number of students"),
        ({"leave": "schools", "folds": 7}, r"number of schools \(6\)"),
    ],
)
def test_impossible_settings_say_why(data, setting, message):
    with pytest.raises(ValueError, match=message):
        held_out(data, **setting)


def test_no_worlds():
    with pytest.raises(ValueError, match="n_worlds is 0"):
        held_out_worlds(Scenario(), 0)


def test_too_few_schools_are_left():
    data = simulate(Scenario(n_groups=3)).data
    with pytest.raises(DataError, match="With some schools left out"):
        held_out(data, "schools", folds=2)


def test_classes_of_size_are_named_by_their_ends():
    n = [1, 2, 3, 5, 9, 9]
    table = pd.DataFrame(
        {"school": n, "student": range(6), "n": n, "pooling": "partial", "error": [1.0] * 6}
    )
    found = error_by_size(table, (1, 3, 5))
    assert found["size"].tolist() == ["1", "2 to 3", "4 to 5", "6 to 9"]
    assert found["students"].tolist() == [1, 2, 1, 2]
