"""The pages of the static site, as HTML: a lesson, a figure in one file, the words, the contents."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlm_core.charts.theme import DARK, LIGHT
from pages.shared import as_table, contents, offstage, saving, story
from pages.shared.as_table import Table
from pages.shared.code import FILE
from pages.shared.static_site import states
from pages.shared.static_site.bundle import VEGA
from pages.shared.static_site.markup import block, escaped, formula, line, place
from pages.shared.static_site.states import Pool, said
from pages.shared.story import Question, Seen, Sorting, Step, Story
from pages.shared.terms import MISCONCEPTIONS, REFERENCES, TERMS, Term

_HERE = Path(__file__).parent
_SHARED = _HERE.parent
_ONCE = (
    "let kept=null;try{kept=localStorage.getItem('pooling-lab-theme')}catch{}"
    "document.documentElement.dataset.theme="
    "kept??(matchMedia('(prefers-color-scheme: dark)').matches?'dark':'light')"
)
_SAFE = (
    "default-src 'none'; script-src 'self' file: 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' file: 'unsafe-inline'; img-src 'self' data: blob:; font-src data:"
)


@dataclass(frozen=True, slots=True)
class Assets:
    """How a page gets its style and its scripts: beside it, or inside it."""

    inside: bool

    def head(self) -> str:
        """Style."""
        if self.inside:
            return f"<style>{style()}</style>"
        return '<link rel="stylesheet" href="style.css">'

    def foot(self, figures: bool = True) -> str:
        """Scripts: the libraries, where there is a figure, then ours."""
        names = {"vega.js": vega, "lesson.js": script} if figures else {"lesson.js": script}
        if self.inside:
            return "".join(f"<script>{text()}</script>" for text in names.values())
        return "".join(f'<script src="{name}"></script>' for name in names)


@cache
def vega() -> str:
    """The libraries that draw."""
    return VEGA.read_text(encoding="utf-8")


@cache
def script() -> str:
    """What moves in the pages: the hand and the saving are those of the app."""
    hand = (_SHARED / "hand.js").read_text(encoding="utf-8")
    save = saving.SCRIPT.read_text(encoding="utf-8")
    parts = [
        text.replace("export default function", f"const {name} = function")
        for name, text in (("hand", hand), ("save", save))
    ]
    lesson = (_HERE / "lesson.js").read_text(encoding="utf-8")
    return "(() => {\n" + ";\n".join([*parts, lesson]) + "})();\n"


@cache
def font() -> str:
    """The type of the app, as Streamlit brings it; without it figures are set in another."""
    served = files("streamlit") / "static" / "static" / "media"
    found = [f for f in served.iterdir() if f.name.startswith("SourceSansVF-Upright")]
    if not found:
        return ""
    code = b64encode(found[0].read_bytes()).decode()
    return (
        '@font-face { font-family: "Source Sans"; font-weight: 200 900; '
        f"src: url(data:font/woff2;base64,{code}) format('woff2'); }}"
    )


@cache
def style() -> str:
    """The app's style of figures and words, the two palettes, the style of these pages."""
    inks = "".join(
        f"{where} {{ --pl-paper: {p.paper}; --pl-ink: {p.ink}; --faint: {p.faint}; --muted: {p.muted}; "
        f"--link: {p.no}; --yes: {p.partial}; }}\n"
        for where, p in ((":root", LIGHT), (':root[data-theme="dark"]', DARK))
    )
    return "\n".join(
        [
            (_SHARED / "style.css").read_text(encoding="utf-8"),
            font(),
            inks,
            (_HERE / "static.css").read_text(encoding="utf-8"),
        ]
    )


