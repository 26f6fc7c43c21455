"""Does the programme work everywhere?"""

from dataclasses import replace

import numpy as np
import streamlit as st

from mlm_core import DataError, Hyperparameters, estimates
from mlm_core.charts.effects import effects
from mlm_core.charts.theme import steady_domain
from mlm_core.experiments import trial as trials
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import LARGEST, Recipe, listing_of_data
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent, plain

SLUG = "treatment_effects"
HALF = replace(
    presets.DEFAULT, n_groups=30, students_per_group=40, imbalance=0.5, seed=15,
    hyper=Hyperparameters(a1=0.0, b0=0.0, b1=0.0, sigma_beta=6.0, rho=0.0),
)  # fmt: skip
NO_SPREAD = replace(
    presets.DEFAULT, n_groups=8, students_per_group=10, seed=4,
    hyper=Hyperparameters(b0=0.0, b1=0.0, sigma_beta=3.0, rho=0.0),
)  # fmt: skip
USES = (
    "n_groups", "students_per_group", "imbalance", "a1", "sigma_beta", "b1", "rho", "sigma_y",
)  # fmt: skip

lesson.begin(SLUG)
question = st.container()
place, beside = lesson.figure_and_controls()
with beside:
    simulated = controls.switch(
        "Simulate a trial", "simulated", help="Off: the file tutoring.csv. On: set it at the left."
    )
with question:
    scenario = controls.sidebar(*(USES if simulated else ()), beside=("redraw",))
if simulated:
    st.sidebar.caption("Here x is tutoring, 0 or 1: the slope of x is the effect.")
try:
    trial = cached.trial(scenario if simulated else None)
except DataError as reason:
    lesson.impossible(SLUG, reason)

data, truth, own, lines = trial.data, trial.effect, trial.no.lines, trial.partial.lines
n, names = data.n, data.labels.astype(str)
found = trials.effects(trial.partial)
curse = cached.winner(found, tuple(own.se_beta.tolist()))
likely, one = found.share_above(0), float(trial.complete.lines.beta[0])
best = int(np.nanargmax(own.beta))
with beside:
    picked = controls.school(names, names[best])
    show_truth = controls.switch("Show the truth", "truth")
j = int(np.flatnonzero(names == picked)[0])

with question:
    said = f"Estimated from these schools: {percent(likely)}. Look under the forest of schools, at a new school."
    bins = {
        "More than 95%": (0.95, 1.01, "That the mean effect is above 0 does not put every school above 0."),
        "75 to 95%": (0.75, 0.95, "Two things count: how far the mean is above 0, and how much schools differ."),
        "50 to 75%": (0.5, 0.75, "The mean effect lies on one side of 0, and most schools lie near the mean."),
        "Less than 50%": (-0.01, 0.5, "Some schools' own effects are below 0, but much of that is chance."),
    }  # fmt: skip
    revealed = lesson.predict(
        SLUG,
        f"In each of {count(len(n), 'school')} half of the students, drawn at random, were tutored. Now a school "
        "that was not among them buys the programme. How likely is it to help there?",
        [
            Answer(text, said if low < likely <= high else why, low < likely <= high)
            for text, (low, high, why) in bins.items()
        ],
    )

