"""What do people mean by fixed and random?"""

from dataclasses import replace

import numpy as np
import streamlit as st

from mlm_core import DataError, estimates
from mlm_core.charts.theme import steady_domain
from mlm_core.charts.two_limits import two_limits
from mlm_core.experiments.limits import two_limits_tables
from mlm_core.origin import true_population
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number

SLUG = "fixed_and_random"
scenario = controls.sidebar(
    "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "sigma_x", "contextual"
)
data = cached.simulation(scenario).data

lesson.begin(SLUG)
try:
    fit, path = cached.partial_pooling(scenario), cached.pooling_path(scenario)
    own = cached.no_pooling(scenario).lines.alpha
except DataError as reason:
    lesson.impossible(SLUG, reason)

estimate, sigma_y = fit.hyper.sigma_alpha, fit.sigma_y
a0, slope = number(fit.hyper.a0), number(fit.hyper.a1, 2)
one, slope_at_0, slope_at_inf = (
    number(path.alpha[0, 0]), number(path.a1[0], 2), number(path.a1[-1], 2)
)  # fmt: skip
names, schools = data.labels.astype(str), count(data.n_groups, "school")

revealed = lesson.predict(
    SLUG,
    "The handle sets σ_α, the SD of the school intercepts. Where on it do people speak of "
    "“fixed effects”?",
    [
        Answer("Only at the left end, 0", "There the intercept is the same for all schools, which is one "
               "meaning. It is not what “fixed effects” means in economics."),
        Answer("Only at the right end, ∞", "There each school has an intercept and nothing ties them "
               "together, which is one meaning. A coefficient that is the same for all is called fixed, too."),
        Answer("At both ends", "At 0 the intercept is the same for all. At ∞ it varies and has no model. "
               "Both are called fixed; between them it is random.", True),
        Answer("Nowhere: fixed or random is a fact of the data", "The data are the same all along the "
               "handle. The model and the words change."),
    ],
)  # fmt: skip

place, beside = lesson.figure_and_controls()
with beside:
    picked = controls.school(names, names[np.argmin(data.n)])
    j = int(np.flatnonzero(names == picked)[0])
    lesson.beside_truth(
        ("σ_α", estimate, true_population(scenario, with_u=False).sigma_alpha),
        ("β", fit.hyper.a1, scenario.hyper.a1),
    )
x_domain = steady_domain(np.asarray(data.x), 0, 4.5)
ends = own[:, None] + path.a1[-1] * np.array(x_domain)
rest = estimates.resting_place(estimate)
with place:
    figure.legend(
        complete="one intercept for all",
        no="each school its own",
        partial="intercepts with a model",
    )
    figure.show(
        "two_limits-slim",
        f"A line for each of {schools}, all with the same slope. At σ_α = 0 they are one line with "
        f"intercept {one}; at infinity each school has its own intercept, from {number(own.min())} "
        f"to {number(own.max())}. At the estimate, {number(estimate)} points, they lie between.",
        two_limits,
        {
            "students": estimates.marked_students(data, picked, most=300),
            **two_limits_tables(data, path, estimate, rest, picked),
        },
        x_domain=x_domain,
        y_domain=steady_domain([*data.y, *ends.ravel()], 60, 45),
        scale=estimates.HANDLE_SCALE,
        steps=estimates.STEPS,
        crowded=data.n_groups > 40,
        named=revealed,
    )
    figure.handle("two_limits-slim", rest, estimates.STEPS - 1)

if not revealed:
    lesson.see("Answer the question. Then drag the handle to both ends and watch the lines.")
else:
    lesson.see(
        f"At 0 the {schools} share one intercept, {one}. At ∞ each has its own, from "
        f"{number(own.min())} to {number(own.max())}, and no model: both are called fixed.",
        "The estimate is exactly 0: the “random” intercepts come out as one “fixed” intercept."
        if estimate == 0
        else f"Between them the intercepts are random: they have a model, with an SD of "
        f"{number(estimate)} points.",
    )

tint = lesson.tint()
alpha_i, alpha_j = tint.partial(r"\alpha_{j[i]}"), tint.partial(r"\alpha_j")
beta = tint.complete(r"\beta")
of_picked = tint.partial(rf"\alpha_{{\text{{{picked}}}}} = {number(fit.lines.alpha[j])}")
limits = (
    rf"{tint.complete(one)} \;\xleftarrow{{\;\sigma_\alpha\to 0\;}}\; {of_picked} "
    rf"\;\xrightarrow{{\;\sigma_\alpha\to\infty\;}}\; {tint.no(number(own[j]))}"
)
lesson.model(
    rf"y_i = {alpha_i} + {beta} x_i + \epsilon_i, \qquad "
    rf"{alpha_j} \sim N(a_0, \sigma_\alpha^2)",
    limits if revealed else "",
    "The intercepts have a model: they are the random effects. The slope has none: it is a fixed "
    "effect, the same for all. A model with both kinds is a mixed model. A fixed effect is the limit "
    "of the multilevel model: at 0 when the coefficient is the same for all, at ∞ when it varies and "
    "is not modelled.",
)

