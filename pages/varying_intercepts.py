"""What does a school-level predictor add?"""

from dataclasses import replace

import numpy as np
import streamlit as st

from mlm_core import DataError, estimates
from mlm_core.charts.intercepts import intercepts
from mlm_core.charts.theme import steady_domain
from mlm_core.experiments.school_level import intercepts_tables
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent, plain, signed

SLUG = "varying_intercepts"
scenario = controls.sidebar(
    "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0"
)
lesson.begin(SLUG)
try:
    simulation = cached.simulation(scenario)
    own = cached.no_pooling(scenario).lines.alpha
    without = cached.partial_pooling(scenario)
    fit = cached.partial_pooling(scenario, group_predictor=True)
except DataError as reason:
    lesson.impossible(SLUG, reason)
data, truth = simulation.data, simulation.alpha
assert data.x is not None
assert data.u is not None

u, n, names = data.u, data.n, data.labels.astype(str)
a0, b0, beta, mean = fit.hyper.a0, fit.hyper.b0, fit.hyper.a1, without.hyper.a0
sigma, sigma_without, sigma_y = fit.hyper.sigma_alpha, without.hyper.sigma_alpha, fit.sigma_y
alpha, alpha_without = fit.lines.alpha, without.lines.alpha

most_moved = names[np.argmax(abs(alpha - alpha_without))]

# A school of three students with u = 2 whose own intercept is the mean of all schools.
line_there = a0 + 2 * b0
ends_at = mean + (line_there - mean) / (1 + 3 * sigma**2 / sigma_y**2)
move = number(ends_at - mean)
way = "Nowhere" if float(move.replace("−", "-")) == 0 else "Down" if move.startswith("−") else "Up"
because = (
    f"Say u = 2 and 3 students. The line is at {number(line_there)} there, the mean at {number(mean)}: "
    f"the school ends at {number(ends_at)}."
)
revealed = lesson.predict(
    SLUG,
    "The model now knows u. A small school has a high u, and its own intercept is exactly the mean of all "
    "schools. Which way is it pulled?",
    [
        Answer("Up", because if way == "Up" else "At u = 2 the line is not above the mean here.", way == "Up"),
        Answer("Down", because if way == "Down" else "At u = 2 the line is not below the mean here.", way == "Down"),
        Answer("Nowhere", because if way == "Nowhere" else
               "It would stay if schools were pulled to their mean. With u they are not.", way == "Nowhere"),
    ],
)  # fmt: skip

place, beside = lesson.figure_and_controls()
with beside:
    picked = controls.school(names, most_moved)
    show_truth = controls.switch("Show the truth", "truth")
j = int(np.flatnonzero(names == picked)[0])
u_domain = steady_domain(u, 0, 3)
with place:
    figure.legend(
        no="no pooling",
        partial="partial pooling",
        complete="what they are pulled to, ± one SD",
        **({"truth": ""} if show_truth else {}),
    )
    figure.show(
        "intercepts",
        f"Intercepts of {count(len(n), 'school')} against u, twice. Left they are pulled to one mean, "
        f"{number(mean)}, with an SD of {number(sigma_without)}. "
        + (f"Right to the line {number(a0)} {signed(b0)} u, with an SD of {number(sigma)}." if revealed else ""),
        intercepts,
        intercepts_tables(
            data, own, without, fit, truth if show_truth else None, picked, u_domain, revealed
        ),
        on_school=controls.pick_from("intercepts"),
        u_domain=u_domain,
        y_domain=steady_domain([*own, *truth], 60, 25),
    )  # fmt: skip

before, after = number(sigma_without, 2), number(sigma, 2)
share = 1 - sigma**2 / sigma_without**2 if sigma_without > 0 else 0.0
if not revealed:
    lesson.see(
        "Left, the lesson before: all are pulled to one mean. Answer the question to see the right."
    )
