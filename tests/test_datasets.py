"""The files in datasets/ are what the script makes, and the app opens on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from datasets import make
from mlm_core import GroupedData, Scenario, simulate

MEASURED = ("eight_schools.csv", "radon.csv")
made_files = sorted(path.name for path in make.FOLDER.glob("*.csv") if path.name not in MEASURED)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    make.write(folder)
    return folder


def test_the_script_makes_every_simulated_file(made):
    assert sorted(path.name for path in made.iterdir()) == made_files


@pytest.mark.parametrize("name", made_files)
def test_the_script_still_makes_the_file(made, name):
    # Compared as numbers: the last digit of a normal draw may differ between platforms.
    kept, new = pd.read_csv(make.FOLDER / name), pd.read_csv(made / name)
    pd.testing.assert_frame_equal(kept, new, rtol=0, atol=1.01e-4)


def test_the_app_opens_on_schools_csv():
    frame = pd.read_csv(make.FOLDER / "schools.csv")
    data = GroupedData.from_frame(frame, y="y", group="school", x="x", u="u")
    now = simulate(Scenario()).data
    assert data.labels.tolist() == now.labels.tolist()
    # Four decimals in the file: half of the last one, and rounding.
    for kept, there in ((data.y, now.y), (data.x, now.x), (data.u, now.u)):
        np.testing.assert_allclose(kept, there, rtol=0, atol=5.01e-5)


def test_the_default_schools_are_as_unequal_as_real_ones():
    n = simulate(Scenario()).data.n
    assert n.min() <= 3
    assert n.max() >= 50
    assert 10 <= np.median(n) <= 20


def test_radon_is_919_houses_in_85_counties_with_one_uranium_each():
    houses = pd.read_csv(make.FOLDER / "radon.csv")
    assert len(houses) == 919
    counties = houses.groupby("county")
    assert len(counties) == 85
    assert counties["log_uranium"].agg(np.ptp).max() == 0
    assert set(houses["floor"]) == {0, 1}
