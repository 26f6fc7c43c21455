"""What makes a regression multilevel?"""

from dataclasses import replace

from mlm_core import estimates
from mlm_core.charts.theme import steady_domain
from mlm_core.charts.two_levels import two_levels
from mlm_core.lessons.what_is_multilevel import IN_95_TOWNS, LAYERS, Facts, Layer, facts
from mlm_core.scenario import Bounds
from pages.shared import controls, figure, presets, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.story import Answer, Item, Question, Seen, Sorting
from pages.shared.words import count, number, plain, signed

LAYER = controls.Choice(
    "layer", "Layer", LAYERS, "model",
    names={"students": "Students", "lines": "Lines", "points": "Points", "model": "Model"},
)  # fmt: skip
NEW = controls.Switch("new", "Show a new school")
NEW_U = controls.Slider(
    "new_u", "u of the new school", Bounds(-2.0, 2.0, 0.1), 0.5,
    "What the town spends on a student there, in SDs: 0 is average.", "%.1f",
)  # fmt: skip
THREE = replace(presets.DEFAULT, n_groups=3, seed=5)

# What the figure shows


def draw(f: Facts, seen: Seen) -> None:
    """Students and their lines; schools and the model for them."""
    layer = shown(seen)
    lines, model = layer != "students", layer == "model"
    figure.legend(
        students=f"students of {f.names[f.picked]}",
        **({"no": "a line of its own"} if lines else {}),
        **({"partial": "partial pooling", "target": "school line, ± one SD"} if model else {}),
        **({"truth": "true intercept"} if seen["truth"] and layer in ("points", "model") else {}),
    )  # fmt: skip
    x_domain, u_domain = steady_domain(f.x, 0, 4), steady_domain(f.u, 0, 3)
    figure.show(
        "two_levels",
        f"Left: {count(f.data.n_students, 'student')}, score against pre-test"
        + (f", and {count(f.data.n_groups, 'line')}. " if lines else ". ")
        + right_panel(f, layer),
        two_levels,
        f.tables(layer, x_domain, u_domain, truth=seen["truth"], new=seen["new"] and model),
        on_school=story.pick_from("two_levels"),
        axes={
            "x_domain": x_domain,
            "u_domain": u_domain,
            "y_domain": steady_domain([*f.data.y, *f.own.alpha], 60, 40),
        },
    )


def shown(seen: Seen) -> Layer:
    """The layer; before the prediction no point is seen."""
    layer: Layer = seen["layer"]
    return layer if seen.revealed or layer == "students" else "lines"


def right_panel(f: Facts, layer: Layer) -> str:
    """The right panel, for the alternative of the figure."""
    if layer in ("students", "lines"):
        return f"Right: {count(f.data.n_groups, 'tick')}, the u of each school; no heights yet."
    points = f"Right: {count(f.data.n_groups, 'school')}, intercept against u. "
    if layer == "points":
        return points
    return points + f"The model for them: {line(f)}, and an SD of {number(f.hyper.sigma_alpha)}."


def line(f: Facts) -> str:
    """The school line in numbers."""
    return f"{number(f.hyper.a0)} {signed(f.hyper.b0)} u"


# Words and small tables


def own_line(f: Facts) -> str:
    """The picked school's line."""
    return (
        f"The line of **{plain(f.names[f.picked])}** stands at **{number(f.own.alpha[f.picked])}** points where the "
        "pre-test is 0."
    )


def between(f: Facts) -> str:
    """The picked school under both regressions."""
    j = f.picked
    name, own, pooled = plain(f.names[j]), number(f.own.alpha[j]), number(f.fit.lines.alpha[j])
    if f.on_the_line:
        return f"Here the SD is estimated as exactly 0, so every school is put on the line: **{name}** at {pooled}."
    at = f"the line expects {number(f.expected(f.u[j]))}"
    goes = f"it stays at {own}" if own == pooled else f"it moves from {own} to {pooled}"
    return f"**{name}** ({count(f.n[j], 'student')}): {at}; {goes}."


def new_school(f: Facts) -> str:
    """What the model says of a school without students."""
    expected = f"${number(f.hyper.a0)} {signed(f.hyper.b0)} \\cdot ({number(f.new_u)}) = {number(f.expected(f.new_u))}$"
    around = (
        "The SD around the line is estimated as 0: no school leaves it."
        if f.on_the_line
        else f"Means of such schools lie around that with an SD of {number(f.hyper.sigma_alpha)}: the purple cross "
        "and its bar."
    )
    return (
        f"At u = {number(f.new_u)} it expects {expected} points. That is a school's mean for students of average "
        f"pre-test; single students differ much more. {around}"
    )


