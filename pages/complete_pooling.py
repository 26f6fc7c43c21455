"""What if we forget that there are schools?"""

from mlm_core import estimates
from mlm_core.charts.one_line import one_line
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.complete_pooling import Facts, facts
from mlm_core.scenario import bounds
from pages.shared import controls, figure, presets, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain

# What the figure shows


def draw(f: Facts, seen: Seen) -> None:
    """The students and their line, or what it leaves over."""
    at_line = seen["view"] == "line"
    town = seen.kind in ("situation", "predict", "truth", "check", "sentence") or not at_line
    figure.legend(
        one_line="one line for all",
        students=f"students of {f.names[f.picked]}",
        **({"own_line": "own lines of schools"} if at_line and seen["lines"] else {}),
        **({} if at_line else {"no": "mean of a school"}),
        **({"truth": "true height"} if seen["truth"] else {}),
    )  # fmt: skip
    figure.show(
        "one_line",
        alternative(f, seen),
        one_line,
        f.tables(
            view=seen["view"], lines=seen["lines"], schools=seen.revealed, truth=seen["truth"], town=town,
            x=steady_domain(f.x, 0, 4), y=steady_domain(f.data.y, 60, 50),
            left_over=steady_domain(f.residual, 0, 45),
        ),
        on_school=story.pick_from("one_line"),
        axes={"error_domain": steady_domain(f.ends_of_errors(), 60, 5)},
        rows=f.data.n_groups,
    )  # fmt: skip


def alternative(f: Facts, seen: Seen) -> str:
    """What the figure shows, in words."""
    if seen["view"] == "line":
        text = (f"{count(f.data.n_students, 'student')} and one line: score = {number(f.alpha)} + "
                f"{number(f.beta)} times pre-test. ")  # fmt: skip
    else:
        text = ("Distances from the line, a row for each school, ordered by their means: from "
                f"{number(f.mean_residual.max())} to {number(f.mean_residual.min())} points. ")  # fmt: skip
    text += f"Under it, two textbook standard errors of the line's height: {number(2 * f.stated)} points"
    return text + (f"; counted by schools: {number(2 * f.by_schools)}." if seen.revealed else ".")


# Questions


