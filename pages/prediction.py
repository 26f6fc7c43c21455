"""What will the next student score?"""

from dataclasses import replace

import numpy as np
import streamlit as st

from mlm_core import DataError, estimates
from mlm_core.charts.held_out import held_out
from mlm_core.charts.next_student import next_student
from mlm_core.charts.theme import steady_domain
from mlm_core.experiments.predict import FEW, predictions_tables
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent, plain

SLUG = "prediction"
CLASS, WORLDS = 25, 8

scenario = controls.sidebar(
    "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0", "extraordinary"
)
lesson.begin(SLUG)
simulation = cached.simulation(scenario, with_x=False)
data, truth = simulation.data, simulation.mean
n, names = data.n, data.labels.astype(str)
known = n >= 3 if (n >= 3).any() else n >= 1

question = st.container()
place, beside = lesson.figure_and_controls()
try:
    fit = cached.partial_pooling(scenario, with_x=False)
    with beside:
        picked = controls.school(names[known], names[int(np.argmax(n))])
        of_class = controls.switch(f"Mean of a class of {CLASS}", "class")
        show_truth = controls.switch("Show the truth", "truth")
    j = int(np.flatnonzero(names == picked)[0])
    made = cached.predictions(scenario, j, CLASS if of_class else 1)
except DataError as reason:
    lesson.impossible(SLUG, reason)

sigma_alpha, sigma_y = fit.hyper.sigma_alpha, fit.sigma_y
last, few = len(made.seen) - 1, min(FEW, int(n[j]))
new, little, well = (made.interval(step) for step in (0, few, last))
what = f"a class of {CLASS}" if of_class else "the next student"

with question:
    alike = sigma_alpha == 0
    widths = (
        f"{number(new[1] - new[0])} points in a new school, {number(little[1] - little[0])} with {few} seen, "
        f"{number(well[1] - well[0])} with {n[j]} seen."
    )
    revealed = lesson.predict(
        SLUG,
        "You give an interval that holds a student's score with 95%. Where must it be widest?",
        [
            Answer(f"In {plain(picked)}: all {n[j]} students seen", "There the mean is known best, so only the student is uncertain."),
            Answer("In a school of which a few students are seen", "A few students say something of their school; of a new school nothing is known."),
            Answer("In a new school", "Here schools are estimated not to differ, so it makes no difference." if alike else widths, not alike),
            Answer("The same everywhere", "The estimate of σ_α is 0: no school differs, so seeing it says next to nothing." if alike else
                   "The student is equally uncertain everywhere, but the school is not.", alike),
        ],
    )  # fmt: skip

score = f"mean score of {CLASS}, points" if of_class else "score, points"
low = min(new[0], made.complete_mean - 2 * made.complete_sd)
high = max(new[1], made.complete_mean + 2 * made.complete_sd)
domain = steady_domain([low, high, truth[j], *well], 60, 45 if not of_class else 30)
with place:
    figure.legend(
        **({"partial": "", "no": "", "complete": ""} if revealed else {}),
        **({"truth": "true mean of the school"} if show_truth and revealed else {}),
    )
    figure.show(
        "next_student",
        f"95% intervals for {what} in {picked} by the number of its students seen. Partial pooling: "
        f"{number(new[0])} to {number(new[1])} before anybody is seen, {number(well[0])} to {number(well[1])} "
        f"with all {n[j]} seen.",
        next_student,
        predictions_tables(made, data.y[data.j == j], float(truth[j]), domain, last),
        domain=domain,
        steps=len(made.seen),
        target=score,
        revealed=revealed,
        show_students=not of_class,
        show_truth=show_truth,
    )
    if revealed:
        figure.handle("next_student", last, last)

if revealed:
    with beside:
        st.markdown(
            f"**Drag the handle:** students of {plain(picked)} are seen one by one. Thin lines at the right: "
            f"nobody seen, {few} seen, all {n[j]} seen."
        )
if not revealed:
    lesson.see(
        f"Answer the question. Each dot is a student of {plain(picked)}, in the order in which they are seen."
    )
