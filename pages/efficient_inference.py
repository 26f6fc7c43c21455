"""Is it really better, or only different?"""

from dataclasses import replace

from mlm_core.charts.by_size import by_size
from mlm_core.charts.errors import errors
from mlm_core.charts.spreads import spreads
from mlm_core.charts.theme import steady_domain
from mlm_core.estimates import students_table
from mlm_core.lessons.efficient_inference import DRAWS, NAMES, SHOWN, Facts, Way, facts
from pages.shared import controls, figure, presets, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain

THREE = replace(presets.DEFAULT, n_groups=3)
FIVE = replace(presets.DEFAULT, n_groups=5)

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle | None:
    """Errors of one school; error and coverage of all; or the estimated SDs."""
    if seen["view"] == "errors":
        return draw_errors(f, seen)
    if seen["view"] == "sizes":
        draw_sizes(f, seen)
    else:
        draw_spreads(f)
    return None


def draw_errors(f: Facts, seen: Seen) -> Handle:
    """The errors of the picked school, draw after draw."""
    j, ways = f.picked, tuple(NAMES) if seen.revealed else ("no", "complete")
    figure.legend(
        **{way: NAMES[way] for way in ways},
        ink=f"bar: RMSE of all {DRAWS:,} draws",
    )
    figure.show(
        "errors",
        f"Errors of the estimates of {f.names[j]}, {count(f.n[j], 'student')}, in {DRAWS:,} draws of the town. "
        "Root mean square: "
        + ", ".join(f"{NAMES[way]} {number(f.of(way).rmse[j])}" for way in ways) + " points.",
        errors,
        f.error_tables(partial=seen.revealed),
        axes={"domain": steady_domain(f.reach(), 0, 11)},
        steps=SHOWN,
    )  # fmt: skip
    return Handle(
        "errors",
        SHOWN - 1,
        ["draw 1", *(f"draws 1 to {k}" for k in range(2, SHOWN + 1))],
        "Draws of the town",
    )


def draw_sizes(f: Facts, seen: Seen) -> None:
    """Every school: its error, and how often its intervals held."""
    no, partial = f.of("no"), f.of("partial")
    figure.legend(
        **NAMES,
        students=f"picked: {f.names[f.picked]}",
        **({"promise": "the promised 95%"} if seen["coverage"] else {}),
    )
    limit = 100 if f.n.max() <= 100 else 1000
    worst = max(f.true_sd, *no.rmse, *partial.rmse)
    figure.show(
        "by_size",
        f"Typical error of {count(len(f.n), 'school')} against their size: own means from {number(no.rmse.max())} to "
        f"{number(no.rmse.min())} points, partial pooling from {number(partial.rmse.max())} to {number(partial.rmse.min())}."
        + (f" Of the 95% intervals, {percent(no.overall_coverage)} and {percent(partial.overall_coverage)} hold the truth."
           if seen["coverage"] else ""),
        by_size,
        f.size_tables(limit),
        on_school=story.pick_from("by_size"),
        axes={"domain": (0, steady_domain([worst], 0, 8)[1])},
        largest=limit,
        coverage=seen["coverage"],
    )  # fmt: skip


def draw_spreads(f: Facts) -> None:
    """The estimated SD between schools, by REML and by ML."""
    found = f.spreads
    figure.legend(
        truth="true SD",
        ink="below the bars: root of the average variance",
        other=f"height of a bar: share of {DRAWS:,} draws",
    )
    figure.show(
        "spreads",
        f"The SD between {count(len(f.n), 'school')} as estimated in {DRAWS:,} draws. The truth is {number(f.true_sd)} points. "
        f"Root of the average variance by REML {number(f.on_average(found.reml))}, by ML {number(f.on_average(found.ml))}.",
        spreads,
        f.spread_tables(),
        axes={
            "domain": (0, f.spread_reach()),
            "top": (0.0, steady_domain([f.spread_top()], 0, 0.15)[1]),
        },
    )


# Words that follow the handle


def so_far(f: Facts, ways: tuple[Way, ...] = ("no", "complete")) -> Hand:
    """The picked school's errors up to the draw at which the handle is."""
    values: dict[str, list[str]] = {"k": [f"Draw {k + 1}" for k in range(SHOWN)]}
    body = ""
    for way in ways:
        values[f"e{way}"] = [number(e) for e in f.errors(way, f.picked)[:SHOWN]]
        values[f"r{way}"] = [number(r) for r in f.so_far(way)]
        body += f"<tr><th scope='row'>{NAMES[way]}</th><td>{{e{way}}}</td><td>{{r{way}}}</td></tr>"
    return hand(
        f"<table><thead><tr><th>{{k}}: {figure.escaped(f.names[f.picked])}</th><th>error</th><th>RMSE of {{m}}</th></tr></thead>"
        f"<tbody>{body}</tbody></table>",
        m=[count(k + 1, "draw") for k in range(SHOWN)],
        **values,
    )


