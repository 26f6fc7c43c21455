"""A paragraph for a report, its numbers from the fit."""

from __future__ import annotations

import math

from mlm_core.own_data.designs import Design
from mlm_core.own_data.fits import Fits, decimals
from mlm_core.own_data.listing import r_formula, r_second
from mlm_core.own_data.second import TwoGroupings
from mlm_core.own_data.variation import Component, Explained


def paragraph(
    fits: Fits, parts: list[Component], r2: Explained, both: TwoGroupings | None = None
) -> str:
    """Sentences on data, model, coefficients, variation and software.

    Parameters
    ----------
    fits : Fits
    parts : list of Component
        Of `variation.components`.
    r2 : Explained
    both : TwoGroupings, optional
        The fit with a second grouping, which gets a sentence.
    """
    made = fits.design
    rows, columns = made.rows, made.rows.columns
    least, most = int(rows.n.min()), int(rows.n.max())
    each = f"{least}" if least == most else f"{least} to {most}"
    out = [
        f"We fitted a multilevel linear regression of {columns.y} to {rows.n_rows:,} rows in "
        f"{rows.n_groups:,} groups ({columns.group}; {each} "
        f"rows each){_left_out(made)}."
    ]
    out.append(_model(made))
    out.append(
        "Estimates are by restricted maximum likelihood; intervals of the SDs are 95% profile "
        "likelihood intervals."
    )
    if len(made.terms) > 1:
        out.append(f"Coefficients (standard errors): {_coefficients(fits)}.")
    said = [_component(part) for part in parts if math.isfinite(part.value)]
    out.append(f"{'; '.join(said)}.")
    if len(made.terms) > 1:
        out.append(
            f"The predictors explain {r2.marginal:.0%} of the variance, predictors and groups "
            f"together {r2.conditional:.0%} (marginal and conditional R² of Nakagawa and "
            "Schielzeth, 2013)."
        )
    out.append(f"In lme4: lmer({r_formula(made)}, REML = TRUE).")
    if both is not None:
        out.append(_both(made, both))
    return " ".join(out)


def _left_out(made: Design) -> str:
    """How many rows are not used, and groups that went with all of theirs; empty if none."""
    rows = made.rows
    left, gone = rows.n_read - rows.n_rows, len(rows.groups_left_out)
    if not left:
        return ""
    said = f", after leaving out {left:,} {'row' if left == 1 else 'rows'} with missing or "
    said += "unreadable values"
    if gone:
        said += f" and with them {'one whole group' if gone == 1 else f'{gone:,} whole groups'}"
    return said


def _both(made: Design, both: TwoGroupings) -> str:
    """What a model with both groupings says."""
    d = decimals(both.fit.sigma_y)
    sds = ", ".join(
        f"{_number(sd, d)} between the {both.levels[name]:,} levels of {name}"
        for name, sd in both.fit.sd.items()
    )
    return (
        f"In a second model, intercepts vary over {both.second} as well ({both.kind}): the SDs are "
        f"{sds}, and {_number(both.fit.sigma_y, d)} within. In lme4: "
        f"lmer({r_formula(made)} + {r_second(made)}, REML = TRUE)."
    )


def _model(made: Design) -> str:
    """What varies, and where zero is."""
    slopes = [made.terms[k].name for k in made.varying]
    what = f"Intercepts{' and the slopes of ' + ' and '.join(slopes) if slopes else ''} vary"
    centred = [t.column for t in made.terms if t.kind in ("row", "group") and t.zero]
    zero = ""
    if made.model.within and made.rows.columns.x:
        zero = " Predictors of rows are counted from the mean of their group."
    elif centred:
        zero = f" {', '.join(dict.fromkeys(centred))} {'is' if len(centred) == 1 else 'are'} "
        zero += "counted from the mean."
    return f"{what} between groups.{zero}"


def _coefficients(fits: Fits) -> str:
    fit = fits.partial
    return ", ".join(
        f"{name} {_number(c, decimals(se, 2))} ({se:.{decimals(se, 2)}f})"
        for name, c, se in zip(fit.names, fit.coef.tolist(), fit.se.tolist(), strict=True)
    )


def _component(part: Component) -> str:
    digits = decimals(part.value) if part.symbol not in (r"\rho", r"\text{ICC}") else 2
    low, high = (_number(v, digits) for v in part.interval)
    name = part.name[0].upper() + part.name[1:]
    return f"{name}: {_number(part.value, digits)} (95% interval {low} to {high})"


def _number(value: float, digits: int) -> str:
    if math.isinf(value):
        return "infinity"
    return f"{value:.{digits}f}".replace("-", "−")
