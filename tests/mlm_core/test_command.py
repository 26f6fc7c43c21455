"""The command's sentences; tests/browser/test_package.py runs it as it is installed."""

from __future__ import annotations

import socket

import pytest

from mlm_core import __version__, command


@pytest.fixture
def only_the_core(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "__file__", str(tmp_path / "mlm_core" / "command.py"))
    return tmp_path


def app_in(folder):
    (folder / "pages" / "shared").mkdir(parents=True)
    (folder / "app.py").touch()
    return folder


def test_its_version(capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"pooling-lab {__version__}\n"


def test_the_app_is_found_in_a_checkout_before_an_older_installed_one(only_the_core):
    app_in(only_the_core / "pooling_lab")
    assert command.home() == only_the_core / "pooling_lab"
    app_in(only_the_core)
    assert command.home() == only_the_core


@pytest.mark.parametrize("arguments", [[], ["export", "site"]])
def test_without_the_app_it_says_how_to_get_it(arguments, only_the_core, capsys):
    assert command.main(arguments) == 1
    assert "pip install pooling-lab" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "65536", "-1", "8501.0", "http", "²"])
def test_a_port_is_a_number(port, only_the_core, capsys):
    with pytest.raises(SystemExit) as end:
        command.main([f"--port={port}"])
    assert end.value.code == 2
    assert "a port is a whole number from 1 to 65535" in capsys.readouterr().err


def test_a_port_that_is_taken_is_not_free():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        assert not command._free(taken.getsockname()[1])


def test_a_browser_opens_only_where_there_is_a_screen(monkeypatch):
    monkeypatch.setattr(command.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not command._has_screen()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert command._has_screen()


def test_a_site_is_not_written_over_a_file(only_the_core, capsys):
    (app_in(only_the_core) / "pages" / "shared" / "static_site.py").touch()
    target = only_the_core / "notes.txt"
    target.write_text("mine")
    assert command.main(["export", str(target)]) == 1
    assert "is a file" in capsys.readouterr().err
    assert target.read_text() == "mine"


def test_the_site_is_written_where_the_reader_stands(only_the_core, monkeypatch, capsys):
    shared = app_in(only_the_core) / "pages" / "shared"
    (shared / "__init__.py").touch()  # or the checkout's own would be found, and write for long
    site = shared / "static_site.py"
    site.write_text("def write(folder):\n    folder.mkdir()\n    (folder / 'index.html').touch()\n")
    (only_the_core / "elsewhere").mkdir()
    monkeypatch.chdir(only_the_core / "elsewhere")
    assert command.main(["export", "site"]) == 0
    assert (only_the_core / "elsewhere" / "site" / "index.html").exists()
    assert str(only_the_core / "elsewhere" / "site") in capsys.readouterr().out


def test_an_export_that_is_stopped_is_not_called_complete(only_the_core, monkeypatch, capsys):
    (app_in(only_the_core) / "pages" / "shared" / "static_site.py").touch()

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command.subprocess, "call", stopped)
    assert command.main(["export", str(only_the_core / "site")]) == 1
    assert "not complete" in capsys.readouterr().err


def test_a_version_without_a_site_says_so(only_the_core, capsys):
    app_in(only_the_core)
    assert command.main(["export", "site"]) == 1
    assert "cannot write a static site" in capsys.readouterr().err
