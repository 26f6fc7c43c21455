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
        no="its own mean",
        complete="mean of all students",
        **({"partial": "partial pooling, ± a standard error", "target": "the mean it pulls to"} if seen.revealed else {}),
        **({"truth": "true mean"} if seen["truth"] else {}),
        **({"later": "next year's mean"} if seen["later"] else {}),
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
        axes={"domain": steady_domain([*f.own, *f.truth], 60, 30)},
        rows=f.data.n_groups,
        scale=estimates.HANDLE_SCALE,
        steps=estimates.STEPS,
    )  # fmt: skip
    return Handle("pooling_path", f.rest, spoken(f), "SD between schools")


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
    values = {"sd": [number(s) for s in f.path.sigma_alpha]}
    body = ""
    for r, j in rows.items():
        values[f"w{r}"] = [percent(share) for share in f.share[:, j]]
        values[f"m{r}"] = [number(a) for a in f.path.alpha[:, j]]
        values[f"s{r}"] = [number(s) for s in f.path.se_alpha[:, j]]
        name = figure.escaped(f"{f.names[j]} ({f.data.n[j]})")
        body += f"<tr><th scope='row'>{name}</th><td>{{w{r}}}</td><td>{{m{r}}}</td><td>± {{s{r}}}</td></tr>"
    return hand(
        "<p>SD between schools: {sd} points</p><table><thead><tr><th>school (students)</th>"
        f"<th>pulled</th><th>estimate</th><th>error</th></tr></thead><tbody>{body}</tbody></table>",
        **values,
    )


def worked(f: Facts) -> Hand:
    """The weighted average of the picked school with the numbers of the moment."""
    j = f.picked
    n, mean = str(f.data.n[j]), number(f.own[j])
    live = mathml.live
    own = mathml.frac(n, mathml.squared(live("sy")))
    common = mathml.frac("1", mathml.squared(live("sd")))
    top = mathml.row(own, "·", mean, "+", common, "·", live("a0"))
    bottom = mathml.row(own, "+", common)
    last = len(f.path.sigma_alpha) - 1
    return hand(
        f"<p>{figure.escaped(str(f.names[j]))}: "
        + mathml.math(mathml.frac(top, bottom), "=", live("alpha"))
        + "</p><p>{said}</p>",
        sd=[number(s) for s in f.path.sigma_alpha],
        sy=[number(s) for s in f.path.sigma_y],
        a0=[number(a) for a in f.path.a0],
        alpha=[number(a) for a in f.path.alpha[:, j]],
        said=[
            "An SD of 0: one divided by 0 is infinite, so only the common mean counts." if k == 0
            else "An infinite SD: the common mean counts nothing." if k == last
            else f"Its own mean counts {percent(1 - share)}, the common mean {percent(share)}."
            for k, share in enumerate(f.share[:, j])
        ],
    )  # fmt: skip


# Questions


