"""What holds for every page: no traceback whatever is set, and the grammar in its order."""

from __future__ import annotations

from dataclasses import fields

import altair as alt
import pytest
import vl_convert

from mlm_core import Scenario
from mlm_core.scenario import bounds
from pages.shared import contents, presets
from pages.shared.controls import SCENARIO
from pages.shared.terms import MISCONCEPTIONS
from tests.pages.kit import ROOT, alternative, figure, healthy, open_page, text

SLUGS = [lesson.slug for lesson in contents.lessons()]
LESSONS = [slug for slug in SLUGS if slug not in ("your_data", "glossary")]
GARBAGE = ["-1e999", "NaN", "", "<script>alert(1)</script>", "9" * 400, "DROP TABLE", "\x00"]


def shown(slug: str, **query):
    return open_page(slug, **{f"predict_{slug}": "Just show me"} | query)


@pytest.mark.parametrize("slug", SLUGS)
def test_opens(slug):
    at = shown(slug)
    assert at.title


@pytest.mark.parametrize("slug", LESSONS)
def test_every_slider_at_both_ends(slug):
    at = shown(slug)
    for slider in list(at.slider):
        for end in (slider.min, slider.max):
            at.slider(key=slider.key).set_value(end).run()
            healthy(at)
        at.slider(key=slider.key).set_value(slider.value)


@pytest.mark.parametrize("slug", LESSONS)
def test_every_corner_of_the_sidebar(slug):
    """All shown sliders at their low ends together, then at their high ends."""
    for end in ("min", "max"):
        at = shown(slug)
        for slider in list(at.sidebar.slider):
            at.slider(key=slider.key).set_value(getattr(slider, end))
        at.run()
        healthy(at)


@pytest.mark.parametrize("slug", LESSONS)
def test_every_choice_and_switch(slug):
    at = shown(slug)
    for radio in list(at.radio):
        for option in radio.options:
            at.radio(key=radio.key).set_value(option).run()
            healthy(at)
    for toggle in list(at.toggle):
        at.toggle(key=toggle.key).set_value(not toggle.value).run()
        healthy(at)


@pytest.mark.parametrize("slug", LESSONS)
def test_every_preset_and_every_break(slug):
    at = shown(slug)
    for preset in presets.PRESETS:
        if any(box.key == "preset" for box in at.selectbox):
            at.selectbox(key="preset").set_value(preset).run()
            healthy(at)
    for button in [b for b in at.button if b.key and str(b.key).startswith("break_")]:
        at.button(key=button.key).click().run()
        healthy(at)


@pytest.mark.parametrize("slug", SLUGS)
def test_garbage_in_the_link(slug):
    keys = {c.name for c in SCENARIO} | {"seed", f"predict_{slug}", "school", "handle"}
    keys |= {str(w.key) for w in (*shown(slug).radio, *shown(slug).toggle) if w.key}
    for value in GARBAGE:
        at = open_page(slug, **dict.fromkeys(keys, value))
        assert "<script>" not in text(at)


@pytest.mark.parametrize("slug", LESSONS)
def test_the_parts_come_in_their_order(slug):
    at = shown(slug)
    heads = [h.value for h in at.main.subheader]
    wanted = ["The model", "Where it breaks", "Check yourself", "Code", "In one sentence"]
    assert [h for h in heads if h in wanted] == wanted
    assert at.title[0].value == contents.lesson(slug).question


@pytest.mark.parametrize("slug", LESSONS)
def test_the_answer_waits_for_the_prediction(slug):
    at = open_page(slug)
    assert at.radio(key=f"predict_{slug}").value is None
    right = shown(slug)
    assert len(text(right)) > len(text(at))


@pytest.mark.parametrize("slug", LESSONS)
def test_every_prediction_has_one_right_answer(slug):
    at = open_page(slug)
    verdicts = []
    for option in at.radio(key=f"predict_{slug}").options[:-1]:
        at.radio(key=f"predict_{slug}").set_value(option).run()
        verdicts.append("**Yes.**" in text(at))
    assert sum(verdicts) == 1


