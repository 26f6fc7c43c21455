"""How far should a school be pulled to the others?"""

import numpy as np
import streamlit as st

from mlm_core import DataError, estimates
from mlm_core.charts.pooling_path import pooling_path
from mlm_core.charts.theme import steady_domain
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent, plain

SLUG = "partial_pooling"
scenario = controls.sidebar(
    "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0", "extraordinary"
)
simulation = cached.simulation(scenario, with_x=False)
data, truth = simulation.data, simulation.mean
lesson.begin(SLUG)
try:
    complete = cached.complete_pooling(scenario, with_x=False)
    own = cached.no_pooling(scenario, with_x=False).lines.alpha
    fit = cached.partial_pooling(scenario, with_x=False)
    path = cached.pooling_path(scenario, with_x=False)
except DataError as reason:
    lesson.impossible(SLUG, reason)

estimate, sigma_y, mu = fit.hyper.sigma_alpha, fit.sigma_y, fit.hyper.a0
alpha, n, names = fit.lines.alpha, data.n, data.labels.astype(str)
smallest, largest = int(np.argmin(n)), int(np.argmax(n))
all_alike = estimate == 0 or n[smallest] == n[largest]

revealed = lesson.predict(
    SLUG,
    "Which school is pulled the largest share of its way to the common mean?",
    [
        Answer("The smallest", "A small school's own mean is noisy, so it counts less.", not all_alike),
        Answer("The largest", "The largest school knows its own mean best."),
        Answer("The one farthest out", "The share depends on the number of students, not on the distance."),
        Answer("All the same", "All have the same share here." if all_alike else
               "Schools that know less are pulled more.", all_alike),
    ],
)  # fmt: skip

place, beside = lesson.figure_and_controls()
with beside:
    picked = controls.school(names, names[smallest])
    show_truth = controls.switch("Show the truth", "truth")
    if revealed and show_truth:
        lesson.beside_truth(("SD between schools", estimate, float(truth.std(ddof=1))))
j = int(np.flatnonzero(names == picked)[0])
weight = 1 / (1 + sigma_y**2 / (n[j] * estimate**2)) if estimate else 0.0
closer = int((abs(alpha - truth) < abs(own - truth)).sum())
miss, miss_own = (float(np.sqrt(np.mean((mean - truth) ** 2))) for mean in (alpha, own))

with place:
    figure.legend(
        no="its own mean",
        partial="partial pooling; dashed: the mean it pulls to",
        complete="",
        **({"truth": ""} if show_truth else {}),
    )
    last = estimates.STEPS - 1
    rest = estimates.resting_place(estimate) if revealed else last
    figure.show(
        "pooling_path",
        f"{count(len(n), 'school')}, largest first. With partial pooling each mean lies between the "
        f"school's own mean and the common mean {number(mu)}. SD between schools: {number(estimate)}.",
        pooling_path,
        {
            "schools": estimates.schools_table(
                data, own, complete.lines.alpha[0], truth=truth, picked=picked
            ),
            "path": estimates.path_table(path, data, rest),
            "likelihood": estimates.likelihood_table(path, estimate, rest),
        },
        on_school=controls.pick_from("pooling_path"),
        axes={"domain": steady_domain([*own, *truth], 60, 30)},
        rows=len(n),
        scale=estimates.HANDLE_SCALE,
        steps=estimates.STEPS,
        show_truth=show_truth,
    )
    figure.handle("pooling_path", rest, last)

if not revealed:
    lesson.see("Answer the question. Then drag the handle to the left and watch who moves.")
elif estimate == 0:
    lesson.see(
        "The estimate of σ_α is exactly 0: these schools differ no more than students drawn at "
        f"random would make them. Every school gets the same mean, {number(mu)}."
    )
else:
    lesson.see(
        f"{plain(picked)} has {count(n[j], 'student')}: its own mean {number(own[j])} is pulled "
        f"{percent(1 - weight)} of the way to {number(mu)}, to {number(alpha[j])}.",
        "" if all_alike or j == largest else
        f"{plain(names[largest])}, with {count(n[largest], 'student')}, is pulled "
        f"{percent(1 / (1 + n[largest] * estimate**2 / sigma_y**2))} of its way.",
    )  # fmt: skip
if revealed and show_truth:
    st.markdown(
        f"Closer to their true mean: **{closer} of {len(n)}** schools; "
        f"farther from it: {len(n) - closer}. All together (root mean square) partial pooling misses by "
        f"{number(miss, 2)} points, no pooling by {number(miss_own, 2)}."
        + (
            " In this draw it loses. With more than a few schools it wins on average over draws."
            if miss > miss_own
            else ""
        )
    )