def which(f: Facts) -> Question:
    """The prediction."""
    small, large = plain(f.names[f.smallest]), plain(f.names[f.largest])
    return Question(
        "Which school will be pulled the largest share of its way to the common mean?",
        [
            Answer("A small one", f"{small} has {count(f.data.n[f.smallest], 'student')}. Its own mean is mostly luck, "
                   f"so it is pulled {percent(f.pulled(f.smallest))} of its way. {large}, with {f.data.n[f.largest]}, "
                   f"is pulled {percent(f.pulled(f.largest))}.", not f.alike),
            Answer("A large one", "A large school knows its own mean best, and keeps it."),
            Answer("The one farthest out", "Distance does not set the share. The number of students does."),
            Answer("All the same share", "All schools have the same size here, or do not differ at all: one share for all."
                   if f.alike else "The schools do not know equally much about themselves.", f.alike),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Three questions on what the steps have shown."""
    half = f.half
    none = f.sigma_alpha == 0
    return [
        Question(
            "Two schools have the same own mean. One has 5 students, the other 50. Which estimate lies nearer to the common mean?",
            [
                Answer("That of the school with 5", "Right: five students say less, so the common mean counts more.", True),
                Answer("That of the school with 50", "Fifty students say more: that school keeps more of its own mean."),
                Answer("Neither: same mean, same estimate", "The own means are equal, their weights are not."),
            ],
        ),
        Question(
            "How many students give a school's own mean exactly the weight of the common mean?",
            [
                Answer("No number: the SD between schools is 0" if none else f"About {number(half, 0 if half >= 3 else 1)}",
                       "Right: the common mean has all the weight." if none else
                       r"Right: $n_j / \sigma_y^2 = 1 / \sigma_\alpha^2$ gives $n_j = \sigma_y^2 / \sigma_\alpha^2$.", True),
                Answer(f"About {number(half**0.5 if not none else f.fit.sigma_y, 1)}",
                       "The weights go with squared SDs."),
                Answer(f"About {number(4 * half if not none else 4 * f.fit.sigma_y, 0)}",
                       "With so many its own mean would count four times as much." if not none
                       else "However many: at an SD of 0 the common mean has all the weight."),
            ],
            ordered=False,
        ),
        Question(
            "Does partial pooling bring every school nearer to its true mean?",
            [
                Answer("No, but the errors are smaller on the whole" , f"Right. Here {f.closer} of {f.data.n_groups} come nearer. "
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


def against_truth(f: Facts) -> str:
    """What became of the estimates."""
    partial, own = f.misses(f.partial, f.truth), f.misses(f.own, f.truth)
    later, later_own = f.misses(f.partial, f.later), f.misses(f.own, f.later)
    won = "misses less" if partial < own else "loses in this draw: it misses more"
    return (
        f"The diamonds are the true means. Partial pooling brings **{f.closer} of {f.data.n_groups}** schools nearer "
        f"to them. All together it {won}: {number(partial)} points against {number(own)} (root mean square).\n\n"
        f"The triangles are next year's means, of new students. Against them it misses by {number(later)} points, "
        f"this year's own means by {number(later_own)}. The filled dot is what to expect next year."
    )


STEPS = [
    story.situation(
        heading="How much should the board believe?",
        text=lambda f: "Each hollow circle is the mean score of one school this year. The number in brackets is how "
        f"many students took the test. The red rule is the mean of all students.\n\n{f.names[f.picked]} stands at "
        f"{number(f.own[f.picked])} points, with {count(f.data.n[f.picked], 'student')}. {f.names[f.largest]} stands at "
        f"{number(f.own[f.largest])}, with {f.data.n[f.largest]}. The board asks you for one number for each school: "
        "what should it expect there next year?",
        do=lambda f: f"Find **{f.names[f.picked]}** and **{f.names[f.largest]}**. Whose circle would you trust more?",
        shows={"school": "Juniper", "handle": "last", "truth": False, "later": False},
    ),
    story.predict(
        heading="A compromise between two means",
        text="There are two candidates for a school: its own mean (the circle) and the mean that all schools have in "
        "common. [[Partial pooling]] takes a point between the two, and lets the data say how far "
        "each school goes.",
        ask=which,
        shows={"school": "Juniper", "handle": "last", "truth": False, "later": False},
        answered={"handle": "rest"},
    ),
    story.try_it(
        heading="Drag from one end to the other",
        text="The handle sets how much schools differ: the **SD between schools**. At 0 all schools are one: "
        "[[complete pooling]]. At ∞ a school tells us nothing about another: [[no pooling]]. The hill shows how well "
        "each SD fits the data, its [[likelihood]]. The data choose the top.",
        hand=two_schools,
        do="Drag the handle under the figure slowly. Watch the small schools, and the **width** of the green bars.",
        shows={"school": "Juniper", "truth": False, "later": False},
    ),
    story.say(
        heading="A weighted average",
        text=r"Each mean counts by how much it knows. A school's own mean $\bar y_j$ knows more with more students "
        r"($n_j$) and less scatter among them ($\sigma_y$, the SD within schools). The common mean "
        r"$a_0$ knows more when schools are alike ($\sigma_\alpha$, the SD between schools, is small)."
        "\n\n" + WEIGHTED,
        hand=worked,
        shows={"school": "Juniper", "truth": False, "later": False},
        do="Drag, or click another school: the numbers follow.",
    ),
    story.truth(
        heading="Did the pull help?",
        text=against_truth,
        shows={"school": "Juniper", "truth": True, "later": True},
        do="Drag to ∞ and back. Which small schools come nearer to their diamonds, and which do not?",
    ),
    story.breaks(
        heading="One school is truly different",
        changed="Ashford is now truly 30 points below what the model expects. The model knows nothing of it.",
        look=lambda f: f"Ashford's dot is pulled {percent(f.pulled(f.picked))} of the way to the mean: away from its "
        "diamond. And its distance stretches the SD between schools: the others are pulled less than before.",
        text="Partial pooling believes that all schools come from one family of schools. A school that does not belong "
        "to it is pulled the wrong way.",
        sets=presets.EXTRAORDINARY,
        shows={"school": "Ashford", "truth": True, "later": False},
    ),
    story.breaks(
        heading="The best guess is exactly 0",
        changed="Eight schools, ten students in the middle one, and truly a small SD between them.",
        look=lambda f: f"The hill is highest at 0, so every school gets the same mean, {number(f.fit.hyper.a0)}. "
        f"But its slope is gentle: an SD of {number(f.true_sd)}, the truth here, fits nearly as well.",
        text="An estimate of 0 does not say that schools are equal. It says that these data cannot tell their "
        "differences from the luck of the students. Lesson “How sure about tau?” shows what to do then.",
        sets=presets.ZERO,
        shows={"school": "Ashford", "truth": True, "later": False},
    ),
    story.check(heading="Check yourself", ask=checks, shows={"school": "Juniper", "truth": False, "later": False}),
    story.sentence(
        heading="What the board can be told",
        text="Partial pooling is a weighted average: a school's own mean counts by its number of students, "
        "the common mean by how alike the schools are. It is what to expect next year.",
        shows={"school": "Juniper", "truth": False, "later": True},
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    return (
        r"$$y_i = \alpha_{j[i]} + \epsilon_i,\quad \epsilon_i \sim N(0, \sigma_y^2); \qquad "
        r"\alpha_j = a_0 + \eta_j,\quad \eta_j \sim N(0, \sigma_\alpha^2)$$"
        "\n\nStudent i goes to school j[i]. The pre-test is left out here, so that the estimate is a plain weighted "
        f"average. Estimates by REML: $a_0$ = {number(f.fit.hyper.a0)}, $\\sigma_\\alpha$ = {number(f.sigma_alpha)}, "
        f"$\\sigma_y$ = {number(f.fit.sigma_y)} points. The share of the variance that lies between schools, "
        f"$\\sigma_\\alpha^2/(\\sigma_\\alpha^2+\\sigma_y^2)$ = {number(f.icc, 2)}, is the [[intraclass correlation]]. "
        f"The common mean $a_0$ is itself an average of school means, in which small schools count more than among all "
        "students. Source: Gelman & Hill (2007), equation 12.1."
    )


def code(f: Facts) -> Listing:
    """The fit in three languages."""
    return listing(
        f.simulation.scenario,
        f.data,
        Recipe(
            core=[
                "fit = mlm.fit_partial_pooling(data)",
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
    table=Facts.table,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)

story.tell(STORY)
