"""A reader's file in a real browser: classic tables guessed right, every number lme4's."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("own_data.R")
OWN = "/your_data?source=A%20file%20of%20your%20own"
CELLS = """() => [...document.querySelectorAll('[data-testid=stMain] table tr')]
  .map(row => [...row.cells].map(cell => cell.innerText))"""

# Rows and groups; outcome, group, predictors as guessed; a second grouping that is offered.
TABLES = {
    "sleepstudy": ("180 rows in 18 groups", "Reaction", "Subject", ["Days"], None),
    "Orthodont": ("108 rows in 27 groups", "distance", "Subject", ["age", "Sex"], None),
    "Oxboys": ("234 rows in 26 groups", "height", "Subject", ["age"], None),
    "ChickWeight": ("578 rows in 50 groups", "weight", "Chick", ["Time", "Diet"], None),
    "MathAchieve": ("7,185 rows in 160 groups", "MathAch", "School", ["SES", "MEANSES"], None),
    "Exam": ("4,059 rows in 65 groups", "normexam", "school", ["standLRT", "schavg"], None),
    "Penicillin": ("144 rows in 24 groups", "diameter", "plate", [], "sample"),
    "Pastes": ("60 rows in 10 groups", "strength", "batch", [], "sample"),
    "egsingle": ("7,230 rows in 1,721 groups", "math", "childid", ["year", "black"], "schoolid"),
}
KINDS = {"Penicillin": "Crossed", "Pastes": "Nested", "egsingle": "Nested"}
CARRIED_BY = {"nlme": ("Orthodont", "Oxboys", "MathAchieve"), "mlmRev": ("Exam", "egsingle")}
NEEDS_R = pytest.mark.skipif(
    shutil.which("Rscript") is None,
    reason="no R here: the page's numbers of nine classic tables are not compared with lme4's",
)
STILL = """() => {
  const idle = document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]');
  window.labStill = idle ? (window.labStill || 0) + 1 : 0;
  const drawn = document.querySelector('[class*=st-key-figure-your] .marks');
  return drawn !== null && window.labStill > 6;
}"""
PARTS = ("How much groups differ", "Coefficients", "Predict")


def r_has(package: str) -> bool:
    asked = ["Rscript", "--vanilla", "-e", f"quit(status = !requireNamespace('{package}'))"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


class Lme4:
    """R, which writes the tables and then fits, while the page is read."""

    def __init__(self, folder: Path):
        self.folder = folder
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
        self.run = subprocess.Popen(
            ["Rscript", "--vanilla", str(SCRIPT), str(folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8",
            env=os.environ | threads,
        )  # fmt: skip
        while not (folder / "tables").exists() and self.run.poll() is None:
            time.sleep(0.05)

    @property
    def tables(self) -> list[str]:
        return (self.folder / "tables").read_text(encoding="utf-8").split()

    def numbers(self) -> dict[str, dict[str, list[float]]]:
        """By table and row of the page; waits until all is fitted."""
        said = self.run.communicate()[1]
        assert self.run.returncode == 0, said
        found: dict[str, dict[str, list[float]]] = {}
        with (self.folder / "numbers.tsv").open(encoding="utf-8") as lines:
            for name, row, values in csv.reader(lines, delimiter="\t"):
                found.setdefault(name, {})[row] = [float(v) for v in values.split(",")]
        return found


@pytest.fixture
def lme4(tmp_path):
    if not r_has("lme4"):
        pytest.skip("R has no lme4: the page's numbers of nine classic tables are not compared")
    lme4 = Lme4(tmp_path)
    yield lme4
    lme4.run.kill()
    lme4.run.wait()


def opened(reader):
    me = reader().opens(OWN, handle=False)
    me.page.set_default_timeout(60_000)  # two cores may be busy with other tests
    return me


def upload(me, path: Path, wanted: str) -> None:
    """Choose a file; the browser takes an earlier one away first, which is a run of its own."""
    me.page.locator("input[type=file]").set_input_files(str(path))
    me.page.get_by_text(f"{wanted}.").first.wait_for()
    ready(me)


def ready(me) -> None:
    """Nothing has run for some frames, and the figure is drawn."""
    me.page.evaluate("window.labStill = 0")
    me.page.wait_for_function(STILL)


def part(me, name: str) -> None:
    me.page.locator(".st-key-part").get_by_text(name, exact=True).click()
    me.page.locator("h2").filter(has_text=name).wait_for()
    ready(me)


def box(me, label: str) -> str:
    return me.page.get_by_label(label, exact=True).input_value()


def chosen(me) -> list[str]:
    every = (
        me.page.locator("[data-testid=stMultiSelect]").filter(has_text="Predictors").inner_text()
    )
    return [line for line in every.splitlines()[1:] if line.strip()]


def rows_of(me) -> dict[str, list[str]]:
    """The cells of each row of the page's tables, symbols and "none" left out."""
    rows = {}
    for name, *cells in me.page.evaluate(CELLS):
        kept = " ".join(c for c in cells if re.search(r"\d", c))
        rows[name] = re.findall(r"-?[\d,]*\.?\d+", kept.replace("−", "-"))
    return rows


