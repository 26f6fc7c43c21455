"""What if we forget that there are schools?"""

from dataclasses import replace

import streamlit as st

from mlm_core import DataError, estimates
from mlm_core.charts.residuals import residuals
from mlm_core.charts.students import students
from mlm_core.charts.theme import steady_domain
from mlm_core.clustered import anova_icc
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent, plain

SLUG = "complete_pooling"
scenario = controls.sidebar(
    "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0", "a1"
)
data = cached.simulation(scenario).data
assert data.x is not None
fit = cached.complete_pooling(scenario)
alpha, beta = float(fit.lines.alpha[0]), float(fit.lines.beta[0])
naive, robust = float(fit.lines.se_alpha[0]), fit.cluster_se_alpha
names = data.labels.astype(str)

residual = data.y - alpha - beta * data.x
mean_residual = data.group_means(residual)
lesson.begin(SLUG)
try:
    between = max(anova_icc(residual, data.j), 0.0)
except DataError as reason:
    lesson.impossible(SLUG, reason)

far = replace(scenario, hyper=replace(scenario.hyper, sigma_alpha=20.0))
at_20 = cached.complete_pooling(far)
too_little = at_20.lines.se_alpha[0] < 0.8 * at_20.cluster_se_alpha

revealed = lesson.predict(
    SLUG,
    "Raise the SD between schools to 20. What happens to the standard error that the one line states?",
    [
        Answer(
            "It grows as it should",
            f"At 20 it states {number(at_20.lines.se_alpha[0])} points for its intercept. Counting schools "
            f"instead of students gives {number(at_20.cluster_se_alpha)}.",
            not too_little,
        ),
        Answer(
            "It grows, far too little",
            f"At 20 it states {number(at_20.lines.se_alpha[0])} points for its intercept. Counting schools "
            f"instead of students gives {number(at_20.cluster_se_alpha)}.",
            too_little,
        ),
        Answer("It does not change", "Larger differences make larger residuals, so it does grow."),
    ],
)

place, beside = lesson.figure_and_controls()
with beside:
    picked = controls.school(names, names[(abs(mean_residual) * data.n**0.5).argmax()])
    j = int((names == picked).argmax())
x_domain, y_domain = steady_domain(data.x, 0, 3.5), steady_domain(data.y, 60, 50)
with place:
    figure.legend(complete="one line for everybody", no=f"students of {picked}; mean of a school")
    left, right = st.columns(2)
    with left:
        figure.show(
            "students",
            f"{count(data.n_students, 'student')} and one line: score = {number(alpha)} + {number(beta)} times "
            f"pre-test. {picked} is marked.",
            students,
            {
                "students": estimates.marked_students(data, picked),
                "lines": estimates.line_table(
                    "complete", ["everybody"], fit.lines.alpha[:1], fit.lines.beta[:1], x_domain
                ),
            },
            axes={"x_domain": x_domain, "y_domain": y_domain},
        )
    with right:
        figure.show(
            "residuals",
            "Distances from the line, a strip for each school, ordered by their mean: "
            f"from {number(mean_residual.max())} to {number(mean_residual.min())} points.",
            residuals,
            estimates.residuals_tables(data, residual, picked),
            on_school=controls.pick_from("residuals"),
            rows=data.n_groups,
            axes={"domain": steady_domain(residual, 0, 45)},
        )

same_side = int(((residual > 0) == (mean_residual[j] > 0))[data.j == j].sum())
lesson.see(
    f"{plain(picked)} has 1 student."
    if data.n[j] == 1
    else f"{same_side} of {count(data.n[j], 'student')} of {plain(picked)} lie on the same side of the line.",
    f"Residuals, the distances from the line, clump by school: {percent(between)} of their variance lies "
    "between schools."
    if between > 0
    else "Here residuals clump by school no more than chance would make them: the estimate of the share of "
    "their variance that lies between schools is 0.",
    f"The line claims to know its intercept to ± {number(naive)} points; counted by schools it is "
    f"± {number(robust)}."
    if revealed
    else "",
)