else:
    if sigma == sigma_without == 0:
        spread = "$\\sigma_\\alpha$ is estimated as 0 with and without u: every school is put on the mean, or on the line."
    elif sigma == 0:
        spread = (
            f"$\\sigma_\\alpha$ falls from {before} to exactly 0: every school is put on the line."
        )
    elif before == after:
        spread = f"$\\sigma_\\alpha$ stays at {after}: u explains next to nothing."
    elif share > 0:
        spread = f"$\\sigma_\\alpha$ falls from {before} to {after}: u explains {percent(share)} of the variance between schools, as estimated."
    else:
        spread = f"$\\sigma_\\alpha$ rises from {before} to {after}: u explains no more than chance would."
    lesson.see(
        f"**{plain(picked)}** ({count(n[j], 'student')}, u = {number(u[j])}) has the intercept {number(own[j])} by "
        f"itself, {number(alpha_without[j])} when pulled to the mean, {number(alpha[j])} when pulled to the line.",
        spread,
    )
    if show_truth:
        miss, miss_without = abs(alpha - truth), abs(alpha_without - truth)
        st.markdown(
            f"With u the schools miss their true intercept by **{number(miss.mean(), 2)}** points on average, "
            f"without u by {number(miss_without.mean(), 2)}. "
            f"{(miss < miss_without).sum()} of {len(n)} come closer with u."
        )

tint = lesson.tint()


def weighted(result: str, size: str, mean: str, within: str, between: str, line: str) -> str:
    """The weighted average, with symbols or with numbers."""
    own_weight, line_weight = rf"\dfrac{{{size}}}{{{within}}}", rf"\dfrac{{1}}{{{between}}}"
    return (
        rf"{tint.partial(result)} = \frac{{{own_weight}\,{tint.no(mean)} + "
        rf"{line_weight}\,{tint.complete(line)}}}{{{own_weight} + {line_weight}}}"
    )


of_student, of_school = tint.partial(r"\alpha_{j[i]}"), tint.partial(r"\alpha_j")
line = tint.complete("a_0 + b_0 u_j")
levels = (
    rf"y_i = {of_student} + \beta x_i + \epsilon_i \\[0.3em] "
    rf"{of_school} = {line} + \eta_j, \quad "
    r"\eta_j \sim \mathrm{N}(0,\ \sigma_\alpha^2)"
)
average = weighted(
    r"\hat\alpha_j", "n_j", r"(\bar y_j - \beta\bar x_j)", r"\sigma_y^2", r"\sigma_\alpha^2", "(a_0 + b_0 u_j)"
)  # fmt: skip
at_zero = data.group_means(data.y)[j] - beta * data.group_means(data.x)[j]
there = a0 + b0 * u[j]
if sigma == 0:
    numbers = (
        rf"\hat\sigma_\alpha = 0, \qquad \hat\alpha_{{\text{{{picked}}}}} = {number(a0)} {signed(b0)} \cdot "
        rf"({number(u[j], 2)}) = {tint.partial(number(alpha[j]))}"
    )
else:
    numbers = weighted(
        rf"\hat\alpha_{{\text{{{picked}}}}}",
        str(n[j]),
        rf"\cdot {number(at_zero)}",
        f"{sigma_y:.2f}^2",
        f"{sigma:.2f}^2",
        rf"\cdot {number(there)}",
    ) + f" = {tint.partial(number(alpha[j]))}"  # fmt: skip
lesson.model(
    rf"\begin{{gathered}} {levels} \\[1em] {average} \end{{gathered}}",
    numbers if revealed else "",
    "The weighted average of the lesson before, with two changes: the school's own part has the pre-test "
    "taken out, and the common part is the line at the school's own u. With $b_0 = 0$ the line is flat, "
    "one mean for all.",
)

