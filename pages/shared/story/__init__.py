"""The lesson grammar: a lesson is a story in steps over one figure.

A lesson is a `Story`: its steps, what computes its facts, what draws its figure. The
same steps are what a reader walks through, what a teacher projects and what a link opens.
After the last step, or at any time, the page is a laboratory with all its controls.

Of the kinds of steps a lesson needs most, in this order: situation, predict, try, say,
truth, breaks, check, sentence.

    grammar     the records: Step, Question, Seen, Story; what a step shows at first
    answers     what has been answered, and the verdicts
    place       where the reader is, and what is set there
    telling     draws a lesson: figure, then the parts below
      panel       a step           questions   its question, and the verdict
      on_stage    a step for the back row
      laboratory  free play
      alone       which controls run the figure and its words alone
      stepper.*   the way through, in the browser, and what it asks for
      below       folded below the figure: model, table, code, file

Pages write ``from pages.shared import story`` and ``story.predict(...)``.
"""

from pages.shared.story.below import LANGUAGES
from pages.shared.story.grammar import (
    HELD_HERE,
    KICKER,
    Answer,
    Asked,
    Given,
    Item,
    Question,
    Seen,
    Sorting,
    Step,
    Story,
    breaks,
    check,
    designed,
    first_prediction,
    predict,
    say,
    sentence,
    shuffled,
    situation,
    truth,
    try_it,
)
from pages.shared.story.panel import KNOWN
from pages.shared.story.place import pick_from, set_here
from pages.shared.story.telling import ROUGH, UNTOLD, tell

__all__ = [
    "HELD_HERE",
    "KICKER",
    "KNOWN",
    "LANGUAGES",
    "ROUGH",
    "UNTOLD",
    "Answer",
    "Asked",
    "Given",
    "Item",
    "Question",
    "Seen",
    "Sorting",
    "Step",
    "Story",
    "breaks",
    "check",
    "designed",
    "first_prediction",
    "pick_from",
    "predict",
    "say",
    "sentence",
    "set_here",
    "shuffled",
    "situation",
    "tell",
    "truth",
    "try_it",
]
