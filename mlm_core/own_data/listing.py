"""The page's fit as code in three languages, in the reader's own column names."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, replace

import numpy as np

from mlm_core.own_data.columns import Columns
from mlm_core.own_data.designs import Design, Term
from mlm_core.own_data.download import safe_cell

MOST_ROWS = 1500
"""With more rows than this the code reads the downloaded file instead of carrying the data."""
FILE = "data.csv"

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._]*")
_RESERVED = {"if", "else", "repeat", "while", "function", "for", "next", "break", "in"}
_RESERVED |= {"TRUE", "FALSE", "NULL", "Inf", "NaN", "NA"}


@dataclass(frozen=True, slots=True)
class Listing:
    """One fit in three languages."""

    core: str
    statsmodels: str
    lme4: str


def listing(made: Design, picked: str, *, both: bool = False, apart: bool = False) -> Listing:
    """Code that fits the model by REML and prints the page's numbers.

    Parameters
    ----------
    made : Design
    picked : str
        Label of the group whose estimates are printed first.
    both : bool
        Fit the model with the second grouping, too, in the core and in lme4.
    apart : bool
        The same label of the second grouping in two groups names two things.
    """
    if made.rows.n_rows > MOST_ROWS:
        made, picked = in_file(made), safe_cell(picked)
    core, r = _core(made, picked), _lme4(made)
    if both:
        core += "\n" + "\n".join(_core_both(made, apart))
        r += "\n" + "\n".join(_lme4_both(made, apart))
    return Listing(core, _statsmodels(made), r)


def in_file(made: Design) -> Design:
    """The design as it is in the file to download: no name and no label that a spreadsheet runs."""
    rows, c = made.rows, made.rows.columns
    columns = Columns(
        safe_cell(c.y), safe_cell(c.group), _safe_all(c.x), _safe_all(c.u),
        safe_cell(c.second) if c.second else None, _safe_all(c.codes),
    )  # fmt: skip
    labels = rows.labels
    if labels.dtype.kind == "U":
        labels = np.array(_safe_all(tuple(labels.tolist())))
    safe = replace(
        rows,
        columns=columns,
        labels=labels,
        numbers={safe_cell(name): values for name, values in rows.numbers.items()},
        text={
            safe_cell(name): np.array(_safe_all(tuple(cells.tolist())), dtype=object)
            for name, cells in rows.text.items()
        },
    )
    terms = tuple(
        replace(t, column=safe_cell(t.column), level=safe_cell(t.level)) for t in made.terms
    )
    model = replace(made.model, varying=_safe_all(made.model.varying))
    return replace(made, rows=safe, terms=terms, model=model)


def _safe_all(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(safe_cell(text) for text in texts)


def data_csv(made: Design) -> str:
    """The rows and columns that are used, with all their digits."""
    rows = made.rows
    columns = used_columns(made)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for k in range(rows.n_rows):
        writer.writerow([_cell(made, name, k) for name in columns])
    return out.getvalue()


def used_columns(made: Design) -> list[str]:
    """Outcome, group, predictors, second grouping."""
    columns = made.rows.columns
    second = [columns.second] if columns.second else []
    return [columns.y, columns.group, *columns.predictors, *second]


def _cell(made: Design, name: str, k: int) -> str:
    rows = made.rows
    if name == rows.columns.group:
        return str(rows.labels[rows.j[k]])
    if name == rows.columns.y:
        return repr(float(rows.y[k]))
    if name in rows.numbers:
        return repr(float(rows.numbers[name][k]))
    return str(rows.text[name][k])


def _text_columns(made: Design) -> list[str]:
    columns = made.rows.columns
    second = [columns.second] if columns.second else []
    return [columns.group, *(c for c in columns.predictors if c in made.rows.text), *second]


# This core


def _core(made: Design, picked: str) -> str:
    columns, model = made.rows.columns, made.model
    if made.rows.n_rows > MOST_ROWS:
        read = [f'content = open("{FILE}", "rb").read()  # the file below']
    else:
        read = [f"content = {_python_text(data_csv(made))}.encode()"]
    codes = tuple(c for c in columns.predictors if c in made.rows.text)
    parts = [repr(columns.y), repr(columns.group), f"x={columns.x!r}", f"u={columns.u!r}"]
    asked = [f"varying={model.varying!r}"] if model.varying else []
    asked += [f"{name}={getattr(model, name)}" for name in ("product", "within")
              if getattr(model, name)]  # fmt: skip
    asked += [] if model.at_means else ["at_means=False"]
    return "\n".join(
        [
            "from mlm_core.own_data import Columns, Model, read_table, take_rows, design, fit_all",
            "from mlm_core.own_data.variation import components",
            "",
            *read,
            "",
            f"columns = Columns({', '.join(parts)}, codes={codes!r})",
            f"model = Model({', '.join(asked)})",
            "fits = fit_all(design(take_rows(read_table(content), columns), model))",
            "",
            "fit = fits.partial",
            "for name, coef, se in zip(fit.names, fit.coef, fit.se):",
            '    print(f"{name}: {coef:.6g} (SE {se:.3g})")',
            "for c in components(fits):",
            '    print(f"{c.name}: {c.value:.6g}, 95% from {c.interval.low:.6g} to '
            '{c.interval.high:.6g}")',
            f"j = list(fits.labels).index({picked!r})",
            'print("by itself", fits.own_height[j], "partial pooling", fits.height[j], '
            '"SE", fits.se[j])',
        ]
    )


def _core_both(made: Design, apart: bool) -> list[str]:
    second = repr(made.rows.columns.second)
    how = ", apart=True" if apart else ""
    return [
        "",
        "# With the second grouping",
        "from dataclasses import replace",
        "from mlm_core.own_data import two_groupings",
        f"rows = take_rows(read_table(content), replace(columns, second={second}))",
        f"both = two_groupings(design(rows, model){how}).fit",
        "for name, sd in both.sd.items():",
        '    print(f"SD between levels of {name}: {sd:.6g}")',
        'print(f"within: {both.sigma_y:.6g}")',
    ]


def _python_text(text: str) -> str:
    """A string over several lines, one a row."""
    lines = text.split("\n")
    quoted = [repr(line + "\n") for line in lines[:-1]]
    return "(\n" + "\n".join(f"    {line}" for line in quoted) + "\n)"


# statsmodels


def _statsmodels(made: Design) -> str:
    rows, columns = made.rows, made.rows.columns
    text = "{" + ", ".join(f"{name!r}: str" for name in _text_columns(made)) + "}"
    how = f"dtype={text}, keep_default_na=False"
    source = f'"{FILE}"'
    lines = ["import io", "", "import numpy as np", "import pandas as pd"]
    lines += ["import statsmodels.api as sm", ""]
    if rows.n_rows <= MOST_ROWS:
        lines += [f"content = {_python_text(data_csv(made))}", ""]
        source = "io.StringIO(content)"
    lines += [f"d = pd.read_csv({source}, {how})", f"g = d[{columns.group!r}]"]
    lines += ['X = pd.DataFrame({"intercept": np.ones(len(d))})']
    for term in made.terms[1:]:
        lines.append(f"X[{term.name!r}] = {_python_term(made, term)}")
    varying = [made.terms[k].name for k in (0, *made.varying)]
    lines += [
        "",
        f"model = sm.MixedLM(d[{columns.y!r}], X, groups=g, exog_re=X[{varying!r}])",
        "fit = model.fit(reml=True)",
        "print(pd.DataFrame({'estimate': fit.fe_params, 'SE': fit.bse_fe}))",
        "print('SD within groups', np.sqrt(fit.scale))",
        "print('SDs between groups', np.sqrt(np.diag(fit.cov_re)))",
        "print('correlations', (fit.cov_re / np.sqrt(np.outer(np.diag(fit.cov_re),"
        " np.diag(fit.cov_re)))).to_numpy())",
        "first = X.groupby(g).first()",
        f"first[{[t.name for t in made.terms if t.kind in ('row', 'product')]!r}] = 0.0",
        "heights = first @ fit.fe_params + pd.Series("
        "{k: v.iloc[0] for k, v in fit.random_effects.items()})",
        "print(heights)",
    ]
    return "\n".join(lines)


def _python_term(made: Design, term: Term) -> str:
    column = f"d[{term.column!r}]"
    if term.kind == "product":
        one, other = term.name.split(" × ", 1)
        return f"X[{one!r}] * X[{other!r}]"
    values = f"({column} == {term.level!r}).astype(float)" if term.level else column
    if term.kind == "mean":
        values = f"({values}).groupby(g).transform('mean')"
        return _python_centred(made, values, of_groups=True)
    if term.kind == "group":
        return values if term.zero == 0 else _python_centred(made, values, of_groups=True)
    if made.model.within:
        return f"{values} - ({values}).groupby(g).transform('mean')"
    return values if term.zero == 0 else _python_centred(made, values, of_groups=False)


def _python_centred(made: Design, values: str, *, of_groups: bool) -> str:
    if not made.model.at_means:
        return values
    mean = f"({values}).groupby(g).first().mean()" if of_groups else f"({values}).mean()"
    return f"{values} - {mean}"


# lme4


def _lme4(made: Design) -> str:
    rows, columns = made.rows, made.rows.columns
    text = ", ".join(f'{_r_name(c)} = "character"' for c in _text_columns(made))
    how = f"check.names = FALSE, na.strings = character(), colClasses = c({text})"
    lines = ["library(lme4)", ""]
    if rows.n_rows <= MOST_ROWS:
        body = ",\n".join(f"  {_r_text(line)}" for line in data_csv(made).split("\n")[:-1])
        lines += [f"content <- c(\n{body}\n)", f"d <- read.csv(text = content, {how})"]
    else:
        lines += [f'd <- read.csv("{FILE}", encoding = "UTF-8", {how})  # the file below']
    lines += [f"g <- d[[{_r_text(columns.group)}]]", "first <- !duplicated(g)"]
    lines += ["X <- data.frame(row.names = seq_along(g))"]
    for term in made.terms[1:]:
        lines.append(f"X[[{_r_text(term.name)}]] <- {_r_term(made, term)}")
    names = [_r_name(t.name) for t in made.terms[1:]]
    varying = [_r_name(made.terms[k].name) for k in made.varying]
    lines += [
        f"X[[{_r_text(columns.group)}]] <- g",
        f"X[[{_r_text(columns.y)}]] <- d[[{_r_text(columns.y)}]]",
        "",
        f"fit <- lmer({r_formula(made, names, varying)}, X, REML = TRUE)",
        "print(summary(fit)$coefficients)",
        "print(as.data.frame(VarCorr(fit))[, c('grp', 'var1', 'var2', 'sdcor')])",
        "# The page's intervals are by REML; confint(fit) takes ML's and differs a little.",
        "new <- X[first, ]",
    ]
    zero = [t.name for t in made.terms if t.kind in ("row", "product")]
    lines += [f"new[[{_r_text(name)}]] <- 0" for name in zero]
    terms = ", ".join(_r_text(t.name) for t in made.terms[1:])
    lines += [
        f"terms <- as.matrix(new[, c({terms}), drop = FALSE])",
        "common <- cbind(rep(1, nrow(new)), terms) %*% fixef(fit)",
        "height <- drop(common) + ranef(fit)[[1]][as.character(g[first]), 1]",
        "print(data.frame(group = g[first], height = height))",
    ]
    return "\n".join(lines)


def _lme4_both(made: Design, apart: bool) -> list[str]:
    columns = made.rows.columns
    second = _r_text(str(columns.second))
    cells = f"paste(g, d[[{second}]], sep = ' / ')" if apart else f"d[[{second}]]"
    return [
        "",
        "# With the second grouping",
        f"X[[{second}]] <- {cells}",
        f"both <- lmer({r_formula(made)} + {r_second(made)}, X, REML = TRUE)",
        "print(as.data.frame(VarCorr(both))[, c('grp', 'sdcor')])",
    ]


def r_second(made: Design) -> str:
    """What lme4's formula gets for the second grouping."""
    return f"(1 | {_r_name(str(made.rows.columns.second))})"


