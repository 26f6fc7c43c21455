"""The README's pictures, taken from the running app: ``python docs/screenshots.py``."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.browser import chromium_options, serve  # noqa: E402

PICTURES = {
    "partial_pooling.png": ("/partial_pooling?step=4&handle=48", (1440, 810), "light"),
    "partial_pooling_dark.png": ("/partial_pooling?step=4&handle=48", (1440, 810), "dark"),
    "phone.png": ("/next_year?step=3", (390, 844), "light"),
}


def main() -> None:
    with serve(ROOT / "app.py") as lab, sync_playwright() as driver:
        browser = driver.chromium.launch(**chromium_options())
        for name, (path, (width, height), scheme) in PICTURES.items():
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.goto(lab + path)
            page.wait_for_selector(".vega-bindings input")
            page.wait_for_timeout(2500)
            page.screenshot(path=ROOT / "docs" / name)
            print(f"docs/{name}")
        browser.close()


if __name__ == "__main__":
    main()
