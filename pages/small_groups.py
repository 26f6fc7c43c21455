"""Why are the best schools small?"""

from dataclasses import replace

from mlm_core import estimates
from mlm_core.charts.best_few import best_few
from mlm_core.charts.funnel import funnel
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.small_groups import DRAWS, NUMBER, YEARS, Facts, facts, year_name
from pages.shared import controls, figure, presets, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain

DIFFERENT = replace(presets.ALIKE, hyper=replace(presets.ALIKE.hyper, sigma_alpha=15.0))
YEAR = [year_name(k) for k in range(YEARS)]

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle | None:
    """Means against size with both ends of the ranking; or who is likely the best."""
    if seen["view"] == "means":
        return draw_funnel(f, seen)
    draw_chances(f, seen)
    return None


def draw_funnel(f: Facts, seen: Seen) -> Handle:
    """School means against the number of students, year after year."""
    partial, truth = seen["by"] != "own", seen["truth"] or seen["by"] == "truth"
    figure.legend(
        no="own mean (large marks: in the list)",
        complete="mean of all",
        **({"partial": "partial pooling", "target": "common mean"} if partial else {}),
        **({"truth": "true mean"} if truth else {}),
    )  # fmt: skip
    figure.show(
        "funnel-slim",
        f"The means of {count(f.data.n_groups, 'school')}, between {number(f.own[0].min())} and "
        f"{number(f.own[0].max())} points. "
        + (f"They stand at their numbers of students: {f.data.n.min()} to {f.data.n.max()}. "
           "At the right are both ends of the ranking." if seen.revealed
           else "Sizes are shown of the best only. At the right are the best and the worst."),
        funnel,
        f.tables(seen["by"], sizes=seen.revealed, partial=partial, truth=truth),
        on_school=story.pick_from("funnel-slim"),
        axes={"domain": steady_domain([*f.own.ravel(), *(f.truth if truth else [])], 60, 20)},
        largest=100 if f.data.n.max() <= 100 else 1000,
        steps=YEARS,
    )  # fmt: skip
    if not seen.revealed:
        figure.no_handle()  # The words speak of this year.
    return Handle("funnel-slim", 0, YEAR, "Year")


def draw_chances(f: Facts, seen: Seen) -> None:
    """The probability of each school to be among the best few."""
    best = int(f.likeliest[0])
    figure.legend(
        partial=f"bar: probability of being among {the(f, 'best')}; dot: among them by partial pooling",
        no="by own mean",
        **({"truth": "truly"} if seen["truth"] else {}),
    )
    tables = f.chances(truth=seen["truth"])
    figure.show(
        "best_few",
        f"The probability of each of {count(f.data.n_groups, 'school')} of being among {the(f, 'best')}. "
        f"The highest is {percent(f.said_chance(best))}, of {f.names[best]}.",
        best_few,
        tables,
        on_school=story.pick_from("best_few"),
        rows=len(tables["schools"]),
    )


def the(f: Facts, end: str) -> str:
    """The five best, or the worst one."""
    return f"the {NUMBER[f.places]} {end}" if f.places > 1 else f"the {end} one"


# Words that follow the handle


def year_by_year(f: Facts) -> Hand:
    """Who stands at the ends, wherever the handle is."""
    years = range(YEARS)
    return hand(
        "<p><strong>{year}</strong></p><table><tbody>"
        f"<tr><th scope='row'>small among {the(f, 'best')}</th><td>{{best}}</td></tr>"
        f"<tr><th scope='row'>small among {the(f, 'worst')}</th><td>{{worst}}</td></tr>"
        f"<tr><th scope='row'>this year's {the(f, 'best').removeprefix('the ')} still there</th>"
        "<td>{stayed}</td></tr></tbody></table>",
        year=[name.capitalize() for name in YEAR],
        best=[str(f.n_small(f.best("own", k))) for k in years],
        worst=[str(f.n_small(f.worst("own", k))) for k in years],
        stayed=[str(f.stayed(k)) for k in years],
    )


