"""Why are the best schools small?"""

from dataclasses import replace

import streamlit as st

from mlm_core import DataError, Hyperparameters, estimates
from mlm_core.charts.funnel import funnel
from mlm_core.charts.league import league
from mlm_core.charts.theme import steady_domain
from mlm_core.experiments.league import (
    ends,
    funnel_table,
    league_table,
    small_at_the_ends,
    smaller_half,
)
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent, plain

SLUG = "small_groups"
WORLDS = 1000
ALIKE = replace(
    presets.DEFAULT, n_groups=50, hyper=replace(Hyperparameters(), sigma_alpha=1.0, b0=0.0)
)
DIFFERENT = replace(
    presets.DEFAULT, n_groups=50, hyper=replace(Hyperparameters(), sigma_alpha=15.0)
)

scenario = controls.sidebar(
    "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0"
)
simulation = cached.simulation(scenario, with_x=False)
data, n, names = simulation.data, simulation.data.n, simulation.data.labels.astype(str)
own = cached.no_pooling(scenario, with_x=False).lines.alpha
lesson.begin(SLUG)
try:
    fit = cached.partial_pooling(scenario, with_x=False)
    worlds = cached.replications(scenario, WORLDS, with_x=False)
except DataError as reason:
    lesson.impossible(SLUG, reason)
partial = fit.lines.alpha
shares = small_at_the_ends(worlds)
shown = ends(len(n))
small = smaller_half(n)
equal = not small.any()
best = int(small[(-own).argsort()[:shown]].sum())
wanted = (
    "none"
    if equal
    else "fewer than half"
    if shares["no"] < 0.45
    else "about half"
    if shares["no"] <= 0.55
    else "more than half"
)

revealed = lesson.predict(
    SLUG,
    f"Draw the world {WORLDS:,} times. Of the first and last {shown if shown > 1 else 'school'} by their own mean, "
    "how many are from the smaller half?",
    [
        Answer(
            text,
            "All schools have the same size here, so there is no smaller half."
            if equal and wanted == text
            else f"On average {percent(shares['no'])}. By the truth it would be {percent(shares['truth'])}.",
            wanted == text,
        )
        for text in ("none", "fewer than half", "about half", "more than half")
    ],
)

place, beside = lesson.figure_and_controls()
with beside:
    picked = controls.school(names, names[own.argmax()])
    st.button("Schools that hardly differ", on_click=controls.put, args=(ALIKE,), width="stretch")
    if revealed:
        lesson.small_table(
            ["", "no pooling", "partial"],
            [
                ["small schools at the ends", percent(shares["no"]), percent(shares["partial"])],
                [
                    "rank agreement with truth",
                    number(worlds.no_pooling.overall_rank_agreement, 2),
                    number(worlds.partial_pooling.overall_rank_agreement, 2),
                ],
            ],
        )
        st.caption(f"Means over {WORLDS:,} worlds. By the truth: {percent(shares['truth'])} small.")
with place:
    figure.legend(no="its own mean; blue names: the smaller half", partial="", complete="")
    left, right = st.columns([1, 1.1])
    largest = 100 if n.max() <= 100 else 1000
    with left:
        figure.show(
            "funnel",
            f"Means of {count(len(n), 'school')} against their size. The smallest spread over "
            f"{number(float(own[small].max() - own[small].min()) if not equal else 0.0)} points.",
            funnel,
            {
                "schools": estimates.schools_table(
                    data, own, fit.hyper.a0, simulation.mean, picked
                ).assign(alpha=partial[estimates.by_size(data)]),
                "funnel": funnel_table(
                    fit.hyper.a0, fit.hyper.sigma_alpha, fit.sigma_y, float(largest)
                ),
            },
            on_school=controls.pick_from("funnel"),
            axes={"domain": steady_domain([*own, *partial], 60, 30)},
            largest=largest,
        )
    with right:
        order = ("no pooling", "partial pooling", "truth")
        figure.show(
            "league",
            f"The first and last {shown} schools by their own mean, by partial pooling and by the truth.",
            league,
            {
                "league": league_table(
                    data,
                    dict(zip(order, (own, partial, simulation.mean), strict=True)),
                    picked=picked,
                )
            },
            columns=order,
            rows=2 * shown + 1,
        )

