"""The README's film, recorded from the running app: ``python docs/film.py``.

A hand drags the handle of the lesson on partial pooling, from no pooling to complete
pooling and back to where the data put it; twenty schools glide. Writes docs/film.gif.
"""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.browser import chromium_options, serve  # noqa: E402

PAGE = "/partial_pooling?step=3"
WIDE, HIGH = 1280, 720
CLIP = {"x": 0, "y": 44, "width": 1280, "height": 636}  # without menu and folded parts
WIDTH = 1000  # of the film
COLOURS = 256
STILL, MOVING = 1200, 70  # milliseconds that a frame is shown
HAND = """
const hand = document.createElement("div");
hand.id = "hand";
hand.style.cssText = "position:fixed;left:0;top:0;z-index:9999999;pointer-events:none";
hand.innerHTML = `<svg width="22" height="30" viewBox="0 0 22 30"><path d="M2 1v22l5.5-5 4 9.5
  4-1.7-4-9.3H19z" fill="#22262B" stroke="#fff" stroke-width="1.6"/></svg>`;
document.body.append(hand);
addEventListener("mousemove", (move) => {
  hand.style.transform = `translate(${move.clientX - 2}px, ${move.clientY - 1}px)`;
}, true);
"""


def way(start: float, end: float, frames: int) -> list[float]:
    """From one place to another, slowly at both ends."""
    return [
        start + (end - start) * (1 - math.cos(math.pi * k / frames)) / 2
        for k in range(1, frames + 1)
    ]


def record(page: Any) -> list[tuple[Image.Image, int]]:
    """Frames, and for how long each is shown."""
    frames: list[tuple[Image.Image, int]] = []

    def take(milliseconds: int) -> None:
        shot = Image.open(io.BytesIO(page.screenshot(clip=CLIP))).convert("RGB")
        height = round(shot.height * WIDTH / shot.width)
        frames.append((shot.resize((WIDTH, height), Image.Resampling.LANCZOS), milliseconds))

    thumb = """() => {
      const input = document.querySelector('.vega-bindings input[type=range]');
      const box = input.getBoundingClientRect(), size = 24;
      const share = (input.value - input.min) / (input.max - input.min);
      return { left: box.left + size / 2, wide: box.width - size, y: box.top + box.height / 2,
               share };
    }"""
    place = page.evaluate(thumb)
    x = lambda share: place["left"] + share * place["wide"]  # noqa: E731
    rest = place["share"]
    page.mouse.move(x(rest), place["y"])
    page.wait_for_timeout(200)
    take(STILL)
    page.mouse.down()
    for share in [*way(rest, 1, 14), *way(1, 0, 30), *way(0, rest, 20)]:
        page.mouse.move(x(share), place["y"])
        page.wait_for_timeout(60)
        take(STILL if share in (0.0, 1.0) else MOVING)
    page.mouse.up()
    return frames


def save(frames: list[tuple[Image.Image, int]], path: Path) -> None:
    """One palette for all frames, so that what stands still costs nothing."""
    tallest = Image.new("RGB", (WIDTH, sum(image.height for image, _ in frames[::16])))
    for k, (image, _) in enumerate(frames[::16]):
        tallest.paste(image, (0, k * image.height))
    palette = tallest.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE)
    drawn = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image, _ in frames]
    durations = [milliseconds for _, milliseconds in frames]
    drawn[0].save(path, save_all=True, append_images=drawn[1:], duration=durations, loop=0)


def main() -> None:
    """Record it."""
    target = ROOT / "docs" / "film.gif"
    with serve(ROOT / "app.py") as lab, sync_playwright() as driver:
        browser = driver.chromium.launch(**chromium_options())
        page = browser.new_page(viewport={"width": WIDE, "height": HIGH})
        page.set_default_timeout(120_000)
        page.goto(lab + PAGE)
        page.wait_for_selector(".vega-bindings input")
        page.wait_for_timeout(3000)
        page.evaluate(HAND)
        save(record(page), target)
        browser.close()
    print(f"docs/film.gif: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
