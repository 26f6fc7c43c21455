"""The tutoring file is what its script makes, and tells of the effects that made it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from datasets import make, tutoring
from mlm_core import GroupedData, fit_no_pooling, fit_partial_pooling


@pytest.fixture(scope="module")
def data():
    frame = pd.read_csv(make.FOLDER / "tutoring.csv")
    return GroupedData.from_frame(frame, y="score", group="school", x="treated", u="u")


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv(make.FOLDER / "tutoring_truth.csv")


def test_the_files_are_what_is_made(tmp_path):
    tutoring.write(tmp_path)
    for name in ("tutoring.csv", "tutoring_truth.csv"):
        kept, new = pd.read_csv(make.FOLDER / name), pd.read_csv(tmp_path / name)
        pd.testing.assert_frame_equal(kept, new, rtol=0, atol=1.01e-4)


def test_half_of_every_school_is_tutored(data, truth):
    treated = np.bincount(data.j, weights=data.x)
    assert (abs(treated - data.n / 2) <= 0.5).all()
    assert data.labels.tolist() == truth["school"].tolist()
    assert data.n.tolist() == truth["n"].tolist()


def test_the_fit_finds_the_truth(data, truth):
    """Within three standard errors; without the pre-test its share is noise."""
    fit = fit_partial_pooling(data, slopes="varying", group_predictor=True)
    for name in ("a0", "b0", "a1", "b1"):
        away = getattr(fit.hyper, name) - getattr(tutoring.HYPER, name)
        assert abs(away) < 3 * fit.se(name)
    noise = np.hypot(tutoring.SIGMA_Y, tutoring.PRETEST_SLOPE)
    assert fit.sigma_y == pytest.approx(noise, rel=3 / np.sqrt(2 * data.n_students))
    own = fit_no_pooling(data, slopes="varying").lines.beta
    error = [np.sqrt(((b - truth["effect"]) ** 2).mean()) for b in (fit.lines.beta, own)]
    assert error[0] < error[1]


def test_the_best_looking_school_is_a_small_one(data, truth):
    own = fit_no_pooling(data, slopes="varying").lines.beta
    best = int(np.argmax(own))
    assert data.n[best] < 10
    assert own[best] > truth["effect"][best] + 10
