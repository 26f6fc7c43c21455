"""The fit of one data set against statsmodels, mixedlm and lme4, from 8 schools to 10,000.

Run: ``python benchmarks/fit_speed.py``; with ``--figure`` it also draws docs/fit_speed.png;
``--write`` puts the table of the README in its place.

Every program gets the same students in the form it takes (a `GroupedData`, arrays, data
frames with the school as a category) and fits by REML at its default settings. Times are
processor time (user and system, all threads; the linear algebra has one), the best of some
runs, so that a machine that does other work as well tells nearly the same. What is missing is
skipped and said so; so is statsmodels where a fit takes minutes. ``above`` is by how much a
program's criterion is above this core's: more than 0 is a worse fit, and a good deal above
it a failed one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy is imported; R inherits it

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mlm_core import GroupedData, fit_partial_pooling  # noqa: E402

SIZES = [(8, 73), (20, 300), (100, 2_500), (1_000, 25_000), (10_000, 250_000)]
SLOPES = {"intercepts": "common", "slopes": "varying"}
FORMULAS = {"intercepts": "y ~ x + (1 | school)", "slopes": "y ~ x + (1 + x | school)"}
STATSMODELS_MOST = 1_000  # schools
CORE = "this core"
OTHERS = ("mixedlm", "lme4", "statsmodels")


IN_README = [(20, 300), (1_000, 25_000)]
HEAD = "| | Pooling Lab | mixedlm | lme4 | statsmodels |"


class Timing(NamedTuple):
    """Seconds of processor time and criterion of one program on one data set."""

    seconds: float
    criterion: float


def frame_of(schools: int, students: int, seed: int = 1) -> pd.DataFrame:
    """Students in schools of unequal sizes, two at least; intercepts and slopes vary."""
    rng = np.random.default_rng(seed)
    sizes = 2 + rng.multinomial(students - 2 * schools, rng.dirichlet(np.full(schools, 2.0)))
    j = np.repeat(np.arange(schools), sizes)
    x, between = rng.normal(size=students), rng.normal(size=(schools, 2))
    alpha, beta = 50 + 3 * between[:, 0], 3 + 0.3 * between[:, 0] + between[:, 1]
    y = alpha[j] + beta[j] * x + 6 * rng.normal(size=students)
    return pd.DataFrame({"school": j, "x": x, "y": y})


def best(run: Callable[[], float], most: int = 30, limit: float = 2.0) -> Timing:
    """Least processor time of some runs: at least two, unless one takes long."""
    times: list[float] = []
    while len(times) < 2 or (len(times) < most and sum(times) < limit):
        start = time.process_time()
        criterion = run()
        times.append(time.process_time() - start)
        if times[-1] > 10:
            break
    return Timing(min(times), criterion)


def core(frame: pd.DataFrame, model: str) -> Timing:
    """This core."""
    data = GroupedData.from_frame(frame, y="y", group="school", x="x")
    return best(lambda: fit_partial_pooling(data, SLOPES[model]).criterion)


def mixedlm(frame: pd.DataFrame, model: str) -> Timing | None:
    """Mixedlm, from PyPI."""
    try:
        from mixedlm import lmer
    except ImportError:
        return None
    schools = frame.assign(school=frame["school"].astype(str).astype("category"))

    def run() -> float:
        fit = lmer(FORMULAS[model], schools)
        return float(fit.deviance if not callable(fit.deviance) else fit.deviance())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return best(run)


def statsmodels(frame: pd.DataFrame, model: str) -> Timing | None:
    """Statsmodels' MixedLM, which is in the requirements."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    if frame["school"].nunique() > STATSMODELS_MOST:
        return None
    y, school = frame["y"].to_numpy(), frame["school"].to_numpy()
    X = np.stack([np.ones(len(y)), frame["x"]], axis=1)
    Z = X[:, :1] if model == "intercepts" else X

    def run() -> float:
        return float(-2 * MixedLM(y, X, school, exog_re=Z).fit(reml=True).llf)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return best(run)


def lme4(frames: dict[str, pd.DataFrame]) -> dict[tuple[str, str], Timing]:
    """R's lme4 on all data sets, in one run of R; empty where R or lme4 is not there."""
    if shutil.which("Rscript") is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in frames.items():
            frame.to_csv(Path(folder) / f"{name}.csv", index=False)
        script = str(ROOT / "benchmarks" / "fit_speed.R")
        done = subprocess.run(["Rscript", script, folder], capture_output=True, text=True)
        if done.returncode:
            print(done.stderr)
            return {}
        found = json.loads((Path(folder) / "lme4.json").read_text())
    return {(f["case"], f["model"]): Timing(f["seconds"], f["criterion"]) for f in found}


def compare() -> pd.DataFrame:
    """One row a program, model and size."""
    frames = {f"{schools}": frame_of(schools, students) for schools, students in SIZES}
    of_r = lme4(frames)
    rows = []
    for schools, students in SIZES:
        frame = frames[f"{schools}"]
        for model in SLOPES:
            ours = core(frame, model)
            timings = {
                CORE: ours,
                "mixedlm": mixedlm(frame, model),
                "lme4": of_r.get((f"{schools}", model)),
                "statsmodels": statsmodels(frame, model),
            }
            for program, timing in timings.items():
                if timing is None:
                    continue
                rows.append(
                    {
                        "model": model,
                        "schools": schools,
                        "students": students,
                        "program": program,
                        "ms": 1e3 * timing.seconds,
                        "times": timing.seconds / ours.seconds,
                        "above": timing.criterion - ours.criterion,
                    }
                )
    return pd.DataFrame(rows)


