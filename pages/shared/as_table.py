"""Each figure as a table in the page's words: what it shows now, and nothing that it hides.

A figure is drawn from tables (`mlm_core.charts`). A `Layout` says which of their columns a
reader is told, and how they are called. Where a mark is not shown yet, its ``..._seen`` is 0,
and its column is left out; where the handle moves a mark, its cell has a text for each step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import streamlit as st

from pages.shared.figure import Handle, Shown
from pages.shared.words import number, percent

Cell = str | list[str]
Value = Callable[[dict[str, Any]], Any]

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "pooling_lab_table",
    html='<div class="pl-tables"></div>',
    js=(_HERE / "as_table.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a layout.

    Attributes
    ----------
    heading : str
    value : str or function of a row
        A field of the rows, or what to make of several; a row holds the joined fields.
    kind : int or {"text", "percent", "yes"}
        How it is written: with so many digits, as it is, as a share, as a yes.
    seen : str
        The field that says whether it is shown; empty where it is always.
    """

    heading: str
    value: str | Value
    kind: int | str = 1
    seen: str = ""

    def written(self, row: dict[str, Any]) -> str:
        """The cell of a row; empty where its mark is not shown."""
        if self.seen and not row.get(self.seen):
            return ""
        found = self.value(row) if callable(self.value) else row.get(self.value)
        if found is None:
            return ""
        if self.kind == "text":
            return "" if isinstance(found, float) and math.isnan(found) else str(found)
        if self.kind == "yes":
            return "yes" if found else "no"
        value = float(found)
        if self.kind == "percent":
            return "–" if math.isnan(value) else percent(value)
        return number(value, int(self.kind))


