"""How sure are we of the hyperparameters?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from mlm_core import Scenario
from mlm_core.charts.tau_curves import MOST_LABELS, tau_curves, tau_curves_tables
from mlm_core.charts.theme import steady_domain
from mlm_core.hierarchy import conditional_effects, tau_prior, tau_reml
from mlm_core.scenario import Bounds
from pages.shared import cached, controls, figure, lesson
from pages.shared.code import Listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent, plain

SLUG = "how_sure_about_tau"
EIGHT, SIMULATED = "The eight schools", "Simulated schools"
PRIORS = {"flat": "flat", "half-normal": "half-normal", "half-Cauchy": "half-cauchy"}
IGNORED = ("b0", "a1", "sigma_beta", "rho", "b1", "sigma_x", "contextual", "extraordinary")
with st.sidebar:
    real = controls.choose("Data", [EIGHT, SIMULATED], "data", default=EIGHT) != SIMULATED
uses = ("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y")
scenario = controls.sidebar(*(() if real else uses), beside=IGNORED)
only_tau = replace(scenario.hyper, b0=0.0, a1=0.0, b1=0.0, sigma_beta=0.0)
simple = replace(scenario, hyper=only_tau, sigma_x=0.0, contextual=0.0, extraordinary=0.0)
schools = cached.eight_schools() if real else cached.school_estimates(simple)
y, se = np.array(schools.y), np.array(schools.se)
best = tau_reml(y, se)
guess = number(best) if best else "0"

lesson.begin(SLUG)
above = st.container()
place, beside = lesson.figure_and_controls()
with beside:
    prior = PRIORS[controls.choose("Prior on τ", list(PRIORS), "prior", default="flat") or "flat"]
    with st.container(key="unseen-scale" if prior == "flat" else "seen-scale"):
        limits = Bounds(1.0, 30.0, 1.0)
        chosen = controls.slider("Scale of the prior, points", limits, "scale", 10.0, format="%g")
    scale = None if prior == "flat" else chosen
    shown = controls.choose("The curves show", ["means", "SDs"], "curves", default="means")

posterior = cached.tau_posterior(schools, prior, scale)
low, median, high = posterior.quantile([0.025, 0.5, 0.975])
roughly = low > median / 2 and high < 2 * median
surely = low > 0.8 * median and high < 1.25 * median
with above:
    revealed = lesson.predict(
        SLUG,
        "τ is the SD between schools. The data give a single best guess of it. How far can you trust that guess?",
        [
            Answer("Very well", "95% of the plausible values lie within a quarter of the middle one."
                   if surely else "Other values are nearly as plausible.", surely),
            Answer("Roughly", "Half the middle value and twice that value are both implausible."
                   if roughly else "That would rule out half and twice the middle value. The data do not.",
                   roughly and not surely),
            Answer("Hardly", f"{count(len(y), 'school')} say little about how much schools differ: "
                   "very different values are plausible." if not roughly
                   else "So many schools do tell how much schools differ.", not roughly),
        ],
    )  # fmt: skip

axis = cached.tau_posterior(schools, "flat", None).quantile(0.9)
top = steady_domain([axis], 0, 30 if real else 15)[1]
top, steps = min(top, 120), 121 if len(y) <= MOST_LABELS else 61
tau = np.linspace(0, top, steps)
at = conditional_effects(y, se, tau)
density, means = posterior.density_at(tau), shown != "SDs"
k = int(np.argmax(abs(y - at.mu[0])))
name = f"School {schools.school[k]}" if real else plain(schools.school[k])
rest = int(np.argmin(abs(tau - median))) if revealed else 0
if means:
    domain = steady_domain(y, 10, 20) if real else steady_domain(y, 60, 20)
    drawn = {"own": y, "averaged": posterior.effect_mean, "pooled": at.mu[0]}
else:
    domain = (0, steady_domain(se, 0, 10)[1])
    drawn = {"own": se, "averaged": posterior.effect_sd, "pooled": at.mu_sd[0]}

with place:
    figure.legend(
        no="its own estimate", partial="at one τ", ink="averaged over τ", complete="τ = 0"
    )
    figure.show(
        "tau_curves",
        f"Above, how plausible each SD between schools is: 95% from {number(low)} to {number(high)}. "
        f"Below, {count(len(y), 'school')} fan out from {number(at.mu[0])} as that SD grows.",
        tau_curves,
        tau_curves_tables(
            tau,
            density / density.max() if revealed else 0 * tau,
            tau_prior(tau, posterior.prior, scale) if revealed else 0 * tau,
            at.mean if means else at.sd,
            {"school": schools.school, **drawn},
            best=best,
            interval=(low, high),
            rest=rest,
            strong=k,
            domain=domain,
        ),
        top=top,
        domain=domain,
        steps=steps,
        effect=("effect of coaching, points" if real else "mean test score, points")
        if means
        else "SD of what is known, points",
        said="the estimates are" if means else "the SDs are",
        letters=len(y) <= 12,
    )
    figure.handle("tau_curves", rest, steps - 1)

beyond = 1 - float(posterior.cdf(top))
third = conditional_effects(y, se, top / 3)
if not revealed:
    lesson.see(
        "Answer the question. Then drag the handle along the density and watch the estimates spread."
    )
else:
    lesson.see(
        f"The single best guess of τ is {'exactly 0' if best == 0 else guess}"
        + (f": it would give every school the same {number(at.mu[0])}. " if best == 0 else ". ")
        + f"With 95% chance τ lies between {number(low)} and {number(high)}.",
        f"{name} by itself says {number(y[k])}. At τ = {top / 3:g} its estimate is "
        f"{number(third.mean[k])}; averaged over τ it is **{number(posterior.effect_mean[k])}**, "
        f"give or take {number(posterior.effect_sd[k])}.",
    )
    notes = [f"The true τ is {number(scenario.hyper.sigma_alpha)}."] if not real else []
    if beyond > 0.025:
        notes.append(f"{percent(beyond)} of the density lies to the right of the figure.")
    if notes:
        st.markdown(" ".join(notes))

tint = lesson.tint()


def conditional(result: str, own: str, own_se: str, mean: str, sd: str) -> str:
    """A school's estimate at one tau, with symbols or with numbers."""
    own_weight, mean_weight = rf"\dfrac{{1}}{{{own_se}^2}}", rf"\dfrac{{1}}{{{sd}^2}}"
    return (
        rf"{tint.partial(result)} = \frac{{{own_weight}\,{tint.no(own)} + {mean_weight}\,"
        rf"{tint.complete(mean)}}}{{{own_weight} + {mean_weight}}}"
    )


