"""Your data: a table of your own, or a bundled one, under the three poolings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import streamlit as st

from mlm_core import DataError, estimates
from mlm_core.charts.lines_plane import lines_plane
from mlm_core.charts.pooling_path import pooling_path
from mlm_core.own_data.columns import Columns, choose_columns, guess_columns
from mlm_core.own_data.read_table import Table, read_table
from mlm_core.own_data.report import (
    decimals,
    domain,
    glide,
    groups_table,
    handle_scale,
    path_tables,
    plane_tables,
    predict_known,
    predict_new,
    report,
    shown_groups,
)  # fmt: skip
from mlm_core.records import Slopes
from pages.shared import controls, figure, lesson
from pages.shared.code import LARGEST, Recipe, listing_of_data
from pages.shared.words import count, number, percent, plain, signed

SLUG = "your_data"
OWN = "A file of your own"
BUNDLED = {"schools": "20 schools, simulated", "tutoring": "Tutoring in schools, simulated"}
NONE = "(none)"
COMMON, VARYING = "the same for every group", "each group has its own"
DATASETS = Path(__file__).parents[1] / "datasets"
there = {slug: name for slug, name in BUNDLED.items() if (DATASETS / f"{slug}.csv").exists()}


def remembered(name: str, key: object, make: Callable[[], Any]) -> Any:
    """What ``make`` returns, kept for this reader until ``key`` changes: never for others."""
    slot = st.session_state.get(f"_mine_{name}")
    if slot is None or slot[0] != key:
        slot = st.session_state[f"_mine_{name}"] = (key, make())
    return slot[1]


def forget() -> None:
    """Drop everything that came from the reader's file."""
    for key in [k for k in st.session_state if str(k).startswith(("_mine_", "_private", "own_"))]:
        del st.session_state[key]


def stop(sentence: str) -> NoReturn:
    """Say why there is nothing to show, and end the page."""
    st.warning(sentence, icon=":material/info:")
    lesson.close(SLUG, "Choose the outcome and the group; all else follows.")
    st.stop()  # raises
    raise AssertionError


def opened() -> tuple[object, Table]:
    """The chosen table and what tells it from others."""
    names = [*there.values(), OWN]
    source = controls.choose(
        "Data", names, "source", default=names[0], horizontal=True, label_visibility="collapsed"
    )
    if source != OWN:
        slug = next((slug for slug, name in there.items() if name == source), next(iter(there)))
        return slug, remembered(
            "bundled", slug, lambda: read_table((DATASETS / f"{slug}.csv").read_bytes())
        )
    uploaded = st.file_uploader(
        "A CSV file, one row for each student (patient, customer, …), with a column that names the group",
        ["csv", "txt", "tsv", "dat"], key="file", on_change=forget,
        help="Commas, semicolons or tabs; decimal point or comma. Its first row names the columns.",
    )  # fmt: skip
    st.caption(
        "The file is read into the memory of this session. It is not stored, not logged, and gone "
        "when you close the page. Still: take names and other personal details out first."
    )
    try:
        if uploaded is not None:
            return uploaded.file_id, remembered(
                "table", uploaded.file_id, lambda: read_table(uploaded.getvalue())
            )
    except DataError as problem:
        stop(plain(problem))
    kept = st.session_state.get("_mine_table")
    if kept is None:
        stop("Choose a file, or look at one of the bundled tables.")
    st.button("Forget the file I opened before", on_click=forget, icon=":material/delete:")
    was_opened: tuple[object, Table] = kept
    return was_opened