rank_own = 1 + int((own > own[names == picked][0]).sum())
rank_partial = 1 + int((partial > partial[names == picked][0]).sum())
rank_truth = 1 + int((simulation.mean > simulation.mean[names == picked][0]).sum())
level = bool(simulation.mean.max() - simulation.mean.min() < 1e-9)
j = int((names == picked).argmax())
lesson.see(
    f"{plain(picked)} has {count(n[j], 'student')}. By its own mean it is number {rank_own} of {len(n)}, "
    + (
        "by partial pooling all schools are level"
        if fit.hyper.sigma_alpha == 0
        else f"by partial pooling number {rank_partial}"
    )
    + (
        ", in truth all are."
        if level and fit.hyper.sigma_alpha == 0
        else ", in truth all schools are level."
        if level
        else f", in truth number {rank_truth}."
    ),
    ""
    if equal
    else f"The best school by own mean is {'' if best else 'not '}from the smaller half."
    if shown == 1
    else f"Of the best {shown} by own mean, {best} {'is' if best == 1 else 'are'} from the smaller half.",
)

tint = lesson.tint()
tex_mean, tex_alpha = tint.no(r"\bar y_j"), r"\alpha_j"
lesson.model(
    rf"\mathrm{{SD}}({tex_mean} \mid {tex_alpha}) = \frac{{\sigma_y}}{{\sqrt{{n_j}}}}",
    rf"\text{{{picked}: }}\; \frac{{{number(fit.sigma_y)}}}{{\sqrt{{{n[j]}}}}} = {number(fit.sigma_y / n[j] ** 0.5)} "
    rf"\text{{ points of luck,}} \qquad \text{{beside }} \hat\sigma_\alpha = {number(fit.hyper.sigma_alpha)} \text{{ of difference}}",
    "Wainer called it the most dangerous equation. Those who forget it praise small schools, or close them, "
    "for luck alone.",
)

lesson.breaks(
    (
        "Schools that truly differ a lot",
        "With σ_α = 15 most of the differences are real. Small schools stand at the ends about as often as in "
        "truth, and partial pooling changes little. Even so, some schools of the first five do not belong there.",
        DIFFERENT,
    ),
    (
        "All the same size",
        "Equal sizes are pulled by the same share, so partial pooling changes no rank at all. It still shrinks the "
        "differences between them.",
        replace(presets.DEFAULT, imbalance=0.0),
    ),
)

times = 4
lesson.check(
    SLUG,
    [
        Question(
            f"{picked} has {count(n[j], 'student')} and luck of {number(fit.sigma_y / n[j] ** 0.5)} points. "
            f"How much luck has a school of {times * n[j]}?",
            [
                Answer(f"{number(fit.sigma_y / (times * n[j]) ** 0.5)} points", "Right: four times the students, half the luck.", True),
                Answer(f"{number(fit.sigma_y / n[j] ** 0.5 / times)} points", "Luck falls with the square root of the number of students."),
                Answer("The same: it is a trait of students, σ_y", "σ_y is of one student. A mean averages luck away."),
            ],
        ),
        Question(
            "A foundation finds many small schools among the best and makes large schools small. What did it forget?",
            [
                Answer("Small schools are many among the worst, too", "Right: it looked at one end of the funnel.", True),
                Answer("Small schools are better on average", "In these worlds size has nothing to do with the true mean."),
                Answer("It should have used more years of the same schools", "More data would help, but the error was to look at one end only."),
            ],
        ),
        Question(
            "Does partial pooling always put the schools in their true order?",
            [
                Answer(
                    "No: luck is made smaller, not taken away",
                    f"Right: rank agreement with the truth {number(worlds.partial_pooling.overall_rank_agreement, 2)}, "
                    f"no pooling {number(worlds.no_pooling.overall_rank_agreement, 2)}."
                    + (
                        " A world in which σ_α is estimated as 0 has no order and counts as 0."
                        if (worlds.fits.sigma_alpha == 0).any()
                        else ""
                    ),
                    True,
                ),
                Answer("Yes", "Nobody can: what is not in the data cannot be found by a better average."),
                Answer("No, it only changes the values, never the order", "It can change the order wherever sizes differ."),
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
                "order = (-fit.lines.alpha).argsort()",
                "print(fit.hyper.a0, fit.hyper.sigma_alpha, fit.sigma_y)",
                "print([(str(data.labels[j]), int(data.n[j]), round(float(fit.lines.alpha[j]), 2)) for j in order])",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'fit = smf.mixedlm("y ~ 1", schools, groups="school").fit(reml=True)',
                "a0 = fit.fe_params.iloc[0]",
                "print(a0, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
                "means = pd.Series({s: a0 + e.iloc[0] for s, e in fit.random_effects.items()})",
                "print(means.sort_values(ascending=False).round(2).to_dict())",
            ],
            lme4=[
                "fit <- lmer(y ~ 1 + (1 | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
                "means <- coef(fit)$school",
                'print(round(means[order(-means[["(Intercept)"]]), , drop = FALSE], 2))',
            ],
        ),
    ),
    lambda: estimates.students_table(data),
)

lesson.close(
    SLUG,
    "Where schools are much alike, small ones fill both ends of a league table by luck; partial pooling asks how much of it is luck.",
)
