"""Multilevel regression, small enough to read: simulate, fit, compare.

From a table to a figure of shrinkage:

>>> import pandas as pd
>>> from mlm_core import GroupedData, fit_partial_pooling, shrinkage_chart
>>> frame = pd.DataFrame({"school": list("aabbcc"), "score": [1.0, 3, 4, 6, 8, 9]})
>>> data = GroupedData.from_frame(frame, y="score", group="school")
>>> fit = fit_partial_pooling(data)
>>> chart = shrinkage_chart(fit)

A reader's own file comes in by `mlm_core.own_data`.
"""

from mlm_core.components import fit_variance_components
from mlm_core.data import DataError, GroupedData
from mlm_core.hierarchy import tau_posterior
from mlm_core.intervals import variance_intervals
from mlm_core.notebook import pooling_chart, shrinkage_chart
from mlm_core.partial import fit_partial_pooling
from mlm_core.path import pooling_path
from mlm_core.pooling import fit_complete_pooling, fit_no_pooling
from mlm_core.replication import replicate
from mlm_core.scenario import Hyperparameters, Scenario
from mlm_core.simulation import Simulation, simulate

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "GroupedData",
    "Hyperparameters",
    "Scenario",
    "Simulation",
    "fit_complete_pooling",
    "fit_no_pooling",
    "fit_partial_pooling",
    "fit_variance_components",
    "pooling_chart",
    "pooling_path",
    "replicate",
    "shrinkage_chart",
    "simulate",
    "tau_posterior",
    "variance_intervals",
]
