"""Sphinx builds the pages of the core from its docstrings: ``sphinx-build -W docs/api build/api``.

Nothing is fetched from the internet: formulas are MathML, figures are drawn here by vl-convert.
"""

from __future__ import annotations

import ast
import base64
import html
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from docutils import nodes
from docutils.parsers.rst import Directive
from latex2mathml.converter import convert

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import mlm_core

project = "Pooling Lab: the core"
version = release = mlm_core.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "mlm_core"
html_show_sourcelink = html_show_copyright = False
html_copy_source = False
default_role = "py:obj"
suppress_warnings = ["ref.python"]  # a "(n,) array" names no n in particular
add_module_names = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Tables", "params_style")]
html_math_renderer = "mathml"


KNOWN: dict[str, dict[str, Any]] = defaultdict(dict)


class Shown(Directive):
    """Run code as a reader would: show it, and what its last line is, a value or a figure.

    What a page computed earlier is known further down.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Put the code and its answer into the page."""
        code = "\n".join(self.content)
        known = KNOWN[str(self.state.document["source"])]
        *before, last = ast.parse(code).body
        exec(compile(ast.Module(before, []), "<docs>", "exec"), known)
        answer = None
        if isinstance(last, ast.Expr):
            answer = eval(compile(ast.Expression(last.value), "<docs>", "eval"), known)
        else:
            exec(compile(ast.Module([last], []), "<docs>", "exec"), known)
        block = nodes.literal_block(code, code, language="python")
        return [block] if answer is None else [block, shown(answer)]


def shown(answer: Any) -> nodes.Node:
    """A figure as an image within the page, anything else as it prints."""
    if not isinstance(answer, alt.TopLevelMixin):
        text = repr(answer)
        return nodes.literal_block(text, text, language="none")
    svg = vl_convert.vegalite_to_svg(answer.to_json())
    data = base64.b64encode(svg.encode()).decode()
    said = html.escape(str(answer.to_dict().get("description", "A figure.")))
    image = f'<p><img alt="{said}" src="data:image/svg+xml;base64,{data}"></p>'
    return nodes.raw("", image, format="html")


def inline(self: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def displayed(self: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    tex = node.astext()
    if "&" in tex or r"\\" in tex:
        tex = rf"\begin{{align}}{tex}\end{{align}}"
    self.body.append(f'<div class="math">{convert(tex, display="block")}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Add the directive, and MathML as a way to write formulas."""
    app.add_directive("shown", Shown)
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
