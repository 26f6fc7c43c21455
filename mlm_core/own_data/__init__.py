r"""A reader's own file: bytes, columns, and the report of three fits.

From a file to the fits, and from the fits to tables and predictions:

>>> from mlm_core.own_data import Model, design, fit_all, groups_table, guess_columns
>>> from mlm_core.own_data import read_table, take_rows
>>> table = read_table(b"school,score\na,1\na,2\na,3\nb,7\nb,8\nb,9")
>>> guess = guess_columns(table)
>>> guess.y, guess.group
('score', 'school')
>>> fits = fit_all(design(take_rows(table, guess), Model()))
>>> len(groups_table(fits))
2
"""

from mlm_core.intervals import variance_intervals
from mlm_core.own_data.coefficients import coefficients_table
from mlm_core.own_data.columns import Columns
from mlm_core.own_data.designs import Design, Model, design
from mlm_core.own_data.download import safe_csv
from mlm_core.own_data.fits import Fits, fit_all
from mlm_core.own_data.groups import groups_table
from mlm_core.own_data.guess import guess_columns
from mlm_core.own_data.predictions import predict_in, predict_new
from mlm_core.own_data.rows import take_rows
from mlm_core.own_data.second import two_groupings
from mlm_core.own_data.table import read_table
from mlm_core.own_data.variation import components, explained, icc

__all__ = [
    "Columns",
    "Design",
    "Fits",
    "Model",
    "coefficients_table",
    "components",
    "design",
    "explained",
    "fit_all",
    "groups_table",
    "guess_columns",
    "icc",
    "predict_in",
    "predict_new",
    "read_table",
    "safe_csv",
    "take_rows",
    "two_groupings",
    "variance_intervals",
]
