"""Listings run as pasted, in the reader's own names, and print the page's numbers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlm_core.own_data import Columns, Model, design, fit_all, guess_columns, read_table, take_rows
from mlm_core.own_data.listing import FILE, MOST_ROWS, data_csv, in_file, listing

NEEDS_R = pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")


def odd() -> bytes:
    """Names and labels that no language takes as they are."""
    rng = np.random.default_rng(6)
    names = ['a "q"', "b\\c", "O'Hara", "🎓 é", "<x>", "%s", "${y}", "TRUE", "NA1", "{{7}}"]
    rows = ['"my group","the `x`","if","y (cm)",size']
    for k, name in enumerate(names):
        quoted = name.replace('"', '""')
        for i in range(6 + k % 3):
            x, y = rng.normal(100, 15), rng.normal(20 + k, 3)
            rows.append(f'"{quoted}",{x:.3f},{"b" if i % 2 else "a c"},{y:.4f},{k % 4 + 0.5}')
    return ("\n".join(rows) + "\n").encode()


ASKED = [
    Model(),
    Model(at_means=False),
    Model(varying=("the `x`",), product=True),
    Model(within=True, varying=("the `x`",)),
]


def odd_fits(model: Model):
    columns = Columns("y (cm)", "my group", ("the `x`", "if"), ("size",))
    return fit_all(design(take_rows(read_table(odd()), columns), model))


def run(code: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "<page>", "exec"), {})
    return out.getvalue()


@pytest.mark.parametrize("model", [ASKED[1], ASKED[3]], ids=str)
def test_the_core_prints_the_pages_numbers(model):
    fits = odd_fits(model)
    printed = run(listing(fits.design, "O'Hara").core)
    for name, coef in zip(fits.partial.names, fits.partial.coef, strict=True):
        line = next(k for k in printed.splitlines() if k.startswith(f"{name}: "))
        assert float(line.removeprefix(f"{name}: ").split()[0]) == pytest.approx(coef, rel=1e-4)
    j = list(fits.labels).index("O'Hara")
    assert float(printed.split()[-1]) == pytest.approx(fits.se[j])


@pytest.mark.parametrize("model", ASKED[:1], ids=str)
def test_statsmodels_prints_the_pages_numbers(model):
    fits = odd_fits(model)
    printed = run(listing(fits.design, "O'Hara").statsmodels)
    sigma = float(re.search(r"SD within groups ([\d.]+)", printed)[1])
    assert sigma == pytest.approx(fits.partial.sigma_y, rel=1e-3)
    intercept = float(re.search(r"intercept\s+([-\d.]+)", printed)[1])
    assert intercept == pytest.approx(fits.partial.coef[0], rel=1e-3)
    j = list(fits.labels).index("O'Hara")
    height = float(re.search(r"O'Hara\s+([-\d.]+)", printed)[1])
    assert height == pytest.approx(fits.height[j], rel=1e-3)


def test_the_file_to_download_is_the_table_that_was_used():
    fits = odd_fits(Model())
    again = take_rows(read_table(data_csv(fits.design).encode()), fits.design.rows.columns)
    np.testing.assert_array_equal(again.y, fits.design.rows.y)
    assert again.labels.tolist() == fits.design.rows.labels.tolist()


def test_the_code_that_reads_the_file_knows_its_apostrophes(tmp_path, monkeypatch):
    """No cell of the file to download is a formula, and the code still gives the page's numbers."""
    rng = np.random.default_rng(8)
    size = MOST_ROWS + 100
    frame = pd.DataFrame({"=g": rng.choice(["=1+1", "-x", "@b", "oak"], size)})
    frame["+z"] = rng.choice(["f", "=m"], size)
    frame["y"] = rng.normal(size=size) + 2 * (frame["=g"] == "oak")
    columns = Columns("y", "=g", ("+z",))
    fits = fit_all(
        design(take_rows(read_table(frame.to_csv(index=False).encode()), columns), Model())
    )
    (tmp_path / FILE).write_text(data_csv(in_file(fits.design)), encoding="utf-8")
    cells = pd.read_csv(tmp_path / FILE, dtype=str)
    text = [*cells.columns, *cells["'=g"], *cells["'+z"]]
    assert not [cell for cell in text if cell.startswith(("=", "+", "-", "@"))]
    monkeypatch.chdir(tmp_path)
    code = listing(fits.design, "@b")
    found = np.array(re.findall(r"[-\d.]+", run(code.core).splitlines()[-1]), dtype=float)
    j = list(fits.labels).index("@b")
    np.testing.assert_allclose(found, [fits.own_height[j], fits.height[j], fits.se[j]], 1e-6)
    sigma = float(re.search(r"SD within groups ([\d.]+)", run(code.statsmodels))[1])
    assert sigma == pytest.approx(fits.partial.sigma_y, rel=1e-3)


