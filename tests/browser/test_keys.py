"""Keys in haste: each press counts once."""

from __future__ import annotations

from pages.shared import story
from tests.pages.kit import questions, story_of

LESSON = story_of("partial_pooling")
STEPS = LESSON.steps
CHECK = next(k for k, step in enumerate(STEPS) if step.kind == "check")
TWICE = """([key, heading]) => new Promise((done) => {
  const how = { key, bubbles: true, cancelable: true };
  const press = () => document.body.dispatchEvent(new KeyboardEvent("keydown", how));
  press();
  const look = () => {
    const shown = document.querySelector(".st-key-words h2")?.innerText;
    if (shown !== heading) return requestAnimationFrame(look);
    press();
    done();
  };
  look();
})"""
"""Press, and again in the very frame in which the next step's heading comes."""


def comes_to(me, step: story.Step) -> None:
    """The reader comes to a step, and stays there when all is drawn."""
    shown = "document.querySelector('.st-key-words h2')?.innerText"
    me.page.wait_for_function(f"heading => {shown} === heading", arg=step.heading)
    me.settles()
    assert me.page.locator(".st-key-words h2").inner_text() == step.heading


def hurries(me, *keys: str) -> None:
    for key in keys:
        me.page.keyboard.press(key)


def test_each_press_counts_once(reader):
    me = reader(reduced_motion="reduce").opens("/partial_pooling")
    hurries(me, "ArrowRight", "ArrowRight", "PageDown")
    comes_to(me, STEPS[3])
    hurries(me, "ArrowLeft", "PageUp", "ArrowRight")
    comes_to(me, STEPS[2])
    me.page.evaluate(TWICE, ["ArrowRight", STEPS[3].heading])
    comes_to(me, STEPS[4])
    me.page.locator(".pl-dots button").nth(CHECK - 1).click()
    comes_to(me, STEPS[CHECK - 1])
    asked = len(questions(LESSON, CHECK, LESSON.facts(story.designed(LESSON, CHECK))))
    hurries(me, *["ArrowRight"] * asked)
    me.page.locator(".pl-kicker", has_text=f"Question {asked} of {asked}").wait_for()
    comes_to(me, STEPS[CHECK])
    assert me.complaints == []