def how_sure(f: Facts) -> Question:
    """The prediction."""
    counted = (f"For these very schools the bar would do. For towns with schools like these, the standard error counted by "
               f"schools is {number(f.by_schools, 2)} points, not {number(f.stated, 2)} (the lower bar). ")  # fmt: skip
    less = f.verdict == "less sure"
    if less:
        reached = (
            "It reaches the next town. "
            if f.town_within
            else "In this draw it shows little of that. "
        )
        why = f"{counted}{reached}Students of one school are alike, so each tells less than a new student from elsewhere."
    else:
        why = f"{counted}Here schools hardly differ, so each student tells as much as any other."
    return Question(
        "The next town is outside the bar. The board wants to print: “Towns like ours do better.” Is the height as sure as its bar?",
        [
            Answer("Yes, as sure as its bar", why if not less
                   else "Only if students of one school were no more alike than students of different schools.", not less),
            Answer("No, less sure", why if less
                   else "It would be, if schools differed.", less),
            Answer("Even surer: schools add knowledge", "The line does not know of schools."),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Three questions on what the steps have shown."""
    j, schools = f.data.n_groups, f.schools_help_more
    return [
        Question(
            f"The textbook standard error is {number(f.stated, 2)}, by schools it is {number(f.by_schools, 2)}. "
            "About how many times as long is the bar by schools?",
            [
                Answer(f"{number(f.ratio_as_printed)} times", "Each bar is two standard errors to each side, so it grows as they do.", True),
                Answer(f"{number(2 * f.ratio_as_printed)} times", "Both bars are twice their standard error: the 2 cancels."),
                Answer(f"{number(f.ratio_as_printed / 4)} times", "Divide the one standard error by the other."),
            ],
        ),
        Question(
            "All 30 students of one school lie above the line. What does that say?",
            [
                Answer("They share something the line leaves out", "The next lesson gives that shared part a number.", True),
                Answer("They are 30 outliers", "One student can be an outlier. A whole school is a pattern."),
                Answer("Nothing: it is chance", "Thirty coins that all fall on heads? Chance does that about once in a billion."),
            ],
        ),
        Question(
            f"What do towns like this one reach? The board can pay for twice as many tests: twice as many students in each of "
            f"{count(j, 'school')}, or as many as now in each of {2 * j} schools. What makes the line's height surer?",
            [
                Answer("Testing in twice as many schools", "The swing comes from which schools the town happens to have."
                       if schools else "It would, if schools differed.", schools),
                Answer("Twice as many students in each school", "They would say again what their schoolmates said."
                       if schools else "They make it surer, as do students of other schools."),
                Answer("Both the same: it is the number of students", "That holds for students who share nothing. These share their school."
                       if schools else "Here schools hardly differ, so only the number of students counts.", not schools),
            ],
        ),
    ]  # fmt: skip


# The story


def opening(f: Facts) -> str:
    """The decision."""
    return (
        f"The board wants one number for its yearly report: what do towns with schools like these reach, for a student whose "
        f"pre-test is average? The pre-test is last year's test, in standard deviations (SDs): 0 is average, 1 is one SD above.\n\n"
        f"Each dot is a student. The line through all of them, blind to schools, is [[complete pooling]]. At pre-test 0 it "
        f"is **{number(f.alpha)} points** high.\n\nThe bar below is that height on a larger scale, with two "
        f"[[standard error|standard errors]] to each side. The next town reports {number(f.next_town)}: the dotted mark."
    )


def clump(f: Facts) -> str:
    """What the line leaves over."""
    name, n = plain(f.names[f.picked]), f.data.n[f.picked]
    side = (f"{f.same_side} of the {n} students of **{name}** lie on one side." if n > 1
            else f"{name} has 1 student.")  # fmt: skip
    share = (f"**{percent(f.between)}** of the variance of these distances lies between schools: the "
             "[[intraclass correlation]] (ICC). The larger it is, the more alike are two students of one school." if f.between > 0 else
             "Here schools differ no more than chance would make them.")  # fmt: skip
    return (
        "Each dot has gone to the row of its school. Left and right, it shows how far the student is from the line: the "
        f"residual. If schools did not matter, every row would lie around 0.\n\n{side} {share}"
    )


def equation(f: Facts) -> str:
    """The model, each symbol said."""
    return (
        r"$$y_i = \alpha + \beta x_i + \epsilon_i$$"
        "\n\n"
        rf"The score $y_i$ of student $i$ is the line's height $\alpha$ at pre-test 0 ({number(f.alpha)}), its slope $\beta$ "
        rf"({number(f.beta)}) times the pre-test $x_i$, and what is left, $\epsilon_i$. Schools are nowhere in it. So the "
        rf"textbook formula treats all {f.data.n_students} students as independent. With the SD $\sigma_y$ of what the line leaves (the schools are still in it) "
        "it gives about\n\n"
        rf"$$\frac{{\sigma_y}}{{\sqrt{{n}}}} = \frac{{{number(f.fit.sigma_y, 2)}}}{{\sqrt{{{f.data.n_students}}}}} = "
        rf"{number(f.by_root_n, 2)}$$"
        "\n\nThe [[cluster-robust standard error]] first adds up what is left in each school; how much these "
        f"{count(f.data.n_groups, 'sum')} differ gives {number(f.by_schools, 2)}."
    )


def apart(f: Facts) -> str:
    """What the SD between schools does to the two errors."""
    return (
        f"The slider sets how much schools differ, beyond what the town spends on them: now by an SD of "
        f"**{number(f.sigma_alpha)} points**. The textbook standard error of the height is {number(f.stated, 2)}, by schools "
        f"it is {number(f.by_schools, 2)}: **{number(f.ratio_as_printed)} times** as much."
    )


def swings(f: Facts) -> str:
    """The errors beside the truth."""
    true = (
        f" The true height lies above the next town's {number(f.next_town)}: “Towns like ours do better” is true here, but "
        "these data cannot show it."
        if f.true_but_not_shown
        else ""
    )
    return (
        f"Simulate the town again and again, each time with new schools and new students. The line's height swings around "
        f"{number(f.swing.middle)} (the diamond) with an SD of **{number(f.swing.height, 2)} points**: the true standard "
        f"error. The textbook gives {number(f.stated, 2)}, counting by schools {number(f.by_schools, 2)}: "
        f"{'nearer to' if f.nearer else 'in this draw farther from'} the truth, though rough, and on average a little too small, where schools are few."
        f"{true}\n\n"
        f"With new schools each time, twice as many students in each would still give {number(f.swing.more_students, 2)}; "
        f"twice as many schools, {number(f.swing.more_schools, 2)}."
    )


def verdict(f: Facts) -> str:
    """What the board can be told."""
    town = f"the next town's {number(f.next_town)}, not sure either, lies"
    print_it = (
        f"{town} within, so do not print “Towns like ours do better”."
        if f.town_within
        else f"{town} outside."
    )
    return (
        "One line for all students is blind to schools, and where they differ it is too sure of its height: counted by "
        f"schools that is {number(f.alpha)} points ± {number(2 * f.by_schools)} (two standard errors), and {print_it}"
    )


LOW, HIGH, _ = bounds("sigma_alpha")
BEFORE = {"school": "Oak Hill", "view": "line", "lines": False, "truth": False}
LEFT_OVER = BEFORE | {"view": "left over"}

STEPS = [
    story.situation(
        heading="One number for the whole town",
        text=opening,
        do="Find the line's height at pre-test 0, then the same height in the bar.",
        shows=BEFORE,
    ),
    story.predict(
        heading="May the board print it?",
        text="The bar comes from the textbook formula, which counts every student once.",
        ask=how_sure,
        shows=BEFORE,
    ),
    story.try_it(
        heading="What the line leaves over",
        text=clump,
        do="Pick another school, here or by a click on a dot. On which side is it?",
        shows=LEFT_OVER,
        uses=("school",),
    ),
    story.say(
        heading="Schoolmates are alike",
        text=equation,
        do=lambda f: f"Compare the two bars: one counts {f.data.n_students} students, the other {count(f.data.n_groups, 'school')}.",
        shows=LEFT_OVER,
    ),
    story.try_it(
        heading="Let the schools differ more",
        text=apart,
        do=f"Move the slider to its left end ({LOW:g}), then to its right end ({HIGH:g}). Which bar grows more?",
        shows=BEFORE,
        uses=("sigma_alpha",),
    ),
    story.truth(
        heading="How far the line truly swings",
        text=swings,
        do="Compare the bar “textbook” with the bar “truly”: two true standard errors around the diamond.",
        shows=BEFORE | {"truth": True},
    ),
    story.breaks(
        heading="Every school rises, the line falls",
        changed="Schools now differ in their mean pre-test, too, so the pre-test axis is wider. Schools with high pre-tests have "
        "low scores, for reasons of their own.",
        look=lambda f: f"The thin blue lines are the schools' own: {f.rising} of {f.known_slopes} rise. The one line goes "
        f"{'down' if f.beta < 0 else 'up'}, by {number(abs(f.beta))} points for an SD of pre-test.",
        text="The one line compares students of different schools as if they sat in one class. This is "
        "[[Simpson's paradox]].",
        sets=presets.SIMPSON,
        shows=BEFORE | {"lines": True},
    ),
    story.check(heading="Check yourself", ask=checks, shows=BEFORE | {"truth": True}),
    story.sentence(heading="What the board can be told", text=verdict, shows=BEFORE | {"truth": True}),
]  # fmt: skip


def lab(f: Facts) -> str:
    """Beside the laboratory's controls."""
    few = " With few schools the error by schools is itself too small on average."
    return (
        f"Height at pre-test 0: **{number(f.alpha)} points**. Textbook standard error {number(f.stated, 2)}, by schools "
        f"{number(f.by_schools, 2)}, truly {number(f.swing.height, 2)}.{few if f.few else ''} Share of the residual variance between "
        f"schools: {percent(f.between)}."
    )  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    return (
        r"$$y_i = \alpha + \beta x_i + \epsilon_i, \qquad \epsilon_i \sim N(0, \sigma_y^2) \text{, all independent}$$"
        "\n\n"
        rf"Least squares: $\hat\alpha$ = {number(f.alpha)}, $\hat\beta$ = {number(f.beta)}, $\hat\sigma_y$ = "
        f"{number(f.fit.sigma_y)}. Of the slope, the textbook standard error is {number(f.stated_slope, 2)}, by schools "
        f"{number(f.fit.cluster_se_beta, 2)}, truly {number(f.swing.slope, 2)}: what schools do to it depends on how much "
        "their slopes and their mean pre-tests differ. The error by schools is the sandwich estimator with its "
        "small-sample factor (Cameron & Miller 2015, section II). The true one holds the school sizes and the pre-tests "
        "as they are and draws schools and scores anew. Gelman & Hill (2007), section 12.2."
    )


def code(f: Facts) -> Listing:
    """The fit in three languages."""
    return listing(
        f.simulation.scenario,
        f.data,
        Recipe(
            core=[
                "fit = mlm.fit_complete_pooling(data)",
                "print(fit.lines.alpha[0], fit.lines.beta[0], fit.sigma_y)",
                "print(fit.lines.se_alpha[0], fit.cluster_se_alpha)",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'model = smf.ols("y ~ x", schools)',
                "fit = model.fit()",
                'groups = pd.factorize(schools["school"])[0]',
                'robust = model.fit(cov_type="cluster", cov_kwds={"groups": groups})',
                "print(fit.params.iloc[0], fit.params.iloc[1], np.sqrt(fit.scale))",
                "print(fit.bse.iloc[0], robust.bse.iloc[0])",
            ],
            lme4=[
                "fit <- lm(y ~ x, schools)  # no random effects, so no lme4 yet",
                "X <- model.matrix(fit)",
                "S <- rowsum(X * resid(fit), schools$school)",
                "J <- nrow(S); n <- nrow(X); p <- ncol(X)",
                "B <- solve(crossprod(X))",
                "V <- J / (J - 1) * (n - 1) / (n - p) * B %*% crossprod(S) %*% B",
                "print(c(coef(fit), sigma(fit)))",
                "print(c(summary(fit)$coefficients[1, 2], sqrt(V[1, 1])))",
            ],
        ),
    )


VIEW = controls.Choice(
    "view", "Show", ["line", "left over"], "line",
    names={"line": "students and the line", "left over": "what the line leaves over"},
)  # fmt: skip

STORY = story.Story(
    slug="complete_pooling",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(seen.scenario, seen["school"]),
    figure=draw,
    controls=[
        VIEW,
        controls.one_school("Oak Hill"),
        controls.Switch("lines", "Lines of the schools"),
        controls.TRUTH,
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0", "a1"),
        *("sigma_x", "contextual"),
    ],
    lab=lab,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)

story.tell(STORY)
