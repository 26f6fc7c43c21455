"""Is it the student or the school?"""

from dataclasses import replace

import streamlit as st

from mlm_core import DataError, Hyperparameters, Scenario, estimates, fit_partial_pooling
from mlm_core.charts.theme import steady_domain
from mlm_core.charts.two_slopes import MOST_STUDENTS, two_slopes, two_slopes_tables
from mlm_core.experiments.two_slopes import line_of_means, share_between
from mlm_core.scenario import bounds
from pages.shared import cached, controls, figure, lesson
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent

SLUG = "two_level_predictors"
WITHIN = Hyperparameters().a1
OPPOSITE = -2 * WITHIN
IGNORED = ("b0", "a1", "sigma_beta", "rho", "b1", "sigma_x", "contextual", "extraordinary")
scenario = controls.sidebar(
    "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", beside=IGNORED
)

lesson.begin(SLUG)
above = st.container()
place, beside = lesson.figure_and_controls()
with beside:
    sigma_x = controls.slider(
        r"SD between schools of the pre-test $\sigma_x$", bounds("sigma_x"), "x_spread", 2.0,
        format="%.2f", help="How much the schools' mean pre-test differs. Within a school the SD is 1.",
    )  # fmt: skip
    with_u = controls.switch("Add school means $u_j$", "means", default=True)

hyper = Hyperparameters(b0=0.0, b1=0.0, sigma_beta=0.0, sigma_alpha=scenario.hyper.sigma_alpha)
world = replace(scenario, hyper=hyper, sigma_x=sigma_x, contextual=OPPOSITE, extraordinary=0.0)
try:
    path = cached.slopes_path(world, OPPOSITE, with_u)
    both = fit_partial_pooling(path.end, "common", group_predictor=True)
    without = fit_partial_pooling(path.end, "common").hyper
except DataError as reason:
    lesson.impossible(SLUG, reason)
alone, within, pooled, between = (
    without.a1,
    path.within,
    path.pooled_beta[-1],
    line_of_means(both)[1],
)
share, last = share_between(path.end), len(path.contextual) - 1

with above:
    revealed = lesson.predict(
        SLUG,
        "In every school the true line goes up. Drag the handle to the right end: "
        + ("now schools with a higher true mean pre-test have a lower true mean score. " if sigma_x else
           "nothing turns, since all schools have the same true mean pre-test here. ")
        + "Where does one line for all students go?",
        [
            Answer("Up", f"Only {percent(share)} of the variation of the pre-test lies between schools: the slope within wins."
                   if pooled > 0 else f"{percent(share)} of the variation of the pre-test lies between schools. That is too much.", pooled > 0),
            Answer("Down", f"{percent(share)} of the variation of the pre-test lies between schools: the slope between wins."
                   if pooled <= 0 else f"Only {percent(share)} of the variation of the pre-test lies between schools. That is not enough.", pooled <= 0),
            Answer("Exactly level", "Both slopes would need exactly the same pull."),
        ],
    )  # fmt: skip

rest = last if revealed else 0
lines = {"partial": (path.multilevel_alpha, path.multilevel_beta)}
if revealed:
    lines["complete"] = (path.pooled_alpha, path.pooled_beta)
names = {
    "no": "within schools",
    "complete": "one line for all",
    "partial": "between schools" if with_u else "multilevel, x alone",
}
tables = two_slopes_tables((path.start, path.end), within, lines, names, rest)
with place:
    figure.legend(
        no=names["no"],
        partial=names["partial"],
        **({"complete": names["complete"]} if revealed else {}),
    )
    figure.show(
        "two_slopes",
        f"{count(scenario.n_groups, 'school')}. At the right end of the handle the slope is {number(within)} "
        f"within schools and {number(between)} between schools"
        + (f", and {number(pooled)} for one line for all." if revealed else "."),
        two_slopes,
        tables,
        x_domain=steady_domain(tables["students"]["x"], 0, 9.5),
        y_domain=steady_domain([*tables["students"]["first"], *tables["students"]["last"]], 60, 50),
        slope_domain=steady_domain([2 * within, 2 * between, *path.multilevel_beta], 0, 12),
        steps=last + 1,
    )
    figure.handle("two_slopes", rest, last)

if not revealed:
    lesson.see(
        "Answer the question. Then drag the handle: the schools move, the slope within them stays."
    )
elif with_u:
    lesson.see(
        f"At the right end: within a school, one unit of pre-test goes with **{number(within)}** points; "
        f"from school to school, with **{number(between)}**.",
        f"One line for all says **{number(pooled)}**. It mixes the two: {percent(share)} of the variation "
        "of the pre-test lies between schools.",
    )
else:
    lesson.see(
        f"At the right end: the multilevel model with x alone has one slope, **{number(alone)}**, for "
        f"{number(within)} within schools and {number(between)} between them.",
        f"What is left goes into the SD between schools: {number(without.sigma_alpha)}, and "
        f"{number(both.hyper.sigma_alpha)} with the school means in the model.",
    )
if path.end.n_students > MOST_STUDENTS:
    st.caption(f"{MOST_STUDENTS} of {path.end.n_students} students are drawn; all of them count.")