@dataclass(frozen=True, slots=True)
class Layout:
    """A table of a figure: its rows, what is joined to them, its columns.

    Attributes
    ----------
    title : str
    rows : str
        The figure's table that has the rows.
    columns : tuple of Column
    by : tuple of str
        What names a row.
    also : tuple of str
        Further tables that are joined, by what of ``by`` they have, and by the step.
    only : str
        Which rows, as a query.
    """

    title: str
    rows: str
    columns: tuple[Column, ...]
    by: tuple[str, ...] = ("row",)
    also: tuple[str, ...] = ()
    only: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is shown; a cell that follows the handle is a list, a text for each step."""

    title: str
    heads: list[str]
    rows: list[list[Cell]]

    def at(self, step: int) -> list[list[str]]:
        """The cells where the handle is at a step."""
        return [
            [c if isinstance(c, str) else c[min(step, len(c) - 1)] for c in r] for r in self.rows
        ]


Layouts = Mapping[str, Sequence[Layout]]
NONE: Layouts = MappingProxyType({})
C = Column
SCHOOL, STUDENTS = C("school", "school", "text"), C("students", "n", 0)
ARMS = {0: "without the programme", 1: "with the programme"}
QUANTITY = {
    "sigma_alpha": "SD between schools",
    "b0": "slope on u",
    "error": "error of the estimates",
}
WAYS = {"two": "two steps", "both": "multilevel model"}
POOLINGS = {
    "no": "its own mean",
    "complete": "complete pooling",
    "partial": "partial pooling",
}


def _named(field: str, names: Mapping[Any, str]) -> Value:
    return lambda row: names.get(row[field], row[field])


def _at_zero(field: str) -> Value:
    """An intercept where the handle has the zero of x."""
    return lambda row: row[f"{field}_alpha"] + row["at"] * row[f"{field}_beta"]


LESS, MORE = "less one standard error", "plus one standard error"
PATH = (
    C("partial pooling", "alpha", seen="partial_seen"),
    C(LESS, "low", seen="partial_seen"),
    C(MORE, "high", seen="partial_seen"),
    C("pulled", "pulled", "percent", seen="partial_seen"),
)
POOLING = Layout(
    "Schools, the largest first",
    "schools",
    (
        SCHOOL,
        STUDENTS,
        C("own mean", "own"),
        *PATH,
        C("true mean", "truth", seen="truth_seen"),
        C("next year", "later", seen="later_seen"),
    ),
    also=("path",),
)
TARGET = Layout(
    "What schools are pulled to, ± one SD",
    "target",
    (C("u", "u", 2), C("line", "line", 2), C("from", "low", 2), C("to", "high", 2)),
    by=("u",),
)
INTERCEPTS = (
    C("u", "u", 2),
    C("own intercept", "own", 2),
    C("partial pooling", "alpha", 2),
    C("true intercept", "truth", 2, seen="truth_seen"),
)


def _structure(other: str) -> tuple[Layout, ...]:
    """Of an incidence figure; ``other`` is what its squares are."""
    return (
        Layout(
            "What this structure is called",
            "steps",
            (C("kind", "kind", "text"), C("why", "meaning", "text")),
            by=(),
        ),
        Layout(
            "Columns of the figure",
            "right",
            (
                C("name", "group", "text"),
                C("students or children", "n", 0),
                C("their rows", "met", "text"),
                C("mean score, above or below the mean", "own", seen="own_seen"),
                C("what it adds", "part", seen="seen"),
                C(LESS, "low", seen="seen"),
                C(MORE, "high", seen="seen"),
                C("true part", "true_part", seen="truth_seen"),
            ),
            by=("group",),
            also=("met", "true_parts"),
        ),
        Layout(
            other,
            "wrong",
            (
                C("name", "group", "text"),
                C("students or children", "n", 0, seen="seen"),
                C("what it adds", "part", seen="seen"),
                C(LESS, "low", seen="seen"),
                C(MORE, "high", seen="seen"),
            ),
            by=("group",),
            also=("others",),
            only="seen > 0",
        ),
        Layout(
            "Rows of the figure",
            "rows",
            (C("name", "name", "text"), C("what it adds", "adds", "text")),
            by=("name",),
            only="adds_seen > 0",
        ),
    )


LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "pooling_path": (POOLING,),
    "next_year": (
        Layout(
            "Schools in the order of the figure",
            "schools",
            (
                SCHOOL,
                STUDENTS,
                C("this year", "own"),
                C("the year of the handle", "later", seen="later_seen"),
                C("true mean", "truth", seen="truth_seen"),
            ),
            also=("path",),
        ),
    ),
    "one_line": (
        Layout(
            "The height of the line, and its error",
            "errors",
            (
                C("standard error", "label", "text"),
                C("height", "middle"),
                C("less two of them", "low"),
                C("plus two of them", "high"),
            ),
            by=("kind",),
            only="seen > 0",
        ),
        Layout(
            "Schools: mean distance from the line",
            "schools",
            (SCHOOL, STUDENTS, C("mean distance", "residual")),
            by=("school",),
            only="rows_seen > 0",
        ),
        Layout(
            "Students of the picked school",
            "students",
            (C("pre-test", "x", 2), C("score", "y"), C("distance from the line", "residual")),
            by=("student",),
            only="picked",
        ),
    ),
    "redraws": (
        Layout(
            "Schools, the largest first: the newest test",
            "redraws",
            (
                SCHOOL,
                STUDENTS,
                C("own estimate", lambda r: None if r["missing"] else r["alpha"]),
                C("note", "note", "text"),
                C("true value", "truth", seen="truth_seen"),
            ),
            only="age == 0",
        ),
    ),
    "funnel-slim": (
        Layout(
            "Both ends of the ranking",
            "league",
            (C("place, school (students)", "label", "text"),),
            by=("row",),
        ),
        Layout(
            "Schools",
            "schools",
            (
                SCHOOL,
                C("students", "n", 0, seen="size_seen"),
                C("own mean", "own"),
                C("partial pooling", "alpha", seen="partial_seen"),
                C("true mean", "truth", seen="truth_seen"),
            ),
            by=("school",),
            also=("years",),
        ),
    ),
    "best_few": (
        Layout(
            "Schools, the likeliest first",
            "schools",
            (
                C("school (students)", "label", "text"),
                C("probability", "said", "text"),
                C("by its own mean", "by_own", "yes", seen="seen_own"),
                C("by partial pooling", "by_partial", "yes", seen="seen_partial"),
                C("truly", "by_truth", "yes", seen="seen_truth"),
            ),
        ),
    ),
    "two_levels": (
        Layout(
            "Schools",
            "schools",
            (
                SCHOOL,
                STUDENTS,
                C("u", "u", 2, seen="point_seen"),
                C("own intercept", "own", seen="line_seen"),
                C("partial pooling", "alpha", seen="model_seen"),
                C("true intercept", "truth", seen="truth_seen"),
            ),
            by=("school",),
        ),
        Layout(
            "A new school, ± one SD",
            "new",
            (C("u", "u", 2), C("expected", "line"), C("from", "low"), C("to", "high")),
            by=("u",),
            only="seen > 0",
        ),
    ),
    "intercepts": (
        Layout(
            "Schools, the largest first", "schools", (SCHOOL, STUDENTS, *INTERCEPTS), ("school",)
        ),
        TARGET,
    ),
    "counties": (
        Layout(
            "Counties, the largest first",
            "schools",
            (C("county", "school", "text"), C("houses", "n", 0), *INTERCEPTS),
            ("school",),
        ),
        TARGET,
    ),
    "slopes_plane": (
        Layout(
            "Schools; intercepts where x is zero at the handle",
            "schools",
            (
                SCHOOL,
                STUDENTS,
                C("own intercept", _at_zero("own"), seen="own_seen"),
                C("own slope", "own_beta", seen="own_seen"),
                C("intercept, partial pooling", _at_zero("pulled"), seen="partial_seen"),
                C("slope, partial pooling", "pulled_beta", seen="partial_seen"),
                C("true intercept", _at_zero("true"), seen="truth_seen"),
                C("true slope", "true_beta", seen="truth_seen"),
            ),
            by=("school",),
            also=("origins",),
        ),
        Layout("At the handle", "origins", (C("the cloud", "caption", "text"),), by=()),
    ),
    "two_steps": (
        Layout(
            "Schools of this town",
            "schools",
            (
                SCHOOL,
                STUDENTS,
                C("u", "u", 2),
                C("own intercept", "own"),
                C("± standard error", "se"),
                C("true intercept", "true", seen="truth_seen"),
            ),
            by=("school",),
        ),
        Layout(
            "What both ways find in this town, and in all",
            "now",
            (
                C("quantity", _named("quantity", QUANTITY), "text"),
                C("way", _named("way", WAYS), "text"),
                C("in this town", "value", seen="seen"),
                C("on average", "mean_of_all", seen="seen"),
            ),
            by=("quantity", "way"),
            also=("means",),
            only="seen > 0",
        ),
    ),
    "effects": (
        Layout(
            "Schools, the largest first",
            "schools",
            (
                SCHOOL,
                STUDENTS,
                C("own effect", "own"),
                C("95% from", "own_low"),
                C("95% to", "own_high"),
                C("partial pooling", "partial", seen="partial_seen"),
                C("95% from", "low", seen="partial_seen"),
                C("95% to", "high", seen="partial_seen"),
                C("true effect", "truth", seen="truth_seen"),
            ),
        ),
        Layout(
            "Together",
            "summary",
            (
                C("what", "what", "text"),
                C("effect", "mean"),
                C("95% from", "low"),
                C("95% to", "high"),
            ),
            by=("what",),
            only="partial_seen > 0",
        ),
        Layout(
            "At the handle",
            "new",
            (C("a new school", "caption", "text", seen="partial_seen"),),
            by=(),
        ),
    ),
    "next_student": (
        Layout(
            "The next student, 95%",
            "path",
            tuple(
                C(f"{name}{end}", f"{way}_{field}", 1, seen=f"{way}_seen")
                for way, name in (
                    ("partial", "partial pooling"),
                    ("no", "no pooling"),
                    ("complete", "complete pooling"),
                )
                for end, field in (("", "mean"), (", from", "low"), (", to", "high"))
            ),
            by=(),
        ),
        Layout(
            "The true mean of the school",
            "truth",
            (C("true mean", "truth", seen="truth_seen"),),
            by=("truth",),
        ),
        Layout(
            "Students, in the order in which they are seen",
            "students",
            (C("student", "k", 0), C("score", "score")),
        ),
    ),
    "held_out": (
        Layout(
            "Errors of predictions",
            "errors",
            (
                C("left out", "left", "text"),
                C("students in the school", "size", "text"),
                C("pooling", "pooling", "text"),
                C("typical error", "rmse"),
            ),
            by=("left", "size", "pooling"),
            only="answered > 0",
        ),
    ),
    "p_values": (
        Layout(
            "P-values of all trials",
            "bins",
            (
                C("analysis", "name", "text"),
                C("p from", "left", 2),
                C("to", "right", 2),
                C("share of trials", "share", "percent"),
            ),
            by=("bar",),
            only="seen > 0",
        ),
    ),
    "one_trial": (
        Layout(
            "Schools of this trial",
            "schools",
            (C("group", _named("arm", ARMS), "text"), C("mean score", "mean", 2)),
            by=("arm", "place"),
        ),
        Layout(
            "The difference, 95%",
            "intervals",
            (
                C("analysis", "name", "text"),
                C("difference", "effect", 2, seen="seen"),
                C("from", "low", 2, seen="seen"),
                C("to", "high", 2, seen="seen"),
                C("p-value", "label", "text", seen="seen"),
            ),
            by=("row",),
            only="seen > 0",
        ),
    ),
    "errors": (
        Layout(
            "Errors of this school",
            "bars",
            (
                C("estimate", "name", "text"),
                C("error in the last of these draws", "error"),
                C("root mean square of all draws", "label", "text"),
            ),
            by=("way",),
            also=("dots",),
        ),
    ),
    "by_size": (
        Layout(
            "Typical error by school",
            "schools",
            (
                SCHOOL,
                STUDENTS,
                C("estimate", _named("way", POOLINGS), "text"),
                C("typical error", "error"),
                C("intervals that hold the truth", "held", "percent", seen="coverage"),
            ),
            by=("school", "way"),
        ),
    ),
    "spreads": (
        Layout(
            "The estimated SD between schools in all draws",
            "ways",
            (
                C("way", "name", "text"),
                C("mean estimate", "mean"),
                C("estimates of exactly 0", "zero", "percent"),
                C("truth", "truth"),
                C("", "said", "text"),
            ),
            by=("way",),
        ),
    ),
    "two_slopes": (
        Layout(
            "Slopes",
            "slopes",
            (C("slope", "label", "text", seen="seen"), C("true", "true", seen="truth_seen")),
            by=("kind",),
            only="seen > 0",
        ),
        Layout(
            "Schools",
            "schools",
            (
                SCHOOL,
                STUDENTS,
                C("mean pre-test", "x", 2),
                C("mean score", lambda r: r["first"] + r["t"] * (r["last"] - r["first"])),
            ),
            by=("school",),
            also=("ways",),
        ),
    ),
    "incidence": _structure("Its pieces, by the formula with the slash"),
    "districts": _structure("Names used again"),
    "two_limits-slim": (
        Layout("At the handle", "steps", (C("one slope for all", "caption", "text"),), by=()),
        Layout(
            "Schools, the largest first",
            "schools",
            (SCHOOL, STUDENTS, C("intercept", "alpha")),
            also=("path",),
        ),
    ),
    "tau_curves": (
        Layout(
            "How plausible the SD of the handle is (1: the most plausible)",
            "steps",
            (C("plausible", "density", 2, seen="revealed"),),
            by=(),
        ),
        Layout(
            "Schools",
            "schools",
            (
                SCHOOL,
                C("own estimate", "own"),
                C(LESS, "low"),
                C(MORE, "high"),
                C("at the tau of the handle", "value", seen="revealed"),
                C("averaged over tau", "averaged", seen="averaged_seen"),
                C("truth", "truth", seen="truth_seen"),
            ),
            also=("curves",),
        ),
    ),
}


def _met(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Whom each column of an incidence figure meets, and how many of them."""
    met: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for cell in tables["cells"].query("n > 0").to_dict("records"):
        met.setdefault((cell["step"], cell["inner"]), []).append((-int(cell["n"]), cell["outer"]))
    rows = [
        {"step": step, "group": inner, "met": ", ".join(f"{name} {-n}" for n, name in sorted(who))}
        for (step, inner), who in met.items()
    ]
    return pd.DataFrame(rows)


