"""Why not fit the schools first and then regress?"""

from typing import Literal

import numpy as np
import streamlit as st

from mlm_core.charts.theme import steady_domain
from mlm_core.charts.two_steps import two_steps
from mlm_core.estimates import students_table
from mlm_core.experiments import second_step
from mlm_core.replication import world
from pages.shared import cached, controls, figure, lesson, presets
from pages.shared.code import Recipe, listing
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number, percent

SLUG = "one_regression_or_two"
FIRST = ("A regression for each school", "One slope for all schools")
scenario = second_step.equal_slopes(
    controls.sidebar(
        "n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0"
    )
)  # fmt: skip
lesson.begin(SLUG)
question = st.container()
place, beside = lesson.figure_and_controls()
with beside:
    first = controls.choose("First step", FIRST, "first", default=FIRST[0])
    show_truth = controls.switch("Show the truth", "truth")
slopes: Literal["common", "varying"] = "common" if first == FIRST[1] else "varying"
try:
    found = cached.two_steps(scenario, slopes)
except ValueError as reason:
    lesson.impossible(SLUG, reason)

two, both = second_step.over_worlds(found)
noise = second_step.noise_sd(scenario, found, slopes)
truth, worlds = scenario.hyper.sigma_alpha, len(found.b0)
data = world(scenario, 0).data
n, left_out = data.n, int((~found.used).sum())
small, large = int(n[found.used].min()), int(n[found.used].max())

with question:
    over = (two.sigma_alpha > truth + 0.15, both.sigma_alpha > truth + 0.15)
    means = (
        f"On average over {worlds} worlds, two steps say {number(two.sigma_alpha)} and the "
        f"multilevel model {number(both.sigma_alpha)}; the truth is {number(truth)}."
    )
    hint = (
        "A difference between two noisy estimates is larger than that between the schools."
        if over[0]
        else "The noise adds to the variance between schools, but here the mean SD shows little of it."
    )
    revealed = lesson.predict(
        SLUG,
        "First a regression for each school, then a regression of their intercepts on u. Or a "
        "multilevel model. Which will say that schools differ more than they do (σ_α too large)?",
        [
            Answer(text, means if over == which else hint, over == which)
            for text, which in (
                ("Two steps", (True, False)),
                ("The multilevel model", (False, True)),
                ("Both", (True, True)),
                ("Neither", (False, False)),
            )
        ],
    )

tables = second_step.second_step_tables(scenario, found, slopes)
with place:
    figure.legend(
        no="two steps" if revealed else "a school's own intercept",
        **({"partial": "multilevel, both at once"} if revealed else {}),
        truth="",
    )
    figure.show(
        "two_steps",
        f"Left, {count(data.n_groups, 'school')} of one world against u. Right, the estimates of "
        f"{worlds} worlds: for the SD between schools, truly {number(truth)}, two steps find "
        f"{number(two.sigma_alpha)} on average and the multilevel model {number(both.sigma_alpha)}. "
        f"The estimates of b0 have an SD of {number(two.spread_b0, 2)} and {number(both.spread_b0, 2)}.",
        two_steps,
        tables,
        scores=steady_domain(tables["schools"]["true"], 60, 30),
        u=second_step.ENDS,
        coefficients=steady_domain(np.quantile(found.b0, [0.02, 0.98]), 3, 6),
        top=steady_domain([np.quantile(found.sigma_alpha, 0.98), truth], 0, 12)[1],
        steps=second_step.SHOWN,
        revealed=revealed,
        show_truth=show_truth,
    )
    figure.handle("two_steps", 0, second_step.SHOWN - 1)

if not revealed:
    lesson.see(
        "Answer the question. Then drag from world to world: sizes, x and u stay, the schools and "
        "their students are new."
    )
else:
    lesson.see(
        f"Two steps find a σ_α of {number(two.sigma_alpha)} on average, the multilevel model "
        f"{number(both.sigma_alpha)}; the truth is {number(truth)}. From world to world the "
        f"estimate of b0 has an SD of {number(two.spread_b0, 2)} with two steps, which state a standard "
        f"error of {number(two.stated_b0, 2)}, and of {number(both.spread_b0, 2)} with the multilevel "
        f"model, which states {number(both.stated_b0, 2)}."
    )
notes = [
    f"Half of the {worlds} worlds are drawn as dots; all count. All schools have one true slope here."
]
if left_out:
    notes.append(
        f"{count(left_out, 'school')} cannot have a line of {'its' if left_out == 1 else 'their'} own: "
        "two steps leave "
        f"{'it' if left_out == 1 else 'them'} out."
    )
if both.zero > 0 and revealed:
    notes.append(
        f"In {percent(both.zero)} of the worlds the multilevel estimate of σ_α is exactly 0."
    )
st.caption(" ".join(notes))

