"""What does it cost to ignore the structure?"""

from mlm_core.charts.one_trial import one_trial
from mlm_core.charts.p_values import p_values
from mlm_core.charts.theme import steady_domain
from mlm_core.estimates import students_table
from mlm_core.lessons.structured_data import NAMES, SHOWN, TRIALS, WAYS, Facts, Way, facts
from mlm_core.scenario import Bounds
from pages.shared import controls, figure, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing_of_data
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import number, percent

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle | None:
    """One trial after another; or the p-values of all of them."""
    if seen["view"] == "many" and seen.revealed:
        draw_many(f, seen)
        return None
    return draw_one(f, seen)


def draw_one(f: Facts, seen: Seen) -> Handle:
    """The schools of one trial, and what is made of them."""
    honest = seen["honest"] and seen.revealed
    figure.legend(
        no="mean score of a school",
        ink="mean of the group",
        **({"complete": "an interval that misses 0 is a false alarm"} if seen.revealed else {}),
    )
    figure.show(
        "one_trial",
        f"The first {SHOWN} trials, one at a time: the mean scores of {f.n_groups} schools, half of them with a programme "
        "that does nothing."
        + (" Below, the difference with its 95% interval, by "
           + (", ".join(NAMES.values()) if honest else NAMES["ordinary"]) + "." if seen.revealed else ""),
        one_trial,
        f.trial_tables(intervals=seen.revealed, honest=honest),
        axes={"domain": steady_domain(f.reach(), 0, 0.6)},
        steps=SHOWN,
    )  # fmt: skip
    return Handle("one_trial", 0, [f"trial {k + 1}" for k in f.shown], "From trial to trial")


def draw_many(f: Facts, seen: Seen) -> None:
    """The p-values of all trials."""
    ways: tuple[Way, ...] = WAYS if seen["honest"] else WAYS[:1]
    figure.legend(
        complete="p < .05: false alarm",
        dashed="5%: an honest analysis",
    )
    figure.show(
        "p_values",
        f"Histograms of the p-values of {TRIALS:,} trials of a programme that does nothing. Below .05 are "
        + ", ".join(f"{percent(f.alarms(way))} with the {NAMES[way]}" for way in ways) + ".",
        p_values,
        {"bins": f.p_value_table(honest=seen["honest"])},
        axes={"top": (0.0, steady_domain([f.highest()], 0, 0.3)[1])},
    )  # fmt: skip


# Words that follow the handle


def difference(f: Facts) -> Hand:
    """The difference in the trial of the moment."""
    return hand(
        "<p>{k}: the schools with the programme are {d} SDs {better}.</p>",
        k=[f"Trial {k + 1}" for k in f.shown],
        d=[number(abs(d), 2) for d in f.trials.effect[f.shown]],
        better=["better" if d > 0 else "worse" for d in f.trials.effect[f.shown]],
    )


def tally(f: Facts, ways: tuple[Way, ...] = WAYS[:1]) -> Hand:
    """The trial of the moment, and the false alarms up to it."""
    values = {"k": [f"Trial {k + 1}" for k in f.shown]}
    values["d"] = [number(d, 3) for d in f.trials.effect[f.shown]]
    body = ""
    for way in ways:
        found = f.trials.of(way)
        values[f"h{way}"] = [number(h, 3) for h in found.half[f.shown]]
        values[f"p{way}"] = [
            "less than .001" if p < 0.001 else number(p, 3) for p in found.p[f.shown]
        ]
        values[f"t{way}"] = [f"{n} of {k}" for k, n in enumerate(f.so_far(way), 1)]
        body += (
            f"<tr><th scope='row'>{NAMES[way]}</th><td>± {{h{way}}}</td><td>{{p{way}}}</td>"
            f"<td>{{t{way}}}</td></tr>"
        )
    return hand(
        "<p>{k}: a difference of {d} SDs</p><table><thead><tr><th></th><th>interval</th><th>p</th>"
        f"<th>alarms so far</th></tr></thead><tbody>{body}</tbody></table>",
        **values,
    )


# Questions

SHARES = (
    (0.0, 0.08, "Less than 8%, about as it should"),
    (0.08, 0.2, "8% to 20%"),
    (0.2, 0.4, "20% to 40%"),
    (0.4, 1.1, "More than 40%"),
)


