"""What if every school stands alone?"""

from dataclasses import replace

import streamlit as st

from mlm_core import Scenario, estimates
from mlm_core.charts.redraws import redraws
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.no_pooling import Facts, facts
from mlm_core.scenario import bounds
from pages.shared import controls, figure, presets, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, plain

COMMON, VARYING = "common", "varying"

SLOPES = controls.Choice(
    "slopes",
    "Which no pooling",
    (COMMON, VARYING),
    COMMON,
    names={COMMON: "One slope for all", VARYING: "A slope for each"},
)
NEW_STUDENTS = controls.Press(
    "redraw",
    "New students",
    bounds("redraw"),
    help="The same schools, tested again with other students.",
)

# What the figure shows


def draw(f: Facts, seen: Seen) -> None:
    """Each school's own estimate in this test and those before, and its line."""
    figure.legend(
        no="own estimate" + (" (ticks: earlier tests)" if f.tests > 1 else ""),
        **({"truth": "true value"} if seen["truth"] else {}),
        students=f"students of {f.names[f.picked]}",
        own_line="own lines (its line is thick)",
    )
    domain = steady_domain(f.reach, 60, 30)
    x_domain = steady_domain(f.pretests, 0, 3.5)
    figure.show(
        "redraws",
        f"{count(f.data.n_groups, 'school')}, the largest first, each with the estimate from its own students: "
        f"{f.names[f.picked]}, {count(f.n[f.picked], 'student')}, {estimate_of(f, f.picked)}. "
        + (f"{count(f.tests - 1, 'earlier test')} as ticks. " if f.tests > 1 else "")
        + "At the right a line for each school, "
        + ("all with the same slope." if f.slopes == COMMON else "each with its own slope."),
        redraws,
        f.tables(domain, x_domain, truth=seen["truth"]),
        on_school=story.pick_from("redraws"),
        axes={"domain": domain, "x_domain": x_domain, "y_domain": steady_domain(f.scores, 60, 50)},
        rows=f.data.n_groups,
    )
    if seen.kind == "try" and figure.watched():
        st.button("Ten tests at once", key="ten-tests", icon=":material/fast_forward:",
                  on_click=story.set_here, kwargs={"redraw": ten_on(seen["redraw"])})  # fmt: skip


def ten_on(redraw: int) -> int:
    """The number of the tenth draw of students from here."""
    return min(redraw + 10, int(bounds("redraw").high))


def of_the_moment(seen: Seen) -> Scenario:
    """The scenario, one test later once the prediction is made: the circles move with the answer."""
    later = seen.kind == "predict" and seen.revealed
    return replace(seen.scenario, redraw=seen.scenario.redraw + 1) if later else seen.scenario


def estimate_of(f: Facts, j: int) -> str:
    """The estimate of a school in words."""
    return f"{number(f.fit.lines.alpha[j])} points" if f.known(j) else "cannot be estimated"


# Small tables


def over_tests(f: Facts) -> str:
    """How far two schools moved."""
    rows = "".join(
        f"\n| {plain(f.names[j])} | {f.n[j]} | "
        + (f"{number(f.draws[:, j].min())} to {number(f.draws[:, j].max())}" if f.known(j) else "–")
        + " |"
        for j in (f.picked, f.other)
    )
    return f"\n\n| school | students | lowest to highest |\n|:--|--:|--:|{rows}\n\n"


def swings(f: Facts) -> str:
    """The standard error of two schools."""
    rows = "".join(
        rf"{'' if k else chr(10)}| {plain(f.names[j])} | {f.n[j]} | "
        rf"${number(f.sigma_y)}/\sqrt{{{f.n[j]}}} = {number(f.swing(j))}$ |" + "\n"
        for k, j in enumerate((f.picked, f.other))
    )
    return f"\n\n| school | students | standard error |\n|:--|--:|--:|{rows}"


# Questions


