"""Hierarchical, nested, crossed: what is the difference?"""

from dataclasses import replace

import pandas as pd
import streamlit as st

from mlm_core.charts.incidence import incidence
from mlm_core.charts.theme import steady_domain
from mlm_core.components import Structure
from mlm_core.experiments import crossing
from pages.shared import controls, figure, lesson, presets
from pages.shared.code import Recipe, listing_of_table
from pages.shared.lesson import Answer, Question
from pages.shared.words import count, number

SLUG = "nested_and_crossed"
AREAS, DISTRICTS = "Schools and neighbourhoods", "Schools in districts"
scenario = controls.sidebar("sigma_alpha", "sigma_y")
settings = (scenario.hyper.sigma_alpha, scenario.sigma_y, scenario.seed)

lesson.begin(SLUG)
question = st.container()
place, beside = lesson.figure_and_controls()
with beside:
    areas = controls.choose("Data", [AREAS, DISTRICTS], "structure", default=AREAS) != DISTRICTS
    again = controls.switch(
        "Use names again", "recycled", disabled=areas
    ) and not areas  # fmt: skip

if areas:
    path = crossing.crossing_path(*settings)
    rest, steps, outer, inner = 1, crossing.STEPS, "school", "neighbourhood"
    made, structures, fit = path.made[rest], path.structures, path.labelled[rest]
    fits: crossing.Fits = {"right": path.labelled, "wrong": path.split}
else:
    rest, steps, outer, inner = 0, 1, "district", "school"
    made, fit, wrong = crossing.district_fits(*settings)
    structures = (crossing.recycled(made).structure if again else made.structure,)
    fits = {"right": (fit,)} | ({"wrong": (wrong,)} if again else {})
fact, one = made.structure, f"one {outer}"
has = "has" if areas else "lies in"
many_outer, many_inner = fact.counts.shape
true_sds = {outer: made.sd_outer, inner: made.sd_inner, "student": made.sigma_y}
nested = fact.kind == "nested"
mixed = int(crossing.shared(fact).sum())


def headline(structure: Structure) -> tuple[str, str]:
    """What a matrix is, in a word, and why."""
    if again:
        return "the labels say: crossed", "every name stands in every district"
    if structure.kind == "nested":
        return "nested", f"each {inner} {has} {one}"
    if structure.kind == "crossed":
        return "crossed", f"every {inner} meets every {outer}"
    these = int(crossing.shared(structure).sum())
    return "partially crossed", f"{these} of {many_inner} {inner}s: more than {one}"


with question:
    revealed = lesson.predict(
        SLUG,
        f"Look at the figure: a circle is the students of one {inner} in {one}. "
        f"Are the {inner}s nested in the {outer}s?",
        [
            Answer("Yes, nested", f"Each {inner} {has} {one}." + (
                   " The names, used again, hide it." if again else
                   " Each column has one circle." if nested else
                   f" That would need one circle in each column; {count(mixed, 'column has', 'columns have')} more."),
                   nested),
            Answer("No, not nested", f"{mixed} of {many_inner} {inner}s "
                   f"{'has' if mixed == 1 else 'have'} students in more than {one}. One such "
                   "student is enough." if not nested else
                   f"No {inner} has students in more than {one}.", not nested),
            Answer("That depends on the formula", "A formula does not send a child to another "
                   "school. Nested or crossed is a fact of the data."),
        ],
    )  # fmt: skip

with place:
    formulas = {"partial": f"(1 | {outer}) + (1 | {inner})"}
    if areas:
        formulas["other"] = f"(1 | {outer} / {inner})"
    elif again:
        formulas = {"partial": "names made unique", "other": "names used again"}
    figure.legend(**formulas, truth="true SD")
    figure.show(
        "incidence",
        f"{count(many_outer, outer)} by {count(many_inner, inner)}. {', '.join(headline(structures[rest]))}. "
        f"SD of {outer}s {number(fit.sd['outer'])}, of {inner}s {number(fit.sd['inner'])}, "
        f"of students {number(fit.sigma_y)}.",
        incidence,
        crossing.incidence_tables(
            structures, fits, [headline(structure) for structure in structures], true_sds, rest
        ),
        rows=many_outer,
        columns=structures[rest].counts.shape[1],
        outer=outer,
        inner=f"{inner}s",
        sd_top=steady_domain([*true_sds.values(), fit.sd["outer"], fit.sigma_y], 0, 16)[1],
        steps=steps,
        handle_label="From nested to anybody goes anywhere",
        named=revealed,
        upright=again,
    )
    if areas:
        figure.ends("each neighbourhood has one school", "anybody goes anywhere")
        figure.handle("incidence", rest, steps - 1)

