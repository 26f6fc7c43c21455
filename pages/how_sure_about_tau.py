"""How sure are we of the SD between schools: eight schools, as a story in steps."""

import pandas as pd

from mlm_core import Scenario
from mlm_core.charts.tau_curves import LETTER, SPREAD, tau_curves
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.how_sure_about_tau import EIGHT_NAMES, Facts, facts, figure_tables
from mlm_core.scenario import Bounds
from mlm_core.simulation import school_names
from pages.shared import controls, figure, mathml, story
from pages.shared.cached import remembered
from pages.shared.code import Listing
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain

PRIORS = {"flat": "flat", "half-normal": "half-normal", "half-cauchy": "half-Cauchy"}

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle:
    """The density of tau, each school over tau, and the estimates at one tau."""
    means = seen["curves"] == "means"
    averaged = bool(seen["averaged"]) and seen.revealed
    truth = bool(seen["truth"]) and seen.revealed and not f.real
    figure.legend(
        no="its own estimate" if seen.revealed else "its own estimate, ± a standard error",
        **({"partial": "if this τ were true", "complete": "all schools alike (τ = 0)"} if seen.revealed else {}),
        **({"ink": "averaged over τ"} if averaged else {}),
        **({"prior": ""} if seen["line"] and seen.revealed else {}),
        **({"truth": "truth"} if truth else {}),
    )  # fmt: skip
    domain = axis(f, means)
    figure.show(
        "tau_curves",
        f"{count(f.n, 'school')}, with own estimates from {number(f.y.min())} to {number(f.y.max())} points. "
        + (f"Above, how plausible each SD between schools is: 95% from {between(f)}. "
           f"Below, the schools fan out from {number(f.pooled.estimate)} as that SD grows."
           if seen.revealed else "The SD between schools is not shown yet."),
        tau_curves,
        figure_tables(
            f, curves=seen["curves"], domain=domain, revealed=seen.revealed, averaged=averaged, truth=truth,
            prior=bool(seen["line"]) and seen.revealed, spread=SPREAD, letter=LETTER,
        ),
        on_school=story.pick_from("tau_curves"),
        axes={"along": (0.0, f.top), "domain": domain},
        steps=len(f.tau),
        effect=what(f) if means else "SD of what is known, points",
    )  # fmt: skip
    if not seen.revealed:
        figure.no_handle()  # There is no τ yet.
    return Handle(
        "tau_curves", f.rest, [f"{t:g} point{'s' if t != 1 else ''}" for t in f.tau], "SD between schools, tau",
        {"best": f.step(f.best)},
    )  # fmt: skip


def axis(f: Facts, means: bool) -> tuple[float, float]:
    """The domain of the schools' axis."""
    if not means:
        return (0.0, steady_domain(f.se, 0, 20 if f.real else 10)[1])
    if not f.real:
        return steady_domain([*f.y, *f.truth], 60, 20)
    return steady_domain([*(f.y - f.se), *(f.y + f.se)], 12.5, 32.5)


def what(f: Facts) -> str:
    """What is measured in each school."""
    return "effect of coaching, points" if f.real else "mean test score, points"


def between(f: Facts, word: str = "to") -> str:
    """Where τ lies with 95%."""
    low, high = f.interval
    return f"{number(low) if low else '0'} {word} {number(high)}"


def name(f: Facts, j: int) -> str:
    """A school's name: the eight schools have letters only."""
    return f"School {f.names[j]}" if f.real else str(f.names[j])


# Words that follow the handle