domain = steady_domain([*own.beta, *truth, found.new_low, found.new_high], 0, 25)
with place:
    figure.legend(
        no="a school's own effect, with its 95% interval",
        complete="",
        **({"partial": ""} if revealed else {}),
        **({"truth": ""} if show_truth else {}),
    )
    figure.show(
        "effects",
        f"Effects of tutoring in {count(len(n), 'school')}, largest school first, with 95% intervals. "
        f"The mean effect is {number(found.mean)}, from {number(found.low)} to {number(found.high)}; that of "
        f"a new school is expected from {number(found.new_low)} to {number(found.new_high)}.",
        effects,
        trials.effects_tables(data, trial.no, lines, one, truth, found, picked, domain),
        on_school=controls.pick_from("effects"),
        domain=domain,
        rows=len(n),
        steps=trials.STEPS,
        revealed=revealed,
        show_truth=show_truth,
    )
    if revealed:
        figure.handle("effects", trials.STEPS // 2, trials.STEPS - 1)

if revealed:
    with beside:
        if show_truth:
            lesson.beside_truth(
                ("mean effect", found.mean, float(truth.mean())),
                ("SD of effects", found.sd, float(truth.std(ddof=1))),
            )
        else:
            st.markdown(
                f"Mean effect **{number(found.mean)}**, SD between schools **{number(found.sd)}** points. "
                "What must tutoring bring to be worth its cost? **Drag the rule.**"
            )

works = "yes" if found.low > 0 else "no, it harms" if found.high < 0 else "that cannot be told"
if not revealed:
    lesson.see(
        "Answer the question. Each circle is one school: mean of its tutored students minus mean of the others."
    )
else:
    alone = (
        f"has an effect of its own of {number(own.beta[j])}; partial pooling makes it"
        if np.isfinite(own.beta[j])
        else "has no effect of its own; partial pooling gives it"
    )
    lesson.see(
        f"**Does it work?** On average, by {number(found.mean)} points "
        f"({number(found.low)} to {number(found.high)}): {works}. "
        f"**Where would it work?** A new school's effect lies from {number(found.new_low)} to "
        f"{number(found.new_high)}: it would help in {percent(likely)} of new schools.",
        f"{plain(picked)}, with {count(n[j], 'student')}, {alone} {number(lines.beta[j])}.",
    )
    if found.sd == 0:
        st.markdown(
            "The estimate of σ_β is exactly 0: no differences between the schools' effects were found, so the two "
            "intervals are the same. That is not to say that there are none."
        )

tint = lesson.tint()
tex_beta, tex_one = tint.partial(r"\beta_j"), tint.partial(r"\beta_{j[i]}")
t = (found.high - found.mean) / found.se
lesson.model(
    rf"\begin{{gathered}} y_i = \alpha_{{j[i]}} + {tex_one}\,\text{{treated}}_i + \epsilon_i \\[2pt]"
    rf"{tex_beta} \sim \mathrm{{N}}(a_1, \sigma_\beta^2) \\[6pt]"
    r"\text{does it work? } \; a_1 \pm t\,\mathrm{se} \\[2pt]"
    r"\text{where? } \; a_1 \pm t \sqrt{\sigma_\beta^2 + \mathrm{se}^2} \end{gathered}",
    rf"\begin{{gathered}} {number(found.mean)} \pm {t:.2f} \cdot {found.se:.2f} \;\text{{ for the mean}} \\"
    rf"{number(found.mean)} \pm {t:.2f} \sqrt{{{found.sd:.2f}^2 + {found.se:.2f}^2}}"
    r"\;\text{ for a new school} \end{gathered}"
    if revealed
    else "",
    "The effect is a varying slope of something that is 0 or 1. Complete pooling is one difference of means, "
    f"{number(one)} points; no pooling is one for each school. More schools make the standard error (se) of $a_1$ "
    r"smaller, and the first interval shorter; the second keeps its $\sigma_\beta$. With 0 and 1, $\alpha_j$ is the "
    r"school's mean without tutoring, and may be correlated with $\beta_j$. With −½ and ½ it would be the mean of both "
    r"halves: $\sigma_\alpha$ and $\rho$ would be others, the effects the same. A school's interval takes the "
    "estimated SDs as known.",
)

again = replace(scenario, redraw=scenario.redraw + 1 if scenario.redraw < 9999 else 0)
lesson.breaks(
    (
        "Pick the winner",
        f"{plain(names[best])}, with {count(n[best], 'student')}, looks best: its own effect is {number(own.beta[best])}. "
        f"In a thousand trials like this one the best-looking school promises {number(curse.promise)} on average, "
        f"and truly has {number(curse.truth)}: expect it to fall by {number(curse.fall)}. This is the winner's "
        f"curse. Partial pooling has the fall in it: {number(lines.beta[best])}.",
        scenario,
        {"school": names[best], "truth": True},
    ),
    *(
        [(
            "Run the trial again",
            f"The same schools, other students. Watch {plain(names[best])}: its circle moves far, its dot little.",
            again,
            {"school": names[best]},
        )]
        if simulated else []
    ),
    (
        "A mean effect of 0",
        "The mean effect is about 0, and schools differ: tutoring helps in half of them and harms in the other half. "
        "“No effect” would be the wrong report.",
        HALF,
        {"simulated": True},
    ),
    (
        "A spread estimated as 0",
        "Eight schools of about 10, whose effects truly differ with an SD of 3. In this draw the estimate is 0, and a new school looks as "
        "well known as the mean. Too few schools to say where it works.",
        NO_SPREAD,
        {"simulated": True},
    ),
)  # fmt: skip

limit = 2 * trials.NORMAL * found.sd
lesson.check(
    SLUG,
    [
        Question(
            f"The 95% interval of the mean effect is {number(found.low)} to {number(found.high)}. What does it say of "
            "the effect in one new school?",
            [
                Answer("Not enough: schools also differ", f"Right. For that it takes {number(found.new_low)} to {number(found.new_high)}.", True),
                Answer("It lies in there with 95%", "That would hold if all schools had the same effect. The mean can be known well where schools differ much."),
                Answer("95% of the schools lie in there", "With enough schools the interval shrinks to a point. The schools do not."),
            ],
        ),
        Question(
            "With more and more schools in the trial, to what width does the interval of a new school's effect come down?",
            [
                Answer(f"{number(limit)} points, twice 1.96 σ_β" if found.sd else "0 points, as long as σ_β is found to be 0",
                       "Right: the uncertainty of the mean goes, the differences between schools stay.", True),
                Answer("0 points: in the end all is known" if found.sd else "It stays as it is",
                       "That holds for the mean effect. A new school is another draw from schools that differ." if found.sd else
                       "Here all the width is uncertainty of the mean, and that falls with more schools."),
                Answer("That of the mean effect", "The interval of the mean goes to width 0, that of a new school does not follow it." if found.sd else
                       "The two are the same here, but that is no width: both come down."),
            ],
        ),
        Question(
            f"{names[best]} has the largest own effect, {number(own.beta[best])}. The trial is run again there, with very "
            "many students. What do you expect to find?",
            [
                Answer(f"About {number(lines.beta[best])}", "Right: partial pooling asks how much of it was luck.", True),
                Answer(f"About {number(own.beta[best])} again" if number(own.beta[best]) != number(lines.beta[best]) else "More than the first time",
                       "It was picked because it was the largest, so its luck was probably good. New students bring new luck."),
                Answer(f"About {number(-own.beta[best])}: luck evens out", "New students bring new luck, zero on average. It does not make up for the old."),
            ],
        ),
        Question(
            "The treatment is coded −½ and ½ instead of 0 and 1. What changes?",
            [
                Answer("What the intercepts mean, and σ_α and ρ with them", "Right: the intercept is where the code is 0. Effects are differences, and stay.", True),
                Answer("The effects", "From −½ to ½ is one step, as from 0 to 1."),
                Answer("Nothing", "The school lines do not change, but what is read off at 0 does: now the middle of both halves."),
            ],
        ),
    ],
)  # fmt: skip

lesson.code(
    lambda: listing_of_data(
        data,
        Recipe(
            core=[
                "from mlm_core.experiments.trial import effects",
                "",
                'fit = mlm.fit_partial_pooling(data, slopes="varying")  # x is treated, 0 or 1',
                "print(fit.hyper, fit.sigma_y)",
                "print(effects(fit))",
                "print(dict(zip(data.labels.tolist(), fit.lines.beta.round(2).tolist())))",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                'model = smf.mixedlm("y ~ x", schools, groups="school", re_formula="~x")',
                "fit = model.fit(reml=True)  # x is treated, 0 or 1",
                'print(fit.fe_params["x"], fit.bse_fe["x"], np.sqrt(fit.cov_re.iloc[1, 1]))',
                'a1 = fit.fe_params["x"]',
                'print({s: round(a1 + e["x"], 2) for s, e in fit.random_effects.items()})',
            ],
            lme4=[
                "fit <- lmer(y ~ x + (1 + x | school), schools, REML = TRUE)  # x is treated, 0 or 1",
                "print(fixef(fit)); print(VarCorr(fit))",
                't <- qt(0.975, ngrps(fit) - 1); se <- sqrt(vcov(fit)["x", "x"])',
                'spread <- attr(VarCorr(fit)$school, "stddev")[["x"]]',
                'print(fixef(fit)[["x"]] + c(-1, 1) * t * se)',
                'print(fixef(fit)[["x"]] + c(-1, 1) * t * sqrt(se^2 + spread^2))',
                'print(round(coef(fit)$school["x"], 2))',
            ],
        ),
    ),
    lambda: estimates.students_table(data),
    "%.15g",
    from_file=data.n_students > LARGEST,
)

lesson.close(
    SLUG,
    "Whether a programme works is a question about a mean; where it works is a question about a spread, and only "
    "a model of the effects answers both.",
)
