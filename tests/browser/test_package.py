"""What is installed from the wheel: the command, in another folder, opens a lesson."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

import mlm_core
from pages.shared import contents
from tests.browser.browser import _wait as wait_for
from tests.browser.conftest import Reader
from tests.test_architecture import CORE, packages

ROOT = Path(__file__).resolve().parents[2]


def built(folder: Path, into: Path) -> Path:
    """The wheel of a project."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (wheel,) = into.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return built(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    return built(ROOT / "mlm_core", tmp_path_factory.mktemp("core"))


def files(*folders: str) -> set[str]:
    """Every file below some folders of the project."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return {
        path.relative_to(ROOT).as_posix()
        for path in found
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_all_files_of_the_app_and_nothing_called_pages(wheel):
    names = set(ZipFile(wheel).namelist())
    app = files("pages", "datasets") | {"app.py", ".streamlit/config.toml"}
    assert {f"pooling_lab/{name}" for name in app} <= names
    assert files("mlm_core") - {"mlm_core/pyproject.toml"} <= names
    tops = {name.split("/")[0] for name in names}
    assert tops == {"mlm_core", "pooling_lab", f"pooling_lab-{mlm_core.__version__}.dist-info"}


# The command


def test_the_command_opens_a_lesson_from_any_folder(wheel, chromium, tmp_path):
    command = installed(wheel, tmp_path / "environment")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    version = subprocess.run([command, "--version"], cwd=elsewhere, capture_output=True, text=True)
    assert version.stdout.split() == ["pooling-lab", mlm_core.__version__]

    port = free_port()
    start = [command, "--port", str(port), "--no-browser", "--present"]
    heeds = {"preexec_fn": heeds_ctrl_c} if os.name != "nt" else {}
    running = subprocess.Popen(start, cwd=elsewhere, stdout=subprocess.PIPE, text=True, **heeds)
    try:
        address = f"http://localhost:{port}"
        wait_for(f"{address}/_stcore/health", running)
        told = running.stdout.readline().split()[-1]
        assert told == f"{address}/{contents.lessons()[0].slug}?present=true"
        lesson_opens(chromium, address)
        stage_opens(chromium, told)
        second = subprocess.run(start, cwd=elsewhere, capture_output=True, text=True)
        assert second.returncode == 1
        assert f"pooling-lab: Port {port} is taken" in second.stderr
        assert second.stderr.count("\n") == 1
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
        assert running.stdout.read().endswith("\nPooling Lab has ended.\n")
        assert not answers(address)
    finally:
        running.terminate()  # which ends what it has started, too
        running.wait(20)


def heeds_ctrl_c() -> None:
    """A shell lets what it runs in the background ignore Ctrl+C, and so all that this starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def installed(wheel: Path, folder: Path) -> Path:
    """The command in a fresh environment; what the project needs comes from this one."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True)
    needs = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(site.stdout.strip()) / "needs.pth").write_text("\n".join(needs))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    options = ["--no-deps", "--no-index", "--ignore-installed", "--no-compile"]
    subprocess.run([*pip, *options, str(wheel)], check=True, cwd=folder)
    from_wheel = "import mlm_core; print(mlm_core.__file__)"
    place = subprocess.run([python, "-c", from_wheel], capture_output=True, text=True, cwd=folder)
    assert place.stdout.startswith(str(folder))
    return scripts / "pooling-lab"


def lesson_opens(chromium, address: str) -> None:
    """A lesson with its figure and its style, in a browser."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    reader = Reader(context.new_page(), address).opens("/partial_pooling?step=4")
    assert reader.page.locator("h1").inner_text().startswith("How far should a school")
    assert reader.page.locator(".mark-symbol path").count() > 20
    steps = "getComputedStyle(document.querySelector('.pl-steps')).display"
    assert reader.page.evaluate(steps) == "flex"  # as style.css has it
    font = "getComputedStyle(document.querySelector('h1')).fontFamily"
    assert "serif" in reader.page.evaluate(font).replace("sans-serif", "")  # as config.toml has it
    assert reader.complaints == []
    assert reader.strangers == []
    context.close()


def stage_opens(chromium, address: str) -> None:
    page = chromium.new_page()
    page.goto(address)
    page.wait_for_selector(".pl-stage .marks")
    page.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(address: str) -> bool:
    for _ in range(20):
        try:
            urllib.request.urlopen(address, timeout=1).close()
        except OSError:
            return False
        time.sleep(0.1)
    return True


# The core alone

ALONE = """
import importlib, pkgutil, sys
sys.modules["streamlit"] = None  # importing it raises
sys.path.insert(0, sys.argv[1])
import mlm_core
assert mlm_core.__file__.startswith(sys.argv[1]), mlm_core.__file__
for module in pkgutil.walk_packages(mlm_core.__path__, "mlm_core."):
    importlib.import_module(module.name)
data = mlm_core.simulate(mlm_core.Scenario()).data
print(mlm_core.fit_partial_pooling(data, "varying").hyper.sigma_alpha)
"""


def test_the_core_fits_without_streamlit(core, tmp_path):
    alone = [sys.executable, "-c", ALONE, str(core)]
    done = subprocess.run(alone, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    here = mlm_core.fit_partial_pooling(mlm_core.simulate(mlm_core.Scenario()).data, "varying")
    assert float(done.stdout) == here.hyper.sigma_alpha


def test_the_core_asks_for_what_it_imports_in_the_versions_of_the_app():
    read = lambda path: tomllib.loads((ROOT / path).read_text())["project"]  # noqa: E731
    app, core = read("pyproject.toml"), read("mlm_core/pyproject.toml")
    assert set(core["dependencies"]) <= set(app["dependencies"])
    asked = {re.match("[a-z]+", needed)[0] for needed in core["dependencies"]}
    modules = {name for path in CORE for name in packages(path)}
    assert asked == modules - sys.stdlib_module_names - {"mlm_core"}
    assert core["requires-python"] == app["requires-python"]


def test_the_citation_has_the_version():
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {mlm_core.__version__}\n" in cited
