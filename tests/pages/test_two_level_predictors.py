"""Predictors at two levels: the three slopes against statsmodels and lme4, in corners too."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from mlm_core import DataError, Scenario, fit_complete_pooling, fit_partial_pooling, simulate
from mlm_core.experiments.two_slopes import share_between, slopes_path, with_school_means
from pages.shared.words import number
from tests.pages.kit import alternative, figure, healthy, open_page, run_python, text

SLUG = "two_level_predictors"
SEEN = {f"predict_{SLUG}": "Just show me"}
WORLD = replace(Scenario(), sigma_x=2.0)


def slope_of(tables, kind, step=30):
    rows = tables["slopes"]
    return rows[(rows["kind"] == kind) & (rows["step"] == step)]["slope"].iloc[0]


def students(tables, t):
    table = tables["students"]
    return table["x"], table["first"] + t * (table["last"] - table["first"])


def test_the_path_is_refitting_the_simulated_data_at_every_step():
    path = slopes_path(WORLD, -8.0, steps=5)
    alone = slopes_path(WORLD, -8.0, steps=5, with_u=False)
    for k, c in enumerate(path.contextual):
        data = with_school_means(simulate(replace(WORLD, contextual=float(c))).data)
        np.testing.assert_allclose(path.start.y + k / 4 * (path.end.y - path.start.y), data.y)
        pooled = fit_complete_pooling(data).lines
        assert path.pooled_beta[k] == pytest.approx(pooled.beta[0], rel=1e-9)
        assert path.pooled_alpha[k] == pytest.approx(pooled.alpha[0], rel=1e-9)
        fit = fit_partial_pooling(data, "common", group_predictor=True)
        assert path.multilevel_beta[k] == pytest.approx(fit.hyper.a1 + fit.hyper.b0, rel=1e-6)
        assert fit.hyper.a1 == pytest.approx(path.within, rel=1e-9)  # Mundlak: exactly
        x_alone = fit_partial_pooling(data, "common").hyper.a1
        assert alone.multilevel_beta[k] == pytest.approx(x_alone, rel=1e-6)


def test_one_line_is_the_two_slopes_weighted_by_their_shares_of_the_variation():
    data = with_school_means(simulate(replace(WORLD, contextual=-8.0)).data)
    means, y = data.u, data.group_means(data.y)
    between = np.polyfit(means, y, 1, w=np.sqrt(data.n))[0]
    share, within = share_between(data), slopes_path(WORLD, -8.0, 2).within
    pooled = fit_complete_pooling(data).lines.beta[0]
    assert share * between + (1 - share) * within == pytest.approx(pooled, rel=1e-10)


def test_no_x_no_means():
    with pytest.raises(DataError, match="no student-level predictor"):
        with_school_means(replace(simulate(WORLD).data, x=None))


def test_the_page_has_the_numbers_of_statsmodels():
    import statsmodels.formula.api as smf

    from mlm_core.estimates import students_table

    at = open_page(SLUG, **SEEN)
    _, tables = figure(at)
    out = at_code(at, "Python (this core)")
    scope: dict[str, object] = {}
    exec(compile(out.rsplit("print(fit.hyper", 1)[0], "<page>", "exec"), scope)
    frame = students_table(scope["data"])
    x, y = students(tables, 1.0)
    np.testing.assert_allclose(np.sort(x), np.sort(frame["x"]))
    np.testing.assert_allclose(np.sort(y), np.sort(frame["y"]))
    within = smf.ols("y ~ x + C(school)", frame).fit().params["x"]
    assert slope_of(tables, "no") == pytest.approx(within, rel=1e-8)
    assert slope_of(tables, "complete") == pytest.approx(smf.ols("y ~ x", frame).fit().params["x"])
    mixed = smf.mixedlm("y ~ x + u", frame, groups="school").fit(reml=True).fe_params
    # two optimisers: theirs stops at a gradient of 1e-5
    assert slope_of(tables, "partial") == pytest.approx(mixed["x"] + mixed["u"], abs=1e-3)


def at_code(at, language):
    at.radio(key="code").set_value(language).run()
    return at.code[0].value


@pytest.mark.parametrize("query", [{}, {"means": "false", "n_groups": 6, "x_spread": 0.5}])
def test_the_listings_print_the_numbers_of_the_page(query, tmp_path):
    at = open_page(SLUG, **SEEN, **query)
    _, with_means = figure(open_page(SLUG, **{**SEEN, **query, "means": "true"}))
    _, alone = figure(open_page(SLUG, **{**SEEN, **query, "means": "false"}))
    expected = [slope_of(with_means, kind) for kind in ("no", "partial", "complete")]
    expected.append(slope_of(alone, "partial"))
    for language in ("Python (this core)", "Python (statsmodels)", "R (lme4)"):
        listing = at_code(at, language)
        if not language.startswith("R"):
            printed = run_python(listing)
        elif shutil.which("Rscript"):
            script = tmp_path / "page.R"
            script.write_text(listing, encoding="utf-8")
            printed = subprocess.run(
                ["Rscript", str(script)], capture_output=True, text=True, check=True, timeout=60
            ).stdout
        else:
            continue
        found = [float(v) for v in re.findall(r"-?\d+\.\d+", printed)]
        # data printed to four decimals, and two optimisers
        np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("seed", range(1, 9))
def test_the_sentence_is_right_over_random_scenarios(seed):
    rng = np.random.default_rng(seed)
    query = {
        **SEEN,
        "n_groups": [3, 4, 5, 8, 20, 40, 100, 3][seed - 1],
        "students_per_group": [2, 20, 5, 30, 9, 3, 30, 40][seed - 1],
        "imbalance": rng.integers(0, 12) / 10 if seed > 2 else 0,
        "sigma_alpha": 0 if seed % 4 == 0 else rng.integers(0, 30) / 2,
        "x_spread": rng.integers(0, 12) / 4,
        "seed": seed,
    }
    at = open_page(SLUG, **query)
    said, (_, tables) = text(at), figure(at)
    within, pooled, between = (slope_of(tables, k) for k in ("no", "complete", "partial"))
    assert f"goes with **{number(within)}** points" in said
    assert f"from school to school, with **{number(between)}**" in said
    assert f"One line for all says **{number(pooled)}**" in said
    assert ("**Up.**" in said) == (pooled > 0)
    assert ("**Down.**" in said) == (pooled <= 0)
    assert "nan" not in said
    assert f"{query['n_groups']} schools" in alternative(at)
    assert any("400 of" in c.value for c in at.caption) == (len(tables["students"]) == 400)
    if len(tables["students"]) < 400:
        x, y = students(tables, 1.0)
        assert np.polyfit(x, y, 1)[0] == pytest.approx(pooled, rel=1e-6, abs=1e-6)
        x, y = students(tables, 0.5)
        assert np.polyfit(x, y, 1)[0] == pytest.approx(slope_of(tables, "complete", 15), abs=1e-6)


def test_x_alone_gives_a_mixture_and_a_larger_sd_between_schools():
    at = open_page(SLUG, **SEEN, means="false")
    said, (_, tables) = text(at), figure(at)
    one = slope_of(tables, "partial")
    assert f"x alone has one slope, **{number(one)}**" in said
    found = re.search(r"SD between schools: ([\d.]+), and ([\d.]+) with", said)
    assert found is not None
    assert float(found[1]) > 1.5 * float(found[2])
    _, both = figure(open_page(SLUG, **SEEN))
    assert slope_of(both, "partial") < one < slope_of(both, "no")


def test_the_answer_is_kept_back_until_asked_for():
    at = open_page(SLUG)
    _, tables = figure(at)
    assert set(tables["lines"]["kind"]) == {"partial"}
    assert "One line for all says" not in text(at)
    assert tables["slopes"].loc[tables["slopes"]["resting"], "step"].unique().tolist() == [0]


def test_at_the_left_end_the_three_slopes_agree_and_at_the_right_end_the_signs_differ():
    _, tables = figure(open_page(SLUG, **SEEN, n_groups=100, students_per_group=50))
    left = [slope_of(tables, k, 0) for k in ("no", "complete", "partial")]
    np.testing.assert_allclose(left, 4.0, atol=0.8)
    assert slope_of(tables, "no") > 3 > -3 > slope_of(tables, "partial")
    assert slope_of(tables, "complete") < 0


def test_where_it_breaks():
    at = open_page(SLUG, **SEEN)
    next(b for b in at.button if b.label == "Schools alike in the pre-test").click().run()
    healthy(at)
    _, tables = figure(at)
    assert slope_of(tables, "complete") == pytest.approx(slope_of(tables, "no"), abs=1.0)
    se = float(re.search(r"standard error of \$b_0\$ is (\d+\.\d)", text(at))[1])
    assert se > 3
    next(b for b in at.button if b.label == "School means that are badly known").click().run()
    healthy(at)
    _, tables = figure(at)
    assert slope_of(tables, "partial") > -4 + 2  # truth: -4; pulled toward the slope within


def test_the_checks_are_computed():
    at = open_page(SLUG, **SEEN)
    _, tables = figure(at)
    b0 = slope_of(tables, "partial") - slope_of(tables, "no")
    at.radio(key=f"check_{SLUG}_1").set_value("b₀").run()
    assert any(f"Right: {number(b0)} points" in s.value for s in at.success)
    at.radio(key=f"check_{SLUG}_3").set_value("What it is now").run()
    assert any(number(slope_of(tables, "complete")) in s.value for s in at.warning)