letter = rf"\theta_{{\text{{{schools.school[k]}}}}}"
lesson.model(
    tint.no("y_j") + r" \sim N(" + tint.partial(r"\theta_j") + r",\, \sigma_j^2), \qquad "
    + tint.partial(r"\theta_j") + r" \sim N(\mu, \tau^2), \qquad "
    + conditional(r"{E(\theta_j \mid \tau)}", "y_j", r"\sigma_j", r"\hat\mu_\tau", r"\tau")
    + r", \qquad " + tint.partial(r"E(\theta_j)") + r" = \int E(\theta_j \mid \tau)\; p(\tau \mid y)\; d\tau",
    conditional(
        rf"{{E({letter} \mid \tau = {top / 3:g})}}", rf"\cdot {number(y[k])}", number(se[k]),
        rf"\cdot {number(float(third.mu))}", f"{top / 3:g}",
    )
    + rf" \allowbreak {{{{}} = {tint.partial(number(third.mean[k]))}}}, \qquad "
    + rf"{tint.partial(rf'E({letter})')} = {tint.partial(number(posterior.effect_mean[k]))}"
    if revealed else "",
    "For one τ it is partial pooling as before. Then the curve of each school is averaged, every τ "
    "with the weight $p(\\tau \\mid y)$ that the density above gives it: the prior, dotted, times what the data say of τ. The standard errors $\\sigma_j$ are taken as known; the best guess of τ (REML, restricted maximum likelihood) is the top of the density under a flat prior.",
)  # fmt: skip

lesson.breaks(
    (
        "Three schools",
        "A flat prior lets τ go to hundreds: the density falls so slowly that τ has no finite mean. "
        "The model can be fitted. Choose a half-normal prior and say what you know of τ.",
        Scenario(n_groups=3),
        {"data": SIMULATED, "prior": "flat"},
    ),
    (
        "A prior that insists",
        "A half-normal prior of scale 1 says that schools hardly differ. With eight schools the "
        "prior decides, not the data.",
        scenario,
        {"data": EIGHT, "prior": "half-normal", "scale": 1.0},
    ),
)

