"""What makes a regression multilevel?"""

from dataclasses import replace

import numpy as np

from mlm_core import DataError, estimates
from mlm_core.charts.theme import steady_domain
from mlm_core.charts.two_levels import two_levels
from mlm_core.experiments.school_level import two_levels_tables
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Item, Question, Sorting
from pages.shared.words import count, number, plain, signed

SLUG = "what_is_multilevel"
LAYERS = [
    "1 Students",
    "2 A line for each school",
    "3 Each line is a point",
    "4 A model for the points",
]
scenario = controls.sidebar(
    "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0", "a1"
)
lesson.begin(SLUG)
try:
    data = cached.simulation(scenario).data
    own = cached.no_pooling(scenario).lines
    fit = cached.partial_pooling(scenario, group_predictor=True)
except DataError as reason:
    lesson.impossible(SLUG, reason)
assert data.x is not None
assert data.u is not None

a0, b0, beta, sigma = fit.hyper.a0, fit.hyper.b0, fit.hyper.a1, fit.hyper.sigma_alpha
J, n, names = data.n_groups, data.n, data.labels.astype(str)

revealed = lesson.predict(
    SLUG,
    "A multilevel model has a second regression, for the schools. How many data points does it have?",
    [
        Answer("One for each student", f"The {data.n_students} students are the points of the first regression."),
        Answer("One for each school", f"It has {J}, and none of them is observed: each is an "
               "intercept, estimated from the students.", True),
        Answer("Just one", "One point gives no line: the second regression compares schools."),
    ],
)  # fmt: skip

place, beside = lesson.figure_and_controls()
with beside:
    chosen = controls.choose("Add a layer (arrow keys)", LAYERS, "layer", default=LAYERS[0])
    picked = controls.school(names, names[np.argmin(n)])
asked = LAYERS.index(chosen or LAYERS[0]) + 1
layer = asked if revealed else min(asked, 2)
j = int(np.flatnonzero(names == picked)[0])
mine, pooled = number(own.alpha[j]), number(fit.lines.alpha[j])

x_domain, u_domain = steady_domain(data.x, 0, 4), steady_domain(data.u, 0, 3)
with place:
    meaning = {"no": "no pooling"} if layer > 1 else {}
    if layer == 4:
        meaning |= {
            "partial": "partial pooling",
            "complete": "the model for the points, ± one SD",
        }
    figure.legend(picked=picked, **meaning)
    figure.show(
        "two_levels",
        f"Layer {layer} of 4. Left: {count(data.n_students, 'student')}, score against pre-test. "
        + ("Right: nothing yet." if layer < 3 else
           f"Right: {count(J, 'school')}, intercept against the school-level predictor u."),
        two_levels,
        {
            "students": estimates.marked_students(data, picked),
            **two_levels_tables(data, own, fit, layer, picked, x_domain, u_domain),
        },
        on_school=controls.pick_from("two_levels"),
        x_domain=x_domain,
        u_domain=u_domain,
        y_domain=steady_domain(data.y, 60, 40),
    )  # fmt: skip

if asked > layer:
    lesson.see("Answer the question above first. Then the schools appear on the right.")
elif layer == 1:
    lesson.see(
        f"{count(data.n_students, 'student')} of {count(J, 'school')}. "
        f"The {count(n[j], 'student')} of {plain(picked)} {'is' if n[j] == 1 else 'are'} circled."
    )
elif layer == 2:
    lesson.see(
        f"{count(J, 'line')}, all with the slope {number(own.beta[j])}: a regression with an indicator "
        f"(a column of 0 and 1) for each school. **{plain(picked)}**'s line is at {mine} points where "
        "the pre-test is 0."
    )
elif layer == 3:
    lesson.see(
        f"**{plain(picked)}**'s line has become one point: u = {number(data.u[j])}, α = {mine}. "
        f"{count(J, 'school')}, {count(J, 'point')}. So far this is a classical regression: "
        "nothing says how the points lie.",
        "(u is something known of the school itself, say its funding.)",
    )
elif sigma == 0:
    lesson.see(
        f"Now the points have a model: a line, {number(a0)} {signed(b0)} u, and an SD around it. Here the "
        "SD is estimated as exactly 0, so every school is put on the line, "
        f"**{plain(picked)}** at {pooled}."
    )
else:
    lesson.see(
        f"Now the points have a model: a line, {number(a0)} {signed(b0)} u, and an SD of {number(sigma)} "
        f"around it. That model also informs each school: **{plain(picked)}**, with "
        f"{count(n[j], 'student')}, "
        + (f"stays at {mine}." if mine == pooled else f"goes from {mine} to {pooled}.")
    )

tint = lesson.tint()


def two_lines(slope: str, line: str, within: str, between: str) -> str:
    """The student-level and the school-level regression, with symbols or with numbers."""
    of_student, of_school = tint.partial(r"\alpha_{j[i]}"), tint.partial(r"\alpha_j")
    return (
        rf"\begin{{aligned}} y_i &= {of_student} {slope}\,x_i + \epsilon_i, "
        rf"&& \epsilon_i \sim \mathrm{{N}}(0,\ {within}^2) \\ "
        rf"{of_school} &= {tint.complete(line)} + \eta_j, "
        rf"&& \eta_j \sim \mathrm{{N}}(0,\ {tint.complete(between)}^2) \end{{aligned}}"
    )


