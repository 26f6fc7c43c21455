"""What does a school-level predictor add?"""

from dataclasses import replace
from functools import cache

import pandas as pd

from mlm_core import GroupedData, Scenario, estimates
from mlm_core.charts.intercepts import intercepts
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.varying_intercepts import (
    IN_THE_BOOK,
    RISES,
    Facts,
    Target,
    facts,
    facts_of_data,
    radon,
)
from mlm_core.scenario import bounds
from pages.shared import controls, figure, presets, story
from pages.shared.cached import DATASETS, remembered
from pages.shared.code import Listing, Recipe, listing, listing_of_data
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain, signed

MEAN, LINE, TOWN, RADON = "mean", "line", "town", "radon"
WOODS = "Lake of the Woods"


@cache
def houses() -> GroupedData:
    """The radon file."""
    return radon(pd.read_csv(DATASETS / "radon.csv"))


def of_counties(county: str) -> Facts:
    """The lesson on the book's own data."""
    return facts_of_data(houses(), county)


TARGET = controls.Choice(
    "target", "Pulled to", (MEAN, LINE), LINE, names={MEAN: "One mean", LINE: "The line on u"}
)
DATA = controls.Choice(
    "data", "Data", (TOWN, RADON), TOWN, names={TOWN: "The town", RADON: "Radon in Minnesota"}
)
COUNTY = controls.Choice("county", "County", lambda _: sorted(houses().labels.tolist()), WOODS)
OTHER_TOWN = controls.Press(
    "seed", "Another town", bounds("seed"), Scenario().seed, "Other schools, other students.",
    icon=":material/casino:",
)  # fmt: skip
USELESS = replace(presets.DEFAULT, hyper=replace(presets.DEFAULT.hyper, b0=0.0, b1=0.0), seed=4)

# What the figure shows


def draw(f: Facts, seen: Seen) -> None:
    """Intercepts against u, pulled to one mean or to a line."""
    target: Target = "line" if seen.revealed and seen["target"] == LINE else "mean"
    counties = f.truth is None
    figure.legend(
        no="its own intercept",
        partial="partial pooling",
        target=f"{'the line on u' if target == LINE else 'one mean'}, ± one SD",
        **({"truth": "true intercept"} if seen["truth"] and not counties else {}),
    )
    if counties:
        draw_counties(f, target)
        return
    u_domain = steady_domain(f.u, 0, 3)
    figure.show(
        "intercepts",
        f"Intercepts of {count(f.data.n_groups, 'school')} against u, what the town spends on a student. "
        f"{f.names[f.picked]} lies at u = {number(f.u[f.picked])} with {number(f.own[f.picked])} points. "
        + pulled(f, target, 1),
        intercepts,
        f.tables(target, u_domain, truth=seen["truth"]),
        on_school=story.pick_from("intercepts"),
        axes={"u_domain": u_domain, "y_domain": steady_domain([*f.own, *(f.own if f.truth is None else f.truth)], 60, 25)},
    )  # fmt: skip


def draw_counties(f: Facts, target: Target) -> None:
    """The same figure of the radon data."""
    u_domain = (-1.0, 0.65)
    figure.show(
        "counties",
        f"Intercepts of {count(f.data.n_groups, 'county', 'counties')} against log uranium. "
        f"{f.names[f.picked]} lies at {number(f.u[f.picked], 2)} with {number(f.own[f.picked], 2)}. "
        + pulled(f, target, 2),
        intercepts,
        f.tables(target, u_domain, truth=False),
        on_school=pick_county,
        axes={"u_domain": u_domain, "y_domain": (0.3, 3.1)},
        u_title="u: log of the soil's uranium (ppm)",
        y_title="intercept: log of radon (pCi/L), basement",
        group="county",
        member="houses",
        largest=116,
        number=".2f",
    )


def pick_county() -> None:
    """Callback: the county that was clicked."""
    county = figure.clicked("counties", "school")
    if county is not None:
        story.set_here(county=county)


def pulled(f: Facts, target: Target, digits: int) -> str:
    """What schools are pulled to, for the alternative of the figure."""
    hyper = f.fit(target).hyper
    to = (
        f"the line {number(hyper.a0, digits)} {signed(hyper.b0, digits)} u"
        if target == LINE
        else f"one mean, {number(hyper.a0, digits)}"
    )
    return (
        f"All are pulled to {to}, with an SD of {number(hyper.sigma_alpha, digits + 1)} around it."
    )


