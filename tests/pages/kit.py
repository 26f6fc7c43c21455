"""Open a page as a reader would and look at what it shows."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


def open_page(slug: str, **query: object) -> AppTest:
    """The page at an address: ``open_page("partial_pooling", sigma_alpha=2)``."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in query.items():
        at.query_params[name] = str(value)
    at.run()
    at.switch_page(f"pages/{slug}.py").run()
    healthy(at)
    return at


def healthy(at: AppTest) -> None:
    """No exception and no traceback on the page."""
    assert not at.exception, [e.value for e in at.exception]
    assert not at.error, [e.value for e in at.error]


def text(at: AppTest) -> str:
    """All prose of the page."""
    return "\n".join(str(element.value) for element in [*at.title, *at.markdown, *at.subheader])


def figure(at: AppTest, which: int = 0) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Specification and tables of a figure."""
    proto = at.get("vega_lite_chart")[which].proto
    tables = {
        dataset.name: pa.ipc.open_stream(io.BytesIO(dataset.data.data)).read_pandas()
        for dataset in proto.datasets
    }
    return json.loads(proto.spec), tables


def alternative(at: AppTest, which: int = 0) -> str:
    """Text alternative of a figure."""
    return str(at.get("vega_lite_chart")[which].proto.alt)


def run_python(code: str) -> str:
    """What the code of a page prints."""
    import contextlib

    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "<page>", "exec"), {})
    return out.getvalue()
