"""How far should a school be pulled to the others?"""

from mlm_core import estimates
from mlm_core.charts.pooling_path import pooling_path
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.partial_pooling import Facts, facts
from pages.shared import controls, figure, mathml, presets, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle:
    """Schools between their own means and the common one."""
    figure.legend(
        no="own mean",
        complete="mean of all",
        **({"partial": "partial pooling ± error", "target": "common mean"} if seen.revealed else {}),
        **({"truth": "true mean"} if seen["truth"] else {}),
        **({"later": "next year"} if seen["later"] else {}),
    )  # fmt: skip
    figure.show(
        "pooling_path",
        f"{count(f.data.n_groups, 'school')}, the largest first, between "
        f"{number(f.own.min())} and {number(f.own.max())} points by their own means. "
        + (f"The handle sets how far each is pulled to the common mean {number(f.fit.hyper.a0)}."
           if seen.revealed else "Partial pooling is not shown yet."),
        pooling_path,
        f.tables(partial=seen.revealed, truth=seen["truth"], later=seen["later"]),
        on_school=story.pick_from("pooling_path"),
        axes={"domain": scores(f)},
        rows=f.data.n_groups,
        scale=estimates.HANDLE_SCALE,
        steps=estimates.STEPS,
    )  # fmt: skip
    return Handle("pooling_path", f.rest, spoken(f), "SD between schools")


def scores(f: Facts) -> tuple[float, float]:
    """The axis of scores."""
    return steady_domain([*f.own, *f.truth], 60, 30)


def spoken(f: Facts) -> list[str]:
    """What each step of the handle is called."""
    return [
        "0 points: complete pooling", *(f"{number(s)} points" for s in f.path.sigma_alpha[1:-1]),
        "infinite: no pooling",
    ]  # fmt: skip


# Words that follow the handle


def two_schools(f: Facts) -> Hand:
    """A small table: the picked school and the largest, wherever the handle is."""
    rows = {"a": f.picked, "b": f.largest if f.picked != f.largest else f.smallest}
    values = {"sd": [number(s) for s in f.path.sigma_alpha.tolist()]}
    body = ""
    for r, j in rows.items():
        values[f"w{r}"] = [percent(share) for share in f.share[:, j].tolist()]
        values[f"m{r}"] = [number(a) for a in f.path.alpha[:, j].tolist()]
        values[f"s{r}"] = [number(s) for s in f.path.se_alpha[:, j].tolist()]
        name = figure.escaped(f"{f.names[j]} ({f.data.n[j]})")
        body += f"<tr><th scope='row'>{name}</th><td>{{w{r}}}</td><td>{{m{r}}}</td><td>± {{s{r}}}</td></tr>"
    return hand(
        "<p>SD between schools: {sd} points</p><table><thead><tr><th>school (students)</th>"
        f"<th>pulled</th><th>estimate</th><th>error</th></tr></thead><tbody>{body}</tbody></table>",
        **values,
    )


def worked(f: Facts) -> Hand:
    """The weighted average of the picked school with the numbers of the moment."""
    j, last = f.picked, len(f.path.sigma_alpha) - 1
    n, live = str(f.data.n[j]), mathml.live
    ratio = mathml.row(mathml.squared(live("sy")), "/", mathml.squared(live("sd")))
    sums = [mathml.frac(n, mathml.row(n, "+", part)) for part in (ratio, live("half"))]
    average = [live("own"), "·", number(f.own[j]), "+", live("common"), "·", live("a0")]
    return hand(
        f"<p>{figure.escaped(f'{f.names[j]} ({n})')}: {{said}}</p>"
        + mathml.math("w", "=", sums[0], "=", sums[1], "=", live("own"))
        + mathml.math(*average, "=", live("alpha")),
        sd=[number(s, 2) for s in f.path.sigma_alpha],
        sy=[number(s, 2) for s in f.path.sigma_y],
        half=[number(h, 2) for h in f.halves],
        own=[number(1 - share, 3) for share in f.share[:, j]],
        common=[number(share, 3) for share in f.share[:, j]],
        a0=[number(a) for a in f.path.a0],
        alpha=[number(a) for a in f.path.alpha[:, j].tolist()],
        said=[
            "only the common mean counts" if k == 0
            else "only its own mean counts" if k == last
            else f"its own mean counts {percent(1 - share)}"
            for k, share in enumerate(f.share[:, j])
        ],
    )  # fmt: skip


# Questions