def at_this_tau(f: Facts) -> Hand:
    """What one tau would make of the schools, and how plausible it is."""
    values = {
        "tau": [f"{t:g}" for t in f.tau],
        "plausible": [
            "the most plausible of all" if d == f.density.max()
            else "almost as plausible as the most plausible one" if d > 0.995
            else f"{percent(d)} as plausible as the most plausible one"
            for d in f.density
        ],
    }  # fmt: skip
    body = ""
    for r, j in enumerate(f.told):
        values[f"m{r}"] = [number(m) for m in f.at.mean[:, j]]
        values[f"s{r}"] = [number(s) for s in f.at.sd[:, j]]
        body += (
            f"<tr><th scope='row'>{figure.escaped(name(f, j))}</th><td>{number(f.y[j])}</td>"
            f"<td>{{m{r}}}</td><td>± {{s{r}}}</td></tr>"
        )
    return hand(
        "<p>τ = {tau}: {plausible}</p><table><thead><tr><th>school</th><th>by itself</th>"
        f"<th>at this τ</th><th>SD</th></tr></thead><tbody>{body}</tbody></table>",
        **values,
    )


def worked(f: Facts) -> Hand:
    """The picked school at one tau, with numbers, and averaged over all."""
    j, live = f.picked, mathml.live
    own = mathml.frac("1", mathml.squared(number(f.se[j])))
    common = mathml.frac("1", mathml.squared(live("tau")))
    top = mathml.row(own, "·", number(f.y[j]), "+", common, "·", live("mu"))
    return hand(
        f"<p>{figure.escaped(name(f, j))}, if τ were {{tau}}: "
        + mathml.math(mathml.frac(top, mathml.row(own, "+", common)), "=", live("theta"))
        + "</p><p>{said}{mu} is the common mean at this τ. "
        f"It moves with τ (at 0 it is {number(f.pooled.estimate)}).</p>"
        f"<p>Averaged over τ: <b>{number(f.averaged.mean[j])}</b>, give or take {number(f.averaged.sd[j])}. That already includes "
        "that τ and the common mean are not known.</p>",
        tau=[f"{t:g}" for t in f.tau],
        mu=[number(m) for m in f.at.mu],
        theta=[number(m) for m in f.at.mean[:, j]],
        said=["1/0² is infinite: only the common mean counts. " if t == 0 else "" for t in f.tau],
    )


def of_prior(f: Facts) -> Hand:
    """What the prior makes of the posterior, beside one tau."""
    j = f.picked
    return hand(
        "<table><tbody>"
        f"<tr><th scope='row'>τ, with 95%</th><td>{between(f)}</td></tr>"
        f"<tr><th scope='row'>{figure.escaped(name(f, j))}, averaged over τ</th>"
        f"<td>{number(f.averaged.mean[j])} ± {number(f.averaged.sd[j])}</td></tr>"
        "<tr><th scope='row'>if τ were {tau}</th><td>{mean} ± {sd}</td></tr></tbody></table>",
        tau=[f"{t:g}" for t in f.tau],
        mean=[number(m) for m in f.at.mean[:, j]],
        sd=[number(s) for s in f.at.sd[:, j]],
    )


def prior_words(f: Facts) -> str:
    """The prior with its scale."""
    return PRIORS[f.prior] + ("" if f.scale is None else f", scale {f.scale:g}")


# Questions


def trusted(f: Facts) -> Question:
    """The prediction."""
    lies = f"With 95% the SD lies between {between(f, 'and')} points."
    return Question(
        f"The best single guess of τ, the most plausible value, is {best(f)}. How far can you trust it?",
        [
            Answer("Very well", lies if f.trust == "well" else "Other values are nearly as plausible.", f.trust == "well"),
            Answer("Roughly: half or double is ruled out" if f.best else f"Roughly: it is below {number(f.median)}",
                   lies if f.trust == "roughly" else
                   "That is as plausible as its opposite." if f.trust == "hardly" and not f.best else
                   "The data do not rule those out." if f.trust == "hardly" else "They rule out much more than that.",
                   f.trust == "roughly"),
            Answer("Hardly: very different values fit too",
                   f"{lies} {count(f.n, 'school')} say little about how much schools differ." if f.trust == "hardly"
                   else "So many schools do tell how much they differ.", f.trust == "hardly"),
        ],
        ordered=True,
    )  # fmt: skip


def best(f: Facts) -> str:
    """The best guess in words."""
    return "exactly 0" if f.best == 0 else number(f.best)