lesson.breaks(
    (
        "A u that says nothing",
        "Here $b_0$ is truly 0. The estimate is not quite 0, and $\\sigma_\\alpha$ comes out a little larger "
        "with u than without: a coefficient was spent on nothing.",
        replace(presets.DEFAULT, hyper=replace(presets.DEFAULT.hyper, b0=0.0, b1=0.0), seed=12),
    ),
    (
        "Five schools",
        "Five points make a poor line. In this draw $b_0$ comes out as −3.4 and is truly 3, so schools are "
        "pulled to a line that leans the wrong way. Only its standard error, 5.5, warns you.",
        replace(presets.DEFAULT, n_groups=5, seed=9),
    ),
)

if share > 0:
    how_much = [
        Answer(f"{percent(share)}, from the squares of $\\sigma_\\alpha$", "Right: 1 − (with u)² / (without u)².", True),
        Answer(f"{percent(1 - sigma / sigma_without)}, from $\\sigma_\\alpha$ itself", "Variances add up, SDs do not: compare the squares."),
        Answer(f"{percent(1 - share)}, what is left over", "That is the share which u does not explain."),
    ]  # fmt: skip
else:
    how_much = [
        Answer("None that can be seen", "Right: $\\sigma_\\alpha$ is no smaller with u than without.", True),
        Answer("Some: u is in the model", "Being in the model explains nothing. Compare $\\sigma_\\alpha$ with and without u."),
        Answer("All of it", "Then the schools would lie on the line, and off the mean."),
    ]  # fmt: skip
lesson.check(
    SLUG,
    [
        Question(
            "Two schools have the same own intercept and as many students. One has u = −1, the other u = 1. "
            "With the estimates of this page, which ends higher?",
            [
                Answer("The one with u = 1", f"Right: b₀ is {number(b0, 2)}, so its line stands higher." if b0 > 0 else
                       f"b₀ is {number(b0, 2)} here: the line falls with u.", b0 > 0),
                Answer("The one with u = −1", f"Right: b₀ is {number(b0, 2)}, so the line falls with u." if b0 <= 0 else
                       f"b₀ is {number(b0, 2)} here: the line rises with u.", b0 <= 0),
                Answer("Neither", "They would, if both were pulled to one mean. Each is pulled to the line at its own u."),
            ],
        ),
        Question(
            f"Without u, $\\sigma_\\alpha$ is {before}; with u it is {after}. How much of the variance between schools does u explain?",
            how_much,
        ),
        Question(
            "There are many schools. You add a u that has nothing to do with the scores. What happens to the estimate of $\\sigma_\\alpha$?",
            [
                Answer("It hardly changes, and may rise a little", "Right: it is an estimate, and a coefficient was spent.", True),
                Answer("It must fall", "R² cannot fall in a classical regression. An estimate of $\\sigma_\\alpha$ counts the coefficient spent, and may rise."),
                Answer("It becomes 0", "That would need a line on which all schools lie."),
            ],
        ),
        Question(
            "If b₀ is 0, what is this model?",
            [
                Answer("Partial pooling to one mean", "Right: the line is flat.", True),
                Answer("Complete pooling", "That takes $\\sigma_\\alpha$ = 0: no school may leave the line, flat or not."),
                Answer("No pooling", "That takes $\\sigma_\\alpha$ without limit: the line, flat or not, has no pull."),
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
                "without = mlm.fit_partial_pooling(data)",
                "fit = mlm.fit_partial_pooling(data, group_predictor=True)",
                "print(without.hyper.a0, without.hyper.sigma_alpha)",
                "print(fit.hyper.a0, fit.hyper.b0, fit.hyper.sigma_alpha, fit.sigma_y)",
                "print(dict(zip(data.labels.tolist(), fit.lines.alpha.round(2).tolist())))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'without = smf.mixedlm("y ~ x", schools, groups="school").fit(reml=True)',
                'fit = smf.mixedlm("y ~ u + x", schools, groups="school").fit(reml=True)',
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
        ),
    ),
    lambda: estimates.students_table(data),
)

lesson.close(
    SLUG,
    "A school-level predictor changes what schools are pulled to, from one mean to a line, and leaves to "
    "$\\sigma_\\alpha$ what it cannot explain.",
)