def chosen_columns(source: object, table: Table) -> Columns:
    """Four boxes with the guess in them."""
    try:
        guess = remembered("guess", source, lambda: guess_columns(table))
    except DataError as problem:
        stop(plain(problem))
    bundled = source in there

    def box(place: Any, label: str, role: str, wanted: str | None, optional: bool) -> str | None:
        options = [NONE, *table.columns] if optional else list(table.columns)
        key = role if bundled else f"own_{role}_{source}"
        if st.session_state.get(key) not in (None, *options):
            del st.session_state[key]
        how: dict[str, Any] = {"bind": "query-params"} if bundled else {"persist_state": "session"}
        said = place.selectbox(label, options, options.index(wanted or NONE), key=key, **how)
        return None if said == NONE else str(said)

    boxes = st.columns(4)
    y = box(boxes[0], "Outcome y", "outcome", guess.y, False)
    group = box(boxes[1], "Group", "group", guess.group, False)
    x = box(boxes[2], "Predictor x, of rows", "x", guess.x, True)
    u = box(boxes[3], "Predictor u, of groups", "u", guess.u, True)
    return Columns(str(y), str(group), x, u)


lesson.begin(SLUG)
with st.container(border=True):
    source, table = opened()
    columns = chosen_columns(source, table)
    try:
        taken = remembered("chosen", (source, columns), lambda: choose_columns(table, columns))
    except DataError as problem:
        stop(plain(problem))
    columns, data = taken.columns, taken.data
    slopes: Slopes = "common"
    centred = False
    if columns.x:
        left, right = st.columns(2)
        with left:
            slope = controls.choose(
                "Slope of x", [COMMON, VARYING], "slope_of_x", default=COMMON, horizontal=True
            )
        with right:
            centred = controls.switch("Count x from its mean", "centred")
        slopes = "varying" if slope == VARYING else "common"
    if centred:
        data = replace(data, x=data.x - data.x.mean())

setting = (source, columns, slopes, centred)
try:
    found = remembered("report", setting, lambda: report(data, slopes))
except DataError as problem:
    stop(plain(problem))

# ------------------------------------------------------------------ what came, and what was dropped
y_name, x_name, u_name = (plain(name or "")[:120] for name in (columns.y, columns.x, columns.u))
used = f"**{data.n_students:,} rows in {data.n_groups:,} groups** are used"
dropped = (
    f"; {taken.n_left_out:,} of {taken.n_read:,} were left out: {plain('; '.join(taken.left_out))}"
    if taken.n_left_out
    else f", all of the {taken.n_read:,} read"
)
st.markdown(f"{used}{dropped}.")
notes = [*table.notes, *taken.notes]
if notes:
    with st.expander(f"{count(len(notes), 'note')} on these data", expanded=True):
        st.markdown("\n".join(f"- {plain(note)}" for note in notes))

fit, hyper = found.partial, found.partial.hyper
names, n = data.labels.astype(str), data.n
digits = decimals(float(data.y.std()))
unit = f"units of {columns.y[:30]}"
place_of_x = "" if not columns.x else f" at the mean of {columns.x[:30]}"
score = f"mean of {columns.y[:30]}" if not columns.x else f"{columns.y[:30]}{place_of_x}"

# --------------------------------------------------------------------------------------- the figure
place, beside = lesson.figure_and_controls()
smallest = int(np.argmin(n))
pick_key = "school" if source in there else f"own_group_{source}_{columns.group}"
with beside:
    if source in there:
        picked = controls.school(names, names[smallest], "Group")
    else:
        options = list(names)
        if st.session_state.get(pick_key) not in (None, *options):
            del st.session_state[pick_key]
        picked = st.selectbox("Group", options, smallest, key=pick_key, persist_state="session")
j = int(np.flatnonzero(names == picked)[0])


def picker(chart: str, field: str) -> Callable[[], None]:
    """A click in the figure picks the group."""

    def pick() -> None:
        points = st.session_state[chart].selection.get("school", [])
        if points and points[0].get(field) in set(names):
            st.session_state[pick_key] = points[0][field]

    return pick