def checks(f: Facts) -> list[Question]:
    """Three questions on what the steps have shown."""
    j, smaller = f.picked, f.smaller(2)
    school = plain(name(f, j))
    guess, averaged = number(f.at_best.sd[j], 2), number(f.averaged.sd[j], 2)
    sds = f"{guess} at the best guess, {averaged} averaged over τ."
    return [
        Question(
            f"What do you report for {school}?",
            [
                Answer("Its own estimate", f"{number(f.y[j])} takes τ as infinite: the others would tell nothing."),
                Answer("Its estimate at the best guess of τ", f"{number(f.at_best.mean[j])} takes τ = {number(f.best)} as known for sure."),
                Answer("Its estimate averaged over τ",
                       f"It is {number(f.averaged.mean[j])}. Every τ counts by how plausible it is.", True),
            ],
        ),
        Question(
            f"You put the best guess τ = {number(f.best)} in as if it were known. What becomes of the SD of {school}?",
            [
                Answer("It is too small", f"{sds} What is not known of τ was left out." if smaller < 0
                       else "Often so, but not here: compare the two SDs.", smaller < 0),
                Answer("It is about right", sds if smaller == 0 else "The two SDs are not the same here.", smaller == 0),
                Answer("It is too large", f"{sds} The best guess lies above most of the density." if smaller > 0
                       else "Taking something as known does not add to what is unknown.", smaller > 0),
            ],
        ),
        Question(
            "“With fewer than ten groups a multilevel model is forbidden.” What do you answer?",
            [
                Answer("True: use no pooling instead", "No pooling is the same model with τ = ∞. Nobody knows that."),
                Answer("True: use complete pooling instead", "Complete pooling is the same model with τ = 0. Nobody knows that either."),
                Answer("False: do it as with many groups", "With few groups one guess of τ can be far off, and nobody sees it."),
                Answer("False: but average over τ", "Few groups leave τ uncertain. With three or five groups the prior on τ matters, so say which one you used.", True),
            ],
        ),
    ]  # fmt: skip


# The story


def known_truth(f: Facts) -> str:
    """The town's schools, of which the truth is known."""
    partial, own = f.misses(f.averaged.mean), f.misses(f.y)
    return (
        f"Of the eight schools nobody knows the truth. So take {f.n} simulated schools of the town, made with a true τ of "
        f"{number(f.true_tau)} points. Now the best guess is {best(f)}, and the 95% run from {between(f)}: the true τ "
        f"lies {'inside' if f.holds else 'outside, in this draw'}. More schools, and larger ones, tell more of τ.\n\nAt the right "
        "each school has a column, in the order of the alphabet, with its diamond just to the right. The short bars "
        f"miss the true means by {number(partial)} points ([[root mean square]]), the schools' own means by {number(own)}."
    )


def left(f: Facts) -> str:
    """Which schools are left."""
    *first, last = (plain(name(f, j)) for j in range(f.n))
    return f"Only {count(f.n, 'school')} of the town {'is' if f.n == 1 else 'are'} left: {', '.join(first)} and {last}."


def three(f: Facts) -> str:
    """How far the density of three schools runs."""
    return (
        f"Under this prior τ lies between {between(f, 'and')} points, with 95%"
        + (f"; {percent(f.beyond)} lie to the right of the figure" if f.beyond > 0.025 else "")
        + (". The tail is so long that τ itself has no mean. A school's estimate has one: at a large τ it is its own value."
           if f.endless else ".")
    )  # fmt: skip


def sentence(f: Facts) -> str:
    """What the board is told."""
    j = f.picked
    average = "average over every τ, each by how plausible it is"
    if not f.real:
        return f"One guess of τ hides how little the schools say of it. So {average}."
    same = (
        "All eight true effects could be the same, or differ: their"
        if f.from_zero
        else "The true effects differ: their"
    )
    return (
        f"{same} SD lies between {between(f, 'and')} points, with 95%. So {average}. For {plain(name(f, j))} the board can expect "
        f"{number(f.averaged.mean[j])} points from coaching, give or take {number(f.averaged.sd[j])} (with a {prior_words(f)} prior "
        f"on τ), and not {number(f.y[j], 0)}."
    )  # fmt: skip