# Words and small tables


def three_ways(f: Facts, digits: int = 1) -> str:
    """The picked school by itself, pulled to the mean, pulled to the line."""
    j = f.picked
    who, size = ("county", "houses") if f.truth is None else ("school", "students")
    return (
        f"\n\n| {who} ({size}) | its own | to one mean | to the line |\n|:--|--:|--:|--:|"
        f"\n| {plain(f.names[j])} ({f.n[j]}) | {number(f.own[j], digits)} | "
        f"{number(f.without.lines.alpha[j], digits)} | {number(f.with_u.lines.alpha[j], digits)} |\n\n"
    )


def groups(f: Facts) -> str:
    """What the data call schools."""
    return "counties" if f.truth is None else "schools"


def change(f: Facts, digits: int = 2) -> str:
    """What becomes of the SD between schools."""
    before, after = (number(sd, digits) for sd in f.sd)
    if f.sd == (0.0, 0.0):
        return f"The SD between {groups(f)} is estimated as 0, with u and without."
    if f.sd[1] == 0:
        return (
            f"The SD between {groups(f)} falls from {before} to exactly 0: all are put on the line."
        )
    if before == after:
        return f"The SD between {groups(f)} stays at {after}."
    way = "falls" if f.sd[1] < f.sd[0] else "rises"
    return f"The SD between {groups(f)} {way} from {before} to {after}."


def share(f: Facts) -> str:
    """What u explains."""
    if f.sd[0] == 0:
        return "There is nothing for u to explain."
    truly = "" if f.truly_explained is None else f" (truly {percent(f.truly_explained)})"
    if f.printed_share(2) <= 0:
        return f"By these estimates u explains nothing{truly}."
    return (
        "Variances add up, so u explains an estimated "
        f"1 − {number(f.sd[1], 2)}²/{number(f.sd[0], 2)}² = {percent(f.printed_share(2))} of the variance between schools{truly}."
    )


# Questions