tint = lesson.tint()
own, between = tint.no(r"\hat\alpha_j"), tint.partial(r"\sigma_\alpha^2")
variance = tint.no(r"\sigma_{\text{two steps}}^2")
spread = scenario.sigma_y**2
whole = tint.no(f"{(truth**2 + noise**2) ** 0.5:.1f}^2")
weights = [1 / (truth**2 + spread / size) for size in (small, large)]
lesson.model(
    rf"\begin{{gathered}} {own} = a_0 + b_0 u_j + \eta_j + \text{{noise}}_j \\[6pt]"
    rf"{variance} \approx {between} + \text{{noise}}^2 \end{{gathered}}",
    rf"{whole} \approx {tint.partial(f'{truth:.1f}^2')} + {noise:.1f}^2" if revealed else "",
    "A school's own intercept is its true one and sampling noise. Two steps cannot tell them apart, "
    "so their σ_α holds both. And they give every school the same weight. The multilevel model "
    "knows of the noise, and gives a school the weight $1/(\\sigma_\\alpha^2 + \\sigma_y^2/n_j)$"
    + (
        f": here one with {count(small, 'student')} has {percent(weights[0] / weights[1])} of the "
        f"weight of one with {large}."
        if small < large
        else ": here all schools have the same size, so the same weight."
    ),
)

lesson.breaks(
    (
        "Large schools",
        "Eighty students in each. There is little noise to mistake for difference, and all schools "
        "deserve the same weight: two steps do as well.",
        presets.LARGE,
    ),
    (
        "Tiny schools",
        "Three students in the middle school. Two steps see mostly noise. The multilevel model is "
        "not safe either: in some worlds its σ_α is exactly 0.",
        presets.TINY,
    ),
)

lesson.check(
    SLUG,
    [
        Question(
            "σ_α is truly 0: schools do not differ. What do two steps say on average?",
            [
                Answer(
                    "About the size of the noise",
                    f"Right. In this scenario that would be about {number(noise)} points.",
                    True,
                ),
                Answer("0", "The intercepts still differ, by noise, and two steps have no other word for it."),
                Answer("Less than 0", "An SD is never below 0. It is pushed up, not down."),
            ],
        ),
        Question(
            "Students of a school differ half as much: σ_y is halved. What becomes of the noise of "
            f"{number(noise)}?",
            [
                Answer("Half of it", f"Right: each standard error is proportional to σ_y, so {number(noise, 2)} becomes {number(noise / 2, 2)}.", True),
                Answer("A quarter of it", "Its square goes down to a quarter, the noise itself to a half."),
                Answer("Nothing: only more schools help", "More schools show the wrong σ_α more exactly. They do not make it less wrong."),
            ],
        ),
        Question(
            "What would mend the second step?",
            [
                Answer("To weight each school by how well its intercept is known, and take the noise out of σ_α",
                       "Right. That is the multilevel model.", True),
                Answer("To leave the small schools out", "That throws data away, and the schools that stay have noise too."),
                Answer("More schools", "The mean of σ_α stays too large, however many schools there are."),
            ],
        ),
    ],
)  # fmt: skip

if slopes == "common":
    in_python = ['first = smf.ols("y ~ 0 + school + x", schools).fit()',
                 'own = first.params.drop("x").to_numpy()',
                 'u = schools.groupby("school").u.first().to_numpy()']  # fmt: skip
    in_r = ["own <- head(coef(lm(y ~ 0 + school + x, schools)), -1)",
            "u <- tapply(schools$u, schools$school, mean)"]  # fmt: skip
else:
    in_python = ['lines = {name: np.polyfit(s.x, s.y, 1) for name, s in schools.groupby("school") if len(s) > 1}',
                 "own = np.array([intercept for slope, intercept in lines.values()])",
                 'u = schools.groupby("school").u.first()[list(lines)].to_numpy()']  # fmt: skip
    in_r = ["lines <- sapply(split(schools, schools$school), function(s) coef(lm(y ~ x, s)))",
            "known <- !is.na(lines[2, ])",
            "own <- lines[1, known]",
            "u <- tapply(schools$u, schools$school, mean)[known]"]  # fmt: skip
lesson.code(
    lambda: listing(
        scenario,
        data,
        Recipe(
            core=[
                "from mlm_core.replication import two_steps, world",
                "",
                "data = world(scenario, 0).data  # world 1 of the figure",
                "fit = mlm.fit_partial_pooling(data, group_predictor=True)",
                "print(fit.hyper.a0, fit.hyper.a1, fit.hyper.b0, fit.hyper.sigma_alpha, fit.sigma_y)",
                "",
                f'found = two_steps(scenario, {worlds}, slopes="{slopes}")',
                "print(found.b0[0], found.sigma_alpha[0])",
                "print(found.sigma_alpha.mean(), found.multilevel.sigma_alpha.mean())",
                "print(found.b0.std(), found.multilevel.b0.std())",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                "# world 1 of the figure, in two steps",
                *in_python,
                'second = smf.ols("own ~ u", pd.DataFrame({"own": own, "u": u})).fit()',
                'print(second.params["u"], np.sqrt(second.scale))',
                "",
                "# both at once",
                'fit = smf.mixedlm("y ~ x + u", schools, groups="school").fit(reml=True)',
                'print(fit.fe_params["u"], np.sqrt(fit.cov_re.iloc[0, 0]))',
            ],
            lme4=[
                "# world 1 of the figure, in two steps",
                *in_r,
                "second <- lm(own ~ u)",
                'print(coef(second)["u"]); print(sigma(second))',
                "",
                "# both at once",
                "fit <- lmer(y ~ x + u + (1 | school), schools, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
            ],
        ),
    ),
    lambda: students_table(data),
)

lesson.close(
    SLUG,
    "Fitting the schools first takes their sampling noise for difference between them; the "
    "multilevel model fits both levels at once and keeps the two apart.",
)
