r"""A reader's own file: bytes, columns, and the report of three fits.

>>> from mlm_core.own_data import guess_columns, read_table
>>> guess = guess_columns(read_table(b"school,pre,score\na,1,2.5\na,2,3.5\nb,1,4.5\nb,3,2"))
>>> guess.y, guess.group
('score', 'school')
"""

from mlm_core.intervals import variance_intervals
from mlm_core.own_data.columns import Columns
from mlm_core.own_data.design import Model, design
from mlm_core.own_data.fits import fit_all
from mlm_core.own_data.guess import guess_columns
from mlm_core.own_data.rows import take_rows
from mlm_core.own_data.table import read_table

__all__ = [
    "Columns",
    "Model",
    "design",
    "fit_all",
    "guess_columns",
    "read_table",
    "take_rows",
    "variance_intervals",
]
