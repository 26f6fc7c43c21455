"""Key press on a slider of free play to painted figure, as a reader feels it.

    python benchmarks/page_speed.py [page ...]

Prints the median of 20 for each page beside a bare Streamlit page with one slider
and one chart, measured in the same run: read the ratio, machines are noisy. The browser asks
for less motion: else the time of the handle's glide would count.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from tests.browser.browser import chromium_options, serve  # noqa: E402

BARE = """
import altair as alt, pandas as pd, streamlit as st
k = st.sidebar.slider("k", 0, 100, 50, key="sigma_alpha", bind="query-params")
frame = pd.DataFrame({"x": range(20), "y": [(i * k) % 37 for i in range(20)]})
st.altair_chart(alt.Chart(frame).mark_point().encode(x="x", y="y"), key="c")
"""

WATCH = """
() => new Promise(done => {
  const box = document.querySelector('[data-testid=stMain]');
  const begin = performance.now();
  let last = null;
  const seen = new MutationObserver(list => {
    if (list.some(m => m.target.closest && m.target.closest('[data-testid=stVegaLiteChart]')
                       && !/^(aria-|class)/.test(m.attributeName ?? '')))
      requestAnimationFrame(() => { last = performance.now(); });
  });
  seen.observe(box, {subtree: true, childList: true, attributes: true});
  const wait = setInterval(() => {
    const settled = last && performance.now() - last > 250;
    if (!settled && performance.now() - begin < 4000) return;
    clearInterval(wait); seen.disconnect(); done(settled ? last - begin : NaN);
  }, 20);
})
"""


def opened(browser: Browser) -> Page:
    """A page without glides."""
    return browser.new_page(reduced_motion="reduce")


def measure(page: Page, address: str, label: str) -> list[float]:
    page.goto(address)
    page.wait_for_selector("[data-testid=stVegaLiteChart] :is(svg, canvas)")
    page.wait_for_timeout(1500)
    slider = page.locator(f".st-key-{label} input[type=range]")
    slider.focus()
    times = []
    for k in range(22):
        watch = page.evaluate_handle(f"() => ({{promise: ({WATCH})()}})")
        page.keyboard.press("ArrowRight" if k % 2 else "ArrowLeft")
        times.append(page.evaluate("async h => await h.promise", watch))
    return times[2:]


def main(pages: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        browser = driver.chromium.launch(**chromium_options())
        with serve(bare) as empty, serve(ROOT / "app.py") as lab:
            base = statistics.median(measure(opened(browser), empty, "sigma_alpha"))
            print(f"{'bare page':24s} {base:6.0f} ms")
            for name in pages:
                label = f"{name}-sigma_alpha"
                times = measure(opened(browser), f"{lab}/{name}?free=true", label)
                found = statistics.median(times)
                print(f"{name:24s} {found:6.0f} ms   {found / base:4.2f} times the bare page")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:] or ["partial_pooling"])
