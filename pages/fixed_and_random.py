"""What do people mean by fixed and random?"""

from collections.abc import Sequence
from dataclasses import replace

from mlm_core import Scenario, estimates
from mlm_core.charts.theme import steady_domain
from mlm_core.charts.two_limits import two_limits
from mlm_core.lessons.fixed_and_random import Facts, facts
from pages.shared import controls, figure, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, plain

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle:
    """A line for each school, all with one slope, between both limits."""
    picked = str(f.names[f.picked])
    one, _, own = f.intercepts
    figure.legend(
        at_0="at 0: one for all",
        partial=f"{picked}'s intercept",
        at_infinity=f"{picked} at ∞: no model",
        students=f"{picked}'s students",
    )
    x_domain = steady_domain(f.x, 0, 4)
    figure.show(
        "two_limits-slim",
        f"A line for each of {count(f.data.n_groups, 'school')}, at the handle all with the same slope. At the left end of the "
        f"handle they are one line with intercept {number(one)}. At the right end each school has its own, "
        f"{picked}'s is {number(own)}.",
        two_limits,
        f.tables(named=seen.revealed),
        on_school=None,
        axes={"x_domain": x_domain, "y_domain": steady_domain(f.reach(), 60, 45)},
        scale=estimates.HANDLE_SCALE,
        steps=estimates.STEPS,
    )
    last = len(f.path.sigma_alpha) - 1
    spoken = ["0 points", *(f"{number(s)} points" for s in f.path.sigma_alpha[1:-1]), "infinite"]
    return Handle(
        "two_limits-slim",
        f.rest,
        spoken,
        "SD between schools",
        {"estimate": f.estimate_at, "∞": last},
    )


# Words that follow the handle


def called(f: Facts) -> Hand:
    """What the intercepts are, and are called, wherever the handle is."""
    j, last = f.picked, len(f.path.sigma_alpha) - 1
    name = figure.escaped(str(f.names[j]))
    return hand(
        f"<p><strong>{{word}}</strong> {{why}}</p><p>{name}'s intercept: {{alpha}} points. Slope for all: {{slope}}.</p>",
        word=["“Fixed.”" if k in (0, last) else "“Random.”" for k in range(last + 1)],
        why=[
            "One intercept, the same for all schools." if k == 0
            else "Each school has its own, and no model ties them together." if k == last
            else f"The intercepts vary, and have a model with an SD of {number(s)} points."
            for k, s in enumerate(f.path.sigma_alpha)
        ],
        alpha=[number(a) for a in f.path.alpha[:, j]],
        slope=[number(b, 2) for b in f.path.a1],
    )  # fmt: skip


def slopes(f: Facts) -> Hand:
    """The slope wherever the handle is, beside its truth."""
    return hand(
        f"<p>Slope at the handle: {{slope}}. True slope within a school: {number(f.true_slope, 2)}.</p>",
        slope=[number(b, 2) for b in f.path.a1],
    )


# Questions


