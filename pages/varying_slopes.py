"""What if the pre-test counts for more in some schools?"""

import numpy as np
import streamlit as st

from mlm_core import DataError, origin
from mlm_core.charts.slopes_plane import slopes_plane
from mlm_core.charts.theme import steady_domain
from mlm_core.estimates import students_table
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent, plain

SLUG = "varying_slopes"
scenario = controls.sidebar(
    "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_beta", "rho", "sigma_y",
    "b0", "b1",
)  # fmt: skip
lesson.begin(SLUG)
simulation = cached.simulation(scenario)
data, truth = simulation.data, (simulation.alpha, simulation.beta)
n, names = data.n, data.labels.astype(str)

question = st.container()
place, beside = lesson.figure_and_controls()
try:
    own = cached.no_pooling(scenario, slopes="varying").lines
    with beside:
        picked = controls.school(names, names[int(np.nanargmax(own.beta))])
        with_u = controls.switch("Let u predict the lines", "with_u")
        show_truth = controls.switch("Show the truth", "truth")
    fit = cached.partial_pooling(scenario, slopes="varying", group_predictor=with_u)
    apart = cached.partial_pooling(scenario, slopes="uncorrelated", group_predictor=with_u)
except DataError as reason:
    lesson.impossible(SLUG, reason)

hyper, lines = fit.hyper, fit.lines
true = origin.true_population(scenario, with_u)
j = int(np.flatnonzero(names == picked)[0])
of_intercepts, of_slopes = origin.spread_lost(own, lines)
parallel, perfect = hyper.sigma_beta == 0, abs(hyper.rho) == 1
raw_0 = origin.move_origin(hyper, -5)

with question:
    tie = f"{of_intercepts:.2f}" == f"{of_slopes:.2f}"
    lost = (
        f"Of the spread between the schools' own slopes {percent(max(of_slopes, 0))} goes, "
        f"of that between their intercepts {percent(max(of_intercepts, 0))}."
    )
    weak = "A mean score is known well; how steeply it rises with the pre-test is known badly."
    steep = (
        "Slopes are known badly, but here they also differ much, so more of their spread is kept."
    )
    revealed = lesson.predict(
        SLUG,
        "Every school has a line of its own: an intercept and a slope. Partial pooling draws them "
        "together. Which does it draw together more?",
        [
            Answer("The slopes", lost if of_slopes > of_intercepts else steep, of_slopes > of_intercepts and not tie),
            Answer("The intercepts", lost if of_slopes < of_intercepts else weak, of_slopes < of_intercepts and not tie),
            Answer("Both the same", lost if tie else
                   "Each is pulled by how well it is known, and they are not known equally well.", tie),
        ],
    )  # fmt: skip

low, high = origin.LOW, origin.HIGH
slopes = steady_domain([*lines.beta, *truth[1], hyper.a1], 4, 10)
with place:
    figure.legend(
        no="a school's own line",
        **({"partial": ""} if revealed else {}),
        **({"truth": ""} if show_truth else {}),
    )
    figure.show(
        "slopes_plane",
        f"Left, {count(len(n), 'school')} by slope and intercept, right, their lines. With partial "
        f"pooling the SD of intercepts is {number(hyper.sigma_alpha)}, that of slopes "
        f"{number(hyper.sigma_beta)}, their correlation {number(hyper.rho, 2)} where x = 0 is a raw "
        "pre-test of 500. Moving that place changes the first and the last, not the lines.",
        slopes_plane,
        origin.slopes_tables(data, own, lines, truth, hyper, true, j),
        on_school=controls.pick_from("slopes_plane"),
        scores=steady_domain([*(lines.alpha + low * lines.beta), *(lines.alpha + high * lines.beta)], 50, 50),
        slopes=slopes,
        origins=(low, high),
        steps=origin.STEPS,
        revealed=revealed,
        show_truth=show_truth,
    )  # fmt: skip
    figure.handle("slopes_plane", origin.REST, origin.STEPS - 1)

if revealed:
    with beside:
        if show_truth:
            lesson.beside_truth(
                (r"$\sigma_\alpha$", hyper.sigma_alpha, true.sigma_alpha),
                (r"$\sigma_\beta$", hyper.sigma_beta, true.sigma_beta),
                (r"$\rho$", hyper.rho, true.rho),
            )
        else:
            st.markdown("Drag the rule **x = 0**. The lines stay; their intercepts do not.")