def three_rankings(f: Facts) -> Hand:
    """Small schools at the ends, on average."""
    small = f.average.small
    names = {"own": "own means", "partial": "partial pooling", "truth": "true means"}
    body = "".join(
        f"<tr><th scope='row'>{name}</th><td>{percent(small[by])}</td></tr>"
        for by, name in names.items()
    )
    return hand(
        f"<table><thead><tr><th>on average ({DRAWS:,} draws)</th><th>small at the ends</th>"
        f"</tr></thead><tbody>{body}</tbody></table>"
    )


# Questions


def groups(f: Facts) -> list[tuple[int, ...]]:
    """Counts from none to all, in at most three answers."""
    width = 2 if f.places > 3 else 1
    return [tuple(range(k, min(k + width, f.places + 1))) for k in range(0, f.places + 1, width)]


def worst(f: Facts) -> Question:
    """The prediction."""
    found = f.n_small(f.worst("own"))
    said = (
        "All schools have the same size here: none is small." if f.equal
        else f"Of {the(f, 'worst')}, {found} {'is' if found == 1 else 'are'} small; of {the(f, 'best')}, {f.n_small(f.best('own'))}. On average "
        f"over {DRAWS:,} such counties, small schools take {percent(f.average.small['own'])} of these places. They are "
        f"{percent(f.small.mean())} of all schools."
    )  # fmt: skip
    return Question(
        f"Of {the(f, 'worst')}, how many are small?",
        [
            Answer(
                " or ".join(map(str, counts)),
                said if found in counts
                else "There is no smaller half." if f.equal
                else "Too few. Luck lifts the mean of one small school, and lowers that of another." if max(counts) < found
                else "Too many for this year: here a larger school stands there, too.",
                found in counts,
            )
            for counts in groups(f)
        ],
        ordered=True,
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Four questions on what the steps have shown."""
    n = int(f.data.n[f.picked])
    now = round(f.luck(n), 1)  # as it is printed: a reader halves what stands there
    return [
        Question(
            f"The own mean of a school with {count(n, 'student')} has {number(now)} points of luck (SD). "
            f"How much has one with {4 * n}?",
            [
                Answer(f"{number(now / 2)} points", "Four times the students, half the luck.", True),
                Answer(f"{number(now / 4)} points", "Luck falls with the square root of the number of students."),
                Answer(f"{number(now)} points: luck is luck", "The luck of one student is the same; in a mean it partly cancels."),
            ],
        ),
        Question(
            "All schools of a county have the same size. What does partial pooling do to their ranking?",
            [
                Answer("Nothing: all are pulled by the same share", "The values move together, the order stays.", True),
                Answer("It moves small schools to the middle", "There are no small ones among them: all have the same size."),
                Answer("It moves some schools past others", "All go the same share of their way to the common mean, so nobody passes anybody."),
            ],
        ),
        what_it_says(f),
        Question(
            f"Add up these probabilities over all {f.data.n_groups} schools. What comes out?",
            [
                Answer(f"{f.places}", f"In every draw exactly {f.places} of them {'are' if f.places > 1 else 'is'} the best.", True),
                Answer("100%" if f.places > 1 else "50%", f"In each draw {count(f.places, 'school')} {'are' if f.places > 1 else 'is'} counted."),
                Answer("It depends on the data", "The data share it out among the schools. They do not change the sum."),
            ],
        ),
    ]  # fmt: skip


def what_it_says(f: Facts) -> Question:
    """What a probability lets one say."""
    top = int(f.likeliest[0])
    chance, name = f.said_chance(top), plain(f.names[top])
    often, most = f"{percent(chance)} of the drawn sets", chance >= 0.5
    return Question(
        f"{name} has the highest probability of being among {the(f, 'best')}: {percent(chance)}. What may the board say of it?",
        [
            Answer(f"It is one of {the(f, 'best')}", f"It is so in {often}, not in all."),
            Answer("It is more likely among them than not",
                   f"It is among them in {often}, and not in the others." if most
                   else f"It is among them in {often}: in less than half.", most),
            Answer("It is more likely not among them", f"It is among them in {often}: in more than half." if most
                   else f"Only in {often} is it among them. And no other school has more.", not most),
        ],
    )  # fmt: skip


# The story


def situation(f: Facts) -> str:
    """A foundation has an idea."""
    best = f.n_small(f.best("own"))
    how = "all" if best == f.places > 1 else str(best)
    return (
        f"Another county has **{f.data.n_groups} schools**, said to be much alike. (Some share a name with ours; they are "
        "other schools.) Each circle is a school's mean score this year.\n\nA foundation has noticed: of "
        f"{the(f, 'best')} there, {how} {'is' if best == 1 else 'are'} small, with fewer than {count(f.few, 'student')}. It offers our "
        "board money to split large schools into small ones."
    )


def luck(f: Facts) -> str:
    """The most dangerous equation with its numbers."""
    n, large = int(f.data.n[f.picked]), int(f.data.n.max())
    rest = (
        f"But schools truly differ by only {number(f.true_sd)} (SD). Wainer (2007) calls this the most dangerous "
        "equation: those who forget it praise small schools, or close them."
        if f.true_sd < f.luck(n)
        else f"Here schools truly differ by more: {number(f.true_sd)} (SD)."
    )
    return (
        r"In a small school luck averages out less. The SD of a school's mean around its true mean is the "
        r"SD within schools, $\sigma_y$, divided by the root of its number of students, $n_j$:"
        "\n\n" + r"$$\mathrm{SD}(\bar y_j) = \sigma_y / \sqrt{n_j}$$" + "\n\n"
        f"$\\sigma_y$ is estimated as {number(f.fit.sigma_y)}. {plain(f.names[f.picked])}, {count(n, 'student')}: {number(f.fit.sigma_y)} / √{n} = **{number(f.luck(n))} points** of luck. "
        f"The largest school, {large}: {number(f.luck(large))}. {rest}"
    )


def over_corrected(f: Facts) -> str:
    """What partial pooling does to a ranking."""
    small = f.average.small
    if f.equal:
        return (
            "[[Partial pooling]] pulls every school by the same share here, since all have the same size. The order stays; "
            "only the distances shrink."
        )
    own, partial = f.error("own"), f.error("partial")
    better = (
        f"School by school, [[partial pooling]] is, on the whole, the better guess (typical error {number(partial)} points instead of {number(own)})."
        if partial < own
        else f"In this draw [[partial pooling]] is no better guess even school by school: {number(partial)} points of typical error, own means {number(own)}."
    )  # fmt: skip
    now = (
        "This year it makes all schools level." if f.level
        else f"This year: {f.at_ends('partial')} of {2 * f.places}; by own means {f.at_ends('own')}."
    )  # fmt: skip
    agree = f.agreement
    nearer = (
        " Its order is, on average, nearer to the truth than that of own means."
        if agree["partial"] > agree["own"]
        else ""
    )
    too_well = small["partial"] < small["truth"] < small["own"]
    but = "But" if partial < own or nearer else "And"
    at_ends = (
        f"{but} **too few** small schools come to the ends: they are pulled most, and have "
        f"{percent(small['partial'])} of these places instead of {percent(small['truth'])}."
        if too_well
        else "For a ranking something else counts: small schools are pulled most."
    )
    return f"{better}{nearer} {at_ends} {now}"


def in_all(f: Facts) -> str:
    """What the probabilities add up to."""
    expected = f.expected(f.best("own"))
    few = "only " if expected < f.places / 2 else ""
    return (
        f"Each set of true means has {f.places} best, so all probabilities together make {f.places}. Those of {the(f, 'best')} by own mean make "
        f"{few}{number(expected)}: that is how many of them to expect among the truly best."
    )


def ask_for_chances(f: Facts) -> str:
    """The probability of being among the best."""
    top = int(f.likeliest[0])
    return (
        f"Nobody knows {the(f, 'best')}. But the model says which sets of true means are "
        "likely, given this year's scores. The computer draws thousands (each with its own SD between schools, not known "
        f"either) and notes the best of each. **{plain(f.names[top])}** is among {the(f, 'best')} in "
        f"**{percent(f.said_chance(top))}** of them: its probability.\n\n{in_all(f)} {in_truth(f)}"
    )


def in_truth(f: Facts) -> str:
    """How many of the best by two rankings are truly among the best."""
    if f.truly_level:
        return "In truth all schools are level: nobody is best."
    own, partial = f.right(f.best("own")), f.right(f.best("partial"))
    if f.places == 1:
        too = "" if f.level else f" The best one by partial pooling is{'' if partial else ' not'}."
        return f"In truth it is {'' if own else 'not '}the best one.{too}"
    also = "also " if own == partial else ""
    too = "" if f.level else f" Of {the(f, 'best')} by partial pooling, {also}{partial}."
    verb = "is" if own == 1 else "are"
    return f"In truth {own} of these {NUMBER[f.places]} {verb} among the best.{too}"


def table_is_enough(f: Facts) -> str:
    """Where schools differ a lot."""
    return (
        f"Now schools differ much more than luck moves them. Of {the(f, 'best')} by own mean, "
        f"{number(f.expected(f.best('own')))} are truly among the best, on average. A ranking is nearly as good as the "
        "probabilities."
    )


def told(f: Facts) -> str:
    """The answer to the foundation."""
    truly = (
        "" if f.equal
        else f" Truly, small ones have {number(f.true_mean(small=True))} points on average, the others "
        f"{number(f.true_mean(small=False))}."
    )  # fmt: skip
    return (
        "Do not take the money for this reason: where schools are much alike, small ones fill both ends of a ranking by "
        f"luck.{truly} Who is best is a question of probability."
    )


FIRST = {"school": "Meadow", "view": "means", "by": "own", "truth": False, "handle": "first"}
CHANCES = {"school": "Meadow", "view": "chances", "truth": False}

STEPS = [
    story.situation(
        heading="Split the large schools?",
        text=situation,
        do="Look at the list beside the circles; sizes are in brackets. Would you take the money?",
        shows=FIRST,
    ),
    story.predict(
        heading="And the five worst?",
        text=lambda f: f"The foundation looked at the best only. Small means: fewer than {count(f.few, 'student')}, and so are "
        f"{f.small.sum()} of the {f.data.n_groups} schools. All sizes appear when you have answered.",
        ask=worst,
        shows=FIRST,
    ),
    story.try_it(
        heading="Same schools, new students",
        text="Now each school stands at its number of students: a [[funnel plot|funnel]]. The grey band is where 95% of the "
        "means would lie if all schools were truly equal. In the list, small schools are bold on grey. The handle goes "
        "from this year to the years to come.",
        hand=year_by_year,
        do="Drag the handle from year to year. Nothing changes but the students. Who stays among the best?",
        shows=FIRST,
    ),
    story.say(
        heading="The most dangerous equation",
        text=luck,
        do="Click a school at the far left and one at the far right, and compare their luck.",
        shows=FIRST,
    ),
    story.truth(
        heading="And a ranking by partial pooling?",
        text=over_corrected,
        hand=three_rankings,
        do="Switch the ranking. Watch the bold names in the list: they are the small schools.",
        uses=("by",),
        shows={**FIRST, "by": "partial", "truth": True},
    ),
    story.say(
        heading="Ask for a probability instead",
        text=ask_for_chances,
        do="At the right: who is best by own mean, and by partial pooling. Show the truth: who of them is right there?",
        uses=("truth",),
        shows=CHANCES,
    ),
    story.breaks(
        heading="Where a table is enough",
        changed="The true SD between schools is now 15 points instead of 1.",
        look=lambda f: f"For {f.clear} of {f.data.n_groups} schools the probability is above 90% or below 10%. Own means find "
        f"{f.right(f.best('own'))} of {the(f, 'best')}, partial pooling {f.right(f.best('partial'))}.",
        text=table_is_enough,
        sets=DIFFERENT,
        shows={**CHANCES, "truth": True},
    ),
    story.check(heading="Check yourself", ask=checks, shows=CHANCES),
    story.sentence(
        heading="What the board can be told",
        text=told,
        shows={**CHANCES, "truth": True},
    ),
]  # fmt: skip


def lab(f: Facts) -> Hand | str:
    """Years and averages, and how the slider's SD goes with the estimate; or what chances say."""
    if f.asked:
        return in_all(f)
    year, average = year_by_year(f), three_rankings(f)
    return Hand(f"{year.html}{average.html}<p>{two_sds(f)}</p>", year.texts)


def two_sds(f: Facts) -> str:
    """The slider's SD within schools, and that of this lesson."""
    set_to, truly = number(f.simulation.scenario.sigma_y), number(f.true_within)
    return (
        f"The slider σ<sub>y</sub> is the SD of students with the same pre-test: {set_to}. Here the pre-test is left out. So students of "
        f"one school differ by more: truly {truly}, estimated {number(f.fit.sigma_y)}."
    )


def model(f: Facts) -> str:
    """The model in full."""
    agree, spread = f.agreement, f.average.spread
    return (
        r"$$y_i = \alpha_{j[i]} + \epsilon_i,\quad \epsilon_i \sim N(0, \sigma_y^2); \qquad "
        r"\alpha_j = a_0 + \eta_j,\quad \eta_j \sim N(0, \sigma_\alpha^2)$$"
        f"\n\nThe pre-test is left out. By REML this year: $\\sigma_\\alpha$ = {number(f.fit.hyper.sigma_alpha)}, "
        f"$\\sigma_y$ = {number(f.fit.sigma_y)} points (truly {number(f.true_within)}; the slider sets the SD at the same pre-test). Small: fewer students than the median school; "
        f"{f.small.sum()} of {f.data.n_groups}. Over {DRAWS:,} draws of schools and students, the [[rank agreement]] with "
        f"the truth is {number(agree['own'], 2)} for own means and {number(agree['partial'], 2)} for partial pooling; this and the "
        f"places by partial pooling leave out the {percent(f.average.no_ranking)} of draws whose SD between schools is "
        "estimated as 0, so that all schools are level and there is no ranking. The SD of the schools is "
        f"{number(spread['own'])} by own means, {number(spread['partial'])} by partial pooling and {number(spread['truth'])} "
        "in truth.\n\n"
        "The probabilities come from draws of the joint posterior of all true means, with flat priors on "
        r"$a_0$ and $\sigma_\alpha$, given the own means and $\sigma_y$ at its estimate (Gelman et al., *Bayesian Data "
        "Analysis*, section 5.4; Laird & Louis 1989 on ranks). Sources: Wainer (2007), The most dangerous equation; "
        "Gelman & Price (1999), All maps of parameter estimates are misleading."
    )


def code(f: Facts) -> Listing:
    """The fit in three languages."""
    return listing(
        f.simulation.scenario,
        f.data,
        Recipe(
            core=[
                "fit = mlm.fit_partial_pooling(data, group_predictor=False)",
                "order = (-fit.lines.alpha).argsort()",
                "print(fit.hyper.a0, fit.hyper.sigma_alpha, fit.sigma_y)",
                "print([(str(data.labels[j]), int(data.n[j]), round(float(fit.lines.alpha[j]), 2)) for j in order])",
                "",
                "from mlm_core.lessons.small_groups import best_chances",
                "",
                "chance = best_chances(data.group_means(data.y), fit.sigma_y / data.n**0.5, places="
                f"{f.places})",
                "print(dict(zip(data.labels.tolist(), chance.round(3).tolist())))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.mixedlm("y ~ 1", schools, groups="school").fit(reml=True)',
                "a0 = fit.fe_params.iloc[0]",
                "print(a0, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
                "means = pd.Series({s: a0 + e.iloc[0] for s, e in fit.random_effects.items()})",
                "print(means.sort_values(ascending=False).round(2).to_dict())",
            ],
            lme4=[
                "fit <- lmer(y ~ 1 + (1 | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
                "means <- coef(fit)$school",
                'print(round(means[order(-means[["(Intercept)"]]), , drop = FALSE], 2))',
            ],
        ),
    )


STORY = story.Story(
    slug="small_groups",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(seen.scenario, seen["school"], seen["view"] == "chances"),
    figure=draw,
    start=presets.ALIKE,
    controls=[
        controls.one_school(),
        controls.Choice("view", "Figure", ["means", "chances"], "means",
                        names={"means": "Means and sizes", "chances": "Who is the best?"}),
        controls.Choice("by", "Rank by", ["own", "partial", "truth"], "own",
                        names={"own": "Own mean", "partial": "Partial pooling", "truth": "Truth"}),
        controls.TRUTH,
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0"),
    ],
    lab=lab,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)  # fmt: skip

story.tell(STORY)
