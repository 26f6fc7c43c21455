from __future__ import annotations

import os


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: the browser's tests mostly wait."""
    return (os.cpu_count() or 1) + 1