def how_far(f: Facts) -> Question:
    """The prediction."""
    j, n = f.picked, int(f.n[f.picked])
    right, more = f.between_tests(j), f.between_tests(f.other)
    name, other = plain(f.names[j]), f"{plain(f.names[f.other])} ({count(f.n[f.other], 'student')})"
    too_far = (
        f"Even two single students with the same pre-test are only about {about(f.between_students(j))} points apart on average."
        if n < 4
        else "Only a school with a quarter of the students would move so far."
    )
    return Question(
        f"{name} has {count(n, 'student')}. Over many such tests, how far do its circles in two tests lie apart, on average?",
        [
            Answer(f"About {about(right / 4)} points", f"So little would the circle of a school with {16 * n} students move."),
            Answer(f"About {about(right / 2)} points", f"So little would the circle of a school with {4 * n} students move."),
            Answer(f"About {about(right)} points", f"Each test brings other luck. For {other} it is about {about(more)}.", True),
            Answer(f"About {about(2 * right)} points", too_far),
        ],
        ordered=True,
    )  # fmt: skip


def about(points: float) -> str:
    """A number of two digits that count."""
    return number(points, 0) if points >= 9.95 else f"{points:#.2g}"


def checks(f: Facts) -> list[Question]:
    """Three questions on what the steps have shown."""
    j, n = f.picked, int(f.n[f.picked])
    return [
        Question(
            f"{plain(f.names[j])} has {count(n, 'student')}. With how many would its standard error be half as large?",
            [
                Answer(f"{2 * n}", "Twice the students only divide it by √2 = 1.4."),
                Answer(f"{4 * n}", rf"$\sigma_y/\sqrt{{{4 * n}}}$ is half of $\sigma_y/\sqrt{{{n}}}$.", True),
                Answer(f"{8 * n}", "Eight times the students divide it by √8 = 2.8: more than asked."),
            ],
            ordered=True,
        ),
        Question(
            "No pooling is unbiased: on average over many tests, each school's estimate is right. Why not stop here?",
            [
                Answer("There is one test, and in it a small school can be far off",
                       "Unbiased says nothing of how far a single estimate lies from the truth.", True),
                Answer("The estimates of small schools lean to one side",
                       "They swing to both sides of the truth, and wide."),
                Answer("It gives all schools the same number", "That is complete pooling. No pooling tells every school from every other, also where only luck differs."),
            ],
        ),
        Question(
            "Each school has a regression of its own. What is the slope of a school with one student?",
            [
                Answer("It cannot be estimated", "Any line through its one point fits perfectly.", True),
                Answer("0", "0 is a claim: that the pre-test does not count there. One point does not say so."),
                Answer("The slope of all the others", "That is the other model: one slope for all."),
            ],
        ),
    ]  # fmt: skip


# The story


def tested_again(f: Facts) -> str:
    """What became of the schools over the tests."""
    if f.tests <= 2:
        moved = (
            f" In the second test {plain(f.names[f.picked])} moved by {number(f.moved(f.picked))} points; on average over "
            f"many tests it would be about {about(f.between_tests(f.picked))}."
            if f.tests == 2 and f.known(f.picked)
            else ""
        )
        return (
            "The buttons test the same schools again, with other students. The circles go to their new places. Where they "
            f"were, a small tick stays: the last ten tests can be seen.{moved}"
        )
    praised = (
        f"A board that believes the circles would have praised **{count(f.firsts, 'different school')}** as the best."
        if f.firsts > 1
        else "The same school stood first each time."
    )
    return (
        f"{f.tests} tests of the same schools. Nobody has changed anything about them."
        + over_tests(f)
        + praised
    )


def two_models(f: Facts) -> str:
    """Which no pooling is meant, with the price of a slope of one's own."""
    j = f.picked
    one, own = f.common.lines.se_alpha[j], f.varying.lines.se_alpha[j]
    price = (
        f"A slope of its own makes {plain(f.names[j])} less sure: its standard error is {number(own)} points with its own "
        f"slope, {number(one)} with one slope for all."
        if own > one
        else f"{plain(f.names[j])}: its standard error is {number(one)} points with one slope, "
        f"{number(own)} with its own."
    )
    return (
        "Textbooks call two models “no pooling”.\n\n"
        "- **One slope for all.** Each school has its own intercept; the lines at the right are parallel.\n"
        "- **A slope for each.** Every school has its own height and its own slope; only the SD within schools is taken from all.\n\n"
        + (price if f.unknown == 0 or own == own else f"{plain(f.names[j])} has too few students for a slope of its own.")
        + " In this course no pooling means the first, unless a page says otherwise."
    )  # fmt: skip


