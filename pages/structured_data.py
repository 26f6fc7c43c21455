"""What does it cost to ignore the structure?"""

import numpy as np
import streamlit as st

from mlm_core.charts.one_trial import one_trial
from mlm_core.charts.p_values import p_values
from mlm_core.charts.theme import steady_domain
from mlm_core.clustered import design_effect, treatment_trial
from mlm_core.estimates import students_table
from mlm_core.experiments.false_alarms import (
    SHOWN,
    effective_students,
    expected_alarms,
    p_value_table,
    reach,
    trial_tables,
)
from mlm_core.scenario import Bounds
from pages.shared import cached, controls, figure, lesson
from pages.shared.code import LARGEST, Recipe, listing_of_data
from pages.shared.lesson import Answer, Question
from pages.shared.words import number, percent

SLUG = "structured_data"
TRIALS = 1000
scenario = controls.sidebar()

lesson.begin(SLUG)
above = st.container()
place, beside = lesson.figure_and_controls()
with beside:
    icc = controls.slider(
        "Intraclass correlation", Bounds(0.0, 0.5, 0.01), "icc", 0.05, format="%.2f"
    )
    n = round(
        controls.slider(
            "Students per school", Bounds(2.0, 100.0, 1.0), "class_size", 50.0, format="%d"
        )
    )
    J = round(controls.slider("Schools", Bounds(4.0, 60.0, 2.0), "arms", 20.0, format="%d"))  # fmt: skip
trials = cached.treatment_trials(J, n, icc, TRIALS)
alarms, effect = trials.false_alarms(), trials.design_effect
worth = effective_students(J, n, icc)

answers = ("Less than 8%, about as it should", "8% to 20%", "20% to 40%", "More than 40%")
right = int(np.searchsorted((0.08, 0.2, 0.4), alarms.ordinary, side="right"))
with above:
    revealed = lesson.predict(
        SLUG,
        f"{J} schools of {n} students, intraclass correlation {icc:.2f}. Half of the schools get a "
        "treatment that does nothing. In what share of the trials does an ordinary regression of all students "
        "find an effect, p < .05?",
        [
            Answer(
                text,
                f"{percent(alarms.ordinary)} of {TRIALS:,} trials are false alarms."
                if k == right
                else "The students of a school are alike, so they tell less than as many strangers would."
                if k < right
                else "That is too much: the students of a school are not so alike here.",
                k == right,
            )
            for k, text in enumerate(answers)
        ],
    )
with beside:
    lesson.small_table(
        ["", ""],
        [
            ["students", f"{J * n:,}"],
            ["design effect", number(effect, 2)],
            ["worth, if independent", f"**{worth:,.0f}**"],
        ],
    )

bins = p_value_table(trials, shown=revealed)
with place:
    left, right_side = st.columns([1, 1])
    with left:
        st.markdown("**One trial after another**")
        figure.show(
            "one_trial",
            f"The first {SHOWN} trials, one at a time: the means of {J} schools in two arms, and the effect "
            "with its 95% interval by an ordinary regression, with a cluster-robust error, and by a "
            "multilevel model. The true effect is 0.",
            one_trial,
            trial_tables(trials),
            axes={"domain": steady_domain(reach(trials), 0, 0.6)},
            steps=SHOWN,
        )
        figure.handle("one_trial", 0, SHOWN - 1)
    with right_side:
        st.markdown(f"**The p-values of {TRIALS:,} trials without an effect**")
        figure.show(
            "p_values",
            f"Histograms of the p-values of {TRIALS:,} trials. "
            + (
                f"Below .05 are {percent(alarms.ordinary)} with the ordinary regression, "
                f"{percent(alarms.cluster_robust)} with the cluster-robust error and "
                f"{percent(alarms.multilevel)} with the multilevel model."
                if revealed
                else "They are shown once you have answered."
            ),
            p_values,
            {"bins": bins},
            axes={"top": (0.0, steady_domain([bins["share"].max()], 0, 0.3)[1])},
        )

if not revealed:
    lesson.see(
        "Answer the question. Then drag from trial to trial: the treatment does nothing, yet the treated "
        "schools are never quite like the others."
    )