def how_often(f: Facts) -> Question:
    """The prediction."""
    found = f.alarms("ordinary")
    return Question(
        f"How many of {TRIALS:,} such trials raise a false alarm?",
        [
            Answer(
                text,
                f"Found: {percent(found)}." if low <= found < high
                else "Students of a school are alike: they tell less than strangers."
                if high <= found
                else "Too much: the students of a school are not so alike here.",
                low <= found < high,
            )
            for low, high, text in SHARES
        ],
        ordered=True,
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Four questions on what the steps have shown."""
    n, J, icc = f.n, f.n_groups, f"{f.alike:.2f}"
    now, double = f.effect_here, f.effect_of_double
    return [
        Question(
            f"The intraclass correlation is {icc}. Schools of {n} students become schools of {2 * n}. What is the design effect then?",
            [
                Answer(number(double, 2), f"1 + {2 * n - 1} · {icc}. A small intraclass correlation times many students is not small.", True),
                Answer(f"{number(now, 2)}: as before", "The more students a school has, the more each repeats the others."),
                Answer(f"{number(2 * now, 2)}: twice as much", "The 1 stays: only the part (n − 1) · ICC grows."),
            ],
        ),
        Question(
            f"The intraclass correlation is {icc}. You can pay for {f.students:,} students more. Which tells more?",
            [
                Answer(f"{n} more in each of the {J} schools", f"They make all students worth {number(f.deeper)} independent ones. More schools do better."),
                Answer(f"{J} more schools of {n}", f"All are worth {number(f.wider)} independent students, not {number(f.deeper)}.", True),
                Answer("Both the same", "The number of students is the same, the number of schools is not."),
            ],
        ),
        Question(
            "“A small intraclass correlation can be ignored.” What do you answer?",
            [
                Answer("Not for what whole schools get: it is multiplied by n − 1",
                       "At .05 and 50 students the variance is 3.45 times what is stated.", True),
                Answer("True: 5% of the variance is little", "It is the mean of many students that counts. There the luck of students averages out, and what the school has in common stays."),
                Answer("True, if there are many schools", "More schools make the error smaller, and the stated error in the same proportion. The false alarms stay."),
            ],
        ),
        Question(
            "In another trial half of the children of every class get a tablet, drawn by lot. Classes differ much. A regression that "
            "ignores the classes: how many false alarms?",
            [
                Answer("More than 5%: children of a class are alike", "They are alike with a tablet and without. The difference of the two does not see it."),
                Answer("Not more than 5%: both groups come from the same classes", "What a class has in common is in both means and cancels. "
                       "If anything, the stated error is too large.", True),
                Answer("More than 5%, if classes have different sizes", "Sizes are not the point: it is whether whole classes get the tablet, or children within them."),
            ],
        ),
    ]  # fmt: skip


# The story


def repeats(f: Facts) -> str:
    """The design effect, in the numbers of the moment."""
    return (
        "Students who are alike add less than strangers. The variance is understated by the "
        "[[design effect]] ($n$ per school):\n\n"
        rf"$$1 + (n - 1)\,\mathrm{{ICC}} = 1 + {f.n - 1} \cdot {f.icc:.2f} = {f.design_effect:.2f}$$"
        f"\n\nSo **{f.students:,}** students tell as much as **{f.worth:,.0f}** independent ones. "
        f"An error bar that is $\\sqrt{{{f.design_effect:.2f}}}$ = {number(f.too_short, 2)} times too short calls an effect what luck takes over "
        f"1.96/{number(f.too_short, 2)} = {number(1.96 / f.too_short, 2)} true standard errors: {percent(f.expected)} of trials. "
        f"Found: {percent(f.alarms('ordinary'))}."
    )


def honest_ways(f: Facts) -> str:
    """Two analyses that know of schools."""
    return (
        "The truth is 0. Then every p-value is as likely as any other: an honest analysis has 5% of them in each of the 20 bars. "
        "Two ways to be honest: a [[cluster-robust standard error|cluster-robust error]] adds up the residuals of each school (what is left of "
        "the scores) and sees how much these sums differ from school to school. A [[multilevel model]] has an SD between schools. "
        "Both count schools, not students.\n\n"
        f"False alarms: {percent(f.alarms('ordinary'))} by the ordinary regression, {percent(f.alarms('robust'))} and "
        f"{percent(f.alarms('multilevel'))} by these two. In {TRIALS:,} trials luck alone makes {percent(f.luck[0])} to {percent(f.luck[1])} of 5%."
    )


def four(f: Facts) -> str:
    """Few schools."""
    return (
        f"Four sums hardly tell how much sums differ: the cluster-robust error is too small on average, and raises "
        f"{percent(f.alarms('robust'))} false alarms. The multilevel model raises {percent(f.alarms('multilevel'))}. That is a fault, too: "
        f"its intervals are too wide. With {f.df('multilevel')} degrees of freedom (schools − 2) it would find little, even if there were something."
    )


def none(f: Facts) -> str:
    """Schools that do not differ."""
    return (
        f"Now {f.students:,} students are worth {f.worth:,.0f}. The ordinary regression is right: {percent(f.alarms('ordinary'))} false "
        f"alarms. The multilevel model raises {percent(f.alarms('multilevel'))}: too careful, since it allows for "
        f"differences that are not there. The cluster-robust error raises {percent(f.alarms('robust'))}; with {f.n_groups} schools "
        f"{100 * f.robust_alarms:.1f}% are to be expected.\n\n"
        "No harm is done, either, where the lot is drawn among the students of each school. Both groups then come from the "
        "same schools, and what a school has in common cancels in the difference."
    )


ONE = {"view": "one", "honest": False, "icc": 0.05, "class_size": 50, "arms": 20}
MANY = {**ONE, "view": "many"}
ALL = {**MANY, "honest": True}

STEPS = [
    story.situation(
        heading="A programme for whole schools",
        text=lambda f: f"Somebody wants to sell a reading programme to the board. “It was tried: {f.n_groups} schools, "
        f"{f.students:,} students. Half of the schools got it, drawn by lot. It works, p < .05.” Should the board buy?\n\n"
        "Here are such trials. We set the truth: this programme does **nothing**. Each circle is the mean score of one school; "
        "a score is counted in SDs of all students. What differs is luck.",
        hand=difference,
        do=f"Drag through the first {SHOWN} of {TRIALS:,} trials. How far from 0 does luck take the difference?",
        shows=ONE,
    ),
    story.predict(
        heading="Alarms about nothing",
        text=lambda f: "An ordinary regression calls p < .05 an effect. Were students independent, 5% of trials would have this "
        f"[[p-value|false alarm]]. But in a school they are alike: {percent(f.icc)} of the variance lies between schools "
        "([[intraclass correlation]], ICC).",
        ask=how_often,
        shows=ONE,
        answered=MANY,
    ),
    story.try_it(
        heading="How the alarms come about",
        text="The interval is what the ordinary regression states about the difference. It promises to hold the truth, 0, in "
        "95% of trials. But it is too short: it counts many students, while the luck of the draw was among few schools.",
        hand=tally,
        do="Drag again. How often does the interval miss 0?",
        shows=ONE,
    ),
    story.say(
        heading="Students who repeat each other",
        text=repeats,
        do="Move both: what makes the first bar grow?",
        uses=("icc", "class_size"),
        shows=MANY,
    ),
    story.truth(
        heading="Two analyses that know of schools",
        text=honest_ways,
        do="Look at the first bar of each row, and at the dashed line.",
        shows=ALL,
    ),
    story.breaks(
        heading="Four schools",
        changed=lambda f: f"The trial has {f.n_groups} schools of {f.n} students, two schools in each group: {f.students} students.",
        look="The first bar of the cluster-robust error is far above the dashed line.",
        text=four,
        shows={**ALL, "arms": 4},
    ),
    story.breaks(
        heading="Schools that do not differ",
        changed="The ICC is 0: students of a school are like strangers.",
        look="The first bar of the ordinary regression has come down to the dashed line.",
        text=none,
        shows={**ALL, "icc": 0.0},
    ),
    story.check(heading="Check yourself", ask=checks, shows=ALL),
    story.sentence(
        heading="What the board can be told",
        text="Students of one school repeat each other. For what whole schools get, count schools, not students: “p < .05 from "
        "1,000 students” may be luck. Ask the seller which analysis it was.",
        shows=ALL,
    ),
]  # fmt: skip


def lab(f: Facts) -> str:
    """The design, what it is worth, and the alarms."""
    rows = [f"| {NAMES[way]} | {percent(f.alarms(way))} | {f.df(way):,} |" for way in WAYS]
    return (
        f"{f.students:,} students, design effect {number(f.design_effect, 2)}: worth {f.worth:,.0f} independent ones.\n\n"
        f"| {TRIALS:,} trials | false alarms | degrees of freedom |\n|:--|--:|--:|\n"
        + "\n".join(rows)
    )


def model(f: Facts) -> str:
    """The model in full."""
    return (
        r"$$y_i = \alpha_{j[i]} + \theta\, t_{j[i]} + \epsilon_i,\quad \alpha_j \sim N(0, \sigma_\alpha^2),\quad "
        r"\epsilon_i \sim N(0, \sigma_y^2); \qquad \mathrm{ICC} = \frac{\sigma_\alpha^2}{\sigma_\alpha^2 + \sigma_y^2}$$"
        "\n\n$t_j$ is 1 where a school has the programme; the truth is $\\theta = 0$, and $\\sigma_\\alpha^2 + \\sigma_y^2 = 1$. "
        "All three analyses estimate the same difference; they state different errors for it. Degrees of freedom of Student's t: "
        f"students − 2 = {f.df('ordinary'):,} for the ordinary regression, schools − 1 = {f.df('robust')} for the cluster-robust error "
        f"(CR1), schools − 2 = {f.df('multilevel')} for the multilevel model by REML. The share of false alarms that the design effect "
        r"predicts is $\Pr(|z| > 1.96 / \sqrt{\text{design effect}})$, for many schools. Sources: Kish (1965), section 5.4; Cameron & "
        "Miller (2015), section VI."
    )


def code(f: Facts) -> Listing:
    """The first trial in three languages, and all trials."""
    return listing_of_data(
        f.data,
        Recipe(
            core=[
                "from scipy import stats",
                "from mlm_core.clustered import cluster_robust",
                "from mlm_core.lessons.structured_data import facts",
                "",
                "# trial 1 of the figure: effect, standard error, p-value by three analyses",
                "X = np.column_stack([np.ones(len(schools)), schools.u])",
                "fit = cluster_robust(schools.y, X, schools.school)",
                "print(fit.coef[1], fit.se[1], fit.p_value[1])",
                "print(fit.coef[1], fit.cluster_se[1], fit.cluster_p_value[1])",
                "fit = mlm.fit_partial_pooling(data, group_predictor=True)",
                'b0, se = fit.hyper.b0, fit.se("b0")',
                "print(b0, se, 2 * stats.t.sf(abs(b0) / se, data.n_groups - 2))",
                "",
                f"f = facts({f.n_groups}, {f.n}, {f.icc:g})  # {TRIALS:,} trials",
                "print(f.design_effect, f.worth)",
                'print([f.alarms(way) for way in ("ordinary", "robust", "multilevel")])',
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "from scipy import stats",
                "",
                "# trial 1 of the figure: effect, standard error, p-value by three analyses",
                'fit = smf.ols("y ~ u", schools).fit()',
                "print(fit.params.u, fit.bse.u, fit.pvalues.u)",
                'codes = schools.school.astype("category").cat.codes',
                'fit = smf.ols("y ~ u", schools).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)',
                "print(fit.params.u, fit.bse.u, fit.pvalues.u)",
                'fit = smf.mixedlm("y ~ u", schools, groups="school").fit(reml=True, method="powell")',
                "b0, se = fit.fe_params.u, fit.bse_fe.u",
                "print(b0, se, 2 * stats.t.sf(abs(b0) / se, schools.school.nunique() - 2))",
            ],
            lme4=[
                "# trial 1 of the figure: effect, standard error, p-value by three analyses",
                "fit <- lm(y ~ u, schools)",
                'print(summary(fit)$coefficients["u", c(1, 2, 4)], digits = 6)',
                "X <- model.matrix(fit); N <- nrow(X); J <- length(unique(schools$school))",
                "bread <- solve(crossprod(X))",
                "sums <- rowsum(X * resid(fit), schools$school)",
                "robust <- J / (J - 1) * (N - 1) / (N - 2) * bread %*% crossprod(sums) %*% bread",
                "se <- sqrt(robust[2, 2])",
                "print(c(coef(fit)[2], se, 2 * pt(-abs(coef(fit)[2]) / se, J - 1)), digits = 6)",
                "fit <- lmer(y ~ u + (1 | school), schools, REML = TRUE)",
                'found <- summary(fit)$coefficients["u", 1:2]',
                "print(c(found, 2 * pt(-abs(found[1]) / found[2], J - 2)), digits = 6)",
            ],
        ),
    )


STORY = story.Story(
    slug="structured_data",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(seen["arms"], seen["class_size"], seen["icc"]),
    figure=draw,
    controls=[
        controls.Choice("view", "Figure", ["one", "many"], "many",
                        names={"one": "One trial", "many": "All p-values"}),
        controls.Switch("honest", "Show the analyses that know of schools", True),
        controls.Slider("icc", "Intraclass correlation", Bounds(0.0, 0.5, 0.01), 0.05,
                        "Share of the variance that lies between schools.", "%.2f"),
        controls.Slider("class_size", "Students per school", Bounds(2.0, 100.0, 1.0), 50, "", "%d"),
        controls.Slider("arms", "Schools", Bounds(4.0, 60.0, 2.0), 20,
                        "Half of them get the programme.", "%d"),
    ],
    lab=lab,
    model=model,
    listing=code,
    data=lambda f: students_table(f.data),
)  # fmt: skip

story.tell(STORY)