lesson.model(
    two_lines(r"+ \beta", r"a_0 + b_0 u_j", r"\sigma_y", r"\sigma_\alpha"),
    two_lines(
        signed(beta), rf"{number(a0)} {signed(b0)}\,u_j", f"{fit.sigma_y:.2f}", f"{sigma:.2f}"
    )
    if revealed
    else "",
    "Two parts. The first has coefficients that vary from school to school. The second is a model for "
    "them, and what it is made of, $a_0$, $b_0$ and the standard deviation (SD) $\\sigma_\\alpha$, are the "
    "hyperparameters. Both are "
    "fitted at once. A classical regression with an indicator for each school has the first part only.",
)

lesson.breaks(
    (
        "Three schools",
        "Three points for a line and an SD: almost nothing to learn them from. In this draw $b_0$ comes "
        "out as 17.1 (it is 3) and $\\sigma_\\alpha$ as 0 (it is 5).",
        replace(presets.DEFAULT, n_groups=3, seed=5),
        {"layer": LAYERS[3]},
    ),
    (
        "Large schools",
        "With 80 students each, every school speaks for itself and its point hardly moves. The second "
        "part still says what to expect of a school that nobody has seen.",
        presets.LARGE,
        {"layer": LAYERS[3]},
    ),
)

BINS = ["data", "parameter", "hyperparameter"]
OBSERVED = "It is observed, nothing about it is estimated: data."
lesson.check(
    SLUG,
    [
        Sorting(
            "What is each of these?",
            BINS,
            [
                Item(r"$\alpha_j$, the intercepts", "parameter", {
                    "data": "No score sheet shows it: it is estimated from the students of school j.",
                    "parameter": "Right: coefficients of the regression for students.",
                    "hyperparameter": "It is what the second regression is about. Hyperparameters describe all the $\\alpha_j$ at once.",
                }),
                Item(r"$\beta$, the slope", "parameter", {
                    "data": "The slope is estimated, not observed.",
                    "parameter": "Right: a coefficient, the same in all schools, and without a model of its own.",
                    "hyperparameter": "It describes students, not how the coefficients of schools are spread.",
                }),
                Item("$a_0$, where the school line stands at u = 0", "hyperparameter", {
                    "data": "It is estimated from all schools, not observed.",
                    "parameter": "It is estimated, but it belongs to the model for the $\\alpha_j$, one level up.",
                    "hyperparameter": "Right: a parameter of the model for the parameters $\\alpha_j$.",
                }),
                Item("$b_0$, the slope of the school line", "hyperparameter", {
                    "data": "u is data, how much it counts is not.",
                    "parameter": "It is a slope between schools: it belongs to the model for the $\\alpha_j$.",
                    "hyperparameter": "Right: it says how the $\\alpha_j$ change with u.",
                }),
                Item(r"$\sigma_\alpha$, the SD around the school line", "hyperparameter", {
                    "data": "It is estimated. The $\\alpha_j$ themselves are not even observed.",
                    "parameter": "No student's score is predicted with it directly: it says how the $\\alpha_j$ are spread.",
                    "hyperparameter": "Right: it says how far the $\\alpha_j$ lie from their line.",
                }),
                Item("$x_i$, the pre-test", "data", {
                    "data": "Right: one observed value for each student.",
                    "parameter": "Its coefficient β is the parameter. " + OBSERVED,
                    "hyperparameter": "It is not part of the model for schools. " + OBSERVED,
                }),
                Item("$u_j$, what is known of the school", "data", {
                    "data": "Right: one observed value for each school.",
                    "parameter": "Its coefficient is estimated. " + OBSERVED,
                    "hyperparameter": "Its coefficient b₀ is the hyperparameter. " + OBSERVED,
                }),
            ],
        ),
        Question(
            "A new school opens, with u = 1 and no student tested yet. What intercept does the model expect?",
            [
                Answer(f"{number(a0 + b0, 2)}, from a₀ + b₀", "Right: the line at u = 1. Give or take "
                       f"$\\sigma_\\alpha$ = {number(sigma)}, and what is unknown of a₀ and b₀.", True),
                Answer(f"{number(a0, 2)}, from a₀", "That is the line at u = 0; this school has u = 1."),
                Answer(f"{number(own.alpha.mean(), 2)}, from the mean of all schools", "That leaves out what is known of the school: u."),
                Answer("Nothing: it has no students", "No pooling has to say so. Here the schools have a model, and the new one is a school."),
            ],
        ),
        Question(
            "Which of these is not multilevel?",
            [
                Answer("A regression with an indicator for each school", "Right: its intercepts vary, but nothing is said of how they are spread.", True),
                Answer("Intercepts that vary around one mean with an SD", "It is: a mean and an SD are a model for the intercepts. No u is needed."),
                Answer("Slopes that vary around a line on u", "It is: any coefficient can have a model of its own, slopes too."),
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
                'fit = mlm.fit_partial_pooling(data, slopes="common", group_predictor=True)',
                "hyper = fit.hyper  # a1 is the common slope beta",
                "print(hyper.a0, hyper.b0, hyper.a1, hyper.sigma_alpha, fit.sigma_y)",
                "print(dict(zip(data.labels.tolist(), fit.lines.alpha.round(2).tolist())))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.mixedlm("y ~ u + x", schools, groups="school").fit(reml=True)',
                "a0, b0, beta = fit.fe_params",
                "print(a0, b0, beta, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
                'line = a0 + b0 * schools.groupby("school").u.first()',
                "print({school: round(line[school] + effect.iloc[0], 2) for school, effect in fit.random_effects.items()})",
            ],
            lme4=[
                "fit <- lmer(y ~ u + x + (1 | school), schools, REML = TRUE)",
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
    "A multilevel regression has two parts: coefficients that vary from group to group, and a model for "
    "those coefficients.",
)
