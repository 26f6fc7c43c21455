"""Columns guessed as a person would: on tables made here, and on classic ones where R has them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm_core.own_data import Columns, guess_columns, read_table
from mlm_core.own_data.columns import swapped
from mlm_core.own_data.guess import guess_second, one_thing_at_several_times, unused

ROOT = Path(__file__).resolve().parents[3]


def guess_of(frame: pd.DataFrame):
    return guess_columns(read_table(frame.to_csv(index=False).encode()))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("id,score,class\n1,3.1,a\n2,4.2,a\n3,1.5,b\n4,2.5,b", ("score", "class", (), ())),
        (
            "school,u,x,y\n1,5,1,3.1\n1,5,2,4.2\n2,6,3,1.5\n2,6,4,2.5",
            ("y", "school", ("x",), ("u",)),
        ),
        (
            "site,treated,pre,post\na,0,1,3\na,1,2,4\nb,0,3,1\nb,1,5,2",
            ("post", "site", ("treated",), ()),
        ),
        (
            ",hospital,age,days\n1,x,50,3.5\n2,x,60,4\n3,z,70,2\n4,z,40,7",
            ("days", "hospital", ("age",), ()),
        ),
    ],
)
def test_small_tables(text, wanted):
    found = guess_columns(read_table(text.encode()))
    assert (found.y, found.group, found.x, found.u) == wanted


def panel(units: int, times: int, seed: int = 1):
    """A unit for each of several times, as most tables of growth are."""
    rng = np.random.default_rng(seed)
    j, t = np.repeat(np.arange(units), times), np.tile(np.arange(times), units)
    return j, t, 250 + 40 * rng.standard_normal(units)[j] + 10 * t + rng.normal(0, 20, len(j))


def test_a_clock_is_no_outcome_and_a_number_can_be_a_group():
    j, t, y = panel(18, 10)
    frame = pd.DataFrame({"Reaction": y.round(3), "Days": t, "Subject": 308 + 3 * j})
    found = guess_of(frame)
    assert (found.y, found.group, found.x) == ("Reaction", "Subject", ("Days",))


def test_without_any_hint_in_the_names_the_values_decide():
    j, t, y = panel(30, 6, 2)
    frame = pd.DataFrame({"c1": 1000 + 7 * j, "c2": t, "c3": y.round(2), "c4": (j % 3).astype(str)})
    found = guess_of(frame)
    assert (found.y, found.group, found.x) == ("c3", "c1", ("c2",))


def test_codes_of_the_group_are_predictors_of_groups_and_are_categories():
    j, t, y = panel(50, 8, 3)
    frame = pd.DataFrame({"weight": y.round(0), "Time": 2 * t, "Chick": j + 1, "Diet": 1 + j % 4})
    found = guess_of(frame)
    assert (found.y, found.group) == ("weight", "Chick")
    assert (found.x, found.u, found.codes) == (("Time",), ("Diet",), ("Diet",))


@pytest.mark.parametrize("school_years", [2, 1, 0])
def test_no_column_is_the_group_where_none_brings_rows_together(school_years):
    """Countries once each; years that come back by chance do not make groups."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"country": [f"land {k}" for k in range(40)]})
    frame["gdp_per_head"] = rng.lognormal(9.5, 0.8, 40).round()
    frame["schooling"] = rng.normal(10, 2, 40).round(school_years)
    frame["life_expectancy"] = rng.normal(74, 5, 40).round(1)
    if school_years == 0:
        frame["schooling"] = 100 + rng.integers(0, 60, 40)
    found = guess_of(frame)
    assert (found.group, found.x, found.u) == ("", (), ())
    assert found.y in ("life_expectancy", "schooling")
    people = pd.DataFrame({"person": range(200), "age": 18 + rng.integers(0, 60, 200)})
    people["mean_of_marks"] = rng.choice([1.3, 1.7, 2.3, 2.7, 3.3], 200)
    assert guess_of(people.assign(income=rng.lognormal(9, 1, 200).round())).group == ""