def _prepared(shown: Shown) -> dict[str, pd.DataFrame]:
    """The figure's tables, with names that do not clash when they are joined."""
    tables = dict(shown.tables)
    if shown.key in ("incidence", "districts"):
        tables["met"] = _met(tables)
        tables["others"] = tables["wrong"][["group"]].drop_duplicates()
        tables["true_parts"] = tables["truth"][["step", "group"]].assign(
            true_part=tables["truth"]["part"], truth_seen=tables["truth"]["seen"]
        )
    if shown.key == "slopes_plane":
        both = {"alpha": "pulled_alpha", "beta": "pulled_beta"}
        tables["schools"] = tables["schools"].rename(columns=both)
        tables["origins"] = tables["origins"][["step", "at", "caption"]]
    if shown.key == "two_slopes":
        tables["ways"] = tables["slopes"].query("kind == 'within'")[["step", "t"]]
    if shown.key == "two_steps":
        means = tables["means"]
        tables["means"] = means[["quantity", "way"]].assign(mean_of_all=means["value"])
    if shown.key == "tau_curves":
        tables["schools"] = tables["schools"].reset_index(names="at_row")
        tables["schools"]["row"] = tables["schools"].get("row", tables["schools"]["at_row"])
        tables["curves"] = tables["curves"][["step", "row", "value"]]
    return tables


