"""Open a page as a reader would and look at what it shows; or take its story without a page."""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from streamlit.testing.v1 import AppTest

from mlm_core.charts.theme import Look
from pages.shared import offstage
from pages.shared.figure import Handle
from pages.shared.offstage import story_of as story_of
from pages.shared.story import Question, Seen, Story

ROOT = Path(__file__).resolve().parents[2]


def open_page(slug: str, **query: object) -> AppTest:
    """The page at an address: ``open_page("partial_pooling", step=3)``."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in query.items():
        at.query_params[name] = str(value)
    at.run()
    at.switch_page(f"pages/{slug}.py").run()
    healthy(at)
    return at


def healthy(at: AppTest) -> None:
    """No exception and no traceback on the page."""
    assert not at.exception, [e.value for e in at.exception]
    assert not at.error, [e.value for e in at.error]


def text(at: AppTest) -> str:
    """All prose of the page."""
    parts = [*at.title, *at.header, *at.subheader, *at.markdown, *at.caption]
    return "\n".join(str(element.value) for element in parts)


def said(words: Any, facts: Any) -> str:
    """The text of a step: as it stands, or as its facts have it."""
    return words if isinstance(words, str) else str(words(facts))


def questions(story: Story[Any], step: int, facts: Any) -> list[Any]:
    """What a step asks."""
    ask = story.steps[step].ask
    if ask is None:
        return []
    asked = ask(facts)
    return [asked] if not isinstance(asked, (list, tuple)) else list(asked)


def right(question: Question) -> str:
    """The text of the right answer; there is exactly one."""
    found = [answer.text for answer in question.answers if answer.right]
    assert len(found) == 1, (question.text, found)
    return found[0]


@dataclass
class Drawn:
    """A figure as a lesson draws it."""

    key: str
    alt: str
    spec: dict[str, Any]
    tables: dict[str, pd.DataFrame]


def drawn(story: Story[Any], seen: Seen, facts: Any = None) -> tuple[list[Drawn], Handle | None]:
    """The figures that a story draws in a state, and the handle."""
    noted, handle = offstage.drawn(story, seen, story.facts(seen) if facts is None else facts)
    return [Drawn(f.key, f.alt, f.spec(Look()), f.tables) for f in noted.figures], handle


def figure(at: AppTest, which: int = 0) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Specification and tables of a figure on a page."""
    proto = at.get("vega_lite_chart")[which].proto
    tables = {
        dataset.name: pa.ipc.open_stream(io.BytesIO(dataset.data.data)).read_pandas()
        for dataset in proto.datasets
    }
    return json.loads(proto.spec), tables


def alternative(at: AppTest, which: int = 0) -> str:
    """Text alternative of a figure: a lesson's stepper brings it."""
    known = at.session_state._state.filtered_state.get("_alternatives")
    return str(list(known.values())[which] if known else at.get("vega_lite_chart")[which].proto.alt)


def marks(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Every mark of a figure with what it encodes: ``{"mark": ..., "encoding": ...}``."""
    found = [spec] if "mark" in spec else []
    for layer in spec.get("layer", []):
        found += marks(layer)
    return found


def mark_at(spec: dict[str, Any], **looks: Any) -> list[dict[str, Any]]:
    """What marks of a look encode: ``mark_at(spec, shape="circle", fill="transparent")``."""
    return [
        m["encoding"]
        for m in marks(spec)
        if isinstance(m["mark"], dict) and all(m["mark"].get(k) == v for k, v in looks.items())
    ]


def run_python(code: str) -> str:
    """What the code of a page prints."""
    import contextlib

    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, {})
    return out.getvalue()
