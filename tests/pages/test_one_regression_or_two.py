"""One regression or two: its answers, its sentences, what each mark shows where."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mlm_core.charts.theme import Look
from mlm_core.lessons.one_regression_or_two import SHOWN, START, facts
from pages.shared import story
from pages.shared.words import number, percent, signed
from tests.mlm_core.lessons.test_one_regression_or_two import ALIKE, LARGE, ODD, SCENARIOS, TINY
from tests.pages.kit import drawn, marks, questions, right, run_python, said, story_of

STORY = story_of("one_regression_or_two")
KINDS = [step.kind for step in STORY.steps]
SITUATION, PREDICT, TRY, SAY, TRUTH, BREAKS, CHECK = (
    KINDS.index(k) for k in ("situation", "predict", "try", "say", "truth", "breaks", "check")
)


@cache
def figure_at(step, answered=False):
    """The figure of a step, and its handle."""
    (shown,), handle = drawn(STORY, story.designed(STORY, step, answered=answered))
    return shown, handle


BLUE, GREEN, BLACK = "#0B68B0", "#00805A", "#111111"


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [(START, "Two steps"), (TINY, "Two steps"), (LARGE, "Neither"), (ALIKE, "Both")],
)
def test_the_prediction_is_computed(scenario, expected):
    f = facts(scenario, "Ashford")
    (asked,) = questions(STORY, PREDICT, f)
    assert right(asked) == expected
    why = next(a.why for a in asked.answers if a.right)
    sd = f.found.sigma_alpha, f.found.multilevel.sigma_alpha
    for value in (sd[0].mean(), sd[1].mean(), scenario.hyper.sigma_alpha):
        assert number(value) in why
    told = {a.text: a.why for a in asked.answers}
    if expected == "Neither":
        assert "small beside the true SD" in told["Two steps"]
    if expected == "Two steps":
        assert "takes that noise out" in told["The multilevel model"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_checks_are_computed(scenario):
    f = facts(scenario, "Ashford")
    alike, halved, pull, slope = questions(STORY, CHECK, f)
    told = float(re.search(r"[\d.]+", right(alike))[0])
    assert told == pytest.approx(f.noise, abs=0.051)
    before = float(re.search(r"noise of ([\d.]+) points", halved.text)[1])
    assert f"About {before}" in right(alike)
    after = float(right(halved).split(":")[0])
    assert before == pytest.approx(f.noise, abs=0.051)
    assert after == pytest.approx(f.noise / 2, abs=0.051)
    assert right(pull) == "They are pulled too little"
    assert right(slope) == "No: it swings more, up as often as down"


def test_what_the_checks_say_is_so():
    """An SD of 0 in truth; half the SD within schools."""
    f, zero = facts(START, "Ashford"), facts(ALIKE, "Ashford")
    # the noise is a root mean square: its square is what 500 towns have on average
    assert np.sqrt(np.mean(zero.found.sigma_alpha**2)) == pytest.approx(zero.noise, rel=0.05)
    level = replace(START.hyper, sigma_alpha=0.0)
    same = facts(replace(START, hyper=level), "Ashford")
    assert same.two.sigma_alpha == pytest.approx(same.noise, rel=0.03)
    half = facts(replace(START, sigma_y=START.sigma_y / 2), "Ashford")
    assert half.noise == pytest.approx(f.noise / 2)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_words_follow_the_handle(scenario):
    f = facts(scenario, "Ashford")
    for words in (STORY.steps[TRY].hand(f), STORY.lab(f)):
        texts, fits = words.texts, f.found.multilevel
        for k in (0, 17, SHOWN - 1):
            assert texts["town"][k] == str(k + 1)
            assert texts["sigma_alpha_two"][k] == number(f.found.sigma_alpha[k])
            assert texts["sigma_alpha_both"][k] == number(fits.sigma_alpha[k])
            assert texts["b0_two"][k] == number(f.found.b0[k])
            assert texts["b0_both"][k] == number(fits.b0[k])
            assert texts["error_two"][k] == number(f.judged.two[k])
            assert texts["error_both"][k] == number(f.judged.both[k])
        assert {len(t) for t in texts.values()} == {SHOWN}
        cells = re.findall(r"<td>([^<]*)</td></tr>", words.html)
        assert cells == [number(f.true_sd), number(scenario.hyper.b0), "0"]
        order = re.findall(r'data-live="(\w+)"', words.html)
        assert order[1:] == [
            f"{q}_{w}" for q in ("sigma_alpha", "b0", "error") for w in ("two", "both")
        ]
    texts = STORY.steps[SAY].hand(f).texts
    own, true, noise = f.parts(f.one)
    for k in (0, 17):
        assert texts["own"][k] == number(own[k])
        assert texts["true"][k] == number(true[k])
        assert texts["noise"][k] == signed(noise[k])
    assert str(f.names[f.one]) in STORY.steps[SAY].hand(f).html


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_equation_has_its_numbers(scenario):
    f = facts(scenario, "Ashford")
    spoken = said(STORY.steps[SAY].text, f)
    two, true, noise = map(
        float, re.search(r"([\d.]+)\^2 .*? ([\d.]+)\^2 \+ ([\d.]+)\^2", spoken).groups()
    )
    assert true == pytest.approx(scenario.hyper.sigma_alpha, abs=0.051)
    assert noise == pytest.approx(f.noise, abs=0.051)
    assert two == pytest.approx(np.hypot(true, noise), abs=0.15)
    assert (f"only {percent(f.weight)} as much" in spoken) == (
        f.data.n[f.found.used].min() < f.data.n.max()
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_against_the_truth(scenario):
    f = facts(scenario, "Ashford")
    spoken = said(STORY.steps[TRUTH].text, f)
    _, two, both = f.errors
    assert f"{number(f.two.b0)} on average, truly {number(scenario.hyper.b0)}" in spoken
    assert ("they fail" in spoken) == f.overstated[0]
    share_two, share_both = f.pulled(f.one)
    swings = [round(way.spread_b0, 2) for way in (f.two, f.both)]
    assert f"is pulled | {percent(share_two)} | {percent(share_both)} |" in spoken
    assert (f"two steps pull {f.names[f.one]} less." in spoken) == (
        share_two < share_both and percent(share_two) != percent(share_both)
    )
    assert f"| error of estimates | {number(two)} | {number(both)} |" in spoken
    assert (
        f"| SD of the slope on u | {number(f.two.spread_b0, 2)} | {number(f.both.spread_b0, 2)} |"
        in spoken
    )
    assert ("miss the truth by more" in spoken) == (two > both and number(two) != number(both))
    # what a calculator makes of the table
    share = swings[0] / swings[1] - 1
    assert (f"swings {percent(share)} more" in spoken) == (share >= 0.005)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_mean_and_the_root_of_the_formula_are_told_apart(scenario):
    f = facts(scenario, "Ashford")
    spoken = said(STORY.steps[SAY].text, f)
    mean, root = number(f.found.sigma_alpha.mean()), number(f.expected_two)
    told = f"figure's {mean} is the mean of 500 SDs, {root} the root" in spoken
    assert told == (mean != root)


def test_the_dots_are_counted():
    f = facts(START, "Juniper")
    spoken = said(STORY.steps[TRY].text, f)
    shown, _ = figure_at(TRY)
    dots = shown.tables["dots"].query("way == 'two'").groupby("quantity").size()
    assert f"errors {dots['error']} towns" in spoken
    assert f"every {500 // dots['b0']}th" in spoken
    assert f"first {shown.tables['worlds'].shape[0]} towns" in spoken


def test_paper_lies_over_the_right_panel_last():
    shown, _ = figure_at(SITUATION)
    last = shown.spec["layer"][-1]
    assert last["data"]["name"] == "cover"
    cover = last["layer"][0]
    assert cover["mark"]["color"] == Look().palette.paper
    assert cover["encoding"]["opacity"]["condition"]["test"] == "datum.seen > 0"


def test_the_breaks_say_what_is_there():
    large, tiny = (k for k, kind in enumerate(KINDS) if kind == "breaks")
    f = STORY.facts(story.designed(STORY, large))
    spoken = said(STORY.steps[large].look, f)
    for value in (f.two.sigma_alpha, f.both.sigma_alpha, f.true_sd):
        assert number(value) in spoken
    assert (f.data.n == 80).all()
    f = STORY.facts(story.designed(STORY, tiny))
    spoken = said(STORY.steps[tiny].look, f)
    alone = int((f.data.n == 1).sum())
    assert f"say {number(f.two.sigma_alpha)} on average, without the {alone} schools" in spoken
    assert f"says {number(f.both.sigma_alpha)}; but in {percent(f.both.zero)}" in spoken
    changed = said(STORY.steps[tiny].changed, f)
    assert f"half of them have {np.median(f.data.n):.0f} students or fewer" in changed
    assert f"{alone} schools of {f.data.n_groups} have a single student" in changed
    assert abs(f.both.sigma_alpha - 3) < 0.3 * abs(f.two.sigma_alpha - 3)
    assert f.data.n.min() == 1
    assert np.median(f.data.n) == pytest.approx(3, abs=1)
    assert f.used


def test_the_opening_counts_its_circles():
    f = facts(TINY, "Juniper")
    assert "these 13 circles" in said(STORY.steps[SITUATION].text, f)
    at = story.designed(STORY, SITUATION)
    assert STORY.facts(at).data.n[STORY.facts(at).picked] == 3  # "Juniper, three students"


def of(spec, **looks):
    """Marks of a look, with their tables and filters."""
    return [
        m
        for m in marks(spec)
        if isinstance(m["mark"], dict) and all(m["mark"].get(k) == v for k, v in looks.items())
    ]


def filters(mark):
    return " ".join(str(t.get("filter", "")) for t in mark.get("transform", []))


def test_what_each_mark_shows():
    shown, handle = figure_at(TRUTH)
    spec = shown.spec
    hollow = of(spec, shape="circle", fill="transparent", stroke=BLUE)
    assert [m["data"]["name"] for m in hollow].count("schools") == 1
    schools = next(m for m in hollow if m["data"]["name"] == "schools")
    assert schools["encoding"]["y"]["field"] == "own"
    assert schools["encoding"]["x"]["field"] == "u"
    for m in (m for m in hollow if m["data"]["name"] != "schools"):
        assert "datum.way == 'two'" in filters(m)
    filled = of(spec, shape="circle", fill=GREEN, stroke=GREEN)
    assert len(filled) == 6
    assert len(hollow) == 7
    for m in filled:
        assert m["data"]["name"] in ("dots", "now")
        assert "datum.way == 'both'" in filters(m)
        assert m["encoding"]["x"]["field"] == "value"
    diamonds = of(spec, shape="diamond")
    assert sorted(m["data"]["name"] for m in diamonds) == ["schools", "truth", "truth"]
    on_left = next(m for m in diamonds if m["data"]["name"] == "schools")
    assert on_left["encoding"]["y"]["field"] == "true"
    assert on_left["encoding"]["opacity"]["condition"]["test"] == "datum.truth_seen > 0"
    for colour, way, fields in (
        (BLUE, "two", ["high", "low", "middle"]),
        (GREEN, "both", ["middle"]),
        (BLACK, "true", ["middle"]),
    ):
        lines = of(spec, type="line", color=colour)
        assert sorted(m["encoding"]["y"]["field"] for m in lines) == fields
        assert all(f"datum.way == '{way}'" in filters(m) for m in lines)
    (band,) = of(spec, type="area")
    assert band["mark"]["color"] == GREEN
    assert "datum.way == 'both'" in filters(band)
    assert (band["encoding"]["y"]["field"], band["encoding"]["y2"]["field"]) == ("low", "high")
    bars = [m for m in of(spec, type="bar") if m["data"]["name"] == "schools"]
    (calculated,) = (
        {t["as"]: t["calculate"] for t in m["transform"] if "calculate" in t} for m in bars
    )
    assert calculated["low"] == "datum.own - datum.se"
    assert calculated["high"] == "datum.own + datum.se"
    assert handle.rest == 0
    assert handle.spoken[2] == f"town 3 of the first {SHOWN}"


def test_each_strip_has_its_quantity():
    shown, _ = figure_at(PREDICT, True)
    titles = {
        "sigma_alpha": "SD between schools",
        "b0": "slope on u",
        "error": "error of estimates",
    }
    for m in marks(shown.spec):
        x = m.get("encoding", {}).get("x", {})
        quantity = re.search(r"datum.quantity == '(\w+)'", filters(m))
        if quantity and x.get("field") == "value":
            assert x["axis"]["title"].startswith(titles[quantity[1]])
            domain = x["scale"]["domain"]
            assert domain == {"sigma_alpha": [0, 12], "b0": [-3, 9], "error": [0, 6]}[quantity[1]]
            mean = shown.tables["means"].query("quantity == @quantity[1]")["value"]
            assert mean.between(*domain).all()


def test_nothing_is_given_away():
    (hidden, _), (shown, _) = (figure_at(PREDICT, answered) for answered in (False, True))
    f = STORY.facts(story.designed(STORY, PREDICT))
    assert number(f.two.sigma_alpha) not in hidden.alt
    assert number(f.two.sigma_alpha) in shown.alt
    assert number(f.both.sigma_alpha) in shown.alt
    assert not hidden.tables["dots"]["seen"].any()
    assert hidden.tables["cover"]["seen"].all()
    assert not shown.tables["cover"]["seen"].any()
    assert shown.tables["dots"]["seen"].all()
    for drawn_ in (hidden, shown):
        assert not drawn_.tables["schools"]["truth_seen"].any()
    assert [k for k in range(len(KINDS)) if story.designed(STORY, k)["truth"]] == [4, 5, 6]
    assert re.sub(r"view_\d+", "", str(hidden.spec)) == re.sub(r"view_\d+", "", str(shown.spec))


@pytest.mark.parametrize("first", ["varying", "common"])
def test_the_code_gives_the_numbers_of_the_page(first):
    f = facts(ODD, "Ashford", first)
    made = STORY.listing(f)
    fits = f.found.multilevel
    lines = run_python(made.core).split("\n")
    assert [float(v) for v in lines[0].split()] == pytest.approx(
        [fits.a0[0], fits.a1[0], fits.b0[0], fits.sigma_alpha[0], fits.sigma_y[0]], rel=1e-3
    )
    assert [float(v) for v in lines[1].split()] == pytest.approx(
        [f.found.b0[0], f.found.sigma_alpha[0]]
    )
    assert [float(v) for v in lines[2].split()] == pytest.approx(
        [f.two.sigma_alpha, f.both.sigma_alpha]
    )
    lines = run_python(made.statsmodels).split("\n")
    assert [float(v) for v in lines[0].split()] == pytest.approx(
        [f.found.b0[0], f.found.sigma_alpha[0]], rel=1e-3
    )
    assert [float(v) for v in lines[1].split()] == pytest.approx(
        [fits.b0[0], fits.sigma_alpha[0]], rel=0.02
    )
