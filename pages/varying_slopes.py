"""What if the pre-test counts for more in some schools?"""

from mlm_core import estimates
from mlm_core.charts.slopes_plane import slopes_plane
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.varying_slopes import HIGH, LOW, PLACES, REST, START, STEPS, Facts, facts
from pages.shared import controls, figure, presets, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle:
    """Schools in the plane of slope and intercept, and their lines."""
    slopes = steady_domain([*f.fit.lines.beta, *f.simulation.beta, f.hyper.a1], 3, 10)
    figure.legend(
        no="a school's own line" + (f" ({f.hidden(slopes)} not at left)" if f.hidden(slopes) else ""),
        **({"partial": "partial pooling", "target": "what it is pulled to"} if seen.revealed else {}),
        **({"truth": "truth (dashed)"} if seen["truth"] else {}),
    )  # fmt: skip
    tables = f.tables(slopes, partial=seen.revealed, truth=seen["truth"])
    lines = tables["lines"]
    fronts = lines.rows((lines["kind"] == "front") & (lines["seen"] > 0))
    figure.show(
        "slopes_plane",
        f"Left, {count(f.data.n_groups, 'school')} by slope and intercept; right, their lines. "
        + (f"With partial pooling the SD of intercepts is {number(f.hyper.sigma_alpha)} points where x = 0 is "
           f"a pre-test of 500, the SD of slopes {number(f.hyper.sigma_beta)}; {correlation(f)}."
           if seen.revealed else
           f"The steepest line of all is that of {f.names[f.steepest]}. Partial pooling is not shown yet."),
        slopes_plane,
        tables,
        on_school=story.pick_from("slopes_plane"),
        axes={
            "scores": steady_domain(fronts["y"], 56, 42),
            "slopes": slopes,
        },
        origins=(LOW, HIGH),
        steps=STEPS,
    )  # fmt: skip
    spoken = [f"x is zero at a pre-test of {number(c, 0)}" for c in f.raw]
    return Handle("slopes_plane", REST, spoken, "Where x is zero", PLACES)


def correlation(f: Facts) -> str:
    """The correlation with its interval, in words."""
    rho, low, high = f.rho
    said = (
        "there is no correlation to estimate"
        if not f.has_rho
        else f"their correlation is {number(rho, 2)}"
    )
    return f"{said} (95% interval {number(low, 2)} to {number(high, 2)})"


# Words that follow the handle


def zero(f: Facts) -> Hand:
    """What depends on where x is zero, and what does not."""
    rows = (
        ("SD of intercepts", "{sa}"), ("SD of slopes", "{sb}"), ("correlation ρ", "{rho}"),
        ("its 95% interval", "{low} to {high}"),
    )  # fmt: skip
    body = "".join(f"<tr><th scope='row'>{name}</th><td>{hole}</td></tr>" for name, hole in rows)
    return hand(
        f"<table><thead><tr><th>x is zero at</th><th>{{at}}</th></tr></thead><tbody>{body}</tbody></table>",
        at=[number(c, 0) for c in f.raw],
        sa=[number(m.sigma_alpha) for m in f.moved],
        sb=[number(m.sigma_beta) for m in f.moved],
        rho=[number(m.rho, 2) for m in f.moved],
        low=[number(v, 2) for v in f.rho_low],
        high=[number(v, 2) for v in f.rho_high],
    )


def one_school(f: Facts) -> Hand:
    """The picked school: its own line and the one that partial pooling gives it."""
    j = f.picked
    name = figure.escaped(f"{f.names[j]} ({f.data.n[j]})")
    own, fit = f.heights(f.own, j), f.heights(f.fit.lines, j)
    return hand(
        f"<table><thead><tr><th>{name}</th><th>height at {{at}}</th><th>slope</th></tr></thead><tbody>"
        "<tr><th scope='row'>own line</th><td>{own}</td><td>{slope}</td></tr>"
        "<tr><th scope='row'>partial pooling</th><td>{fit}</td><td>{pulled}</td></tr></tbody></table>",
        at=[number(c, 0) for c in f.raw],
        own=[number(v) for v in own],
        fit=[number(v) for v in fit],
        slope=[number(f.own.beta[j])] * STEPS,
        pulled=[number(f.fit.lines.beta[j])] * STEPS,
    )


