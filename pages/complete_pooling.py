"""What if we forget that there are schools?"""

from mlm_core import estimates
from mlm_core.charts.one_line import one_line
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.complete_pooling import Facts, facts
from pages.shared import controls, figure, presets, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain

# What the figure shows


def draw(f: Facts, seen: Seen) -> None:
    """The students and their line, or what it leaves over."""
    at_line = seen["view"] == "line"
    town = seen.kind in ("situation", "predict", "truth", "sentence")
    figure.legend(
        complete="one line for all",
        students=f"students of {f.names[f.picked]}",
        **({"own_line": "own lines of schools"} if at_line and seen["lines"] else {}),
        **({} if at_line else {"no": "mean of a school"}),
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
    text += f"Under it, twice the line's stated standard error: {number(2 * f.stated)} points"
    return text + (f"; counted by schools: {number(2 * f.by_schools)}." if seen.revealed else ".")


# Questions


def how_sure(f: Facts) -> Question:
    """The prediction."""
    counted = (f"Counted by schools the standard error is {number(f.by_schools, 2)} points, not {number(f.stated, 2)} "
               "(the lower bar). ")  # fmt: skip
    less = f.verdict == "less sure"
    if less:
        reached = (
            "It reaches the next town. "
            if f.town_within
            else "In this draw it shows little of that. "
        )
        why = f"{counted}{reached}Schoolmates are alike: they tell less than strangers."
    else:
        why = f"{counted}Here schools hardly differ: their students tell as much as strangers."
    return Question(
        "The next town is outside the bar. The board wants to print: “We are better.” Is the height as sure as its bar?",
        [
            Answer("Yes, as sure as its bar", why if not less
                   else "Only if schoolmates were no more alike than strangers.", not less),
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
            f"The stated standard error is {number(f.stated, 2)}, by schools it is {number(f.by_schools, 2)}. "
            "By what factor does the bar of two standard errors change?",
            [
                Answer(f"By {number(f.ratio, 2)}", "Right: the bar is two standard errors to each side, so it goes with them.", True),
                Answer(f"By {number(2 * f.ratio, 2)}", "Both bars are twice their standard error: the 2 cancels."),
                Answer(f"By {number(f.ratio / 4, 2)}", "Divide the one standard error by the other."),
            ],
        ),
        Question(
            "All 30 students of one school lie above the line. What does that say?",
            [
                Answer("They share something the line leaves out", "Right. The next lesson gives that shared part a number.", True),
                Answer("They are 30 outliers", "One student can be an outlier. A whole school is a pattern."),
                Answer("Nothing: it is chance", "Thirty coins that all fall on heads? Chance does that about once in a billion."),
            ],
        ),
        Question(
            f"The board can pay for twice as many tests: twice as many students in the same {count(j, 'school')}, or as "
            f"many as now in each of {2 * j} schools. What makes the line's height surer?",
            [
                Answer("Testing in twice as many schools", "Right: the swing comes from which schools the town happens to have."
                       if schools else "It would, if schools differed.", schools),
                Answer("Twice as many students in the same schools", "They would say again what their schoolmates said."
                       if schools else "They make it surer, as do students of other schools."),
                Answer("Both the same: it is the number of students", "That holds for strangers. Schoolmates share their school."
                       if schools else "Right: here schools hardly differ, so only the number of students counts.", not schools),
            ],
        ),
    ]  # fmt: skip


# The story


def opening(f: Facts) -> str:
    """The decision."""
    return (
        f"The board wants one number in its yearly report: what does a student with an average pre-test score here? "
        f"Each dot is a student. The line through all of them, blind to schools, is [[complete pooling]]. At pre-test 0, "
        f"the average, it is **{number(f.alpha)} points** high.\n\nThe bar below is that height on a larger scale, with "
        f"two [[standard error|standard errors]] to each side. The next town prints {number(f.next_town)}: the dashed mark."
    )


def clump(f: Facts) -> str:
    """What the line leaves over."""
    name, n = plain(f.names[f.picked]), f.data.n[f.picked]
    side = (f"{f.same_side} of the {n} students of **{name}** lie on one side." if n > 1
            else f"{name} has 1 student.")  # fmt: skip
    share = (f"**{percent(f.between)}** of the variance of these distances lies between schools: the "
             "[[intraclass correlation]] (ICC)." if f.between > 0 else
             "Here they do so no more than chance would make them.")  # fmt: skip
    return (
        "Each dot has gone to the row of its school. Left and right, it shows how far the student is from the line: the "
        f"residual. If schools did not matter, every row would lie around 0.\n\n{side} The distances clump by "
        f"school. {share}"
    )


def equation(f: Facts) -> str:
    """The model, each symbol said."""
    return (
        r"$$y_i = \alpha + \beta x_i + \epsilon_i$$"
        "\n\n"
        rf"The score $y_i$ of student $i$ is the line's height $\alpha$ at pre-test 0 ({number(f.alpha)}), its slope $\beta$ "
        rf"({number(f.beta)}) times the pre-test $x_i$, and what is left, $\epsilon_i$. The schools are nowhere in it. "
        rf"So it takes all {f.data.n_students} students for strangers, and states about "
        rf"$\sigma_y / \sqrt{{n}}$ = {number(f.fit.sigma_y)} / √{f.data.n_students} = {number(f.by_root_n, 2)} ($\sigma_y$: "
        "the SD of what is left).\n\nThe [[cluster-robust standard error]] first adds up what is left in each school, "
        f"and counts {count(f.data.n_groups, 'school')}: {number(f.by_schools, 2)}."
    )


def apart(f: Facts) -> str:
    """What the SD between schools does to the two errors."""
    return (
        f"Schools now truly differ by an SD of **{number(f.true_sd)} points** in all (a part of that is what the town "
        f"spends on them). Stated: ± {number(f.stated, 2)}. By schools: ± {number(f.by_schools, 2)}, which is "
        f"**{number(f.ratio)} times** as much."
    )


def swings(f: Facts) -> str:
    """The errors beside the truth."""
    return (
        f"Draw the town's schools and students anew, again and again. The line's height swings around "
        f"{number(f.swing.middle)} (the diamond), with an SD of **{number(f.swing.height, 2)} points**. The line "
        f"states {number(f.stated, 2)}. By schools it is {number(f.by_schools, 2)}: "
        f"{'nearer to' if f.nearer else 'in this draw farther from'} the truth, and itself an estimate, rough where schools "
        "are few.\n\n"
        f"With twice as many students in the same schools it would still swing by {number(f.swing.more_students, 2)}; with "
        f"twice as many schools, by {number(f.swing.more_schools, 2)}."
    )


def verdict(f: Facts) -> str:
    """What the board can be told."""
    print_it = (
        "do not print “We are better”: the next town lies within that."
        if f.town_within
        else "the next town lies outside that."
    )
    return (
        "One line for all students is simple, and blind to schools. Where schools differ, it is too sure of its height. "
        f"Counted by schools that is {number(f.alpha)} ± {number(2 * f.by_schools)} points: {print_it}"
    )


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
        text="This textbook bar counts every student once.",
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
        heading="Schoolmates are not strangers",
        text=equation,
        do=lambda f: f"Compare the two bars: {f.data.n_students} strangers, or {count(f.data.n_groups, 'school')}?",
        shows=LEFT_OVER,
    ),
    story.try_it(
        heading="Let the schools differ more",
        text=apart,
        do="Move the slider to 0, then to 20. Which bar grows more?",
        shows=BEFORE,
        uses=("sigma_alpha",),
    ),
    story.truth(
        heading="How far the line truly swings",
        text=swings,
        do="Compare the bar “as stated” with the bar “truly”.",
        shows=BEFORE | {"truth": True},
    ),
    story.breaks(
        heading="Every school rises, the line falls",
        changed="Schools now differ in their pre-tests. Those with high pre-tests have low scores, for reasons of their own.",
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
        f"Height at pre-test 0: **{number(f.alpha)} points**. Standard error as stated {number(f.stated, 2)}, by schools "
        f"{number(f.by_schools, 2)}, truly {number(f.swing.height, 2)}.{few if f.few else ''} Share of the residual variance between "
        f"schools: {percent(f.between)}."
    )  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    return (
        r"$$y_i = \alpha + \beta x_i + \epsilon_i, \qquad \epsilon_i \sim N(0, \sigma_y^2) \text{, all independent}$$"
        "\n\n"
        rf"Least squares: $\hat\alpha$ = {number(f.alpha)}, $\hat\beta$ = {number(f.beta)}, $\hat\sigma_y$ = "
        f"{number(f.fit.sigma_y)}. Of the slope, the stated standard error is {number(f.stated_slope, 2)}, by schools "
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
    table=Facts.table,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)

story.tell(STORY)
