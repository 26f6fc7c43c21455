"""What the fits return: plain frozen records, with the shape of every array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlm_core.data import DataError, Floats, GroupedData, Ints, numbers
from mlm_core.scenario import Hyperparameters
from mlm_core.showing import as_html, record

if TYPE_CHECKING:
    import pandas as pd

NORMAL_975 = 1.959963984540054
"""95% of a normal distribution lie within so many SDs of its mean."""

Slopes = Literal["common", "varying", "uncorrelated"]
OwnSlopes = Literal["common", "varying"]
Method = Literal["REML", "ML"]


@record
class GroupLines:
    """A line for each school: ``alpha[j] + beta[j] * x``, on the scale of the data.

    Attributes
    ----------
    alpha, beta : (J,) arrays
        Whole intercepts and slopes. What the data cannot identify is NaN;
        where the model has no slope, ``beta`` is 0.
    se_alpha, se_beta : (J,) arrays
        Their standard errors.
    """

    alpha: Floats
    beta: Floats
    se_alpha: Floats
    se_beta: Floats

    def to_frame(self, data: GroupedData) -> pd.DataFrame:
        """One row a school: its students, and its line with standard errors."""
        import pandas as pd

        columns = {"n": data.n, "alpha": self.alpha, "se_alpha": self.se_alpha}
        if data.x is not None:
            columns |= {"beta": self.beta, "se_beta": self.se_beta}
        return pd.DataFrame(columns, index=pd.Index(data.labels, name=data.names.group))


@record
class CompletePooling:
    """One line for everybody; ``lines`` repeats it for every school.

    Attributes
    ----------
    lines : GroupLines
        The same line J times, with the naive standard errors.
    sigma_y : float
        Residual SD.
    cluster_se_alpha, cluster_se_beta : float
        Cluster-robust (by school) standard errors of the same line;
        NaN with one school.
    data : GroupedData
        What was fitted.
    """

    lines: GroupLines
    sigma_y: float
    cluster_se_alpha: float
    cluster_se_beta: float
    data: GroupedData

    def to_frame(self) -> pd.DataFrame:
        """One row a school: its students, and the line, the same for all."""
        return self.lines.to_frame(self.data)

    def summary(self) -> pd.DataFrame:
        """``alpha, beta, sigma_y``: estimate, standard error, and the cluster-robust one."""
        line, robust = self.lines, (self.cluster_se_alpha, self.cluster_se_beta)
        rows = {"alpha": (line.alpha[0], line.se_alpha[0], robust[0])}
        if self.data.x is not None:
            rows["beta"] = (line.beta[0], line.se_beta[0], robust[1])
        return _summary({**rows, "sigma_y": (self.sigma_y,)}, "cluster_se")

    def predict(self, frame: pd.DataFrame) -> Floats:
        """(m,) what is expected of students: ``alpha + beta x``, whatever their school.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row a student, with the column of x if the model has one.
        """
        line, x = self.lines, _new_x(self.data, frame)
        out: Floats = line.alpha[0] + line.beta[0] * x
        return out

    def __repr__(self) -> str:
        return _described("CompletePooling", self.data, self.summary())

    def _repr_html_(self) -> str:
        return as_html(repr(self).split("\n")[0], self.summary())


@record
class NoPooling:
    """Every school by itself.

    Attributes
    ----------
    lines : GroupLines
        Each school's own estimate.
    sigma_y : float
        Residual SD, pooled over schools; NaN when no degrees of freedom are left.
    slopes : {"common", "varying"}
    data : GroupedData
        What was fitted.
    """

    lines: GroupLines
    sigma_y: float
    slopes: OwnSlopes
    data: GroupedData

    def to_frame(self) -> pd.DataFrame:
        """One row a school: its students, and its own line with standard errors."""
        return self.lines.to_frame(self.data)

    def summary(self) -> pd.DataFrame:
        """The mean and the SD over schools of their own estimates, and ``sigma_y``."""
        line = self.lines
        rows: dict[str, tuple[float, ...]] = _over_schools("alpha", line.alpha)
        if self.data.x is not None:
            common = self.slopes == "common"
            rows |= (
                {"beta": (line.beta[0], line.se_beta[0])}
                if common
                else _over_schools("beta", line.beta)
            )
        return _summary({**rows, "sigma_y": (self.sigma_y,)})

    def predict(self, frame: pd.DataFrame) -> Floats:
        """(m,) what is expected of students: ``alpha_j + beta_j x`` of their own school.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row a student, with the columns of group and, if the model has one, x.

        Returns
        -------
        (m,) array
            NaN where a school has no line of its own.

        Raises
        ------
        DataError
            A school is not in the data: without pooling nothing is known of it.
        """
        j, x = _places(self.data, frame), _new_x(self.data, frame)
        if (j < 0).any():
            raise DataError(
                f"{_unknown(self.data, frame, j)} Without pooling nothing is known of a new "
                "school: use fit_partial_pooling."
            )
        out: Floats = self.lines.alpha[j] + self.lines.beta[j] * x
        return out

    def __repr__(self) -> str:
        return _described(f'NoPooling, slopes="{self.slopes}"', self.data, self.summary())

    def _repr_html_(self) -> str:
        return as_html(repr(self).split("\n")[0], self.summary(), self.to_frame())


@record
class PartialPooling:
    """A fitted multilevel model.

    Attributes
    ----------
    hyper : Hyperparameters
        Estimates of the school-level model; ``rho`` is NaN where undefined.
    lines : GroupLines
        ``a0 + b0 u_j +`` conditional mode, and the same for slopes. Standard errors
        are conditional on the estimated SDs (``sigma_alpha`` and so on) but count
        the uncertainty of ``a0, b0, a1, b1``.
    sigma_y : float
        SD of students within a school.
    criterion : float
        Minus twice the (restricted) log likelihood: lme4's ``REMLcrit`` or ``deviance``.
    method : {"REML", "ML"}
    singular : bool
        An SD is estimated as exactly 0, or rho as exactly 1 or -1. A result, not an error.
    converged : bool
        False when the search used up its rounds: the estimates are the best it saw.
    coef_names : tuple of str
        Which of ``a0, b0, a1, b1`` the model has, in the order of ``coef_cov``.
    coef_cov : (p, p) array
        Covariance of those coefficients.
    mode_sd_alpha, mode_sd_beta : (J,) arrays
        Conditional SDs of the conditional modes, lme4's ``condsd``: given
        the coefficients and the SDs.
    rounds, evaluations : int
        Rounds of Newton's method, and at how many Sigmas the search evaluated the criterion.
    line_cov : (J,) array
        Covariance of the errors of ``lines.alpha`` and ``lines.beta``.
    data : GroupedData
        What was fitted.
    """

    hyper: Hyperparameters
    lines: GroupLines
    sigma_y: float
    criterion: float
    method: Method
    slopes: Slopes
    singular: bool
    converged: bool
    coef_names: tuple[str, ...]
    coef_cov: Floats
    mode_sd_alpha: Floats
    mode_sd_beta: Floats
    rounds: int
    evaluations: int
    line_cov: Floats
    data: GroupedData

    @property
    def n_groups(self) -> int:
        """Number of schools J."""
        return self.data.n_groups

    @property
    def n(self) -> Ints:
        """(J,) number of students of each school."""
        return self.data.n

    @property
    def labels(self) -> NDArray[Any]:
        """(J,) names of the schools."""
        return self.data.labels

    @property
    def group_predictor(self) -> bool:
        """Whether u predicts the coefficients."""
        return "b0" in self.coef_names

    def se(self, name: str) -> float:
        """Standard error of one of ``a0, b0, a1, b1``; NaN when the model does not have it."""
        if name not in self.coef_names:
            return float("nan")
        k = self.coef_names.index(name)
        return float(np.sqrt(self.coef_cov[k, k]))

    def to_frame(self) -> pd.DataFrame:
        """One row a school: its students, and its partially pooled line with standard errors."""
        return self.lines.to_frame(self.data)

    def summary(self) -> pd.DataFrame:
        """The school-level model: estimates, and standard errors of the coefficients.

        SDs have intervals rather than standard errors: `variance_intervals`.
        """
        hyper = self.hyper
        rows: dict[str, tuple[float, ...]] = {
            name: (getattr(hyper, name), self.se(name)) for name in self.coef_names
        }
        rows["sigma_alpha"] = (hyper.sigma_alpha,)
        if self.slopes != "common":
            rows["sigma_beta"] = (hyper.sigma_beta,)
        if self.slopes == "varying":
            rows["rho"] = (hyper.rho,)
        return _summary({**rows, "sigma_y": (self.sigma_y,)})

    def predict(self, frame: pd.DataFrame, new_groups: bool = False) -> Floats:
        r"""What is expected of students, in schools of the data and in new ones.

        .. math::

            \hat\alpha_j + \hat\beta_j x \;\text{in a school of the data}, \qquad
            a_0 + b_0 u + (a_1 + b_1 u) x \;\text{in a new one}

        These are lme4's: ``predict(fit, newdata, allow.new.levels = new_groups)``.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row a student, with the columns that were fitted, by their names. A school of
            the data needs no u: it has its own.
        new_groups : bool
            Whether there may be schools that are not in the data. Without a column of
            groups, all are.

        Returns
        -------
        (m,) array

        Raises
        ------
        DataError
            A column is missing, or a school is not in the data.

        Examples
        --------
        >>> import pandas as pd
        >>> from mlm_core import GroupedData, fit_partial_pooling
        >>> data = GroupedData([1.0, 2, 3, 7, 8, 9], None, [0, 0, 0, 1, 1, 1], None, ["a", "b"])
        >>> new = pd.DataFrame({"school": ["a", "z"]})
        >>> fit_partial_pooling(data).predict(new, new_groups=True).round(2).tolist()
        [2.06, 5.0]
        """
        data, hyper = self.data, self.hyper
        j, x = _places(data, frame, new_groups), _new_x(data, frame)
        if not new_groups and (j < 0).any():
            raise DataError(
                f"{_unknown(data, frame, j)} With new_groups=True they are predicted as "
                "new schools, from the school-level model."
            )
        known = np.where(j < 0, 0, j)
        new = hyper.a0 + hyper.a1 * x
        own: Floats = self.lines.alpha[known] + self.lines.beta[known] * x
        if self.group_predictor:
            u, own_u = _new_u(data, frame, j)
            new = new + (hyper.b0 + hyper.b1 * x) * u
            own = own + (hyper.b0 + hyper.b1 * x) * (u - own_u)
        return np.where(j < 0, new, own)

    def __repr__(self) -> str:
        kind = f'PartialPooling by {self.method}, slopes="{self.slopes}"'
        return _described(kind, self.data, self.summary(), self._remarks())

    def _repr_html_(self) -> str:
        title = repr(self).split("\n")[0]
        return as_html(title, self.summary(), self.to_frame(), after=" ".join(self._remarks()))

    def _remarks(self) -> list[str]:
        """What a reader of the estimates has to know besides."""
        remarks = []
        if self.data.u is not None and not self.group_predictor:
            remarks.append(f"{self.data.names.u} is in the data and not in this model.")
        if self.singular:
            remarks.append("An SD is estimated as 0, or rho as 1 or -1: that is a result.")
        if not self.converged:
            remarks.append("The search used up its rounds: take the numbers as rough.")
        return remarks


@record
class PoolingPath:
    """Partial pooling at given values of ``sigma_alpha``, from 0 to infinity.

    The slope, the means and ``sigma_y`` are estimated anew at every value, so one
    end is complete pooling and the other no pooling with a common slope.

    Attributes
    ----------
    sigma_alpha : (K,) array
        The given values; 0 and inf are allowed.
    log_likelihood : (K,) array
        (Restricted) log likelihood, profiled over all else, minus its maximum;
        at infinity the restricted one goes to minus infinity.
    alpha, se_alpha : (K, J) arrays
        School intercepts and their standard errors at each value.
    a0, b0, a1, sigma_y : (K,) arrays
        The other estimates at each value.
    weight : (K, J) array
        How much of the school's own estimate enters: 0 complete pooling, 1 no pooling.
    """

    sigma_alpha: Floats
    log_likelihood: Floats
    alpha: Floats
    se_alpha: Floats
    a0: Floats
    b0: Floats
    a1: Floats
    sigma_y: Floats
    weight: Floats


@record
class VarianceComponents:
    """A model with any number of nested or crossed grouping factors.

    Attributes
    ----------
    coef, se : (p,) arrays
        Coefficients of X and their standard errors.
    sd : dict of str to float
        SD between the levels of each factor.
    sigma_y : float
        Residual SD.
    criterion : float
        Minus twice the (restricted) log likelihood.
    modes, mode_sd : dict of str to (levels,) array
        Conditional mode of each level and its conditional SD.
    levels : dict of str to (levels,) array
        The codes of each factor, sorted.
    method : {"REML", "ML"}
    singular, converged : bool
    coef_cov : (p, p) array
        Covariance of the coefficients.
    """

    coef: Floats
    se: Floats
    sd: dict[str, float]
    sigma_y: float
    criterion: float
    modes: dict[str, Floats]
    mode_sd: dict[str, Floats]
    levels: dict[str, np.ndarray]
    method: Method
    singular: bool
    converged: bool
    coef_cov: Floats = field(default_factory=lambda: np.empty((0, 0)))

    def to_frame(self, factor: str) -> pd.DataFrame:
        """One row a level of a factor: its conditional mode and its conditional SD."""
        import pandas as pd

        columns = {"mode": self.modes[factor], "mode_sd": self.mode_sd[factor]}
        return pd.DataFrame(columns, index=pd.Index(self.levels[factor], name=factor))

    def summary(self) -> pd.DataFrame:
        """Coefficients with standard errors, the SD of each factor, ``sigma_y``."""
        pairs = enumerate(zip(self.coef.tolist(), self.se.tolist(), strict=True))
        rows: dict[str, tuple[float, ...]] = {f"coef {k}": pair for k, pair in pairs}
        rows |= {f"sd {name}": (sd,) for name, sd in self.sd.items()}
        return _summary({**rows, "sigma_y": (self.sigma_y,)})

    def predict(self, X: Any, factors: Mapping[str, Any], new_levels: bool = False) -> Floats:
        """(m,) ``X coef`` plus the modes of the levels; a new level adds 0.

        Parameters
        ----------
        X : (m, p) array
            Predictors, with their column of ones.
        factors : mapping of str to (m,) array
            The level of each student in each factor.
        new_levels : bool
            Whether there may be levels that are not in the data.

        Raises
        ------
        DataError
            A factor is missing, or a level is not in the data.
        """
        out = np.asarray(X, dtype=np.float64) @ self.coef
        for name, levels in self.levels.items():
            if name not in factors:
                raise DataError(f"There is no factor {name!r}: give the level of each student.")
            place = _index_of(levels, factors[name])
            if not new_levels and (place < 0).any():
                raise DataError(
                    f"{int((place < 0).sum())} levels of {name!r} are not in the data. With "
                    "new_levels=True they are predicted as new ones."
                )
            out = out + np.where(place < 0, 0.0, self.modes[name][place])
        return out

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(v)} levels of {k}" for k, v in self.levels.items())
        rows = self.summary()
        kept = rows if len(rows) <= 8 else rows.tail(8)
        return f"VarianceComponents by {self.method}: {sizes}\n{_rows(kept)}"

    def _repr_html_(self) -> str:
        return as_html(repr(self).split("\n")[0], self.summary())


def all_converged(found: Any) -> bool:
    """Whether every fit in a record, or in records within it, converged.

    Examples
    --------
    >>> all_converged({"nothing": [1.0, "fitted"]})
    True
    """
    if getattr(found, "converged", True) is False:
        return False
    if is_dataclass(found):
        return all(all_converged(getattr(found, f.name)) for f in fields(found))
    if isinstance(found, Mapping):
        return all(map(all_converged, found.values()))
    return not isinstance(found, (list, tuple)) or all(map(all_converged, found))


# What the fits share: their summaries, and the columns of new students


def _summary(rows: Mapping[str, tuple[float, ...]], *more: str) -> pd.DataFrame:
    """A row a parameter: ``estimate, se`` and more; NaN where there is none."""
    import pandas as pd

    columns = ["estimate", "se", *more]
    filled = [(*values, *[np.nan] * (len(columns) - len(values))) for values in rows.values()]
    return pd.DataFrame(filled, index=pd.Index(list(rows), name="parameter"), columns=columns)


def _over_schools(name: str, values: Floats) -> dict[str, tuple[float, ...]]:
    """Mean and SD of the estimates of those schools that have one."""
    known = values[~np.isnan(values)]
    sd = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    mean = float(known.mean()) if len(known) else float("nan")
    return {f"mean of {name}": (mean,), f"SD of {name}": (sd,)}


def _described(
    kind: str, data: GroupedData, summary: pd.DataFrame, remarks: list[str] | None = None
) -> str:
    title = f"{kind}: {data.n_students} students in {data.n_groups} schools"
    return "\n".join([title, _rows(summary), *(f"  {remark}" for remark in remarks or [])])


def _rows(summary: pd.DataFrame) -> str:
    """Parameters in a line or two: ``a0 60.1 (1.2), sigma_alpha 5.03``."""
    parts = []
    for name, row in summary.iterrows():
        se = "" if np.isnan(row["se"]) else f" ({row['se']:.3g})"
        parts.append(f"{name} {row['estimate']:.4g}{se}")
    return "\n".join("  " + ", ".join(parts[k : k + 4]) for k in range(0, len(parts), 4))


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        raise DataError(f"There is no column {name!r}: the model was fitted with it.")
    return frame[name]


def _new_x(data: GroupedData, frame: pd.DataFrame) -> Floats:
    """(m,) x of new students; 0 where the model has none."""
    if data.x is None:
        return np.zeros(len(frame))
    return numbers(data.names.x, _column(frame, data.names.x).to_numpy())


def _new_u(data: GroupedData, frame: pd.DataFrame, j: Ints) -> tuple[Floats, Floats]:
    """(m,) u of the schools of new students, as given and as fitted; a school has its own."""
    assert data.u is not None
    own: Floats = np.where(j < 0, 0.0, data.u[j])
    name = data.names.u
    if name not in frame.columns and (j >= 0).all():
        return own, own
    return numbers(name, _column(frame, name).to_numpy()), own


def _places(data: GroupedData, frame: pd.DataFrame, new_groups: bool = False) -> Ints:
    """(m,) place of each student's school in the data; -1 for a new one."""
    name = data.names.group
    if new_groups and name not in frame.columns:
        return np.full(len(frame), -1, dtype=np.intp)
    return _index_of(data.labels, _column(frame, name))


def _index_of(labels: NDArray[Any], wanted: Any) -> Ints:
    import pandas as pd

    index, given = pd.Index(labels), pd.Index(np.asarray(wanted))
    if index.dtype != given.dtype:
        index, given = index.astype(str), given.astype(str)
    return np.asarray(index.get_indexer(given), dtype=np.intp)


def _unknown(data: GroupedData, frame: pd.DataFrame, j: Ints) -> str:
    first = _column(frame, data.names.group).to_numpy()[np.argmax(j < 0)]
    return f"{int((j < 0).sum())} students are in schools that are not in the data ({first!s})."