st.markdown("**The same line in four dialects, with the same numbers**")
sds = rf"\sigma_\alpha = {number(estimate)},\ \sigma_y = {number(sigma_y)}"
variances = f"{number(estimate**2)} and {number(sigma_y**2)}"
upper, lower = st.columns(2), st.columns(2)
with upper[0].container(border=True, height="stretch"):
    st.markdown("**Gelman & Hill**: varying and constant coefficients")
    st.latex(
        r"y_i = \alpha_{j[i]} + \beta x_i + \epsilon_i,\quad \alpha_j \sim N(a_0, \sigma_\alpha^2)"
    )
    st.latex(rf"\begin{{gathered}}a_0 = {a0},\ \beta = {slope}\\ {sds}\end{{gathered}}")
with upper[1].container(border=True, height="stretch"):
    st.markdown("**Mixed model**: fixed effects β, random effects b")
    st.latex(r"y = X\beta + Zb + \epsilon,\quad b \sim N(0, \sigma_b^2 I)")
    st.latex(
        rf"\beta = ({a0},\ {slope}),\ \sigma_b = {number(estimate)},\ \sigma = {number(sigma_y)}"
    )
    st.caption("β holds a₀ and the slope. b_j is α_j − a₀: what is added for school j.")
with lower[0].container(border=True, height="stretch"):
    st.markdown("**Software**: a formula")
    st.code(
        "lme4         y ~ x + (1 | school)\n"
        'statsmodels  mixedlm("y ~ x", groups="school")\n'
        "Stata        mixed y x || school:, reml\n"
        "HLM          Y_ij = β_0j + β_1j X_ij + r_ij\n"
        "             β_0j = γ_00 + u_0j\n"
        "             β_1j = γ_10",
        None,
    )
    st.markdown(
        f"Fixed effects: (Intercept) {a0}, x {slope}. Random effects: SD of school "
        f"{number(estimate)}, of the residual {number(sigma_y)}."
    )
    st.caption(f"Some print variances instead: {variances}.")
with lower[1].container(border=True, height="stretch"):
    st.markdown("**Econometrics**: school i, student t")
    st.latex(r"y_{it} = \beta x_{it} + c_i + u_{it}")
    st.markdown(
        f"“Random effects”: the $c_i$ are drawn from one population and do not go with x. Mean {a0}, "
        f"β = {slope}, SD of $c_i$ {number(estimate)}, of $u_{{it}}$ {number(sigma_y)}."
    )
    st.markdown(
        "“Fixed effects”: an indicator for each school. This is no pooling, the right end of the "
        f"handle: β = {slope_at_inf}."
    )
    st.caption("Econometric software estimates the SDs in another way: last digits can differ.")

st.markdown("**Five definitions, one data set** (Gelman 2005, section 6)")
st.markdown(f"A town has tested its {schools}. Change the story and see who says what.")
MODEL, INDICATORS, DRAWS = (
    "the multilevel model",
    "an indicator for each school",
    "an indicator for each, seen as random draws",
)
first, second, third = st.columns(3)
with first:
    interest = controls.choose("What is asked?", ["these schools", "schools in general"],
                               "interest", default="these schools")  # fmt: skip
with second:
    sample = controls.choose("The schools are", ["all there are", "a few of many"],
                             "sample", default="all there are")  # fmt: skip
with third:
    means = controls.choose("Fitted by", [MODEL, INDICATORS, DRAWS], "fitted_by", default=MODEL)
DEFINITIONS = (
    ("A fixed effect is the same for all; a random effect varies.",
     "Kreft & de Leeuw 1998", True, "fixed"),
    ("An effect is fixed if it is interesting in itself, random if the population behind it is.",
     "Searle, Casella & McCulloch 1992", interest != "these schools", "fixed"),
    ("An effect is fixed if the sample exhausts the population, random if it is a small part of it.",
     "Green & Tukey 1960", sample == "a few of many", "does not say"),
    ("An effect is random if it is assumed to be a realised value of a random variable.",
     "LaMotte 1983", means != INDICATORS, "fixed"),
    ("Fixed effects are estimated by least squares or maximum likelihood, random effects with shrinkage.",
     "Robinson 1991; Snijders & Bosker 1999", means == MODEL, "fixed"),
)  # fmt: skip
BADGE = {
    "random": ":green-badge[● random]", "fixed": ":blue-badge[○ fixed]", "does not say": "does not say",
}  # fmt: skip
table = ["| | Definition | intercepts α_j | slope β |", "|--:|:--|:--|:--|"]
for k, (words, source, is_random, of_slope) in enumerate(DEFINITIONS, 1):
    of_schools = BADGE["random" if is_random else "fixed"]
    table.append(f"| {k} | {words} ({source}) | {of_schools} | {BADGE[of_slope]} |")