def verdicts(at) -> tuple[list[str], list[str]]:
    """What a page says of right and of wrong answers, in boxes or beside sorted items."""
    prose = [m.value for m in at.markdown]
    good = [m for m in prose if m.startswith(":green[:material/check:] ") and "**Yes" not in m]
    bad = [m for m in prose if m.startswith(":orange[:material/close:] ") and "**Not" not in m]
    return good + [e.value for e in at.success], bad + [e.value for e in at.warning]


@pytest.mark.parametrize("slug", LESSONS)
def test_every_check_has_one_right_answer_and_says_why_the_others_are_wrong(slug):
    at = shown(slug)
    checks = [str(r.key) for r in at.radio if str(r.key).startswith(f"check_{slug}")]
    assert 2 <= len({key.split("_")[len(slug.split("_")) + 1] for key in checks}) <= 4
    for key in checks:
        options, right, reasons = at.radio(key=key).options, 0, set()
        assert len(options) == len(set(options))
        for option in options:
            at.radio(key=key).set_value(option).run()
            good, bad = verdicts(at)
            right += len(good)
            reasons |= {*good, *bad}
        assert right == 1
        assert len(reasons) == len(options)
        at.radio(key=key).set_value(None).run()


@pytest.mark.parametrize("slug", SLUGS)
def test_every_figure_is_valid_drawn_and_described(slug):
    at = shown(slug)
    for k in range(len(at.get("vega_lite_chart"))):
        spec, tables = figure(at, k)
        assert len(alternative(at, k)) > 30
        assert any(len(table) for table in tables.values())
        whole = spec | {
            "datasets": {n: t.to_dict(orient="records") for n, t in tables.items()},
            "width": 600,
        }
        alt.LayerChart.from_dict(spec, validate=True)
        assert "</svg>" in vl_convert.vegalite_to_svg(whole)
        assert encoded(spec) <= {c for t in tables.values() for c in t.columns} | made(spec)


def encoded(spec) -> set[str]:
    """Fields that the marks of a figure encode."""
    found = set()
    for key, value in spec.items() if isinstance(spec, dict) else []:
        if key == "field" and isinstance(value, str):
            found.add(value)
        else:
            found |= encoded(value)
    for value in spec if isinstance(spec, list) else []:
        found |= encoded(value)
    return found


def made(spec) -> set[str]:
    """Fields that the figure makes itself by its transforms."""
    found = set()
    if isinstance(spec, dict):
        names = spec.get("as")
        found |= {names} if isinstance(names, str) else set(names or [])
        for value in spec.values():
            found |= made(value)
    elif isinstance(spec, list):
        for value in spec:
            found |= made(value)
    return found


def test_every_setting_of_the_scenario_is_in_the_address():
    named = {c.name for c in SCENARIO} | {"seed"}
    of_scenario = {f.name for f in fields(Scenario) if f.name != "hyper"}
    of_hyper = {f.name for f in fields(type(Scenario().hyper))} - {"a0"}
    assert named == of_scenario | of_hyper
    for name in named:
        assert bounds(name).low < bounds(name).high


def test_a_link_out_of_range_says_so_and_shows_the_default():
    at = open_page("partial_pooling", n_groups=500, sigma_y="loud")
    said = " ".join(w.value for w in at.warning)
    assert "500" in said
    assert "3 to 100" in said
    assert "loud" in said
    assert at.slider(key="n_groups").value == 20


def test_the_scenario_is_kept_from_page_to_page():
    at = open_page("partial_pooling", n_groups=7)
    at.slider(key="sigma_y").set_value(3.0).run()
    at.switch_page("pages/complete_pooling.py").run()
    assert at.slider(key="n_groups").value == 7
    assert at.slider(key="sigma_y").value == 3.0


@pytest.mark.parametrize("belief", MISCONCEPTIONS, ids=lambda m: m[0][:20])
def test_every_misconception_is_met_where_the_glossary_says(belief):
    said, instead, slugs = belief
    for slug in slugs:
        assert f"“{said}” {instead}" in text(open_page(slug))


def test_the_start_page_lists_every_lesson():
    at = open_page("start")
    links = [link.proto.page_script_hash for link in at.get("page_link")]
    assert len(links) >= len(contents.lessons())
    assert (ROOT / "pages" / "start.py").exists()