def _steps(tables: Sequence[pd.DataFrame]) -> int:
    """How many places the handle has for these tables; 0 where it moves none."""
    return max((int(t["step"].max()) + 1 for t in tables if "step" in t and len(t)), default=0)


def _laid_out(layout: Layout, shown: Shown, tables: Mapping[str, pd.DataFrame]) -> Table | None:
    """One table of a figure; None where it shows nothing of it now."""
    base = tables[layout.rows]
    if layout.only:
        base = base.query(layout.only)
    more = [tables[name] for name in layout.also]
    by = list(layout.by)
    names = list(dict.fromkeys(tuple(row) for row in base[by].itertuples(index=False, name=None)))
    steps = _steps([base, *more])
    settings = {k: v for k, v in shown.settings.items() if isinstance(v, bool)}
    found = [_by_name(table, by) for table in (base, *more)]
    rows: list[list[Cell]] = []
    for name in names:
        moments = [_moment(found, name, step, settings) for step in range(max(steps, 1))]
        rows.append([_cell(column, moments) for column in layout.columns])
    kept = [k for k in range(len(layout.columns)) if any(_says(row[k]) for row in rows)]
    if not rows or not kept:
        return None
    heads = [layout.columns[k].heading for k in kept]
    return Table(layout.title, heads, [[row[k] for k in kept] for row in rows])