st.markdown("\n".join(table))
random = sum(is_random for _, _, is_random, _ in DEFINITIONS)
st.markdown(
    f"The school intercepts are **random by {random}, fixed by {5 - random}** of the five. "
    "The first two choices change the words and not one number. The last changes the estimates: "
    + ("this is the handle at its estimate." if means == MODEL else "this is the handle at ∞.")
)

lesson.breaks(
    (
        "Intercepts that go with x",
        "Schools with a high pre-test have low intercepts, which the model denies. Drag and watch the "
        "slope: only toward the right end does it come near its truth, 4. This is why economists like that end. "
        "The lesson “Predictors at two levels” mends it with the mean of x as a predictor.",
        replace(
            presets.DEFAULT,
            students_per_group=6,
            sigma_x=1.0,
            contextual=-8.0,
            seed=20,
            hyper=replace(presets.DEFAULT.hyper, sigma_alpha=2.0, b0=0.0, b1=0.0, sigma_beta=0.0),
        ),
    ),
    (
        "Random by name, fixed by estimate",
        "Eight schools. The model calls their intercepts random, and the best guess of σ_α is exactly "
        "0: they come out as one number, a fixed effect of the first kind.",
        presets.ZERO,
    ),
)

lesson.check(
    SLUG,
    [
        Question(
            "An economist fits “fixed effects” to these data. Which slope will the report give?",
            [
                Answer(
                    f"{slope_at_inf}, the slope at σ_α = ∞",
                    "Right: an indicator for each school, no model for them. That is no pooling.",
                    True,
                ),
                Answer(
                    f"{slope_at_0}, the slope at σ_α = 0",
                    "There all schools share one intercept. An economist calls that pooled least squares.",
                ),
                Answer(
                    f"{slope}, the slope at the estimate",
                    "An economist calls that random effects: the intercepts have a model.",
                ),
            ],
        ),
        Question(
            "lme4 prints “Fixed effects” for this page's model. Which numbers stand under it?",
            [
                Answer(f"{a0} and {slope}: a₀ and the slope", "Right: the coefficients without a model.", True),
                Answer(
                    f"{data.n_groups} intercepts, one for each school",
                    "Those are economists' fixed effects. In lme4 they belong to the random effects.",
                ),
                Answer(
                    f"{number(estimate)} and {number(sigma_y)}: the SDs",
                    "The SDs belong to the random part and to the residuals.",
                ),
            ],
        ),
        Question(
            "“Our school effects are random, because we drew 20 of 3,000 schools.” Which definition is that?",
            [
                Answer("The third: the sample does not exhaust the population", "Right. It says nothing of how they are estimated.", True),
                Answer("The first: they vary", "That schools vary is so whether 20 or all 3,000 are there."),
                Answer("The second: interest in the population", "One can draw 20 of 3,000 and still want to know about these 20."),
                Answer("The fifth: shrinkage", "A sample can be fitted with indicators, without shrinkage."),
            ],
        ),
        Question(
            "Nothing is refitted. Can the school effects turn from fixed into random?",
            [
                Answer("Yes: by the second definition, when the question changes", "Right: from “these schools” to “schools in general”.", True),
                Answer("No: it is a fact of the data", "By the second definition it depends on what is asked. Change the story above."),
                Answer("No: it is a fact of the model", "By the fourth and fifth it is. By the second it depends on what is asked."),
            ],
        ),
    ],
)  # fmt: skip

lesson.code(
    lambda: listing(
        scenario,
        data,
        Recipe(
            core=[
                "fit = mlm.fit_partial_pooling(data)",
                "print(fit.hyper.a0, fit.hyper.a1, fit.hyper.sigma_alpha, fit.sigma_y)",
                "print(mlm.fit_complete_pooling(data).lines.beta[0])  # the limit at 0",
                "print(mlm.fit_no_pooling(data).lines.beta[0])  # the limit at infinity",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.mixedlm("y ~ x", schools, groups="school").fit(reml=True)',
                "print(fit.fe_params.values, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
                'print(smf.ols("y ~ x", schools).fit().params["x"])  # the limit at 0',
                'print(smf.ols("y ~ 0 + C(school) + x", schools).fit().params["x"])  # at infinity',
            ],
            lme4=[
                "fit <- lmer(y ~ x + (1 | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
                'print(coef(lm(y ~ x, schools))["x"])               # the limit at 0',
                'print(coef(lm(y ~ 0 + school + x, schools))["x"])  # the limit at infinity',
            ],
        ),
    ),
    lambda: estimates.students_table(data),
)

lesson.close(
    SLUG,
    "“Fixed” and “random” have at least five meanings, so say what you mean: is the coefficient the "
    "same for all, or does it vary, and if it varies, does it have a model?",
)