def which(f: Facts) -> Question:
    """The prediction."""
    few, many = f.smallest, f.largest
    return Question(
        "Which schools go the largest share of their way?",
        [
            Answer("Those with few students",
                   f"{stands(f, few)}: pulled {percent(f.pulled(few))}. {stands(f, many)}: {percent(f.pulled(many))}.",
                   not f.alike),
            Answer("Those that stand far out", "Distance does not count: two schools with as many students go the same "
                   "share, near or far."),
            Answer("All go the same share", "All schools have the same size here, or do not differ at all."
                   if f.alike else "Their own means are not equally precise.", f.alike),
        ],
    )  # fmt: skip


def stands(f: Facts, j: int) -> str:
    """A school, its size and its own mean."""
    return f"{plain(f.names[j])} ({count(f.data.n[j], 'student')}, {number(f.own[j])} points)"


def students(k: float) -> str:
    """A number of students that need not be whole, with digits enough to tell it from 0."""
    return number(k, 0 if k >= 3 else 1 if k >= 0.3 else 2 if k >= 0.03 else 3)


def how_many(f: Facts) -> Question:
    """The number of students with equal weights."""
    text = "How many students must a school have in this town, so that its own mean counts as much as the common mean?"
    if f.sigma_alpha == 0:
        none = "At an SD of 0 the common mean has all the weight."
        wrong = {
            students(f.fit.sigma_y): none,
            students(4 * f.fit.sigma_y): f"However many. {none}",
        }
        best = Answer(
            "No number: the SD between schools is 0",
            "The common mean has all the weight.",
            True,
        )
    else:
        right = students(f.half)
        wrong = {
            students(f.half**0.5): "Take the SDs squared.",
            students(4 * f.half): "With so many its own mean would count four times as much.",
            students(2 * f.half): "With so many its own mean would count twice as much.",
        }
        wrong.pop(right, None)
        best = Answer(
            f"About {right}",
            rf"$n_j / (n_j + {right})$ is one half if $n_j = {right}$.",
            True,
        )
    return Question(
        text, [best, *(Answer(f"About {k}", why) for k, why in list(wrong.items())[:2])]
    )


def checks(f: Facts) -> list[Question]:
    """Three questions on what the steps have shown."""
    return [
        Question(
            "Two schools have the same own mean, far from the common mean. One has 5 students, the other 50. Which estimate lies "
            "nearer to the common mean?",
            [
                Answer("That of the school with 5", "Five students say less, so the common mean counts more.", True),
                Answer("That of the school with 50", "Fifty students say more: that school keeps more of its own mean."),
                Answer("Neither: same mean, same estimate", "The own means are equal, their weights are not."),
            ],
        ),
        how_many(f),
        Question(
            "Does partial pooling bring every school nearer to its true mean?",
            [
                Answer("No, but the errors are smaller on average", f"Here {f.closer} of {f.data.n_groups} come nearer. "
                       "What falls, on average over draws, is the mean squared error.", True),
                Answer("Yes, every school", "A school that is truly far from the others is pulled the wrong way. "
                       f"Here {f.closer} of {f.data.n_groups} come nearer."),
                Answer("No, it only adds a bias", "Each estimate is biased to the middle, and swings less. "
                       "On average over draws that more than pays."),
            ],
        ),
    ]  # fmt: skip


# The story

OWN, COMMON = r"\dfrac{n_j}{\sigma_y^2}", r"\dfrac{1}{\sigma_\alpha^2}"
WEIGHTED = rf"$$\hat\alpha_j = \frac{{{OWN}\,\bar y_j + {COMMON}\,a_0}}{{{OWN} + {COMMON}}}$$"


def situation(f: Facts) -> str:
    """The question of lesson 1."""
    j, many = f.picked, f.largest
    best = ", the best of lesson 1," if f.own[j] == f.own.max() else ""
    return (
        "Each hollow circle is the mean score of a school this year. The number in brackets says how many students it "
        "tested. The orange line is the mean of all students. (The pre-test rests until lesson “What is multilevel?”.)\n\n"
        f"**{plain(f.names[j])}**{best} has {number(f.own[j])} points from {count(f.data.n[j], 'student')}; "
        f"**{plain(f.names[many])}** has {number(f.own[many])} from {f.data.n[many]}. The board still asks: what can it expect "
        "of each school next year?"
    )


