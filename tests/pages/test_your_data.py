"""Your data: bundled sets and uploads, good, hostile and broken; the page's numbers are lme4's."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm_core import GroupedData, fit_partial_pooling
from pages.shared.code import Recipe, listing_of_data
from pages.shared.words import plain
from tests.pages.kit import ROOT, alternative, figure, healthy, open_page, run_python, text

OWN = "A file of your own"
CASES = ROOT / "tests" / "golden" / "lme4" / "cases"
FITS = json.loads((ROOT / "tests" / "golden" / "lme4" / "lme4_fits.json").read_text())
VARYING = "each group has its own"


def upload(content: bytes | str, name: str = "mine.csv"):
    at = open_page("your_data", source=OWN)
    raw = content.encode() if isinstance(content, str) else content
    at.file_uploader[0].set_value((name, raw, "text/csv"))
    at.run()
    healthy(at)
    return at


def said(at) -> str:
    return "\n".join(w.value for w in at.warning)


def numbers(at, row: str) -> list[float]:
    """The numbers of a row of a table on the page."""
    line = next(k for k in text(at).splitlines() if k.startswith(f"| {row}"))
    cells = line.replace("−", "-").split("|")[2:]
    return [float(k) for cell in cells for k in re.findall(r"-?\d+\.?\d*", cell)]


def box(at, role: str):
    return next(b for b in at.selectbox if b.label.startswith(role))


def hostile() -> str:
    names = ["<script>alert(1)</script>", "**bold**", "$\\alpha$", "[a](javascript:alert(1))"]
    names += ["x" * 300, "🎓 école", "=1+1", "www.evil.com", "a@b.co", ":red[hi]", "| a | b |"]
    names += ["`code`", "&lt;b&gt;", "<img src=x onerror=alert(1)>", 'O\'Hara ""Q""', "{{7*7}}"]
    rng = np.random.default_rng(1)
    rows = [
        f'"{name}",{50 + 3 * k + 9 * rng.standard_normal():.4f},{rng.standard_normal():.4f},{k % 3}'
        for k, name in enumerate(names)
        for _ in range(1 + k % 5)
    ]
    return '"<b>school</b>","**score**",$x$,www.u.com\n' + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("name", "model", "slopes", "without"),
    [
        ("unbalanced_30", "intercepts_u", "common", ()),
        ("unbalanced_30", "null", "common", ("Predictor x", "Predictor u")),
        ("raw_scale_25", "intercepts", "common", ("Predictor u",)),
        ("slopes_40", "slopes", "varying", ("Predictor u",)),
        ("zero_between_8", "null", "common", ("Predictor x", "Predictor u")),
        ("large_2000", "intercepts", "common", ("Predictor u",)),
    ],
)
def test_the_numbers_shown_are_lme4s(name, model, slopes, without):
    at = upload((CASES / f"{name}.csv").read_bytes())
    for role in without:
        box(at, role).set_value("(none)").run()
    if slopes == "varying":
        at.radio(key="slope_of_x").set_value(VARYING).run()
    healthy(at)
    fit = next(f for f in FITS if (f["data"], f["model"], f["method"]) == (name, model, "REML"))
    sd = {(row["grp"], row.get("var1"), row.get("var2")): row["sdcor"] for row in fit["sd_cor"]}
    between = "SD between groups"
    assert numbers(at, between)[0] == pytest.approx(
        sd["school", "(Intercept)", None], rel=6e-3, abs=6e-3
    )
    assert numbers(at, "SD within groups")[0] == pytest.approx(fit["sigma_y"], rel=6e-3)
    assert numbers(at, "intercept $a_0$")[-2] == pytest.approx(
        fit["fixed"]["(Intercept)"], abs=0.06 * fit["fixed_se"]["(Intercept)"]
    )
    if slopes == "varying":
        assert numbers(at, "SD of slopes")[0] == pytest.approx(sd["school", "x", None], rel=6e-3)
        rho = sd["school", "(Intercept)", "x"]
        assert numbers(at, "their correlation")[0] == pytest.approx(rho, abs=6e-3)


def test_the_sentence_is_right_for_every_group():
    at = open_page("your_data", x="(none)", u="(none)")
    data = GroupedData.from_frame(pd.read_csv(ROOT / "datasets" / "schools.csv"), "y", "school")
    fit = fit_partial_pooling(data)
    own = data.group_means(data.y)
    for j in (0, 3, int(np.argmax(data.n)), int(np.argmin(data.n))):
        at.selectbox(key="school").set_value(str(data.labels[j])).run()
        weight = 1 / (1 + fit.sigma_y**2 / (data.n[j] * fit.hyper.sigma_alpha**2))
        sentence = next(m.value for m in at.markdown if "of the way" in m.value)
        wanted = [
            f"{plain(data.labels[j])} has {data.n[j]} rows",
            f"its own mean, {own[j]:.1f}",
            f"{100 * (1 - weight):.0f}% of the way to {fit.hyper.a0:.1f}",
            f"to **{fit.lines.alpha[j]:.1f}**",
        ]
        for part in wanted:
            assert part in sentence


@pytest.mark.parametrize("slug", ["schools", "tutoring"])
@pytest.mark.parametrize(
    ("slope", "centred"), [("the same for every group", True), (VARYING, False)]
)
def test_bundled_sets(slug, slope, centred):
    if not (ROOT / "datasets" / f"{slug}.csv").exists():
        pytest.skip("not there yet")
    at = open_page("your_data")
    names = at.radio(key="source").options
    at.radio(key="source").set_value(names[slug == "tutoring"]).run()
    at.radio(key="slope_of_x").set_value(slope).run()
    at.toggle(key="centred").set_value(centred).run()
    healthy(at)
    assert not at.warning
    for option in box(at, "Predictor x").options:
        box(at, "Predictor x").set_value(option).run()
        healthy(at)
        assert at.warning or len(alternative(at)) > 30


def test_changing_the_set_forgets_the_columns_of_the_other():
    at = open_page("your_data", outcome="nonsense", x="<script>", source="zzz")
    assert box(at, "Outcome").value == "y"
    for option in at.radio(key="source").options[:-1]:
        at.radio(key="source").set_value(option).run()
        healthy(at)


def test_labels_are_data_and_never_markup():
    at = upload(hostile())
    assert not at.warning
    whole = text(at) + "\n".join(c.value for c in at.caption)
    for bad in ("<script>", "<img", "**bold**", "$\\alpha$", "](javascript", ":red[", "<b>"):
        assert bad not in whole
    for name in list(at.selectbox[4].options):
        at.selectbox[4].set_value(name).run()
        healthy(at)
    assert "www.u" not in re.sub(r"\\(.)", r"\1", text(at))  # a joiner keeps it from being a link
    _, tables = figure(at)
    assert "<script>alert(1)</script>" in set(tables["schools"]["school"])
    at.radio(key="slope_of_x").set_value(VARYING).run()
    healthy(at)
    for bad in ("<script>", "<img", "](javascript", ":red[", "<b>"):
        assert bad not in text(at)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"PK\x03\x04", "Excel"),
        (bytes(range(256)) * 9, "no text file"),
        (b"y\n1\n2\n", "only one column"),
        (b"g,y\n" + b"x" * 200_000 + b",1\n", "too long"),
        (b"g,h\na,b\n", "No column holds numbers"),
        (b"g,y\na,1\nb,2\nc,5\n", "no two rows belong together"),
        (b"g,y\na,1\na,2\n", "one value only"),
        (b"g,y\na,1.5\na,1.5\nb,2.5\nb,2.5\n", "exactly"),
        (b"<script>,y\na,1\na,1\nb,1\n", "nothing to explain"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(content, sentence):
    at = upload(content)
    assert sentence in said(at).replace("\\", "")
    assert "<script>" not in said(at)
    assert not at.get("vega_lite_chart")


def test_what_was_left_out_is_told():
    at = upload("school,score\na,1\na,2.5\nb,ill\nb,4\nb,5\n,9\nc,\nc,3\nc,6\nd,7\n")
    whole = text(at).replace("\\", "")
    assert "7 rows in 4 groups" in whole
    assert "3 of the 10" in whole or "3 of 10" in whole
    assert "“ill” in line 4" in whole
    assert "1 group has one row" in whole


def test_a_large_file_shows_a_sample_and_says_so():
    rng = np.random.default_rng(2)
    j = np.sort(rng.integers(0, 500, 8000))
    y = 10 + rng.standard_normal(500)[j] + rng.standard_normal(8000)
    frame = pd.DataFrame({"clinic": j, "days": y.round(4)})
    at = upload(frame.to_csv(index=False))
    assert any("50 of the" in c.value for c in at.caption)
    _, tables = figure(at)
    assert len(tables["schools"]) == 50
    assert any("Download the data first" in c.value for c in at.caption)


def test_the_file_is_gone_when_it_is_taken_away_and_stays_from_page_to_page():
    at = upload(hostile())
    at.switch_page("pages/glossary.py").run()
    at.switch_page("pages/your_data.py").run()
    healthy(at)
    assert "_mine_table" in at.session_state
    assert "rows in" in text(at)
    forget = next(b for b in at.button if b.label.startswith("Forget"))
    forget.click().run()
    assert "Choose a file" in said(at)
    for name in ("_mine_table", "_mine_report", "_mine_chosen", "_mine_glide", "_private_spec"):
        assert name not in at.session_state


def test_nothing_of_a_file_is_kept_outside_the_session():
    """No file is opened for writing, and no cache that outlives the session grows."""
    from pages.shared import cached
    from pages.shared import figure as figures

    caches = [f for f in (*vars(cached).values(), figures._spec) if hasattr(f, "cache_info")]
    upload(hostile())
    before = [f.cache_info().currsize for f in caches]
    upload(hostile().replace("**score**", "another name"))
    assert [f.cache_info().currsize for f in caches] == before


def test_another_reader_sees_nothing_of_it():
    upload(hostile())
    other = open_page("your_data", source=OWN)
    assert "Choose a file" in said(other)


def listing(at, language: str) -> str:
    at.radio(key="code").set_value(language).run()
    healthy(at)
    return str(at.code[0].value)


@pytest.mark.parametrize("slope", ["the same for every group", VARYING])
def test_the_python_code_runs_and_gives_the_pages_numbers(slope):
    at = upload(hostile())
    at.radio(key="slope_of_x").set_value(slope).run()
    printed = run_python(listing(at, "Python (this core)"))
    sigma = float(re.search(r"sigma_alpha=(?:np\.float64\()?([\d.e-]+)", printed)[1])
    between = numbers(at, "SD between groups")[0]
    assert sigma == pytest.approx(between, rel=5e-3)
    printed = run_python(listing(at, "Python (statsmodels)"))
    assert "Intercept" in printed


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
@pytest.mark.parametrize("slope", ["the same for every group", VARYING])
def test_the_r_code_runs_and_gives_the_pages_numbers(slope, tmp_path: Path):
    at = upload((CASES / "balanced_8.csv").read_bytes())
    at.radio(key="slope_of_x").set_value(slope).run()
    box(at, "Predictor u").set_value("(none)").run()
    script = tmp_path / "page.R"
    script.write_text(listing(at, "R (lme4)"), encoding="utf-8")
    run = subprocess.run(
        ["Rscript", str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        check=False,
    )
    if "there is no package called" in run.stderr:
        pytest.skip("needs lme4")
    assert run.returncode == 0, run.stderr
    sigma = float(re.search(r"Residual\s+([\d.]+)", run.stdout)[1])
    assert numbers(at, "SD within groups")[0] == pytest.approx(sigma, rel=6e-3)
    low, high = map(float, re.search(r"\nsigma\s+([\d.]+)\s+([\d.]+)", run.stdout).groups())
    assert numbers(at, "SD within groups")[1:] == pytest.approx([low, high], rel=6e-3)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_hostile_labels_pass_through_r(tmp_path: Path):
    names = ["<script>", 'a"b\\c', "O'Hara", "🎓 é", "x y  z", "\\u0041", "a, b", "%s", "${x}"]
    j = np.repeat(np.arange(len(names)), 2)
    data = GroupedData(np.arange(18.0), None, j, None, np.array(names))
    code = listing_of_data(data, Recipe([], [], ["cat(names, sep = '\\n')"])).lme4
    script = tmp_path / "labels.R"
    script.write_text(code.replace("library(lme4)", ""), encoding="utf-8")
    run = subprocess.run(
        ["Rscript", "--encoding=UTF-8", str(script)],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        check=True,
    )
    assert run.stdout.splitlines() == names