def nothing_left(f: Facts) -> str:
    """What an SD of 0 means in the figure, and for the standard error."""
    if not f.on_the_line:
        return ""
    return "So every school is put on the line: no band, no bar. The ± takes that 0 for true: it is far too small. "


def against_truth(f: Facts) -> str:
    """Estimates of the hyperparameters beside what the sliders set."""
    symbols = {"a0": "$a_0$", "b0": "$b_0$", "sigma_alpha": r"$\sigma_\alpha$"}
    rows = "".join(
        f"\n| {symbols[e.name]} | {number(e.value)} | {'' if e.name == 'sigma_alpha' else '± ' + number(e.se)} | "
        f"{number(e.truth)} |"
        for e in f.hyperparameters
    )
    return (
        "The diamonds are the true intercepts. The hyperparameters have a truth, too.\n\n"
        f"| | estimate | standard error | truth |\n|:--|--:|--:|--:|{rows}\n\n"
        f"The line is learned from {count(f.data.n_groups, 'height')}, not from {count(f.data.n_students, 'student')}. "
        "More students in the same schools make each height surer, but no more heights. What the line needs most is more "
        "schools."
    )


# Questions


def how_many(f: Facts) -> Question:
    """The prediction."""
    return Question(
        "Think of a regression of these heights on u. How many data points does it have?",
        [
            Answer("One for each student", f"The {f.data.n_students} students are the points of the first regression."),
            Answer("One for each school", f"It has {f.data.n_groups}. Nobody has observed them: each is a height, "
                   "estimated from the students of one school.", True),
            Answer("Just one", "One point gives no line. The second regression compares schools."),
        ],
        ordered=True,
    )  # fmt: skip


OBSERVED = "Nothing about it is estimated: it is observed."
PART_ONE, PART_TWO = "parameter of part one", "hyperparameter"
FIRST = [
    Item(r"$\alpha_j$, the intercepts", PART_ONE, {
        "data": "No score sheet shows it: it is estimated from the students of school j.",
        PART_ONE: "Coefficients of part one, the regression of students.",
        PART_TWO: "They are what part two is about. Its own parameters describe all $\\alpha_j$ at once.",
    }),
    Item("$x_i$, the pre-test", "data", {
        "data": "Observed, one value for each student.",
        PART_ONE: f"Its coefficient β is one. {OBSERVED}",
        PART_TWO: f"It is no part of the model for schools. {OBSERVED}",
    }),
    Item(r"$\sigma_\alpha$, the SD around the school line", PART_TWO, {
        "data": "It is estimated. Not even the $\\alpha_j$ are observed.",
        PART_ONE: "It belongs one level up: it says how far the $\\alpha_j$ lie from their line.",
        PART_TWO: "It says how far the $\\alpha_j$ lie from their line.",
    }),
]  # fmt: skip
SECOND = [
    Item(r"$\beta$, the slope of the pre-test", PART_ONE, {
        "data": "A slope is estimated, not observed.",
        PART_ONE: "A coefficient of the regression of students, here the same for all schools.",
        PART_TWO: "It describes students. Part two does not use it.",
    }),
    Item("$b_0$, the slope of the school line", PART_TWO, {
        "data": "u is data. How much u counts is not.",
        PART_ONE: "It is a slope between schools: it belongs to the model for the $\\alpha_j$.",
        PART_TWO: "It says how the $\\alpha_j$ change with u.",
    }),
    Item("$u_j$, what the town spends", "data", {
        "data": "Observed, one value for each school.",
        PART_ONE: f"Its coefficient is estimated. {OBSERVED}",
        PART_TWO: f"Its coefficient $b_0$ is the hyperparameter. {OBSERVED}",
    }),
]  # fmt: skip
BINS = ["data", PART_ONE, PART_TWO]


