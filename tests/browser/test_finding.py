"""Finding a browser: what is there, what was named, and a sentence when there is none."""

from __future__ import annotations

import pytest

from tests.browser import browser


def test_a_named_browser_wins(monkeypatch):
    monkeypatch.setenv("POOLING_LAB_BROWSER", "/opt/mine")
    assert browser.installed_browser() == "/opt/mine"


def test_no_browser_fails_with_what_to_install(monkeypatch):
    monkeypatch.setattr(browser, "installed_browser", lambda: None)
    monkeypatch.setattr(browser, "playwright_browser", lambda: None)
    monkeypatch.setattr(browser, "_quietly", lambda command: None)
    with pytest.raises(RuntimeError, match="apt-get install chromium"):
        browser.find_or_install()


def test_installing_tries_what_the_machine_has(monkeypatch):
    tried = []
    found = iter([None, "/usr/bin/chromium"])
    monkeypatch.setattr(browser, "installed_browser", lambda: next(found))
    monkeypatch.setattr(browser, "playwright_browser", lambda: None)
    monkeypatch.setattr(browser, "_quietly", tried.append)
    monkeypatch.setattr(browser.shutil, "which", lambda name: "/usr/bin/apt-get")
    assert browser.find_or_install() == "/usr/bin/chromium"
    assert any("playwright" in command for command in tried)
    assert any("chromium" in command for command in tried[-1:])
