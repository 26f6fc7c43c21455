"""Does the programme work everywhere?"""

from dataclasses import replace

from mlm_core import Hyperparameters, Scenario, estimates
from mlm_core.charts.effects import effects
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.treatment_effects import CLEAREST, COST, Facts, facts
from mlm_core.lessons.treatment_effects import STEPS as PLACES
from mlm_core.simulation import school_names
from pages.shared import cached, controls, figure, mathml, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing_of_data
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain

HALF = replace(
    Scenario(), n_groups=24, students_per_group=40, imbalance=0.5, seed=3,
    hyper=Hyperparameters(a1=0.0, b0=0.0, b1=0.0, sigma_beta=6.0, rho=0.0),
)  # fmt: skip
IN_FILE = 24  # schools of the tutoring file
MEAN, BETWEEN = (
    replace(controls.BY_NAME[name], label=label, help=words)
    for name, label, words in (
        ("a1", "Mean effect $a_1$", "What tutoring adds on average, in points."),
        (
            "sigma_beta",
            r"SD between effects $\sigma_\beta$",
            "How much the effect differs between schools, in points.",
        ),
    )
)

# What the figure shows


def span(f: Facts) -> tuple[float, float]:
    """The axis of effects, with 0 in its middle."""
    return steady_domain([*f.own, *f.trial.truth, f.found.new_low, f.found.new_high], 0, 25)


