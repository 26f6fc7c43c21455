"""The ten worst sets of names and labels: the listings run, in Python and in R, with the page's numbers."""

# ruff: noqa: E501

from __future__ import annotations

import ast
import csv
import io
import re

import numpy as np
import pytest

from mlm_core.own_data import Columns, Model, design, fit_all, read_table, safe_csv, take_rows
from mlm_core.own_data.groups import groups_table
from mlm_core.own_data.listing import listing
from tests.mlm_core.own_data.test_listing import NEEDS_R, run, run_in_r, same_as

WORST = {
    "quotes": ('y "q"', "it's", "x\\", ['"', "'", '"""', "'''", "\\", "\\'", '\\"', "a\nb"]),
    "escapes": ("\\u0041", "%s", "${x}", ["\\x41", "\\n", "%d", "{{7}}", "{x}", "$HOME", "`ls`", "~"]),
    "formulas": ("=y", "+g", "-x", ["=1+1", "@SUM(A1)", "+1-1", "-a", "|calc", "'=1", "%0A=1", "=cmd()"]),
    "directions": ("\u05d0\u05d1", "g\u202e", "x\u200b", ["\u202eabc", "\u05d0", "\u200b1", "a\u200d", "\u2066z", "\u0627", "b\u00ad", "\u00a0c"]),
    "values": ("Inf", "TRUE", "None", ["TRUE", "NULL1", "Inf1", "1e5x", "0x1F", "FALSE", "function", "T"]),
    "markup": ("<b>y</b>", "**g**", "$x$", ["<script>alert(1)</script>", "$x$", "**b**", "[a](b)", "```", "<!--", "&lt;", ":red[x]"]),
    "code": ("__import__('os')", "system('id')", "x; q()", ["'); q(); ('", '"); exit(); ("', "f'{1}'", "#", "# -*-", "\\N{DASH}", "r'a'", "')"]),
    "letters": ("E\u0301t\u00e9", "\U0001f9d1\u200d\U0001f393", "\u00df", ["\u00c9", "e\u0301a", "\U0001f600", "\u0130", "\ufb01", "\u212b", "\u4e2d", "\U0001d54f"]),
    "terms": ("y ~ 1", "(1 | g)", "I(x^2)", ["a:b", "a*b", "C(a)", "a - 1", "poly(x,2)", "offset(1)", "a|b", "1"]),
    "spaces": ("for", ".5", "class", ["a b", "a  b", "a,b", "a;b", "c\td", "x" * 300, "_", "#N"]),
}  # fmt: skip


def made(name: str):
    y, group, x, labels = WORST[name]
    rng = np.random.default_rng(len(name))
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow([y, group, x])
    for j, label in enumerate(labels):
        for _ in range(4 + j % 3):
            rows.writerow([f"{rng.normal(3 * j, 2):.4f}", label, f"{rng.normal():.4f}"])
    table = read_table(out.getvalue().encode())
    y, group, x = table.columns
    found = fit_all(design(take_rows(table, Columns(y, group, (x,))), Model()))
    assert found.design.rows.n_groups == len(labels), found.labels
    return found


@pytest.fixture(scope="module")
def fits():
    return {name: made(name) for name in WORST}


@pytest.mark.parametrize("name", WORST)
def test_the_python_listings_print_the_pages_numbers(name, fits):
    found = fits[name]
    code = listing(found.design, str(found.labels[-1]))
    for text in (code.core, code.statsmodels):
        calls = {
            k.func.id
            for k in ast.walk(ast.parse(text))
            if isinstance(k, ast.Call) and isinstance(k.func, ast.Name)
        }
        assert not calls & {"__import__", "exit", "q", "system", "eval", "exec"}
    assert float(run(code.core).split()[-1]) == pytest.approx(found.se[-1])
    sigma = re.search(r"SD within groups ([\d.]+)", run(code.statsmodels))
    assert float(sigma[1]) == pytest.approx(found.partial.sigma_y, rel=1e-3)


@NEEDS_R
def test_the_r_listings_give_the_pages_numbers(fits, tmp_path):
    codes = {
        name: listing(found.design, str(found.labels[-1])).lme4 for name, found in fits.items()
    }
    said = run_in_r(tmp_path, codes)
    for name, found in fits.items():
        same_as(found, said[name])


@pytest.mark.parametrize("name", WORST)
def test_no_cell_of_a_download_is_a_formula(name, fits):
    for row in csv.reader(io.StringIO(safe_csv(groups_table(fits[name])))):
        assert not [c for c in row if re.match(r"[=+@\t\r]|-(?![\d.])", c)], row
