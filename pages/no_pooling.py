"""What if every school stands alone?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from mlm_core import DataError, estimates
from mlm_core.charts.redraws import redraws
from mlm_core.charts.students import students
from mlm_core.charts.theme import steady_domain
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, plain

SLUG = "no_pooling"
COMMON, OWN = "one slope for all", "a slope for each"
KEPT = 10

scenario = controls.sidebar(
    "n_groups",
    "students_per_group",
    "imbalance",
    "sigma_alpha",
    "sigma_y",
    "a1",
    "sigma_beta",
    beside=("redraw",),
)
simulation = cached.simulation(scenario)
data, n, names = simulation.data, simulation.data.n, simulation.data.labels.astype(str)
assert data.x is not None
smallest, largest = int(np.argmin(n)), int(np.argmax(n))
all_alike = n[smallest] == n[largest]

lesson.begin(SLUG)
try:
    cached.no_pooling(scenario)
except DataError as reason:
    lesson.impossible(SLUG, reason)
revealed = lesson.predict(
    SLUG,
    "The same schools are tested again and again, each time with other students. With one slope for all, which "
    "school's estimate moves most?",
    [
        Answer("The smallest", "A mean of few students has most luck in it.", not all_alike),
        Answer("The largest", "More students, steadier mean: the largest school moves least."),
        Answer("The one farthest out", "How far out a school lies does not matter; how many students it has does."),
        Answer("All the same", "All schools have the same size here." if all_alike else "The sizes differ, and so does the luck.", all_alike),
    ],
)  # fmt: skip

place, beside = lesson.figure_and_controls()
with beside:
    which = controls.choose("No pooling with", [COMMON, OWN], "no_pooling_slopes", default=COMMON)
    slopes = "varying" if which == OWN else "common"
    picked = controls.school(names, names[smallest])
    st.button(
        "New students",
        on_click=controls.new_students,
        icon=":material/groups:",
        type="primary",
        width="stretch",
        help="The same schools, tested again with other students.",
    )
j = int((names == picked).argmax())

fit = cached.no_pooling(scenario, slopes=slopes)
earlier = range(scenario.redraw, max(scenario.redraw - KEPT - 1, -1), -1)
draws = [
    cached.no_pooling(replace(scenario, redraw=draw), slopes=slopes).lines.alpha for draw in earlier
]
lines, spread = fit.lines, np.ptp(draws, axis=0)

x_domain, y_domain = steady_domain(data.x, 0, 3.5), steady_domain(data.y, 60, 50)
with place:
    figure.legend(
        no=f"its own estimate{'' if scenario.redraw == 0 else '; dashes: earlier draws'}",
        truth="",
    )
    left, right = st.columns(2)
    with left:
        figure.show(
            "redraws",
            f"{count(len(n), 'school')}, largest first, each with its own estimate. The smallest, "
            f"{names[smallest]}, has {count(n[smallest], 'student')}.",
            redraws,
            {"redraws": estimates.redraws_table(data, draws, simulation.alpha, picked)},
            on_school=controls.pick_from("redraws"),
            rows=len(n),
            axes={"domain": steady_domain(simulation.alpha, 60, 30)},
            score="score at pre-test 0, points",
        )
    with right:
        figure.show(
            "students",
            f"A line for each school, {picked} marked with its {count(n[j], 'student')}.",
            students,
            {
                "students": estimates.marked_students(data, picked),
                "lines": pd.concat(
                    [
                        estimates.line_table("others", names, lines.alpha, lines.beta, x_domain),
                        estimates.line_table(
                            "no", [picked], lines.alpha[[j]], lines.beta[[j]], x_domain
                        ),
                    ]
                ),
            },
            axes={"x_domain": x_domain, "y_domain": y_domain},
        )

unknown = [str(name) for name in names[np.isnan(lines.beta)]]
if not revealed:
    lesson.see("Answer the question. Then press “New students” a few times.")
elif np.isnan(lines.alpha[j]):
    lesson.see(
        f"{plain(picked)} has {count(n[j], 'student')}. One point fixes no line: its slope, and with it "
        "its intercept, cannot be estimated."
    )
elif scenario.redraw == 0:
    lesson.see(
        f"{plain(picked)} has {count(n[j], 'student')}: its own estimate is {number(lines.alpha[j])}, "
        + (
            f"with a standard error of {number(lines.se_alpha[j])} points. "
            if np.isfinite(lines.se_alpha[j])
            else "without a standard error: the lines go through every student, and nothing is left to "
            "learn σ_y from. "
        )
        + "Press “New students”."
    )
else:
    lesson.see(
        f"Over {len(draws)} draws the estimate of {plain(picked)} ({count(n[j], 'student')}) moved within "
        f"{number(spread[j])} points.",
        ""
        if j == largest
        else f"That of {plain(names[largest])} ({count(n[largest], 'student')}) moved within {number(spread[largest])}.",
        "The schools themselves did not change.",
    )

tint = lesson.tint()
tex_alpha = tint.no(r"\alpha_{j[i]}")
tex_beta = tint.no(r"\beta_{j[i]}" if slopes == "varying" else r"\beta")
tex_school = tint.no(r"\alpha_j" if slopes == "common" else r"\alpha_j, \beta_j")
tex_name = rf"\text{{{picked}: }}"
lesson.model(
    rf"y_i = {tex_alpha} + {tex_beta}\, x_i + \epsilon_i, \qquad \text{{no model for }} {tex_school}",
    rf"{tex_name} \hat y_i = {tint.no(number(lines.alpha[j]))} + {tint.no(number(lines.beta[j]))}\, x_i, \qquad "
    rf"\mathrm{{SE}}(\hat\alpha) = {number(lines.se_alpha[j])}, \qquad \hat\sigma_y = {number(fit.sigma_y)}",
    "The name is ambiguous in textbooks. An indicator for each school with one slope for all, or a "
    "regression for each school: both are called no pooling. The switch beside the figure shows both.",
)

lesson.breaks(
    (
        "Schools with one student",
        "A school with one student has an own mean, but no slope of its own. Choose “a slope for each”: "
        "it cannot be estimated, and no number is shown.",
        presets.TINY,
    )
)

lesson.check(
    SLUG,
    [
        Question(
            f"The mean of {count(n[j], 'student')} has a certain standard error. How many would halve it?",
            [
                Answer(str(4 * n[j]), "Right: it goes with σ_y/√n_j, so four times as many.", True),
                Answer(str(2 * n[j]), f"That gives 1/√2 = 0.71 of it. Half needs {4 * n[j]}."),
                Answer(
                    str(8 * n[j]),
                    f"That is more than needed: 1/√8 = 0.35 of it. {4 * n[j]} are enough.",
                ),
            ],
        ),
        Question(
            "If its model holds, no pooling is unbiased: over many draws each school is right on average. Why not stop here?",
            [
                Answer(
                    "There is one draw, and in it small schools are far off",
                    "Right: unbiased says nothing about how far a single estimate lies from the truth.",
                    True,
                ),
                Answer(
                    "It is biased for small schools",
                    "It is not: it is right on average for every size.",
                ),
                Answer("It cannot tell schools apart", "It can; that is all it does."),
            ],
        ),
        Question(
            "What is the slope of its own of a school with one student?",
            [
                Answer(
                    "It cannot be estimated",
                    "Right: infinitely many lines go through one point.",
                    True,
                ),
                Answer(
                    "0",
                    "0 is a claim: that the pre-test does not count. One point does not say so.",
                ),
                Answer("The common slope", "That is another model: one slope for all schools."),
            ],
        ),
    ],
)

own = slopes == "varying"
leave_out = own and bool(unknown)
lesson.code(
    lambda: listing(
        scenario,
        data,
        Recipe(
            core=[
                f'fit = mlm.fit_no_pooling(data, slopes="{slopes}")',
                "print(fit.sigma_y)",
                "print(dict(zip(data.labels.tolist(), fit.lines.alpha.round(2).tolist())))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                *(
                    [
                        "# a school needs two values of x for a slope of its own",
                        'schools = schools[schools.groupby("school")["x"].transform("nunique") > 1]',
                    ]
                    if leave_out
                    else []
                ),
                f'fit = smf.ols("y ~ 0 + C(school) + {"C(school):x" if own else "x"}", schools).fit()',
                "print(np.sqrt(fit.scale))",
                'print(fit.params.filter(regex="^C.school..[^:]*$").round(2).to_dict())',
            ],
            lme4=[
                f"fit <- lm(y ~ 0 + school + {'school:x' if own else 'x'}, schools)  # no random effects, so no lme4 yet",
                "print(sigma(fit))",
                "print(round(coef(fit), 2))",
            ],
        ),
    ),
    lambda: estimates.students_table(data),
)

lesson.close(
    SLUG,
    "No pooling believes every school entirely: right on average, and far off wherever students are few.",
)
