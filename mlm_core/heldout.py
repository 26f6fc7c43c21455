"""Held-out error: how well each pooling predicts students it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mlm_core.data import DataError, Floats, GroupedData, Ints
from mlm_core.partial import fit_partial_pooling
from mlm_core.pooling import fit_complete_pooling, fit_no_pooling
from mlm_core.records import Method, Slopes
from mlm_core.scenario import Scenario
from mlm_core.simulation import simulate

if TYPE_CHECKING:
    import pandas as pd

SIZES = (5, 10, 20, 40)
"""Largest school of each class of `error_by_size`; a last class has no end."""


def held_out(
    data: GroupedData,
    leave: Literal["students", "schools"] = "students",
    folds: int | None = None,
    seed: int = 1,
    *,
    slopes: Slopes = "common",
    group_predictor: bool = False,
    method: Method = "REML",
) -> pd.DataFrame:
    r"""Predict every student from fits that have not seen that student.

    The students are divided into folds; each fold is predicted from the others:

    .. math:: \hat y_i = \hat\alpha_{j[i]} + \hat\beta_{j[i]} x_i

    In a school that the fit has not seen, complete pooling predicts with its one line,
    partial pooling with :math:`\hat a_0 + \hat b_0 u_j + (\hat a_1 + \hat b_1 u_j) x_i`,
    and no pooling has no answer (NaN).

    Parameters
    ----------
    data : GroupedData
    leave : {"students", "schools"}
        Whether a fold holds some students of every school, or whole schools.
    folds : int or None
        How many; None leaves out one student, or one school, at a time.
    seed : int
        Which students or schools share a fold.
    slopes, group_predictor, method
        As for `fit_partial_pooling`; no pooling has a slope for each school unless
        ``slopes`` is "common".

    Returns
    -------
    pandas.DataFrame
        A row for each student and pooling ("complete", "no", "partial"):
        ``student, school, n, fold, pooling, y, predicted, error``. ``student`` counts the
        rows of the data, ``n`` all students of the school; ``error = y - predicted``.

    Raises
    ------
    ValueError
        ``folds`` below 2, or more than there are students or schools.
    DataError
        What is left without a fold cannot be fitted.

    References
    ----------
    Gelman & Hill (2007), section 12.8 (prediction in known and in new groups).

    Examples
    --------
    >>> from mlm_core import Scenario, simulate
    >>> table = held_out(simulate(Scenario()).data, folds=5)
    >>> error_by_size(table)["pooling"].unique().tolist()
    ['complete', 'no', 'partial']
    """
    if leave not in ("students", "schools"):
        raise ValueError(f"leave is {leave!r}: it must be 'students' or 'schools'.")
    fold = _folds_of_students(data, folds, seed)
    if leave == "schools":
        fold = _folds_of_schools(data, folds, seed)
    predicted = np.full((3, data.n_students), np.nan)
    for k in np.unique(fold):
        out = fold == k
        try:
            predicted[:, out] = _predict(data, out, slopes, group_predictor, method)
        except DataError as error:
            raise DataError(f"With some {leave} left out: {error} Use more folds.") from error
    return _table(data, fold, predicted)


def held_out_worlds(
    scenario: Scenario,
    n_worlds: int = 40,
    leave: Literal["students", "schools"] = "students",
    folds: int | None = 5,
    *,
    slopes: Slopes = "common",
    group_predictor: bool = False,
    method: Method = "REML",
    with_x: bool = True,
) -> pd.DataFrame:
    """`held_out` of several simulated worlds, since a class of small schools has few students.

    Parameters
    ----------
    scenario : Scenario
        The first world has its seed, the next ones the seeds that follow.
    n_worlds : int
    leave, folds, slopes, group_predictor, method
        As for `held_out`.
    with_x : bool
        Whether the models have the pre-test.

    Returns
    -------
    pandas.DataFrame
        The tables below each other, with a column ``world`` (from 0).

    Examples
    --------
    >>> held_out_worlds(Scenario(), 2, "schools")["world"].unique().tolist()
    [0, 1]
    """
    import pandas as pd

    if int(n_worlds) != n_worlds or n_worlds < 1:
        raise ValueError(f"n_worlds is {n_worlds}: a whole number, 1 or more, is needed.")
    parts = []
    for k in range(n_worlds):
        seed = scenario.seed + k
        data = simulate(replace(scenario, seed=seed)).data
        data = data if with_x else replace(data, x=None)
        table = held_out(
            data, leave, folds, seed,
            slopes=slopes, group_predictor=group_predictor, method=method,
        )  # fmt: skip
        parts.append(table.assign(world=k))
    return pd.concat(parts, ignore_index=True)


def error_by_size(table: pd.DataFrame, sizes: Sequence[int] = SIZES) -> pd.DataFrame:
    r"""Root mean square of the held-out errors, for each pooling and class of school size.

    .. math:: \text{rmse} = \sqrt{\tfrac1m \sum_i (y_i - \hat y_i)^2}

    Parameters
    ----------
    table : pandas.DataFrame
        From `held_out` or `held_out_worlds`.
    sizes : sequence of int
        Largest school of each class, rising.

    Returns
    -------
    pandas.DataFrame
        ``size, smallest, largest, schools, students, pooling, answered, rmse``: ``answered`` is
        the number of students that the pooling can predict, over whom ``rmse`` (points) is
        taken. Classes without schools are left out; ``largest`` is the largest school there is.
    """
    import pandas as pd

    at = np.searchsorted(np.asarray(sizes), table["n"].to_numpy())
    world, keys = [name for name in ("world",) if name in table], ("school", "student")
    rows = []
    for k in np.unique(at):
        of = table[at == k]
        smallest = 1 if k == 0 else sizes[k - 1] + 1
        largest = int(of["n"].max()) if k == len(sizes) else sizes[k]
        size = str(largest) if smallest == largest else f"{smallest} to {largest}"
        schools, students = (len(of.drop_duplicates([*world, key])) for key in keys)
        for pooling, group in of.groupby("pooling", sort=False):
            error = group["error"].dropna().to_numpy()
            rmse = float(np.sqrt((error**2).mean())) if len(error) else np.nan
            rows.append((size, smallest, largest, schools, students, pooling, len(error), rmse))
    names = "size smallest largest schools students pooling answered rmse"
    return pd.DataFrame(rows, columns=names.split())


def _folds_of_students(data: GroupedData, folds: int | None, seed: int) -> Ints:
    """(n,) fold of each student; every school is spread over the folds as evenly as can be."""
    if folds is None:
        return np.arange(data.n_students)
    _check_folds(folds, data.n_students, "students")
    rng = np.random.default_rng([seed, 91])
    order = np.lexsort((rng.random(data.n_students), data.j))
    fold = np.empty(data.n_students, dtype=np.intp)
    fold[order] = (np.arange(data.n_students) + rng.integers(folds)) % folds
    return fold


def _folds_of_schools(data: GroupedData, folds: int | None, seed: int) -> Ints:
    """(n,) fold of each student; the students of a school share it."""
    folds = data.n_groups if folds is None else folds
    _check_folds(folds, data.n_groups, "schools")
    of_school: Ints = np.random.default_rng([seed, 92]).permutation(data.n_groups) % folds
    return of_school[data.j]


def _check_folds(folds: int, most: int, what: str) -> None:
    if int(folds) != folds or not 2 <= folds <= most:
        raise ValueError(
            f"folds is {folds}: a whole number from 2 to the number of {what} ({most}) is needed."
        )


def _predict(
    data: GroupedData, out: np.ndarray, slopes: Slopes, group_predictor: bool, method: Method
) -> Floats:
    """(3, left out) predictions of complete, no and partial pooling fitted to the others."""
    seen, train = _without(data, out)
    complete = fit_complete_pooling(train).lines
    no = fit_no_pooling(train, "common" if slopes == "common" else "varying").lines
    fit = fit_partial_pooling(train, slopes, group_predictor, method)
    partial, hyper = fit.lines, fit.hyper

    j = data.j[out]
    x = np.zeros(len(j)) if data.x is None else data.x[out]
    u = np.zeros(len(j)) if data.u is None else data.u[j]
    known = seen[j] >= 0
    at = seen[j][known]
    new = hyper.a0 + hyper.b0 * u + (hyper.a1 + hyper.b1 * u) * x
    predicted = np.stack([complete.alpha[0] + complete.beta[0] * x, np.full(len(j), np.nan), new])
    for row, lines in ((1, no), (2, partial)):
        predicted[row, known] = lines.alpha[at] + lines.beta[at] * x[known]
    return predicted


def _without(data: GroupedData, out: np.ndarray) -> tuple[Ints, GroupedData]:
    """The other students, and where each school of the data is among theirs (-1: nowhere)."""
    schools, j = np.unique(data.j[~out], return_inverse=True)
    seen = np.full(data.n_groups, -1, dtype=np.intp)
    seen[schools] = np.arange(len(schools))
    x = None if data.x is None else data.x[~out]
    u = None if data.u is None else data.u[schools]
    return seen, GroupedData(data.y[~out], x, j, u, data.labels[schools])


def _table(data: GroupedData, fold: Ints, predicted: Floats) -> pd.DataFrame:
    """A row for each student and pooling."""
    import pandas as pd

    one = pd.DataFrame(
        {
            "student": np.arange(data.n_students),
            "school": data.labels[data.j].astype(str),
            "n": data.n[data.j],
            "fold": fold,
        }
    )
    parts = [
        one.assign(pooling=name, y=data.y, predicted=values, error=data.y - values)
        for name, values in zip(("complete", "no", "partial"), predicted, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)
