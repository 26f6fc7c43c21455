"""Where a search ran out of rounds, the page says so."""

from __future__ import annotations

import pytest

import mlm_core.search
from pages.shared.story import ROUGH
from tests.pages.kit import open_page


@pytest.mark.parametrize(("rounds", "said"), [(200, 0), (1, 1)])
def test_a_search_out_of_rounds_is_said_once(monkeypatch, rounds, said):
    monkeypatch.setattr(mlm_core.search, "MOST_STEPS", rounds)
    at = open_page("varying_slopes", free=1, seed=4400 + rounds)  # seeds that no other test has
    assert [warning.value for warning in at.warning].count(ROUGH) == said
