"""Open to everybody, seen by a browser: axe-core, widths, forced colours, paper, keyboard, ear.

By default every page is looked at in both themes and both widths, before and after the
prediction, but not in every mixture of these. POOLING_LAB_EVERY_STATE=1 takes them all.
"""

# ruff: noqa: E501
from __future__ import annotations

import itertools
import os
import re
from datetime import date

import pytest

from pages.shared import contents, offstage, story
from pages.shared.story.answers import judged
from pages.shared.words import spoken
from tests.browser import axe
from tests.pages.kit import questions

EVERY = bool(os.environ.get("POOLING_LAB_EVERY_STATE"))
LESSONS = [lesson.slug for lesson in offstage.lessons()]
PAGES = ["", *(page.slug for page in contents.pages())]
WIDE, PHONE = (1440, 900), (390, 844)
TABLETS = ((1024, 768), (820, 1180))
TWICE = (720, 450)  # 1440 enlarged twice

# What Streamlit draws, by axe's rule: where, and why it is not ours to mend.
STREAMLITS = {
    "list": ("[data-testid=stSidebarNavItems]", "its narrow menu puts headings between the items"),
    "listitem": ("[data-testid=stSidebarNavItems] li", "its narrow menu wraps items in a div"),
}

RUN = """async (streamlits) => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const found = await axe.run({ include: [["body"]], exclude: [["svg.marks > g"]] },
                              { runOnly: tags, resultTypes: ["violations"] });
  const ours = (rule, target) => !streamlits[rule] || !document.querySelector(target)?.closest(streamlits[rule]);
  return found.violations.filter((v) => ["serious", "critical"].includes(v.impact)).flatMap((v) =>
    v.nodes.filter((n) => ours(v.id, n.target.at(-1)))
           .map((n) => `${v.id}: ${n.html.slice(0, 160)} ${n.any[0]?.message ?? ""}`));
}"""

WRITTEN = """() => {
  const parts = [...document.querySelectorAll('[data-testid=stApp] *')];
  const shown = (e) => e.getClientRects().length > 0;
  return {
    title: document.title,
    headings: parts.filter((e) => /^H[1-6]$/.test(e.tagName) && shown(e)).map((e) => Number(e.tagName[1])),
    figures: parts.filter((e) => e.getAttribute('role') === 'graphics-document').map((e) => e.getAttribute('aria-label')),
    symbols: parts.filter((e) => e.getAttribute('role') === 'graphics-symbol' && e.getAttribute('aria-hidden') !== 'true').length,
    marked: parts.map((e) => e.getAttribute('aria-label')).filter((name) => name && /[$\\\\]|\\*\\*/.test(name)),
    unnamed: parts.filter((e) => /^(BUTTON|A)$/.test(e.tagName) && shown(e) && !e.textContent.trim() && !e.getAttribute('aria-label')
                          && !e.getAttribute('title')).map((e) => e.outerHTML.slice(0, 120)),
    handles: parts.filter((e) => e.matches('.vega-bind input') && shown(e))
                  .map((e) => [e.getAttribute('aria-label'), e.getAttribute('aria-valuetext'), e.value]),
  };
}"""

