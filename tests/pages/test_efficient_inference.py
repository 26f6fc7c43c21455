"""Efficient inference: what is asked, said and drawn, against the errors of the draws."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import Hyperparameters, Scenario
from mlm_core.lessons.efficient_inference import SHOWN, facts
from pages.shared import story
from tests.pages.kit import drawn, mark_at, marks, questions, right, run_python, said, story_of

STORY = story_of("efficient_inference")
HEADINGS = [step.heading for step in STORY.steps]
SITUATION, PREDICT, FORMULA, ODD, INTERVAL, THREE, REML, CHECK, SENTENCE = range(9)
NUMBER = r"−?\d+(?:\.\d+)?"


def scenario(sigma_alpha: float = 5.0, **changes) -> Scenario:
    return Scenario(hyper=Hyperparameters(sigma_alpha=sigma_alpha), **changes)


SCENARIOS = [
    scenario(),
    scenario(n_groups=3),
    scenario(3.0, sigma_y=15.0),
    scenario(0.0),
    scenario(0.0, imbalance=0.0),
    scenario(0.5, n_groups=30, sigma_y=30.0, seed=8),
    scenario(20.0, n_groups=12, sigma_y=1.0, students_per_group=5, extraordinary=40.0),
]


def of(step: int, **changes):
    return STORY.facts(story.designed(STORY, step, **changes))


def rmse(f, way: str, j: int | None = None) -> float:
    errors = f.of(way).errors
    return float(np.sqrt(((errors if j is None else errors[:, j]) ** 2).mean()))


def value(text: str) -> float:
    return float(text.replace("−", "-"))


def numbers(text: str) -> list[float]:
    return [value(found) for found in re.findall(NUMBER, text)]


def test_the_story_is_in_its_order():
    kinds = [step.kind for step in STORY.steps]
    assert kinds[:3] == ["situation", "predict", "say"]
    assert (kinds[ODD], kinds[THREE]) == ("breaks", "breaks")
    assert "interval" in HEADINGS[INTERVAL]
    assert HEADINGS[REML].startswith("REML")


# Questions


@pytest.mark.parametrize("asked", SCENARIOS)
def test_the_prediction_is_computed(asked):
    f = facts(asked, "Ashford")
    question = questions(STORY, PREDICT, f)[0]
    gained = 1 - rmse(f, "partial", f.largest) / rmse(f, "no", f.largest)
    want = ["Hardly: less than 5%", "5% to 25%", "25% to 50%", "More than 50%"][
        int(np.searchsorted([0.05, 0.25, 0.5], gained, side="right"))
    ]
    assert right(question) == want
    why = next(a.why for a in question.answers if a.right)
    pair = [rmse(f, way, f.largest) for way in ("no", "partial")]
    said_ = numbers(why.replace("1,000", ""))
    assert said_[:2] == pytest.approx(pair, abs=0.0051)
    if not f.equal:
        assert said_[-2:] == pytest.approx(
            [rmse(f, way, f.smallest) for way in ("no", "partial")], abs=0.0051
        )
    assert str(f.n.max()) in question.text
    place = [a.right for a in question.answers].index(True)
    for k, answer in enumerate(question.answers):
        if k != place:
            assert answer.why.startswith("Too much" if k > place else "Too little")


@pytest.mark.parametrize("asked", SCENARIOS)
def test_two_equal_sources(asked):
    f = facts(asked, "Ashford")
    question = questions(STORY, CHECK, f)[0]
    missed = asked.hyper.sigma_alpha or 4.0
    assert numbers(right(question))[0] == pytest.approx(missed / 2**0.5, abs=0.051)
    assert numbers(question.text)[0] == pytest.approx(missed, abs=0.051)
    variance = 1 / (1 / missed**2 + 1 / missed**2)
    assert numbers(right(question))[0] == pytest.approx(variance**0.5, abs=0.051)


@pytest.mark.parametrize("asked", SCENARIOS)
def test_who_gains_most_is_computed(asked):
    f = facts(asked, "Ashford")
    gains = [1 - rmse(f, "partial", j) / rmse(f, "no", j) for j in range(len(f.n))]
    small, large = gains[int(f.n.argmin())], gains[int(f.n.argmax())]
    answer = right(questions(STORY, CHECK, f)[1])
    want = (
        "All the same"
        if f.n.min() == f.n.max()
        else "A small one"
        if small > large
        else "A large one"
    )
    assert answer == want
    if want == "A small one":
        why = next(a.why for a in questions(STORY, CHECK, f)[1].answers if a.right)
        assert numbers(why) == pytest.approx([100 * small, 100 * max(large, 0)], abs=1.01)


def test_the_checks_are_true_of_what_the_steps_showed():
    _, _, three, ml = questions(STORY, CHECK, of(CHECK))
    assert "intervals miss the truth too often" in right(three)
    f = of(THREE)
    assert len(f.n) == 3
    assert f.of("partial").overall_coverage < 0.9
    assert rmse(f, "partial") < rmse(f, "no")
    assert right(ml).startswith("ML")
    f = of(REML)
    assert len(f.n) == 5
    assert (f.spreads.ml**2).mean() < 0.85 * f.true_sd**2
    assert (f.spreads.reml**2).mean() == pytest.approx(f.true_sd**2, rel=0.06)
    assert "variance between schools is too small" in questions(STORY, CHECK, f)[3].text


# What the steps say


@pytest.mark.parametrize("asked", SCENARIOS)
def test_the_formula_with_its_numbers(asked):
    f = facts(asked, "Ashford")
    words = said(STORY.steps[FORMULA].text, f).split("$$")[-1]
    n, sa, sy = int(f.n[f.picked]), asked.hyper.sigma_alpha, asked.sigma_y
    together = sa * sy / np.sqrt(n * sa**2 + sy**2)
    got = numbers(words)
    assert got[:6] == pytest.approx([n, sy, sa, sy / n**0.5, sa, together], abs=0.051)
    assert f"by {100 / 2000**0.5:.0f}% or so" in words
    common = [rmse(f, "complete", j) for j in (int(f.n.argmax()), int(f.n.argmin()))]
    if f.equal:
        assert "one size" in words
    else:
        assert got[-2:] == pytest.approx(common, abs=0.051)


def test_the_common_mean_is_made_mostly_of_the_large_schools():
    """Its error in school k, were the SDs known: the school itself is in it with n_k / N."""
    f = of(FORMULA)
    share = f.n / f.n.sum()
    variance = 25 * ((1 - share) ** 2 + (share**2).sum() - share**2) + 100 / f.n.sum()
    luck = 4 * f.luck
    assert f.of("complete").rmse == pytest.approx(np.sqrt(variance), rel=luck)
    assert f.of("complete").rmse[f.largest] < 5 < f.of("complete").rmse[f.smallest]


@pytest.mark.parametrize("asked", [None, *SCENARIOS])
def test_the_odd_school(asked):
    f = of(ODD) if asked is None else facts(asked, "Ashford")
    words = said(STORY.steps[ODD].text, f)
    j = f.names.tolist().index("Ashford")
    want = [rmse(f, "partial", j), rmse(f, "no", j), rmse(f, "partial"), rmse(f, "no")]
    assert numbers(words) == pytest.approx(want, abs=0.051)
    assert ("it loses" in words) == (want[0] > want[1])
    assert ("still errs less" in words) == (want[2] < want[3])
    look = numbers(said(STORY.steps[ODD].look, f))
    if asked is None:
        assert "it loses" in words
        assert "still errs less" in words
        assert look[1:] == pytest.approx(
            [100 * (f.of("partial").errors[:, j] > 0).mean()], abs=0.51
        )


def test_coverage_is_said_as_counted():
    f = of(INTERVAL)
    words = said(STORY.steps[INTERVAL].text, f).split("Own means:")[1]
    held = [100 * f.of(way).coverage.mean() for way in ("no", "partial", "complete")]
    widths = [f.of(way).overall_width for way in ("partial", "no")]
    assert numbers(words) == pytest.approx([held[0], held[1], *widths, held[2]], abs=0.51)
    assert widths[0] < widths[1]


def test_three_schools():
    f = of(THREE)
    words = said(STORY.steps[THREE].text, f)
    got = numbers(words)
    assert got[:2] == pytest.approx([rmse(f, "partial"), rmse(f, "no")], abs=0.0051)
    assert got[2] == pytest.approx(100 * f.of("partial").coverage.mean(), abs=0.51)
    assert got[3] == pytest.approx(100 * (f.made.fits.sigma_alpha == 0).mean(), abs=0.51)
    assert "still smaller" in words
    known = [f.known(int(n))["partial"] for n in f.n]
    assert (f.of("partial").rmse > known).all()  # "lie above their curve"
    shown = drawn(STORY, story.designed(STORY, THREE))[0][0]
    held = shown.tables["schools"].query("way == 'partial'")["held"]
    assert (held < 0.95 - 0.0135).all()  # "Below, it lies under the grey band"
    schools = shown.tables["schools"].set_index(["way", "school"])["error"]
    assert (schools["partial"] < schools["no"] + 0.1).all()


@pytest.mark.parametrize("J", [3, 5, 40])
def test_reml_and_ml(J):
    f = of(REML, n_groups=J)
    words = said(STORY.steps[REML].text, f)
    assert f"How much do {J} schools differ" in words
    got = numbers(words.split("The true variance is")[1])
    reml, ml = (float((v**2).mean()) for v in f.spreads)
    mean = float(f.spreads.reml.mean())
    assert got == pytest.approx([f.true_sd**2, reml, ml, mean, f.true_sd], abs=0.051)
    assert f"REML **{got[1]:.1f}**, ML **{got[2]:.1f}**" in words
    assert mean < reml**0.5  # "average less": Jensen


@pytest.mark.parametrize("step", [SITUATION, ODD])
def test_the_words_follow_the_handle(step):
    f = of(step)
    hand = STORY.steps[step].hand(f)
    ways = ("no", "complete", "partial") if step == ODD else ("no", "complete")
    for k in (0, 7, SHOWN - 1):
        assert hand.texts["k"][k] == f"Draw {k + 1}"
        assert hand.texts["m"][k] == ("1 draw" if k == 0 else f"{k + 1} draws")
        for way in ways:
            errors = f.of(way).errors[: k + 1, f.picked]
            assert value(hand.texts[f"e{way}"][k]) == pytest.approx(errors[-1], abs=0.051)
            assert value(hand.texts[f"r{way}"][k]) == pytest.approx(
                np.sqrt((errors**2).mean()), abs=0.051
            )
    assert ("epartial" in hand.texts) == (step == ODD)
    rows = re.findall(r"scope='row'>([^<]+)</th><td><span data-live=\"e(\w+)\"", hand.html)
    names = {"no": "its own mean", "complete": "the common mean", "partial": "partial pooling"}
    assert rows == [(names[way], way) for way in ways]


def test_the_laboratory_counts_the_picked_school_and_all():
    f = facts(scenario(n_groups=6), "Ashford")
    rows = [line for line in STORY.lab(f).splitlines() if line.startswith("| ")][1:]
    for row, way in zip(rows, ("no", "complete", "partial"), strict=True):
        got = numbers(row)
        assert got[:2] == pytest.approx([rmse(f, way, f.picked), rmse(f, way)], abs=0.0051)
        assert got[2] == pytest.approx(100 * f.of(way).coverage.mean(), abs=0.51)


# What the figures show


def test_partial_pooling_is_kept_back_until_the_prediction():
    for k in (SITUATION, PREDICT):
        figures, handle = drawn(STORY, story.designed(STORY, k))
        assert [shown.key for shown in figures] == ["errors"]
        for table in figures[0].tables.values():
            assert "way" not in table or "partial" not in set(table["way"])
        assert "partial" not in figures[0].alt
        assert handle.rest == len(handle.spoken) - 1 == SHOWN - 1
    shown = drawn(STORY, story.designed(STORY, PREDICT, answered=True))[0][0]
    assert "partial" in set(shown.tables["dots"]["way"])
    assert "partial pooling" in shown.alt


@pytest.mark.parametrize(
    ("step", "key"),
    [(ODD, "errors"), (FORMULA, "by_size"), (INTERVAL, "by_size"), (THREE, "by_size"),
     (REML, "spreads"), (CHECK, "by_size"), (-1, "errors")],
)  # fmt: skip
def test_what_each_step_shows(step, key):
    assert [shown.key for shown in drawn(STORY, story.designed(STORY, step))[0]] == [key]


def test_hollow_is_no_pooling_and_filled_is_partial_pooling():
    spec = drawn(STORY, story.designed(STORY, ODD))[0][0].spec
    dots = next(
        e for e in (m["encoding"] for m in marks(spec) if m["mark"].get("shape") == "circle")
        if "fill" in e
    )  # fmt: skip
    assert dots["x"]["field"] == "error"
    scale = dots["fill"]["scale"]
    inks = dict(zip(scale["domain"], scale["range"], strict=True))
    assert inks == {"complete": "#C8501B", "hollow": "transparent", "partial": "#00805A"}
    stroke = dots["stroke"]["scale"]
    assert dict(zip(stroke["domain"], stroke["range"], strict=True))["no"] == "#0B68B0"
    (bar,) = mark_at(spec, type="rule", strokeWidth=6)
    assert (bar["x"]["field"], bar["x2"]["field"]) == ("low", "high")


def layers_of(spec: dict, transform: str) -> list[dict]:
    """Marks under a filter."""
    found = []
    for layer in spec.get("layer", []):
        filters = [t.get("filter", "") for t in layer.get("transform", [])]
        if "mark" in layer and transform in filters:
            found.append(layer)
        found += layers_of(layer, transform)
    return found


@pytest.mark.parametrize(("step", "panels"), [(FORMULA, ["error"]), (INTERVAL, ["error", "held"])])
def test_each_school_in_each_panel(step, panels):
    spec = drawn(STORY, story.designed(STORY, step))[0][0].spec
    for way, fill in (("no", "transparent"), ("partial", "#00805A")):
        circles = [
            m for m in layers_of(spec, f"datum.way == '{way}'") if m["mark"]["type"] == "point"
        ]
        assert [m["mark"]["fill"] for m in circles] == [fill] * len(panels)
        assert [m["encoding"]["y"]["field"] for m in circles] == panels
    complete = [
        m for m in layers_of(spec, "datum.way == 'complete'") if m["mark"]["type"] == "point"
    ]
    assert {m["mark"]["shape"] for m in complete} == {"stroke"}
    bars = [m["encoding"] for m in marks(spec) if m["mark"]["type"] == "bar"]
    assert [b["y"]["field"] for b in bars] == [f"low_{p}" for p in panels]
    assert [b["y2"]["field"] for b in bars] == [f"high_{p}" for p in panels]


def test_lines_between_estimates_stand_in_their_panel():
    """As the browser computes them: two aggregates of one name are one to Vega-Lite."""
    import vl_convert

    shown = drawn(STORY, story.designed(STORY, INTERVAL))[0][0]
    datasets = {name: t.to_dict(orient="records") for name, t in shown.tables.items()}
    vega = vl_convert.vegalite_to_vega(shown.spec | {"datasets": datasets})
    made = {
        name: field
        for data in vega["data"] for t in data.get("transform", []) if t["type"] == "aggregate"
        for name, field in zip(t.get("as", []), t.get("fields", []), strict=True)
    }  # fmt: skip
    assert (made["low_error"], made["high_error"]) == ("error", "error")
    assert (made["low_held"], made["high_held"]) == ("held", "held")


def test_curves_are_the_formula_and_stay_in_their_panel():
    shown = drawn(STORY, story.designed(STORY, INTERVAL))[0][0]
    lines = [m for m in layers_of(shown.spec, "datum.way == 'no'") if m["mark"]["type"] == "line"]
    assert [m["mark"]["color"] for m in lines] == ["#0B68B0"]
    tops = [m["scale"]["domain"][1] for m in (e["encoding"]["y"] for e in lines)]
    assert {"filter": f"datum.error <= {tops[0]}"} in lines[0]["transform"]


def test_the_estimated_sds_and_their_truth():
    shown = drawn(STORY, story.designed(STORY, REML))[0][0]
    (diamond,) = mark_at(shown.spec, shape="diamond")
    assert diamond["x"]["field"] == "truth"
    (short,) = mark_at(shown.spec, type="bar", width=7)
    assert short["x"]["field"] == "mean"
    rects = mark_at(shown.spec, type="rect")
    assert [(e["y"]["field"], e["y2"]["field"]) for e in rects] == [
        ("place", "ground"), ("zeros", "ground"),
    ]  # fmt: skip
    f = of(REML)
    got = numbers(shown.alt.replace("1,000", ""))
    assert got[0] == 5
    assert got[1:] == pytest.approx(
        [f.true_sd, *(float(np.sqrt((v**2).mean())) for v in f.spreads)], abs=0.051
    )


def test_all_bars_fit():
    """Estimates of exactly 0 are most of all where schools do not differ."""
    lesson = replace(STORY, start=scenario(0.0, n_groups=8, imbalance=0.0))
    seen = story.designed(lesson, -1, view="spreads")
    f = lesson.facts(seen)
    spec = drawn(lesson, seen, f)[0][0].spec
    sums = [t["calculate"] for layer in spec["layer"] for t in layer["transform"]
            if t.get("as") == "zeros"]  # fmt: skip
    top = float(re.search(r"datum\.zero / ([\d.]+)", sums[0])[1])
    assert top >= (f.spreads.ml == 0).mean() > 0.5


def test_the_listing_gives_the_numbers_of_the_page():
    f = facts(scenario(n_groups=5, students_per_group=6), "Ashford")
    out = run_python(STORY.listing(f).core).splitlines()
    for line, method in ((out[0], f.spreads.reml), (out[2], f.spreads.ml)):
        assert float(line.split()[1]) == pytest.approx(method[0], rel=1e-3, abs=1e-3)
    assert float(out[-6].split()[0]) == pytest.approx(rmse(f, "complete"), abs=0.0051)
    assert float(out[-2].split()[0]) == pytest.approx(rmse(f, "partial"), abs=0.0051)