def checks(f: Facts) -> list[Question | Sorting]:
    """Four questions on what the steps have shown."""
    a0, b0 = f.hyper.a0, f.hyper.b0
    return [
        Sorting("What is each of these? A hyperparameter is a parameter of part two.", BINS, FIRST),
        Sorting("And these?", BINS, SECOND),
        Question(
            f"Another school opens, with u = −1. The estimates are $a_0$ = {number(a0)} and $b_0$ = {number(b0)}. "
            "What intercept does the model expect?",
            new_answers(f),
        ),
        Question(
            "A classical regression has a column of 0 and 1 for each school. What does it lack?",
            [
                Answer("A model for the intercepts", "They vary, and nothing says how. So nothing is pulled, and a "
                       "new school has no number.", True),
                Answer("Intercepts that vary", "It has them: one for each column."),
                Answer("A slope for the pre-test", "It has one, the same for all schools."),
                Answer("Enough students", "However many: what it lacks is not a matter of size."),
            ],
        ),
    ]  # fmt: skip


def new_answers(f: Facts) -> list[Answer]:
    """Answers on a new school at u = −1."""
    right = number(f.as_printed(-1.0))
    wrong = {
        number(f.as_printed(1.0)): "That is the line at u = 1.",
        number(f.hyper.a0): "That is the line at u = 0.",
        number(
            -f.hyper.b0
        ): "That is how far the line goes from u = 0 to u = −1. Where does it start?",
    }
    others = [Answer(text, why) for text, why in wrong.items() if text != right]
    return [
        Answer(right, "The line at u = −1, $a_0 - b_0$.", True),
        *others,
        Answer("No number: it has no students", "It needs none. It has a u, and the line was learned from other schools."),
    ]  # fmt: skip


# The story

TWO = (
    r"$$\begin{aligned} y_i &= \alpha_{j[i]} + \beta x_i + \epsilon_i, & \epsilon_i &\sim N(0, \sigma_y^2)"
    r" \\ \alpha_j &= a_0 + b_0 u_j + \eta_j, & \eta_j &\sim N(0, \sigma_\alpha^2) \end{aligned}$$"
)
SHOWN = {"school": "Juniper", "truth": False, "new": False, "layer": "model", "new_u": 0.5}

STEPS = [
    story.situation(
        heading="A school without students",
        text=lambda f: "In autumn a new school opens. Parents ask the board what to expect there. No student of it has "
        "taken any test.\n\nThe board knows two things. Left: one dot for each of "
        f"{count(f.data.n_students, 'student')}, the score against last year's pre-test (0 is average). The large "
        f"dots are the {count(f.n[f.picked], 'student')} of {plain(f.names[f.picked])}. Right: one tick for each school, "
        "at its **u**: what the town spends on a student, in SDs (0 is average).",
        do="Which regression would you fit, and what would it say of the new school?",
        shows={**SHOWN, "layer": "students"},
    ),
    story.try_it(
        heading="Part one: a line for each school",
        text=lambda f: "A classical regression can give each school its own line: a column of 0 and 1 for each school, an "
        "[[indicator variable]]. All lines have one slope; their heights differ. Such a height is a "
        f"[[varying coefficient]].\n\n{own_line(f)} That height is its intercept, the dot on the vertical line. The new "
        "school has no column, and so no line.",
        uses=("school",),
        do="Choose other schools. Follow the thick line to its dot at pre-test 0.",
        shows={**SHOWN, "layer": "lines"},
    ),
    story.predict(
        heading="A second regression, for schools",
        text="Now the second part. The heights, the dots on the vertical line, differ. What goes with them? Perhaps u, what "
        "the town spends. That is again a regression. (We only think of it by itself: the computer fits both parts at once.)",
        ask=how_many,
        shows={**SHOWN, "layer": "lines"},
        answered={"layer": "points"},
    ),
    story.say(
        heading="Part two: a model for the heights",
        text=lambda f: TWO + "\n\nPart one is for students, part two for schools: the $\\alpha_j$ lie around a line, "
        f"${number(f.hyper.a0)} {signed(f.hyper.b0)}\\,u$, with an SD of $\\sigma_\\alpha$ = {number(f.hyper.sigma_alpha)}. "
        "Coefficients with a model of their own make a regression [[multilevel regression|multilevel]]. The "
        "[[parameter|parameters]] of part two, $a_0$, $b_0$, $\\sigma_\\alpha$, are called "
        "[[hyperparameter|hyperparameters]].\n\nBoth are fitted at once: a height that is not sure counts less for the line, "
        f"which pulls it (green dots). {between(f)}",
        uses=("layer",),
        do="Choose **Points**, then **Model**. Which dots move far?",
        shows=SHOWN,
    ),
    story.try_it(
        heading="The answer for the parents",
        text=lambda f: f"Part two needs no students of the school itself, only its u. {new_school(f)}\n\nThe line is an "
        "estimate, too; lesson “Prediction” adds that.",
        uses=("new_u",),
        do="Try schools with another u. The cross says what schools with that u reach, not what more money would do.",
        shows={**SHOWN, "new": True},
    ),
    story.truth(
        heading="A line from a few points",
        text=against_truth,
        shows={**SHOWN, "truth": True},
    ),
    story.breaks(
        heading="Three schools",
        changed="A town with three schools.",
        look=lambda f: f"In this draw $b_0$ comes out as {number(f.hyper.b0)} ± {number(f.fit.se('b0'))}; truly it is "
        f"{number(f.hyperparameters[1].truth)}. Of 100 such towns, about 95 give a $b_0$ between {number(IN_95_TOWNS[0], 0)} and "
        f"{number(IN_95_TOWNS[1], 0)}. $\\sigma_\\alpha$ comes out as {number(f.hyper.sigma_alpha)}; truly it is "
        f"{number(f.hyperparameters[2].truth)}. {nothing_left(f)}The cross, at u = {number(f.new_u, 0)}, promises "
        f"{number(f.expected(f.new_u))} points.",
        text="It is a multilevel model all the same. But part two learns a line and an SD from three heights. More students "
        "would make them surer, but they are still three.",
        sets=THREE,
        shows={**SHOWN, "school": "Ashford", "truth": True, "new": True, "new_u": 1.0},
    ),
    story.check(heading="Check yourself", ask=checks, shows=SHOWN),
    story.sentence(
        heading="What the board can be told",
        text="A multilevel regression has two parts: coefficients that vary from school to school, and a model for those "
        "coefficients. The second part speaks even of a school that nobody has seen.",
        shows={**SHOWN, "new": True},
    ),
]  # fmt: skip


