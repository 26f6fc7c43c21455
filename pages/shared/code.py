"""The page's fit as code that carries its data and runs as pasted, in three languages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mlm_core import GroupedData, Scenario

LARGEST = 1500
"""With more students than this, the code reads the downloaded file instead."""

FILE = "schools.csv"
"""The name under which a page's data are downloaded."""

EXACT = ".15g"
"""How numbers are written that did not come from a simulation."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One fit in three languages."""

    core: str
    statsmodels: str
    lme4: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to fit to the data, once in each language, given ``data`` or ``schools``."""

    core: Sequence[str]
    statsmodels: Sequence[str]
    lme4: Sequence[str]


def listing(scenario: Scenario, data: GroupedData, recipe: Recipe) -> Listing:
    """Write the code of a page from its scenario, its data and what it fits."""
    return Listing(
        core="\n".join([*_simulated(scenario, data), *recipe.core]),
        statsmodels="\n".join([*_python_data(data), *recipe.statsmodels]),
        lme4="\n".join([*_r_data(data), *recipe.lme4]),
    )


def listing_of_data(data: GroupedData, recipe: Recipe) -> Listing:
    """Write the code of a fit to data that are not simulated; rows sorted by school."""
    call = [f'{name}="{name}"' for name in ("x", "u") if getattr(data, name) is not None]
    arguments = ", ".join(["schools", 'y="y"', 'group="school"', *call])
    lines = _python_data(data, EXACT)
    core = ["import mlm_core as mlm", *lines, f"data = mlm.GroupedData.from_frame({arguments})", ""]
    return Listing(
        core="\n".join([*core, *recipe.core]),
        statsmodels="\n".join([*lines, *recipe.statsmodels]),
        lme4="\n".join([*_r_data(data, EXACT), *recipe.lme4]),
    )


def listing_of_table(
    table: Mapping[str, Sequence[Any]], recipe: Recipe, name: str = "students"
) -> Listing:
    """Write the code of a fit to a table of any columns: text is coded, numbers are rounded."""
    python = ["import numpy as np", "import pandas as pd", "", f"{name} = pd.DataFrame()"]
    r = ["library(lme4)", "", f"{name} <- data.frame(row = seq_len({len(table['y'])}))"]
    for column, values in table.items():
        if column == "y":
            numbers = [f"{v:.4f}" for v in values]
            python.append(_wrapped(f'{name}["{column}"] = [', numbers, "]"))
            r.append(_wrapped(f"{name}${column} <- c(", numbers, ")"))
            continue
        labels = sorted({str(v) for v in values})
        quoted = [json.dumps(label, ensure_ascii=False) for label in labels]
        at = [labels.index(str(v)) for v in values]
        python.append(_wrapped("names = np.array([", quoted, "])"))
        python.append(_wrapped(f'{name}["{column}"] = names[[', [str(k) for k in at], "]]"))
        r.append(_wrapped("names <- c(", quoted, ")"))
        r.append(_wrapped(f"{name}${column} <- names[c(", [str(k + 1) for k in at], ")]"))
    return Listing(
        core="\n".join(["import mlm_core as mlm", *python, "", *recipe.core]),
        statsmodels="\n".join([*python, "", *recipe.statsmodels]),
        lme4="\n".join([*r, "", *recipe.lme4]),
    )


def _simulated(scenario: Scenario, data: GroupedData) -> list[str]:
    lines = ["from dataclasses import replace", "", "import mlm_core as mlm", ""]
    lines.append(f"scenario = {_record(scenario)}")
    lines.append("data = mlm.simulate(scenario).data")
    if data.x is None:
        lines.append("data = replace(data, x=None)  # only the scores")
    return [*lines, ""]


def _record(scenario: Scenario) -> str:
    """The scenario as an expression: what differs from the default only."""
    changed = _changed(scenario, Scenario())
    if "hyper" in changed:
        inner = _changed(scenario.hyper, Scenario().hyper)
        changed["hyper"] = f"mlm.Hyperparameters({_arguments(inner)})"
    return f"mlm.Scenario({_arguments(changed)})"


def _changed(record: Any, start: Any) -> dict[str, str]:
    pairs = {f.name: (getattr(record, f.name), getattr(start, f.name)) for f in fields(record)}
    return {name: repr(now) for name, (now, then) in pairs.items() if now != then}


def _arguments(values: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _columns(data: GroupedData, digits: str) -> dict[str, list[str]]:
    columns = {"y": [f"{v:{digits}}" for v in data.y]}
    if data.x is not None:
        columns["x"] = [f"{v:{digits}}" for v in data.x]
    if data.u is not None:
        columns["u"] = [f"{v:{digits}}" for v in data.u[data.j]]
    return columns


def _wrapped(opening: str, items: Sequence[str], closing: str) -> str:
    """A list on lines of about 92 signs; an item is never broken, whatever is in it."""
    lines = [opening]
    row = "   "
    for item in items:
        if len(row) + len(item) > 90 and row.strip():
            lines.append(row)
            row = "   "
        row += f" {item},"
    return "\n".join([*lines, row.rstrip(","), closing])


def _python_data(data: GroupedData, digits: str = ".4f") -> list[str]:
    lines = ["import numpy as np", "import pandas as pd", ""]
    if data.n_students > LARGEST:
        read = f'schools = pd.read_csv("{FILE}", dtype={{"school": str}})  # the file below'
        return [*lines, read, ""]
    lines.append(_wrapped("names = [", [repr(str(s)) for s in data.labels], "]"))
    lines.append(_wrapped("n = [", [str(k) for k in data.n], "]"))
    lines.append('schools = pd.DataFrame({"school": np.repeat(names, n)})')
    for name, values in _columns(data, digits).items():
        lines.append(_wrapped(f'schools["{name}"] = [', values, "]"))
    return [*lines, ""]


def _r_data(data: GroupedData, digits: str = ".4f") -> list[str]:
    lines = ["library(lme4)", ""]
    if data.n_students > LARGEST:
        read = f'read.csv("{FILE}", colClasses = c(school = "character"))  # the file below'
        return [*lines, f"schools <- {read}", ""]
    names = [json.dumps(str(s), ensure_ascii=False) for s in data.labels]
    lines.append(_wrapped("names <- c(", names, ")"))
    lines.append(_wrapped("n <- c(", [str(k) for k in data.n], ")"))
    lines.append("schools <- data.frame(school = rep(names, times = n))")
    for name, values in _columns(data, digits).items():
        lines.append(_wrapped(f"schools${name} <- c(", values, ")"))
    return [*lines, ""]
