"""Tables reach the browser as they are, and small."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlm_core.table import Table
from pages.shared.arrow import encoded


def arrived(table: Table | pd.DataFrame) -> pd.DataFrame:
    """What a browser makes of it."""
    read: pd.DataFrame = pa.ipc.open_stream(io.BytesIO(encoded(table))).read_pandas()
    return read


SMALL = pd.DataFrame(
    {
        "school": ["Ashford", "a “b” é\n", None],
        "n": [3, -(2**40), 59],
        "alpha": [1e149, np.nan, -np.inf],
        "seen": [True, False, True],
    }
)


def test_a_small_table_arrives_as_it_is():
    read = arrived(SMALL)
    assert list(read.columns) == list(SMALL.columns)
    assert read["school"].tolist()[:2] == SMALL["school"].tolist()[:2]
    assert read["school"].isna().tolist() == [False, False, True]
    assert read["n"].tolist() == SMALL["n"].tolist()
    np.testing.assert_array_equal(read["alpha"], SMALL["alpha"])
    assert read["seen"].tolist() == [True, False, True]


def test_a_table_of_columns_arrives_as_its_frame_does():
    columns = {"school": ["Ashford", "a “b” é"], "n": [3, 59], "alpha": [1.5, np.nan], "seen": 1.0}
    pd.testing.assert_frame_equal(
        arrived(Table(columns)), arrived(pd.DataFrame(columns)), check_dtype=True
    )


def test_a_column_of_another_kind_goes_as_a_frame():
    other = Table({"school": np.array(["Ashford", None], dtype=object)})
    assert isinstance(encoded(other), pd.DataFrame)


def test_an_index_that_was_cut_does_not_come_along():
    read = arrived(SMALL.iloc[::2])
    assert read["n"].tolist() == [3, 59]
    assert list(read.columns) == list(SMALL.columns)


@pytest.mark.parametrize(
    ("numbers", "exact"),
    [
        (np.linspace(-3, 90, 5000), False),
        (np.linspace(0, 1e149, 5000), True),  # what half the size cannot hold
        (1.7e9 + np.linspace(0, 1, 5000), True),  # small differences of large numbers
        (np.arange(5000) % 121, True),
        (np.arange(5000) * 100_000, True),
        (np.arange(5000) * 10**12, True),
    ],
)
def test_a_large_table_travels_in_half_the_size_where_nobody_can_tell(numbers, exact):
    table = pd.DataFrame({"value": numbers})
    read = arrived(table)["value"].to_numpy()
    span = numbers.max() - numbers.min()
    assert np.abs(read - numbers).max() <= (0 if exact else span * 1e-6)
    if not exact:
        assert len(encoded(table)) < 5000 * 4 + 1000


def test_a_missing_number_is_missing_and_not_a_number():
    """The browser draws nothing where a value is null, and something odd where it is NaN."""
    table = pd.DataFrame({"value": np.where(np.arange(1000) % 7 == 0, np.nan, 1.5)})
    for some in (table, table.head(14)):
        column = pa.ipc.open_stream(io.BytesIO(encoded(some))).read_all()["value"]
        assert column.null_count == int(some["value"].isna().sum())


def test_what_it_does_not_know_is_left_to_streamlit():
    dates = pd.DataFrame({"when": pd.to_datetime(["2024-01-01"])})
    assert encoded(dates) is dates
    kinds = pd.DataFrame({"kind": pd.Categorical(["a"])})
    assert encoded(kinds) is kinds
