"""Why not fit the schools first and then regress?"""

from mlm_core import estimates
from mlm_core.charts.theme import steady_domain
from mlm_core.charts.two_steps import two_steps
from mlm_core.lessons.one_regression_or_two import (
    EVERY,
    LARGE,
    SHOWN,
    START,
    TINY,
    WORLDS,
    Facts,
    facts,
)
from pages.shared import controls, figure, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain, signed

VARYING, COMMON = "varying", "common"
FIRST = controls.Choice(
    "first", "First step", (VARYING, COMMON), VARYING,
    names={VARYING: "A line for each school", COMMON: "One slope for all"},
)  # fmt: skip

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle:
    """One town's schools against u; beside it what both ways find in all towns."""
    truth = bool(seen["truth"])
    figure.legend(
        no="two steps: own intercepts, ± a standard error" if seen.revealed else "a school's own intercept, ± a standard error",
        **({"partial": "multilevel model: both at once"} if seen.revealed else {}),
        **({"truth": "truth"} if seen.revealed else {}),
    )  # fmt: skip
    domains = {
        "sigma_alpha": (0.0, steady_domain(f.reach("sigma_alpha"), 0, 12)[1]),
        "b0": steady_domain(f.reach("b0"), 3, 6),
        "error": (0.0, steady_domain(f.reach("error"), 0, 6)[1]),
    }
    figure.show(
        "two_steps",
        f"Left, the own intercepts of {count(int(f.found.used.sum()), 'school')} of a simulated town against u, what the town "
        f"spends on a student. The handle goes from town to town. Right, dots for all towns. "
        + (f"{means(f)} The slope on u: {number(f.two.b0)} and {number(f.both.b0)} on average, truly {number(f.scenario.hyper.b0)}."
           if seen.revealed else "They are not shown yet."),
        two_steps,
        f.tables(domains, revealed=seen.revealed, truth=truth),
        on_school=story.pick_from("two_steps"),
        axes={"scores": steady_domain(f.scores, 60, 30), "u": f.ends, **domains},
        steps=SHOWN,
    )  # fmt: skip
    return Handle(
        "two_steps",
        0,
        [f"town {k + 1} of the first {SHOWN}" for k in range(SHOWN)],
        "From town to town",
    )


def means(f: Facts) -> str:
    """The SD between schools by both ways, on average over towns."""
    return (
        f"On average over {WORLDS} towns two steps say {number(f.two.sigma_alpha)} points, "
        f"the multilevel model {number(f.both.sigma_alpha)}. The truth is {number(f.true_sd)}."
    )


# Words that follow the handle


def this_town(f: Facts) -> Hand:
    """A small table: what both ways find in the town of the handle."""
    rows, body = (
        {"sigma_alpha": "SD between schools", "b0": "slope on u", "error": "error of estimates"},
        "",
    )
    truth = {"sigma_alpha": number(f.true_sd), "b0": number(f.scenario.hyper.b0), "error": "0"}
    values = {"town": [str(k + 1) for k in range(SHOWN)]}
    for name, said in rows.items():
        two, both = f.values(name)
        values[f"{name}_two"] = [number(v) for v in two[:SHOWN]]
        values[f"{name}_both"] = [number(v) for v in both[:SHOWN]]
        body += f"<tr><th scope='row'>{said}</th><td>{{{name}_two}}</td><td>{{{name}_both}}</td><td>{truth[name]}</td></tr>"
    return hand(
        "<table><thead><tr><th>town {town}</th><th>two steps</th><th>multilevel</th><th>truth</th></tr></thead>"
        f"<tbody>{body}</tbody></table>",
        **values,
    )  # fmt: skip