def against_truth(f: Facts) -> str:
    """Unbiased, and far off."""
    j, k = f.picked, f.other
    return (
        f"The diamonds are the true values. In these {count(f.tests, 'test')} {plain(f.names[j])}'s estimates have the mean "
        f"**{number(f.middle(j))}**; the truth is **{number(f.truth[j])}**. Over very many tests the mean would be the "
        "truth, if the model is right: no pooling is **unbiased**.\n\n"
        f"But the board has one test. The typical error of a single estimate is **{number(f.miss(j))}** points for "
        f"{plain(f.names[j])}, {number(f.miss(k))} for {plain(f.names[k])}."
    )


def tiny(f: Facts) -> str:
    """What is changed where the figure breaks."""
    return (
        f"The schools are tiny: {f.at_most(3)} of {f.data.n_groups} have three students or fewer. And the model is now the "
        "second: a slope for each. The axis of the estimates is wider."
    )


def no_line(f: Facts) -> str:
    """Schools without a line of their own."""
    j = f.picked
    exact = (
        f" The thick line is that of **{plain(f.names[j])}**: two students, so it goes through both, however steep."
        if f.n[j] == 2
        else ""
    )
    return (
        f"{count(f.unknown, 'school')} {'has' if f.unknown == 1 else 'have'} a single student. Any line through one point "
        "fits perfectly, so slope and intercept **cannot be estimated**. With one slope for all, these schools would have "
        f"an estimate.{exact}"
    )


def at_average(f: Facts) -> str:
    """The two numbers of the picked school."""
    j = f.picked
    return f"{plain(f.names[j])} has {number(f.fit.lines.alpha[j])} here, {number(f.plain_mean(j))} there."


STEPS = [
    story.situation(
        heading="Let every school speak for itself",
        text=lambda f: "The last lesson drew one line for all students. Juniper's headteacher protests: “We are not the average "
        "school.” So the board tries the opposite: each school is judged by its own students.\n\n"
        "Each circle is a school's own estimate: the height of its line (at the right) where the pre-test is average, 0. So "
        f"it is not quite the plain mean of the first lesson: {at_average(f)}",
        do="Click **Juniper**, then **Oak Hill**: their students appear at the right.",
        shows={"school": "Juniper", "truth": False, "slopes": COMMON, "redraw": 0},
    ),
    story.predict(
        heading="The same schools, other students",
        text="This is [[no pooling]]: no school borrows its height from another (they share one slope). Now the same schools, unchanged, test other students.",
        ask=how_far,
        shows={"school": "Juniper", "truth": False, "slopes": COMMON, "redraw": 0},
    ),
    story.try_it(
        heading="Test them again",
        text=tested_again,
        uses=("redraw",),
        do="Press **New students** a few times, then **Ten tests at once**. Watch the top rows and the bottom rows.",
        shows={"school": "Juniper", "truth": False, "slopes": COMMON, "redraw": 1},
    ),
    story.say(
        heading="A column for each school",
        text=lambda f: "In the regression each school gets a column, an [[indicator variable]]: 1 for its own students, "
        "0 for others. So school $j$ has its own intercept $\\alpha_j$; the slope $\\beta$ of the pre-test $x$ is one for all:"
        "\n\n" + r"$$y_i = \alpha_{j[i]} + \beta\, x_i + \epsilon_i$$" + "\n\n"
        r"$j[i]$ is the school of student $i$. What is left, $\epsilon_i$, after school and pre-test are taken out has the SD "
        rf"$\sigma_y$ = {number(f.sigma_y)}. A mean of $n_j$ students has a **standard error** of about "
        r"$\sigma_y/\sqrt{n_j}$."
        + swings(f),
        do="Click other schools. Who has a small standard error?",
        shows={"school": "Juniper", "truth": False, "slopes": COMMON, "redraw": 10},
    ),
    story.say(
        heading="Two models have this name",
        text=two_models,
        uses=("slopes",),
        do="Switch to **A slope for each** and back. Which circles jump?",
        shows={"school": "Juniper", "truth": False, "slopes": COMMON, "redraw": 10},
    ),
    story.truth(
        heading="Right on average, far off in one test",
        text=against_truth,
        uses=("redraw",),
        do="Press **New students**: the circles swing around the diamonds.",
        shows={"school": "Juniper", "truth": True, "slopes": COMMON, "redraw": 10},
    ),
    story.breaks(
        heading="One student, no line",
        changed=tiny,
        look=no_line,
        sets=presets.TINY,
        shows={"school": "Quarry", "truth": False, "slopes": VARYING, "redraw": 0},
    ),
    story.check(
        heading="Check yourself",
        ask=checks,
        shows={"school": "Juniper", "truth": False, "slopes": COMMON, "redraw": 10},
    ),
    story.sentence(
        heading="What the board can be told",
        text="No pooling believes every school entirely: that is right on average over very many tests, but there is one "
        "test, and in it the estimate of a small school can be far off.",
        shows={"school": "Juniper", "truth": True, "slopes": COMMON, "redraw": 10},
    ),
]  # fmt: skip


