"""The palette is legible in both themes; and the measure of it is WCAG's."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from mlm_core.charts.theme import DARK, LIGHT, Palette
from tests.pages.contrast import contrast, faint_marks, over


def test_the_measure_is_that_of_wcag():
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)  # WCAG's own example
    assert over("#000000", "#FFFFFF", 0.5) == "#808080"


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_can_be_type(palette: Palette):
    for name, colour in asdict(palette).items():
        if name not in ("paper", "faint"):
            assert contrast(colour, palette.paper) >= 4.5, name


def test_what_is_faint_is_found():
    mark = {"type": "bar", "color": LIGHT.no, "opacity": 0.5}
    assert faint_marks("a", {"layer": [{"mark": mark}]}) == ["a: bar no at 0.50, 2.2:1"]
    assert faint_marks("a", {"mark": {**mark, "opacity": 1}}) == []
    seen = {"opacity": {"condition": {"test": "datum.seen", "value": 0.4}, "value": 0}}
    assert faint_marks("a", {"mark": {"type": "line", "color": LIGHT.within}, "encoding": seen})
    assert faint_marks("a", {"mark": {"type": "text", "color": LIGHT.muted, "opacity": 0.75}})
    assert faint_marks("a", {"mark": {"type": "tick", "color": LIGHT.picked}})  # Vega's own 0.7