def which_way(f: Facts) -> Question:
    """The prediction: where does the picked school end?"""
    j = f.picked
    name, u = plain(f.names[j]), number(f.u[j])
    before, after = f.without.lines.alpha[j], f.with_u.lines.alpha[j]
    same = number(before) == number(after)
    way = "same" if same else "higher" if after > before else "lower"
    because = (
        f"At u = {u} the line stands at {number(f.pulled_to('line', j))}; the one mean is "
        f"{number(f.pulled_to('mean', j))}. {name} ends at {number(after)} instead of {number(before)}."
    )
    return Question(
        f"{name} has u = {u}. Pulled to one mean, its estimate is {number(before)}. Where will it be when the "
        "model knows u?",
        [
            Answer("Higher", because if way == "higher" else
                   f"Its own students and its new target do not bring {name} up.", way == "higher"),
            Answer("Lower", because if way == "lower" else
                   f"Its own students and its new target do not bring {name} down.", way == "lower"),
            Answer("The same", because if way == "same" else
                   "Its own students say the same as before, but it is pulled to something else.", way == "same"),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Four questions on what the steps have shown."""
    before, after = (number(sd, 2) for sd in f.sd)
    b0 = f.with_u.hyper.b0
    return [
        Question(
            "Two schools have the same own intercept and as many students. One has u = −1, the other u = 1. With the "
            f"estimate $b_0$ = {number(b0, 2)}, which ends higher?",
            [
                Answer("The one with u = 1", "Its line stands higher." if b0 > 0 else
                       "The line falls with u here.", b0 > 0),
                Answer("The one with u = −1", "The line falls with u here." if b0 <= 0 else
                       "The line rises with u here.", b0 <= 0),
                Answer("Neither", "So it would be with one mean. Each is pulled to the line at its own u."),
            ],
        ),
        Question(
            f"Without u the SD between schools is estimated as {before}, with u as {after}. What share of the variance "
            "between schools does u explain, by these estimates?",
            how_much(f),
        ),
        Question(
            "There are many schools. You add a u that has nothing to do with the scores. What becomes of the estimate of "
            r"$\sigma_\alpha$?",
            [
                Answer("It hardly changes, and may rise a little", f"Nothing is explained, and chance moves the estimate a little, up or down. In our town it rises in about {RISES} draws.", True),
                Answer("It must fall", "$R^2$ cannot fall in an ordinary regression. A residual SD can rise, and so can $\\sigma_\\alpha$."),
                Answer("It becomes 0", "Then all schools would have to lie on the line."),
            ],
        ),
        Question(
            r"Suppose $b_0$ = 0, and $\sigma_\alpha$ is neither 0 nor infinite. What is this model then?",
            [
                Answer("Partial pooling to one mean", "The line is flat.", True),
                Answer("Complete pooling", r"That takes $\sigma_\alpha$ = 0: no school may leave the line."),
                Answer("No pooling", r"That takes $\sigma_\alpha$ = ∞: the line has no pull."),
            ],
        ),
    ]  # fmt: skip


def how_much(f: Facts) -> list[Answer]:
    """Answers on the share that u explains."""
    if f.printed_share(2) <= 0:
        return [
            Answer("None that can be seen", "The SD is no smaller with u than without.", True),
            Answer("Some: u is in the model", "To be in the model explains nothing. Compare the two SDs."),
            Answer("All of it", "Then the schools would lie on the line, and not on one mean."),
        ]  # fmt: skip
    wrong = [
        (percent(f.printed_share(1)), "That compares the SDs themselves. Variances add up, so compare the squares."),
        (percent(1 - f.printed_share(2)), "That is the share which u leaves."),
        ("50%", "Compare the squares of the two SDs."),
        ("None of it", "The SD is smaller with u than without."),
    ]  # fmt: skip
    right = percent(f.printed_share(2))
    others = [Answer(text, why) for text, why in dict(wrong).items() if text != right][:2]
    return [
        Answer(right, f"1 − {number(f.sd[1], 2)}²/{number(f.sd[0], 2)}².", True),
        *others,
    ]


# The story


def weighted(f: Facts) -> str:
    """The average with the numbers of the picked school."""
    j, hyper = f.picked, f.with_u.hyper
    w = f.weight(j)
    if hyper.sigma_alpha == 0:
        return (
            f"Here $\\sigma_\\alpha$ is 0, so $w_j$ is 0 for every school. {plain(f.names[j])} is put on the line: "
            f"${number(hyper.a0)} {signed(hyper.b0)} \\cdot ({number(f.u[j], 2)}) = {number(f.with_u.lines.alpha[j])}$."
        )
    own, here = number(f.own[j]), number(f.own_part(j))
    also = (
        ""
        if own == here
        else f", and its own part is {here} ({own} without u: the slope β changes a little)"
    )
    return (
        f"{plain(f.names[j])}: $w_j$ = {number(w, 2)}{also}.\n\n"
        f"$${number(w, 2)} \\cdot {number(f.own_part(j))} + {number(1 - w, 2)} \\cdot {number(f.pulled_to('line', j))} "
        f"= {number(f.with_u.lines.alpha[j])}$$"
    )


def against_truth(f: Facts) -> str:
    """What u gave, and what it truly gives."""
    assert f.true_sd is not None
    with_u, without, J = f.miss("line"), f.miss("mean"), f.data.n_groups
    won = "by less" if with_u < without else "by no less"
    only = "But only " if with_u < without and f.closer < 0.6 * J else ""
    return (
        f"Dots miss the diamonds {won} with u: **{number(with_u)}** points against {number(without)} (root mean square). "
        f"{only}{f.closer} of {J} lie nearer."
        f"\n\n| SD between schools | estimate | truth |\n|:--|--:|--:|\n"
        f"| what u explains included | {number(f.sd[0], 2)} | {number(f.true_sd[0], 2)} |\n"
        f"| around the line | {number(f.sd[1], 2)} | {number(f.true_sd[1], 2)} |\n\n"
        f"{share(f)}"
    )  # fmt: skip


def nearly(f: Facts) -> str:
    """The line of a u that says nothing."""
    b0, se = f.with_u.hyper.b0, f.with_u.se("b0")
    flat = "nearly flat" if abs(b0) < se else "not flat, by chance"
    return (
        f"The line is {flat}: $b_0$ is estimated as {number(b0, 2)}, with a standard error of {number(se, 2)}. "
        f"{change(f)}"
    )  # fmt: skip


def of_the_book(f: Facts) -> str:
    """The radon data."""
    before, after = (number(sd, 3) for sd in f.sd)
    return (
        f"An example of Gelman & Hill (2007): {f.data.n_students} houses (our students) in {f.data.n_groups} counties (our "
        "schools). $y$ is the log of radon, a gas that causes lung cancer, $x$ the floor "
        "(0 basement, 1 first floor), $u$ the log of the soil's uranium.\n\n"
        f"With u the SD between counties falls from **{before}** to **{after}**: u explains an estimated {percent(f.explained)} "
        "of that variance.\n\n"
        f"**{plain(f.names[f.picked])}** ({count(f.n[f.picked], 'house')}) stands at "
        f"{number(f.own[f.picked], 2)} by itself. Pulled to one mean it is {number(f.without.lines.alpha[f.picked], 2)}, pulled to "
        f"the line {number(f.with_u.lines.alpha[f.picked], 2)}."
    )  # fmt: skip


SHOWN = {"school": "Juniper", "truth": False, "target": MEAN, "data": TOWN}

STEPS = [
    story.situation(
        heading="What to expect of Juniper?",
        text=lambda f: "The town does not spend the same everywhere. The [[school-level predictor]] **u** says what it "
        "spends on a student of the school, in SDs: 0 is average, to the right is more.\n\nA hollow circle is a "
        "school's own intercept: what to expect of its student with a pre-test of 0, the average. Larger schools have larger "
        "circles. "
        "A filled dot is partial pooling as you know it: all are pulled to one mean (dashed).\n\n"
        f"{plain(f.names[f.picked])} has u = {number(f.u[f.picked])} and stands at {number(f.own[f.picked])} points by its own "
        f"{count(f.n[f.picked], 'student')}. What should the board expect of a school like it?",
        do="Find **Juniper**. Is one mean for all a fair guess for it?",
        shows=SHOWN,
    ),
    story.predict(
        heading="Let the model know u",
        text="Now the model may use u. In place of one mean it fits a line, $a_0 + b_0 u_j$: what to expect of a school on "
        "which the town spends $u_j$. Each school is then pulled to the line, at its own u.",
        ask=which_way,
        shows=SHOWN,
        answered={"target": LINE},
    ),
    story.try_it(
        heading="From one mean to a line",
        text=lambda f: f"{change(f)} The pale band shows it: one SD to each side of what the schools are pulled to. About two of three "
        "true intercepts lie in it, if the estimate is right."
        + three_ways(f),
        uses=("target",),
        do="Switch to **One mean** and back. Watch the small circles at the left and at the right: which way do their dots go?",
        shows={**SHOWN, "target": LINE},
    ),
    story.say(
        heading="The weighted average, with a line in it",
        text=lambda f: r"$$\begin{aligned} \hat\alpha_j = {} & w_j\,(\bar y_j - \beta\,\bar x_j) \\ & + (1 - w_j)\,(a_0 + b_0 u_j) \end{aligned}$$"
        "\n\n"
        r"As before, $w_j$ is how much the school's own students count. Their part is their mean score, with what the "
        r"pre-test explains ($\beta\,\bar x_j$) taken out. New is the other part: the line at the school's own u. With "
        "$b_0 = 0$ the line is flat: one mean again.\n\n" + weighted(f),
        do="Click other schools: how far is each pulled to the line?",
        shows={**SHOWN, "target": LINE},
    ),
    story.truth(
        heading="What u explains is not left over",
        text=against_truth,
        uses=("target",),
        do="Guess: whose dot moves most without u? Does any come nearer? Switch to **One mean**.",
        shows={**SHOWN, "target": LINE, "truth": True},
    ),
    story.try_it(
        heading="Real data: radon in houses",
        text=of_the_book,
        do="Click a county with a small circle. How far apart are its two estimates?",
        uses=("target", "county"),
        shows={**SHOWN, "target": LINE, "data": RADON, "county": WOODS},
    ),
    story.breaks(
        heading="A u that says nothing",
        changed="Another town, with other schools of the same names. There u has nothing to do with the scores: $b_0$ is truly 0.",
        look=nearly,
        text="With one more predictor an ordinary $R^2$ cannot fall, but a residual SD can rise. So can the estimate of "
        "$\\sigma_\\alpha$. Here chance alone moves it.",
        do="Press **Another town** five times. In how many towns does the SD **rise** with u?",
        uses=("target", "seed"),
        sets=USELESS,
        shows={**SHOWN, "target": LINE},
    ),
    story.check(heading="Check yourself", ask=checks, shows={**SHOWN, "target": LINE}),
    story.sentence(
        heading="What the board can be told",
        text="A school-level predictor changes what schools are pulled to: from one mean to a line, what schools with this u "
        "reach. What it cannot explain stays in the SD between schools. It says what to expect of a school like Juniper; it does "
        "not say that money causes scores.",
        shows={**SHOWN, "target": LINE},
    ),
]  # fmt: skip


def lab(f: Facts) -> str:
    """The laboratory's words."""
    digits = 2 if f.truth is None else 1
    return change(f, digits + 1) + three_ways(f, digits)


def model(f: Facts) -> str:
    """The model in full."""
    hyper, fit = f.with_u.hyper, f.with_u
    printed = (
        f" The book prints {number(IN_THE_BOOK[0], 2)} without and {number(IN_THE_BOOK[1], 2)} with u, from an earlier file."
        if f.truth is None
        else ""
    )
    return (
        r"$$y_i = \alpha_{j[i]} + \beta x_i + \epsilon_i,\quad \epsilon_i \sim N(0, \sigma_y^2); \qquad "
        r"\alpha_j = a_0 + b_0 u_j + \eta_j,\quad \eta_j \sim N(0, \sigma_\alpha^2)$$"
        "\n\n"
        f"Estimates by REML: $a_0$ = {number(hyper.a0, 2)}, $b_0$ = {number(hyper.b0, 2)} (standard error "
        f"{number(fit.se('b0'), 2)}), $\\beta$ = {number(hyper.a1, 2)}, $\\sigma_\\alpha$ = {number(hyper.sigma_alpha, 3)}, "
        f"$\\sigma_y$ = {number(fit.sigma_y, 3)}. Without u: $\\sigma_\\alpha$ = {number(f.sd[0], 3)}. The weight is "
        r"$w_j = \dfrac{n_j/\sigma_y^2}{n_j/\sigma_y^2 + 1/\sigma_\alpha^2}$. Source: Gelman & Hill (2007), sections 12.5 "
        f"and 12.6.{printed}"
    )  # fmt: skip


RECIPE = Recipe(
    core=[
        "without = mlm.fit_partial_pooling(data, group_predictor=False)",
        "fit = mlm.fit_partial_pooling(data, group_predictor=True)",
        "print(without.hyper.a0, without.hyper.sigma_alpha)",
        "print(fit.hyper.a0, fit.hyper.b0, fit.hyper.sigma_alpha, fit.sigma_y)",
        "print(dict(zip(data.labels.tolist(), fit.lines.alpha.round(2).tolist())))",
    ],
    statsmodels=[
        "import statsmodels.formula.api as smf",
        "",
        'without = smf.mixedlm("y ~ x", schools, groups="school").fit(reml=True, method="powell")',
        'fit = smf.mixedlm("y ~ u + x", schools, groups="school").fit(reml=True, method="powell")',
        "print(without.fe_params.iloc[0], np.sqrt(without.cov_re.iloc[0, 0]))",
        "a0, b0, beta = fit.fe_params",
        "print(a0, b0, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
        'line = a0 + b0 * schools.groupby("school").u.first()',
        "print({school: round(line[school] + effect.iloc[0], 2) for school, effect in fit.random_effects.items()})",
    ],
    lme4=[
        "without <- lmer(y ~ x + (1 | school), schools, REML = TRUE)",
        "fit <- lmer(y ~ u + x + (1 | school), schools, REML = TRUE)",
        "print(fixef(without)); print(VarCorr(without))",
        "print(fixef(fit)); print(VarCorr(fit))",
        "u <- tapply(schools$u, schools$school, head, 1)",
        'intercept <- coef(fit)$school[names(u), 1] + fixef(fit)["u"] * u',
        "print(round(intercept, 2))",
    ],
)


def code(f: Facts) -> Listing:
    """Both fits in three languages."""
    if f.scenario is None:
        return listing_of_data(f.data, RECIPE)
    return listing(f.scenario, f.data, RECIPE)


STORY = story.Story(
    slug="varying_intercepts",
    steps=STEPS,
    facts=lambda seen: (
        remembered(of_counties)(seen["county"])
        if seen["data"] == RADON
        else remembered(facts)(seen.scenario, seen["school"])
    ),
    figure=draw,
    controls=[
        DATA,
        TARGET,
        controls.one_school(),
        COUNTY,
        controls.TRUTH,
        OTHER_TOWN,
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0"),
    ],
    start=Scenario(),
    given=story.Given(
        "data",
        RADON,
        "Radon: real data, which no slider changes, and nobody knows their truth. Choose “The town”: then the sliders set it.",
    ),
    lab=lab,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)

story.tell(STORY)
