"""Is it really better, or only different?"""

from dataclasses import replace

import numpy as np
import streamlit as st

from mlm_core.charts.by_size import by_size
from mlm_core.charts.errors import errors
from mlm_core.charts.theme import steady_domain
from mlm_core.estimates import students_table
from mlm_core.experiments import efficiency
from mlm_core.replication import world
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent, plain

SLUG = "efficient_inference"
WORLDS = 1000
IGNORED = ("b0", "a1", "sigma_beta", "rho", "b1", "sigma_x", "contextual")
ALIKE = replace(presets.DEFAULT, hyper=replace(presets.DEFAULT.hyper, sigma_alpha=1.0))
THREE = replace(presets.DEFAULT, n_groups=3)

scenario = efficiency.only_schools(
    controls.sidebar(
        "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "extraordinary",
        beside=IGNORED,
    )
)  # fmt: skip
lesson.begin(SLUG)
try:
    made = cached.replications(scenario, WORLDS, with_x=False)
except ValueError as reason:
    lesson.impossible(SLUG, reason)

complete, no, partial = made.complete_pooling, made.no_pooling, made.partial_pooling
n, names, sigma_alpha = made.n, made.labels.astype(str), scenario.hyper.sigma_alpha
smallest, largest = int(n.argmin()), int(n.argmax())
gained = efficiency.gain(made, largest)
sizes = ("Hardly: less than 5%", "5% to 25%", "25% to 50%", "More than 50%")
equal = bool(n[smallest] == n[largest])
in_smallest = (
    f" In the smallest school, with {count(n[smallest], 'student')}: {number(no.rmse[smallest], 2)} and "
    f"{number(partial.rmse[smallest], 2)}."
)
right = int(np.searchsorted((0.05, 0.25, 0.5), gained, side="right"))

revealed = lesson.predict(
    SLUG,
    f"{'Every school' if equal else 'The largest school'} has {count(n[largest], 'student')}. Compared "
    "with its own mean, how much smaller is the error of partial pooling there?",
    [
        Answer(
            text,
            f"Over {WORLDS:,} worlds its error is {number(no.rmse[largest], 2)} points with no pooling "
            f"and {number(partial.rmse[largest], 2)} with partial pooling."
            + ("" if equal else in_smallest)
            if k == right
            else "That is too much: a school that knows its own mean well has little to borrow."
            if k > right
            else "That is too little: here the other schools tell much, even of the largest.",
            k == right,
        )
        for k, text in enumerate(sizes)
    ],
)

place, beside = lesson.figure_and_controls()
with beside:
    picked = controls.school(names, names[smallest])
    if revealed:
        lesson.small_table(
            ["", "complete", "no", "partial"],
            [
                ["RMSE", *(number(e.overall_rmse, 2) for e in (complete, no, partial))],
                ["coverage", *(percent(e.overall_coverage) for e in (complete, no, partial))],
            ],
        )
    st.caption(
        ("All schools together. " if revealed else "")
        + "RMSE: root mean square error. Coverage: share of 95% intervals that hold the truth. "
        + f"Every world: new schools, new students. Each move of a slider refits all {WORLDS:,}."
    )
j = int(np.flatnonzero(names == picked)[0])
schools = efficiency.by_school(made, picked, partial=revealed)
limit = 100 if n.max() <= 100 else 1000
tables = {
    "schools": schools,
    "expected": efficiency.expected_table(scenario, limit, partial=revealed),
}
worst = max(sigma_alpha, float(no.rmse.max()), float(partial.rmse.max()))