tint = lesson.tint()
lesson.model(
    r"y_i = \alpha_{j[i]} + " + tint.no(r"\beta") + r"\, x_i + \epsilon_i, \qquad "
    r"\alpha_j = a_0 + b_0\, u_j + \eta_j, \qquad u_j = \bar x_j, \qquad "
    + tint.partial(r"\text{between}") + " = " + tint.no(r"\beta") + " + b_0",
    tint.no(rf"\hat\beta = {number(both.hyper.a1)}") + rf", \qquad \hat b_0 = {number(both.hyper.b0)}, \qquad "
    + tint.partial(rf"\text{{between}} = {number(between)}") + r", \qquad "
    + tint.complete(rf"\text{{one line for all}} = {number(pooled)}") if revealed else "",
    "With the school mean in the model, β is exactly the slope within schools. $b_0$ is what a school's "
    "mean adds for students with the same pre-test of their own (Mundlak 1978).",
)  # fmt: skip
if revealed:
    st.markdown(
        (
            f"The true slopes are {number(WITHIN)} within and {number(WITHIN + OPPOSITE)} between schools, "
            "over their true means"
            if sigma_x
            else f"The true slope is {number(WITHIN)} within schools; between them no other is to be found, since their "
            "true means are the same: $b_0$ is 0, with noise"
        )
        + f"; the standard error of $b_0$ is {number(both.se('b0'))}."
    )

lesson.breaks(
    (
        "Schools alike in the pre-test",
        "Their true means are the same, and the means of the students drawn differ by chance only. One line for all is "
        "then nearly the line within schools. No other slope is to be found between schools: the one shown is the "
        "slope within and much noise, as the standard error says.",
        Scenario(),
        {"x_spread": 0.0, "means": True},
    ),
    (
        "School means that are badly known",
        "Schools that differ little, with about three students each: the mean of three pre-tests is a poor "
        "measure of a school. The slope between comes out too close to the slope within.",
        Scenario(n_groups=100, students_per_group=3),
        {"x_spread": 0.5, "means": True},
    ),
)

lesson.check(
    SLUG,
    [
        Question(
            "Two students have the same pre-test. The mean pre-test of one's school is one unit higher. What is the expected difference of their scores?",
            [
                Answer("b₀", f"Right: {number(both.hyper.b0)} points here. It is the slope between minus the slope within.", True),
                Answer("β", f"{number(within)} is for students of one school who differ in their own pre-test."),
                Answer("β + b₀", f"{number(between)} compares school means: there the students' own pre-tests differ, too."),
            ],
        ),
        Question(
            "You fit a multilevel model with x and without the school means. Which slope does it give at the right end?",
            [
                Answer("The slope within schools", f"It gives {number(alone, 2)}, and the slope within is {number(within, 2)}. The larger the schools, the closer they come."),
                Answer("The slope between schools", f"It gives {number(alone, 2)}, and the slope between is {number(between, 2)}."),
                Answer("A mixture of both", f"Right: {number(alone, 2)}, with {number(within, 2)} within and {number(between, 2)} between. The larger the schools, the nearer to the slope within.", True),
            ],
        ),
        Question(
            "All schools now get the same mean pre-test. What does one line for all become?",
            [
                Answer("The slope within schools", f"Right: only students within schools differ then, so it goes from {number(pooled)} to about {number(within)}.", True),
                Answer("The slope between schools", f"{number(between)} needs schools that differ in the pre-test."),
                Answer("What it is now", f"{number(pooled)} depends on the share of the variation between schools: {percent(share)} now, 0% then."),
            ],
        ),
    ],
)  # fmt: skip

lesson.code(
    lambda: listing(
        world,
        path.end,
        Recipe(
            core=[
                "data = replace(data, u=data.group_means(data.x))  # the school means of x",
                'fit = mlm.fit_partial_pooling(data, "common", group_predictor=True)',
                "print(fit.hyper.a1, fit.hyper.a1 + fit.hyper.b0)",
                "print(mlm.fit_complete_pooling(data).lines.beta[0])",
                'print(mlm.fit_partial_pooling(data, "common").hyper.a1)',
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                "# u is the school mean of x",
                'fit = smf.mixedlm("y ~ x + u", schools, groups="school").fit(reml=True)',
                'print(fit.fe_params["x"], fit.fe_params["x"] + fit.fe_params["u"])',
                'print(smf.ols("y ~ x", schools).fit().params["x"])',
                'print(smf.mixedlm("y ~ x", schools, groups="school").fit(reml=True).fe_params["x"])',
            ],
            lme4=[
                "# u is the school mean of x",
                "fit <- lmer(y ~ x + u + (1 | school), schools, REML = TRUE)",
                'print(c(fixef(fit)["x"], fixef(fit)["x"] + fixef(fit)["u"]))',
                'print(coef(lm(y ~ x, schools))["x"])',
                'print(fixef(lmer(y ~ x + (1 | school), schools, REML = TRUE))["x"])',
            ],
        ),
    ),
    lambda: estimates.students_table(path.end),
)

lesson.close(
    SLUG,
    "A predictor that differs within and between schools has two slopes: one line mixes them, the "
    "school mean as u keeps them apart.",
)