missing = int((~np.isfinite(own.beta)).sum())
outside = int(((own.beta < slopes[0]) | (own.beta > slopes[1])).sum())
if not revealed:
    lesson.see("Answer the question. A point on the left is a line on the right: find yours.")
else:
    if np.isfinite(own.beta[j]):
        school = (
            f"{plain(picked)}, with {count(n[j], 'student')}, has a slope of its own of "
            f"{number(own.beta[j])}; partial pooling makes it {number(lines.beta[j])}, and its "
            f"intercept {number(lines.alpha[j])} instead of {number(own.alpha[j])}."
        )
    else:
        school = (
            f"{plain(picked)} has {count(n[j], 'student')} and no slope of its own; partial pooling "
            f"gives it {number(lines.beta[j])}."
        )
    if parallel:
        cloud = "The estimate of σ_β is exactly 0: the slopes differ by no more than chance" + (
            " and u." if with_u else "."
        )
    elif perfect:
        gap = apart.criterion - fit.criterion
        cloud = (
            f"The estimate of ρ is exactly {number(hyper.rho, 0)}: the cloud is as thin as a line. "
            f"With ρ = 0 the deviance is {number(gap, 2)} larger, so these data "
            + (
                "say next to nothing of ρ."
                if gap < 1
                else "do not rule out that ρ is 0."
                if gap < 3.84
                else "do say that ρ is not 0."
            )
        )
    elif hyper.sigma_alpha == 0:
        cloud = "The estimate of σ_α is exactly 0: where x = 0 " + (
            "the height of a line is what u says." if with_u else "all lines cross."
        )
    else:
        cloud = (
            f"ρ is {number(hyper.rho, 2)} with x = 0 at 500, {number(raw_0.rho, 2)} with x = 0 "
            "at a raw score of 0: the same lines."
        )
    lesson.see(school, cloud)
notes = []
if missing:
    notes.append(
        f"{count(missing, 'school')} cannot have a line of {'its' if missing == 1 else 'their'} own."
    )
if outside:
    notes.append(
        f"{count(outside, 'own line')} {'is' if outside == 1 else 'are'} too steep for the left panel."
    )
if notes:
    st.caption(" ".join(notes))

tint = lesson.tint()
means = (r"a_0 + b_0 u_j", r"a_1 + b_1 u_j") if with_u else ("a_0", "a_1")


def bell(mean: tuple[str, str], spread: tuple[str, str, str]) -> str:
    """Two means and a covariance matrix."""
    top, cross, bottom = spread
    return (
        rf"\mathrm{{N}}\!\left(\begin{{pmatrix}} {mean[0]} \\ {mean[1]} \end{{pmatrix}},\; "
        rf"\begin{{pmatrix}} {top} & {cross} \\ {cross} & {bottom} \end{{pmatrix}}\right)"
    )


alpha_j, beta_j = tint.partial(r"\alpha_j"), tint.partial(r"\beta_j")
alpha_i, beta_i = tint.partial(r"\alpha_{j[i]}"), tint.partial(r"\beta_{j[i]}")
pair = rf"\begin{{pmatrix}} {alpha_j} \\ {beta_j} \end{{pmatrix}}"
symbols = (r"\sigma_\alpha^2", r"\rho\,\sigma_\alpha\sigma_\beta", r"\sigma_\beta^2")
sa, sb, rho = hyper.sigma_alpha, hyper.sigma_beta, 0.0 if np.isnan(hyper.rho) else hyper.rho
found = (f"{sa:.1f}^2", f"{rho * sa * sb:.1f}", f"{sb:.1f}^2")
numbers = (
    (f"{hyper.a0:.1f} {hyper.b0:+.1f}\\,u_j", f"{hyper.a1:.1f} {hyper.b1:+.1f}\\,u_j")
    if with_u
    else (f"{hyper.a0:.1f}", f"{hyper.a1:.1f}")
)
rise = 10 * rho * sb / sa if sa > 0 else 0.0
correlation = rf"\hat\rho = {hyper.rho:.2f}" if sa * sb > 0 else r"\text{no correlation}"
lesson.model(
    rf"\begin{{gathered}} y_i = {alpha_i} + {beta_i}\, x_i + \epsilon_i \\[6pt]"
    rf"{pair} \sim {bell(means, symbols)} \end{{gathered}}",
    rf"{pair} \sim {bell(numbers, found)}, \qquad {correlation}" if revealed else "",
    "A school has two coefficients, and they have one model together: the ellipse. So what is "
    "known of a school's intercept says something of its slope"
    + (
        f": 10 points more of intercept go with {number(abs(rise))} "
        f"{'more' if rise >= 0 else 'less'} of slope. "
        if revealed and sa * sb > 0
        else ". "
    )
    + r"With x = 0 moved to $c$, the intercepts are $\alpha_j + c\,\beta_j$: "
    r"$\sigma_\alpha$ and $\rho$ are others, the slopes and the lines are the same.",
)