def all_three(f: Facts) -> Hand:
    """The same, partial pooling among them."""
    return so_far(f, ("no", "complete", "partial"))


def lab(f: Facts) -> str:
    """The picked school and all schools, as a small table."""
    name = f"{plain(f.names[f.picked])} ({f.n[f.picked]})"
    rows = [
        f"| {NAMES[way]} | {number(f.of(way).rmse[f.picked], 2)} | {number(f.of(way).overall_rmse, 2)} "
        f"| {percent(f.of(way).overall_coverage)} |"
        for way in NAMES
    ]
    return (
        f"Over {DRAWS:,} draws of the town:\n\n| | RMSE, {name} | RMSE, all | intervals that held |\n|:--|--:|--:|--:|\n"
        + "\n".join(rows)
    )


# Questions

SHARES = (
    (-9.0, 0.05, "Hardly: less than 5%"),
    (0.05, 0.25, "5% to 25%"),
    (0.25, 0.5, "25% to 50%"),
    (0.5, 9.0, "More than 50%"),
)


def how_much(f: Facts) -> Question:
    """The prediction."""
    j, k, gained = f.largest, f.smallest, f.gain(f.largest)
    no, partial = f.of("no"), f.of("partial")
    said = (
        f"Over {DRAWS:,} draws its own mean misses by {number(no.rmse[j], 2)} points, partial pooling by "
        f"{number(partial.rmse[j], 2)}."
    )
    if not f.equal:
        said += f" In {plain(f.names[k])}, with {count(f.n[k], 'student')}: {number(no.rmse[k], 2)} and {number(partial.rmse[k], 2)}."
    return Question(
        f"{plain(f.names[j])} is the largest school ({count(f.n[j], 'student')}). By how much is its error smaller "
        "with partial pooling?",
        [
            Answer(
                text,
                said if low <= gained < high
                else "Too much: a school that knows its own mean well has little to borrow." if low > gained
                else "Too little: here the other schools tell much, even of the largest.",
                low <= gained < high,
            )
            for low, high, text in SHARES
        ],
        ordered=True,
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Four questions on what the steps have shown."""
    missed = f.true_sd or 4.0
    digits = 1 if missed >= 1 else 2
    small, large = f.gain(f.smallest), f.gain(f.largest)
    return [
        Question(
            f"A school's own mean misses by {number(missed, digits)} points (RMSE), the common mean by as much. With known SDs, by how "
            "much does partial pooling miss?",
            [
                Answer(f"{number(missed / 2**0.5, digits)} points", "1/√(1/a² + 1/a²) = a/√2. Two sources that know equally much.", True),
                Answer(f"{number(missed, digits)} points", "The two errors are not the same: they partly cancel."),
                Answer(f"{number(missed / 2, digits)} points", "Half the variance, not half the error."),
            ],
        ),
        Question(
            "Which school of this town gains most from partial pooling, as a share of its error?",
            [
                Answer("A small one", f"{percent(max(small, 0))} of the error goes in the smallest, {percent(max(large, 0))} in the largest."
                       if not f.equal and small > large else "Not in these draws.", not f.equal and small > large),
                Answer("A large one", "So it is in these draws." if not f.equal and small <= large
                       else "A large school has little to borrow: its own mean is good already.", not f.equal and small <= large),
                Answer("All the same", "All schools have the same size here." if f.equal
                       else "The share depends on the number of students.", f.equal),
            ],
        ),
        Question(
            "A town has three schools. What goes wrong with partial pooling?",
            [
                Answer("Its intervals miss the truth too often", "They take the SD between schools as known, and three schools hardly tell it.", True),
                Answer("It errs more than the schools' own means", "In the three schools you saw it erred less, all together."),
                Answer("Nothing: the number of students decides", "Students help a school's own mean. The SD between schools is learned from schools."),
            ],
        ),
        Question(
            "Five schools. Which estimate of the variance between schools is too small on average, and why?",
            [
                Answer("ML: it takes the common mean for known", "The common mean follows the schools, so they seem nearer to it than they are.", True),
                Answer("REML: it restricts the variance", "What is restricted is the likelihood: to what does not depend on the common mean."),
                Answer("Both: few schools hide their differences", "By REML the variance is about right on average. Few schools make it vary much."),
            ],
        ),
    ]  # fmt: skip


# The story


def formula(f: Facts) -> str:
    """The errors with known SDs, in the numbers of the moment."""
    sy, sa, n = f.scenario.sigma_y, f.true_sd, int(f.n[f.picked])
    known, common = f.known(n), f.of("complete").rmse
    near = (
        "All schools have one size here."
        if f.equal
        else f"The common mean is mostly that of large schools: it misses {plain(f.names[f.largest])} by "
        f"{number(common[f.largest])}, {plain(f.names[f.smallest])} by {number(common[f.smallest])}."
    )
    return (
        r"The own mean misses by $\sigma_y/\sqrt{n_j}$, a known common mean by the SD between schools, $\sigma_\alpha$. What "
        "a source knows, its precision, is 1/variance. Precisions add up:\n\n"
        r"$$\mathrm{RMSE}_{\text{partial}} = 1 \Big/ \sqrt{n_j/\sigma_y^2 + 1/\sigma_\alpha^2}$$"
        f"\n\n{plain(f.names[f.picked])} ({n}), with true SDs {number(sy)} and {number(sa)}: {number(known['no'])} alone, "
        f"{number(known['complete'])} by the common mean, **{number(known['partial'])}** together: the curves. The "
        f"marks are {DRAWS:,} draws: luck moves them by {percent(f.luck)} or so, and estimated SDs cost a little. {near}"
    )


def odd_one(f: Facts) -> str:
    """Where partial pooling loses."""
    no, partial, j = f.of("no"), f.of("partial"), f.odd
    loses = partial.rmse[j] > no.rmse[j]
    return (
        f"Partial pooling believes in one family of schools. For Ashford it misses by {number(partial.rmse[j])} points, its own mean "
        f"by {number(no.rmse[j])}: it {'loses' if loses else 'wins'}. All schools together, it "
        f"{'still errs less' if f.partial_wins else 'errs more, too'}: {number(partial.overall_rmse)} against {number(no.overall_rmse)}."
    )


def coverage(f: Facts) -> str:
    """Intervals and what they promise."""
    held = {way: percent(f.of(way).overall_coverage) for way in NAMES}
    return (
        "The board wants to know how sure you are: a 95% [[interval]], about two standard errors to each side. It promises to hold "
        "the truth in 95% of all draws. How often it does is its [[coverage]].\n\n"
        f"Own means: {held['no']}. Partial pooling: {held['partial']}, with shorter intervals: {number(f.of('partial').overall_width)} points "
        f"wide instead of {number(f.of('no').overall_width)}. The common mean: {held['complete']}. Its interval is short, as if all schools "
        "were the same."
    )


def three(f: Facts) -> str:
    """Too few schools."""
    no, partial = f.of("no"), f.of("partial")
    return (
        f"The **error** is {'still smaller' if f.partial_wins else 'larger now'}: {number(partial.overall_rmse, 2)} points against "
        f"{number(no.overall_rmse, 2)}. The **intervals** fail: {percent(partial.overall_coverage)} hold the truth. They take the SD "
        f"between schools as known, and three schools hardly tell it: in {percent(f.never_estimated)} of the draws its estimate is exactly 0. "
        "That costs much: the green marks lie above their curve, which is for known SDs."
    )


def two_methods(f: Facts) -> str:
    """REML and ML."""
    found = f.spreads
    reml, ml = f.variance(found.reml), f.variance(found.ml)
    return (
        f"How much do {count(len(f.n), 'school')} differ? [[Maximum likelihood]] (ML) measures their spread around the common mean as if "
        "that were known. But it was estimated from the same schools, and lies too near to them. [[REML]] allows for that, much as a "
        r"sample variance of $J$ values divides by $J - 1$."
        f"\n\nThe true variance is {number(f.true_sd**2)}. Average of the estimated variances: REML **{number(reml)}**, ML **{number(ml)}**. "
        f"(Their roots, the SDs, average less: {number(found.reml.mean())} by REML, where the truth is {number(f.true_sd)}.) "
        "Partial pooling is fitted by REML in this course."
    )


ERRORS = {"view": "errors", "coverage": False, "school": "Juniper", "handle": "last"}
SIZES = {"view": "sizes", "coverage": False, "school": "Juniper"}

STEPS = [
    story.situation(
        heading="Better, or only different?",
        text=f"A school head complains: “You moved us by points. Perhaps you made it worse.” One town cannot answer. But here the "
        f"truth is ours to set. So draw the town **{DRAWS:,} times**: other schools, other students, the same sizes. Each dot is one "
        "draw: by how much the school's own mean (no pooling) or the common mean (complete pooling) missed the truth. "
        "[[Root mean square error|RMSE]] is the typical miss.",
        hand=so_far,
        do="Drag the handle to the first draw, and forward.",
        shows=ERRORS,
    ),
    story.predict(
        heading="What does the largest school gain?",
        text="A small school's own mean misses by far. Partial pooling mixes it with the common mean. "
        "Does a large school need that?",
        ask=how_much,
        shows={**ERRORS, "school": "Oak Hill"},
    ),
    story.say(
        heading="What two sources know adds up",
        text=formula,
        do="Move the SD: each move refits all draws.",
        uses=("sigma_alpha",),
        shows=SIZES,
    ),
    story.breaks(
        heading="Where it loses: the odd school",
        changed="In every draw Ashford now lies 30 points lower than it would.",
        look=lambda f: f"The hill of partial pooling is not over 0: in {percent(f.pulled_up)} of the draws it puts Ashford too high.",
        text=odd_one,
        hand=all_three,
        sets=presets.EXTRAORDINARY,
        shows={**ERRORS, "school": "Ashford"},
    ),
    story.say(
        heading="An estimate needs its interval",
        text=coverage,
        do="Compare the lower panel with the grey line at 95%.",
        shows={**SIZES, "coverage": True},
    ),
    story.breaks(
        heading="Three schools",
        changed="The town has three schools.",
        look="Above, partial pooling still lies below the own means or near them. Below, it lies under the grey line.",
        text=three,
        sets=THREE,
        shows={**SIZES, "coverage": True, "school": "Ashford"},
    ),
    story.try_it(
        heading="REML or ML: an SD of few schools",
        text=two_methods,
        do="Take more schools: do the two agree?",
        uses=("n_groups",),
        sets=FIVE,
        shows={"view": "spreads", "coverage": False, "school": "Ashford"},
    ),
    story.check(heading="Check yourself", ask=checks, shows={**SIZES, "coverage": True}),
    story.sentence(
        heading="What the board can be told",
        text="On the whole partial pooling errs less than each school's own mean: much less in small schools, hardly in large ones, and "
        "more in a school unlike all others. With few schools do not trust its intervals.",
        shows={**SIZES, "coverage": True},
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    return (
        r"$$y_i = \alpha_{j[i]} + \epsilon_i,\quad \epsilon_i \sim N(0, \sigma_y^2); \qquad "
        r"\alpha_j = a_0 + \eta_j,\quad \eta_j \sim N(0, \sigma_\alpha^2)$$"
        "\n\nNo predictors. Every draw has new $\\alpha_j$ and new students; the sizes stay. Complete and no pooling are least "
        "squares, with intervals by Student's t; partial pooling is fitted by REML, with intervals of 1.96 standard errors that take "
        f"the SDs as known. $\\sigma_\\alpha$ is estimated as exactly 0 in {percent(f.never_estimated)} of the draws. A thousand draws "
        "leave about 1.4 points of doubt about a coverage of 95%. With known SDs the errors are those of Gelman & Hill (2007), section 12.2. "
        "REML: Patterson & Thompson (1971); the criterion: Bates et al. (2015), section 3.4."
    )


def code(f: Facts) -> Listing:
    """The first draw's fit in three languages, and all draws."""
    return listing(
        f.scenario,
        f.data,
        Recipe(
            core=[
                "from mlm_core.replication import world",
                "",
                "data = world(scenario, 0, with_x=False).data  # draw 1 of the figure",
                'for method in ("REML", "ML"):',
                "    fit = mlm.fit_partial_pooling(data, group_predictor=False, method=method)",
                "    print(fit.hyper.a0, fit.hyper.sigma_alpha, fit.sigma_y)",
                "    print(dict(zip(data.labels, fit.lines.alpha.round(2))))",
                "",
                f"made = mlm.replicate(scenario, {DRAWS}, with_x=False)",
                "for found in (made.complete_pooling, made.no_pooling, made.partial_pooling):",
                "    print(round(found.overall_rmse, 2), round(found.overall_coverage, 3))",
                "    print(dict(zip(made.labels, found.rmse.round(2))))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                "# draw 1 of the figure",
                "for reml in (True, False):",
                '    fit = smf.mixedlm("y ~ 1", schools, groups="school").fit(reml=reml)',
                "    a0 = fit.fe_params.iloc[0]",
                "    print(a0, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
                "    print({school: round(a0 + effect.iloc[0], 2) for school, effect in fit.random_effects.items()})",
            ],
            lme4=[
                "# draw 1 of the figure",
                "for (reml in c(TRUE, FALSE)) {",
                "  fit <- lmer(y ~ 1 + (1 | school), schools, REML = reml)",
                "  print(fixef(fit)); print(VarCorr(fit))",
                "  print(round(coef(fit)$school, 2))",
                "}",
            ],
        ),
    )


STORY = story.Story(
    slug="efficient_inference",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(seen.scenario, seen["school"]),
    figure=draw,
    controls=[
        controls.one_school(),
        controls.Choice("view", "Figure", ["errors", "sizes", "spreads"], "errors",
                        names={"errors": "One school", "sizes": "All schools", "spreads": "The SD"}),
        controls.Switch("coverage", "Show how often intervals hold the truth", True),
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "extraordinary"),
    ],
    lab=lab,
    model=model,
    listing=code,
    data=lambda f: students_table(f.data),
)  # fmt: skip

story.tell(STORY)
