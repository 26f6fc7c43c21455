"""Is it the student or the school?"""

from textwrap import wrap

from mlm_core.charts.theme import steady_domain
from mlm_core.charts.two_slopes import two_slopes
from mlm_core.lessons.two_level_predictors import (
    BADLY_KNOWN,
    MOST_STUDENTS,
    START,
    STEPS,
    WITHIN,
    Facts,
    facts,
)
from pages.shared import controls, figure, mathml, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, signed

LAST = STEPS - 1
NAMES = {
    "within": "within schools",
    "between": "between schools",
    "complete": "one line for all",
    "partial": "multilevel, x alone",
}

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle:
    """Students and schools, and the slopes that come apart."""
    figure.legend(
        no="a school's mean",
        within=NAMES["within"],
        between=f"{NAMES['between']} (dashed)",
        **({"one_line": NAMES["complete"]} if seen.revealed else {}),
        **({"green_line": NAMES["partial"]} if seen["alone"] else {}),
        **({"truth": "true slope"} if seen["truth"] else {}),
    )  # fmt: skip
    tables = f.tables(NAMES, pooled=seen.revealed, alone=seen["alone"], truth=seen["truth"])
    students, schools = tables["students"], tables["schools"]
    drawn = f" {MOST_STUDENTS} of them or a few more are drawn." if f.thinned else ""
    figure.show(
        "two_slopes",
        f"{count(f.end.n_groups, 'school')} with {f.end.n_students} students, score against pre-test.{drawn} "
        f"While the handle goes from left to right, the slope within schools stays {number(f.within)}; that between schools "
        f"goes from {number(f.between[0])} to {number(f.between[LAST])}"
        + (f", and one line for all from {number(f.pooled[0])} to {number(f.pooled[LAST])}." if seen.revealed else "."),
        two_slopes,
        tables,
        on_school=story.pick_from("two_slopes"),
        axes={
            "x_domain": steady_domain(students["x"], 0, 6.5),
            "y_domain": steady_domain([*students["first"], *students["last"], *schools["last"]], 60, 38),
            "slope_domain": steady_domain([WITHIN, f.within, *f.between, *f.alone], 0, 6.5),
        },
        ends=(f.true_between[0], f.true_between[LAST]),
        steps=STEPS,
    )  # fmt: skip
    spoken = [f"slope between schools {number(b)}" for b in f.between]
    return Handle("two_slopes", LAST, spoken, "Slope between schools", {"level": f.level})


# Words that follow the handle

GAP = '<mspace width="0.3em"/>'


def rows(*pairs: tuple[str, str]) -> str:
    """A table of two columns."""
    body = "".join(f"<tr><th scope='row'>{name}</th><td>{value}</td></tr>" for name, value in pairs)
    return f"<table><tbody>{body}</tbody></table>"


def slopes(f: Facts) -> Hand:
    """The three slopes, and how the third is made of the others."""
    counted = "" if f.equal else "<p>Each school mean is counted by its students here.</p>"
    return hand(
        rows(
            ("within schools", "{within}"),
            ("between schools", "{between}"),
            ("one line for all", "{pooled}"),
        )
        + f"<p>{number(f.share, 3)} · ({{means}}) + {number(1 - f.share, 3)} · {{own}} = {{mixed}}</p>{counted}<p>{{said}}</p>",
        within=[number(f.within)] * STEPS,
        between=[number(b) for b in f.between],
        pooled=[number(b) for b in f.pooled],
        means=[number(b, 2) for b in f.of_means],
        own=[number(f.within, 2)] * STEPS,
        mixed=[number(b, 2) for b in f.pooled],
        said=[
            "Here the one line is nearest to level." if k == f.level else direction(f.within, b)
            for k, b in enumerate(f.pooled)
        ],
    )


def direction(within: float, pooled: float) -> str:
    """What one line for all makes of the slope within."""
    up, over = within > 0, pooled > 0
    if up and not over:
        return "Within schools, students with a better pre-test score higher. The one line says the opposite."
    if up and round(pooled, 2) < round(within, 2):
        return "The one line goes up, too, but less than the lines within schools."
    return (
        "The one line and the lines within schools point the same way."
        if up == over
        else "They point opposite ways."
    )


def two_parts(f: Facts) -> Hand:
    """The slope between schools, put together from the coefficients of the model."""
    live = mathml.live
    return hand(
        "<p>" + mathml.math("β", "+", mathml.sub("b", "0"), "=", live("within"), GAP, live("b0"), "≈", live("between")) + "</p>"
        "<p>{said}</p>",
        within=[number(f.within, 2)] * STEPS,
        b0=[signed(b, 2) for b in f.b0],
        between=[number(b, 2) for b in f.between],
        said=[
            f"b₀ is {number(b, 2)}, with a standard error of {number(se, 2)}."
            for b, se in zip(f.b0, f.se_b0, strict=True)
        ],
    )  # fmt: skip


