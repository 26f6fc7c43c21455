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
    last = ["--no-install-recommends", "chromium"]  # the other package is not in every Debian

    def there() -> str | None:
        return "/usr/bin/chromium" if tried and tried[-1][-2:] == last else None

    monkeypatch.setattr(browser, "installed_browser", there)
    monkeypatch.setattr(browser, "playwright_browser", lambda: None)
    monkeypatch.setattr(browser, "_quietly", tried.append)
    monkeypatch.setattr(browser.shutil, "which", lambda name: "/usr/bin/apt-get")
    assert browser.find_or_install() == "/usr/bin/chromium"
    ways = [command[-1] for command in tried if "install" in command]
    assert "playwright" in tried[0]
    assert ways == ["chromium", "chromium-headless-shell", "chromium"]
