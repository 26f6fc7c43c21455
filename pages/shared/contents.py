"""The lessons in their order: what the navigation, the start page and the footers are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One page: ``slug`` is its file and its address."""

    slug: str
    part: str
    name: str
    question: str
    line: str

    @property
    def path(self) -> str:
        """The file, as Streamlit wants it."""
        return f"pages/{self.slug}.py"


IDEA, MODELS, WHY = "1. The idea", "2. The models", "3. Why bother"
WORDS, SURE, DATA = "4. The words", "5. How sure", "Your data"
TEACH = "Teach"

_PLAN = (
    Lesson("next_year", IDEA, "Next year",
           "What will the best school do next year?", "The praised fall, the inspected rise, and nobody did anything."),
    Lesson("complete_pooling", IDEA, "Complete pooling",
           "What if we forget that there are schools?", "One line for everybody, and too sure of itself."),
    Lesson("no_pooling", IDEA, "No pooling",
           "What if every school stands alone?", "Twenty schools, twenty answers; the small ones swing."),
    Lesson("partial_pooling", IDEA, "Partial pooling",
           "How far should a school be pulled to the others?", "The heart of the course: drag one handle."),
    Lesson("small_groups", IDEA, "Small groups",
           "Why are the best schools small?", "The most dangerous equation."),
    Lesson("what_is_multilevel", MODELS, "What is multilevel?",
           "What makes a regression multilevel?", "Coefficients that have a model of their own."),
    Lesson("varying_intercepts", MODELS, "Varying intercepts",
           "What does a school-level predictor add?", "Schools are pulled to a line, not to one mean."),
    Lesson("varying_slopes", MODELS, "Varying slopes",
           "What if the pre-test counts for more in some schools?", "Shrinkage in two dimensions."),
    Lesson("one_regression_or_two", MODELS, "One regression or two?",
           "Why not fit the schools first and then regress?", "Two steps take noise for difference."),
    Lesson("treatment_effects", WHY, "Treatment effects",
           "Does the programme work everywhere?", "One effect, or one for each school?"),
    Lesson("prediction", WHY, "Prediction",
           "What will the next student score?", "Known school, little-known school, new school."),
    Lesson("structured_data", WHY, "Structured data",
           "What does it cost to ignore the structure?", "Many false alarms, and an error bar that is too short."),
    Lesson("efficient_inference", WHY, "Efficient inference",
           "Is it really better, or only different?", "A thousand towns, refitted as you move."),
    Lesson("two_level_predictors", WHY, "Predictors at two levels",
           "Is it the student or the school?", "Within-school and between-school slopes."),
    Lesson("nested_and_crossed", WORDS, "Nested and crossed",
           "Hierarchical, nested, crossed: what is the difference?", "A fact of the data, not a choice."),
    Lesson("fixed_and_random", WORDS, "Fixed and random",
           "What do people mean by fixed and random?", "Five definitions that disagree."),
    Lesson("how_sure_about_tau", SURE, "How sure about tau?",
           "How sure are we of the hyperparameters?", "The eight schools of Rubin."),
    Lesson("your_data", DATA, "Your data",
           "What does partial pooling do to your data?", "Upload a table, get the three fits."),
    Lesson("glossary", DATA, "Glossary",
           "What do the words mean?", "Every term, its symbol and its other names."),
)  # fmt: skip

_TEACHING = (
    Lesson("decks", TEACH, "Decks",
           "What will the room see?", "Pictures in your order, on the stage, in one link."),
    Lesson("teaching", TEACH, "Teaching guide",
           "How is it taught?", "A plan, the questions, the usual wrong answers, exercises."),
)  # fmt: skip


@cache
def pages() -> tuple[Lesson, ...]:
    """All pages of the menu: the lessons, and what a teacher needs."""
    return (*lessons(), *_TEACHING)


@cache
def lessons() -> tuple[Lesson, ...]:
    """The lessons whose file is there, in order: a new file in ``pages/`` joins by itself."""
    return tuple(lesson for lesson in _PLAN if (PAGES / f"{lesson.slug}.py").exists())


def lesson(slug: str) -> Lesson:
    """One page by its address."""
    return next(lesson for lesson in (*_PLAN, *_TEACHING) if lesson.slug == slug)


def neighbours(slug: str) -> tuple[Lesson | None, Lesson | None]:
    """The lessons before and after."""
    order = [None, *lessons(), None]
    k = next(k for k, found in enumerate(order) if found is not None and found.slug == slug)
    return order[k - 1], order[k + 1]