# Questions


def which(f: Facts) -> Question:
    """The prediction."""
    intercepts, slopes = (percent(max(share, 0.0)) for share in f.lost)
    lost = f"Of the spread between own slopes {slopes} disappears, of that between own intercepts {intercepts}. At another zero of x it may be otherwise: step 4."
    return Question(
        "Dots move up or down, and left or right. With x counted from 500: of which spread does partial pooling take the larger share?",
        [
            Answer("Left or right: the slopes", lost if f.more == "slopes" else
                   "Slopes are known badly. But here they truly differ enough to be kept.", f.more == "slopes"),
            Answer("Up or down: the intercepts", lost if f.more == "intercepts" else
                   "The height of a line is known quite well: all students of the school help to fix it.",
                   f.more == "intercepts"),
            Answer("Both the same", lost if f.more == "same" else
                   "Each is pulled by how badly it is known. The two are not known equally well.", f.more == "same"),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Four questions on what the steps have shown."""
    rho, (b1, se) = f.rho[0], f.b1
    value = "not there: an SD is 0" if not f.has_rho else number(rho, 2)
    leans = f"ρ is {value}. The ellipse leans that way."
    here, there = f.moved[REST], f.moved[0]
    change = "more" if b1 >= 0 else "fewer"
    return [
        Question(
            "A new school has one student so far. The pre-test was 500, the score far above what the model expects. "
            "Which slope does the model give the school, compared with the mean slope of all schools?",
            [
                Answer("A steeper one than the mean slope", leans if f.lean > 0 else f"That needs a ρ above 0. Here ρ is {value}.", f.lean > 0),
                Answer("The same as the mean slope", f"ρ is {value}, so a height says nothing of a slope." if f.lean == 0 else
                       f"ρ is {value}: a high line moves the slope, too.", f.lean == 0),
                Answer("A flatter one than the mean slope", leans if f.lean < 0 else f"That needs a ρ below 0. Here ρ is {value}.", f.lean < 0),
                Answer("Not any: one student has no slope", "It has no slope of its own. But the model has a slope for every school."),
            ],
        ),
        Question(
            "You count x from a raw score of 0 instead of 500. What stays as it is?",
            [
                Answer("The lines and the SD of slopes", "It is the same model in other letters.", True),
                Answer("The SD of intercepts", f"It goes from {number(here.sigma_alpha)} to {number(there.sigma_alpha)}: intercepts are "
                       "heights at x = 0." if f.hyper.sigma_beta > 0 else "Here it stays, but only because all slopes are equal; "
                       "another thing stays in every case."),
                Answer("The correlation ρ", f"It goes from {number(here.rho, 2)} to {number(there.rho, 2)}: the dots slide, the cloud leans "
                       "another way." if f.hyper.sigma_beta > 0 else "There is none here: all slopes are equal."),
            ],
        ),
        Question(
            f"With u in the model, $b_1$ is {number(b1)} ± {number(se)}. What does that say?",
            [
                Answer(f"One SD more spending goes with {number(abs(b1))} points {change} for each 100 of pre-test",
                       r"$b_1$ changes the slope. The ± says how well it is known.", True),
                Answer(f"One SD more spending goes with {number(abs(b1))} points {change} at a pre-test of 500",
                       "That is what $b_0$ says: it moves the height of a line."),
                Answer(f"In every school, 100 points of pre-test go with {number(abs(b1))} points {change}",
                       "That would be a mean slope, $a_1$. It has nothing to do with spending."),
            ],
        ),
        Question(
            "Five schools give an estimate of ρ of exactly 1. What can you tell the board?",
            [
                Answer("Next to nothing about ρ", "The interval says so: these data allow nearly every ρ.", True),
                Answer("A high school is surely a steep one", "An estimate at the edge is not a truth at the edge. Five schools are few."),
                Answer("Nothing at all: the fit has failed", "It has not failed. The data fit best there, and little worse elsewhere."),
            ],
        ),
    ]  # fmt: skip


# The story

PAIR = r"\begin{pmatrix} \alpha_j \\ \beta_j \end{pmatrix}"
CLOUD = (
    rf"$${PAIR} \sim \mathrm{{N}}\left(\begin{{pmatrix}} a_0 \\ a_1 \end{{pmatrix}},\ "
    r"\begin{pmatrix} \sigma_\alpha^2 & \rho\,\sigma_\alpha\sigma_\beta \\ "
    r"\rho\,\sigma_\alpha\sigma_\beta & \sigma_\beta^2 \end{pmatrix}\right)$$"
)
WITH_U = r"$$\begin{aligned} \alpha_j &= a_0 + b_0 u_j + \eta_{j1} \\ \beta_j &= a_1 + b_1 u_j + \eta_{j2} \end{aligned}$$"


def tilt(f: Facts) -> str:
    """What the correlation says, and how sure that is."""
    if not f.has_rho:
        return "Here one of the two SDs is estimated as exactly 0: there is no tilt."
    more = "steeper" if f.lean > 0 else "flatter"
    if f.lean == 0:
        return f"Here {correlation(f)}: a height says nothing of a slope."
    if f.settled:
        return f"Here {correlation(f)}: on average a line that is 10 points higher is {number(abs(f.rise))} points {more}."
    return f"Here {correlation(f)}. Higher lines look {more}, but the interval holds 0, too."


def told(f: Facts) -> str:
    """What becomes of the school that looked steepest."""
    j, k = f.steepest, f.steepest_pooled
    own, pooled = f.own.beta[j], f.fit.lines.beta
    name, best = plain(f.names[j]), plain(f.names[k])
    error = number(f.fit.lines.se_beta[k])
    looked = f"{name} looked steepest, with {number(own)} by its own line."
    if f.one_slope:
        return f"{looked} Partial pooling gives all schools one slope, {number(pooled[j])}: none comes first."
    if j == k:
        return f"{looked} With {number(pooled[j])} ± {error} it still is by partial pooling: begin there."
    return (
        f"{looked} Partial pooling gives it {number(pooled[j])}. Now {best} is steepest, with {number(pooled[k])} ± {error}: "
        "begin there."
    )


def steepest_in_truth(f: Facts) -> str:
    """The slopes of the school that looked steepest: own, pooled, true."""
    j = f.steepest
    return (
        f"{plain(f.names[j])} looked steepest: own slope {number(f.own.beta[j])}, partial pooling {number(f.fit.lines.beta[j])}, "
        f"truly **{number(f.simulation.beta[j])}**."
    )


def against_truth(f: Facts) -> str:
    """How near the slopes came."""
    own, fit = f.misses(f.own), f.misses(f.fit.lines)
    won = "misses less" if fit < own else "misses more"
    true = f.true
    return (
        f"{steepest_in_truth(f)}\n\nPartial pooling brings the slope nearer to the truth (diamond) in **{f.closer} of "
        f"{f.known.sum()}** schools. In this draw it {won}: by {number(fit)} points against {number(own)} (root mean "
        f"square).\n\nThe true cloud is dashed. Its slopes have an SD of {number(true.sigma_beta)}, what u explains included; "
        f"the estimate is {number(f.hyper.sigma_beta)}. The true correlation is {number(true.rho, 2)}; "
        f"{correlation(f).replace('their correlation is', 'the estimate is')}."
    )


def interaction(f: Facts) -> str:
    """What u does to slopes."""
    b1, se = f.b1
    change = "more" if b1 >= 0 else "fewer"
    return (
        "$u_j$ is what the town spends on a student of school j, in SDs. Now it may move both coefficients:\n\n"
        + WITH_U + "\n\n$b_1$ is a [[cross-level interaction]]: with another value of a fact about the school, a fact about the "
        f"student counts for more or less. One SD more spending goes with **{number(abs(b1))}** points {change} for each 100 of pre-test, "
        f"with a standard error of {number(se)}" + (": 0 is not ruled out." if f.b1_in_doubt else ".")
    )  # fmt: skip


STEPS_OF_STORY = [
    story.situation(
        heading="Where does the pre-test count most?",
        text=lambda f: "The board plans a summer course that lifts pre-tests. It will begin where 100 points of pre-test go "
        "with most points of score: where the line of a school is steep.\n\nRight: each school's own regression. "
        "Left: the same school as one dot. Across: its **slope**. Up: its **intercept**, the height of its line where x = 0, "
        "at the vertical line: x counts from a pre-test of 500. "
        f"{plain(f.names[f.steepest])}, {count(f.data.n[f.steepest], 'student')}, looks steepest. Begin there?\n\n"
        "(Slopes differ a little more here than in other lessons, each line has its own, and u waits until step 5: so "
        "heights are not those of the lesson before.)",
        do="Click dots on the left. Through how many students does each line go?",
        shows={"school": "Juniper", "handle": "rest", "truth": False, "with_u": False},
    ),
    story.predict(
        heading="Pulled in two directions",
        text="Each school now has **two** uncertain numbers, a height and a slope. [[Partial pooling]] pulls each dot into "
        "the cloud of all schools: more, the less a number is known and the less it truly differs between schools. On the "
        "whole dots move to the middle. One of the two numbers can move away, if the other calls for it.",
        ask=which,
        shows={"school": "Juniper", "handle": "rest", "truth": False, "with_u": False},
    ),
    story.say(
        heading="Two coefficients, one cloud",
        text=lambda f: r"School j has the line $\alpha_j + \beta_j x$. Its two numbers come from one cloud: means $a_0$, $a_1$; "
        r"in the last matrix the variances, and the covariance with the [[Correlation of intercepts and slopes|correlation]] ρ:"
        "\n\n" + CLOUD + "\n\n"
        "Half of all schools are expected in the inner ellipse, 95% in the outer. With ρ they tilt: a height tells of a slope. "
        + tilt(f),
        hand=one_school,
        shows={"school": "Juniper", "handle": "rest", "truth": False, "with_u": False},
        do="Click schools: whose slope moves most?",
    ),
    story.try_it(
        heading="Move the zero of x",
        text="An intercept is a height where x = 0. Here x counts from a pre-test of 500, but that is only our choice. Dragging the "
        "vertical line moves the zero ([[centring]]). The lines stay. The dots slide, since heights are read elsewhere.",
        hand=zero,
        do="Drag it to 0, then to 800. What changes, and what does not?",
        shows={"school": "Juniper", "truth": False, "with_u": False},
    ),
    story.say(
        heading="More where the town spends more?",
        text=interaction,
        shows={"school": "Northgate", "handle": "rest", "truth": False, "with_u": True},
        do="Click schools: the ellipse moves along the purple line, to what their u lets us expect.",
    ),
    story.truth(
        heading="Did the slopes come nearer?",
        text=against_truth,
        shows={"school": "Harbour", "handle": "rest", "truth": True, "with_u": False},
    ),
    story.breaks(
        heading="Five schools and a perfect correlation",
        changed="Five schools instead of twenty.",
        look=lambda f: f"The ellipse has no width: {correlation(f)}."
        + (f" With ρ = 0 the [[deviance]], the misfit, is {number(f.gap)} larger. Only more than {number(f.clear_gap)} would speak against ρ = 0." if f.undecided else ""),
        text="It looks as if a height told the slope exactly. But five dots say little about a tilt. The best fit lies at "
        "the edge of what is possible: a [[singular fit]]. That is no mistake of the computer. But it does not show that the true ρ is 1.",
        sets=presets.PERFECT,
        hand=zero,
        shows={"school": "Ashford", "handle": "rest", "truth": True, "with_u": False},
    ),
    story.check(
        heading="Check yourself",
        ask=checks,
        shows={"school": "Juniper", "handle": "rest", "truth": False, "with_u": False},
    ),
    story.sentence(
        heading="What the board can be told",
        text=lambda f: f"Do not choose by a school's own line: slopes are known badly. {told(f)} Schools are pulled into one "
        "cloud of lines; its tilt depends on where x is zero. Whether a course raises scores, slopes do not say.",
        shows={"school": "Harbour", "handle": "rest", "truth": False, "with_u": False},
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    hyper = f.hyper
    u = (
        f", $b_0$ = {number(hyper.b0)}, $b_1$ = {number(hyper.b1)}"
        if f.with_u
        else ", without u"
    )  # fmt: skip
    return (
        r"$$y_i = \alpha_{j[i]} + \beta_{j[i]} x_i + \epsilon_i,\quad \epsilon_i \sim \mathrm{N}(0, \sigma_y^2)$$"
        + CLOUD + f"Estimates by REML, x counted from 500 in steps of 100: $a_0$ = {number(hyper.a0)}, $a_1$ = {number(hyper.a1)}{u}, "
        rf"$\sigma_\alpha$ = {number(hyper.sigma_alpha)}, $\sigma_\beta$ = {number(hyper.sigma_beta)}, "
        f"ρ = {number(hyper.rho, 2)} ({number(f.rho[1], 2)} to {number(f.rho[2], 2)}), $\\sigma_y$ = {number(f.fit.sigma_y)} points. "
        "The interval holds every ρ whose likelihood, all else at its best, is not far below the highest. "
        r"With x counted from c, the intercepts are $\alpha_j + c\,\beta_j$: another $\sigma_\alpha$, another ρ, the same lines. "
        "Source: Gelman & Hill (2007), section 13.1."
    )  # fmt: skip


def code(f: Facts) -> Listing:
    """The fit in three languages."""
    formula = "y ~ x * u" if f.with_u else "y ~ x"
    return listing(
        f.simulation.scenario,
        f.data,
        Recipe(
            core=[
                f'fit = mlm.fit_partial_pooling(data, slopes="varying", group_predictor={f.with_u})',
                "print(fit.hyper, fit.sigma_y)",
                "for school, alpha, beta in zip(data.labels, fit.lines.alpha, fit.lines.beta):",
                '    print(f"{school}: {alpha:.2f} + {beta:.2f} x")',
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                f'model = smf.mixedlm("{formula}", schools, groups="school", re_formula="~x")',
                "fit = model.fit(reml=True)",
                "sd = np.sqrt(np.diag(fit.cov_re))",
                "print(fit.fe_params.round(3).to_dict())",
                "print(sd.round(3), fit.cov_re.iloc[0, 1] / sd.prod(), np.sqrt(fit.scale))",
            ],
            lme4=[
                f"fit <- lmer({formula} + (1 + x | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit)); print(round(coef(fit)$school, 2))"
                if not f.with_u
                else "print(fixef(fit)); print(VarCorr(fit))",
            ],
        ),
    )


def lab(f: Facts) -> Hand:
    """Beside the figure in the laboratory."""
    first, second = one_school(f), zero(f)
    return Hand(first.html + second.html, {**first.texts, **second.texts})


STORY = story.Story(
    slug="varying_slopes",
    steps=STEPS_OF_STORY,
    facts=lambda seen: remembered(facts)(seen.scenario, seen["school"], seen["with_u"]),
    figure=draw,
    start=START,
    controls=[
        controls.one_school(),
        controls.TRUTH,
        controls.Switch("with_u", "Let u predict the lines"),
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_beta", "rho", "sigma_y", "b0", "b1"),
    ],
    lab=lab,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)  # fmt: skip

story.tell(STORY)
