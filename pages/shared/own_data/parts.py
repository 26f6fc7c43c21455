"""What unfolds below the figure: a part is asked for, and only then computed."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from mlm_core import DataError
from mlm_core.charts.caterpillar import caterpillar
from mlm_core.charts.group_lines import group_lines
from mlm_core.charts.line_up import line_up as line_up_chart
from mlm_core.own_data import (
    checks,
    coefficients,
    glide,
    groups,
    listing,
    one_group,
    predictions,
    second,
    variation,
)
from mlm_core.own_data.download import safe_csv
from mlm_core.own_data.fits import Fits, decimals
from mlm_core.own_data.paragraph import paragraph
from pages.shared import controls, figure, saving
from pages.shared.own_data.session import remembered
from pages.shared.words import count, number, percent, plain

STEP = {
    "groups": "open “All groups”, look which groups lie at the ends, and add a predictor that tells them from the others.",
    "rows": "if the cloud gets wider to one side, try the logarithm of the outcome; if it bends, add another predictor.",
}
FEW_TO_JUDGE = 10
"""Groups below which a picture says nothing of their distribution."""


def variation_part(setting: object, fits: Fits) -> None:
    """SDs, ICC, R², the test of a slope."""
    with st.spinner("Computing the intervals …"):
        parts = remembered("components", setting, lambda: variation.components(fits))
        r2 = remembered("r2", setting, lambda: variation.explained(fits))
    lines = ["| | | estimate | 95% interval |", "|:--|:--|--:|--:|"]
    for c in parts:
        d = (
            2
            if c.symbol in (r"\text{ICC}",) or "rho" in c.symbol
            else decimals(c.value or fits.partial.sigma_y)
        )
        low, high = (number(v, d) for v in c.interval)
        symbol = "" if c.symbol == r"\text{ICC}" else f"${c.symbol}$"
        lines.append(f"| {plain(c.name)} | {symbol} | **{number(c.value, d)}** | {low} to {high} |")
    st.markdown("\n".join(lines))
    st.caption(
        "REML; intervals by profile likelihood. They need not be symmetric, and may reach 0."
    )
    if fits.design.rows.n_groups < 10:
        st.markdown(
            f"{fits.design.rows.n_groups} groups tell little about how much groups differ: look at the interval, "
            "not at the estimate."
        )
    kept = remembered("kept", setting, lambda: variation.keep_slope(fits))
    if kept is not None:
        p = "less than 0.001" if kept.p_value < 0.001 else number(kept.p_value, 3)
        st.markdown(
            f"**Does the slope of {plain(kept.slope)} have to vary?** Without that, minus twice the log likelihood is "
            f"{number(kept.ratio, 1)} higher: p = {p}. An SD cannot be below 0, so half of a chi-square with one "
            "degree of freedom less and half of the usual one are taken (Stram & Lee 1994); the usual p-value would be too "
            "large. If you would let the slope vary for reasons of your subject, keep it: a small SD does no harm."
        )
    if len(fits.design.terms) > 1:
        lines = ["| explained share | R² |", "|:--|--:|"]
        named = {
            "by the predictors (marginal)": r2.marginal,
            "by predictors and groups (conditional)": r2.conditional,
            "of the variance within groups": r2.within,
            "of the variance between groups": r2.between,
        }
        lines += [
            f"| {name} | {number(value, 2)} |"
            for name, value in named.items()
            if math.isfinite(value)
        ]
        st.markdown("\n".join(lines))
        st.caption(
            "Marginal and conditional: Nakagawa & Schielzeth (2013), Johnson (2014). Within and between: by how much the "
            "variances are less than without predictors (Raudenbush & Bryk 2002)."
        )
        if any(number(value, 2).startswith("−") for value in named.values()):
            st.markdown(
                "An R² below 0 means that the predictors explain nothing there: that variance did not get smaller."
            )


def both_groupings(setting: object, fits: Fits, *, apart: bool) -> second.TwoGroupings:
    """The fit with both; raises DataError where there can be none."""
    second.check_second(fits.design)
    name = "apart" if apart else "second"
    found: second.TwoGroupings = remembered(
        name, setting, lambda: second.two_groupings(fits.design, apart=apart)
    )
    return found


def two_groupings_part(setting: object, fits: Fits, lost: int) -> None:
    """Two groupings; ``lost`` rows went because they have no value of the second."""
    columns = fits.design.rows.columns
    name, group = plain(str(columns.second)), plain(columns.group)
    if lost > 0:
        st.markdown(
            f"1 more row was left out, because it has no value in {name}: **all numbers below are without it.**"
            if lost == 1
            else f"{lost:,} more rows were left out, because they have no value in {name}: **all numbers below are without them.**"
        )
    try:
        found = both_groupings(setting, fits, apart=False)
        if found.reused and st.toggle(
            f"The same {name} in two groups is not the same thing (as “class 7A” in two schools)",
            key="own_apart",
        ):
            found = both_groupings(setting, fits, apart=True)
    except DataError as problem:
        st.info(plain(problem), icon=":material/info:")
        return
    kinds = {
        "nested": f"**Nested**: every {plain(str(found.inner))} lies in one {name if found.inner == columns.group else group}.",
        "crossed": f"**Crossed**: every {name} meets every {group}.",
        "partially crossed": f"**Crossed in part**: a {name} meets more than one {group}, but not all.",
    }
    st.markdown(f"{kinds[found.kind]} The data show this; the model needs no word about it.")
    d, part = decimals(found.fit.sigma_y), second.shares(found)
    lines = ["| | levels | SD | share of the variance |", "|:--|--:|--:|--:|"]
    lines += [
        f"| between levels of {plain(k)} | {found.levels[k]:,} | **{number(sd, d)}** | {percent(part[k])} |"
        for k, sd in found.fit.sd.items()
    ]
    lines.append(f"| within | | **{number(found.fit.sigma_y, d)}** | {percent(part['within'])} |")
    st.markdown("\n".join(lines))
    st.caption(
        "With two groupings only intercepts vary: a predictor has the same slope in every group. The figure and the parts "
        f"below have the first grouping only, {group}; the report and the code have both. REML."
    )


def coefficients_part(fits: Fits) -> None:
    """Coefficients with intervals under the three poolings."""
    table = coefficients.coefficients_table(fits)
    lines = ["| | complete pooling | no pooling | partial pooling |", "|:--|--:|--:|--:|"]
    for name in fits.partial.names:
        cells = []
        for pooling in ("complete", "no", "partial"):
            found = table[(table["coefficient"] == name) & (table["pooling"] == pooling)]
            if found.empty:
                cells.append("–")
                continue
            c = found.iloc[0]
            d = decimals(c["se"], 2)
            cells.append(
                f"**{number(c['estimate'], d)}** ({number(c['low'], d)} to {number(c['high'], d)})"
            )
        lines.append(f"| {plain(name)} | {' | '.join(cells)} |")
    st.markdown("\n".join(lines))
    st.caption(
        "In brackets the 95% interval, with t. Complete pooling: with cluster-robust standard errors. No pooling has an "
        "intercept for each group (and each slope that varies), so it says nothing of predictors of groups."
    )
    references = [f"{plain(c)} with {plain(r)}" for c, r in fits.design.references.items()]
    if references:
        st.caption(f"Categories are compared: {'; '.join(references)}.")
    st.download_button(
        "Download these coefficients (CSV)", lambda: safe_csv(table), "coefficients.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="coefficients_csv",
    )  # fmt: skip


def groups_part(setting: object, fits: Fits, shown: np.ndarray, j: int, digits: int) -> None:
    """Caterpillar, the probability of being among the best, the table."""
    table = groups.caterpillar_table(fits, shown, j)
    figure.show(
        "your_caterpillar",
        f"{count(len(shown), 'group')} from the lowest to the highest, each with a 95% interval.",
        caterpillar,
        {"groups": table},
        private=True,
        axes={
            "domain": glide.domain(
                fits.own_height[shown], table[["low", "high", "toward"]].to_numpy().ravel()
            )
        },
        words={"score": fits.design.rows.columns.y[:60], "number": f".{digits}f"},
        rows=len(shown),
    )
    saving.picture("your_caterpillar", "groups")
    every = groups.groups_table(fits)
    if st.toggle("I want to rank the groups", key="own_rank"):
        left, right = st.columns(2)
        k = int(
            left.number_input(
                "Among the best",
                1,
                max(1, fits.partial.n_groups - 1),
                min(5, max(1, fits.partial.n_groups // 4)),
                key="own_best",
            )
        )
        side = right.radio("Best is", ["highest", "lowest"], horizontal=True, key="own_side")
        chance = remembered(
            "best", (setting, k, side), lambda: groups.among_best(fits, k, lowest=side == "lowest")
        )
        every.insert(1, f"among the {k} {side}", chance)
        every = every.sort_values(f"among the {k} {side}", ascending=False)
        top = every.head(3)
        st.markdown(
            f"No table of estimates says who is best. The probability of being truly among the {k} {side}: "
            + "; ".join(f"{plain(str(a))} {percent(b)}" for a, b in zip(top.iloc[:, 0], top.iloc[:, 1], strict=True)) + "."
        )  # fmt: skip
    config = {
        c: st.column_config.NumberColumn(format="%.4g" if "slope" in str(c) or "its SE" in str(c) else f"%.{digits}f")
        for c in every.columns[1:] if c != "rows"
    }  # fmt: skip
    config |= {
        c: st.column_config.NumberColumn(format="%.2f") for c in every.columns if "among" in str(c)
    }
    config |= {
        c: st.column_config.NumberColumn(format="%.0f%%")
        for c in every.columns
        if "share" in str(c)
    }
    in_percent = {c: 100 * every[c] for c in every.columns if "share" in str(c)}
    st.dataframe(every.assign(**in_percent), hide_index=True, column_config=config, height=320)
    st.caption(f"{what_pulled_is(fits)} Intervals with t.")
    st.download_button(
        "Download this table (CSV)", lambda: safe_csv(every), "groups.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="groups_csv",
    )  # fmt: skip


def what_pulled_is(fits: Fits) -> str:
    """What the last columns of the table of groups say."""
    if fits.slopes_vary:
        return (
            "“pulled to”: what is expected of a group. Intercept and slope are pulled together, so one of the two can move "
            "away from what is expected, or past it."
        )
    said = (
        "“pulled (share)”: which part of the way from “no pooling” to “pulled to” a group is moved."
    )
    if fits.design.rows.columns.x:
        said += (
            " Partial pooling also changes the slopes of predictors of rows a little, and with them these numbers. So groups "
            "with equally many rows need not have equal shares."
        )
    if np.isnan(groups.pulled(fits)).any():
        said += " It is empty where a group does not end between the two."
    return said


def rows_part(fits: Fits, j: int) -> None:
    """The data under the fitted lines."""
    axes = one_group.axes_of(fits.design)
    x = (
        st.selectbox("Along", axes, key="own_axis")
        if len(axes) > 1
        else (axes[0] if axes else None)
    )
    tables = one_group.group_tables(fits, j, x)
    points, columns = tables["points"], fits.design.rows.columns
    y = np.concatenate([points["y"], tables["lines"]["y"]])
    name = plain(str(fits.labels[j])[:60])
    figure.show(
        "your_rows",
        f"The rows of the picked group and the lines of the three poolings. Complete pooling at the left "
        f"{number(float(tables['lines']['y'].iloc[0]), 2)}.",
        group_lines,
        tables,
        private=True,
        axes={
            "x": glide.domain(points["x"].to_numpy(), points["x"].to_numpy()) if x else (0.0, 1.0),
            "y": glide.domain(y, y),
        },
        words={"x_title": (x or "rows side by side")[:60], "y_title": columns.y[:60]},
        with_x=x is not None,
    )
    saving.picture("your_rows", "rows")
    st.caption(
        f"**{name}**; pick another group at the figure above. Other predictors of rows are at their mean or reference."
    )


def checks_part(setting: object, fits: Fits) -> None:
    """The line-up."""
    what = st.radio(
        "Look at", ["the groups", "the rows"], horizontal=True, key="own_check",
        captions=["Are their departures normal?", "Are residuals an even band?"],
    )  # fmt: skip
    kind: checks.What = "groups" if what == "the groups" else "rows"
    if kind == "groups" and fits.partial.sd[0] == 0:
        st.markdown(
            "The SD between groups is estimated as exactly 0: no group departs, so there is nothing to look at here. "
            "Look at the rows."
        )
        return
    if kind == "groups" and fits.design.rows.n_groups < FEW_TO_JUDGE:
        st.markdown(
            f"With {fits.design.rows.n_groups} groups no picture can tell whether they are normal."
        )
    seed = int(st.session_state.setdefault("own_line_up", 1))
    panels: checks.LineUp = remembered(
        "lines", (setting, kind, seed), lambda: checks.line_up(fits, kind, seed)
    )
    mine = panels.mine
    st.markdown(
        f"One of these {'lines' if kind == 'groups' else 'clouds'} is your data. The others are drawn from the fitted "
        "model, where everything is as the model says. **Which is yours?**"
    )
    seen = bool(st.session_state.get("own_seen") == (setting, kind, seed))
    figure.show(
        "your_line_up",
        f"Eight numbered panels with a {'line' if kind == 'groups' else 'cloud of points'} each."
        + (f" The data are in panel {mine + 1}." if seen else " One of them is the data."),
        line_up_chart,
        {"points": panels.points, "straight": panels.straight},
        private=True,
        panels=checks.PANELS,
        shown=mine if seen else -1,
        joined=kind == "groups",
    )

    def reveal() -> None:
        st.session_state["own_seen"] = (setting, kind, seed)

    def again() -> None:
        st.session_state["own_line_up"] = seed + 1

    saving.picture("your_line_up", "checks")
    left, right = st.columns(2)
    left.button("Show me", on_click=reveal, disabled=seen, icon=":material/visibility:")
    right.button("Draw others", on_click=again, icon=":material/casino:")
    axes = (
        "The groups from the lowest to the highest. Up: how far each departs from what it is pulled to. Across: how far a "
        "normal distribution would put it. Dashed: exactly normal. A bend or a step at an end is what to look for."
        if kind == "groups"
        else "Across: fitted values. Up: residuals. A band of even height around the dashed line is what the model expects."
    )
    st.caption(axes)
    if seen:
        st.markdown(
            f"Yours is panel **{mine + 1}**. By chance alone, one guess in {checks.PANELS} is right. If you could not tell it "
            f"from the others, this picture gives no reason to doubt the model. If it stood out, one next step: {STEP[kind]}"
        )


def predictions_part(fits: Fits, j: int, digits: int) -> None:
    """The next row, at chosen predictors."""
    rows = fits.design.rows
    columns = rows.columns
    values: dict[str, float | str] = {}
    inputs = [*columns.x, *columns.u]
    places = st.columns(min(len(inputs), 4)) if inputs else []
    for k, name in enumerate(inputs):
        box = places[k % len(places)]
        of = " (of a new group)" if name in columns.u else ""
        if name in rows.numbers:
            v = rows.numbers[name]
            yes_no = set(np.unique(v)) <= {0.0, 1.0}
            start = 0.0 if yes_no else float(f"{v.mean():.4g}")
            values[name] = float(
                box.number_input(
                    f"{plain(name)}{of}", value=start, format="%.6g", key=f"own_at_{name}"
                )
            )
        else:
            values[name] = str(
                box.selectbox(
                    f"{plain(name)}{of}", sorted(set(rows.text[name])), key=f"own_at_{name}"
                )
            )
    here = predictions.predict_in(fits, j, {c: v for c, v in values.items() if c in columns.x})
    new = predictions.predict_new(fits, values)
    lines = [
        "| the next row | expected | 95% of single rows | 95% interval of the group's mean |",
        "|:--|--:|--:|--:|",
    ]
    for name, p in ((f"in {plain(str(fits.labels[j])[:60])}", here), ("in a new group", new)):
        lines.append(
            f"| {name} | **{number(p.mean, digits)}** | {number(p.low, digits)} to {number(p.high, digits)} | "
            f"{number(p.mean_low, digits)} to {number(p.mean_high, digits)} |"
        )
    st.markdown("\n".join(lines))
    st.caption(
        f"With t, for a new group on {rows.n_groups - 1} degrees of freedom: {rows.n_groups} groups tell how much groups differ."
    )


def report_part(setting: object, fits: Fits, j: int) -> None:
    """A paragraph, the code, the data."""
    parts = remembered("components", setting, lambda: variation.components(fits))
    r2 = remembered("r2", setting, lambda: variation.explained(fits))
    both, apart = None, bool(st.session_state.get("own_apart", False))
    if fits.design.rows.columns.second:
        try:
            found = both_groupings(setting, fits, apart=False)
            apart = apart and found.reused
            both = both_groupings(setting, fits, apart=True) if apart else found
        except DataError:
            st.info("Report and code have the first grouping only.", icon=":material/info:")
    st.text_area(
        "A paragraph for your report",
        paragraph(fits, parts, r2, both),
        height=200,
        key=f"own_text_{hash(str(setting))}_{apart}",
    )
    from_file = fits.design.rows.n_rows > listing.MOST_ROWS
    st.caption(
        "Code: download the data first; it reads that file, and gives the numbers of this page."
        if from_file else "Code: it carries the data, runs as pasted, and gives the numbers of this page."
    )  # fmt: skip
    language = controls.choose(
        "Language",
        ["Python (this core)", "Python (statsmodels)", "R (lme4)"],
        "code",
        horizontal=True,
        label_visibility="collapsed",
    )
    if language is not None:
        made = listing.listing(fits.design, str(fits.labels[j]), both=both is not None, apart=apart)
        if both is not None and language == "Python (statsmodels)":
            st.caption("This code has the first grouping only; the other two have both.")
        code = {
            "Python (this core)": made.core,
            "Python (statsmodels)": made.statsmodels,
            "R (lme4)": made.lme4,
        }[language]
        st.code(code, "r" if language == "R (lme4)" else "python", height=360)
    st.download_button(
        "Download the data that are used (CSV)", lambda: listing.data_csv(listing.in_file(fits.design)), listing.FILE, "text/csv",
        icon=":material/download:", on_click="ignore", key="data_csv",
    )  # fmt: skip