def moved(before: float, after: float) -> str:
    """How an error changes."""
    return (
        f"falls from {number(before)} to **{number(after)} points**" if after < before
        else f"does not fall in this draw: {number(before)}, then **{number(after)} points**"
    )  # fmt: skip


def weighted(f: Facts) -> str:
    """The simple form of the weighted average."""
    short = ("= 0" if f.sigma_alpha == 0
             else rf"\approx \dfrac{{n_j}}{{n_j + {students(f.half)}}} \text{{ at the top of the hill}}")  # fmt: skip
    return (
        r"Each mean counts by how precise it is. A school's own mean $\bar y_j$ counts more if its students are many, $n_j$, "
        r"and alike: a small SD within schools, $\sigma_y$. The common mean $a_0$ counts more if schools are alike: a small "
        r"SD between schools, $\sigma_\alpha$. With the weight $w$, the estimate is $w\,\bar y_j + (1 - w)\,a_0$:"
        "\n\n" r"$$w = \dfrac{n_j}{n_j + \sigma_y^2 / \sigma_\alpha^2} " f"{short}$$"
    )  # fmt: skip


def against_truth(f: Facts) -> str:
    """What became of the estimates, and the answer to lesson 1."""
    j, far = f.picked, f.far_off
    return (
        "The diamonds are the true means. With partial pooling the typical error (root mean square) of this draw "
        f"{moved(f.misses(f.own, f.truth), f.misses(f.partial, f.truth))}. Not every school gains: {f.closer} of "
        f"{f.data.n_groups} come nearer.\n\nNow the question of lesson 1. **{plain(f.names[j])}** had {number(f.own[j])}; "
        f"partial pooling expects {number(f.partial[j])}; next year it had {number(f.later[j])}. Some guesses fail "
        f"({plain(f.names[far])}: {number(f.partial[far])}, then {number(f.later[far])}). Over ten years the typical "
        f"error {moved(f.misses(f.own, f.years), f.misses(f.partial, f.years))}. The green bar (± one standard error) is for the *true* mean: next "
        f"year's mean adds new luck, and {f.outside} of {f.data.n_groups} lie outside."
    )


def one_stretches(f: Facts) -> str:
    """What one school does to itself and to the others."""
    usual, other = f.usual, f.smallest
    return (
        f"Ashford's dot is pulled {percent(f.pulled(f.picked))} of the way to the common mean: away from its diamond. It also "
        f"stretches the SD between schools, from {number(usual.sigma_alpha)} to {number(f.sigma_alpha)} points. So "
        f"{plain(f.names[other])} is pulled {percent(f.pulled(other))} now; before, {percent(usual.pulled(other))}."
    )


def told(f: Facts) -> str:
    """The lesson in one sentence, and its number."""
    return (
        "Partial pooling is a weighted average: a school's own mean counts by its number of students, the common mean by "
        f"how alike the schools are. That is the best guess of next year's mean: for {plain(f.names[f.picked])} not "
        f"{number(f.own[f.picked])}, but {number(f.partial[f.picked])}."
    )


NORTHGATE = {"school": "Northgate", "truth": False, "later": False}