def r_formula(
    made: Design, names: list[str] | None = None, varying: list[str] | None = None
) -> str:
    """The model as lme4 writes it."""
    columns = made.rows.columns
    if names is None:
        names = [_r_name(t.name) for t in made.terms[1:]]
    if varying is None:
        varying = [_r_name(made.terms[k].name) for k in made.varying]
    fixed, inside = " + ".join(names) or "1", " + ".join(["1", *varying])
    return f"{_r_name(columns.y)} ~ {fixed} + ({inside} | {_r_name(columns.group)})"


def _r_term(made: Design, term: Term) -> str:
    column = f"d[[{_r_text(term.column)}]]"
    if term.kind == "product":
        one, other = term.name.split(" × ", 1)
        return f"X[[{_r_text(one)}]] * X[[{_r_text(other)}]]"
    values = f"as.numeric({column} == {_r_text(term.level)})" if term.level else column
    if term.kind == "mean":
        return _r_centred(made, f"ave({values}, g)", of_groups=True)
    if term.kind == "group":
        return values if term.zero == 0 else _r_centred(made, values, of_groups=True)
    if made.model.within:
        return f"{values} - ave({values}, g)"
    return values if term.zero == 0 else _r_centred(made, values, of_groups=False)


def _r_centred(made: Design, values: str, *, of_groups: bool) -> str:
    if not made.model.at_means:
        return values
    mean = f"mean(({values})[first])" if of_groups else f"mean({values})"
    return f"{values} - {mean}"


def _r_name(name: str) -> str:
    """A name as R takes it in a formula."""
    if _PLAIN.fullmatch(name) and name not in _RESERVED:
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _r_text(text: str) -> str:
    """A string in R."""
    return json.dumps(text, ensure_ascii=False)
