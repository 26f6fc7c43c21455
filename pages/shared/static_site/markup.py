"""The lessons' Markdown as HTML that needs no help: formulas are MathML, which browsers draw."""

from __future__ import annotations

import html
import re
from functools import cache
from typing import Any
from urllib.parse import unquote

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from pages.shared.terms import linked

_TERM = re.compile(r'<a href="glossary\?term=([^"]*)"')


def formula(latex: str, display: bool = False) -> str:
    r"""LaTeX as MathML.

    >>> formula(r"a_0").startswith("<math")
    True
    """
    known = latex.strip().replace("−", "-").replace("{aligned}", "{align*}")
    made = convert(known, display="block" if display else "inline")
    return f'<span class="formula">{made}</span>' if display else made


def _formula(latex: str, how: dict[str, Any]) -> str:
    return formula(latex, how["display_mode"])


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    return parser.use(dollarmath_plugin, allow_labels=False, double_inline=True, renderer=_formula)


def place(name: str) -> str:
    """Where a word stands on the page of words.

    >>> place("Intraclass correlation (ICC)")
    'intraclass-correlation-icc'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")


def _to_words(text: str) -> str:
    """Links to the glossary lead to its page of this folder."""
    return _TERM.sub(lambda m: f'<a href="glossary.html#{place(unquote(m[1]))}"', text)


def block(text: str) -> str:
    """Markdown of several paragraphs, as HTML; HTML in it is shown, never rendered.

    >>> block("a **b** <i>")
    '<p>a <strong>b</strong> &lt;i&gt;</p>\\n'
    """
    return _to_words(str(_parser().render(linked(text))))


def line(text: str) -> str:
    """Markdown within a line, as HTML.

    >>> line("**Find** it")
    '<strong>Find</strong> it'
    """
    return _to_words(str(_parser().renderInline(linked(text))))


def escaped(text: object) -> str:
    """Mere text."""
    return html.escape(str(text))