EIGHT = {
    "data": "eight",
    "school": "A",
    "truth": False,
    "curves": "means",
    "prior": "flat",
    "scale": 10.0,
    "line": False,
}
NOT_YET = {**EIGHT, "averaged": False}
AVERAGED = {**EIGHT, "averaged": True}
WITH_PRIOR = {**AVERAGED, "line": True}
TOWN = {**WITH_PRIOR, "data": "town", "school": "Juniper", "truth": True}

STEPS = [
    story.situation(
        heading="Eight schools tried coaching",
        text=lambda f: "The board has results of eight schools from a coaching study (Rubin 1981). Pupils were coached for a test, "
        "and each school reports how many points that added: the **effect** of coaching.\n\nThe circles are the schools' "
        f"own estimates. The bars are one [[standard error]] long to each side: {name(f, f.picked)} reports {number(f.y[f.picked], 0)} "
        f"points, ± {number(f.se[f.picked], 0)}. The board asks: what did coaching really do in each school?",
        do="Look at the bars. Could all eight true effects be the same?",
        shows={**NOT_YET, "handle": "first"},
    ),
    story.predict(
        heading="How much do the true effects differ?",
        text="Each school has a **true effect**. We call it θ (theta). How much the true effects differ is the **SD between "
        "schools**. In this lesson it is called τ (tau); earlier it was $\\sigma_\\alpha$. At τ = 0 coaching did the same everywhere. "
        "τ and the common mean are the [[hyperparameters]].",
        ask=trusted,
        shows={**NOT_YET, "handle": "first"},
    ),
    story.try_it(
        heading="Every τ, and what it would mean",
        text=lambda f: "The hill says how plausible each τ is, given the data. Such a curve is a [[density]]: values under the high part are "
        f"more plausible. The dark part holds 95%, from {between(f)}. Below it, each green curve is a school: its estimate **if that τ were true**. "
        f"At 0{', the best guess,' if f.best == 0 else ''} all get the same {number(f.pooled.estimate)}.",
        hand=at_this_tau,
        do="Drag the handle from 0 to the right. Watch the schools fan out while τ is still plausible.",
        shows={**NOT_YET, "handle": "best"},
    ),
    story.say(
        heading="Averaged over τ",
        text="Which τ to take? Not one alone. Take a school's estimate at every τ, and average them; a plausible τ counts much, an "
        "implausible one little. This is **averaged over τ**: the short bars.",
        hand=worked,
        do="Drag: one τ is partial pooling as before. The average stands still.",
        shows={**AVERAGED, "handle": "rest"},
    ),
    story.try_it(
        heading="What was held plausible before",
        text="The dotted line is the [[prior]]: how plausible each τ was **before** the data. The data turn it into the hill, "
        "the [[posterior]]. Where the scale is small, the two are nearly one line. Flat: all τ alike. Half-normal, half of a bell "
        "curve, almost rules out a τ above twice its scale. Half-Cauchy has a longer tail: room for a much larger τ.",
        hand=of_prior,
        do="Choose half-normal. A scale of 1 insists that schools hardly differ. Then try 30.",
        uses=("prior", "scale"),
        shows={**WITH_PRIOR, "handle": "rest"},
    ),
    story.truth(
        heading="More schools tell more",
        text=known_truth,
        do="Drag along the density: the diamond below it is the true τ.",
        sets=Scenario(),
        shows={**TOWN, "handle": "rest"},
    ),
    story.breaks(
        heading="Three schools: the prior decides",
        changed=left,
        look=three,
        text="Three schools tell little of τ. Choose a prior that says what you know of schools, and report it.",
        do="Choose half-normal. Where do the 95% end now?",
        sets=Scenario(n_groups=3),
        shows={**TOWN, "handle": "rest"},
        uses=("prior", "scale"),
    ),
    story.check(heading="Check yourself", ask=checks, shows={**AVERAGED, "handle": "rest"}),
    story.sentence(
        heading="What the board can be told",
        text=sentence,
        shows={**AVERAGED, "handle": "rest"},
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    known = f" True SD between schools: {number(f.true_tau)} points." if not f.real else ""
    return (
        r"$$y_j \sim N(\theta_j, \sigma_j^2), \qquad \theta_j \sim N(\mu, \tau^2), \qquad E(\theta_j \mid \tau, y) = "
        r"\frac{y_j/\sigma_j^2 + \hat\mu_\tau/\tau^2}{1/\sigma_j^2 + 1/\tau^2}$$"
        "\n\n"
        r"$$E(\theta_j \mid y) = \int E(\theta_j \mid \tau, y)\, p(\tau \mid y)\, d\tau$$"
        "\n\n$y_j$ is the estimate of school j, $\\sigma_j$ its standard error, taken as known; $\\theta_j$ its true effect; $\\mu$ "
        "the mean of all true effects, with a flat prior; $\\tau$ their SD. These last two are the [[hyperparameters]]. "
        f"Complete pooling: {number(f.pooled.estimate, 2)} (standard error {number(f.pooled.se, 2)}). A test of τ = 0: "
        f"Q = {number(f.pooled.q, 2)} on {f.pooled.df} degrees of freedom, p = {number(f.pooled.p, 2)}. "
        f"[[REML]]: τ = {number(f.best, 2)}, the top of the density under a flat prior. Prior here: {prior_words(f)}; "
        f"the median of τ is {number(f.median, 2)}.{known} The 95% leave out 2.5% at each end; where the most plausible τ would be "
        "left out with them, they begin at 0 and leave out 5% above. "
        "To take one guess of τ, such as that of REML, as if it were known is called [[empirical Bayes]]. "
        "Sources: Rubin (1981); Gelman et al., Bayesian Data Analysis (3rd ed.), section 5.5."
    )  # fmt: skip


LOG_PRIOR = {
    "flat": ("0 * tau", "0 * tau"),
    "half-normal": ("-((tau / {0}) ** 2) / 2", "-(tau / {0})^2 / 2"),
    "half-cauchy": ("-np.log1p((tau / {0}) ** 2)", "-log1p((tau / {0})^2)"),
}


def code(f: Facts) -> Listing:
    """The posterior in three languages."""
    y, se = (
        ", ".join(f"{v:.4f}".rstrip("0").rstrip(".") for v in values) for values in (f.y, f.se)
    )
    scale = 1.0 if f.scale is None else f.scale
    named = "" if f.scale is None else f', "{f.prior}", {scale:g}'
    # As on the page: from 0 on where the most plausible tau would be left out.
    shares = "0.5, 0.95" if f.from_zero else "0.025, 0.5, 0.975"
    first = "0.0, " if f.from_zero else ""
    why = (
        "the most plausible tau is at or near 0: 5% are left out above"
        if f.from_zero
        else "2.5% are left out at each end"
    )
    in_python, in_r = (text.format(f"{scale:g}") for text in LOG_PRIOR[f.prior])
    return Listing(
        core=f"""import mlm_core as mlm
from mlm_core.hierarchy import pooled_estimate, tau_reml

y = [{y}]
se = [{se}]
print(pooled_estimate(y, se), tau_reml(y, se))
posterior = mlm.tau_posterior(y, se{named})
# low end, median and high end of 95%: {why}
print({first}*posterior.quantile([{shares}]).round(2))
print(posterior.effect_mean.round(2))
print(posterior.effect_sd.round(2))""",
        statsmodels=f"""import numpy as np
from statsmodels.stats.meta_analysis import combine_effects

y = np.array([{y}])
se = np.array([{se}])
pooled = combine_effects(y, se**2)
print(pooled.mean_effect_fe, pooled.sd_eff_w_fe, pooled.q)

# the posterior of tau on a grid: statsmodels has none
t = np.linspace(0, 25, 20001)
tau = np.sinh(t)
total = se**2 + tau[:, None] ** 2
v = 1 / (1 / total).sum(1)
mu = v * (y / total).sum(1)
likelihood = (np.log(v) - np.log(total).sum(1) - ((y - mu[:, None]) ** 2 / total).sum(1)) / 2
print(tau[likelihood.argmax()])
weight = likelihood + {in_python}
weight = np.exp(weight - weight.max()) * np.cosh(t)
weight[0] /= 2
weight /= weight.sum()
# low end, median and high end of 95%: {why}
print({first}*np.interp([{shares}], weight.cumsum() - weight / 2, tau).round(2))
mean = mu[:, None] + tau[:, None] ** 2 / total * (y - mu[:, None])
sd2 = tau[:, None] ** 2 * se**2 / total + (se**2 / total) ** 2 * v[:, None]
print((weight @ mean).round(2))
print(np.sqrt(weight @ (sd2 + (mean - weight @ mean) ** 2)).round(2))""",
        lme4=f"""# lmer() estimates sigma_y. Here the standard errors are known, so this is plain R.
y <- c({y})
se <- c({se})
fit <- lm(y ~ 1, weights = 1 / se^2)
print(c(coef(fit), 1 / sqrt(sum(1 / se^2)), deviance(fit)))

t <- seq(0, 25, length.out = 20001)
tau <- sinh(t)
total <- outer(tau^2, se^2, "+")
v <- 1 / rowSums(1 / total)
mu <- v * drop((1 / total) %*% y)
from_mu <- outer(-mu, y, "+")
likelihood <- (log(v) - rowSums(log(total)) - rowSums(from_mu^2 / total)) / 2
print(tau[which.max(likelihood)])
weight <- likelihood + {in_r}
weight <- exp(weight - max(weight)) * cosh(t)
weight[1] <- weight[1] / 2
weight <- weight / sum(weight)
# low end, median and high end of 95%: {why}
print(round(c({first}approx(cumsum(weight) - weight / 2, tau, c({shares}), ties = "ordered")$y), 2))
mean <- mu + tau^2 / total * from_mu
sd2 <- outer(tau^2, se^2) / total + t(se^2 / t(total))^2 * v
averaged <- drop(weight %*% mean)
print(round(averaged, 2))
print(round(sqrt(drop(weight %*% (sd2 + t(t(mean) - averaged)^2))), 2))""",
    )


STORY = story.Story(
    slug="how_sure_about_tau",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(
        seen.scenario, seen["data"] == "eight", seen["school"], seen["prior"], seen["scale"]
    ),
    figure=draw,
    controls=[
        controls.Choice("data", "Schools", ["eight", "town"], "eight",
                        names={"eight": "The eight schools", "town": "Schools of the town"}),
        controls.Choice("school", "School", lambda s: [*EIGHT_NAMES, *sorted(school_names(s.n_groups))], "A",
                        help="A to H are the eight schools, the others those of the town."),
        controls.Choice("prior", "Prior on τ", list(PRIORS), "flat", names=PRIORS),
        controls.Slider("scale", "Scale of the prior, points", Bounds(1.0, 30.0, 1.0), 10.0, idle=("prior", "flat")),
        controls.Choice("curves", "The curves show", ["means", "SDs"], "means"),
        controls.Switch("averaged", "Show what is averaged over τ", default=True),
        controls.Switch("line", "Show the prior", default=True),
        controls.TRUTH,
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y"),
    ],
    given=story.Given(
        "data", "eight",
        "The eight schools are real data, which no slider below changes, and nobody knows their truth. Choose “Schools of the town”: "
        "then the sliders set it.",
    ),
    lab=of_prior,
    model=model,
    listing=code,
    data=lambda f: pd.DataFrame({"school": f.names, "y": f.y, "se": f.se}),
)  # fmt: skip

story.tell(STORY)
