"""How sure about tau: its story, its answers, its marks, held to the facts."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
import pytest
from scipy.stats import halfcauchy, halfnorm

from mlm_core import Hyperparameters, Scenario
from mlm_core.charts.tau_curves import SIDE
from mlm_core.charts.theme import Look
from mlm_core.hierarchy import conditional_effects, tau_posterior, tau_reml
from mlm_core.lessons.how_sure_about_tau import EIGHT_SE, EIGHT_Y, _apart, facts
from pages.shared import figure as page_figure
from pages.shared.story import designed as design
from tests.frames import frames
from tests.pages.kit import (
    drawn,
    healthy,
    mark_at,
    marks,
    open_page,
    questions,
    right,
    run_python,
    said,
    story_of,
    text,
)

STORY = story_of("how_sure_about_tau")
KINDS = [step.kind for step in STORY.steps]
CHECK = KINDS.index("check")
PREDICT, TRY, SAY, PRIOR, TRUTH, BREAKS = 1, 2, 3, 4, 5, 6
TIE = Scenario(100, 100, imbalance=0.0, sigma_y=2.0, hyper=Hyperparameters(sigma_alpha=20.0))
N = r"(−?\d+\.\d)"
E = r"(0|\d+\.\d)"


def designed(k, **changes):
    return design(STORY, k, **changes)


def value(word: str) -> float:
    return float(word.replace("−", "-"))


def found(pattern: str, prose: str) -> list[float]:
    hit = re.search(pattern, prose)
    assert hit, prose
    return [value(g) for g in hit.groups()]


def facts_of(k, **changes):
    return STORY.facts(designed(k, **changes))


@dataclass
class Shown:
    """What a figure is given, without the time to make its specification."""

    alt: str
    tables: dict
    settings: dict


def shown(k, **changes):
    found = []

    def show(key, alt, chart, tables, **settings):
        settings.pop("on_school")
        found.append(Shown(alt, frames(tables), {"key": key, "chart": chart, **settings}))

    seen = designed(k, **changes)
    with patch.object(page_figure, "show", show), patch.object(page_figure, "legend", dict):
        handle = STORY.figure(STORY.facts(seen), seen)
    [figure] = found
    return figure, handle


def test_the_steps_are_those_of_the_grammar():
    assert KINDS == [
        "situation", "predict", "try", "say", "try", "truth", "breaks", "check", "sentence",
    ]  # fmt: skip


def test_each_word_is_said_before_its_symbol_is_used():
    told = []
    for k, step in enumerate(STORY.steps):
        f = facts_of(k)
        told.append(said(step.text, f) + said(step.do, f))
    assert "τ" not in told[0] + STORY.steps[0].heading + STORY.steps[1].heading
    assert "θ" not in told[0]
    assert "Rubin 1981" in told[0]
    assert "28 points, ± 15" in told[0]
    assert told[1].index("true effect") < told[1].index("θ")
    assert told[1].index("SD between schools") < told[1].index("τ")
    assert "[[density]]" in told[TRY]
    assert "density" not in told[0] + told[1]
    assert "[[hyperparameters]]" in told[1]  # the title's word
    order = [told[SAY].index(w) for w in ("average them", "averaged over τ")]
    assert order == sorted(order)
    assert "[[prior]]" in told[PRIOR]
    assert not any(re.search("prior", t) for t in told[:PRIOR])


@pytest.mark.parametrize(
    ("changes", "scenario", "answer"),
    [({}, None, "Hardly"), ({"data": "town"}, Scenario(), "Roughly"),
     ({"data": "town"}, Scenario(100, imbalance=0.0), "Very well")],
)  # fmt: skip
def test_the_prediction_is_computed(changes, scenario, answer):
    f = facts(scenario or Scenario(), not changes)
    [question] = questions(STORY, PREDICT, f)
    assert right(question).startswith(answer)
    [why] = [a.why for a in question.answers if a.right]
    assert found(rf"between {E} and {N} points", why) == pytest.approx(f.interval, abs=0.051)
    assert f"is {'exactly 0' if f.best == 0 else round(f.best, 1)}." in question.text
    whys = {a.why for a in question.answers}
    assert len(whys) == 3


@pytest.mark.parametrize(
    ("f", "answer"),
    [(facts(Scenario()), "It is too small"), (facts(TIE, False), "It is about right"),
     (facts(Scenario(seed=2), False, "Ashford", "half-normal", 1.0), "It is too large")],
    ids=["small", "tie", "large"],
)  # fmt: skip
def test_the_check_on_the_sd_is_computed_and_never_a_tie(f, answer):
    question = questions(STORY, CHECK, f)[1]
    assert right(question) == answer
    assert len({a.text for a in question.answers}) == 3
    assert len({a.why for a in question.answers}) == 3
    [why] = [a.why for a in question.answers if a.right]
    guess, averaged = found(r"(\d+\.\d\d) at the best guess, (\d+\.\d\d) averaged", why)
    assert guess == pytest.approx(f.at_best.sd[f.picked], abs=0.0051)
    assert averaged == pytest.approx(f.averaged.sd[f.picked], abs=0.0051)
    sign = {"It is too small": -1, "It is about right": 0, "It is too large": 1}[answer]
    assert np.sign(guess - averaged) == sign


def test_what_is_reported_is_the_average():
    question, _, forbidden = questions(STORY, CHECK, facts_of(CHECK))
    assert right(question) == "Its estimate averaged over τ"
    whys = {a.text: a.why for a in question.answers}
    assert "28.0" in whys["Its own estimate"]
    assert "7.7 takes τ = 0.0" in whys["Its estimate at the best guess of τ"]
    assert "11.4." in whys["Its estimate averaged over τ"]
    assert right(forbidden).startswith("False")


def test_nothing_is_given_away_before_it_is_asked():
    for k in (0, PREDICT):
        fig, _ = shown(k)
        tables = fig.tables
        unseen = ["density", "prior", "inside", "revealed", "prior_seen"]
        assert not tables["steps"][unseen].any().any()
        assert not tables["schools"][["revealed", "averaged_seen", "truth_seen"]].any().any()
        assert set(tables["schools"]["letter"]) == {""}
        assert not tables["marks"][["revealed", "truth_seen"]].any().any()
        assert tables["marks"]["guess"].tolist() == [""]
        assert set(tables["steps"]["caption"]) == {""}
        assert "not shown yet" in fig.alt
        assert f"{facts_of(PREDICT).interval[1]:.1f}" not in fig.alt
        # over the whole width: the column is from 0 to 1
        assert 0 < SIDE + (1 - SIDE) * tables["schools"]["place"].min() < 0.1
    fig, handle = shown(PREDICT, answered=True)
    high = facts_of(PREDICT).interval[1]
    assert f"95% from 0 to {high:.1f}." in fig.alt
    assert fig.tables["schools"]["place"].between(0, 1).all()
    assert handle.at("first") == handle.at("best") == 0
    assert handle.spoken[handle.rest] == "5.25 points"


def test_layers_come_as_data():
    def seen(k):
        fig, _ = shown(k)
        t = fig.tables
        return [
            bool(t["steps"]["prior_seen"].any()),
            bool(t["schools"]["averaged_seen"].any()),
            bool(t["schools"]["truth_seen"].all() and t["marks"]["truth_seen"].all()),
        ]

    assert seen(TRY) == [False, False, False]
    assert seen(SAY) == [False, True, False]
    assert seen(PRIOR) == [True, True, False]
    assert seen(TRUTH) == [True, True, True]
    first = shown(0)[0].settings  # of which the specification is made
    assert all(shown(k)[0].settings == first for k in (1, 2, 3, 4))


def test_what_is_said_of_the_priors_is_so():
    prose = STORY.steps[PRIOR].text
    assert "Half-normal, half of a bell curve, almost rules out a τ above twice its scale." in prose
    assert "Half-Cauchy has a longer tail: room for a much larger τ." in prose
    assert halfnorm.sf(2) < 0.05 < 0.25 < halfcauchy.sf(2)
    assert "Where the scale is small, the two are nearly one line." in prose
    for prior in ("half-normal", "half-cauchy"):
        f = facts(Scenario(), prior=prior, scale=1.0)
        assert abs(f.density - f.prior_density).max() < 0.04  # 3 of the 78 pixels


def test_the_prior_is_in_the_legend_where_it_is_drawn():
    for k, drawn_there in ((TRY, False), (SAY, False), (PRIOR, True), (TRUTH, True)):
        with patch.object(page_figure, "legend") as legend, patch.object(page_figure, "show"):
            seen = designed(k)
            STORY.figure(STORY.facts(seen), seen)
        assert ("prior" in legend.call_args.kwargs) == drawn_there
    assert page_figure.legend_html({"prior": ""}, Look()).endswith("prior</span></div>")


def test_the_handle_stays_while_the_prior_is_changed():
    """A half-normal prior of scale 1 has its median at 0.75: the handle does not jump there."""
    for real in (True, False):
        flat = facts(Scenario(), real)
        for prior, scale in (("half-normal", 1.0), ("half-cauchy", 5.0), ("half-normal", 30.0)):
            f = facts(Scenario(), real, prior=prior, scale=scale)
            assert f.rest == flat.rest == flat.step(flat.median)
    assert f.step(facts(Scenario(), prior="half-normal", scale=1.0).median) != f.rest


def test_a_diamond_lies_nearer_to_its_own_column_than_to_the_next():
    fig, _ = shown(TRUTH)
    schools = fig.tables["schools"]
    own, true = schools["place"].to_numpy(), schools["truth_at"].to_numpy()
    assert (true > own).all()  # just to the right, as the step says
    assert ((true - own)[:-1] < 0.6 * (own[1:] - true[:-1])).all()
    assert (true < schools["right"]).all()
    assert (schools["right"][:-1].to_numpy() < schools["left"][1:].to_numpy()).all()


def test_the_best_guess_is_called_so_where_it_is_0():
    assert "At 0, the best guess, all" in said(STORY.steps[TRY].text, facts_of(TRY))
    assert "At 0 all" in said(STORY.steps[TRY].text, facts(Scenario(), False))


def test_what_each_mark_shows():
    [fig], _ = drawn(STORY, designed(TRUTH))
    y = lambda found: [e["y"].get("field", e["y"].get("value")) for e in found]  # noqa: E731
    assert y(mark_at(fig.spec, shape="circle", fill="transparent")) == ["own"]
    assert y(mark_at(fig.spec, shape="circle", fill="#00805A")) == ["value"]
    single, schools = mark_at(fig.spec, shape="diamond")
    assert single["x"]["field"] == "true_tau"
    assert schools["y"]["field"] == "truth"
    assert set(y(mark_at(fig.spec, type="rule", color="#C8501B"))) == {"pooled"}
    assert y(mark_at(fig.spec, type="line", color="#00805A")) == ["value"]
    assert y(mark_at(fig.spec, type="bar", color="#22262B")) == ["averaged"]
    [se] = mark_at(fig.spec, type="bar", color="#0B68B0")
    assert (se["y"]["field"], se["y2"]["field"]) == ("low", "high")
    [dashed] = mark_at(fig.spec, type="rule", strokeDash=[5, 4])
    assert dashed["x"]["field"] == "best"
    assert y(mark_at(fig.spec, type="line", color="#22262B")) == ["density"]
    assert y(mark_at(fig.spec, type="line", strokeDash=[2, 4])) == ["prior"]
    assert y(mark_at(fig.spec, type="area")) == ["density", "inside"]
    for m in marks(fig.spec):  # green is partial pooling and nothing else
        if "#00805A" in (m["mark"].get("fill"), m["mark"].get("color")):
            assert m["encoding"]["y"]["field"] in ("value", "end")


def test_curves_and_estimates_are_read_on_one_axis():
    """A layer with bars would get 5 pixels of padding of its own."""
    [fig], _ = drawn(STORY, designed(SAY))
    scales = {}
    for m in marks(fig.spec):
        y = m["encoding"].get("y", {})
        if y.get("field") in ("value", "own", "averaged", "truth", "pooled", "end", "low"):
            scales[y["field"]] = y["scale"]
    assert len(scales) == 7
    assert all(scale == scales["own"] for scale in scales.values())
    assert scales["own"]["padding"] == 0


def test_the_tables_are_the_facts():
    fig, _ = shown(SAY)
    f = facts_of(SAY)
    curves = fig.tables["curves"].pivot_table(index="tau", columns="row", values="value")
    # as printed in the book's sources
    at_10 = [14.24, 8.06, 5.00, 7.62, 3.08, 4.90, 13.06, 9.04]
    np.testing.assert_allclose(curves.loc[10.0], at_10, atol=0.005)
    schools = fig.tables["schools"]
    np.testing.assert_allclose(schools["averaged"], f.averaged.mean)
    assert schools["own"].tolist() == list(EIGHT_Y)
    np.testing.assert_allclose(schools["high"] - schools["own"], EIGHT_SE)
    np.testing.assert_allclose(schools["own"] - schools["low"], EIGHT_SE)
    steps = fig.tables["steps"]
    assert steps.loc[steps["resting"], "tau"].tolist() == [5.25]
    inside = steps.loc[steps["inside"] > 0, "tau"]
    assert inside.min() == 0
    assert inside.max() <= f.posterior.quantile(0.95) < inside.max() + 0.25
    sds, _ = shown(-1, curves="SDs")
    table = sds.tables["schools"]
    assert table["own"].tolist() == list(EIGHT_SE)
    np.testing.assert_allclose(table["averaged"], f.averaged.sd)
    np.testing.assert_allclose(
        sds.tables["curves"]["value"].to_numpy().reshape(f.at.sd.shape), f.at.sd
    )
    town, _ = shown(TRUTH)
    t = facts_of(TRUTH)
    np.testing.assert_allclose(town.tables["schools"]["truth"], t.truth)
    assert town.tables["marks"]["true_tau"].tolist() == [5.0]
    assert [n for n in town.tables["schools"]["label"] if n] == ["Juniper"]


@pytest.mark.parametrize("school", ["A", "E"])
def test_words_follow_the_handle(school):
    f = facts_of(TRY, school=school)
    table, formula, prior = (STORY.steps[k].hand(f) for k in (TRY, SAY, PRIOR))
    for k, tau in enumerate(f.tau):
        for r, j in enumerate(f.told):
            assert value(table.texts[f"m{r}"][k]) == pytest.approx(f.at.mean[k, j], abs=0.051)
            assert value(table.texts[f"s{r}"][k]) == pytest.approx(f.at.sd[k, j], abs=0.051)
        assert float(table.texts["tau"][k]) == tau
        plausible = table.texts["plausible"][k]
        if k:
            said_of_it = re.search(r"(\d+)%", plausible)
            assert (said_of_it is None) == (f.density[k] > 0.995)
            if said_of_it is not None:
                assert float(said_of_it[1]) / 100 == pytest.approx(f.density[k], abs=0.0101)
            else:
                assert plausible == "almost as plausible as the most plausible one"
            w = [1 / f.se[f.picked] ** 2, 1 / tau**2]
            worked = np.average([f.y[f.picked], f.at.mu[k]], weights=w)
            assert value(formula.texts["theta"][k]) == pytest.approx(worked, abs=0.051)
            assert value(formula.texts["mu"][k]) == pytest.approx(f.at.mu[k], abs=0.051)
        assert bool(formula.texts["said"][k]) == (k == 0)
        assert value(prior.texts["mean"][k]) == pytest.approx(f.at.mean[k, f.picked], abs=0.051)
        assert value(prior.texts["sd"][k]) == pytest.approx(f.at.sd[k, f.picked], abs=0.051)
    assert table.texts["plausible"][0] == "the most plausible of all"
    averaged = found(rf"<b>{N}</b>, give or take {N}", formula.html)
    assert averaged == pytest.approx(
        [f.averaged.mean[f.picked], f.averaged.sd[f.picked]], abs=0.051
    )
    assert f"School {school}" in formula.html
    assert found(rf"<td>{E} to {N}</td>", prior.html) == pytest.approx(f.interval, abs=0.051)


@pytest.mark.parametrize("scenario", [Scenario(), Scenario(n_groups=4, seed=3), Scenario(seed=9)])
def test_the_sentences_are_the_facts(scenario):
    f = facts(scenario, False, "Juniper")
    prose = said(STORY.steps[TRUTH].text, f)
    assert found(rf"95% run from {E} to {N}", prose) == pytest.approx(f.interval, abs=0.051)
    assert found(rf"a true τ of {N} points", prose) == [5.0]
    low, high = f.interval
    assert ("lies inside" in prose) == (low <= 5 <= high)
    wanted = [np.sqrt(((v - f.truth) ** 2).mean()) for v in (f.averaged.mean, f.y)]
    assert found(
        rf"by {N} points \(\[\[root mean square\]\]\), the schools' own means by {N}", prose
    ) == (pytest.approx(wanted, abs=0.051))
    look = said(STORY.steps[BREAKS].look, f)
    assert ("τ itself has no mean" in look) == (f.n == 3)
    assert "For Juniper" not in said(STORY.steps[-1].text, f)


def test_three_schools_break_the_flat_prior_and_the_step_says_so():
    look = said(STORY.steps[BREAKS].look, facts_of(BREAKS))
    assert "τ itself has no mean" in look
    assert "to the right of the figure" in look
    f = facts_of(BREAKS)
    assert np.isfinite(f.averaged.mean).all()  # what the sentence says of a school
    changed = said(STORY.steps[BREAKS].changed, f)
    assert changed == "Only 3 schools of the town are left: Ashford, Birch Lane and Cedar."
    fig, _ = shown(BREAKS)
    assert fig.tables["schools"]["label"].tolist() == ["Ash", "Bir", "Ced"]
    tamed = said(STORY.steps[BREAKS].look, facts_of(BREAKS, prior="half-normal"))
    assert "no mean" not in tamed
    assert "to the right" not in tamed


def test_the_last_sentence_is_the_average_of_the_school():
    told = said(STORY.steps[-1].text, facts_of(len(KINDS) - 1))
    assert "can expect 11.4 points from coaching, give or take 8.3" in told
    assert "8.3 (with a flat prior on τ), and not 28." in told
    high = facts_of(SAY).posterior.quantile(0.95)
    assert "All eight true effects could be the same, or differ:" in told
    assert f"their SD lies between 0 and {high:.1f} points, with 95%" in told
    assert said(STORY.steps[0].do, facts_of(0)).endswith(
        "Could all eight true effects be the same?"
    )


def test_the_best_guess_lies_in_the_interval():
    """Of the density where the prior is flat: 0 is the end of the line, not outside."""
    for f in (facts_of(SAY), facts(Scenario(), False), facts(Scenario(n_groups=3), False)):
        low, high = f.interval
        assert low <= f.best <= high
        inside = float(f.posterior.cdf(high)) - float(f.posterior.cdf(low))
        assert inside == pytest.approx(0.95, abs=1e-6)


def test_there_is_no_handle_before_there_is_a_tau():
    for step, hidden in ((0, True), (PREDICT, True), (TRY, False)):
        with patch("streamlit.html") as html:
            shown(step)
        assert any("pl-no-handle" in str(call) for call in html.call_args_list) == hidden


def test_a_flat_prior_has_no_scale_to_set():
    page = open_page("how_sure_about_tau", step=PRIOR + 1)
    assert page.slider[0].label == "Scale of the prior, points"
    assert page.slider[0].disabled
    page.get("button_group")[0].set_value("half-normal").run()
    assert not page.slider[0].disabled
    for end in (1.0, 30.0):
        page.slider[0].set_value(end).run()
        healthy(page)


def test_the_lesson_holds_on_its_own_draws():
    """What the truth step wants to show: more schools tell more, and the average misses less."""
    town, eight = facts_of(TRUTH), facts_of(SAY)
    assert town.holds
    assert town.misses(town.averaged.mean) < town.misses(town.y)
    assert town.trust != eight.trust == "hardly"


def printed(out: str) -> np.ndarray:
    out = re.sub(r"\[\d+\] ", "", out)
    return np.array([float(v) for v in re.findall(r"-?\d+\.?\d*(?:e[-+]\d+)?", out)])


def near_zero():
    """The eight schools pulled apart, until the best guess is just above 0."""
    f = facts(Scenario())
    y = f.pooled.estimate + 1.2077 * (f.y - f.pooled.estimate)
    at = conditional_effects(y, f.se, f.tau)
    return replace(f, y=y, posterior=tau_posterior(y, f.se), best=tau_reml(y, f.se), at=at)


@pytest.mark.parametrize(
    "f",
    [facts(Scenario()), facts(Scenario(), prior="half-cauchy", scale=5.0),
     facts(Scenario(n_groups=6), False, prior="half-normal"), facts(Scenario(), False),
     near_zero()],
    ids=["flat", "cauchy", "town", "two ends", "near zero"],
)  # fmt: skip
def test_the_listings_print_the_numbers_of_the_page(f, tmp_path):
    code = STORY.listing(f)
    outs = [run_python(code.core), run_python(code.statsmodels)]
    if shutil.which("Rscript"):
        script = tmp_path / "page.R"
        script.write_text(code.lme4, encoding="utf-8")
        run = ["Rscript", str(script)]
        ran = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60)
        outs.append(ran.stdout)
    for out in outs:
        # two decimals; the listings' grid is coarser than the page's
        numbers, J = printed(out), f.n
        np.testing.assert_allclose(numbers[-2 * J : -J], f.averaged.mean, atol=0.011)
        np.testing.assert_allclose(numbers[-J:], f.averaged.sd, atol=0.011)
        low, median, high = numbers[-2 * J - 3 : -2 * J]
        np.testing.assert_allclose([low, high], f.interval, atol=0.03)
        assert median == pytest.approx(f.median, abs=0.03)


def test_a_best_guess_just_above_0_is_in_the_interval():
    f = near_zero()
    assert 0 < f.best < f.posterior.quantile(0.025)
    assert f.interval == (0, pytest.approx(f.posterior.quantile(0.95)))
    assert "5% are left out above" in STORY.listing(f).core
    assert "begin at 0" in STORY.model(f)


def test_the_figure_is_as_high_with_a_hundred_schools():
    """Letters keep apart; where there are none nothing may be moved out of the figure."""
    for n in (9, 10, 60, 100):
        f = facts(Scenario(n_groups=n), False)
        for curves in ("means", "SDs"):
            seen = replace(designed(-1, data="town", curves=curves), scenario=Scenario(n_groups=n))
            with patch.object(page_figure, "show") as show, patch.object(page_figure, "legend"):
                STORY.figure(f, seen)
            low, high = show.call_args.kwargs["axes"]["domain"]
            schools = show.call_args.args[3]["schools"]
            for mark in ("end", "own", "truth", "averaged"):
                assert (schools[mark] >= low).all(), (n, curves, mark)
                assert (schools[mark] <= high).all(), (n, curves, mark)


def test_no_prior_is_named_where_another_can_be_chosen():
    for step in STORY.steps:
        if "prior" in step.uses:
            named = step.heading + step.text if isinstance(step.text, str) else step.heading
            assert not re.search("flat prior", named)


def test_the_model_in_full_has_the_numbers_of_the_book():
    told = STORY.model(facts_of(SAY))
    assert "7.69 (standard error 4.07)" in told
    assert "Q = 4.71 on 7 degrees of freedom" in told
    assert "[[REML]]: τ = 0.00" in told
    assert "median of τ is 5.24" in told


@pytest.mark.parametrize(
    "values", [[1.0, 1.1, 5.0], [3.0, 2.0, 1.0], [0.0] * 8, [5.0, -1.0, 4.9, 4.8]]
)
def test_letters_keep_apart_and_in_order(values):
    at = np.array(values)
    moved = _apart(at, 1.0)
    order = np.argsort(at, kind="stable")
    assert (np.diff(moved[order]) >= 1 - 1e-12).all()
    assert moved.mean() == pytest.approx(at.mean(), abs=2.5)
    bounds = (at.min() - 0.2, at.min() + 1.05 * len(at))
    kept = _apart(at, 1.0, bounds)
    assert (np.diff(kept[order]) >= 1 - 1e-12).all()
    assert bounds[0] <= kept.min()
    assert kept.max() <= bounds[1]
    far = np.array([0.0, 2.0, 9.0])
    np.testing.assert_array_equal(_apart(far, 1.0), far)


def test_a_link_opens_the_laboratory():
    at = open_page("how_sure_about_tau", data="town", prior="half-cauchy", school="B", free="true")
    assert "laboratory" in text(at)
