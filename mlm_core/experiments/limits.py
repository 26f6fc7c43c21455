"""Tables for the two limits of a varying intercept: the same for all, and without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlm_core import estimates
from mlm_core.data import GroupedData
from mlm_core.records import PoolingPath

if TYPE_CHECKING:
    import pandas as pd


def two_limits_tables(
    data: GroupedData, path: PoolingPath, estimate: float, rest: int, picked: str
) -> dict[str, pd.DataFrame]:
    """The tables of `charts.two_limits` but for the students.

    Parameters
    ----------
    data : GroupedData
    path : PoolingPath
        At `estimates.handle_grid` of the estimate.
    estimate : float
        The estimated ``sigma_alpha`` (units of y).
    rest : int
        The step at which the handle rests until it is moved.
    picked : str
        Label of the school that is marked.
    """
    import pandas as pd

    steps = estimates.likelihood_table(path, estimate, rest)
    sigma = [f"{value:.1f} points" for value in path.sigma_alpha]
    sigma[0], sigma[-1] = "0", "∞"
    best = steps["estimate"]
    slopes = [f"{value:.2f}".replace("-", "−").replace("−0.00", "0.00") for value in path.a1]
    steps["caption"] = [
        f"{'estimate: ' if at_best else ''}σ_α = {value}, slope β = {slope}"
        for at_best, value, slope in zip(best, sigma, slopes, strict=True)
    ]
    steps["beta"] = path.a1
    steps["zone"] = ["complete", *["partial"] * (len(sigma) - 2), "no"]
    order = estimates.by_size(data)
    names = data.labels.astype(str)[order]
    marked = names == picked
    ends = pd.DataFrame(
        {
            "end": ["complete", "no"],
            "alpha": [path.alpha[0].mean(), path.alpha[-1, order][marked].mean()],
            "beta": path.a1[[0, -1]],
        }
    )
    return {
        "path": estimates.path_table(path, data, rest).drop(columns="pulled"),
        "steps": steps,
        "schools": pd.DataFrame(
            {"row": range(len(names)), "school": names, "n": data.n[order], "picked": marked}
        ),
        "ends": ends,
    }