def left_out(f: Facts) -> Hand:
    """The model with x alone beside the one with school means, and the truth."""
    return hand(
        "<table><thead><tr><th>multilevel model</th><th>within</th><th>between</th><th>σ<sub>α</sub></th></tr></thead><tbody>"
        "<tr><th scope='row'>with x̄<sub>j</sub></th><td>{within}</td><td>{between}</td><td>{sd}</td></tr>"
        "<tr><th scope='row'>x alone</th><td>{alone}</td><td>{alone}</td><td>{left}</td></tr>"
        "<tr><th scope='row'>truth</th><td>{true}</td><td>{real}</td><td>{rest}</td></tr></tbody></table>",
        within=[number(f.within)] * STEPS,
        between=[number(b) for b in f.between],
        alone=[number(b) for b in f.alone],
        sd=[number(s) for s in f.sigma_alpha],
        left=[number(s) for s in f.sigma_alone],
        true=[number(WITHIN)] * STEPS,
        real=[number(b) if f.turns else "none" for b in f.true_between],
        rest=[number(f.scenario.hyper.sigma_alpha)] * STEPS,
    )


def beside_truth(f: Facts) -> Hand:
    """Estimates, their standard errors and the truth at the handle."""
    return hand(
        "<table><thead><tr><th>slope</th><th>estimate</th><th>standard error</th><th>truth</th></tr></thead><tbody>"
        "<tr><th scope='row'>within schools</th><td>{within}</td><td>± {se_within}</td><td>{true}</td></tr>"
        "<tr><th scope='row'>between schools</th><td>{between}</td><td>± {se_between}</td><td>{real}</td></tr>"
        "</tbody></table><p>{said}</p>",
        within=[number(f.within)] * STEPS,
        se_within=[number(se, 2) for se in f.se_within],
        true=[number(WITHIN)] * STEPS,
        between=[number(b) for b in f.between],
        se_between=[number(se, 2) for se in f.se_between],
        real=[number(b) if f.turns else "none" for b in f.true_between],
        said=[
            how_far(off, off / se) if f.turns else ""
            for off, se in zip(f.off.tolist(), f.se_between.tolist(), strict=True)
        ],
    )


def how_far(off: float, errors: float) -> str:
    """An estimate and its truth: points between them, and what that is in standard errors."""
    rare = " So far off is rare, but it happens." if errors > 2 else ""
    return f"Between schools the estimate is {number(off, 2)} points off: {number(errors)} standard errors.{rare}"


def beside_blurred(f: Facts) -> Hand:
    """Estimates, what badly known school means let expect, and the truth at the handle."""
    return hand(
        "<table><thead><tr><th>slope</th><th>estimate</th><th>to expect</th><th>truth</th></tr></thead><tbody>"
        "<tr><th scope='row'>within schools</th><td>{within}</td><td>{true}</td><td>{true}</td></tr>"
        "<tr><th scope='row'>between schools</th><td>{between}</td><td>{blurred}</td><td>{real}</td></tr></tbody></table>",
        within=[number(f.within)] * STEPS,
        true=[number(WITHIN)] * STEPS,
        between=[number(b) for b in f.between],
        blurred=[number(b) for b in f.blurred],
        real=[number(b) if f.turns else "none" for b in f.true_between],
    )


# Questions