def draw(f: Facts, seen: Seen) -> Handle:
    """A forest of effects; under it, what to expect in a school that was not there."""
    truth = bool(seen["truth"]) and seen.revealed
    figure.legend(
        no="a school by itself, 95% interval",
        complete="all students together",
        **({"partial": "partial pooling, 95% interval"} if seen.revealed else {}),
        **({"truth": "true effect"} if truth else {}),
    )
    domain = span(f)
    said = [
        f"A new school: {percent(p)} chance of more than {number(v, 1 if v % 1 else 0)}"
        for v, p in zip(f.places(domain), f.above(f.places(domain))[2], strict=True)
    ]
    own = [v for v in f.own if v == v]
    figure.show(
        "effects",
        f"Effects of tutoring in {count(f.data.n_groups, 'school')}, the largest school first. By themselves they lie between "
        f"{number(min(own))} and {number(max(own))} points. "
        + (f"Partial pooling: between {number(f.partial.min())} and {number(f.partial.max())}. {both(f)}"
           if seen.revealed else "Partial pooling is not shown yet."),
        effects,
        f.tables(domain, said, partial=seen.revealed, truth=truth),
        on_school=story.pick_from("effects"),
        axes={"domain": domain},
        rows=f.data.n_groups,
        steps=PLACES,
    )  # fmt: skip
    if seen.revealed:
        figure.ends("must bring little", "must bring much")
    else:
        figure.no_handle()  # There is nothing yet that it moves.
    spoken = [f"{number(v)} points" for v in f.places(domain)]
    label = "What tutoring must bring to pay"
    return Handle("effects", PLACES // 2, spoken, label, {"cost": f.at_cost(domain)})


def both(f: Facts) -> str:
    """The two intervals in words."""
    return (
        f"The 95% interval of the mean effect goes from {number(f.found.low)} to {number(f.found.high)}, of the effect in a new school from "
        f"{number(f.found.new_low)} to {number(f.found.new_high)}."
    )


# Words that follow the handle


def worth(f: Facts) -> Hand:
    """How many schools reach an effect, and how likely a new one does."""
    effect = f.places(span(f))
    own, partial, new = f.above(effect)
    J = f.data.n_groups
    return hand(
        "<table><thead><tr><th>more than {v} points</th><th></th></tr></thead><tbody>"
        "<tr><th scope='row'>by a school's own effect</th><td>{own}</td></tr>"
        "<tr><th scope='row'>by partial pooling</th><td>{partial}</td></tr>"
        "<tr><th scope='row'>one new school</th><td>{new} chance</td></tr></tbody></table>",
        v=[number(v) for v in effect],
        own=[f"{k} of {f.n_own}" for k in own],
        partial=[f"{k} of {J}" for k in partial],
        new=[percent(p) for p in new],
    )


def chance(f: Facts) -> Hand:
    """The chance of more than an effect in a new school, with the numbers of the moment."""
    effect, live = f.places(span(f)), mathml.live
    found = f.found
    root = f"<msqrt>{mathml.row(mathml.squared(number(found.sd, 2)), '+', mathml.squared(number(found.se, 2)))}</msqrt>"
    return hand(
        f"<p>More than {{v}} points in a new school: <b>{{p}}</b>, the share of that t distribution ({found.df} degrees of "
        "freedom) below</p>"
        + mathml.math(mathml.frac(mathml.row(number(found.mean, 2), "−", live("paren")), root), "=", live("z")),
        v=[number(v) for v in effect],
        paren=[f"({number(v)})" if v < 0 else number(v) for v in effect],
        z=[number(z, 2) for z in f.z(effect)],
        p=[percent(p) for p in f.above(effect)[2]],
    )  # fmt: skip


# Questions


def how_likely(f: Facts) -> Question:
    """The prediction."""
    said = f"{percent(f.likely)}, estimated from these schools. The curve below them shows what to expect in a new school."
    low = f.bin < 1
    bins = [
        ("Less than 50%", "The mean effect lies above 0, so the chance is better than even."),
        ("50 to 75%", "The mean effect lies below 0." if low
         else "The mean effect lies farther above 0 than that, for how much schools differ."),
        ("75 to 95%", "The mean effect lies far above 0, for how much schools differ: it is likelier still." if f.bin > 2
         else "For that, the mean effect would have to lie farther above 0, or schools be more alike."),
        ("More than 95%", "Too sure: schools differ, and the mean effect itself is not known exactly."),
    ]  # fmt: skip
    return Question(
        "A school like these, but not among them, buys the programme. How likely does it help there?",
        [Answer(text, said if k == f.bin else why, k == f.bin) for k, (text, why) in enumerate(bins)],
        ordered=True,
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Four questions on what the steps have shown."""
    found, best = f.found, f.best
    own, partial = number(f.own[best]), number(f.partial[best])
    width = number(f.least_width)
    still = width == "0.0"
    return [
        Question(
            f"The 95% interval of the mean effect goes from {number(found.low)} to {number(found.high)}. What does that say of "
            "the effect in one new school?",
            [
                Answer("Not enough: schools also differ",
                       f"Its own 95% interval goes from {number(found.new_low)} to {number(found.new_high)}." if not f.same else
                       "Although their differences are estimated as 0 here. That estimate is not sure.", True),
                Answer("It lies in there with 95% probability", "That would hold if all schools had the same effect for sure."),
                Answer("95% of schools lie in there", "With enough schools this interval shrinks to a point. The schools do not."),
            ],
        ),
        Question(
            f"Suppose the SD between effects is {number(f.found.sd)}, as estimated. More and more schools join the trial. How short can "
            "the interval of a new school's effect become?",
            [
                Answer("0 points, if the SD between effects stays 0" if still else f"About {width} points",
                       "Here only the uncertainty of the mean is left, and that falls." if still else
                       "Twice 1.96 times the SD between effects. se goes, the differences between schools stay.", True),
                Answer("It stays as it is" if still else "0 points: in the end all is known",
                       "Part of it, the uncertainty of the mean, falls with more schools." if still else
                       "That holds for the mean effect. A new school is another draw from schools that differ."),
                Answer("As short as a school's own interval now", "That one depends on the students of one school, not on how many schools there are."),
            ],
        ),
        Question(
            f"{plain(f.names[best])} looks best by itself, with {own} points. Of its true effect you know only this trial. "
            "What does the model expect there?",
            [
                Answer(f"About {partial}", "That is partial pooling: it asks how much of the best result was luck.", True),
                Answer("More than the first time" if own == partial else f"About {own} again",
                       "It was picked because it was the largest, so its luck was probably good."),
                Answer("A large harm: bad luck follows good",
                       "New students bring new luck, zero on average. It does not make up for the old."),
            ],
        ),
        Question(
            "Another trial: the 95% interval of the mean effect goes from −1 to 4 points. A member of the board says: “So tutoring does nothing.”",
            [
                Answer("Wrong: 0 fits these data, and so does 3", "Not to be sure of an effect is not to be sure that there is none.", True),
                Answer("Right: 0 lies inside", "So does 3. The data cannot tell one from the other."),
                Answer("Right, until the trial is run again", "Running it again does not change what this one said: anything from −1 to 4."),
            ],
        ),
    ]  # fmt: skip


# The story


def opening(f: Facts) -> str:
    """What was tried, and what the marks are."""
    low, high = min(v for v in f.own if v == v), max(v for v in f.own if v == v)
    return (
        f"Tutoring was tried in {count(f.data.n_groups, 'school')} of the town and the county. In each, about half of the students, "
        "**[[random assignment|chosen at random]]**, were tutored. A hollow circle is one school's effect: the mean of its tutored students minus "
        "that of the others. Behind the name stands how many took part.\n\n"
        f"The effects go from {number(low)} to {number(high)} points. The red rule is the one difference of all students "
        f"together: {number(f.trial.complete)}. Should the board buy tutoring for every school?"
    )


def two_questions(f: Facts) -> str:
    """Does it work, and where."""
    found = f.found
    zero = {
        "above": "The first lies above 0: it works **on average**.",
        "below": "The first lies below 0: it harms **on average**.",
        "around": "The first holds 0, and other effects as well: these data leave it open.",
    }[f.side]  # fmt: skip
    return (
        r"$\beta_j$ is the effect in school j, $a_1$ the **mean effect**, $\sigma_\beta$ the **SD between effects**; "
        rf"se is how unsure we are of $a_1$; t, here {number(found.t, 2)}, is from the t distribution, as in a t-test."
        "\n\n| question | 95% interval | points |\n|:--|:--|:--|\n"
        rf"| Does it work? | $a_1 \pm t\,\mathrm{{se}}$ | {number(found.low)} to {number(found.high)} |"
        "\n"
        rf"| In a new school? | $a_1 \pm t\sqrt{{\sigma_\beta^2 + \mathrm{{se}}^2}}$ | {number(found.new_low)} to {number(found.new_high)} |"
        f"\n\n{zero} With more and more schools se goes to 0 and t to 1.96. $\\sigma_\\beta$ stays: schools differ."
    )


def where(f: Facts) -> str:
    """What the data tell of the schools one by one: by the interval of a difference."""
    if f.apart is None:
        equal = " That does not show that the effects are equal." if f.same else ""
        return (
            "We cannot say in which of these schools it works better: for every pair, the 95% interval of the difference "
            f"contains 0.{equal}"
        )
    more, less = (plain(f.names[j]) for j in (f.apart.more, f.apart.less))
    return (
        f"Of all pairs the clearest: it seems to work better in {more} than in {less}, by {number(f.apart.gap)} points (95% "
        f"interval of the difference: {number(f.apart.low)} to {number(f.apart.high)})."
    )


def tell(f: Facts) -> str:
    """What the board can be told: on average, and in a new school."""
    low, high = number(f.found.low), number(f.found.high)
    on_average = {
        "above": "tutoring helps on average",
        "below": "tutoring harms on average",
        "around": "on average tutoring may help or harm",
    }[f.side]
    return (
        f"Two answers: {on_average} (95% interval of the mean effect: {low} to {high} points), and in one new school it brings "
        f"more than {number(COST, 0)} points with an estimated chance of {percent(f.pays)}."
    )


def reach(f: Facts) -> str:
    """Whether the new school's interval is as wide as it should be."""
    found, drawn = f.found.sd, f.trial.drawn_sd
    if 0.8 * drawn <= found <= 1.25 * drawn:
        return f"The new school's interval takes {number(found)}: near to {number(drawn)}, in this draw."
    short = found < drawn
    odd = f.true_sd < 0.8 * drawn if short else f.true_sd > 1.25 * drawn
    schools = count(f.data.n_groups, "school")
    why = (
        f"by luck these {schools} differ {'less' if short else 'more'}"
        if odd
        else f"{schools} do not tell that SD well"
    )
    return f"The new school's interval takes {number(found)}, so it is too {'short' if short else 'long'} here: {why}."


def against_truth(f: Facts) -> str:
    """What became of the estimates."""
    own, partial = f.misses(f.own), f.misses(f.partial)
    return (
        "The diamonds are the true effects. The green dot lies nearer to "
        f"the diamond than the hollow circle in **{f.closer} of {f.n_own}** schools. Partial pooling misses by {number(partial)} points, schools by "
        f"themselves by {number(own)} ([[root mean square]]).\n\n"
        "| points | estimate | true |\n|:--|--:|--:|\n"
        f"| mean effect | {number(f.found.mean)} | {number(f.true_mean)} |\n"
        f"| SD between these schools' effects | {number(f.found.sd)} | {number(f.true_sd)} |"
        f"\n\nThese effects were drawn with an SD of {number(f.trial.drawn_sd)}. {reach(f)}"
    )


def winner(f: Facts) -> str:
    """What becomes of the best-looking school."""
    best = f.best
    return (
        f"{plain(f.names[best])}, in amber: {count(f.data.n[best], 'student')}, own effect {number(f.own[best])}, partial pooling "
        f"{number(f.partial[best])}, truth {number(f.trial.truth[best])}. We made a thousand trials from our estimates, a mean effect of "
        f"{number(f.found.mean)} and an SD of {number(f.found.sd)}. On average their best-looking school promises "
        f"{number(f.curse.promise)} points and truly has {number(f.curse.truth)}."
    )


def no_effect(f: Facts) -> str:
    """A mean near 0, and schools far from it."""
    J, found = f.data.n_groups, f.found
    picked = (
        "" if f.apart is None
        else f" A winner again, but a partly pooled one: the interval holds the truth in {percent(CLEAREST)} of such trials."
    )  # fmt: skip
    return (
        f"The 95% interval of the mean effect: {number(found.low)} to {number(found.high)}; of a new school's: {number(found.new_low)} to "
        f"{number(found.new_high)}. {where(f)}{picked} In truth tutoring harms in {f.harmed} of {J} schools and helps in {J - f.harmed}."
    )


SHOWN = {"truth": False, "simulated": False, "school": "Juniper"}

STEPS = [
    story.situation(
        heading="Tutoring for every school?",
        text=opening,
        do="Find the largest and the smallest effect. How many students stand behind them?",
        shows=SHOWN,
    ),
    story.predict(
        heading="What about a school not in the trial?",
        text="Most schools of the county were not in the trial. They want to know what happens **in their school**.",
        ask=how_likely,
        shows=SHOWN,
    ),
    story.try_it(
        heading="What must it bring to be worth it?",
        text=lambda f: "Green is [[partial pooling]]. As a rule it pulls a school's effect to the mean effect, and more where few "
        f"took part. {where(f)}\n\nThe curve shows what to expect in a **new** school, dark beyond the dashed rule.",
        hand=worth,
        do=f"Suppose it pays only above {number(COST, 0)} points. Drag the rule there. Would you buy it for a new school?",
        shows=SHOWN,
    ),
    story.say(
        heading="Does it work? Everywhere?",
        text=two_questions,
        hand=chance,
        shows={**SHOWN, "handle": "cost"},
    ),
    story.truth(
        heading="How near did we come?",
        text=against_truth,
        do="Look at the small schools, at the bottom: hollow circle, green dot, diamond.",
        shows={**SHOWN, "truth": True},
    ),
    story.breaks(
        heading="Pick the winner",
        changed="The data stay, the choice does not. A member of the board looks at the results **first**, and then picks "
        "the best-looking school, to copy it.",
        look=winner,
        text="The largest of many noisy numbers is largest partly by luck. This is the **winner's curse**. A school picked "
        "by its own effect will, on average, disappoint. (We chose these data so that the winner is a very small school.)",
        shows={**SHOWN, "truth": True, "school": ""},
    ),
    story.breaks(
        heading="No effect on average",
        changed="A simulated trial: 24 other schools, same names. The mean effect is truly 0, the SD between effects 6.",
        look=no_effect,
        text="“Tutoring has no effect” would be wrong. A mean says nothing of the spread around it.",
        sets=HALF,
        shows={"truth": True, "simulated": True, "school": "Juniper"},
    ),
    story.check(heading="Check yourself", ask=checks, shows=SHOWN),
    story.sentence(
        heading="What the board can be told",
        text=tell,
        shows=SHOWN,
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    found = f.found
    return (
        r"$$y_i = \alpha_{j[i]} + \beta_{j[i]}\,\text{treated}_i + \epsilon_i, \qquad "
        r"\beta_j \sim \mathrm{N}(a_1, \sigma_\beta^2)$$"
        "\n\nThe effect is a varying slope of something that is 0 or 1: an [[effect that varies]]. Complete pooling is one difference "
        f"of means, {number(f.trial.complete, 2)}; no pooling is one for each school. By REML: $a_1$ = {number(found.mean, 2)} (se {number(found.se, 2)}), "
        f"$\\sigma_\\beta$ = {number(found.sd, 2)} points. The t has J − 1 = {found.df} degrees of freedom, {number(found.t, 2)}, since "
        "the schools are what the mean is taken over. The interval of a school by itself takes the SD of students from all schools, "
        f"{number(f.trial.no.sigma_y)} points: by the few students of a small school alone it would be much longer. The others take the SDs as known. "
        "Intervals that overlap do not show that two effects are equal: look at the interval of their difference. "
        r"With 0 and 1, $\alpha_j$ is the school's mean without tutoring. Coded −½ and ½ it would be the mean of both halves: "
        r"$\sigma_\alpha$ and $\rho$ would be others, the effects the same. "
        + ("The estimate of $\\sigma_\\beta$ is exactly 0 here: no differences between the effects were found, so the two intervals "
           "are the same. That does not say that there are none. " if f.same else "")
        + "Sources: Higgins, Thompson & Spiegelhalter (2009), section 4.2; Partlett & Riley (2017), section 2."
    )  # fmt: skip


def code(f: Facts) -> Listing:
    """The fit in three languages."""
    return listing_of_data(
        f.data,
        Recipe(
            core=[
                "from mlm_core.lessons.treatment_effects import effects",
                "",
                "# x is treated, 0 or 1",
                'fit = mlm.fit_partial_pooling(data, slopes="varying", group_predictor=False)',
                "print(fit.hyper, fit.sigma_y)",
                "print(effects(fit))",
                "print(dict(zip(data.labels.tolist(), fit.lines.beta.round(2).tolist())))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'model = smf.mixedlm("y ~ x", schools, groups="school", re_formula="~x")',
                "fit = model.fit(reml=True)  # x is treated, 0 or 1",
                'print(fit.fe_params["x"], fit.bse_fe["x"], np.sqrt(fit.cov_re.iloc[1, 1]))',
                'a1 = fit.fe_params["x"]',
                'print({s: round(a1 + e["x"], 2) for s, e in fit.random_effects.items()})',
            ],
            lme4=[
                "fit <- lmer(y ~ x + (1 + x | school), schools, REML = TRUE)  # x is treated, 0 or 1",
                "print(fixef(fit)); print(VarCorr(fit))",
                't <- qt(0.975, ngrps(fit) - 1); se <- sqrt(vcov(fit)["x", "x"])',
                'spread <- attr(VarCorr(fit)$school, "stddev")[["x"]]',
                'print(fixef(fit)[["x"]] + c(-1, 1) * t * se)',
                'print(fixef(fit)[["x"]] + c(-1, 1) * t * sqrt(se^2 + spread^2))',
                'print(round(coef(fit)$school["x"], 2))',
            ],
        ),
    )  # fmt: skip


STORY = story.Story(
    slug="treatment_effects",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(
        cached.trial(seen.scenario if seen["simulated"] else None), seen["school"]
    ),
    figure=draw,
    controls=[
        controls.Switch("simulated", "Simulate a trial"),
        controls.Choice("school", "School", lambda s: ["", *sorted(school_names(max(s.n_groups, IN_FILE)))], "Juniper",
                        names={"": "the best-looking"}),
        controls.TRUTH,
        *("n_groups", "students_per_group", "imbalance"),
        MEAN, BETWEEN,
        *("b1", "rho", "sigma_y", "redraw"),
    ],
    given=story.Given(
        "simulated", False,
        "These are the data of tutoring.csv, which no slider changes. Turn “Simulate a trial” on: then the sliders set the truth.",
    ),
    lab=worth,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)  # fmt: skip

story.tell(STORY)
