"""The course as a folder of files: complete, closed, and safe from what stands in data."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from mlm_core.charts.theme import DARK, Look
from pages.shared import figure, offstage, saving, static_site, story
from pages.shared.figure import Handle, hand
from pages.shared.static_site import bundle, markup, pages, states
from pages.shared.story import Answer, Question, Story
from pages.shared.words import plain
from tests.pages.kit import questions

HOSTILE = "</script><img src=x onerror=alert(1)>{{sd}}$x$"
SLUGS = [lesson.slug for lesson in offstage.lessons()]


@dataclass
class Page(HTMLParser):
    """What stands in a page."""

    text: str = ""
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    data: str = ""
    inside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style", "pre"):
            self.inside.append("lesson" if dict(attrs).get("id") == "lesson" else tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "pre"):
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.text += data
        elif self.inside[-1] == "lesson":
            self.data += data


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page


# Every lesson


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The whole site; its figures and what can be set are tested with one lesson below."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure.Shown, "spec", lambda *_: {"mark": "point"})
        patch.setattr(states, "offered", lambda *_: [])
        patch.setattr("os.cpu_count", lambda: 1)
        written = static_site.write(folder)
    assert len(written) == len(set(written)) == 5 + 2 * len(SLUGS)
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in written
    }


@pytest.fixture(scope="module")
def seen(site):
    return {name: read(text) for name, text in site.items() if name.endswith(".html")}


@pytest.mark.parametrize("slug", SLUGS)
def test_a_page_has_every_step_and_every_answer(slug, site, seen):
    lesson, text = offstage.story_of(slug), " ".join(seen[f"{slug}.html"].text.split())
    for k, step in enumerate(lesson.steps):
        assert step.heading in text
        facts = lesson.facts(story.designed(lesson, k))
        for asked in questions(lesson, k, facts):
            if isinstance(asked, Question):
                for answer in asked.answers:
                    shown = read(markup.line(answer.text)).text
                    assert " ".join(shown.split()) in text
    assert site[f"{slug}.html"].count("<caption>") >= 1, "the figure as a table"
    assert not re.search(r"\$|\\[a-z]|\[\[|\*\*|:material", text), "markup that was not read"
    assert not re.search(r"<m[ion]>(&amp;|&(?!#)|\\)", site[f"{slug}.html"]), "a formula not read"


def test_nothing_is_fetched_and_every_link_leads_somewhere(site, seen):
    for name, page in seen.items():
        here = name.rsplit("/", 1)[0] + "/" if "/" in name else ""
        for tag, attributes in page.tags:
            fetched = attributes.get("src") or (attributes.get("href") if tag == "link" else None)
            if fetched is not None:
                assert here + fetched in site, (name, tag, fetched)
            to = attributes.get("href") or ""
            if tag != "a" or to.startswith(("data:", "https://doi.org/")):
                continue
            path, _, spot = to.partition("#")
            target = here + path if path else name
            assert target in seen, (name, to)
            assert not spot or any(a.get("id") == spot for _, a in seen[target].tags), (name, to)
    assert not re.search(r"@import|url\(\s*['\"]?(?!data:)", site["style.css"])
    assert all("connect-src" not in text and "default-src 'none'" in text
               for name, text in site.items() if name.endswith(".html"))  # fmt: skip


def test_a_figure_in_one_file_needs_no_other(seen):
    for slug in SLUGS:
        tags = seen[f"figures/{slug}.html"].tags
        assert not [t for t, a in tags if t in ("link", "img", "iframe") or "src" in a]
        assert not [a for t, a in tags if t == "a" and a.get("href")]


# What stands in data


def hostile() -> Story[None]:
    """A lesson in which every label wants to be more than that."""

    def draw(_: None, __: object) -> Handle:
        figure.legend(no=HOSTILE)
        figure.show(
            "hostile", HOSTILE, lambda look: None, {"schools": pd.DataFrame({"school": [HOSTILE]})}
        )
        return Handle("hostile", 0, [HOSTILE, HOSTILE], HOSTILE)

    text = plain(HOSTILE)
    asked = Question(text, [Answer(text, text, right=True), Answer("no", text)])
    steps = [
        story.situation(
            heading=HOSTILE, text=text, do=text, shows={},
            hand=lambda _: hand(f"<p>{figure.escaped(HOSTILE)}{{sd}}</p>", sd=[HOSTILE, HOSTILE]),
        ),
        story.check(heading="x", ask=lambda _: asked),
    ]  # fmt: skip
    return Story(slug="partial_pooling", steps=steps, facts=lambda _: None, figure=draw)


def test_a_hostile_label_is_shown_and_nothing_else(monkeypatch):
    monkeypatch.setattr(figure.Shown, "spec", lambda *_: {"title": HOSTILE})
    lesson = hostile()
    for html, scripts in (
        (pages.lesson_page(lesson, pages.Assets(inside=False)), 4),
        (static_site.one_file(lesson, story.designed(lesson, 0)), 4),
    ):
        page = read(html)
        assert [tag for tag, _ in page.tags].count("script") == scripts
        assert not [tag for tag, attributes in page.tags if tag == "img" or "onerror" in attributes]
        assert page.text.count(HOSTILE) >= 2
        pool = json.loads(page.data)["pool"]
        assert {"title": HOSTILE} in pool
        assert {"columns": ["school"], "data": [[HOSTILE]]} in pool
        assert HOSTILE in pool  # the figure's text for those who do not see it
        assert all(
            HOSTILE not in one
            for one in pool
            if isinstance(one, str) and "<" in one and one != HOSTILE
        )


# A figure and its colours


def test_the_dark_figure_is_the_light_one_in_other_colours():
    lesson = offstage.story_of("partial_pooling")
    at = story.designed(lesson, 2)
    (shown,) = offstage.drawn(lesson, at, lesson.facts(at))[0].figures
    light, dark = (
        re.sub(r"view_[0-9a-f]+", "view", json.dumps(shown.spec(look)))
        for look in (Look(), Look(dark=True))
    )
    painted = re.sub(r"#[0-9A-Fa-f]{6}\b", lambda c: states.DARKER.get(c[0], c[0]), light)
    assert painted == dark != light
    assert DARK.partial in painted


def test_a_step_can_be_set_to_each_of_its_values():
    lesson, pool = offstage.story_of("partial_pooling"), states.Pool()
    (picked,), made = states.variants(lesson, 3, pool)
    assert picked["name"] == "school"
    assert picked["values"][picked["at"]] == "Northgate"
    assert len(made) == len(picked["values"]) >= 10
    for school, state in zip(picked["values"], made, strict=True):
        table = json.loads(pool.pieces[state["tables"]["schools"]])
        names, marked = (table["columns"].index(name) for name in ("school", "picked"))
        assert [row[names] for row in table["data"] if row[marked]] == [school]
        assert school in json.loads(pool.pieces[state["html"]])
    (later,), made = states.variants(lesson, 4, pool)
    assert later["values"] == ["off", "on"]
    off, on = (json.loads(pool.pieces[s["tables"]["schools"]]) for s in made)
    place = off["columns"].index("later_seen")
    assert {row[place] for row in off["data"]} == {0}
    assert {row[place] for row in on["data"]} == {1}


def test_the_libraries_are_those_that_draw_the_tests():
    import vl_convert

    head = bundle.VEGA.read_text(encoding="utf-8")[:300]
    assert f"Vega {vl_convert.get_vega_version()}," in head
    assert f"Vega-Lite {vl_convert.get_vegalite_versions()[-1]} " in head
    assert "</script" not in bundle.VEGA.read_text(encoding="utf-8")


def test_files_stay_that_are_not_the_sites(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    written = static_site.write(tmp_path, slugs=[])
    assert {p.name for p in written} == {
        "index.html",
        "glossary.html",
        "style.css",
        "lesson.js",
        "vega.js",
    }
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_figure_is_saved_with_its_handle_where_it_was_left():
    from pages.shared.story import below
    from pages.shared.story.place import Place

    lesson = offstage.story_of("partial_pooling")
    place = Place(lesson.slug, 1, step=2, shown=story.designed(lesson, 2))
    starts = {
        at: int(re.search(r'"at":(\d+)', read(below._page(lesson, place, at)).data)[1])
        for at in (None, 7, 10**6, -5)
    }
    assert starts == {None: starts[None], 7: 7, 10**6: 120, -5: 0}
    assert starts[None] not in (0, 7, 120)
    assert saving._step({"at": 5}) == 5
    assert saving._step({"at": "5"}) is saving._step("x") is saving._step(None) is None