else:
    spread = sigma_alpha**2 + sigma_y**2
    inside = [
        int((abs(truth - centre) <= reach).sum())
        for centre, reach in (
            (made.complete_mean, 1.96 * made.complete_sd),
            ((new[0] + new[1]) / 2, (new[1] - new[0]) / 2),
        )
    ]
    lesson.see(
        f"{plain(picked)} with {count(n[j], 'student')} seen: {what} is expected to score {number(made.mean[last])}, with 95% from "
        f"{number(well[0])} to {number(well[1])}. With {few} seen it is {number(little[0])} to {number(little[1])}, "
        f"and as a new school {number(new[0])} to {number(new[1])}.",
        f"Complete pooling says {number(made.complete_mean - 1.96 * made.complete_sd)} to "
        f"{number(made.complete_mean + 1.96 * made.complete_sd)} everywhere; the true means of {inside[0]} of {len(n)} "
        f"schools lie in there, in the new school's interval {inside[1]}."
        if of_class
        else f"{percent(sigma_y**2 / spread)} of what is uncertain in a new school is the student, not the school.",
    )

held = st.container()

tint = lesson.tint()
alpha_j = tint.partial(r"\hat\alpha_j")
noise = rf"\sigma_y^2/{CLASS}" if of_class else r"\sigma_y^2"
sy = rf"{sigma_y:.1f}^2/{CLASS}" if of_class else f"{sigma_y:.1f}^2"
se_new = float(
    np.sqrt(max(made.sd[0] ** 2 - sigma_alpha**2 - sigma_y**2 / (CLASS if of_class else 1), 0))
)
lesson.model(
    rf"\begin{{gathered}} \text{{known school: }}\; {alpha_j} \pm 1.96 \sqrt{{{noise} + \mathrm{{se}}(\hat\alpha_j)^2}} \\[4pt]"
    rf"\text{{new school: }}\; \hat a_0 \pm 1.96 \sqrt{{{noise} + \sigma_\alpha^2 + \mathrm{{se}}(\hat a_0)^2}} \end{{gathered}}",
    rf"\begin{{gathered}} {tint.partial(number(made.mean[last]))} \pm 1.96 \sqrt{{{sy} + {fit.lines.se_alpha[j]:.1f}^2}} \\[4pt]"
    rf"{number(made.mean[0])} \pm 1.96 \sqrt{{{sy} + {sigma_alpha:.1f}^2 + {se_new:.1f}^2}} \end{{gathered}}"
    if revealed
    else "",
    "The student's part is in every interval. With each student seen, the school's part goes from "
    r"$\sigma_\alpha^2$ to nearly nothing. In the new school's line "
    r"$\hat a_0$ comes from the other schools. No pooling has no $\sigma_\alpha$, so no answer for a new school. Complete pooling "
    "has one SD for all: about right for a single student of any school, wrong for a class, whose students share "
    "their school. The SDs are taken as known, and with few schools they are not.",
)  # fmt: skip

lesson.breaks(
    (
        "An extraordinary school",
        "Ashford truly lies 30 points below what the model expects. As a new school its interval misses: the model "
        "knows of no such schools. Drag the handle: the students seen bring it nearer.",
        presets.EXTRAORDINARY,
        {"school": "Ashford", "truth": True, "class": True},
    ),
    (
        "Three schools",
        "σ_α comes from three schools, and could be far larger or smaller. The interval of a new school "
        "takes it as known. Make new draws and watch it jump.",
        replace(presets.DEFAULT, n_groups=3),
        {"class": True},
    ),
    (
        "An estimate of exactly 0",
        "Eight schools that differ a little. In this draw σ_α is estimated as 0, and a new school is predicted as surely "
        "as a known one. That is too sure.",
        presets.ZERO,
        {"class": True},
    ),
)