if not revealed:
    lesson.see("Answer the question. A grey bar marks a column with more than one circle.")
elif areas:
    parts, whole = path.split[-1], path.labelled[-1]
    known, known_whole = parts.mode_sd["inner"].mean(), whole.mode_sd["inner"].mean()
    lesson.see(
        "Here the neighbourhoods are nested in the schools." if nested else
        f"{mixed} of {many_inner} neighbourhoods {'sends' if mixed == 1 else 'send'} children "
        "to more than one school, so the neighbourhoods are not nested.",
        f"Drag to the right: there the formula for nested data makes {len(parts.levels['inner'])} "
        f"neighbourhoods out of {many_inner}, "
        + (f"and knows each to ±{number(known)} points instead of ±{number(known_whole)}."
           if 0 < known_whole < known else
           f"and takes their SD for {number(parts.sd['inner'])} instead of {number(whole.sd['inner'])} "
           f"(truth {number(made.sd_inner)})."),
    )  # fmt: skip
elif again:
    lesson.see(
        f"The names make {many_inner // many_outer} schools out of {many_inner}. The SD between schools "
        f"comes out as {number(wrong.sd['inner'])} instead of {number(fit.sd['inner'])} (truth "
        f"{number(made.sd_inner)}).",
        f"That of students comes out as {number(wrong.sigma_y)} instead of {number(fit.sigma_y)}, that "
        f"of districts as {number(wrong.sd['outer'])} instead of {number(fit.sd['outer'])}.",
    )
else:
    lesson.see(
        f"Each of the {many_inner} schools lies in one of {many_outer} districts: three nested levels. "
        f"Districts differ with an SD of {number(fit.sd['outer'])}, schools of one district of "
        f"{number(fit.sd['inner'])}, students of one school of {number(fit.sigma_y)} points."
    )

tint = lesson.tint()
alpha, gamma = tint.partial(r"\alpha_{j[i]}"), tint.partial(r"\gamma_{k[i]}")
words = (inner, outer) if not areas else (outer, inner)
names = rf"\underbrace{{{alpha}}}_{{\text{{{words[0]}}}}} + \underbrace{{{gamma}}}_{{\text{{{words[1]}}}}}"
sd = {outer: number(fit.sd["outer"]), inner: number(fit.sd["inner"])}
lesson.model(
    rf"\begin{{gathered}}y_i = a_0 + {names} + \epsilon_i \\ \alpha_j \sim N(0, \sigma_\alpha^2), \quad "
    r"\gamma_k \sim N(0, \sigma_\gamma^2)\end{gathered}",
    rf"\begin{{gathered}}a_0 = {number(fit.coef[0])}, \quad \hat\sigma_y = {number(fit.sigma_y)} \\ "
    rf"\hat\sigma_\alpha = {tint.partial(sd[words[0]])}, \quad "
    rf"\hat\sigma_\gamma = {tint.partial(sd[words[1]])}\end{{gathered}}"
    if revealed
    else "",
    "One line for nested and for crossed data: each grouping has coefficients, and the coefficients "
    "have a model. “Hierarchical” is said of two things: of nested data, and of the layers of a model. "
    "This model is layered whatever the data are, so we say “multilevel”, which fits both.",
)

lesson.breaks(
    (
        "Names used again",
        "Every district has a “School 1”. To the computer that is one school. The figure shows "
        "what the model makes of it. Make names unique, or write (1 | district / school).",
        presets.DEFAULT,
        {"structure": DISTRICTS, "recycled": True},
    ),
    (
        "Schools that hardly differ",
        "An SD between schools of 1. At the left end a school's difference can hardly be told from that "
        "of its two neighbourhoods: with new draws the estimate is often 0, sometimes 3. At the right end, "
        "where children mix, it is mostly below 1.5.",
        replace(presets.DEFAULT, hyper=replace(presets.DEFAULT.hyper, sigma_alpha=1.0)),
        {"structure": AREAS},
    ),
)