@pytest.mark.parametrize("name", ["school", "class_id", "fee", "year"])
@pytest.mark.parametrize("levels", [5, 30])
def test_decimals_are_no_group_whatever_they_are_called(name, levels):
    """As whole numbers they are one, since another column is the same within each."""
    j = np.arange(6 * levels) // 6
    y = np.random.default_rng(8).normal(size=len(j)).round(2)
    frame = pd.DataFrame({name: 10 + j / 2, "wealth": 3.1 + j, "y": y})
    assert guess_of(frame).group == ""
    assert guess_of(frame.assign(**{name: 10 + j})).group == name


def test_the_order_of_columns_and_rows_does_not_matter():
    j, t, y = panel(20, 7, 4)
    frame = pd.DataFrame({"patient": j + 1, "sex": np.where(j % 2, "f", "m"), "week": t, "pain": y})
    wanted = guess_of(frame)
    assert (wanted.y, wanted.group, wanted.x, wanted.u) == ("pain", "patient", ("week",), ("sex",))
    rng = np.random.default_rng(5)
    for _ in range(6):
        mixed = frame.sample(frac=1, random_state=int(rng.integers(99)))
        mixed = mixed[list(rng.permutation(frame.columns))]
        found = guess_of(mixed)
        assert (found.y, found.group) == ("pain", "patient")