groups = shown_groups(data, j)
sample = "" if len(groups) == data.n_groups else (
    f" The figure shows {len(groups)} of the {data.n_groups:,} groups, of all sizes; the fits use all."
)  # fmt: skip
with place:
    figure.legend(
        no="by itself",
        partial="",
        complete="complete pooling, by u" if columns.u and slopes == "common" else "",
    )
    if slopes == "common":
        path = remembered("glide", setting, lambda: glide(found))
        scale = handle_scale(found)
        rest = estimates.resting_place(hyper.sigma_alpha, scale)
        figure.show(
            "your_path",
            f"{count(len(groups), 'group')}, largest first, between no pooling and complete "
            f"pooling. SD between groups: {number(hyper.sigma_alpha, digits)}.{sample}",
            pooling_path,
            path_tables(found, path, groups, j, digits, unit),
            on_school=picker("your_path", "school"),
            private=source not in there,
            domain=domain(found, groups),
            rows=len(groups),
            scale=scale,
            steps=estimates.STEPS,
            score=score,
            unit=unit,
            group="group",
            member="rows",
            number=f".{digits}f",
            one_mean=columns.u is None,
        )
        figure.handle("your_path", rest, estimates.STEPS - 1)
    else:
        figure.show(
            "your_plane",
            f"{count(len(groups), 'group')} by slope and height; partial pooling pulls them together. "
            f"SD of heights {number(hyper.sigma_alpha, digits)}, of slopes "
            f"{number(hyper.sigma_beta, decimals(hyper.sigma_beta))}.{sample}",
            lines_plane,
            plane_tables(found, groups, j),
            on_school=picker("your_plane", "group"),
            private=source not in there,
            heights=domain(found, groups),
            slopes=domain(found, groups, slopes=True),
            score=score,
            slope=f"slope of {(columns.x or '')[:30]}",
            number=f".{digits}f",
        )
if sample:
    st.caption(sample.strip())

# ------------------------------------------------------------------------------------- what you see
line = groups_table(found).iloc[j]
known = plain(picked[:60])
if slopes == "common" and hyper.sigma_alpha == 0:
    lesson.see(
        "The estimate of σ_α is exactly 0: these groups differ no more than rows drawn at random "
        "would make them, so all are pooled completely. Its interval says how sure that is."
    )
elif slopes == "common":
    gone = (line.own - line.pooled) / (
        line.own - line.toward
    )  # with x the slopes differ a little, too
    way = (
        f"{percent(line.pulled)} of the way "
        if abs(gone - line.pulled) < 0.01
        else "some of the way "
    )
    lesson.see(
        f"{known} has {count(int(line.n), 'row')}: {'its line at the mean of x' if columns.x else 'its own mean'}, "
        f"{number(line.own, digits)}, is pulled {way}to {number(line.toward, digits)}, "
        f"to **{number(line.pooled, digits)}**.",
        f"{percent(hyper.sigma_alpha**2 / (hyper.sigma_alpha**2 + fit.sigma_y**2))} of the variance"
        f"{' that the predictors leave' if columns.x or columns.u else ''} lies between groups.",
    )
else:
    of_slope = decimals(float(np.nanmean(fit.lines.se_beta)))
    own = (
        f"its own slope is {number(line.own_slope, of_slope)}"
        if np.isfinite(line.own_slope)
        else "it has no slope of its own"
    )
    lesson.see(
        f"{known} has {count(int(line.n), 'row')}: {own}; partial pooling gives "
        f"**{number(line.slope, of_slope)}**, and **{number(line.pooled, digits)}** at the mean of x.",
        "The estimate lies on the boundary: an SD of exactly 0, or a correlation of exactly 1 or −1. "
        "The data cannot tell it from that." if fit.singular else "",
    )  # fmt: skip

# ------------------------------------------------------------------------------- variance components
st.subheader("Variance components", anchor=False)


def component(name: str, symbol: str, value: float, size: float) -> str:
    """A row of the table."""
    low, high = found.intervals[name]
    d = decimals(size) if name not in ("icc", "rho") else 2
    return f"| {symbol} | **{number(value, d)}** | {number(low, d)} to {number(high, d)} |"


