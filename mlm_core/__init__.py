"""Multilevel regression, small enough to read: simulate, fit, compare.

>>> from mlm_core import Scenario, simulate, fit_no_pooling
>>> fit_no_pooling(simulate(Scenario()).data).lines.alpha.shape
(20,)
"""

from mlm_core.components import fit_variance_components
from mlm_core.data import DataError, GroupedData
from mlm_core.hierarchy import tau_posterior
from mlm_core.partial import fit_partial_pooling
from mlm_core.path import pooling_path
from mlm_core.pooling import fit_complete_pooling, fit_no_pooling
from mlm_core.replication import replicate
from mlm_core.scenario import Hyperparameters, Scenario
from mlm_core.simulation import Simulation, simulate

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
    "pooling_path",
    "replicate",
    "simulate",
    "tau_posterior",
]
