"""Tables: columns of one length, by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlm_core.table import Table, frame, stacked

TABLE = Table({"step": [0, 1, 2], "caption": ["none", "half", "all"], "seen": 1.0, "kind": "own"})


def test_a_single_value_stands_in_every_row():
    assert len(TABLE) == 3
    assert TABLE["seen"].tolist() == [1.0] * 3
    assert TABLE["kind"].tolist() == ["own"] * 3
    assert "kind" in TABLE
    assert "school" not in TABLE


def test_it_is_the_same_as_a_frame():
    expected = pd.DataFrame(
        {"step": [0, 1, 2], "caption": ["none", "half", "all"], "seen": 1.0, "kind": "own"}
    )
    pd.testing.assert_frame_equal(TABLE.to_frame(), expected)
    assert frame(expected) is expected
    pd.testing.assert_frame_equal(frame(TABLE), expected)


def test_assigning_leaves_the_table_as_it_was():
    other = TABLE.assign(seen=0.0, more=[1, 2, 3])
    assert other.names == ["step", "caption", "seen", "kind", "more"]
    assert other["seen"].tolist() == [0.0] * 3
    assert TABLE["seen"].tolist() == [1.0] * 3
    assert TABLE.names == list(TABLE) == ["step", "caption", "seen", "kind"]


def test_rows_are_taken_by_place_and_by_mask():
    assert TABLE.rows(np.array([2, 0]))["caption"].tolist() == ["all", "none"]
    assert TABLE.rows(TABLE["step"] > 0)["step"].tolist() == [1, 2]
    assert len(TABLE.rows(TABLE["step"] > 9)) == 0
    assert TABLE[["seen", "step"]].names == ["seen", "step"]


def test_words_of_any_length_can_be_stacked():
    long = TABLE.assign(caption="longer than any before")
    both = stacked([TABLE, long])
    assert both["caption"].tolist() == ["none", "half", "all"] + ["longer than any before"] * 3
    assert Table.from_rows([{"a": 1, "b": "x"}, {"a": 2, "b": "yy"}])["b"].tolist() == ["x", "yy"]


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="same number"):
        Table({"a": [1, 2], "b": [1, 2, 3]})
    with pytest.raises(ValueError, match="same number"):
        Table({"a": 1.0})
    with pytest.raises(ValueError, match="same columns"):
        stacked([TABLE, TABLE[["step"]]])