lesson.breaks(
    (
        "A correlation of exactly 1",
        "Five schools. The estimate of ρ is 1 and the ellipse has no width: intercept and slope "
        "would tell each other exactly. It means that the likelihood is highest at its edge, not "
        "that the truth is there: five points say little of a correlation.",
        presets.PERFECT,
    ),
)

steeper, flatter = rho > 0.005, rho < -0.005
upright = not (steeper or flatter)
value = "not defined here" if np.isnan(hyper.rho) else number(hyper.rho, 2)
leans = f"Right: ρ is {value}, so that is where the ellipse leans."
lesson.check(
    SLUG,
    [
        Question(
            "One student of a new school, with a pre-test of 500, scores far above what the model "
            "expects. Which slope does the model give the school?",
            [
                Answer("Steeper than it expected before",
                       leans if steeper else f"Only with a ρ above 0. It is {value}.", steeper),
                Answer("The one it expected before",
                       "Right: without correlation its intercept says nothing of its slope." if upright
                       else f"ρ is {value}: an intercept far out moves the slope, too.", upright),
                Answer("Flatter than it expected before",
                       leans if flatter else f"Only with a ρ below 0. It is {value}.", flatter),
                Answer("None: one student has no slope", "None of its own. But the model has slopes for schools, so it has one for this school."),
            ],
        ),
        Question(
            "Slopes vary, and x = 0 is moved from a raw score of 500 to a raw score of 0. What changes?",
            [
                Answer(
                    "σ_α and ρ",
                    "Right, and a_0 with them. " + (
                        "Here the slopes have no spread, so even these stay." if parallel else
                        f"Here σ_α goes from {number(sa)} to {number(raw_0.sigma_alpha)}."
                    ),
                    True,
                ),
                Answer("σ_β", "A slope is the rise for one step of x, wherever that step begins."),
                Answer("The schools' lines", "It is the same model in other letters: each line stays where it is."),
            ],
        ),
        Question(
            "Five schools give an estimate of ρ of exactly 1. What does that say?",
            [
                Answer("The likelihood is highest at the edge; the data may say little of ρ",
                       "Right. Compare with the model that has ρ = 0: often it fits almost as well.", True),
                Answer("A school's intercept truly fixes its slope",
                       "An estimate at the edge is not a truth at the edge. Another draw can give −1."),
                Answer("The fit has failed", "It has not: this is where the likelihood is highest."),
            ],
        ),
    ],
)  # fmt: skip

formula, core = ("y ~ x * u", ", group_predictor=True") if with_u else ("y ~ x", "")
lesson.code(
    lambda: listing(
        scenario,
        data,
        Recipe(
            core=[
                f'fit = mlm.fit_partial_pooling(data, slopes="varying"{core})',
                "print(fit.hyper, fit.sigma_y)",
                "for school, alpha, beta in zip(data.labels, fit.lines.alpha, fit.lines.beta):",
                '    print(f"{school}: {alpha:.2f} + {beta:.2f} x")',
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                f'model = smf.mixedlm("{formula}", schools, groups="school", re_formula="~x")',
                "fit = model.fit(reml=True)",
                "sd = np.sqrt(np.diag(fit.cov_re))",
                "print(fit.fe_params.round(3).to_dict())",
                "print(sd.round(3), fit.cov_re.iloc[0, 1] / sd.prod(), np.sqrt(fit.scale))",
            ],
            lme4=[
                f"fit <- lmer({formula} + (1 + x | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
            ],
        ),
    ),
    lambda: students_table(data),
)

lesson.close(
    SLUG,
    "Schools are pulled toward a tilted cloud of lines, so that intercept and slope inform each "
    "other; how the cloud tilts depends on where x is zero.",
)