tint = lesson.tint()
tex_alpha, tex_beta = tint.complete(r"\alpha"), tint.complete(r"\beta")
lesson.model(
    rf"y_i = {tex_alpha} + {tex_beta}\, x_i + \epsilon_i"
    r", \qquad \epsilon_i \sim \mathrm{N}(0, \sigma_y^2) \text{, all independent}",
    rf"\hat y_i = {tint.complete(number(alpha))} + {tint.complete(number(beta))}\, x_i, \qquad "
    rf"\hat\sigma_y = {number(fit.sigma_y)}, \qquad "
    rf"\mathrm{{SE}}(\hat\alpha) = {naive:.2f} \text{{ stated}},\; {robust:.2f} \text{{ by schools}}",
    "No index j anywhere: the model does not know that there are schools.",
)

lesson.breaks(
    (
        "Every slope up, the line down",
        "In every school a higher pre-test goes with a higher score. Schools with high pre-tests have low "
        "scores for other reasons, and the one line falls.",
        presets.SIMPSON,
    )
)

ratio = robust / naive
lesson.check(
    SLUG,
    [
        Question(
            "The interval of the intercept is ± 2 standard errors. By what factor does its width change when "
            "the standard error is counted by schools?",
            [
                Answer(
                    f"{number(ratio, 2)}: the ratio of the standard errors",
                    f"Right: {number(robust, 2)} / {number(naive, 2)}. The width goes with the standard error."
                    + (
                        f" With {data.n_groups} schools even that is only rough: most often it is too narrow."
                        if data.n_groups < 20
                        else ""
                    ),
                    True,
                ),
                Answer(
                    f"{number(ratio**2, 2)}: the square of that ratio",
                    "That is the ratio of the variances; the width goes with the standard error.",
                ),
                Answer(
                    "1: the line is the same either way",
                    "The line is the same, what is said of its uncertainty is not.",
                ),
            ],
        ),
        Question(
            "All 30 residuals of one school are positive. What does that say?",
            [
                Answer(
                    "Its students share something that the line leaves out",
                    "Right: that shared part is what α_j will stand for.",
                    True,
                ),
                Answer(
                    "The slope is too small",
                    "Another slope would lift some students and lower others.",
                ),
                Answer(
                    "They are outliers",
                    "One student can be an outlier. A whole school is a pattern.",
                ),
            ],
        ),
        Question(
            "Schools have 100 students each, and a fifth of the variance lies between schools. Twice as many "
            "students in the same schools: is the standard error by schools halved?",
            [
                Answer(
                    "No, it hardly changes",
                    "Right: what is uncertain is which schools were drawn. More schools would help.",
                    True,
                ),
                Answer(
                    "Yes, it is halved", "Even with independent students it would fall by √2 only."
                ),
                Answer(
                    "It falls by the factor √2",
                    "That holds for independent students. These share their schools.",
                ),
            ],
        ),
    ],
)

lesson.code(
    lambda: listing(
        scenario,
        data,
        Recipe(
            core=[
                "fit = mlm.fit_complete_pooling(data)",
                "print(fit.lines.alpha[0], fit.lines.beta[0], fit.sigma_y)",
                "print(fit.lines.se_alpha[0], fit.cluster_se_alpha)",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'model = smf.ols("y ~ x", schools)',
                "fit = model.fit()",
                'groups = pd.factorize(schools["school"])[0]',
                'robust = model.fit(cov_type="cluster", cov_kwds={"groups": groups})',
                "print(fit.params.iloc[0], fit.params.iloc[1], np.sqrt(fit.scale))",
                "print(fit.bse.iloc[0], robust.bse.iloc[0])",
            ],
            lme4=[
                "fit <- lm(y ~ x, schools)  # no random effects, so no lme4 yet",
                "X <- model.matrix(fit)",
                "S <- rowsum(X * resid(fit), schools$school)",
                "J <- nrow(S); n <- nrow(X); p <- ncol(X)",
                "B <- solve(crossprod(X))",
                "V <- J / (J - 1) * (n - 1) / (n - p) * B %*% crossprod(S) %*% B",
                "print(c(coef(fit), sigma(fit)))",
                "print(c(summary(fit)$coefficients[1, 2], sqrt(V[1, 1])))",
            ],
        ),
    ),
    lambda: estimates.students_table(data),
)

lesson.close(
    SLUG,
    "Complete pooling draws one line for everybody: simple, stable, blind to schools, and too sure of itself wherever schools differ.",
)
