"""Two groupings of the same students: the simulation, its structure, both formulas."""

from __future__ import annotations

import numpy as np
import pytest

from mlm_core.experiments import crossing


def test_more_crossing_only_moves_more_children() -> None:
    """A child who goes elsewhere at one step does so, to the same school, at every later one."""
    path = crossing.crossing_path(5.0, 10.0, 7)
    home = path.made[0].outer
    for before, after in zip(path.made, path.made[1:], strict=False):
        gone = before.outer != home
        assert (after.outer[gone] == before.outer[gone]).all()
        assert (after.inner == before.inner).all()
    assert np.isclose((path.made[5].outer != home).mean(), path.shares[5] * 7 / 8, atol=0.05)


@pytest.mark.parametrize("seed", [1, 2, 2179])
def test_structures_at_the_ends_and_between(seed: int) -> None:
    structures = crossing.crossing_path(5.0, 10.0, seed).structures
    assert structures[0].kind == "nested"
    assert not crossing.shared(structures[0]).any()
    assert crossing.shared(structures[-1]).all()
    made = crossing.schools_in_districts(5.0, 10.0, seed)
    assert (made.structure.kind, made.structure.inner) == ("nested", "b")
    assert crossing.recycled(made).structure.kind == "crossed"


def test_both_formulas_agree_on_nested_data_only() -> None:
    """On nested data with unique names the two name the same groups."""
    path = crossing.crossing_path(5.0, 10.0, 2179)
    assert path.labelled[0].criterion == pytest.approx(path.split[0].criterion, abs=1e-9)
    assert abs(path.labelled[-1].criterion - path.split[-1].criterion) > 1
    made = crossing.schools_in_districts(5.0, 10.0, 2179)
    unique = crossing.fit_as_labelled(made)
    mended = crossing.fit_inner_by_outer(crossing.recycled(made))
    assert mended.criterion == pytest.approx(unique.criterion, abs=1e-9)


def test_truth_is_recovered_when_children_mix() -> None:
    """The mean variance over draws within 3 standard errors of the truth: REML is unbiased here."""
    found = [
        crossing.fit_as_labelled(crossing.children_in_schools(1.0, 5.0, 10.0, seed))
        for seed in range(40)
    ]
    for factor, truth in (("outer", 5.0), ("inner", crossing.SD_OTHER)):
        variance = np.array([fit.sd[factor] ** 2 for fit in found])
        assert abs(variance.mean() - truth**2) < 3 * variance.std() / np.sqrt(len(found))
    assert np.mean([fit.sigma_y for fit in found]) == pytest.approx(10.0, abs=0.15)
