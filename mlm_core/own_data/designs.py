"""The model that a reader asks for, and its matrices: predictors of rows, of groups, products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlm_core.data import DataError, Floats, Ints
from mlm_core.own_data.rows import Rows
from mlm_core.showing import record

Kind = Literal["one", "row", "mean", "group", "product"]


@dataclass(frozen=True, slots=True)
class Model:
    """What is asked of the chosen columns.

    Attributes
    ----------
    varying : tuple of str
        Predictors of rows whose slopes vary between groups.
    product : bool
        Predictors of groups also predict these slopes (the cross-level product).
    within : bool
        Predictors of rows are counted from the mean of their group, and that mean is a
        predictor of groups: the slope within groups and the one between them.
    at_means : bool
        Quantities are counted from their mean; else from their own zero.
    """

    varying: tuple[str, ...] = ()
    product: bool = False
    within: bool = False
    at_means: bool = True


@record
class Term:
    """A column of X.

    Attributes
    ----------
    name : str
        As it is shown: "age", "sex: male", "mean of age", "age × funds".
    column : str
        Of the table.
    kind : {"one", "row", "mean", "group", "product"}
    values : (n,) array
    zero : float
        What was taken off the table's values.
    level : str
        The category that is 1, where there are categories.
    """

    name: str
    column: str
    kind: Kind
    values: Floats
    zero: float = 0.0
    level: str = ""


@record
class Design:
    """Rows and model as matrices.

    Attributes
    ----------
    rows : Rows
    model : Model
    terms : tuple of Term
        The intercept, terms of rows, terms of groups, products.
    varying : tuple of int
        Terms whose slopes vary.
    references : dict of str to str
        For each column of categories the one that the others are compared with.
    notes : tuple of str
        What the reader should know of the model.
    """

    rows: Rows
    model: Model
    terms: tuple[Term, ...]
    varying: tuple[int, ...]
    references: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def matrix(self) -> Floats:
        """X (n, p): predictors with their column of ones."""
        return np.column_stack([term.values for term in self.terms])

    @property
    def varying_matrix(self) -> Floats:
        """Z (n, q): ones and the terms with varying slopes."""
        return np.column_stack([self.terms[k].values for k in (0, *self.varying)])

    @property
    def names(self) -> tuple[str, ...]:
        """Of the terms."""
        return tuple(term.name for term in self.terms)

    @property
    def of_groups(self) -> Floats:
        """(J, p) the row of X at which a group's height is told.

        Terms of rows are 0 there: a quantity at its mean (or its zero), a category at its
        reference; terms of groups are the group's own.
        """
        first = _first(self.rows.j)
        out = np.zeros((self.rows.n_groups, len(self.terms)))
        for k, term in enumerate(self.terms):
            if term.kind in ("one", "group", "mean"):
                out[:, k] = term.values[first]
        return out


def _first(j: Ints) -> Ints:
    """(J,) a row of each group."""
    first = np.zeros(int(j.max()) + 1, dtype=np.intp)
    first[j[::-1]] = np.arange(len(j))[::-1]
    return first


def design(rows: Rows, model: Model) -> Design:
    r"""Make the matrices.

    Raises
    ------
    DataError
        A slope that is to vary does not vary within groups.

    Examples
    --------
    >>> from mlm_core.own_data.columns import Columns
    >>> from mlm_core.own_data.rows import take_rows
    >>> from mlm_core.own_data.table import read_table
    >>> table = read_table(b"g,sex,x,y\na,f,1,2\na,m,2,3\nb,f,3,5\nb,m,4,4")
    >>> rows = take_rows(table, Columns("y", "g", ("sex", "x")))
    >>> design(rows, Model()).names
    ('intercept', 'sex: m', 'x')
    """
    columns, notes = rows.columns, []
    references: dict[str, str] = {}
    for name in model.varying:
        if name not in columns.x:
            raise DataError(f"“{name}” is the same in all rows of a group: its slope cannot vary.")
    terms = [Term("intercept", "", "one", np.ones(rows.n_rows))]
    means: list[Term] = []
    for name in columns.x:
        for term in _terms(rows, name, "row", model, references):
            terms.append(_within(term, rows) if model.within else term)
            if model.within:
                mean = _mean_of(term, rows, model)
                if np.ptp(mean.values) > 1e-9 * max(float(np.abs(term.values).max()), 1e-300):
                    means.append(mean)
                else:
                    notes.append(
                        f"Every group has the same mean of “{term.name}”: there is no slope "
                        "between groups to tell from that within."
                    )
    groups = means + [
        term for name in columns.u for term in _terms(rows, name, "group", model, references)
    ]
    varying = tuple(k for k, term in enumerate(terms) if term.column in model.varying)
    products = []
    if model.product:
        products = [_product(terms[k], term) for k in varying for term in groups]
    return Design(rows, model, (*terms, *groups, *products), varying, references, tuple(notes))


def _terms(
    rows: Rows, name: str, kind: Kind, model: Model, references: dict[str, str]
) -> list[Term]:
    """One term for a quantity, one for each category but the first."""
    if name in rows.numbers:
        values = rows.numbers[name]
        zero = _zero(values, rows, kind) if model.at_means else 0.0
        return [Term(name, name, kind, values - zero, zero)]
    cells = rows.text[name]
    levels = sorted(set(cells.tolist()), key=_as_number)
    references[name] = levels[0]
    return [
        Term(f"{name}: {level}", name, kind, (cells == level).astype(np.float64), 0.0, level)
        for level in levels[1:]
    ]


def _as_number(level: str) -> tuple[float, str]:
    """Whole numbers in their order, then text in its own."""
    return (float(level), level) if level.isdigit() else (float("inf"), level)


def _zero(values: Floats, rows: Rows, kind: Kind) -> float:
    """The mean over rows, or over groups; yes and no stay 1 and 0."""
    if set(np.unique(values)) <= {0.0, 1.0}:
        return 0.0
    return float(values.mean() if kind == "row" else values[_first(rows.j)].mean())


def _group_means(values: Floats, rows: Rows) -> Floats:
    """(n,) the mean of each row's group."""
    mean = np.bincount(rows.j, weights=values) / rows.n
    out: Floats = mean[rows.j]
    return out


