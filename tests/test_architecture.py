"""Imports run one way, and the core knows nothing of Streamlit."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "mlm_core").rglob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))
SHARED = sorted((ROOT / "pages" / "shared").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module that a file imports, at the top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", CORE, ids=lambda p: p.stem)
def test_the_core_imports_neither_streamlit_nor_pages(path):
    assert not packages(path) & {"streamlit", "pages", "app", "datasets"}


@pytest.mark.parametrize("path", CORE, ids=lambda p: p.stem)
def test_charts_import_no_fit_and_fits_import_no_chart(path):
    ours = {name for name in imported(path) if name.startswith("mlm_core.")}
    if path.parent.name == "charts":
        assert not {name for name in ours if not name.startswith("mlm_core.charts")}
    elif path.stem != "notebook":  # where fits and charts meet
        assert not {name for name in ours if name.startswith("mlm_core.charts")}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_pages_do_no_mathematics(path):
    assert not packages(path) & {"numpy", "scipy", "statsmodels", "altair"}
    assert not {
        name for name in imported(path) if name.startswith("pages.") and "shared" not in name
    }


@pytest.mark.parametrize("path", SHARED, ids=lambda p: p.stem)
def test_the_kit_imports_no_page(path):
    ours = {name for name in imported(path) if name.startswith("pages.")}
    assert all(name.startswith("pages.shared") for name in ours)


ORDER = [
    {"scenario", "showing", "data", "table", "command"},
    {"records", "simulation"},
    {"structures"},
    {"deviance", "pooling", "hierarchy", "clustered", "components"},
    {"search", "partial", "path", "intervals", "new_student", "wide"},
    {"replication", "heldout"},
    {"origin", "estimates"},
    {"own_data", "lessons", "everyone", "notebook"},
]
LAYER = {name: k for k, names in enumerate(ORDER) for name in names}
FITS = [path for path in CORE if path.parent.name != "charts" and path.name != "__init__.py"]


def layer(path: Path) -> str:
    """The name by which a module of the core stands in `ORDER`."""
    return path.stem if path.parent.name == "mlm_core" else path.parent.name


def test_every_module_has_its_layer():
    there = {layer(path) for path in FITS}
    assert there == set(LAYER), there ^ set(LAYER)


@pytest.mark.parametrize("path", FITS, ids=lambda p: p.stem)
def test_the_core_is_in_layers(path):
    used = {name.split(".")[1] for name in imported(path) if name.startswith("mlm_core.")}
    assert all(LAYER[name] <= LAYER[layer(path)] for name in used if name in LAYER)


def test_importing_the_core_loads_nothing_heavy():
    code = "import sys, mlm_core; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not {"streamlit", "statsmodels", "scipy", "pandas", "altair"} & set(loaded)