GROWTH = ("sleepstudy", "Orthodont", "ChickWeight")
SAVE = """
out <- file("{name}.json", "w", encoding = "UTF-8")
v <- as.data.frame(VarCorr(fit)); v <- v[is.na(v$var2), ]
h <- height
cat("{{\\"coef\\": [", paste(sprintf("%.12g", fixef(fit)), collapse = ", "),
  "], \\"se\\": [", paste(sprintf("%.12g", sqrt(diag(as.matrix(vcov(fit))))), collapse = ", "),
  "], \\"sd\\": [", paste(sprintf("%.12g", v$sdcor), collapse = ", "),
  "], \\"crit\\": ", sprintf("%.12g", REMLcrit(fit)),
  ", \\"height\\": [", paste(sprintf("%.12g", h), collapse = ", "), "]}}", file = out, sep = "")
close(out)
"""


def run_in_r(folder: Path, codes: dict[str, str]) -> dict[str, dict]:
    """Run listings one after the other; what each fit says."""
    lines = [f"local({{\n{code}\n{SAVE.format(name=name)}}})" for name, code in codes.items()]
    script = folder / "all.R"
    script.write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run(
        ["Rscript", "--encoding=UTF-8", str(script)],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        check=False,
    )
    if "there is no package called" in done.stderr:
        pytest.skip("needs lme4")
    assert done.returncode == 0, done.stderr
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in codes}


def same_as(fits, said: dict) -> None:
    fit = fits.partial
    assert fit.criterion <= said["crit"] + 1e-5
    if fit.criterion < said["crit"] - 1e-3:
        return  # lme4 stopped above the best fit
    assert (np.abs(fit.coef - said["coef"]) <= 1e-3 * fit.se).all()
    np.testing.assert_allclose(fit.se, said["se"], 5e-3)
    np.testing.assert_allclose([*fit.sd, fit.sigma_y], said["sd"], 5e-3, 5e-3 * fit.sigma_y)
    np.testing.assert_allclose(fits.height, said["height"], 1e-3, 5e-3 * fit.sigma_y)


@NEEDS_R
def test_r_with_odd_names(tmp_path):
    fits = {f"m{k}": odd_fits(model) for k, model in enumerate(ASKED)}
    said = run_in_r(tmp_path, {k: listing(f.design, "O'Hara").lme4 for k, f in fits.items()})
    for name, found in fits.items():
        same_as(found, said[name])


EXPORT = """
f <- function(p, n) if (requireNamespace(p, quietly = TRUE)) {{
  e <- new.env(); data(list = n, package = p, envir = e)
  write.csv(as.data.frame(e[[n]]), paste0("{folder}/", n, ".csv"), row.names = FALSE) }}
f("lme4", "sleepstudy"); f("nlme", "Orthodont"); f("nlme", "MathAchieve")
f("datasets", "ChickWeight"); f("lme4", "Pastes")
"""


@NEEDS_R
def test_classic_tables_as_guessed_give_lme4s_numbers(tmp_path):
    """Each table goes through the guess, with its slopes varying where it is one of growth."""
    script = tmp_path / "export.R"
    script.write_text(EXPORT.format(folder=tmp_path), encoding="utf-8")
    subprocess.run(["Rscript", str(script)], check=True, capture_output=True)
    fits, codes = {}, {}
    for path in sorted(tmp_path.glob("*.csv")):
        table = read_table(path.read_bytes())
        columns = guess_columns(table)
        for k, varying in enumerate([(), columns.x] if path.stem in GROWTH else [()]):
            found = fit_all(design(take_rows(table, columns), Model(varying=varying)))
            name = f"{path.stem}{k}"
            fits[name] = found
            codes[name] = listing(found.design, str(found.labels[0])).lme4
            if found.design.rows.n_rows > MOST_ROWS:
                (tmp_path / f"{name}.data").write_text(data_csv(found.design), encoding="utf-8")
                codes[name] = codes[name].replace(FILE, f"{name}.data")
    assert len(fits) >= 5
    said = run_in_r(tmp_path, codes)
    for name, found in fits.items():
        same_as(found, said[name])


def test_numbers_are_carried_with_all_their_digits():
    frame = pd.DataFrame({"g": [1, 1, 2, 2, 3, 3], "y": [1 / 3, 0.1, 2e-17 + 1, 5.5, np.pi, 2.0]})
    rows = take_rows(read_table(frame.to_csv(index=False).encode()), Columns("y", "g"))
    read = pd.read_csv(io.StringIO(data_csv(design(rows, Model()))))
    np.testing.assert_array_equal(read["y"], frame["y"])