def differs(shown: list[str], wanted: list[float]) -> bool:
    """Whether a number shown is not the other one, rounded; lme4 stops a little beside the best."""
    if len(shown) != len(wanted):
        return True
    for text, value in zip(shown, wanted, strict=True):
        last = 10.0 ** -len(text.partition(".")[2])
        if abs(float(text.replace(",", "")) - value) > 0.51 * last + 2e-4 * abs(value):
            return True
    return False


@NEEDS_R
@pytest.mark.parametrize("package", CARRIED_BY)
def test_r_carries_the_classic_tables(package):
    """A package that is not there is said by name, with what was not compared."""
    if not r_has(package):
        missing = " and ".join(CARRIED_BY[package])
        pytest.skip(f"R has no {package}: the page's numbers of {missing} are not compared")


@NEEDS_R
def test_classic_tables_show_lme4s_numbers(reader, lme4):
    """Each is uploaded in the same tab, guessed, and every part with numbers is read."""
    me, shown, wrong = opened(reader), {}, []
    for name in lme4.tables:
        size, y, group, predictors, second = TABLES[name]
        upload(me, lme4.folder / f"{name}.csv", size)
        assert (box(me, "Outcome"), box(me, "Group"), chosen(me)) == (y, group, predictors), name
        if second:
            me.page.get_by_text(f"{second} looks like a second grouping").click()
            me.page.get_by_text(f"{KINDS[name]}").first.wait_for()
            ready(me)
        if name == "sleepstudy":
            let_days_vary(me)
        shown[name] = read_parts(me, 3 if name in ("sleepstudy", "Orthodont") else 2)
        if name in ("sleepstudy", "MathAchieve"):
            shown[name]["groups"] = download_groups(me)
    wanted = lme4.numbers()
    assert set(wanted) == set(lme4.tables)
    for name, said in wanted.items():
        on_page = shown[name]
        if "groups" in on_page:
            wrong += groups_differ(name, on_page["groups"], lme4.folder)
        if "kept" in said:
            ratio = said.pop("kept")[0]
            assert f"is {ratio:.1f} higher: p = less than 0.001" in on_page["text"]
        wrong += [
            (name, row, on_page.get(row), values)
            for row, values in said.items()
            if differs(on_page.get(row, []), values)
        ]
        assert len(said) >= 4
    assert not wrong
    assert me.complaints == []
    assert me.strangers == []