Found = tuple[list[int], bool, dict[tuple[Any, ...], dict[str, Any]]]


def _by_name(table: pd.DataFrame, by: Sequence[str]) -> Found:
    """A table's rows by step and by what of ``by`` it has."""
    has = [k for k, name in enumerate(by) if name in table]
    moves = "step" in table
    keys = [*(["step"] if moves else []), *(by[k] for k in has)]
    records = table.to_dict("records")
    return (
        has,
        moves,
        {tuple(r[k] for k in keys): {str(f): v for f, v in r.items()} for r in records},
    )


def _moment(
    tables: Sequence[Found], name: tuple[Any, ...], step: int, settings: dict[str, Any]
) -> dict[str, Any]:
    """All that is known of a row at a step; what stands first counts."""
    row: dict[str, Any] = dict(settings)
    for has, moves, found in reversed(tables):
        key = (*((step,) if moves else ()), *(name[k] for k in has))
        row |= found.get(key, {})
    return row


def _cell(column: Column, moments: Sequence[dict[str, Any]]) -> Cell:
    texts = [column.written(row) for row in moments]
    return texts[0] if len(set(texts)) == 1 else texts


def _says(cell: Cell) -> bool:
    return any(cell) if isinstance(cell, list) else bool(cell)


def tables_of(shown: Shown, own: Layouts = NONE) -> list[Table]:
    """What a figure shows now, in words and numbers; ``own`` are a lesson's own layouts."""
    tables = _prepared(shown)
    layouts = {**LAYOUTS, **own}.get(shown.key, ())
    made = [_laid_out(layout, shown, tables) for layout in layouts]
    return [table for table in made if table is not None]


def show(tables: Sequence[Table], handle: Handle | None) -> None:
    """Draw the tables of the figures of a page; their cells follow the handle."""
    _component(
        key="figure-table",
        data={
            "figure": handle.figure if handle is not None else "",
            "label": handle.label if handle is not None else "",
            "spoken": list(handle.spoken) if handle is not None else [],
            "rest": handle.rest if handle is not None else 0,
            "tables": [{"title": t.title, "heads": t.heads, "rows": t.rows} for t in tables],
        },
    )