with place:
    figure.legend(complete="", no="", **({"partial": ""} if revealed else {}))
    left, right_side = st.columns([1, 1.1])
    with left:
        st.markdown(
            f"**{plain(picked)}, {count(n[j], 'student')}: its errors in {WORLDS:,} worlds**"
        )
        figure.show(
            "errors",
            f"Errors of the estimates of {picked} in {WORLDS:,} worlds. Root mean square: complete pooling "
            f"{number(complete.rmse[j])}, no pooling {number(no.rmse[j])}"
            + (f", partial pooling {number(partial.rmse[j])}." if revealed else "."),
            errors,
            efficiency.error_tables(made, j, partial=revealed),
            axes={"domain": steady_domain(efficiency.reach(made, j), 0, 5.5)},
            steps=efficiency.SHOWN,
        )
        figure.handle("errors", efficiency.SHOWN - 1, efficiency.SHOWN - 1)
    with right_side:
        st.markdown("**Every school: error, and how often its interval held**")
        figure.show(
            "error_by_size",
            f"Root mean square error of {count(len(n), 'school')} against their size: no pooling from "
            f"{number(no.rmse.max())} to {number(no.rmse.min())}"
            + (
                f", partial pooling from {number(partial.rmse.max())} to {number(partial.rmse.min())}."
                if revealed
                else "."
            ),
            by_size,
            tables,
            on_school=controls.pick_from("error_by_size"),
            measure="error",
            axes={"domain": (0, steady_domain([worst], 0, 8)[1])},
            largest=limit,
            height=230,
        )
        figure.show(
            "held_by_size",
            f"Share of 95% intervals that hold the truth: no pooling {percent(no.overall_coverage)}"
            + (f", partial pooling {percent(partial.overall_coverage)}." if revealed else "."),
            by_size,
            {"schools": schools},
            on_school=controls.pick_from("held_by_size"),
            measure="held",
            domain=(0, 1.05),
            largest=limit,
            height=158,
        )


def changed(k: int) -> str:
    """How the error of school k changes from no to partial pooling, in words."""
    better = efficiency.gain(made, k)
    if abs(better) < 0.005:
        return "as much"
    return f"{percent(abs(better))} {'less' if better > 0 else 'more'}"


odd = efficiency.odd_school(made)
if not revealed:
    lesson.see(
        "Answer the question. Then drag the handle from the first world on: each dot is one world, "
        "and the curve is all of them."
    )
else:
    lesson.see(
        f"The own mean of {plain(picked)} misses the truth by {number(no.rmse[j], 2)} points (root mean "
        f"square), partial pooling by {number(partial.rmse[j], 2)}: {changed(j)}. It is the closer one in "
        f"{percent(made.closer[j])} of the worlds, and {percent(partial.coverage[j])} of its 95% intervals "
        "hold the truth."
    )
    notes = []
    if scenario.extraordinary and j != odd:
        notes.append(
            f"{plain(names[odd])} is set apart by {number(scenario.extraordinary, 0)} points: with partial "
            f"pooling its error is {number(partial.rmse[odd], 2)} instead of {number(no.rmse[odd], 2)}, and "
            f"{percent(partial.coverage[odd])} of its intervals hold the truth. Pick it."
        )
    zero = float((made.fits.sigma_alpha == 0).mean())
    if zero:
        notes.append(f"In {percent(zero)} of the worlds σ_α is estimated as exactly 0.")
    if notes:
        st.markdown(" ".join(notes))

tint = lesson.tint()
tex_complete = tint.complete(r"\mathrm{RMSE}_{\text{complete}}")
tex_no = tint.no(r"\mathrm{RMSE}_{\text{no}}")
tex_partial = tint.partial(r"\mathrm{RMSE}_{\text{partial}}")
known = efficiency.expected_errors(float(n[j]), sigma_alpha, scenario.sigma_y)
at = {way: number(float(value), 2) for way, value in known.items()}
within, between = f"{scenario.sigma_y:g}", f"{sigma_alpha:g}"
summed = rf"{n[j]}/{within}^2 + 1/{between}^2"
lesson.model(
    rf"\begin{{gathered}} {tex_complete} = \sigma_\alpha, \qquad "
    rf"{tex_no} = \frac{{\sigma_y}}{{\sqrt{{n_j}}}}, \\[6pt] "
    rf"{tex_partial} = \frac{{1}}{{\sqrt{{\,n_j/\sigma_y^2 + 1/\sigma_\alpha^2\,}}}} \end{{gathered}}",
    rf"\begin{{gathered}} \text{{{picked}: }}\; {tint.complete(at['complete'])}, \qquad "
    rf"\frac{{{within}}}{{\sqrt{{{n[j]}}}}} = {tint.no(at['no'])}, \\[6pt] "
    + (
        rf"\frac{{1}}{{\sqrt{{\,{summed}\,}}}} = {tint.partial(at['partial'])}"
        if sigma_alpha
        else rf"\sigma_\alpha = 0:\; {tint.partial('0')}"
    )
    + r" \end{gathered}"
    if revealed
    else "",
    "These are the curves of the figure. What the two sources know adds up, so partial pooling has less "
    "error than both: if the SDs and the common mean are known, and all schools come from one "
    "distribution. They are estimated, so the marks scatter, and "
    "those of partial pooling lie a little above their curve.",
)