def lab(f: Facts) -> str:
    """The laboratory's words."""
    return f"The school line is {line(f)}. {between(f)}\n\n{new_school(f)}"


def model(f: Facts) -> str:
    """The model in full."""
    return (
        f"{TWO}\n\nBoth parts are fitted at once, by REML: $a_0$ = {number(f.hyper.a0, 2)} (standard error "
        f"{number(f.fit.se('a0'), 2)}), $b_0$ = {number(f.hyper.b0, 2)} ({number(f.fit.se('b0'), 2)}), $\\beta$ = "
        f"{number(f.hyper.a1, 2)} ({number(f.fit.se('a1'), 2)}), $\\sigma_\\alpha$ = {number(f.hyper.sigma_alpha, 2)}, "
        f"$\\sigma_y$ = {number(f.fit.sigma_y, 2)} points. The first part alone, a classical regression with an indicator "
        f"for each school, has the slope {number(f.slope, 2)}. Source: Gelman & Hill (2007), section 1.1."
    )


def code(f: Facts) -> Listing:
    """Both parts at once, in three languages."""
    return listing(
        f.simulation.scenario,
        f.data,
        Recipe(
            core=[
                "fit = mlm.fit_partial_pooling(data, group_predictor=True)",
                "print(fit.hyper.a0, fit.hyper.b0, fit.hyper.a1, fit.hyper.sigma_alpha, fit.sigma_y)",
                "print(dict(zip(data.labels.tolist(), fit.lines.alpha.round(2).tolist())))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.mixedlm("y ~ u + x", schools, groups="school").fit(reml=True, method="powell")',
                "a0, b0, beta = fit.fe_params",
                "print(a0, b0, beta, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
                'line = a0 + b0 * schools.groupby("school").u.first()',
                "print({school: round(line[school] + effect.iloc[0], 2) for school, effect in fit.random_effects.items()})",
            ],
            lme4=[
                "fit <- lmer(y ~ u + x + (1 | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
                "u <- tapply(schools$u, schools$school, head, 1)",
                'print(round(coef(fit)$school[names(u), 1] + fixef(fit)["u"] * u, 2))',
            ],
        ),
    )


STORY = story.Story(
    slug="what_is_multilevel",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(seen.scenario, seen["school"], seen["new_u"]),
    figure=draw,
    controls=[
        LAYER,
        controls.one_school(),
        NEW,
        NEW_U,
        controls.TRUTH,
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0", "a1"),
    ],
    lab=lab,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)

story.tell(STORY)