what_alpha = "SD between groups" if slopes == "common" else "SD between groups where x = 0"
rows = [
    component(
        "sigma_alpha",
        rf"{what_alpha} $\sigma_\alpha$",
        hyper.sigma_alpha,
        hyper.sigma_alpha or fit.sigma_y,
    )
]
if slopes == "varying":
    rows.append(
        component("sigma_beta", r"SD of slopes $\sigma_\beta$", hyper.sigma_beta, hyper.sigma_beta)
    )
    rows.append(component("rho", r"their correlation $\rho$", hyper.rho, 1.0))
rows.append(component("sigma_y", r"SD within groups $\sigma_y$", fit.sigma_y, fit.sigma_y))
if slopes == "common":
    icc = hyper.sigma_alpha**2 / (hyper.sigma_alpha**2 + fit.sigma_y**2)
    rows.append(component("icc", r"share between groups (ICC)", icc, 1.0))
left, right = st.columns(2, gap="large")
with left:
    st.markdown("\n".join(["| | estimate (REML) | 95% interval |", "|:--|--:|--:|", *rows]))
    st.caption(
        "Intervals: profile likelihood, as lme4's confint(). They need not be symmetric, and may reach 0."
    )
    if columns.x and slopes == "varying" and not data.x.min() <= 0 <= data.x.max():
        st.caption(
            f"x = 0 lies outside your data ({data.x.min():.4g} to {data.x.max():.4g}), so "
            "σ_α and ρ describe a place where nobody is. Count x from its mean."
        )

# --------------------------------------------------------------------------------------- three fits
own_line, robust = found.no.lines, found.complete


def three(name: str, label: str, own: tuple[float, float] | None = None) -> str:
    """A row: the three estimates with their standard errors in brackets."""
    k = fit.coef_names.index(name)
    pairs = [(robust.coef[k], robust.cluster_se[k]), own, (getattr(hyper, name), fit.se(name))]
    cells = [
        f"{number(v[0], decimals(v[1], 2))} ({number(v[1], decimals(v[1], 2))})" if v else "–"
        for v in pairs
    ]
    return f"| {label} | {' | '.join(cells)} |"


within = (own_line.beta[0], own_line.se_beta[0]) if columns.x and slopes == "common" else None
labels = {
    "a0": "intercept $a_0$",
    "a1": f"slope of {x_name} $a_1$",
    "b0": f"{u_name} $b_0$",
    "b1": f"{u_name} × {x_name} $b_1$",
}
rows = [three(name, labels[name], within if name == "a1" else None) for name in fit.coef_names]
with right:
    st.markdown(
        "\n".join(
            ["| | complete pooling | no pooling | partial pooling |", "|:--|--:|--:|--:|", *rows]
        )
    )
    st.caption(
        "Standard errors in brackets; of complete pooling, the cluster-robust ones. No pooling has an "
        f"intercept for each group{' and a slope' if slopes == 'varying' else ''}: see the table below."
    )

# -------------------------------------------------------------------------------------- predictions
st.subheader("What will the next one be?", anchor=False)
here, new = predict_known(found, j), predict_new(found)
of_x = f", with {x_name} at its mean" if columns.x else ""
of_u = f" and {u_name} at its mean" if columns.u else ""
st.markdown(
    f"In **{known}**{of_x}: {number(here.mean, digits)}, 95% from {number(here.low, digits)} to {number(here.high, digits)}.  \n"
    f"In a **new group**{of_x}{of_u}: {number(new.mean, digits)}, 95% from {number(new.low, digits)} to {number(new.high, digits)}."
)