def read_parts(me, count: int) -> dict[str, Any]:
    """The rows of the tables of the first parts, beginning with the one that is open."""
    found: dict[str, Any] = {"text": ""}
    heading = me.page.locator("h2").last
    for name in sorted(PARTS[:count], key=lambda name: name != heading.inner_text()):
        if heading.inner_text() != name:
            part(me, name)
        found |= rows_of(me)
        found["text"] += me.page.locator("[data-testid=stMain]").inner_text()
    return found


def let_days_vary(me) -> None:
    me.page.get_by_text("More of the model").click()
    slopes = me.page.get_by_label("Slopes that vary between groups", exact=True)
    slopes.wait_for()
    me.settles()
    slopes.click()
    slopes.press_sequentially("Days", delay=40)
    me.settles()
    slopes.press("Enter")
    me.page.get_by_text("SD of the slopes of Days").wait_for()
    ready(me)


def download_groups(me) -> pd.DataFrame:
    part(me, "All groups")
    with me.page.expect_download() as coming:
        me.page.get_by_text("Download this table (CSV)").click()
    return pd.read_csv(coming.value.path(), dtype={0: str})


def groups_differ(name: str, table: pd.DataFrame, folder: Path) -> list[object]:
    """The downloaded table of all groups, against lme4's."""
    lme4 = pd.read_csv(folder / f"{name}.groups.csv", dtype={"group": str})
    both = lme4.merge(table, left_on="group", right_on=table.columns[0], validate="1:1")
    assert len(both) == len(table) == len(lme4)
    pairs = {"own": "no pooling", "own_se": "SE (no pooling)", "height": "partial pooling"}
    pairs["se"] = "SE (partial pooling)"
    return [
        (name, mine)
        for theirs, mine in pairs.items()
        if not np.allclose(both[mine], both[theirs], 1e-3, 2e-3 * both["se"].mean())
    ]


def test_a_file_of_ones_own_to_a_figure_that_is_saved_with_its_legend(reader, tmp_path):
    """Upload, look, save: PNG and SVG; the sentence beside the figure is there."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"score": rng.normal(60, 5, 60).round(2), "clinic": np.arange(60) // 6})
    frame["score"] += 4 * rng.normal(size=10)[frame["clinic"]].round(2)
    path = tmp_path / "mine.xlsx"
    frame.to_excel(path, index=False)
    me = opened(reader)
    upload(me, path, "60 rows in 10 groups")
    said = me.page.locator(".pl-hand")
    at_rest = said.get_by_text(re.compile(r"\(the estimate\)\. \d+ moves \d+% of the way to"))
    at_rest.wait_for()
    handle = me.page.locator(".vega-bind input").first
    handle.focus()
    handle.press("ArrowRight")
    at_rest.wait_for(state="detached")
    me.page.get_by_text("Back to the estimate").click()
    at_rest.wait_for()
    saved = {}
    for way in ("SVG", "PNG"):
        with me.page.expect_download() as coming:
            me.page.get_by_role("button", name=way).first.click()
        saved[way] = Path(coming.value.path()).read_bytes()
        assert coming.value.suggested_filename == f"pooling.{way.lower()}"
    text = saved["SVG"].decode()
    for word in ("no pooling: by itself", "partial pooling", "what groups are pulled to"):
        assert word in text
    assert saved["PNG"].startswith(b"\x89PNG")
    assert len(saved["PNG"]) > 10_000
    assert me.complaints == []


def test_a_second_file_after_the_first(reader, tmp_path):
    """What was set for the first is forgotten, in whatever part the reader is."""
    rng = np.random.default_rng(4)
    me = opened(reader)
    for name, count in (("clinic", 10), ("ward", 12)):
        frame = pd.DataFrame(
            {"score": rng.normal(60, 5, 6 * count), "x": rng.normal(size=6 * count)}
        )
        path = tmp_path / f"{name}.csv"
        frame.assign(**{name: np.arange(6 * count) // 6}).to_csv(path, index=False)
        upload(me, path, f"{6 * count} rows in {count} groups")
        assert box(me, "Group") == name
        part(me, "Predict")