at_best = conditional_effects(y, se, best)
wider, narrower = posterior.effect_sd[k] - at_best.sd[k], number(at_best.sd[k], 2)
lesson.check(
    SLUG,
    [
        Question(
            f"What do you report for {name}?",
            [
                Answer("Its own estimate", f"{number(y[k])} takes τ as infinite: the others would tell nothing."),
                Answer("Its curve at the best guess of τ", f"{number(at_best.mean[k])} takes τ = {guess} as known for sure."),
                Answer("Its curve, averaged with the density of τ as weight",
                       f"Right: {number(posterior.effect_mean[k])}. Every τ counts by how plausible it is.", True),
            ],
        ),
        Question(
            f"You put the best guess τ = {guess} in, as if it were known. What happens to the SD of {name}?",
            [
                Answer("It is too small", f"Right: {narrower} instead of {number(posterior.effect_sd[k], 2)}. What is not known of τ is left out."
                       if wider > 0 else f"Not here: {narrower} against {number(posterior.effect_sd[k], 2)}.", wider > 0),
                Answer("It stays as it is", f"It is {narrower} at the best guess and {number(posterior.effect_sd[k], 2)} averaged over τ."),
                Answer("It is too large", f"It is {narrower} at the best guess, and {number(posterior.effect_sd[k], 2)} averaged over τ."
                       + ("" if wider > 0 else " Here the best guess lies above most of the density."), wider <= 0),
            ],
        ),
        Question(
            "“With fewer than ten groups a multilevel model is forbidden.” What do you answer?",
            [
                Answer("True: use no pooling", "No pooling is the same model with τ = ∞. Nobody knows that."),
                Answer("True: use complete pooling", "Complete pooling is the same model with τ = 0. Nobody knows that."),
                Answer("False: few groups leave τ uncertain, so average over it", "Right. With three or five groups the prior on τ matters, so say which one you used.", True),
            ],
        ),
    ],
)  # fmt: skip

values = {"y": ", ".join(f"{v:.4f}".rstrip("0").rstrip(".") for v in y)}
values["se"] = ", ".join(f"{v:.4f}".rstrip("0").rstrip(".") for v in se)
named = "" if prior == "flat" else f', "{prior}", {scale:g}'
python_prior = {
    "flat": "0 * tau",
    "half-normal": f"-((tau / {scale}) ** 2) / 2",
    "half-cauchy": f"-np.log1p((tau / {scale}) ** 2)",
}[prior]
r_prior = {
    "flat": "0 * tau",
    "half-normal": f"-(tau / {scale})^2 / 2",
    "half-cauchy": f"-log1p((tau / {scale})^2)",
}[prior]
lesson.code(
    lambda: Listing(
        core=f"""import mlm_core as mlm
from mlm_core.hierarchy import pooled_estimate, tau_reml

y = [{values["y"]}]
se = [{values["se"]}]
print(pooled_estimate(y, se), tau_reml(y, se))
posterior = mlm.tau_posterior(y, se{named})
print(posterior.quantile([0.025, 0.5, 0.975]).round(2))
print(posterior.effect_mean.round(2))
print(posterior.effect_sd.round(2))""",
        statsmodels=f"""import numpy as np
from statsmodels.stats.meta_analysis import combine_effects

y = np.array([{values["y"]}])
se = np.array([{values["se"]}])
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
weight = likelihood + {python_prior}
weight = np.exp(weight - weight.max()) * np.cosh(t)
weight[0] /= 2
weight /= weight.sum()
print(np.interp([0.025, 0.5, 0.975], weight.cumsum() - weight / 2, tau).round(2))
mean = mu[:, None] + tau[:, None] ** 2 / total * (y - mu[:, None])
sd2 = tau[:, None] ** 2 * se**2 / total + (se**2 / total) ** 2 * v[:, None]
print((weight @ mean).round(2))
print(np.sqrt(weight @ (sd2 + (mean - weight @ mean) ** 2)).round(2))""",
        lme4=f"""# lmer() estimates sigma_y. Here the standard errors are known, so this is plain R.
y <- c({values["y"]})
se <- c({values["se"]})
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
weight <- likelihood + {r_prior}
weight <- exp(weight - max(weight)) * cosh(t)
weight[1] <- weight[1] / 2
weight <- weight / sum(weight)
print(round(approx(cumsum(weight) - weight / 2, tau, c(0.025, 0.5, 0.975), ties = "ordered")$y, 2))
mean <- mu + tau^2 / total * from_mu
sd2 <- outer(tau^2, se^2) / total + t(se^2 / t(total))^2 * v
averaged <- drop(weight %*% mean)
print(round(averaged, 2))
print(round(sqrt(drop(weight %*% (sd2 + t(t(mean) - averaged)^2))), 2))""",
    ),
    lambda: pd.DataFrame(schools._asdict()),
)

lesson.close(
    SLUG,
    "A point estimate of τ hides how little a few schools say about it: average over all the values "
    "of τ, each by how plausible it is.",
)