both = many_outer + many_inner
lesson.check(
    SLUG,
    [
        Question(
            f"Both groupings are in the model: (1 | {outer}) + (1 | {inner})"
            f"{', the names made unique' if again else ''}. How many varying "
            "intercepts does it have for these data?",
            [
                Answer(
                    "One for each group of each grouping",
                    f"Right: {many_outer} + {many_inner} = {both}.",
                    True,
                ),
                Answer(
                    "One for each cell of the matrix",
                    f"That would be {many_outer} × {many_inner} = {many_outer * many_inner}. Each "
                    f"{outer} and each {inner} has one, not each pair.",
                ),
                Answer("Two", "Two is the number of SDs of these intercepts."),
            ],
        ),
        Question(
            "Two schools each have a class “7A”. You write (1 | class) with the label “7A” for both. "
            "What does the model take them for?",
            [
                Answer("One class with students in two schools", "Right: a label is all it knows. The data then look crossed.", True),
                Answer("Two classes, since they are in different schools", "It does not know that classes lie in schools, unless labels or formula say so."),
                Answer("An error", "It runs without a warning. That is what makes it dangerous."),
            ],
        ),
        Question(
            "When do (1 | school) + (1 | class) and (1 | school / class) give the same fit?",
            [
                Answer("When classes are nested in schools and have unique labels", "Right: then school and class together name the same groups as class alone.", True),
                Answer("Always: it is a matter of style", "With 7A in two schools, or children of one group in two schools, they differ."),
                Answer("Never: one is nested, the other crossed", "The formula says which groups there are. On nested data with unique labels these are the same."),
            ],
        ),
        Question(
            "One child moves to a school that nobody else of that neighbourhood goes to. What becomes "
            "of neighbourhoods nested in schools?",
            [
                Answer("They are not nested any more", "Right, and nothing has to be rewritten: the model with both groupings holds for both.", True),
                Answer("They stay nested: one child is an exception", "Nested means every child. Drag the handle by one step from the left."),
                Answer("They are crossed: everybody meets everybody", "Between nested and fully crossed lies most real data: partially crossed."),
            ],
        ),
    ],
)  # fmt: skip


def students() -> pd.DataFrame:
    """The data of the moment, with the labels as they are shown."""
    shown = crossing.recycled(made) if again else made
    return pd.DataFrame({outer: shown.outer, inner: shown.inner, "y": made.y})


unique = f'students["{outer}"] + " " + students["{inner}"]'
python_inner = unique if again else f'students["{inner}"]'
r_inner = f"{outer}:{inner}" if again else inner
lesson.code(
    lambda: listing_of_table(
        {str(column): values.tolist() for column, values in students().items()},
        Recipe(
            core=[
                f'groups = {{"{outer}": students["{outer}"], "{inner}": {python_inner}}}',
                'fit = mlm.fit_variance_components(students["y"], np.ones((len(students), 1)), groups)',
                "print(fit.coef, fit.sd, fit.sigma_y)",
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "",
                f'students["{inner}"] = {python_inner}',
                f'parts = {{"{outer}": "0 + C({outer})", "{inner}": "0 + C({inner})"}}',
                "everybody = np.ones(len(students))",
                'model = smf.mixedlm("y ~ 1", students, groups=everybody, vc_formula=parts)',
                'fit = model.fit(reml=True, method="powell", xtol=1e-8, ftol=1e-12)',
                "sds = dict(zip(model.exog_vc.names, np.sqrt(fit.vcomp)))",
                "print(fit.fe_params.values, sds, np.sqrt(fit.scale))",
            ],
            lme4=[
                f"fit <- lmer(y ~ 1 + (1 | {outer}) + (1 | {r_inner}), students, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
            ],
        ),
    ),
    students,
)

lesson.close(
    SLUG,
    "Nested or crossed is a fact of the data; the model takes either, as long as every group has a "
    "name of its own.",
)