def nested() -> pd.DataFrame:
    rng = np.random.default_rng(12)
    pupils = pd.DataFrame({"school": np.arange(240) // 8, "district": np.arange(240) // 40})
    pupils["u"] = rng.normal(size=30)[pupils["school"]].round(3)
    pupils["student"] = np.arange(240) % 8
    return pupils.assign(score=rng.normal(size=240).round(3))


def test_of_nested_groupings_the_finer_is_the_group_and_the_other_is_named():
    table = read_table(nested().to_csv(index=False).encode())
    found = guess_columns(table)
    assert (found.y, found.group) == ("score", "school")
    assert guess_second(table, found) == "district"


def test_no_second_grouping_is_seen_in_names_of_rows_or_of_the_group():
    frame = (
        nested().drop(columns="district").assign(school_name="s" + nested()["school"].astype(str))
    )
    table = read_table(frame.to_csv(index=False).encode())
    assert guess_second(table, Columns("score", "school")) is None
    assert guess_second(table, Columns("score", "school", u=("u",))) is None


def test_what_is_said_of_columns_without_two_values():
    table = read_table(b"g,y,blank,one,some\na,1,,k,\na,2,,k,k\nb,1,NA,k,\nb,3,,k,k")
    why = unused(table, Columns("y", "g"))
    assert (why["blank"], why["one"]) == ("no values", "the same in every row")
    assert why["some"] == "the same in every row that has a value"


def test_radon():
    found = guess_columns(read_table((ROOT / "datasets" / "radon.csv").read_bytes()))
    assert (found.y, found.group) == ("log_radon", "county")
    assert (found.x, found.u) == (("floor",), ("log_uranium",))


CLASSIC = {
    "lme4": {
        "sleepstudy": ("Reaction", "Subject"),
        "Penicillin": ("diameter", "plate|sample"),
        "Pastes": ("strength", "batch|sample"),
        "Dyestuff": ("Yield", "Batch"),
        "cake": ("angle", "replicate"),
        "Arabidopsis": ("total.fruits", "popu|gen"),
        "grouseticks": ("TICKS", "BROOD|LOCATION"),
    },
    "nlme": {
        "Orthodont": ("distance", "Subject"),
        "Oxboys": ("height", "Subject"),
        "MathAchieve": ("MathAch", "School"),
        "Machines": ("score", "Worker"),
        "Rail": ("travel", "Rail"),
        "Oats": ("yield", "Block"),
        "BodyWeight": ("weight", "Rat"),
        "RatPupWeight": ("weight", "Litter"),
        "ergoStool": ("effort", "Subject"),
        "Pixel": ("pixel", "Dog"),
        "Milk": ("protein", "Cow"),
        "Ovary": ("follicles", "Mare"),
        "bdf": ("langPOST|aritPOST", "schoolNR"),
        "Soybean": ("weight", "Plot"),
        "Spruce": ("logSize", "Tree|plot"),
        "IGF": ("conc", "Lot"),
        "Wheat2": ("yield", "Block|variety"),
    },
    "datasets": {
        "ChickWeight": ("weight", "Chick"),
        "Orange": ("circumference", "Tree"),
        "Theoph": ("conc", "Subject"),
        "CO2": ("uptake", "Plant"),
        "Loblolly": ("height", "Seed"),
        "DNase": ("density", "Run"),
        "sleep": ("extra", "ID"),
    },
    "mlmRev": {
        "Exam": ("normexam", "school"),
        "egsingle": ("math", "childid|schoolid"),
        "Hsb82": ("mAch", "school"),
        "Early": ("cog", "id"),
        "Gcsemv": ("written|course", "school"),
        "ScotsSec": ("attain", "second|primary"),
    },
    "MASS": {
        "epil": ("y", "subject"),
        "Sitka": ("size", "tree"),
        "nlschools": ("lang", "class"),
        "oats": ("Y", "B"),
    },
}


def exported(folder: Path) -> None:
    """Write all that the installed packages carry."""
    calls = [
        f'if (requireNamespace("{package}", quietly = TRUE)) {{ e <- new.env(); '
        f'data(list = "{name}", package = "{package}", envir = e); '
        f'write.csv(as.data.frame(e[["{name}"]]), "{folder}/{package}-{name}.csv", '
        "row.names = FALSE) }"
        for package, names in CLASSIC.items()
        for name in names
    ]
    script = folder / "export.R"
    script.write_text("\n".join(calls), encoding="utf-8")
    subprocess.run(["Rscript", str(script)], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_nine_of_ten_classic_tables(tmp_path):
    exported(tmp_path)
    wrong, tried = {}, 0
    for package, names in CLASSIC.items():
        for name, (y, group) in names.items():
            path = tmp_path / f"{package}-{name}.csv"
            if not path.exists():
                continue
            tried += 1
            found = guess_columns(read_table(path.read_bytes()))
            if found.y not in y.split("|") or found.group not in group.split("|"):
                wrong[name] = (found.y, found.group)
    assert tried >= 5
    assert len(wrong) <= 0.1 * tried, json.dumps(wrong)


def test_a_column_that_is_chosen_again_swaps():
    assert swapped(("score", "school"), ("school", "school")) == ("school", "score")
    assert swapped(("score", "school"), ("score", "score")) == ("school", "score")
    assert swapped(("score", "school"), ("score", "town")) == ("score", "town")


def test_german_names_and_a_number_that_is_a_size():
    rng = np.random.default_rng(5)
    k = np.arange(120) // 8
    frame = pd.DataFrame(
        {"Schüler-Nr": np.arange(120) + 1, "Schule": k, "Vortest": rng.random(120)}
    )
    frame["Größe der Klasse"] = 20 + k % 7
    frame["Punktzahl"] = rng.random(120)
    table = read_table(frame.to_csv(sep=";", decimal=",", index=False).encode("latin-1"))
    found = guess_columns(table)
    assert (found.y, found.group, found.x) == ("Punktzahl", "Schule", ("Vortest",))
    assert guess_second(table, found) is None
    assert one_thing_at_several_times(table) == ()


def test_a_column_for_each_wave_is_seen():
    frame = pd.DataFrame({"child": range(9), "sex": list("fmfmfmfmm")})
    for wave in (1, 2, 3):
        frame[f"score_t{wave}"] = np.arange(9) * 1.5 + wave
    wide = read_table(frame.to_csv(index=False).encode())
    assert one_thing_at_several_times(wide) == ("score_t1", "score_t2", "score_t3")
    long = frame.loc[[0, 0, 1, 1]].drop(columns="child").to_csv(index=False)
    assert one_thing_at_several_times(read_table(long.encode())) == ()