def where(f: Facts) -> Question:
    """The prediction."""
    return Question(
        "The handle sets the SD between schools. Where on it do people speak of “fixed effects”?",
        [
            Answer("Only at the left end, 0", "That is one meaning. It is not what economists mean."),
            Answer("Only at the right end, ∞", "That is one meaning. A coefficient that is the same for all is called fixed, too."),
            Answer("At both ends", "At 0 the intercept is the same for all. At ∞ it varies and has no model. "
                   "Both are called fixed; between them it is random.", True),
            Answer("Nowhere: it is a fact of the data", "The data are the same all along the handle. Only the model changes."),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Four questions on what the steps have shown."""
    at_0, estimate, at_infinity = (number(b, 2) for b in f.slopes)
    j = f.data.n_groups
    return [
        Question(
            "The data of the step before. An economist fits “fixed effects” to them. Which slope will the report give?",
            [
                Answer(f"{at_infinity}, the slope at the right end", "An indicator for each school and no model of them. That is no pooling.", True),
                Answer(f"{at_0}, the slope at the left end", "There all schools share one intercept. An economist calls that pooled least squares."),
                Answer(f"{estimate}, the slope at the estimate", "An economist calls that random effects: the intercepts have a model."),
            ],
        ),
        Question(
            "lme4 prints “Fixed effects” for this model. Which numbers stand under it?",
            [
                Answer(f"{number(f.a0)} and {estimate}: mean intercept and slope", "The coefficients that are the same for all.", True),
                Answer(f"{j} intercepts, one for each school", "Those are economists' fixed effects. lme4 counts them to the random effects."),
                Answer(f"{number(f.sigma_alpha)} and {number(f.sigma_y)}: the SDs", "lme4 prints SDs, but the SDs belong to the random effects and the residuals."),
            ],
        ),
        Question(
            "“Our school effects are random: we drew 20 of 3,000 schools.” Which definition is that?",
            [
                Answer("The third: all, or a small sample", "It says nothing of how they are estimated.", True),
                Answer("The first: the same for all, or varying", "That schools vary is so whether 20 or all 3,000 are there."),
                Answer("The second: of interest itself, or its population", "One can draw 20 of 3,000 and still ask about these 20."),
                Answer("The fifth: least squares, or shrinkage", "A sample can be fitted with indicators, without shrinkage."),
            ],
        ),
        Question(
            "Nothing is refitted. Can school effects turn from fixed into random?",
            [
                Answer("Yes: by the second definition, when the question changes", "From “these schools” to “schools in general”.", True),
                Answer("No: it is a fact of the data", "By the second and third definition it depends on the story around the data."),
                Answer("No: it is a fact of the model", "By the fourth and fifth it is. By the second it depends on what is asked."),
            ],
        ),
    ]  # fmt: skip


# Four dialects and five definitions

CELL = "style='text-align:left;vertical-align:top'"


def rows_of(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Hand:
    """A table of words; the handle moves nothing in it."""
    head = "".join(f"<th {CELL}>{h}</th>" for h in heads)
    body = "".join(
        f"<tr><th scope='row'>{first}</th>"
        + "".join(f"<td {CELL}>{c}</td>" for c in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return hand(
        f"<table style='font-size:0.85em'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def dialects(f: Facts) -> Hand:
    """What four communities call fixed and random in this model, with its numbers."""
    a0, sd, sigma_y = number(f.a0), number(f.sigma_alpha), number(f.sigma_y)
    slope, at_infinity = number(f.slopes[1], 2), number(f.slopes[2], 2)
    name = figure.escaped(str(f.names[f.picked]))
    adds = number(f.intercepts[1] - f.a0)
    return rows_of(
        ("who", "“fixed”", "“random”"),
        [
            ("Gelman &amp; Hill", f"they say constant: the slope {slope}", f"they say varying: the intercepts, SD {sd}"),
            ("mixed models", f"mean intercept {a0}, slope {slope}", f"what a school adds: {name} {adds}"),
            ("software", f"prints {a0} and {slope}", f"prints SDs: {sd} between schools, {sigma_y} of the rest"),
            ("economists", f"an indicator for each school: slope {at_infinity}", f"this model: slope {slope}"),
        ],
    )  # fmt: skip


def five(f: Facts) -> Hand:
    """The five definitions, who gives each, and what it calls the schools' intercepts."""
    return rows_of(
        ("who", "“fixed” if", "“random” if", "here"),
        [
            (f"{k}. {figure.escaped(d.source)}", d.fixed, d.random, f"<b>{d.intercepts}</b>")
            for k, d in enumerate(f.definitions, 1)
        ],
    )  # fmt: skip


def verdicts(f: Facts) -> str:
    """The five side by side in the story of the moment."""
    lines = "  \n".join(
        f"{k}. {d.name}: **{d.intercepts}**" for k, d in enumerate(f.definitions, 1)
    )
    return lines


def where_the_handle_is(f: Facts) -> Hand:
    """How many say what, and what the place of the handle is called."""
    last = len(f.path.sigma_alpha) - 1
    places = [f"{number(s)} points" for s in f.path.sigma_alpha]
    places[f.estimate_at] = "the estimate"
    places[0], places[last] = "0: one intercept for all", "∞: no model"
    return hand(
        f"<p>So <b>random by {f.random}, fixed by {5 - f.random}</b>. The handle is at {{place}}.</p>",
        place=places,
    )


# The story


def goes_with_x(f: Facts) -> str:
    """What to look at where intercepts go with x."""
    at_0, estimate, at_infinity = (number(b, 2) for b in f.slopes)
    return (
        f"The slope is {at_0} at the left end, {estimate} at the estimate, {at_infinity} at the right end. "
        f"The truth within a school is {number(f.true_slope, 2)}: "
        + (
            "the right end comes nearest."
            if f.nearest_end
            else "in this draw the estimate comes nearest."
        )
    )


GOES_WITH_X = replace(
    Scenario(),
    students_per_group=6,
    sigma_x=1.0,
    contextual=-8.0,
    seed=11,
    hyper=replace(Scenario().hyper, sigma_alpha=2.0, b0=0.0, b1=0.0, sigma_beta=0.0),
)
SCHOOL = {"school": "Juniper"}
TOLD = {"interest": "these", "sample": "all", "fitted": "model"}
OPEN = {**SCHOOL, **TOLD}
MANY = {"school": "Kingsway"}

STEPS = [
    story.situation(
        heading="Two experts and one word",
        text="The board has two reports on the same schools. One says: “We used fixed effects.” The other: “We used random "
        "effects.” Must one of them be wrong?\n\nEach dot is a student: pre-test across, score up. Each line is a "
        "school. At any place of the handle all have one slope, so a school differs by its intercept only: the height of "
        "its line where the pre-test is 0, the mean.",
        do="Find **Juniper's** few students and its thick line. Why does the line not follow them?",
        shows=OPEN,
    ),
    story.predict(
        heading="Where are the fixed effects?",
        text="You know this handle. It sets the [[SD between schools]]. At 0 all schools share one intercept. At ∞ each "
        "has its own and no model. Between, the intercepts vary and have a model: [[partial pooling]]. (The scale narrows "
        "to the right, so that ∞ has a place.)",
        ask=where,
        shows=OPEN,
    ),
    story.try_it(
        heading="Drag through all three",
        text="The data stay the same. What changes is the model of the intercepts, and with it the words. The filled dot "
        "is Juniper's intercept.",
        hand=called,
        do="Drag to 0, then to ∞. What happens to Juniper's intercept, and what to the slope?",
        shows=OPEN,
    ),
    story.say(
        heading="One model in four dialects",
        text="Most use the words for two kinds of **coefficients** in one model. Economists use them for two **models**. "
        "Their “fixed effects” have an [[indicator]] for each school: a column that is 1 for its students, else 0. So each school has "
        "its own intercept and no model: the right end of the handle.",
        hand=dialects,
        shows=OPEN,
    ),
    story.say(
        heading="Five definitions",
        text="Gelman (2005) found five definitions. Say the board tests all its schools and asks about these, and you fit the "
        "multilevel model. The last column says what each definition then calls the schools' intercepts.",
        hand=five,
        shows=OPEN,
    ),
    story.try_it(
        heading="Change the story around the data",
        text=verdicts,
        hand=where_the_handle_is,
        uses=("interest", "sample", "fitted"),
        do="Change one at a time. Which of the five definitions change their word?",
        shows=OPEN,
    ),
    story.breaks(
        heading="Why economists like the right end",
        changed="Schools are smaller now, and schools with a high mean pre-test have low intercepts. The model takes for "
        "granted that intercepts have nothing to do with the pre-test. Here that is wrong.",
        look=goes_with_x,
        text="With an indicator for each school, only students of the same school are compared. The model compares schools, "
        "too, and these pull its slope down. The lesson “Predictors at two levels” (menu: Why bother) mends the model.",
        hand=slopes,
        do="Drag to both ends. Watch the slope of all lines.",
        sets=GOES_WITH_X,
        shows={**OPEN, **MANY, "handle": "rest"},
    ),
    story.check(heading="Check yourself", ask=checks, sets=GOES_WITH_X, shows={**OPEN, **MANY}),
    story.sentence(
        heading="What the board can be told",
        text="“Fixed” and “random” have at least five meanings. Say what you mean: does the coefficient vary between "
        "schools, and does it have a model?\n\nTo the board: both reports can be right. Ask each for its model.",
        shows=OPEN,
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    one, estimate, own = (number(a) for a in f.intercepts)
    name = plain(f.names[f.picked])
    return (
        r"$$y_i = \alpha_{j[i]} + \beta x_i + \epsilon_i, \qquad \alpha_j \sim N(a_0, \sigma_\alpha^2), \qquad "
        r"\epsilon_i \sim N(0, \sigma_y^2)$$"
        "\n\nA fixed effect is a limit of this model: $\\sigma_\\alpha \\to 0$ where the coefficient is the same for all, "
        "$\\sigma_\\alpha \\to \\infty$ where it varies and is not modelled. "
        f"{name}: {one} at 0, {estimate} at the estimate $\\sigma_\\alpha$ = {number(f.sigma_alpha)}, {own} at ∞. "
        "\n\nIn a [[mixed model]] it reads\n\n" r"$$y = X\beta + Zb + \epsilon, \quad b \sim N(0, \sigma_b^2 I)$$"
        f"\n\nwith $\\beta$ = ({number(f.a0)}, {number(f.slopes[1], 2)}) and $b_j = \\alpha_j - a_0$, {name}: {number(f.intercepts[1] - f.a0)}. "
        "That estimate is called [[BLUP]], [[conditional mode]], or, in HLM, [[empirical Bayes]]. Economists write\n\n"
        r"$$y_{it} = \beta x_{it} + c_i + u_{it}$$" "\n\nwith i the school and t the student.\n\n"
        "- lme4: `y ~ x + (1 | school)`\n- statsmodels: `mixedlm(\"y ~ x\", groups=\"school\")`\n"
        "- Stata: `mixed y x || school:, reml`\n- HLM: $\\beta_{0j} = \\gamma_{00} + u_{0j}$\n\n"
        f"Some print variances: {number(f.sigma_alpha**2)} and {number(f.sigma_y**2)}. "
        "[[Shrinkage]] is the way from the last to the second. Estimates by REML; econometric software estimates the SDs "
        "in another way, and last digits can differ."
    )  # fmt: skip


def code(f: Facts) -> Listing:
    """The fit in three languages."""
    return listing(
        f.scenario,
        f.data,
        Recipe(
            core=[
                "fit = mlm.fit_partial_pooling(data, group_predictor=False)",
                "print(fit.hyper.a0, fit.hyper.a1, fit.hyper.sigma_alpha, fit.sigma_y)",
                "print(mlm.fit_complete_pooling(data).lines.beta[0])  # the limit at 0",
                "print(mlm.fit_no_pooling(data).lines.beta[0])  # the limit at infinity",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.mixedlm("y ~ x", schools, groups="school").fit(reml=True)',
                "print(fit.fe_params.values, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
                'print(smf.ols("y ~ x", schools).fit().params["x"])  # the limit at 0',
                'print(smf.ols("y ~ 0 + C(school) + x", schools).fit().params["x"])  # at infinity',
            ],
            lme4=[
                "fit <- lmer(y ~ x + (1 | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
                'print(coef(lm(y ~ x, schools))["x"])               # the limit at 0',
                'print(coef(lm(y ~ 0 + school + x, schools))["x"])  # the limit at infinity',
            ],
        ),
    )


def compute(seen: Seen) -> Facts:
    """The facts of what is seen."""
    return remembered(facts)(
        seen.scenario, seen["school"], seen["interest"], seen["sample"], seen["fitted"]
    )  # fmt: skip


STORY = story.Story(
    slug="fixed_and_random",
    steps=STEPS,
    facts=compute,
    figure=draw,
    controls=[
        controls.one_school(),
        controls.Choice("fitted", "Fitted by", ["model", "indicators"], "model",
                        names={"model": "the multilevel model", "indicators": "indicators"}),
        controls.Choice("interest", "What is asked?", ["these", "general"], "these",
                        names={"these": "these schools", "general": "schools in general"}),
        controls.Choice("sample", "The schools are", ["all", "few"], "all",
                        names={"all": "all there are", "few": "a few of many"}),
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "sigma_x", "contextual"),
    ],
    lab=called,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)  # fmt: skip

story.tell(STORY)