STEPS = [
    story.situation(
        heading="How much should the board believe?",
        text=situation,
        do=lambda f: f"Find **{plain(f.names[f.picked])}** and **{plain(f.names[f.largest])}**. Whose circle would you trust more?",
        shows={**NORTHGATE, "handle": "last"},
    ),
    story.predict(
        heading="A compromise between two means",
        text="What to expect of a school: its own mean (circle), or the common mean? (That is a mean of schools. The orange "
        "line is the mean of all students: large schools count more in it.) [[Partial pooling]] takes a point between.",
        ask=which,
        shows={**NORTHGATE, "handle": "last"},
        answered={"handle": "rest"},
    ),
    story.try_it(
        heading="Drag from one end to the other",
        text="The handle sets how much schools differ: the **SD between schools**. At 0 all schools are one: "
        "[[complete pooling]]. At ∞ a school tells nothing about another: [[no pooling]]. The hill is the [[likelihood]]: "
        "how well each SD fits these scores. Partial pooling takes the top.\n\nEach error holds only if the SD of the handle "
        "were the true one. So small errors at the left do not make 0 right.",
        hand=two_schools,
        do="Drag the handle slowly. Watch the small schools.",
        shows=NORTHGATE,
    ),
    story.say(
        heading="A weighted average",
        text=weighted,
        hand=worked,
        shows=NORTHGATE,
        do="Drag, or click another circle.",
    ),
    story.truth(
        heading="Did the pull help?",
        text=against_truth,
        shows={**NORTHGATE, "truth": True},
        uses=("later",),
        do="Drag to ∞ and back. Which schools come nearer to their diamonds? Then show next year.",
    ),
    story.breaks(
        heading="One school is truly different",
        changed=lambda f: "Ashford is now truly 30 points lower than before. The model knows nothing of it. "
        f"(The axis is wider: {number(scores(f)[0], 0)} to {number(scores(f)[1], 0)}.)",
        look=one_stretches,
        text="Partial pooling believes that all schools come from one family of schools. A school that does not belong "
        "to it is, on average, pulled the wrong way, and the model is too sure of it.",
        do="Drag from end to end. Where is Ashford nearest to its diamond? Where are the small schools?",
        sets=presets.EXTRAORDINARY,
        shows={"school": "Ashford", "truth": True, "later": False},
    ),
    story.breaks(
        heading="The best guess is exactly 0",
        changed=lambda f: f"{count(f.data.n_groups, 'school')}; half of them have fewer than {f.middle} students. The "
        f"true SD between them is small: {number(f.true_sd)} points.",
        look=lambda f: f"The hill is highest at 0, so every school gets the same mean, {number(f.fit.hyper.a0)}. "
        f"But {plain(f.names[f.picked])} is truly at {number(f.truth[f.picked])}. And the hill falls slowly: the true SD "
        f"fits {percent(f.fits(f.true_sd))} as well as 0.",
        text="An estimate of 0 does not say that schools are equal. It says that these data cannot tell their "
        "differences from the luck of the students. Lesson “How sure about tau?” shows what to do then (tau, τ, is another "
        "letter for this SD).",
        do="Drag away from 0. How far can you go until the hill is half as high?",
        sets=presets.ZERO,
        shows={"school": "Dover", "truth": True, "later": False},
    ),
    story.check(heading="Check yourself", ask=checks, shows=NORTHGATE),
    story.sentence(
        heading="What the board can be told",
        text=told,
        shows={**NORTHGATE, "later": True},
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    return (
        r"$$y_i = \alpha_{j[i]} + \epsilon_i,\quad \epsilon_i \sim N(0, \sigma_y^2); \qquad "
        r"\alpha_j = a_0 + \eta_j,\quad \eta_j \sim N(0, \sigma_\alpha^2)$$"
        "\n\nStudent i goes to school j[i]. The pre-test is left out here, so that the estimate is a plain weighted "
        f"average:\n\n{WEIGHTED}\n\nEstimates by REML: $a_0$ = {number(f.fit.hyper.a0)}, $\\sigma_\\alpha$ = {number(f.sigma_alpha)}, "
        f"$\\sigma_y$ = {number(f.fit.sigma_y)} points. The share of the variance that lies between schools, "
        f"$\\sigma_\\alpha^2/(\\sigma_\\alpha^2+\\sigma_y^2)$ = {number(f.icc, 2)}, is the [[intraclass correlation]]. "
        f"The common mean $a_0$ (purple) is itself an average of school means. It differs from the mean of all students "
        f"(orange, {number(f.complete)}): there each student counts the same; here each school counts, by how much its mean "
        "tells. Source: Gelman & Hill (2007), equation 12.1."
    )


def code(f: Facts) -> Listing:
    """The fit in three languages."""
    return listing(
        f.simulation.scenario,
        f.data,
        Recipe(
            core=[
                "fit = mlm.fit_partial_pooling(data, group_predictor=False)",
                "print(fit.hyper.a0, fit.hyper.sigma_alpha, fit.sigma_y)",
                "print(dict(zip(data.labels, fit.lines.alpha.round(2))))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.mixedlm("y ~ 1", schools, groups="school").fit(reml=True)',
                "a0 = fit.fe_params.iloc[0]",
                "print(a0, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
                "print({school: round(a0 + effect.iloc[0], 2) for school, effect in fit.random_effects.items()})",
            ],
            lme4=[
                "fit <- lmer(y ~ 1 + (1 | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
                "print(round(coef(fit)$school, 2))",
            ],
        ),
    )


STORY = story.Story(
    slug="partial_pooling",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(seen.scenario, seen["school"]),
    figure=draw,
    controls=[
        controls.one_school(),
        controls.TRUTH,
        controls.Switch("later", "Show next year's means"),
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0"),
        "extraordinary",
    ],
    lab=two_schools,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)

story.tell(STORY)
