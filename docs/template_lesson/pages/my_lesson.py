"""How far may a school's mean be off?"""

from mlm_core import estimates
from mlm_core.charts.my_figure import my_figure
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.my_lesson import Facts, facts
from pages.shared import controls, figure, story
from pages.shared.as_table import SCHOOL, STUDENTS, Column, Layout
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, plain

# What the figure shows


def draw(f: Facts, seen: Seen) -> None:
    """Schools by size, with the bars of their errors once they have been asked for."""
    figure.legend(
        no="own mean ± standard error" if seen.revealed else "own mean",
        picked=str(f.names[f.picked]),
        **({"truth": "true mean"} if seen["truth"] else {}),
    )
    figure.show(
        "my_figure",
        f"{count(f.data.n_groups, 'school')} with {f.data.n[f.smallest]} to {f.data.n[f.largest]} students; their own "
        f"means lie between {number(f.own.min())} and {number(f.own.max())} points."
        + (f" The error is {number(f.se[f.largest])} points in the largest school, {number(f.se[f.smallest])} in "
           "the smallest." if seen.revealed else ""),
        my_figure,
        f.tables(bars=seen.revealed, truth=seen["truth"]),
        on_school=story.pick_from("my_figure"),
        axes={"domain": steady_domain([*f.own, *f.truth], 60, 30)},
        largest=500,
    )  # fmt: skip


TABLE = Layout(
    "Schools",
    "schools",
    (
        SCHOOL,
        STUDENTS,
        Column("own mean", "own"),
        Column("less one standard error", "low", seen="bar_seen"),
        Column("plus one", "high", seen="bar_seen"),
        Column("true mean", "truth", seen="truth_seen"),
    ),
    by=("school",),
)
"""The figure as a table: which columns of its tables a reader is told, once they are shown."""


# Questions


def four_times(_: Facts) -> Question:
    """The prediction."""
    return Question(
        "One school tests four times as many students as another. How far may its mean be off?",
        [
            Answer("Half as far", "The error falls with the root of the number of students, and the root of 4 is 2.", True),
            Answer("A quarter as far", "Four times the students bring four times the luck too; part of it cancels, not all."),
            Answer("Just as far", "Good and bad luck cancel in a mean, the more, the more students there are."),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Two questions on what the steps have shown."""
    j = f.picked
    n, name = int(f.data.n[j]), plain(f.names[j])
    return [
        Question(
            f"{name} tested {count(n, 'student')}. How many would halve its error?",
            [
                Answer(f"{2 * n}", "Twice as many divide the error by the root of 2, about 1.4."),
                Answer(f"{4 * n}", "The root of 4 is 2.", True),
                Answer(f"{16 * n}", "So many would divide the error by 4."),
            ],
            ordered=True,
        ),
        Question(
            "What does the bar of a school speak of?",
            [
                Answer("How far the mean may be from the true mean", "The luck of who was tested.", True),
                Answer("How far students are from each other", "That is the SD of students. It does not shrink when more are tested."),
                Answer("How good the school is", "A short bar says: well known. Good or bad is the height of the circle."),
            ],
        ),
    ]  # fmt: skip


# The story


def situation(f: Facts) -> str:
    """Two schools that are not equally well known."""
    few, many = f.smallest, f.largest
    return (
        "The board has the mean score of each school. A circle stands the higher, the better the school did, and the farther "
        f"to the right, the more students it tested.\n\n**{plain(f.names[few])}** has {number(f.own[few])} points from "
        f"{count(f.data.n[few], 'student')}, **{plain(f.names[many])}** has {number(f.own[many])} from {f.data.n[many]}. The "
        "board wants to print all of them in one list, to a tenth of a point."
    )


def formula(f: Facts) -> str:
    """The standard error with the numbers of the picked school."""
    j = f.picked
    return (
        r"Students of one school differ with an SD of $\sigma_y$. In the mean of $n_j$ students this luck cancels in part. "
        r"What is left is the standard error:" "\n\n" r"$$\mathrm{se}(\bar y_j) = \frac{\sigma_y}{\sqrt{n_j}}$$" "\n\n"
        rf"For {plain(f.names[j])}: ${number(f.sigma_y)} / \sqrt{{{f.data.n[j]}}}$, which is {number(f.se[j])} points. Only the "
        "root of the number of students counts, so that each further student helps less than the one before."
    )  # fmt: skip


def against_truth(f: Facts) -> str:
    """How many bars hold the truth."""
    return (
        f"The diamonds are the true means. In this draw {f.holding} of {f.data.n_groups} lie within one standard error of "
        "their circle. On average over many draws it is about two of three. So a bar of one standard error is no wall: one "
        "school in three is farther off than its bar says, and nobody can see from the data which one."
    )


STEPS = [
    story.situation(
        heading="A list of means",
        text=situation,
        do="Find the smallest school and the largest.",
    ),
    story.predict(
        heading="Which means can the board trust?",
        text="Who was tested is partly luck. With other students each mean would have come out a little different. In a "
        "school with many students good and bad luck cancel.",
        ask=four_times,
    ),
    story.try_it(
        heading="Let the students differ more",
        text="The bars reach one [[standard error]] up and down. The slider sets how much students of one school differ: "
        "$\\sigma_y$. At the left all students of a school score alike, and a few of them tell as much as many. At the "
        "right the small schools swing, and some of them stand very high or very low by luck alone.",
        do="Move the slider. Watch the small schools at the left.",
        uses=("sigma_y",),
    ),
    story.say(heading="Only the root counts", text=formula, do="Click another school."),
    story.truth(
        heading="How often is the bar right?",
        text=against_truth,
        do="Find a school whose diamond lies outside its bar.",
        shows={"truth": True},
    ),
    story.check(heading="Check yourself", ask=checks),
    story.sentence(
        heading="What the board can be told",
        text=lambda f: (
            "A mean of few students is a rough guess: print it with its error, for "
            f"{plain(f.names[f.picked])} {number(f.own[f.picked])} ± {number(f.se[f.picked])} points, and remember that four times "
            "the students only halve it."
        ),
    ),
]


# Free play, and what is folded below the figure


def lab(f: Facts) -> str:
    """The laboratory's words."""
    j = f.picked
    return (
        f"{plain(f.names[j])}: {number(f.own[j])} ± {number(f.se[j])} points. {f.holding} of {f.data.n_groups} true means lie "
        "within one standard error."
    )


def code(f: Facts) -> Listing:
    """The errors in three languages."""
    return listing(
        f.simulation.scenario,
        f.data,
        Recipe(
            core=[
                "own = data.group_means(data.y)",
                "sigma_y = np.sqrt(((data.y - own[data.j]) ** 2).sum() / (data.n_students - data.n_groups))",
                "print(dict(zip(data.labels.tolist(), (sigma_y / np.sqrt(data.n)).round(2).tolist())))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.ols("y ~ 0 + school", schools).fit()',
                "print(fit.bse)",
            ],
            lme4=[
                "fit <- lm(y ~ 0 + school, schools)",
                'print(summary(fit)$coefficients[, "Std. Error"])',
            ],
        ),
    )


STORY = story.Story(
    slug="my_lesson",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(seen.scenario, seen["school"]),
    figure=draw,
    controls=[
        controls.one_school(),
        controls.TRUTH,
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y"),
    ],
    lab=lab,
    tables={"my_figure": [TABLE]},
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)

story.tell(STORY)
