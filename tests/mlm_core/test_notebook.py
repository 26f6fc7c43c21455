"""From a table to a figure in three lines: what each mark shows, at a size that can be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlm_core as mlm
from mlm_core import DataError, GroupedData, Scenario, simulate
from mlm_core.notebook import pooling_chart, shrinkage_chart, shrinkage_table
from tests.pages.kit import marks

DATASETS = Path(__file__).parents[2] / "datasets"


def radon():
    frame = pd.read_csv(DATASETS / "radon.csv")
    names = {"y": "log_radon", "group": "county", "x": "floor", "u": "log_uranium"}
    return GroupedData.from_frame(frame, **names)


def test_three_lines_from_a_table_to_a_figure(tmp_path):
    frame = pd.read_csv(DATASETS / "schools.csv")
    data = mlm.GroupedData.from_frame(frame, y="y", group="school", x="x")
    fit = mlm.fit_partial_pooling(data)
    chart = mlm.shrinkage_chart(fit)
    spec = chart.to_dict()
    assert spec["width"] >= 600
    assert spec["height"] >= 400
    assert spec["background"] == "#FFFFFF"
    assert f"SD {fit.hyper.sigma_alpha:.3g}" in spec["description"]
    assert len(spec["datasets"]["groups"]) == 20
    chart.save(tmp_path / "x.html")
    assert "Northgate" in (tmp_path / "x.html").read_text()


def test_marks_show_what_they_stand_for():
    fit = mlm.fit_partial_pooling(radon(), group_predictor=False)
    found = {}
    for one in marks(shrinkage_chart(fit).to_dict()):
        mark, at = one["mark"], one["encoding"].get("x", {})
        found.setdefault((mark["type"], mark.get("fill")), set()).add(at.get("field"))
    assert found["point", "transparent"] == {"own"}
    assert found["point", "#00805A"] == {"partial"}
    assert found["tick", None] == {"toward"}
    assert found["rule", None] == {"complete", "low", "own"}


@pytest.mark.parametrize("slopes", ["common", "varying"])
@pytest.mark.parametrize("x", [0.0, 0.6])
def test_heights_are_those_of_the_lines_at_x(slopes, x):
    data = radon()
    fit = mlm.fit_partial_pooling(data, slopes, group_predictor=True)
    table = shrinkage_table(fit, x, most=500).set_index("label")
    labels = [f"{name} ({n})" for name, n in zip(data.labels, data.n, strict=True)]
    k = [labels.index(label) for label in table.index]
    assert [*table["n"]] == sorted(data.n, reverse=True)
    new = pd.DataFrame({"county": data.labels, "floor": x, "log_uranium": data.u})
    assert table["partial"].to_numpy() == pytest.approx(fit.predict(new)[k])
    pulled = fit.predict(new.drop(columns="county"), new_groups=True)
    assert table["toward"].to_numpy() == pytest.approx(pulled[k])
    own = mlm.fit_no_pooling(data, slopes)
    assert table["own"].to_numpy() == pytest.approx(own.predict(new)[k], nan_ok=True)
    complete = mlm.fit_complete_pooling(data).predict(new)
    assert table["complete"].to_numpy() == pytest.approx(complete[k])


def test_intervals_have_the_standard_error_of_the_height():
    # moving x's zero to where lines are compared leaves the fit and makes alpha the height
    data = simulate(Scenario(n_groups=8)).data
    moved = GroupedData(data.y, data.x - 1.5, data.j, data.u, data.labels)
    fit, there = (mlm.fit_partial_pooling(d, "varying", False) for d in (data, moved))
    table = shrinkage_table(fit, 1.5).sort_values("label")
    width = (table["high"] - table["low"]).to_numpy() / (2 * 1.959964)
    assert width == pytest.approx(there.lines.se_alpha, rel=1e-4)


def test_of_many_groups_some_are_drawn_and_the_title_says_so():
    spec = shrinkage_chart(mlm.fit_partial_pooling(radon(), group_predictor=True)).to_dict()
    drawn = spec["datasets"]["groups"]
    assert len(drawn) == 60
    assert drawn[0]["n"] == 116
    assert drawn[-1]["n"] == 1
    assert any("60 of 85" in str(m["encoding"].get("x")) for m in marks(spec))


def test_the_handle_rests_on_the_estimate():
    data = simulate(Scenario()).data
    fit = mlm.fit_partial_pooling(GroupedData(data.y, None, data.j, None, data.labels))
    spec = pooling_chart(data).to_dict()
    schools = pd.DataFrame(spec["datasets"]["schools"]).set_index("row")
    at_rest = pd.DataFrame(spec["datasets"]["path"]).query("resting").set_index("row")
    both = schools.join(at_rest).set_index("school").sort_index()
    assert both["alpha"].to_numpy() == pytest.approx(fit.lines.alpha)
    assert [*both["label"]] == [f"{k} ({n})" for k, n in zip(data.labels, data.n, strict=True)]
    assert spec["width"] >= 600


def test_the_handle_works_where_the_estimate_is_zero():
    rng = np.random.default_rng(1)
    j = np.repeat(np.arange(5), 8)
    y = rng.normal(size=40)
    y -= np.bincount(j, y)[j] / 8
    data = GroupedData(y, None, j, None, list("abcde"))
    assert mlm.fit_partial_pooling(data).hyper.sigma_alpha == 0
    path = pd.DataFrame(pooling_chart(data).to_dict()["datasets"]["path"])
    assert np.ptp(path.query("resting")["alpha"]) == 0


def test_too_many_groups_to_drag_are_refused():
    with pytest.raises(DataError, match="shrinkage_chart"):
        pooling_chart(radon())