lesson.breaks(
    (
        "An extraordinary school",
        "Ashford lies 30 points below the others in every world, and the model knows nothing of it. "
        "There partial pooling has the larger error, and its interval misses too often.",
        presets.EXTRAORDINARY,
        {"school": "Ashford"},
    ),
    (
        "Three schools",
        "Three schools hardly tell σ_α. The interval takes its estimate as known, and is too short: "
        "fewer than 95% hold the truth.",
        THREE,
    ),
    (
        "Schools that hardly differ",
        "With σ_α = 1, complete pooling errs as little. The estimate of σ_α is often 0, and then the "
        "interval of partial pooling is too short for twenty schools, too.",
        ALIKE,
    ),
)

three = cached.replications(efficiency.only_schools(THREE), WORLDS, with_x=False)
few = int(three.n.argmin())
missed = sigma_alpha or scenario.sigma_y / float(np.median(n)) ** 0.5
lesson.check(
    SLUG,
    [
        Question(
            f"The own mean of a school misses by {number(missed)} points (RMSE), and so does the common "
            "mean. By how much does partial pooling miss, with known SDs?",
            [
                Answer(f"{number(missed / 2**0.5)}: by 1/√2 of it", "Right: the two are equally good, so their mean has half the variance.", True),
                Answer(f"{number(missed)}: the mean of the two", "Their errors are independent, and partly cancel each other."),
                Answer(f"{number(missed / 2)}: half of it", "The variance is halved, not the error."),
            ],
        ),
        Question(
            "“Shrinkage is arbitrary, a bias to be avoided.” What do you answer?",
            [
                Answer("Each school's estimate is biased, and its total error is smaller on the whole",
                       f"Right. Here, over all schools: {number(partial.overall_rmse, 2)} instead of {number(no.overall_rmse, 2)}.", True),
                Answer("There is no bias", "A school truly above the others is pulled down, in every redraw of its students."),
                Answer("True: an unbiased estimate is the better one",
                       "Its error is all noise. In small schools that noise is larger than bias and noise together of partial pooling."),
            ],
        ),
        Question(
            f"With three schools, {percent(three.partial_pooling.overall_coverage)} of partial pooling's 95% intervals hold the truth. Why?",
            [
                Answer("They take the estimate of σ_α as if it were known", "Right: three schools hardly tell σ_α, and the interval does not say so.", True),
                Answer("Three schools are too few for partial pooling to be closer", f"In the smallest it is closer on average all the same: {number(three.partial_pooling.rmse[few], 2)} instead of {number(three.no_pooling.rmse[few], 2)}. It is the width that is wrong."),
                Answer("95% is reached only with many students in each school", "More students help each school's own mean. σ_α is learned from the number of schools."),
            ],
        ),
    ],
)  # fmt: skip

data = world(scenario, 0, with_x=False).data
lesson.code(
    lambda: listing(
        scenario,
        data,
        Recipe(
            core=[
                "from mlm_core.replication import world",
                "",
                "data = world(scenario, 0, with_x=False).data  # world 1 of the figure",
                "fit = mlm.fit_partial_pooling(data)",
                "print(fit.hyper.a0, fit.hyper.sigma_alpha, fit.sigma_y)",
                "print(dict(zip(data.labels, fit.lines.alpha.round(2))))",
                "",
                f"made = mlm.replicate(scenario, {WORLDS}, with_x=False)",
                "for found in (made.complete_pooling, made.no_pooling, made.partial_pooling):",
                "    print(round(found.overall_rmse, 2), round(found.overall_coverage, 3))",
                "    print(dict(zip(made.labels, found.rmse.round(2))))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                "# world 1 of the figure",
                'fit = smf.mixedlm("y ~ 1", schools, groups="school").fit(reml=True)',
                "a0 = fit.fe_params.iloc[0]",
                "print(a0, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale))",
                "print({school: round(a0 + effect.iloc[0], 2) for school, effect in fit.random_effects.items()})",
            ],
            lme4=[
                "# world 1 of the figure",
                "fit <- lmer(y ~ 1 + (1 | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
                "print(round(coef(fit)$school, 2))",
            ],
        ),
    ),
    lambda: students_table(data),
)

lesson.close(
    SLUG,
    "Partial pooling is better on the whole: most in small schools, hardly in large ones, and not where a "
    "school is unlike the others or where too few schools tell how much they differ.",
)