def growth() -> pd.DataFrame:
    """This core alone: students at 1,000 schools, and schools at 10 students each."""
    designs = [("students, in 1,000 schools", 1_000, n) for n in (10_000, 100_000, 1_000_000)]
    designs += [("schools of 10 students", J, 10 * J) for J in (1_000, 10_000, 100_000)]
    rows = []
    for what, schools, students in designs:
        frame = frame_of(schools, students)
        for model in SLOPES:
            ms = 1e3 * core(frame, model).seconds
            size = students if "1,000" in what else schools
            rows.append({"model": model, "what": what, "size": size, "ms": ms})
    return pd.DataFrame(rows)


def show(table: pd.DataFrame, grown: pd.DataFrame) -> None:
    """Print the ratios."""
    for (model, schools, students), part in table.groupby(["model", "schools", "students"]):
        print(f"\n{model}: {schools:,} schools, {students:,} students")
        for row in part.itertuples():
            print(
                f"  {row.program:12} {row.ms:10.2f} ms {row.times:8.1f} x   above {row.above:.1e}"
            )
        for missing in sorted(set(OTHERS) - set(part["program"])):
            why = "takes too long" if missing == "statsmodels" else "not installed"
            print(f"  {missing:12} skipped: {why}")
    print("\nGrowth (ms; ten times the size should take ten times as long, or less)")
    for (what, model), part in grown.groupby(["what", "model"]):
        line = ", ".join(
            f"{row.size_:,}: {row.ms:.1f}"
            for row in part.rename(columns={"size": "size_"}).itertuples()
        )
        print(f"  {model}, {what}: {line}")


def readme_table(table: pd.DataFrame) -> str:
    """The table of the README: milliseconds of processor time, a dash where not measured."""
    found = table.set_index(["model", "schools", "program"])["ms"]
    lines = [HEAD, "|---|---:|---:|---:|---:|"]
    for schools, students in IN_README:
        for model in SLOPES:
            what = f"varying {model}, " + (
                f"{students:,} students in {schools:,} schools"
                if model == "intercepts"
                else "the same"
            )
            times = (found.get((model, schools, program)) for program in (CORE, *OTHERS))
            cells = ("–" if ms is None else f"{ms:,.{int(ms < 9.95)}f}" for ms in times)
            lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write_readme(table: pd.DataFrame) -> None:
    """Put the table in place of the one that README has."""
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(HEAD)
    after = rest.partition("\n\n")[2]
    readme.write_text(f"{before}{readme_table(table)}\n\n{after}")


def figure(table: pd.DataFrame, grown: pd.DataFrame, path: Path) -> None:
    """Time against size, both on logarithmic axes, as a picture."""
    import altair as alt

    order = [CORE, *OTHERS]
    colour = alt.Color("program:N", sort=order, title=None).scale(
        domain=order, range=["#007a5e", "#c2570c", "#3366bb", "#777777"]
    )
    time_axis = alt.Y("ms:Q", title="processor time of a fit, milliseconds").scale(type="log")
    panels = []
    for model, title in (("intercepts", "Varying intercepts"), ("slopes", "Varying slopes")):
        base = alt.Chart(table[table["model"] == model]).encode(
            x=alt.X("students:Q", title="students").scale(type="log"),
            y=time_axis,
            color=colour,
            shape=alt.Shape("program:N", sort=order, title=None),
        )
        marks = base.mark_line(strokeWidth=2) + base.mark_point(size=70, filled=True)
        panels.append(marks.properties(title=title, width=330, height=300))
    base = alt.Chart(grown).encode(
        x=alt.X("size:Q", title="students or schools").scale(type="log"),
        y=time_axis,
        color=alt.Color("what:N", title="this core, by number of").scale(
            range=["#004d3b", "#00a37d"]
        ),
        strokeDash=alt.StrokeDash("model:N", title=None),
    )
    marks = base.mark_line(strokeWidth=2) + base.mark_point(size=60, filled=True)
    panels.append(marks.properties(title="Cost grows in a straight line", width=330, height=300))
    chart = alt.hconcat(*panels).resolve_scale(color="independent", shape="independent")
    chart = chart.configure(font="sans-serif").configure_view(stroke=None)
    chart = chart.configure_axis(labelFontSize=12, titleFontSize=13, grid=True, gridOpacity=0.4)
    chart.configure_title(fontSize=15).save(path, scale_factor=2)


def main() -> None:
    """Compare, print and perhaps draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", action="store_true", help="draw docs/fit_speed.png")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    asked = parser.parse_args()
    table, grown = compare(), growth()
    show(table, grown)
    print(f"\nProcessor time, milliseconds\n\n{readme_table(table)}")
    if asked.write:
        write_readme(table)
    if asked.figure:
        figure(table, grown, ROOT / "docs" / "fit_speed.png")


if __name__ == "__main__":
    main()