# ------------------------------------------------------------------------------------ all the groups
st.subheader("All groups", anchor=False)
every = groups_table(found)
shown = every.rename(columns={
    "group": "group", "n": "rows", "own": "no pooling", "own_se": "its SE", "pooled": "partial pooling",
    "pooled_se": "SE", "low": "2.5%", "high": "97.5%", "toward": "pulled to", "pulled": "pulled (share)",
    "own_slope": "own slope", "own_slope_se": "its SE ", "slope": "slope", "slope_se": "SE ",
})  # fmt: skip
config = {c: st.column_config.NumberColumn(format=f"%.{digits}f") for c in shown.columns[2:]}
config |= {c: st.column_config.NumberColumn(format="%.2f") for c in ("pulled (share)",)}
config |= {
    c: st.column_config.NumberColumn(format="%.4g")
    for c in ("own slope", "its SE ", "slope", "SE ")
}
st.dataframe(shown, hide_index=True, column_config=config, height=320)
st.download_button(
    "Download this table (CSV)", lambda: every.to_csv(index=False, float_format="%.10g"), "groups.csv",
    "text/csv", icon=":material/download:", on_click="ignore", key="groups_csv",
)  # fmt: skip

# ---------------------------------------------------------------------------------- model and code
tint = lesson.tint()
with_x, with_u, vary = columns.x is not None, columns.u is not None, slopes == "varying"
slope_term = "" if not with_x else r" + \beta_{j[i]} x_i" if vary else r" + \beta x_i"


def level_2(left: str, mean: str, of_u: str, error: str) -> str:
    """A line of the school-level model."""
    return rf"{tint.partial(left)} &= {mean}{of_u if with_u else ''} + {error}"


def aligned(lines: list[str]) -> str:
    """Equations under each other."""
    return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"


def estimated(name: str) -> str:
    """A coefficient as a number."""
    return number(getattr(hyper, name), decimals(fit.se(name), 2))


def term(name: str) -> str:
    """The coefficient of u as a further term."""
    return f" {signed(getattr(hyper, name), decimals(fit.se(name), 2))} u_j"


symbols = [r"y_i &= \alpha_{j[i]}" + slope_term + r" + \epsilon_i"]
symbols.append(level_2(r"\alpha_j", "a_0", " + b_0 u_j", r"\eta_{j1}"))
values = [level_2(r"\alpha_j", estimated("a0"), term("b0") if with_u else "", r"\eta_{j1}")]
if vary:
    symbols.append(level_2(r"\beta_j", "a_1", " + b_1 u_j", r"\eta_{j2}"))
    values.append(level_2(r"\beta_j", estimated("a1"), term("b1") if with_u else "", r"\eta_{j2}"))
roles = {"y": columns.y, "x": columns.x, "u": columns.u}
named = [f"{role} is {plain(name[:60])}" for role, name in roles.items() if name and name != role]
lesson.model(
    aligned(symbols),
    aligned(values),
    f"Here {', '.join(named)}. With the numbers:" if named else "With the numbers:",
)

fixed = (
    {"common": "x + u", "varying": "x * u"}[slopes]
    if with_x and with_u
    else "x"
    if with_x
    else "u"
    if with_u
    else "1"
)
random = "1 + x | school" if vary else "1 | school"
extra = ([f'slopes="{slopes}"'] if slopes == "varying" else []) + (
    ["group_predictor=True"] if with_u else []
)
arguments = ", ".join(["data", *extra])
lesson.code(
    lambda: listing_of_data(
        data,
        Recipe(
            core=[
                "from mlm_core.intervals import variance_intervals",
                "",
                f"fit = mlm.fit_partial_pooling({arguments})",
                "print(fit.hyper, fit.sigma_y)",
                f"print(variance_intervals({arguments}))",
                "print(dict(zip(data.labels, fit.lines.alpha)))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                f'fit = smf.mixedlm("y ~ {fixed}", schools, groups="school"'
                + (', re_formula="~x"' if slopes == "varying" else "")
                + ").fit(reml=True)",
                "print(fit.fe_params, fit.cov_re, fit.scale)",
            ],
            lme4=[
                f"fit <- lmer(y ~ {fixed} + ({random}), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
                'print(confint(fit, parm = "theta_", oldNames = FALSE))',
                "print(coef(fit)$school)",
            ],
        ),
    ),
    lambda: estimates.students_table(data),
    "%.15g",
    from_file=data.n_students > LARGEST,
)
lesson.close(
    SLUG,
    "Your groups are estimated best with the help of each other: by how much, the data say "
    "themselves.",
)