def lab(f: Facts) -> str:
    """The laboratory's words."""
    return (
        f"**{plain(f.names[f.picked])}** ({count(f.n[f.picked], 'student')}): {estimate_of(f, f.picked)}."
        + (over_tests(f) if f.tests > 1 else "")
    )  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    j = f.picked
    slope = r"\beta_{j[i]}" if f.slopes == VARYING else r"\beta"
    own = (
        f"Here, {plain(f.names[j])}: intercept {number(f.fit.lines.alpha[j])} (standard error "
        f"{number(f.fit.lines.se_alpha[j])}), slope {number(f.fit.lines.beta[j])}; $\\sigma_y$ = {number(f.fit.sigma_y)}."
        if f.known(j)
        else f"{plain(f.names[j])} has no line of its own: its students do not identify one."
    )
    return (
        rf"$$y_i = \alpha_{{j[i]}} + {slope}\, x_i + \epsilon_i,\quad \epsilon_i \sim N(0, \sigma_y^2)$$"
        "\n\nNothing is said of how the intercepts are spread: each is estimated from its own school. This is partial "
        r"pooling with an SD between schools of $\sigma_\alpha = \infty$. The standard error of an intercept is "
        r"$\sigma_y/\sqrt{n_j}$ and a little more, since the slope is estimated, too. Least squares; the SD within schools is "
        f"pooled over schools. {own} The typical error of the lesson is the root of the mean squared error over the tests in "
        f"view. Source: Gelman & Hill (2007), sections 12.2 and 12.3."
    )


def code(f: Facts) -> Listing:
    """The fit in three languages."""
    own = f.slopes == VARYING
    narrow = own and f.unknown > 0
    return listing(
        f.simulation.scenario,
        f.data,
        Recipe(
            core=[
                f'fit = mlm.fit_no_pooling(data, slopes="{f.slopes}")',
                "print(fit.sigma_y)",
                "print(dict(zip(data.labels.tolist(), fit.lines.alpha.round(2).tolist())))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                *(
                    [
                        "# a school needs two values of x for a slope of its own",
                        'schools = schools[schools.groupby("school")["x"].transform("nunique") > 1]',
                    ]
                    if narrow
                    else []
                ),
                f'fit = smf.ols("y ~ 0 + C(school) + {"C(school):x" if own else "x"}", schools).fit()',
                "print(np.sqrt(fit.scale))",
                'print(fit.params.filter(regex="^C.school..[^:]*$").round(2).to_dict())',
            ],
            lme4=[
                *(
                    [
                        "# a school needs two values of x for a slope of its own",
                        "values <- ave(schools$x, schools$school, FUN = function(x) length(unique(x)))",
                        "schools <- schools[values > 1, ]",
                    ]
                    if narrow
                    else []
                ),
                f"fit <- lm(y ~ 0 + school + {'school:x' if own else 'x'}, schools)  # no random effects, so no lme4 yet",
                "print(sigma(fit))",
                "print(round(coef(fit), 2))",
            ],
        ),
    )


STORY = story.Story(
    slug="no_pooling",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(of_the_moment(seen), seen["school"], seen["slopes"]),
    figure=draw,
    controls=[
        controls.one_school(),
        controls.TRUTH,
        SLOPES,
        NEW_STUDENTS,
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "a1", "sigma_beta"),
    ],
    lab=lab,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)  # fmt: skip

story.tell(STORY)