else:
    lesson.see(
        f"{J * n:,} students in {J} schools tell as much about a school-level treatment as {worth:,.0f} "
        f"independent ones. The ordinary regression finds an effect of nothing in "
        f"**{percent(alarms.ordinary)}** of the trials, the cluster-robust error in "
        f"{percent(alarms.cluster_robust)}, the multilevel model in {percent(alarms.multilevel)}."
    )
st.caption(
    "A p-value below .05 should come up in 5% of such trials; in "
    f"{TRIALS:,} of them, chance alone makes that 3.6% to 6.4%. Degrees of freedom: students − 2 for the "
    f"ordinary regression, schools − 1 = {J - 1} for the cluster-robust error, schools − 2 = {J - 2} for "
    "the multilevel model."
)

tint = lesson.tint()
expected = tint.complete(rf"{100 * expected_alarms(effect):.0f}\%")
tex_wrong, tex_icc = tint.complete(r"\mathrm{se}_{\text{stated}}^2"), r"\mathrm{ICC}"
lesson.model(
    rf"\begin{{gathered}} {tex_icc} = \frac{{\sigma_\alpha^2}}{{\sigma_\alpha^2 + \sigma_y^2}}, \qquad "
    rf"\frac{{\text{{true variance of the effect}}}}{{{tex_wrong}}} \approx "
    rf"\underbrace{{1 + (n - 1)\,{tex_icc}}}_{{\text{{design effect}}}} \end{{gathered}}",
    rf"\begin{{gathered}} 1 + {n - 1} \cdot {icc:.2f} = {effect:.2f}, \qquad "
    rf"\Pr\left(|z| > \tfrac{{1.96}}{{\sqrt{{{effect:.2f}}}}}\right) = "
    rf"{expected} \end{{gathered}}"
    if revealed
    else "",
    "The intraclass correlation is how alike two students of one school are. The ordinary regression "
    "takes all students as independent. For something that varies between schools, its variance is too "
    "small by the design effect, and its standard error by the square root of that.",
)

lesson.breaks(
    (
        "Four schools",
        "The cluster-robust error is made of one sum for each school. With four of them it is too small "
        "and too variable: more than twice as many false alarms as promised. The multilevel model errs on the "
        "careful side: 2 degrees of freedom find next to nothing, be it there or not.",
        scenario,
        {"icc": 0.05, "class_size": 50.0, "arms": 4.0},
    ),
    (
        "Schools that do not differ",
        "With an intraclass correlation of 0 the ordinary regression is right, and the best. The "
        "multilevel model keeps the few degrees of freedom of the schools and is a little too careful.",
        scenario,
        {"icc": 0.0, "class_size": 50.0, "arms": 20.0},
    ),
)

alike = icc or 0.05
double = float(design_effect(2 * n, alike))
deeper, wider = effective_students(J, 2 * n, alike), effective_students(2 * J, n, alike)
lesson.check(
    SLUG,
    [
        Question(
            f"The intraclass correlation is {alike:.2f}. Schools of {n} students become schools of {2 * n}. "
            "What is the design effect then?",
            [
                Answer(f"{number(double, 2)}", f"Right: 1 + {2 * n - 1} · {alike:.2f}. A small intraclass correlation times many students is not small.", True),
                Answer(f"{number(double - n * alike, 2)}: as before", "It grows with the number of students in a school: the more there are, the more each repeats the others."),
                Answer(f"{number(2 * (double - n * alike), 2)}: twice as much", "The 1 stays: only the part (n − 1) · ICC grows."),
            ],
        ),
        Question(
            f"With an intraclass correlation of {alike:.2f} you can pay for {J * n:,} further students. Which tells more?",
            [
                Answer(f"{J} further schools of {n}", f"Right: worth {wider:,.0f} independent students instead of {deeper:,.0f}.", True),
                Answer(f"{n} further students in each school", f"Worth {deeper:,.0f} independent students. Twice the schools are worth {wider:,.0f}."),
                Answer("Both the same", f"Twice the schools are worth {wider:,.0f} independent students, twice the students in each {deeper:,.0f}."),
            ],
        ),
        Question(
            "“A small intraclass correlation can be ignored.” What do you answer?",
            [
                Answer("Not for a school-level treatment: it is multiplied by n − 1",
                       "Right: at .05 and 50 students the variance is 3.45 times what is stated.", True),
                Answer("True: 5% of the variance is little", "It is the variance of a mean of many students that counts, and there the part of the school does not average out."),
                Answer("True, if there are many schools", "More schools make the error smaller and the stated one in the same proportion. The false alarms stay."),
            ],
        ),
        Question(
            "Half of the students of each school are treated, drawn by lot, instead of half of the schools. "
            "The treatment acts alike everywhere. Does the design effect hold?",
            [
                Answer("No: what a school has in common falls out of the comparison", "Right. Ignoring schools then makes the standard error too large, if anything.", True),
                Answer("Yes: the students of a school are alike as before", "They are alike in both groups, and the difference of the two does not see it."),
                Answer("Only with schools of different sizes", "Sizes are not the point: it is whether the treatment varies between schools or within them."),
            ],
        ),
    ],
)  # fmt: skip