tint = lesson.tint()


def weighted(result: str, size: str, mean: str, within: str, between: str, common: str) -> str:
    """The weighted average, with symbols or with numbers."""
    own_weight, common_weight = rf"\dfrac{{{size}}}{{{within}}}", rf"\dfrac{{1}}{{{between}}}"
    return (
        rf"{tint.partial(result)} = \frac{{{own_weight}\,{tint.no(mean)} + "
        rf"{common_weight}\,{tint.partial(common)}}}{{{own_weight} + {common_weight}}}"
    )


equation = weighted(r"\hat\alpha_j", "n_j", r"\bar y_j", r"\sigma_y^2", r"\sigma_\alpha^2", "a_0")
if estimate == 0:
    numbers = rf"\hat\sigma_\alpha = 0, \qquad \hat\alpha_j = a_0 = {number(mu)} \text{{ for every school}}"
else:
    numbers = (
        weighted(
            rf"\hat\alpha_{{\text{{{picked}}}}}",
            str(n[j]),
            rf"\cdot {number(own[j])}",
            f"{sigma_y:.2f}^2",
            f"{estimate:.2f}^2",
            rf"\cdot {number(mu)}",
        )
        + f" = {tint.partial(number(alpha[j]))}"
    )
lesson.model(
    equation,
    numbers if revealed else "",
    "A weighted average. Each weight is how much is known: students of the school on one side, "
    "how alike schools are on the other. The common mean $a_0$ is a weighted average, too: at the left end "
    "of the handle it is the mean of all students, which the figure marks; at the right end every school "
    "counts the same in it.",
)

lesson.breaks(
    (
        "An extraordinary school",
        "Ashford truly lies 30 points below what the model expects. It is pulled up all the same: "
        "the wrong way. Pick Ashford and switch the truth on.",
        presets.EXTRAORDINARY,
    ),
    (
        "An estimate of exactly 0",
        "Eight schools that differ a little. In this draw the best guess of σ_α is 0, so they are "
        "pooled completely. The green curve shows how unsure that guess is: it is the "
        "likelihood, how well each σ_α fits the data.",
        presets.ZERO,
    ),
)

half = sigma_y**2 / estimate**2 if estimate else np.inf
lesson.check(
    SLUG,
    [
        Question(
            "Two schools have the same own mean. One has 5 students, the other 50. "
            "Which estimate is closer to the common mean?",
            [
                Answer("The one with 5", "Right: five students say less, so the common mean counts more.", True),
                Answer("The one with 50", "Fifty students say more, so that school keeps more of its own mean."),
                Answer("Neither", "Only when σ_α is 0 or infinite are they pulled alike."),
            ],
        ),
        Question(
            "How many students give a school's own mean the same weight as the common mean?",
            [
                Answer(
                    f"{number(half)}: σ_y²/σ_α²" if estimate else "No number is enough: σ_α is 0",
                    "Right: the two weights are n_j/σ_y² and 1/σ_α².",
                    True,
                ),
                Answer(
                    f"{number(sigma_y / estimate if estimate else sigma_y)}: the SDs without squares",
                    "The weights go with variances, that is, with squares.",
                ),
                Answer(f"{number(n.mean())}: the mean size", "The weight does not depend on the other schools' sizes."),
            ],
        ),
        Question(
            "Does every school come closer to its true mean?",
            [
                Answer(
                    "No, but most often more come closer than not",
                    f"Right. Here {closer} of {len(n)} come closer.",
                    True,
                ),
                Answer("Yes, all of them", f"Here {closer} of {len(n)} come closer. " + (
                       "Another draw has schools that do not." if closer == len(n) else "Switch the truth on and count.")),
                Answer("No, it is a bias and makes things worse", "Each estimate is biased. But with more than a few schools "
                       "their errors are smaller, on average over schools and draws."),
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
                "print(fit.hyper.a0, fit.hyper.sigma_alpha, fit.sigma_y)",
                "print(dict(zip(data.labels, fit.lines.alpha.round(2))))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.mixedlm("y ~ 1", schools, groups="school").fit(reml=True)',
                "a0 = fit.fe_params.iloc[0]",
                "print(a0, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
                "print({school: round(a0 + effect.iloc[0], 2) for school, effect in fit.random_effects.items()})",
            ],
            lme4=[
                "fit <- lmer(y ~ 1 + (1 | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
                "print(round(coef(fit)$school, 2))",
            ],
        ),
    ),
    lambda: estimates.students_table(data),
)

lesson.close(
    SLUG,
    "Partial pooling is a weighted average: a school's own mean counts by its number of students, "
    "the common mean by how alike the schools are.",
)