def where(f: Facts) -> Question:
    """The prediction."""
    pooled, share = f.pooled[LAST], percent(f.share)
    mixed = f"{share} of the variation of the pre-test lies between schools."
    return Question(
        "In every school the line goes up. From school to school it goes down. Where does one line for all go?" if f.turns else
        "In every school the line goes up. All schools have the same true mean pre-test. Where does one line through all "
        "students go?",
        [
            Answer("Up", f"{mixed} Here the slope within wins: one line for all has {number(pooled)}." if pooled > 0 else
                   "That is what each school says for itself. But one line also sees the schools.", pooled > 0),
            Answer("Down", f"{mixed} Here the slope between wins: one line for all has {number(pooled)}." if not pooled > 0 else
                   "The schools pull it down. But they differ too little in the pre-test.", not pooled > 0),
            Answer("Exactly level", "Both slopes would need exactly the same pull."),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Three questions on what the steps have shown."""
    within, between, pooled = f.within, f.between[LAST], f.pooled[LAST]
    return [
        Question(
            "Two students have the same pre-test. In one's school the mean pre-test is one unit higher. By how much do you "
            "expect their scores to differ, at the right end of the handle?",
            [
                Answer(f"By b₀: {number(f.b0[LAST], 2)}", "The same own pre-test, another school.", True),
                Answer(f"By β: {number(within, 2)}", "That compares two students of one school, with different pre-tests."),
                Answer(f"By β + b₀: {number(between, 2)}", "That compares school means. There the students' own pre-tests differ, too."),
            ],
        ),
        Question(
            "A colleague fits a multilevel model with x and leaves the school means out. What is its slope?",
            [
                Answer("A mixture of both slopes", f"{number(f.alone[LAST], 2)} at the right end of the handle, with {number(within, 2)} within and "
                       f"{number(between, 2)} between. The larger the schools, the nearer it comes to the slope within.", True),
                Answer("Exactly the slope within schools", f"It is {number(f.alone[LAST], 2)}, and the slope within is {number(within, 2)}. "
                       "Near, where schools are large, but not the same."),
                Answer("Exactly the slope between schools", f"It is {number(f.alone[LAST], 2)}, far from {number(between, 2)}."
                       if f.turns else f"It is {number(f.alone[LAST], 2)}, and the slope between is {number(between, 2)}."),
            ],
        ),
        Question(
            "Next year children are sent to schools by lot, so that all schools have nearly the same mean pre-test. What will one "
            "line for all then show?",
            [
                Answer("About the slope within schools", f"Hardly anything of the pre-test lies between schools then. About {number(within)}.", True),
                Answer("About the slope between schools", "That slope needs schools that differ in the pre-test. By lot they hardly do."),
                Answer(f"The same as now: {number(pooled)}", f"Now {percent(f.share)} of the variation of the pre-test lies between "
                       "schools. By lot nearly none would."),
            ],
        ),
    ]  # fmt: skip


# The story

TWO_SLOPES = (
    r"$$\begin{aligned} y_i &= \alpha_{j[i]} + \beta x_i + \epsilon_i \\ "
    r"\alpha_j &= a_0 + b_0\,\bar x_j + \eta_j \end{aligned}$$"
)


def first_look(f: Facts) -> str:
    """Both slopes at the left end, and whether chance can explain that they differ."""
    chance = ": chance alone can make such a difference" if abs(f.b0[0]) < 2 * f.se_b0[0] else ""
    return f"At the left end of the handle they are {number(f.within)} and {number(f.between[0])} points{chance}."


def mixture(f: Facts) -> str:
    """What one line for all listens to."""
    paradox = (
        "At the right end it goes down, although every school's line goes up: [[Simpson's paradox]]."
        if f.within > 0 > f.pooled[LAST]
        else "At the right end, too, it keeps the direction of the schools' own lines."
        if f.within * f.pooled[LAST] > 0
        else "At the right end it goes against the schools' own lines."
    )
    return (
        "One line for all students does not know which school they are from. It mixes both slopes: "
        f"**{percent(f.share)}** of the variation of the pre-test lies between schools and counts for the slope [[between slope|between]], "
        f"the rest for the slope [[within slope|within]]. {paradox}"
    )


def without_means(f: Facts) -> str:
    """What a model with x alone gets right, and what not."""
    sd, alone, left = f.sigma_alpha[LAST], f.alone[LAST], f.sigma_alone[LAST]
    hurt = left > 2 * sd and abs(alone - f.within) < abs(alone - f.between[LAST])
    return (
        "A model with x alone takes one slope for both. At the left end of the handle both true slopes are "
        "the same. Farther to the right they differ, and what one slope cannot explain of the schools goes into the SD between "
        rf"schools, $\sigma_\alpha$. At the right end it is {number(left)} instead of {number(sd)}. "
        + (f"With so large an SD the school means count for little, so the slope there, {number(alone)} in this draw, comes near the "
           "slope within." if hurt else f"The slope there is {number(alone)} in this draw.")
    )  # fmt: skip


def by_luck(f: Facts) -> str:
    """Why badly known school means draw the slope between towards the slope within."""
    return (
        f"The mean of three pre-tests depends on who happened to be there: here about {percent(f.luck)} of the variance of the school means "
        "is such luck. Where luck lifts the mean, it lifts the pre-tests of those students, and their scores with them, by the slope "
        f"**within**. So at the right end expect about {number(1 - f.luck, 2)} · ({number(f.true_between[LAST])}) + {number(f.luck, 2)} · {number(WITHIN)} = "
        f"{number(f.blurred[LAST])}. "
        r"Each school needs enough students for its $\bar x_j$."
    )


def told(f: Facts) -> str:
    """The answer to the board's question."""
    return (
        "The summer course lifts students, not schools. So the slope **within** schools answers: about "
        f"**{number(f.within)} points** for one unit of pre-test, if a better pre-test is what helps. Do not read one line through all students: at the "
        f"right end of the handle it says {number(f.pooled[LAST])}. The school's mean as a predictor keeps the two slopes apart."
    )


def against_truth(f: Facts) -> str:
    """How near both slopes came."""
    if not f.turns:
        return (
            f"The diamond is the true slope within schools, {number(WITHIN)}. Between schools there is none to find: their true "
            "mean pre-tests are all the same, and only the luck of who came makes them differ. The standard error of the slope between "
            f"says so: {number(f.se_between[LAST])} points."
        )
    return (
        f"The diamonds are the true slopes: {number(WITHIN)} within schools, at every place of the handle, and between schools what the "
        "handle sets. Kept apart, each has an estimate and a standard error of its own. Most estimates are less than two standard "
        "errors from their truth. "
        "One line for all has no diamond: it estimates neither of the two, but a mixture that changes with who goes to which school."
    )


STEPS_OF_STORY = [
    story.situation(
        heading="How much is a better pre-test worth?",
        text=lambda f: "The board's summer course lifts pre-tests. How many points of the test go with one unit, an SD, of pre-test? "
        "You can compare in two ways.\n\n**Within schools**: students of one school with each other, the short plum lines. "
        "**Between schools**: the means of the schools, circles, along the dashed olive line.\n\n"
        f"{first_look(f)} (Until step 7 schools "
        f"{f'have {f.end.n[0]} students each, and ' if f.equal else ''}differ in the pre-test and in little else.)",
        do="Click a circle: the students of that school light up.",
        shows={"school": "Oak Hill", "handle": "first", "truth": False, "alone": False},
    ),
    story.predict(
        heading="The schools turn round",
        text="Imagine another town: schools with good pre-tests do worse on the test. Inside each school all stays. The board forgets "
        "the schools and draws one line.",
        ask=where,
        shows={"school": "Oak Hill", "handle": "first", "truth": False, "alone": False},
        answered={"handle": "last"},
    ),
    story.try_it(
        heading="One line mixes two slopes",
        text=mixture,
        hand=slopes,
        do="Drag from the left end to the right. Where is the one line level?",
        shows={"school": "Oak Hill", "truth": False, "alone": False},
    ),
    story.say(
        heading="Two slopes in one model",
        text=r"Let the school's mean pre-test $\bar x_j$ predict the school's intercept:" "\n\n" + TWO_SLOPES + "\n\n"
        r"$\epsilon_i$ is what is left of a student, $\eta_j$ what is left of a school. $\beta$ is then exactly the slope within schools. "
        r"$b_0$ is the [[contextual effect]]: what one unit more of the school's mean adds for "
        r"students with the same own pre-test. The slope between schools is both together, $\beta + b_0$ "
        "([[Mundlak's device]]).",
        hand=two_parts,
        shows={"school": "Oak Hill", "truth": False, "alone": False},
        do="Drag: which number stays, which one turns?",
    ),
    story.truth(
        heading="Are these the true slopes?",
        text=against_truth,
        hand=beside_truth,
        shows={"school": "Oak Hill", "handle": "last", "truth": True, "alone": False},
    ),
    story.breaks(
        heading="Leave the school means out",
        changed="The model has x alone. The green line is its average; each school's own line is parallel to it.",
        look="Compare with the truth and drag: which numbers are hurt?",
        text=without_means,
        hand=left_out,
        shows={"school": "Oak Hill", "handle": "last", "truth": False, "alone": True},
    ),
    story.breaks(
        heading="School means that are badly known",
        changed=f"{BADLY_KNOWN.n_groups} schools with three students each. Their true mean pre-tests differ less (SD {number(BADLY_KNOWN.sigma_x)} "
        f"instead of {number(START.sigma_x)}).",
        look=lambda f: f"At the right end the true slope between schools is {number(f.true_between[LAST])}, the estimate {number(f.between[LAST])}.",
        text=by_luck,
        sets=BADLY_KNOWN,
        hand=beside_blurred,
        shows={"school": "Oak Hill", "handle": "last", "truth": True, "alone": False},
    ),
    story.check(
        heading="Check yourself",
        ask=checks,
        shows={"school": "Oak Hill", "handle": "last", "truth": False, "alone": True},
    ),
    story.sentence(
        heading="What the board can be told",
        text=told,
        shows={"school": "Oak Hill", "handle": "last", "truth": False, "alone": False},
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    hyper = f.fit.hyper
    return (
        TWO_SLOPES + "\n\n" r"with $\epsilon_i \sim \mathrm{N}(0, \sigma_y^2)$ and $\eta_j \sim \mathrm{N}(0, \sigma_\alpha^2)$. "
        f"Estimates by REML at the right end: $a_0$ = {number(hyper.a0)}, β = {number(hyper.a1)}, $b_0$ = {number(hyper.b0)} "
        f"± {number(f.fit.se('b0'))}, $\\sigma_\\alpha$ = {number(hyper.sigma_alpha)}, $\\sigma_y$ = {number(f.fit.sigma_y)}. "
        f"The slope of one line for all is exactly λ = {number(f.share, 2)} times the slope of the school means, each counted by its "
        "students, plus 1 − λ times the slope within; λ is the share of the variation of x between schools. Where schools differ in size, the "
        "multilevel model counts them a little differently: its slope between is near that of the means, not the same. "
        "Sources: Mundlak (1978); Bafumi & Gelman (2006)."
    )  # fmt: skip


SET = f"{WITHIN:g} (left end) to {-WITHIN:g} (right end)"
PLACE = [
    "# Scores of the right end of the handle, wherever the figure stands. For another place",
    f"# change `between`, the slope between schools that the handle sets: {SET}.",
]


def code(f: Facts) -> Listing:
    """The four slopes in three languages, and what to change for another place of the handle."""
    x_mean = wrap(", ".join(f"{v:.4f}" for v in f.x_mean), 88)
    return listing(
        f.scenario,
        f.end,
        Recipe(
            core=[
                *PLACE,
                f"between = {-WITHIN:g}",
                f"data = mlm.simulate(replace(scenario, contextual=between - {WITHIN:g})).data",
                "data = replace(data, u=data.group_means(data.x))  # the school means of x",
                'fit = mlm.fit_partial_pooling(data, "common", group_predictor=True)',
                "print(fit.hyper.a1, fit.hyper.a1 + fit.hyper.b0)",
                "print(mlm.fit_complete_pooling(data).lines.beta[0])",
                'print(mlm.fit_partial_pooling(replace(data, u=None), "common").hyper.a1)',
            ],
            statsmodels=[
                *PLACE,
                f"between = {-WITHIN:g}",
                "x_mean = [  # true mean of x in each school; u is that of its students",
                *(f"    {line}" for line in x_mean),
                "]",
                'x_mean = dict(zip(schools["school"].unique(), x_mean))',
                f'schools["y"] += (between + {WITHIN:g}) * schools["school"].map(x_mean)',
                "",
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.mixedlm("y ~ x + u", schools, groups="school").fit(reml=True)',
                'print(fit.fe_params["x"], fit.fe_params["x"] + fit.fe_params["u"])',
                'print(smf.ols("y ~ x", schools).fit().params["x"])',
                'print(smf.mixedlm("y ~ x", schools, groups="school").fit(reml=True).fe_params["x"])',
            ],
            lme4=[
                *PLACE,
                f"between <- {-WITHIN:g}",
                "x_mean <- c(  # true mean of x in each school; u is that of its students",
                *(f"    {line}" for line in x_mean),
                ")",
                "names(x_mean) <- unique(schools$school)",
                f"schools$y <- schools$y + (between + {WITHIN:g}) * x_mean[schools$school]",
                "",
                "fit <- lmer(y ~ x + u + (1 | school), schools, REML = TRUE)",
                'print(c(within = fixef(fit)[["x"]], between = fixef(fit)[["x"]] + fixef(fit)[["u"]]))',
                'print(coef(lm(y ~ x, schools))["x"])',
                'print(fixef(lmer(y ~ x + (1 | school), schools, REML = TRUE))["x"])',
            ],
        ),
    )


STORY = story.Story(
    slug="two_level_predictors",
    steps=STEPS_OF_STORY,
    facts=lambda seen: remembered(facts)(seen.scenario, seen["school"]),
    figure=draw,
    start=START,
    controls=[
        controls.one_school("Oak Hill"),
        controls.TRUTH,
        controls.Switch("alone", "Show the model without school means"),
        *("n_groups", "students_per_group", "imbalance", "sigma_x", "sigma_alpha", "sigma_y"),
    ],
    lab=slopes,
    model=model,
    listing=code,
    data=Facts.students,
)

story.tell(STORY)