def luck(f: Facts) -> Hand:
    """The own intercept of one school in the town of the handle: the truth, and noise."""
    j = f.one
    own, true, noise = f.parts(j)
    name = figure.escaped(f"{f.names[j]} ({count(f.data.n[j], 'student')})")
    return hand(
        f"<p>{name} in town {{town}}: its own intercept {{own}} is the true one, {{true}}, and noise, {{noise}}.</p>",
        town=[str(k + 1) for k in range(SHOWN)],
        own=[number(v) for v in own],
        true=[number(v) for v in true],
        noise=[signed(v) for v in noise],
    )  # fmt: skip


# Questions


def which(f: Facts) -> Question:
    """The prediction."""
    two, both = f.overstated
    little = "There is noise, but here it is small beside the true SD, and hardly shows."
    return Question(
        "Which finds an SD clearly too large, on average?",
        [
            Answer("Two steps", means(f) if (two, both) == (True, False) else
                   "So near to an SD of 0, the other way is too large on average as well." if two else little, (two, both) == (True, False)),
            Answer("The multilevel model", means(f) if (two, both) == (False, True) else
                   "So does the other way, and by more." if both else
                   "It knows how well each intercept is known, and takes that noise out.", (two, both) == (False, True)),
            Answer("Both", means(f) + " An SD is never estimated below 0: near 0 its average must be too large."
                   if (two, both) == (True, True) else
                   "Only one of the two lets the students' luck into its SD." if two else little, (two, both) == (True, True)),
            Answer("Neither", means(f) if (two, both) == (False, False) else
                   "Own intercepts differ by the luck of the students, too. That luck must go somewhere.", (two, both) == (False, False)),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Four questions on what the steps have shown."""
    digits = 1 if f.noise >= 1 else 2
    noise, half, quarter = (number(f.noise / k, digits) for k in (1, 2, 4))
    return [
        Question(
            "Imagine that schools did not differ at all beyond u. Which SD would two steps report, about?",
            [
                Answer(f"About {noise} points: the noise", "With a true SD of 0 the noise is all that is left.", True),
                Answer("0 points: there is no difference", "The own intercepts would still differ, by luck. Two steps have no other word for it."),
                Answer("Less than 0 points", "An SD is never below 0. Noise pushes it up."),
            ],
        ),
        Question(
            f"Students of a school differ half as much: $\\sigma_y$ is halved. What becomes of the noise of {noise} points?",
            [
                Answer(f"{half}: half of it", "Each standard error goes with the SD within schools.", True),
                Answer(f"{quarter}: a quarter of it", "Its square falls to a quarter, the noise itself does not."),
                Answer("It stays: only more schools help", "More schools show the wrong SD more exactly. They do not make it less wrong."),
            ],
        ),
        Question(
            "Two steps say that schools differ too much. What does that do to the estimates of small schools?",
            [
                Answer("They are pulled too little", "Who believes that schools differ much trusts each school's own data too much.", True),
                Answer("They are pulled too much", "They would be if the SD between schools came out too small."),
                Answer("Nothing: the pull depends on size alone", "It depends on the SD between schools, too."),
            ],
        ),
        Question(
            "Somebody reports a slope on u from two steps. Does noise in the intercepts push this slope up?",
            [
                Answer("No: it swings more, up as often as down", "On average over towns the slope is right. Only the SD between schools is pushed one way.", True),
                Answer("Yes, as it pushes the SD up", "An SD counts noise of either sign as difference. In a slope, up and down cancel on average."),
                Answer("No, noise does nothing to it", "It makes the slope swing more from town to town, most where schools are small."),
            ],
        ),
    ]  # fmt: skip


# The story


def opening(f: Facts) -> str:
    """Two questions of the board, and a simple plan."""
    return (
        "The board asks two things. Do schools score better where the town spends more on a student? And how much do "
        "schools differ **beyond** that?\n\nA colleague has a plan in two steps. We try it on an **invented town**: the names are those "
        "you know, the scores are not. First a regression in each school: its "
        "**own intercept**, the score at an average pre-test, is a hollow circle. Its bar is a "
        "[[standard error]] up and down. Then one more regression, of these "
        f"{count(int(f.found.used.sum()), 'circle')} on u, the spending."
    )


def variances(f: Facts) -> str:
    """What two steps take for difference."""
    same = (
        f"counts {f.names[f.smallest]} ({f.data.n[f.smallest]}) only {percent(f.weight)} as much as {f.names[f.largest]} ({f.data.n[f.largest]})."
        if f.data.n[f.smallest] < f.data.n[f.largest] else "counts all alike only where all have the same size, as here."
    )  # fmt: skip
    return (
        r"An own intercept $\hat\alpha_j$ is the true one, $\alpha_j$, and [[noise]]: the luck of its students. "
        "Their variances add up:\n\n"
        r"$$\small\sigma_{\text{two steps}}^2 \approx \sigma_\alpha^2 + \text{noise}^2,\qquad "
        f"{f.expected_two:.1f}^2 \\approx {f.true_sd:.1f}^2 + {f.noise:.1f}^2$$\n\n"
        f"{mean_said(f)}The noise goes with $\\sigma_y$: twice $\\sigma_y$, twice the noise.\n\n"
        f"The multilevel model takes the noise out, and {same} Two steps count all alike."
    )  # fmt: skip


def mean_said(f: Facts) -> str:
    """Why the figure does not show the root of the formula."""
    if number(f.two.sigma_alpha) == number(f.expected_two):
        return ""
    return (
        f"(The figure's {number(f.two.sigma_alpha)} is the mean of {WORLDS} SDs, {number(f.expected_two)} the root of "
        "their mean square.) "
    )


def against_truth(f: Facts) -> str:
    """What survives two steps, and what does not."""
    j = f.one
    two, both = f.pulled(j)
    _, error_two, error_both = f.errors
    swing = (
        f"From town to town it swings {percent(f.swing)} more." if f.swing >= 0.005
        else "It swings no more than the multilevel one."
    )  # fmt: skip
    less = "less" if error_two < error_both else "more"
    error = (
        f"The pulled estimates miss the truth by {less}."
        if number(error_two) != number(error_both) else "The pulled estimates miss by the same."
    )  # fmt: skip
    return (
        f"For the **slope on u** two steps do nearly as well: {number(f.two.b0)} on average, truly "
        f"{number(f.scenario.hyper.b0)}. {swing}\n\n"
        f"For the **SD between schools** they {'fail' if f.overstated[0] else 'do well here'}. This SD decides how far "
        f"each school is pulled to the line. So {pull_said(f, two, both)}. {error}\n\n"
        "| over the towns | two steps | multilevel |\n|:--|--:|--:|\n"
        f"| SD of the slope on u | {number(f.two.spread_b0, 2)} | {number(f.both.spread_b0, 2)} |\n"
        f"| {plain(f.names[j])} ({f.data.n[j]}) is pulled | {percent(two)} | {percent(both)} |\n"
        f"| error of estimates | {number(error_two)} | {number(error_both)} |"
    )


def pull_said(f: Facts, two: float, both: float) -> str:
    """How a school is pulled by both ways."""
    if percent(two) == percent(both):
        return f"{plain(f.names[f.one])} is pulled the same share by both"
    return f"two steps pull {plain(f.names[f.one])} {'less' if two < both else 'farther'}"


SHOWN_AT_FIRST = {"school": "Juniper", "truth": False, "first": VARYING, "handle": "first"}

STEPS = [
    story.situation(
        heading="First the schools, then the spending?",
        text=opening,
        do="Find **Juniper**, three students, and its long bar. Should it count as much as the others?",
        shows=SHOWN_AT_FIRST,
    ),
    story.predict(
        heading="Try both ways on 500 towns",
        text=lambda f: f"We make {WORLDS} towns, so we know the truth: beyond u, schools differ with an SD of {number(f.true_sd)}. "
        "In each we try **two steps**, and a **multilevel model**: students and schools at once.",
        ask=which,
        shows=SHOWN_AT_FIRST,
    ),
    story.try_it(
        heading="Drag from town to town",
        text=lambda f: f"Left, one of the first {SHOWN} towns: a line by each way, one **SD between schools** up and down, dashed for two steps, "
        f"a band for the multilevel model. Right, a small dot is a town; of the {WORLDS} every {EVERY}th is drawn, of errors {len(f.judged.two)} towns.\n\n"
        "After two steps, too, one [[partial pooling|pulls]] each school to the line, with the SD found. The **error**: how far the pulled "
        "estimates miss the truth.",
        hand=this_town,
        do="Drag the handle. Which way has the wider band, town after town?",
        shows={"school": "Juniper", "truth": False, "first": VARYING},
    ),
    story.say(
        heading="Luck taken for difference",
        text=variances,
        hand=luck,
        do="Drag to other towns. Then click a large school.",
        shows={"school": "Juniper", "truth": False, "first": VARYING},
    ),
    story.truth(
        heading="What two steps spoil, and what not",
        text=against_truth,
        do="Click a large school. Do the two ways pull it alike?",
        shows={"school": "Juniper", "truth": True, "first": VARYING},
    ),
    story.breaks(
        heading="Large schools: two steps will do",
        changed="Eighty students in every school.",
        look=lambda f: f"Two steps say {number(f.two.sigma_alpha)}, the multilevel model {number(f.both.sigma_alpha)}, the truth "
        f"is {number(f.true_sd)}. The blue and the green rows look alike.",
        text="In large schools there is little noise to mistake for difference.",
        sets=LARGE,
        shows={"school": "Juniper", "truth": True, "first": VARYING},
    ),
    story.breaks(
        heading="Tiny schools: nobody is safe",
        changed=lambda f: f"Very small schools: half of them have {number(f.middle_size, 0)} students or fewer. "
        f"{count(f.left_out, 'school')} of {f.data.n_groups} have a single student: no line.",
        look=lambda f: f"The truth is {number(f.true_sd)}. Two steps say {number(f.two.sigma_alpha)} on average, without the {count(f.left_out, 'school')}. "
        f"The multilevel model keeps all and says {number(f.both.sigma_alpha)}; but in {percent(f.both.zero)} of the towns it says exactly 0.",
        text="With so few students the multilevel SD swings widely, too. On average it is much nearer; in one town it "
        "may be far off.",
        sets=TINY,
        shows={"school": "Harbour", "truth": True, "first": VARYING},
    ),
    story.check(heading="Check yourself", ask=checks, shows={"school": "Juniper", "truth": False, "first": VARYING}),
    story.sentence(
        heading="What the board can be told",
        text="Who fits the schools first, and then forgets how well each is known, takes luck for difference between schools. The "
        "slope on spending stays right on average. The SD between schools comes out too large, and small schools are pulled too little. "
        "A multilevel model fits both levels at once, and takes the luck out.",
        shows={"school": "Juniper", "truth": False, "first": VARYING},
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    return (
        r"$$\text{Both at once:}\quad y_i = \alpha_{j[i]} + \beta x_i + \epsilon_i, \qquad \alpha_j = a_0 + b_0 u_j + \eta_j$$" "\n\n"
        r"$$\text{Two steps:}\quad \hat\alpha_j = a_0 + b_0 u_j + \eta_j + \text{noise}_j$$" "\n\n"
        "Two steps give every school the same weight; the multilevel model gives $1/(\\sigma_\\alpha^2 + \\sigma_y^2/n_j)$. "
        f"All schools have one true slope here; the multilevel model is told so, two steps with a regression in each school are not. "
        "Two steps that keep the standard errors and weight by them come near to the multilevel model: the eight schools of "
        "lesson “How sure about tau?” are of that kind. The true SD between schools is smaller than "
        "in most lessons, so that the noise stands out. The noise is that of the own intercepts, "
        r"$\text{noise}^2 = \frac{1}{J-2}\sum_j (1-h_j)\,\mathrm{se}_j^2$ with $h_j$ the leverage of a school in the second step. "
        f"Here it is {number(f.noise)} points. In the second step one states a standard error of {number(f.two.stated_b0, 2)} for $b_0$, "
        f"with the multilevel model {number(f.both.stated_b0, 2)}; from town to town $b_0$ has an SD of {number(f.two.spread_b0, 2)} and "
        f"{number(f.both.spread_b0, 2)}. “Pulled” by two steps means to the second step's line, with its SD. Errors are root mean "
        f"squares over the schools that have a line of their own, in {len(f.judged.two)} towns; the own intercepts miss by {number(f.errors[0])}. "
        f"The multilevel estimates miss less in {percent(f.wins)} of the towns. Source: Gelman & Hill (2007), section 11.2."
    )  # fmt: skip


def code(f: Facts) -> Listing:
    """Both ways in three languages."""
    if f.slopes == COMMON:
        in_python = ['first = smf.ols("y ~ 0 + school + x", schools).fit()',
                     'own = first.params.drop("x").to_numpy()',
                     'u = schools.groupby("school").u.first().to_numpy()']  # fmt: skip
        in_r = ["own <- head(coef(lm(y ~ 0 + school + x, schools)), -1)",
                "u <- tapply(schools$u, schools$school, mean)"]  # fmt: skip
    else:
        in_python = ['lines = {name: np.polyfit(s.x, s.y, 1) for name, s in schools.groupby("school") if len(s) > 1}',
                     "own = np.array([intercept for slope, intercept in lines.values()])",
                     'u = schools.groupby("school").u.first()[list(lines)].to_numpy()']  # fmt: skip
        in_r = ["lines <- sapply(split(schools, schools$school), function(s) coef(lm(y ~ x, s)))",
                "known <- !is.na(lines[2, ])",
                "own <- lines[1, known]",
                "u <- tapply(schools$u, schools$school, mean)[known]"]  # fmt: skip
    return listing(
        f.scenario,
        f.data,
        Recipe(
            core=[
                "from mlm_core.replication import two_steps, world",
                "",
                "data = world(scenario, 0).data  # town 1 of the figure",
                "fit = mlm.fit_partial_pooling(data, group_predictor=True)",
                "print(fit.hyper.a0, fit.hyper.a1, fit.hyper.b0, fit.hyper.sigma_alpha, fit.sigma_y)",
                "",
                f'found = two_steps(scenario, {WORLDS}, slopes="{f.slopes}")',
                "print(found.b0[0], found.sigma_alpha[0])",
                "print(found.sigma_alpha.mean(), found.multilevel.sigma_alpha.mean())",
                "print(found.b0.std(), found.multilevel.b0.std())",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                "# town 1 of the figure, in two steps",
                *in_python,
                'second = smf.ols("own ~ u", pd.DataFrame({"own": own, "u": u})).fit()',
                'print(second.params["u"], np.sqrt(second.scale))',
                "",
                "# both at once",
                'fit = smf.mixedlm("y ~ x + u", schools, groups="school").fit(reml=True)',
                'print(fit.fe_params["u"], np.sqrt(fit.cov_re.iloc[0, 0]))',
            ],
            lme4=[
                "# town 1 of the figure, in two steps",
                *in_r,
                "second <- lm(own ~ u)",
                'print(coef(second)["u"]); print(sigma(second))',
                "",
                "# both at once",
                "fit <- lmer(y ~ x + u + (1 | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
            ],
        ),
    )


STORY = story.Story(
    slug="one_regression_or_two",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(seen.scenario, seen["school"], seen["first"]),
    figure=draw,
    controls=[
        FIRST,
        controls.one_school(),
        controls.TRUTH,
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0"),
    ],
    start=START,
    lab=this_town,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)

story.tell(STORY)
