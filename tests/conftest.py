from __future__ import annotations

import os

# Our matrices are small: threads of the linear algebra would only wait for each other,
# and with a worker on every core they do so for minutes. Set before numpy is imported.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: the browser's tests also wait."""
    return (os.cpu_count() or 1) + 1