def _within(term: Term, rows: Rows) -> Term:
    mean = _group_means(term.values, rows)
    return Term(
        f"{term.name}, within", term.column, "row", term.values - mean, term.zero, term.level
    )


def _mean_of(term: Term, rows: Rows, model: Model) -> Term:
    """The group's mean as a predictor of groups; a category's is a share."""
    mean = _group_means(term.values, rows)
    zero = float(mean[_first(rows.j)].mean()) if model.at_means else 0.0
    name = f"{'share of' if term.level else 'mean of'} {term.name}"
    return Term(name, term.column, "mean", mean - zero, term.zero + zero, term.level)


def _product(row: Term, group: Term) -> Term:
    return Term(f"{row.name} × {group.name}", row.column, "product", row.values * group.values)


def row_at(
    made: Design, values: Mapping[str, float | str], means: Mapping[str, float] | None = None
) -> tuple[Floats, Floats]:
    """(1, p) of X and (1, q) of Z for a row with given values of the table's columns.

    Parameters
    ----------
    made : Design
    values : mapping of str to number or str
        Of the predictors; what is not given is at its zero or reference.
    means : mapping of str to number
        The mean of each predictor of rows in the row's group (or, by the name of the term, a
        share), where these are told apart; what is not given is the mean of the group means.
    """
    out = np.zeros(len(made.terms))
    for k, term in enumerate(made.terms):
        if term.kind == "one":
            out[k] = 1.0
        elif term.kind != "product":
            out[k] = _value_of(made, term, values, means or {})
    for k, term in enumerate(made.terms):
        if term.kind == "product":
            one, other = _factors(made, term)
            out[k] = out[one] * out[other]
    return out[None], out[[0, *made.varying]][None]


def _value_of(
    made: Design, term: Term, values: Mapping[str, float | str], means: Mapping[str, float]
) -> float:
    """Of a term, from the table's values."""
    given = values.get(term.column)
    if term.level:
        reference = made.references[term.column]
        value = float((reference if given is None else given) == term.level)
    else:
        value = term.zero if given is None else float(given)
    if not made.model.within or term.kind == "group":
        return value - term.zero
    same = (t for t in made.terms if t.kind == "mean" and t.column == term.column)
    mean_term = next((t for t in same if t.level == term.level), None)
    if mean_term is None:
        return value - term.zero
    mean = means.get(term.column if not term.level else mean_term.name, mean_term.zero)
    return mean - mean_term.zero if term.kind == "mean" else value - mean


def _factors(made: Design, product: Term) -> tuple[int, int]:
    for a in made.varying:
        for b, term in enumerate(made.terms):
            if f"{made.terms[a].name} × {term.name}" == product.name:
                return a, b
    raise KeyError(product.name)
