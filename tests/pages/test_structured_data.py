"""Structured data: what is asked, said and drawn, against the p-values themselves."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import stats

from mlm_core.lessons.structured_data import SHOWN, WAYS, facts
from pages.shared import story
from tests.pages.kit import drawn, mark_at, marks, questions, right, run_python, said, story_of

STORY = story_of("structured_data")
KINDS = [step.kind for step in STORY.steps]
PREDICT, TRY, SAY, TRUTH, CHECK = (
    KINDS.index(k) for k in ("predict", "try", "say", "truth", "check")
)
FOUR, NONE = TRUTH + 1, TRUTH + 2
DESIGNS = [(4, 2, 0.0), (4, 100, 0.5), (60, 2, 0.01), (60, 100, 0.5), (7, 12, 0.3), (20, 50, 0.05)]


def of(step: int, **changes):
    return STORY.facts(story.designed(STORY, step, **changes))


def counted(f, way: str) -> int:
    return int((f.trials.of(way).p < 0.05).sum())


def percentages(words: str) -> list[float]:
    return [float(p) for p in re.findall(r"(\d+)%", words)]


@pytest.mark.parametrize(
    ("design", "want"),
    [
        ((20, 50, 0.0), "Less than 8%"),
        ((20, 50, 0.01), "8% to 20%"),
        ((20, 50, 0.05), "20% to 40%"),
        ((20, 50, 0.2), "More than 40%"),
        *((design, None) for design in DESIGNS),
    ],
)
def test_the_prediction_is_computed(design, want):
    f = facts(*design)
    question = questions(STORY, PREDICT, f)[0]
    alarms = counted(f, "ordinary") / 1000
    ends = [float(p) / 100 for p in re.findall(r"(\d+)%", right(question))]
    low, high = {"L": (0, ends[0]), "M": (ends[0], 1.01)}.get(right(question)[0], tuple(ends[:2]))
    assert low <= alarms < high
    assert want is None or right(question).startswith(want)
    why = next(a.why for a in question.answers if a.right)
    assert percentages(why)[0] == pytest.approx(100 * alarms, abs=0.51)
    place = [a.right for a in question.answers].index(True)
    for k, answer in enumerate(question.answers):
        if k != place:
            assert ("Too much" in answer.why) == (k > place)


@pytest.mark.parametrize("design", DESIGNS)
def test_the_checks_are_computed(design):
    f = facts(*design)
    J, n, icc = design[0], design[1], design[2] or 0.05
    double, more, *_ = questions(STORY, CHECK, f)
    assert right(double) == f"{1 + (2 * n - 1) * icc:.2f}"
    assert double.answers[1].text == f"{1 + (n - 1) * icc:.2f}: as before"
    assert double.answers[2].text == f"{2 + 2 * (n - 1) * icc:.2f}: twice as much"
    assert right(more) == f"{J} more schools of {n}"
    wider, deeper = 2 * J * n / (1 + (n - 1) * icc), 2 * J * n / (1 + (2 * n - 1) * icc)
    assert f"worth {wider:.1f} " in more.answers[1].why
    assert f"worth {deeper:.1f} " in more.answers[0].why
    assert f"not {deeper:.1f}." in more.answers[1].why
    assert wider > deeper


def test_what_the_checks_know_by_heart():
    _, _, small, within = questions(STORY, CHECK, of(CHECK))
    assert right(small).startswith("Not for what whole schools get")
    assert f"{1 + 49 * 0.05:.2f} times" in next(a.why for a in small.answers if a.right)
    assert right(within).startswith("Not more than 5%")


def test_a_lot_within_schools_raises_no_alarms():
    """Half of the students of each school: the ordinary regression is then too careful."""
    rng = np.random.default_rng(3)
    school = rng.normal(0, np.sqrt(0.3), (800, 20, 1))
    y = school + rng.normal(0, np.sqrt(0.7), (800, 20, 10))
    apart = y[..., :5].mean(axis=(1, 2)) - y[..., 5:].mean(axis=(1, 2))
    stated = np.sqrt(y.reshape(800, -1).var(axis=1) * 4 / 200)
    assert (abs(apart) > 1.97 * stated).mean() < 0.04


@pytest.mark.parametrize("design", DESIGNS)
def test_the_design_effect_is_said_with_its_numbers(design):
    J, n, icc = design
    words = said(STORY.steps[SAY].text, facts(*design))
    effect = 1 + (n - 1) * icc
    assert rf"= 1 + {n - 1} \cdot {icc:.2f} = {effect:.2f}$$" in words
    assert f"**{J * n:,}** students" in words
    assert f"**{J * n / effect:,.0f}** independent" in words
    short, again, limit = re.search(r"= (\S+) times .*? 1\.96/(\S+) = (\S+) true", words).groups()
    assert short == again == f"{effect**0.5:.2f}"
    assert float(limit) == pytest.approx(1.96 / effect**0.5, abs=0.0051)
    expected = re.search(r"errors: (?:(?:less|more) than )?(\d+)% of trials", words)[1]
    want = 200 * stats.norm.sf(1.959964 / effect**0.5)
    assert float(expected) == pytest.approx(want, abs=0.51)
    found = re.search(r"Found: (?:(?:less|more) than )?(\d+)%", words)[1]
    assert float(found) == pytest.approx(counted(facts(*design), "ordinary") / 10, abs=0.51)


def test_the_honest_analyses_are_honest_and_the_other_is_not():
    f = of(TRUTH)
    words = percentages(said(STORY.steps[TRUTH].text, f))
    want = [counted(f, way) / 10 for way in WAYS]
    assert words == pytest.approx([5, *want, 4, 6, 5], abs=0.51)
    low, high = f.luck
    assert f.alarms("ordinary") > 4 * high
    assert low - 0.01 < f.alarms("robust") < high + 0.01
    assert low - 0.01 < f.alarms("multilevel") < high


def test_what_the_breaks_say():
    """Of what is said in general, 20,000 trials; of this run, its own numbers."""
    from mlm_core.lessons.structured_data import treatment_trials

    f = of(FOUR)
    assert f.n_groups == 4
    robust, multilevel = f.alarms("robust"), f.alarms("multilevel")
    words = said(STORY.steps[FOUR].text, f)
    assert percentages(words) == pytest.approx([100 * robust, 100 * multilevel], abs=0.51)
    assert "With 2 degrees of freedom" in words
    changed = said(STORY.steps[FOUR].changed, f)
    assert changed.startswith("The trial has 4 schools of 50 students")
    assert changed.endswith(": 200 students.")
    few = treatment_trials(4, 50, 0.05, 20_000)
    assert few.false_alarms("robust") > 0.09
    assert few.false_alarms("multilevel") < 0.03
    f = of(NONE)
    assert f.icc == 0
    words = said(STORY.steps[NONE].text, f)
    assert words.startswith("Now 1,000 students are worth 1,000.")
    want = [100 * f.alarms(way) for way in ("ordinary", "multilevel", "robust")]
    assert percentages(words)[:3] == pytest.approx(want, abs=0.51)
    expected = float(re.search(r"schools ([\d.]+)% are to be expected", words)[1])
    assert expected == pytest.approx(
        100 * treatment_trials(20, 50, 0.0, 20_000).false_alarms("robust"), abs=0.6
    )
    none = treatment_trials(20, 50, 0.0, 20_000)
    assert none.false_alarms("ordinary") == pytest.approx(0.05, abs=0.005)
    assert none.false_alarms("multilevel") < 0.04


@pytest.mark.parametrize("design", DESIGNS)
def test_the_words_follow_the_handle(design):
    f = facts(*design)
    one, table = STORY.steps[0].hand(f).texts, STORY.steps[TRY].hand(f).texts
    for k in (0, 3, SHOWN - 1):
        effect, p = f.trials.effect[k], f.trials.ordinary.p[: k + 1]
        assert one["k"][k] == table["k"][k] == f"Trial {k + 1}"
        assert one["better"][k] == ("better" if effect > 0 else "worse")
        assert float(one["d"][k]) == pytest.approx(abs(effect), abs=0.0051)
        assert float(table["d"][k].replace("−", "-")) == pytest.approx(effect, abs=0.00051)
        half = f.trials.ordinary.half[k]
        assert float(table["hordinary"][k]) == pytest.approx(half, abs=0.00051)
        assert float(table["pordinary"][k].split()[-1]) == pytest.approx(p[-1], abs=0.00101)
        assert table["tordinary"][k] == f"{(p < 0.05).sum()} of {k + 1}"
    assert {len(texts) for texts in table.values()} == {SHOWN}


def test_an_alarm_of_the_shown_trials_can_be_read_from_its_numbers():
    """The rounded interval misses 0 where and only where the analysis calls an effect."""
    f = of(TRY)
    table = STORY.steps[TRY].hand(f).texts
    for k in range(SHOWN):
        effect, half = (abs(float(table[c][k].replace("−", "-"))) for c in ("d", "hordinary"))
        assert abs(effect - half) > 0.003
        assert (effect > half) == (f.trials.ordinary.p[k] < 0.05)
    share = counted(f, "ordinary") / 1000
    assert (f.trials.ordinary.p[:SHOWN] < 0.05).mean() == pytest.approx(share, abs=0.04)


def test_the_trials_so_far_stay_and_tell_of_alarms_only_with_their_intervals():
    shown = drawn(STORY, story.designed(STORY, TRY))[0][0]
    (trail,) = mark_at(shown.spec, type="point", shape="square", size=42)
    assert trail["x"]["field"] == "effect"
    assert trail["fill"]["condition"]["test"] == "datum.seen > 0 && datum.alarm"
    assert trail["fill"]["value"] == "transparent"
    both = drawn(STORY, story.designed(STORY, -1, view="one", honest=True))[0][0]
    for k, (figures, rows) in enumerate(((shown, {"ordinary"}), (both, set()))):
        table = figures.tables["intervals"]
        assert set(table.loc[table["trail"] > 0, "way"]) == rows, k
    first = drawn(STORY, story.designed(STORY, 0))[0][0].tables["intervals"]
    assert set(first.loc[first["dot"] > 0, "way"]) == {"ordinary"}


def test_nothing_but_schools_is_seen_before_the_prediction():
    for k in range(PREDICT + 1):
        figures, handle = drawn(STORY, story.designed(STORY, k))
        assert [shown.key for shown in figures] == ["one_trial"]
        assert (figures[0].tables["intervals"]["seen"] == 0).all()
        assert "interval" not in figures[0].alt
        assert len(handle.spoken) == SHOWN
    figures, handle = drawn(STORY, story.designed(STORY, 0, view="many", honest=True))
    assert figures[0].key == "one_trial"
    assert (figures[0].tables["intervals"]["seen"] == 0).all()


def test_what_each_step_shows():
    for k, key, ways in (
        (PREDICT, "p_values", 1), (TRY, "one_trial", 1), (SAY, "p_values", 1),
        (TRUTH, "p_values", 3), (FOUR, "p_values", 3), (CHECK, "p_values", 3), (-1, "p_values", 3),
    ):  # fmt: skip
        shown = drawn(STORY, story.designed(STORY, k, answered=True))[0][0]
        assert shown.key == key
        table = shown.tables["bins" if key == "p_values" else "intervals"]
        assert list(table.loc[table["seen"] > 0, "way"].unique()) == list(WAYS[:ways])


def test_each_mark_shows_its_field():
    shown = drawn(STORY, story.designed(STORY, TRY))[0][0]
    assert shown.tables["schools"].query("resting")["mean"].tolist() == pytest.approx(
        of(TRY).trials.school_means[0]
    )
    (school,) = mark_at(shown.spec, type="point", fill="transparent")
    assert (school["x"]["field"], school["y"]["field"]) == ("mean", "at")
    (line,) = mark_at(shown.spec, type="bar", height=4)
    assert (line["x"]["field"], line["x2"]["field"]) == ("low", "high")
    (dot,) = mark_at(shown.spec, type="point", filled=True)
    assert dot["x"]["field"] == "effect"
    for encoding, test in ((line, "datum.seen > 0"), (dot, "datum.dot > 0")):
        assert encoding["opacity"]["condition"] == {"test": test, "value": 1}
        assert encoding["opacity"]["value"] == 0
        assert encoding["color"]["scale"]["range"] == ["#C8501B", "#5B6470", "#00805A"]
    bold = mark_at(shown.spec, type="text", fontWeight="bold", align="right")
    assert any(e["text"].get("field") == "label" for e in bold)


def heights(spec):
    layer = next(m for m in marks(spec) if m["mark"].get("type") == "rect")
    return layer["encoding"]


def test_bars_stand_on_their_ground_and_alarms_are_full():
    shown = drawn(STORY, story.designed(STORY, TRUTH))[0][0]
    bar = heights(shown.spec)
    assert (bar["x"]["field"], bar["x2"]["field"]) == ("left", "right")
    assert (bar["y"]["field"], bar["y2"]["field"]) == ("place", "floor")
    assert bar["fillOpacity"]["condition"] == {"test": "datum.alarm", "value": 1}
    assert bar["fill"]["scale"]["range"] == ["#C8501B", "#5B6470", "#00805A"]
    sums = {
        t["as"]: t["calculate"]
        for layer in shown.spec["layer"] for t in layer["transform"] if "calculate" in t
    }  # fmt: skip
    row = {"ground": 1 / 3, "tall": 1 / 3, "share": 0.3, "seen": 1}
    value = {
        name: eval(re.sub(r"datum\.(\w+)", r"row['\1']", sums[name]), {"row": row})
        for name in ("floor", "place", "honest")
    }
    top = 0.3
    assert value["floor"] == pytest.approx(380 / 3)
    whole = value["floor"] - value["place"]
    assert 0 < value["place"] < 40
    assert value["floor"] - value["honest"] == pytest.approx(whole * 0.05 / top)


def test_the_alternative_text_says_what_is_seen():
    shown = drawn(STORY, story.designed(STORY, TRUTH))[0][0]
    f = of(TRUTH)
    assert percentages(shown.alt) == pytest.approx([counted(f, w) / 10 for w in WAYS], abs=0.51)
    alone = drawn(STORY, story.designed(STORY, SAY))[0][0]
    assert len(percentages(alone.alt)) == 1


def test_the_laboratory_says_the_design():
    f = facts(12, 30, 0.1)
    words = STORY.lab(f)
    effect = 1 + 29 * 0.1
    assert f"360 students, design effect {effect:.2f}: worth {360 / effect:.0f}" in words
    for way, df in zip(WAYS, (358, 11, 10), strict=True):
        assert f"| {counted(f, way) / 10:.0f}% | {df} |" in words


def test_the_listing_gives_the_numbers_of_the_page():
    f = facts(8, 10, 0.2)
    lines = run_python(STORY.listing(f).core).splitlines()
    assert [float(v) for v in lines[0].split()][::2] == pytest.approx(
        [f.trials.effect[0], f.trials.ordinary.p[0]], rel=1e-6
    )
    assert float(lines[1].split()[2]) == pytest.approx(f.trials.robust.p[0], rel=1e-6)
    assert float(lines[2].split()[2]) == pytest.approx(f.trials.multilevel.p[0], rel=1e-3)
    assert eval(lines[4]) == [counted(f, way) / 1000 for way in WAYS]


def test_a_large_trial_is_read_from_the_file():
    f = facts(60, 100, 0.1)
    assert 'read_csv("schools.csv"' in STORY.listing(f).statsmodels
    assert len(STORY.data(f)) == 6000