def inert(data: object) -> str:
    """JSON that can stand inside a script: nothing in it ends the script.

    >>> inert("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    return _inert(json.dumps(data, ensure_ascii=False, separators=(",", ":")))


def _inert(text: str) -> str:
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def page(title: str, body: str, assets: Assets, data: str | None = None) -> str:
    """A whole page; ``data`` is the JSON of its figure."""
    empty = '{"slug":"","pool":[],"states":[],"steps":[],"darker":{}}'
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_SAFE}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)} · Pooling Lab</title>{assets.head()}<script>{_ONCE}</script></head>"
        f"<body>{body}"
        f'<script type="application/json" id="lesson">{_inert(data or empty)}</script>'
        f"{assets.foot(figures=data is not None)}</body></html>\n"
    )


THEME = (
    '<button type="button" class="theme" aria-pressed="false" aria-label="Dark">'
    '<span aria-hidden="true">◐</span></button>'
)


def bar(*links: str) -> str:
    """The bar over a page: where it leads, light or dark."""
    return f'<header class="bar"><nav aria-label="Site">{"".join(links)}</nav>{THEME}</header>'


def link(address: str, words: str, more: str = "") -> str:
    """A link within the folder."""
    return f'<a href="{escaped(address)}"{more}>{escaped(words)}</a>'


# The figure


def stage(key: str) -> str:
    """The place of the figure: legend, figure, ends of its handle, ways to save it."""
    return (
        '<div class="picture st-key-picture"><div class="legend"></div>'
        f'<div class="figure st-key-figure-{escaped(key)}"></div><div class="ends"></div>'
        '<noscript><p class="note">The figure needs JavaScript; the text does not.</p></noscript>'
        '<div class="saving"><span>Save the figure as it stands:</span> '
        '<button type="button" data-way="png">PNG</button> '
        '<button type="button" data-way="svg">SVG</button></div></div>'
    )


def packed(slug: str, pool: Pool, found: Sequence[dict[str, Any]], steps: Any) -> str:
    """The JSON of a page with a figure."""
    rest = {"slug": slug, "states": found, "steps": steps, "darker": states.DARKER}
    start = json.dumps(rest, ensure_ascii=False, separators=(",", ":"))[:-1]
    return f'{start},"pool":[{",".join(pool.pieces)}]}}'


def _numbered(steps: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """States in one list, each once, and steps that name them by their place in it."""
    found: list[dict[str, Any]] = []
    places: dict[str, int] = {}

    def at(state: dict[str, Any] | None) -> int | None:
        if state is None:
            return None
        number = places.setdefault(json.dumps(state, sort_keys=True), len(found))
        if number == len(found):
            found.append(state)
        return number

    made = []
    for step in steps:
        one = {"open": at(step["open"]), "controls": step["controls"]}
        one["variants"] = [at(state) for state in step["variants"]]
        if "answered" in step:
            one["answered"] = at(step["answered"])
        made.append(one)
    return found, made


# A lesson


def lesson_page(lesson: Story[Any], assets: Assets) -> str:
    """A lesson: its figure, and beside it every step in order."""
    here, pool = contents.lesson(lesson.slug), Pool()
    steps = list(states.steps(lesson, pool))
    found, numbered = _numbered(steps)
    before, after = (
        one if one in offstage.lessons() else None for one in contents.neighbours(lesson.slug)
    )
    told = "".join(section(lesson, k, made, pool) for k, made in enumerate(steps))
    ways = [link("index.html", "Pooling Lab")]
    ways += [
        link(f"{one.slug}.html", f"{sign} {one.name}")
        for one, sign in ((before, "←"), (after, "→"))
        if one
    ]
    dots = "".join(
        f'<li><a href="#step-{k}" title="{escaped(step.heading)}"><span class="pl-unseen">Step {k}: '
        f"{escaped(step.heading)}</span></a></li>"
        for k, step in enumerate(lesson.steps, 1)
    )
    onward = (
        f'<p class="onward">{link(f"{after.slug}.html", f"Next: {after.question} →")}</p>'
        if after else f'<p class="onward">{link("index.html", "All lessons")}</p>'
    )  # fmt: skip
    key = found[steps_first(numbered)]["figure"]
    body = (
        f"{bar(*ways)}<main><p class='pl-kicker'>{escaped(here.part)} · {escaped(here.name)}</p>"
        f"<h1>{escaped(here.question)}</h1>"
        f'<div class="story"><div class="left">{stage(key)}'
        f'<nav aria-label="Steps of the lesson"><ol class="dots">{dots}</ol></nav></div>'
        f'<div class="steps">{told}</div></div>'
        f'<div class="after">{onward}{below(lesson)}{answers(lesson)}'
        f'<p class="note">{link(f"figures/{lesson.slug}.html", "The figure alone, in one file")}: '
        "give it away, or put it into a course page.</p></div></main>"
    )
    return page(here.question, body, assets, packed(lesson.slug, pool, found, numbered))


def steps_first(numbered: Sequence[dict[str, Any]]) -> int:
    """The state in which a lesson opens."""
    return int(numbered[0]["open"])


def section(lesson: Story[Any], k: int, made: dict[str, Any], pool: Pool) -> str:
    """A step: what it says, what can be set, what it asks."""
    step, opens = lesson.steps[k], made["open"]
    facts = lesson.facts(story.designed(lesson, k))
    do = f'<p class="pl-do">{line(said(step.do, facts))}</p>' if step.do else ""
    text = json.loads(pool.pieces[opens["words"]])
    followed = f'<div class="pl-hand">{rested(opens, pool)}</div>' if step.hand is not None else ""
    return (
        f'<section class="step {step.kind}" id="step-{k + 1}" aria-labelledby="head-{k + 1}">'
        f'<p class="pl-kicker">{k + 1} of {len(lesson.steps)} · {story.KICKER[step.kind]}</p>'
        f'<h2 id="head-{k + 1}" tabindex="-1">{escaped(step.heading)}</h2>'
        f'<p class="pl-unseen alt">The figure: {escaped(json.loads(pool.pieces[opens["alt"]]))}</p>'
        f'<div class="text">{text}</div>{followed}'
        f"{''.join(control(k, c, one) for c, one in enumerate(made['controls']))}{do}"
        f"{''.join(asked(lesson, k, q, one) for q, one in enumerate(questions(step, facts)))}</section>"
    )


def rested(state: dict[str, Any], pool: Pool) -> str:
    """The words that follow the handle, where the handle is at first: for paper."""
    text = str(json.loads(pool.pieces[state["html"]]))
    for name, where in state["texts"].items():
        spot = f'<span data-live="{name}">'
        now = json.loads(pool.pieces[where])[state["at"]]
        text = text.replace(f"{spot}</span>", f"{spot}{escaped(now)}</span>")
    return text


def control(k: int, c: int, one: dict[str, Any]) -> str:
    """A control of a step: each of its values has been computed."""
    label, values, at = line(one["label"]), one["values"], one["at"]
    name = f"set-{k}-{c}"
    if one["kind"] == "switch":
        checked = " checked" if at else ""
        inner = f'<input type="checkbox" id="{name}" data-control="{c}"{checked}><label for="{name}">{label}</label>'
    elif one["kind"] == "press":
        inner = (
            f'<button type="button" data-control="{c}" data-by="1">{label}</button>'
            f'<button type="button" data-control="{c}" data-by="10">Ten at once</button>'
        )
    elif one["kind"] == "choice":
        options = "".join(
            f'<option value="{n}"{" selected" if n == at else ""}>{escaped(value)}</option>'
            for n, value in enumerate(values)
        )
        inner = f'<label for="{name}">{label}</label><select id="{name}" data-control="{c}">{options}</select>'
    else:
        inner = (
            f'<label for="{name}">{label}</label><input type="range" id="{name}" data-control="{c}" min="0" '
            f'max="{len(values) - 1}" value="{at}" aria-valuetext="{escaped(values[at])}">'
            f'<output for="{name}" data-control="{c}">{escaped(values[at])}</output>'
        )
    return f'<p class="control">{inner}</p>'


# Questions


def questions(step: Step[Any], facts: Any) -> list[Question | Sorting]:
    """What a step asks."""
    found = step.ask(facts) if step.ask is not None else []
    return [found] if isinstance(found, (Question, Sorting)) else list(found)


def asked(lesson: Story[Any], k: int, q: int, one: Question | Sorting) -> str:
    """A question; each answer unfolds to what is to be said of it."""
    if isinstance(one, Sorting):
        items = "".join(
            fold(line(item.text), f"<strong>{line(item.bin)}.</strong> {line(item.why[item.bin])}")
            for item in one.items
        )
        bins = ", ".join(map(line, one.bins))
        return f'<div class="question"><p><strong>{line(one.text)}</strong></p><p>{bins}.</p>{items}</div>'
    order = story.shuffled(one, lesson.slug, k, q)
    items = "".join(
        fold(
            line(one.answers[n].text),
            ("<b class='yes'>✓ Yes.</b> " if one.answers[n].right else "<b>✗ Not so.</b> ")
            + line(one.answers[n].why),
        )
        for n in order
    )
    return f'<div class="question answers"><p><strong>{line(one.text)}</strong></p>{items}</div>'


def fold(head: str, inside: str) -> str:
    """Something to unfold."""
    return f"<details><summary>{head}</summary><div>{inside}</div></details>"


def answers(lesson: Story[Any]) -> str:
    """The right answers, for paper: they stand at the end of the sheet."""
    rows = []
    for k, step in enumerate(lesson.steps):
        for one in questions(step, lesson.facts(story.designed(lesson, k))):
            rows += [f"<li>{text}</li>" for text in _right(one)]
    return f'<section class="on-paper"><h2>Answers</h2><ol>{"".join(rows)}</ol></section>'


def _right(one: Question | Sorting) -> Iterator[str]:
    if isinstance(one, Sorting):
        yield "; ".join(
            f"{line(item.text)}: <strong>{line(item.bin)}</strong>" for item in one.items
        )
    else:
        best = next(answer for answer in one.answers if answer.right)
        yield f"{line(one.text)} <strong>{line(best.text)}.</strong> {line(best.why)}"


# Below a lesson


def below(lesson: Story[Any]) -> str:
    """The model in full, the figure as a table, the code with its data, what may be heard."""
    seen = story.designed(lesson, -1)
    facts, parts = lesson.facts(seen), []
    if lesson.model is not None:
        parts.append(fold("The model in full", block(lesson.model(facts))))
    if tables := _as_tables(lesson, seen, facts):
        parts.append(fold("The figure as a table", tables))
    if lesson.listing is not None:
        parts.append(fold("The code", code(lesson, facts)))
    beliefs = [(belief, instead) for belief, instead, met in MISCONCEPTIONS if lesson.slug in met]
    if beliefs:
        heard = "".join(f"<p>“{line(belief)}” {line(instead)}</p>" for belief, instead in beliefs)
        parts.append(fold("What you may hear", heard))
    return f'<div class="more">{"".join(parts)}</div>'


def _as_tables(lesson: Story[Any], seen: Seen, facts: Any) -> str:
    """What the figure of free play shows, where its handle rests."""
    noted, handle = offstage.drawn(lesson, seen, facts)
    step = handle.at(seen.get("handle", "rest")) if handle is not None else 0
    tables = [t for shown in noted.figures for t in as_table.tables_of(shown, lesson.tables)]
    where = "" if handle is None else f"<p>{escaped(f'{handle.label}: {handle.spoken[step]}')}</p>"
    return where + "".join(map(partial(_as_table, step=step), tables)) if tables else ""


def _as_table(table: Table, step: int) -> str:
    heads = "".join(f'<th scope="col">{escaped(head)}</th>' for head in table.heads)
    rows = "".join(
        f'<tr><th scope="row">{escaped(name)}</th>'
        + "".join(f"<td>{escaped(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in table.at(step)
    )
    caption = f"<caption>{escaped(table.title)}</caption>"
    made = f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide" tabindex="0">{made}</div>'


def code(lesson: Story[Any], facts: Any) -> str:
    """The fit in each language, and its data as a file inside the page."""
    assert lesson.listing is not None
    listing = lesson.listing(facts)
    shown = "".join(
        fold(
            escaped(name),
            f'<pre tabindex="0"><code>{escaped(getattr(listing, field))}</code></pre>',
        )
        for name, (field, _) in story.LANGUAGES.items()
    )
    if lesson.data is None:
        return shown
    data = lesson.data(facts).to_csv(index=False, float_format="%.4f")
    return (
        f'{shown}<p><a download="{escaped(FILE)}" href="data:text/csv;charset=utf-8,{quote(data)}">'
        "The data (CSV)</a></p>"
    )


# A figure in one file


def figure_page(lesson: Story[Any], seen: Seen, facts: Any, assets: Assets) -> str:
    """The figure of a moment with its legend, its handle, and the words that follow it."""
    here, pool = contents.lesson(lesson.slug), Pool()
    step = lesson.steps[seen.step] if seen.step >= 0 else None
    words, hand = "", None
    if step is not None:
        words, hand = states.prose(step, facts), step.hand(facts) if step.hand else None
    elif lesson.lab is not None:
        told = lesson.lab(facts)
        words, hand = (block(told), None) if isinstance(told, str) else ("", told)
    state = states.state(lesson, seen, facts, pool, words, hand)
    steps = [{"open": 0, "controls": [], "variants": []}]
    followed = f'<div class="pl-hand">{rested(state, pool)}</div>' if hand is not None else ""
    body = (
        f'<header class="bar"><h1>{escaped(here.question)}</h1>{THEME}</header>'
        f'<main class="alone">{stage(state["figure"])}<div class="step" id="step-1">'
        f'<div class="text">{words}</div>{followed}</div></main>'
    )
    body = body.replace('href="glossary.html#', 'data-word="')
    return page(here.question, body, assets, packed(lesson.slug, pool, [state], steps))


# The words and the contents


def word(term: Term) -> str:
    """An entry of the glossary."""
    here = {one.slug: one for one in offstage.lessons()}
    symbol = f" {formula(term.symbol)}" if term.symbol else ""
    also = f"<br>Also: {escaped(', '.join(term.also))}." if term.also else ""
    others = "; ".join(f"{who}: {name}" for who, name in term.elsewhere.items())
    named = f"<br>{line(others)}." if others else ""
    met = ", ".join(link(f"{slug}.html", here[slug].name) for slug in term.taught if slug in here)
    return (
        f'<dt id="{place(term.name)}">{escaped(term.name)}{symbol}</dt><dd>{line(term.meaning)}{also}{named}'
        f"{'<br>' if met else ''}{met}</dd>"
    )


def glossary_page(assets: Assets) -> str:
    """Every term, what learners get wrong, the references."""
    terms = sorted(TERMS, key=lambda term: term.name.casefold())
    wrong = "".join(f"<dt>“{line(a)}”</dt><dd>{line(b)}</dd>" for a, b, _ in MISCONCEPTIONS)
    sources = "".join(
        f"<li>{line(text)} {link(url, 'doi') if url else ''}</li>" for text, url in REFERENCES
    )
    body = (
        f"{bar(link('index.html', 'Pooling Lab'))}<main class='plain'><h1>What do the words mean?</h1>"
        f"<dl>{''.join(map(word, terms))}</dl><h2>What learners get wrong</h2><dl>{wrong}</dl>"
        f"<h2>References</h2><ul>{sources}</ul></main>"
    )
    return page("Glossary", body, assets)


def index_page(assets: Assets) -> str:
    """The lessons in order."""
    parts = "".join(
        f"<section><h2>{escaped(part)}</h2><ol>"
        + "".join(
            f"<li>{link(f'{one.slug}.html', one.question)}<br><span>{escaped(one.line)}</span></li>"
            for one in found
        )
        + "</ol></section>"
        for part, found in groupby(offstage.lessons(), lambda one: one.part)
    )
    first = offstage.lessons()[0]
    body = (
        f"{bar(link('glossary.html', 'The words'))}<main class='plain contents'>"
        "<p class='pl-kicker'>Multilevel regression, moved by your own hand</p><h1>Pooling Lab</h1>"
        "<p>Which school did best? What will the best school do next year? You are the statistician of a school "
        "board. Each lesson is one figure and a few steps: predict, then drag the handle under the figure.</p>"
        f'<p class="onward">{link(f"{first.slug}.html", f"Begin: {first.question} →")}</p>'
        f"<div class='parts'>{parts}</div>"
        "<p class='note'>This copy needs no server and no internet. Free play, and your own data, are in the app.</p>"
        "</main>"
    )
    return page("Lessons", body, assets)