icc = sigma_alpha**2 / (sigma_alpha**2 + sigma_y**2)
lesson.check(
    SLUG,
    [
        Question(
            "You come to a new school and see thousands of its students. Which part of the variance of your "
            "prediction for its next student goes away?",
            [
                Answer(f"{percent(icc)}: σ_α²", "Right: after thousands of students the school is known. The next student is not.", True),
                Answer(f"{percent(1 - icc)}: σ_y²", "σ_y is how students of one school differ. Seeing the others does not change the next one."),
                Answer("All of it", "Then every student of the school would have to score the same."),
            ],
        ),
        Question(
            "What does no pooling predict in a new school?",
            [
                Answer("Nothing", "Right: it has one number for each school seen, and no model of schools.", True),
                Answer("The mean of all students", "That is complete pooling. No pooling with an overall mean would already be a model of schools."),
                Answer("The mean of the schools' means", "One can compute it, but the width needs an SD between schools: that is the multilevel model."),
            ],
        ),
        Question(
            "A model is to be used in schools that are not in the data. How should its error be estimated?",
            [
                Answer("Leave whole schools out", "Right: then each prediction is for a school the fit has not seen.", True),
                Answer("Leave single students out", "Their schoolmates stay in the fit and tell of the school. The error comes out too small."),
                Answer("From the residuals", "They are of students the fit has seen, in schools it has seen."),
            ],
        ),
        Question(
            f"For the mean of {CLASS} students of one new school, complete pooling's interval is too narrow. Why?",
            [
                Answer("They share their school, and that does not average out", f"Right: σ_y²/{CLASS} shrinks with the class, σ_α² does not.", True),
                Answer("Its mean is wrong", "Its mean is about as good as any for a new school. The width is the problem."),
                Answer(f"{CLASS} students are too few", "With more students it becomes narrower still, and more wrong."),
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
                "from mlm_core.experiments.predict import predictions",
                "",
                "fits = mlm.fit_complete_pooling(data), mlm.fit_no_pooling(data), mlm.fit_partial_pooling(data)",
                f"made = predictions(data, fits, school={j}, size={CLASS if of_class else 1})  # {picked}",
                "for step, k in enumerate(made.seen):",
                '    print(k, "seen: {:.2f} to {:.2f}".format(*made.interval(step)))',
                f'print("{picked}:", fits[2].lines.alpha[{j}])',
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.mixedlm("y ~ 1", schools, groups="school").fit(reml=True)',
                "between, within = fit.cov_re.iloc[0, 0], fit.scale",
                f'others = schools[schools["school"] != "{picked}"].groupby("school")["y"]',
                "w = 1 / (between + within / others.size())",
                "a0 = (w * others.mean()).sum() / w.sum()",
                f"sd = np.sqrt(between + 1 / w.sum() + within / {CLASS if of_class else 1})",
                'print("new school:", a0 - 1.96 * sd, a0 + 1.96 * sd)',
                f'print("{picked}:", fit.fe_params.iloc[0] + fit.random_effects["{picked}"].iloc[0])',
            ],
            lme4=[
                "fit <- lmer(y ~ 1 + (1 | school), schools, REML = TRUE)",
                "between <- VarCorr(fit)$school[1]; within <- sigma(fit)^2",
                f'others <- schools[schools$school != "{picked}", ]',
                "w <- 1 / (between + within / table(others$school))",
                "a0 <- sum(w * tapply(others$y, others$school, mean)) / sum(w)",
                f"sd <- sqrt(between + 1 / sum(w) + within / {CLASS if of_class else 1})",
                'cat("new school:", a0 - 1.96 * sd, a0 + 1.96 * sd, "\\n")',
                f'cat("{picked}:", coef(fit)$school["{picked}", 1], "\\n")',
            ],
        ),
    ),
    lambda: estimates.students_table(data),
)

lesson.close(
    SLUG,
    "Known school, little-known school, new school: three questions with three widths, and the multilevel model "
    "answers them all with one SD between schools.",
)

if revealed:
    with held:
        st.markdown(
            f"**Was that honest?** Errors for students left out of the fits, in {WORLDS} draws of this scenario:"
        )
        try:
            errors = {
                leave: cached.held_out(scenario, leave, WORLDS) for leave in ("students", "schools")
            }
        except DataError as reason:
            st.caption(plain(reason))
            st.stop()
        st.caption(
            "Left out alone, a student is predicted with the help of schoolmates. With the whole school left out "
            "nobody knows better than the common mean: what partial pooling adds there is the width."
        )
        found = [v for table in errors.values() for v in table["rmse"]]
        for column, (leave, table) in zip(st.columns(2), errors.items(), strict=True):
            with column:
                one = (
                    "some students of every school"
                    if leave == "students"
                    else "whole schools; no pooling has no answer"
                )
                st.caption(f"Left out: {one}")
                figure.show(
                    f"held_out_{leave}",
                    f"Root mean square errors by school size, leaving {leave} out: "
                    + ", ".join(
                        f"{pooling} {number(rmse)} ({size} students)"
                        for pooling, rmse, size in zip(
                            table["pooling"], table["rmse"], table["size"], strict=True
                        )
                    ),
                    held_out,
                    {"errors": table},
                    domain=steady_domain(found, 12, 4),
                )