data = treatment_trial(J, n, icc, 0)
lesson.code(
    lambda: listing_of_data(
        data,
        Recipe(
            core=[
                "from mlm_core.clustered import cluster_robust, treatment_trials",
                "from scipy import stats",
                "",
                "# trial 1 of the figure: effect, standard error, p-value by three analyses",
                "X = np.column_stack([np.ones(len(schools)), schools.u])",
                "fit = cluster_robust(schools.y, X, schools.school)",
                "print(fit.coef[1], fit.se[1], fit.p_value[1])",
                "print(fit.coef[1], fit.cluster_se[1], fit.cluster_p_value[1])",
                "fit = mlm.fit_partial_pooling(data, group_predictor=True)",
                'b0, se = fit.hyper.b0, fit.se("b0")',
                "print(b0, se, 2 * stats.t.sf(abs(b0) / se, data.n_groups - 2))",
                "",
                f"trials = treatment_trials({J}, {n}, {icc:g}, {TRIALS})",
                "print(trials.design_effect, trials.false_alarms())",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "from scipy import stats",
                "",
                "# trial 1 of the figure: effect, standard error, p-value by three analyses",
                'fit = smf.ols("y ~ u", schools).fit()',
                "print(fit.params.u, fit.bse.u, fit.pvalues.u)",
                'codes = schools.school.astype("category").cat.codes',
                'fit = smf.ols("y ~ u", schools).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)',
                "print(fit.params.u, fit.bse.u, fit.pvalues.u)",
                'fit = smf.mixedlm("y ~ u", schools, groups="school").fit(reml=True, method="powell")',
                "b0, se = fit.fe_params.u, fit.bse_fe.u",
                "print(b0, se, 2 * stats.t.sf(abs(b0) / se, schools.school.nunique() - 2))",
            ],
            lme4=[
                "# trial 1 of the figure: effect, standard error, p-value by three analyses",
                "fit <- lm(y ~ u, schools)",
                'print(summary(fit)$coefficients["u", c(1, 2, 4)], digits = 6)',
                "X <- model.matrix(fit); N <- nrow(X); J <- length(unique(schools$school))",
                "bread <- solve(crossprod(X))",
                "sums <- rowsum(X * resid(fit), schools$school)",
                "robust <- J / (J - 1) * (N - 1) / (N - 2) * bread %*% crossprod(sums) %*% bread",
                "se <- sqrt(robust[2, 2])",
                "print(c(coef(fit)[2], se, 2 * pt(-abs(coef(fit)[2]) / se, J - 1)), digits = 6)",
                "fit <- lmer(y ~ u + (1 | school), schools, REML = TRUE)",
                'found <- summary(fit)$coefficients["u", 1:2]',
                "print(c(found, 2 * pt(-abs(found[1]) / found[2], J - 2)), digits = 6)",
            ],
        ),
    ),
    lambda: students_table(data),
    "%.15g",
    from_file=data.n_students > LARGEST,
)

lesson.close(
    SLUG,
    "Students of one school repeat each other: for what varies between schools, count schools, not students.",
)