TOO_WIDE = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  return Math.max(main.scrollWidth, document.scrollingElement.scrollWidth) - innerWidth;
}"""

SMALL = """() => {
  const ours = '.pl-steps button, .pl-tools button, .pl-begin button, .st-key-answers button, .vega-bind input, '
    + '[data-testid=stTooltipIcon] button, [data-testid=stRadio] label, .st-key-more button';
  return [...document.querySelectorAll(ours)].map((e) => [e, e.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.width < 23.9 || box.height < 23.9))
    .map(([e, box]) => `${e.outerHTML.slice(0, 100)} ${box.width} x ${box.height}`);
}"""


@pytest.fixture
def patient(reader):
    """A reader who waits longer: these pages are many, and machines can be busy."""

    def new(**options):
        me = reader(**options)
        me.page.set_default_timeout(60_000)
        return me

    return new


def predicting(slug: str) -> int | None:
    """The step of a lesson that asks first, from 1."""
    return 1 + story.first_prediction(offstage.story_of(slug)) if slug in LESSONS else None


def turns_to(me, slug: str, query: str = "") -> None:
    """Go to a page, to the step of a lesson that asks first."""
    step = predicting(slug)
    me.turns_to(slug, query or (f"?step={step}" if step else ""))


def answers(me) -> None:
    """Answer what is asked, as it is asked."""
    buttons = me.page.locator(".st-key-answers button")
    choices = me.page.locator(".st-key-words [data-testid=stButtonGroup] button")
    if buttons.count():
        buttons.first.click()
        me.page.wait_for_selector(".st-key-verdict")
    elif choices.count():
        choices.first.click()
    me.settles()


def looked_at(me, where: str) -> list[str]:
    """What axe finds on the page as it stands."""
    selectors = {rule: selector for rule, (selector, _) in STREAMLITS.items()}
    return [f"{where}: {found}" for found in me.page.evaluate(RUN, selectors)]


def sized(me, size: tuple[int, int]) -> None:
    me.page.set_viewport_size({"width": size[0], "height": size[1]})
    me.settles()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_open_to_everybody(patient, dark):
    """axe-core on every page; by day also names, the order of headings, widths, sizes."""
    me = patient(dark=dark, reduced_motion="reduce").opens("/", handle=False)
    me.page.evaluate(axe.find_or_fetch())
    problems: list[str] = []
    titles = set()
    for k, slug in enumerate(PAGES):
        if slug:
            # the glossary's hundred entries are alike: a search shows some of them
            turns_to(me, slug, "?find=variance" if slug == "glossary" and not EVERY else "")
        titles.add(me.page.title())
        if not dark:
            problems += [f"/{slug}: {wrong}" for wrong in wrong_with(me.page.evaluate(WRITTEN))]
            problems += misfits(me, slug)
        now = states(k, dark)
        for after in (False, True):
            if after and slug in LESSONS and any(state[1] for state in now):
                answers(me)
            for size in [size for size, answered in now if answered == after]:
                sized(me, size)
                problems += looked_at(me, f"/{slug} {size} {'after' if after else 'before'}")
        sized(me, WIDE)
    assert problems == [], "\n".join(problems)
    assert len(titles) == len(PAGES)


def states(k: int, dark: bool) -> list[tuple[tuple[int, int], bool]]:
    """In which widths, before or after the answer, a page is looked at in this theme."""
    if EVERY:
        return [(size, after) for after in (False, True) for size in (WIDE, PHONE)]
    return [((WIDE, PHONE)[(k + dark) % 2], bool((k // 2 + dark) % 2))]


def misfits(me, slug: str) -> list[str]:
    """Where the page is wider than its screen, or what is pressed smaller than a finger."""
    wrong = []
    # the walk in test_browser.py has lessons on tablets and phones
    for size in (TWICE,) if slug in LESSONS else (*TABLETS, TWICE, (320, 700)):
        sized(me, size)
        if me.page.evaluate(TOO_WIDE) > 0:
            wrong.append(f"/{slug}: wider than {size}")
        wrong += [f"/{slug} {size}: small {part}" for part in me.page.evaluate(SMALL)]
    return wrong


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_is_chosen_of_a_few_is_as_easy_to_read_as_the_others(patient, dark):
    me = patient(dark=dark, reduced_motion="reduce").opens("/small_groups?free=true")
    me.page.evaluate(axe.find_or_fetch())
    chosen = me.page.locator(".st-key-words [role=radio]")
    assert {one.get_attribute("aria-checked") for one in chosen.all()} == {"true", "false"}
    assert looked_at(me, "free play") == []
    ink = {one.evaluate("e => getComputedStyle(e).color") for one in chosen.all()}
    assert len(ink) == 1


def test_the_controls_of_free_play_are_named_as_they_are_said(patient):
    me = patient(reduced_motion="reduce").opens("/varying_slopes?free=true")
    assert wrong_with(me.page.evaluate(WRITTEN)) == []
    assert me.page.evaluate(SMALL) == []
    sliders = me.page.get_by_role("slider", name="SD between schools sigma alpha")
    assert sliders.count() == 1


def wrong_with(found: dict) -> list[str]:
    """What a screen reader would say wrongly of a page."""
    heads = found["headings"]
    order = all(after <= before + 1 for before, after in itertools.pairwise(heads))
    wrong = [] if order and heads.count(1) == 1 and heads[0] == 1 else [f"headings {heads}"]
    wrong += [f"{found['symbols']} marks are read out"] if found["symbols"] else []
    wrong += [f"read with its marks: {name}" for name in found["marked"]]
    wrong += [f"without a name: {part}" for part in found["unnamed"]]
    wrong += [f"a figure says only: {text}" for text in found["figures"] if len(text) <= 30]
    for name, value, step in found["handles"]:
        if not name or not value or value == step:
            wrong.append(f"the handle says {name}, {value}, not what it means")
    return wrong


def heard(me) -> str:
    return str(me.page.locator(".pl-unseen[role=status]").inner_text())


def tab_to(me, selector: str) -> None:
    """Press Tab until what is looked for has the focus."""
    for _ in range(60):
        me.page.keyboard.press("Tab")
        if me.page.evaluate("part => document.activeElement.matches(part)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


HEARS = "said => document.querySelector('.pl-unseen[role=status]')?.textContent === said"
FOCUSED = (
    "document.activeElement.innerText === document.querySelector('.st-key-words h2').innerText"
)


def hears(me, said: str, and_that: str = "true") -> None:
    """Wait for what a screen reader is told."""
    try:
        me.page.wait_for_function(f"said => ({HEARS})(said) && {and_that}", arg=said)
    except Exception as wrong:
        raise AssertionError(f"{heard(me)!r}, not {said!r}; or not {and_that}") from wrong


def chooses(me, asked: story.Question, kind: str, seen: story.Seen, where: tuple) -> None:
    """Tab through the answers, back to the first, and give it: the verdict is told."""
    count = len(asked.answers)
    tab_to(me, ".st-key-answers button")
    for _ in range(count - 1):
        me.page.keyboard.press("Tab")
        assert me.page.evaluate("document.activeElement.matches('.st-key-answers button')")
    for _ in range(count - 1):
        me.page.keyboard.press("Shift+Tab")
    me.page.keyboard.press("Enter")
    first = story.shuffled(asked, *where)[0]
    verdict = spoken(judged(asked, first, kind, seen.scenario).words)
    assert not re.search(r"[$\\*]", verdict), verdict
    hears(me, verdict, "document.querySelector('.st-key-verdict')")


def sorts(me, asked: story.Sorting) -> None:
    """Put the first thing into the first bin."""
    tab_to(me, ".st-key-words [data-testid=stButtonGroup] button")
    me.page.keyboard.press("Space")
    item, into = asked.items[0], asked.bins[0]
    verdict = "Yes." if item.bin == into else "Not so."
    hears(me, spoken(f"{item.text}: {into}. {verdict} {item.why[into]}"))


def holds(me, handle) -> None:
    """Go back to the handle by Tab, and move it to its first place: its name and value are told."""
    for _ in range(60):
        if me.page.evaluate("document.activeElement.matches('.vega-bind input')"):
            break
        me.page.keyboard.press("Shift+Tab")
    me.page.keyboard.press("Home")
    told = [me.handle.get_attribute(name) for name in ("aria-label", "aria-valuetext")]
    assert told == [handle.label, handle.spoken[0]]


def walks(me, slug: str) -> None:
    """From the first step to the next lesson: keys only, and what is told."""
    lesson = offstage.story_of(slug)
    for k, step in enumerate(lesson.steps):
        seen = story.designed(lesson, k)
        facts = lesson.facts(seen)
        asked = questions(lesson, k, facts) or [None]
        for q, question in enumerate(asked):
            said = f"Step {k + 1} of {len(lesson.steps)}: {step.heading}"
            said += f". Question {q + 1} of {len(asked)}" if len(asked) > 1 else ""
            hears(me, said, FOCUSED if k + q else "true")
            if isinstance(question, story.Sorting):
                sorts(me, question)
            elif question is not None:
                chooses(me, question, step.kind, seen, (slug, k, q))
            _, handle = offstage.drawn(lesson, seen, facts)
            if step.kind == "try" and handle is not None:
                holds(me, handle)
            if question is None and step.kind != "try":
                me.page.keyboard.press("ArrowRight")
            else:
                tab_to(me, ".pl-next")
                me.page.keyboard.press("Enter")
    me.page.wait_for_url(f"**/{contents.neighbours(slug)[1].slug}*")


TODAY = date.today().toordinal()
WALKED = [slug for k, slug in enumerate(LESSONS) if EVERY or (k + TODAY) % 9 == 0]
"""Every lesson once in nine days; all of them in every state."""


def test_lessons_are_walked_by_keyboard_and_ear(patient):
    me = patient(width=1280, height=720, reduced_motion="reduce").opens("/", handle=False)
    for slug in WALKED:
        try:
            turns_to(me, slug, "?step=1")
            walks(me, slug)
        except Exception as wrong:
            wrong.add_note(f"in {slug}")
            raise
    assert me.complaints == []


def test_the_figure_as_a_table_follows_the_handle_by_keyboard(patient):
    me = patient(reduced_motion="reduce").opens("/partial_pooling?step=2")
    me.page.get_by_role("radio", name="The figure as a table").click()
    table = me.page.locator(".pl-table table").first
    heads = "() => [...document.querySelectorAll('.pl-table th[scope=col]')].map(e => e.innerText)"
    me.page.wait_for_selector(".pl-table td")
    assert me.page.evaluate(heads) == ["school", "students", "own mean"]  # no answer yet
    answers(me)
    assert "partial pooling" in me.page.evaluate(heads)
    me.handle.focus()
    me.page.keyboard.press("Home")
    rows = table.inner_text().split("\n")
    column = me.page.evaluate(heads).index("partial pooling")
    cells = [row.split("\t") for row in rows if row.count("\t") > 3][1:]
    assert len({row[column] for row in cells}) == 1  # complete pooling: one mean for all
    assert "0 points: complete pooling" in me.page.locator(".pl-where").inner_text()


def test_forced_colours_keep_handle_dots_and_switches(patient):
    me = patient(forced_colors="active", reduced_motion="reduce")
    me.opens("/partial_pooling?free=true")
    seen = me.page.evaluate(
        """() => {
          const style = (part, pseudo) => getComputedStyle(document.querySelector(part), pseudo);
          const paper = style('body').backgroundColor;
          const differs = (part, pseudo, what = 'backgroundColor') => style(part, pseudo)[what] !== paper;
          return {
            mark: document.querySelector('.pl-mark').style.color === style('.pl-mark').color,
            handle: style('.vega-bind input').forcedColorAdjust,
            dot: differs('.pl-dots button', '::after', 'borderTopColor'),
            toggle: style('[data-testid=stCheckbox] label > div').borderTopWidth,
            slider: differs('[data-testid=stSlider] [role=group] > div > div'),
          };
        }"""
    )
    assert seen == {
        "mark": True, "handle": "none", "dot": True, "toggle": "2px", "slider": True,
    }  # fmt: skip


def test_a_step_prints_black_on_white_with_its_figure_and_nothing_to_press(patient):
    me = patient(dark=True, reduced_motion="reduce").opens("/partial_pooling?step=2")
    answers(me)
    me.page.get_by_role("radio", name="The code").click()
    me.page.get_by_role("radio", name="R (lme4)").click()
    me.page.wait_for_selector("[data-testid=stCode] code")
    me.page.emulate_media(media="print")
    me.page.set_viewport_size({"width": 690, "height": 1000})  # a sheet of A4 within its margins
    me.settles()
    seen = me.page.evaluate(
        """() => {
          const all = [...document.querySelectorAll('[data-testid=stMain] *')].filter((e) => e.getClientRects().length);
          const text = all.filter((e) => e.closest('.st-key-words, [data-testid=stCode]') && e.childNodes.length === 1 && e.firstChild.nodeType === 3);
          const marks = document.querySelector('svg.marks').getBoundingClientRect();
          const code = document.querySelector('[data-testid=stCode] pre');
          return {
            ground: [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('.stApp')).backgroundColor],
            inks: [...new Set(text.map((e) => getComputedStyle(e).color))],
            pressed: all.filter((e) => e.matches('.pl-steps button, .pl-tools button, .vega-bind input, .st-key-more [role=radio], header')).length,
            figure: marks.width > 400 && marks.right <= innerWidth,
            turned: getComputedStyle(document.querySelector('svg.marks')).filter,
            cut: code.scrollWidth > code.clientWidth + 1 || code.scrollHeight > code.clientHeight + 1,
            words: document.querySelector('.st-key-words').innerText,
          };
        }"""
    )
    assert set(seen["ground"]) <= {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
    assert seen["inks"] == ["rgb(17, 17, 17)"]
    assert seen["pressed"] == 0
    assert seen["figure"]
    assert "invert" in seen["turned"]
    assert not seen["cut"]
    assert "Those with few students" in seen["words"]
