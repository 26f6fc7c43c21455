"""Hierarchical, nested, crossed: what is the difference?"""

from dataclasses import replace

from mlm_core import Scenario
from mlm_core.charts.incidence import incidence
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.nested_and_crossed import (
    CHILDREN,
    NEIGHBOURHOODS,
    REST,
    SCHOOLS,
    Facts,
    facts,
)
from mlm_core.lessons.nested_and_crossed import STEPS as PLACES
from pages.shared import controls, figure, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing_of_table
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number

BOTH, SLASH = "(1 | school) + (1 | neighbourhood)", "(1 | school / neighbourhood)"

# What the figure shows


def other_way(f: Facts) -> str:
    """What the other fit is called."""
    return "the slash" if f.data == "areas" else "names used again"


def draw(f: Facts, seen: Seen) -> Handle | None:
    """Who meets whom, and what each column adds to the score."""
    areas = f.data == "areas"
    wrong = seen["slash"] if areas else f.again
    parts = seen["parts"]
    names = {"crowd": "children" if areas else "students"}
    if not parts:
        names["no"] = f"mean score of a {f.inner}"
    else:
        names["partial"] = f"what a {f.inner} adds, ± a standard error"
    if parts and wrong:
        names["other"] = "a piece of it" if areas else "names used again"
        names["partial"] += "" if areas else ", unique names"
    if seen["truth"]:
        names["truth"] = "true part"
    figure.legend(**names)
    rows, columns = f.many
    kind, why = f.headline(f.now)
    figure.show(
        "incidence" if areas else "districts",
        f"{count(rows, f.outer)} by {count(columns, f.inner)}; a black circle is the students of both. "
        + (f"Where {count(f.elsewhere, 'child goes', 'children go')} to another school: {kind}, {why}. "
           if seen.revealed and areas else "")
        + (f"They are {kind}: {why}. " if not areas else "")
        + (f"SD between {f.outer}s {number(f.now.right.sds[0])}, between {f.inner}s "
           f"{number(f.now.right.sds[1])}, of students {number(f.now.right.sds[2])} points."
           + (f" With {other_way(f)} they are {', '.join(number(sd) for sd in f.wrong.sds)}." if f.wrong else "") if parts else
           f"Below, the mean score of each {f.inner}."),
        incidence,
        f.tables(named=seen.revealed, own=not parts, right=parts, wrong=parts and wrong, truth=seen["truth"]),
        axes={"part_domain": steady_domain(f.reach(wrong=parts and wrong), 0, 12 if areas else 16)},
        steps=len(f.moments),
        handle_label="From nested to anybody goes anywhere",
    )  # fmt: skip
    if not areas:
        return None
    figure.ends("all to their own school", "all to any school")
    spoken = [f"{count(n, 'child', 'children')} elsewhere" for n in f.moved]
    return Handle("incidence", f.rest, spoken, "How many children go to another school")


# Words that follow the handle


def who_goes_where(f: Facts) -> Hand:
    """What the matrix is, wherever the handle is."""
    return hand(
        "<table><tbody><tr><th scope='row'>children who go to another school</th><td>{moved}</td></tr>"
        "<tr><th scope='row'>neighbourhoods in more than one school</th><td>{several}</td></tr>"
        "<tr><th scope='row'>so neighbourhoods and schools are</th><td>{kind}</td></tr></tbody></table>",
        kind=[m.kind for m in f.areas],
        moved=[str(n) for n in f.moved],
        several=[f"{m.several} of {len(m.shared)}" for m in f.areas],
    )


def taken_apart(f: Facts) -> Hand:
    """How the part of one neighbourhood comes out of its mean score, wherever the handle is."""
    found = [m.apart for m in f.areas]
    name = figure.escaped(f.first)
    rows = (
        (f"mean score of {name}, from <i>a</i><sub>0</sub>", "mean"),
        ("less what its children's schools add", "outer"),
        ("is left", "left"),
        (f"pulled to 0: what {name} adds", "part"),
    )
    body = "".join(
        f"<tr><th scope='row'>{said}</th><td>{{{field}}}</td></tr>" for said, field in rows
    )
    return hand(
        f"<table><tbody>{body}</tbody></table>",
        **{field: [number(getattr(a, field)) for a in found] for _, field in rows},
    )


LEVELS = ("between schools", "between neighbourhoods", "of children")


def sds(f: Facts, truth: bool = False) -> Hand:
    """A small table: the SD of each level, estimated (with the slash, too, if it is shown), and true."""
    made = f.areas[0].made
    true_sds = (made.sd_outer, made.sd_inner, made.sigma_y)
    ways = {"a": [m.right for m in f.areas]}
    if f.slash:
        ways["b"] = [m.wrong for m in f.areas if m.wrong is not None]
    body, values = "", {}
    for k, level in enumerate(LEVELS):
        for way, fits in ways.items():
            values[f"{way}{k}"] = [number(fit.sds[k]) for fit in fits]
        cells = "".join(f"<td>{{{way}{k}}}</td>" for way in ways)
        true_cell = f"<td>{number(true_sds[k])}</td>" if truth else ""
        body += f"<tr><th scope='row'>{level}</th>{cells}{true_cell}</tr>"
    if truth:
        for way, fits in ways.items():
            values[f"{way}_misses"] = [
                number(fit.misses(m.truth)) for fit, m in zip(fits, f.areas, strict=True)
            ]
        cells = "".join(f"<td>{{{way}_misses}}</td>" for way in ways)
        body += f"<tr><th scope='row'>a neighbourhood's part is missed by</th>{cells}<td></td></tr>"
    heads = "<th>with +</th><th>with / (pieces)</th>" if f.slash else "<th>estimate</th>"
    heads += "<th>true</th>" if truth else ""
    return hand(
        f"<table><thead><tr><th>SD, points</th>{heads}</tr></thead><tbody>{body}</tbody></table>",
        **values,
    )


def against_truth(f: Facts) -> Hand:
    """The SDs beside their truth."""
    return sds(f, truth=True)


def cost(f: Facts) -> Hand:
    """What the slash makes of the neighbourhoods, wherever the handle is."""
    pairs = [(m.right, m.wrong) for m in f.areas if m.wrong is not None]
    rows = "".join(
        f"<tr><th scope='row'>{words}</th><td>{{n{k}}}</td><td>± {{e{k}}}</td></tr>"
        for k, words in enumerate(("+ : whole neighbourhoods", "/ : pieces"))
    )
    return hand(
        "<table><thead><tr><th>formula with</th><th>how many</th><th>each known to</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>",
        n0=[str(len(right.levels)) for right, _ in pairs],
        n1=[str(len(wrong.levels)) for _, wrong in pairs],
        e0=[number(right.mean_error) for right, _ in pairs],
        e1=[number(wrong.mean_error) for _, wrong in pairs],
    )


def lab(f: Facts) -> str | Hand:
    """What the laboratory says."""
    return sds(f, truth=True) if f.data == "areas" else names_again(f)


# Questions


def nested(f: Facts) -> Question:
    """The prediction."""
    now = f.areas[f.rest] if f.data == "areas" else f.areas[1]
    several, many = now.several, len(now.shared)
    inside = now.kind == "nested"
    return Question(
        "Look at the figure. Are the neighbourhoods nested in the schools?",
        [
            Answer("Yes, nested", "Each column has one circle." if inside else
                   f"That would need one circle in each column. {count(several, 'column has', 'columns have')} more.",
                   inside),
            Answer("No, not nested", f"{several} of {many} neighbourhoods {'has' if several == 1 else 'have'} children "
                   "in more than one school. One such child is enough." if not inside else
                   "No neighbourhood has children in more than one school.", not inside),
            Answer("That depends on the formula", "A formula does not send a child to another school. "
                   "Nested or crossed is a fact of the data."),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Four questions on what the steps have shown."""
    rows, columns = f.areas[0].structure.counts.shape
    return [
        Question(
            f"How many varying intercepts does {BOTH} have for these data?",
            [
                Answer(f"{rows + columns}: one for each group", f"{rows} schools and {columns} neighbourhoods.", True),
                Answer(f"{rows * columns}: one for each cell of the matrix",
                       "Each school has one and each neighbourhood has one. A pair has none of its own."),
                Answer("2: one for each grouping", "Two is the number of SDs of these intercepts."),
            ],
        ),
        Question(
            "Two schools each have a class “7A”. You write (1 | class). What does the model take them for?",
            [
                Answer("One class in two schools", "A label is all it knows.", True),
                Answer("Two classes, since the schools differ", "It does not know that classes lie in schools, unless labels or formula say so."),
                Answer("A mistake, and it stops", "Nothing says that the classes are two. That is what makes it dangerous."),
            ],
        ),
        Question(
            "When do (1 | school) + (1 | class) and (1 | school / class) give the same fit?",
            [
                Answer("When classes are nested and have unique labels",
                       "Then school and class together name the same groups as class alone.", True),
                Answer("In all data: it is a matter of style", "With 7A in two schools, or one group's children in two schools, they differ."),
                Answer("In no data: one is nested, one crossed", "A formula only says which groups there are. For neighbourhoods nested in schools both said the same."),
            ],
        ),
        Question(
            "Neighbourhoods are nested in schools. Then one child moves to another school. What are they now?",
            [
                Answer("Partially crossed: not nested any more", "Nothing has to be rewritten: the model with both groupings holds for both.", True),
                Answer("Still nested: one child is an exception", "Nested means every child."),
                Answer("Crossed: everybody meets everybody", "One child does not fill the matrix."),
            ],
        ),
    ]  # fmt: skip


# The story

LINE = r"$$y_i = a_0 + \alpha_{j[i]} + \gamma_{k[i]} + \epsilon_i$$"
PARTS = r"$$\alpha_j \sim N(0, \sigma_\alpha^2), \quad \gamma_k \sim N(0, \sigma_\gamma^2)$$"


def first_step(f: Facts) -> str:
    """What to do with the handle, and how many children that moves."""
    return (
        f"Move the handle **one** step to the right: {count(f.moved[1], 'child goes', 'children go')} elsewhere. "
        "How many neighbourhoods are in more than one school now?"
    )


def told_apart(f: Facts) -> str:
    """How well the parts are known at both ends."""
    first, last = (m.right.misses(m.truth) for m in (f.areas[0], f.areas[-1]))
    everybody = "all" if f.areas[-1].kind == "crossed" else "nearly all"
    better = (f"{number(first)} points at the left end and by {number(last)} at the right"
              + ("" if last < first else ": in this draw it did not help, in most it does"))  # fmt: skip
    return (
        "The diamonds are the true parts. At the left end a school has only its own two neighbourhoods: if their children "
        f"score well, is it the school or the neighbourhood? At the right end one school has children of {everybody} "
        "neighbourhoods, and we can compare them there. The estimates miss the diamonds by "
        f"{better} (root mean square)."
    )


def pieces(f: Facts) -> str:
    """What to look at when the slash is used on crossed data."""
    last = f.areas[-1]
    assert last.wrong is not None
    many = ("Beside each school stands what it adds by this formula. "
            f"Below is {f.first} only. The squares are its pieces, A to H for Ashford to Harbour. "
            f"Together the neighbourhoods have {len(last.wrong.levels)} pieces at the right end")  # fmt: skip
    if f.costly:
        return f"{many}, with few children in each. So each is known less well (± in the table)."
    return (f"{many}, and their SD comes out as {number(last.wrong.sds[1])} instead of {number(last.right.sds[1])} "
            f"(truth {number(last.made.sd_inner)}).")  # fmt: skip


def names_again(f: Facts) -> str:
    """What the model makes of names that are used again, and of names of their own."""
    unique, again = f.districts
    assert again.wrong is not None
    right, wrong = unique.right.sds, again.wrong.sds
    schools, names = len(unique.right.levels), len(again.shared)
    each = schools // names
    return (f"A model knows only the name. {each} schools called “School 1” are one school for it: {schools} schools have "
            f"become {names}. The SD between schools comes out as {number(wrong[1])} (unique names: {number(right[1])}, "
            f"truth {number(unique.made.sd_inner)}), that of students as {number(wrong[2])} (unique names: {number(right[2])}). "
            "Nothing says that names were used again.")  # fmt: skip


def board(f: Facts) -> str:
    """What the board can be told, and the sentence."""
    (schools, areas, _), rough = f.now.right.sds, f.rough
    more = "schools" if schools > areas else "neighbourhoods"
    known = [
        f"{number(sd)} ± {number(error)}" for sd, error in zip((schools, areas), rough, strict=True)
    ]
    return (
        "Nested or crossed is a fact of the data. The multilevel model takes either, as long as every group has a name "
        f"of its own.\n\nTo the board, with {count(f.elsewhere, 'child', 'children')} elsewhere: scores differ more between "
        f"**{more}**. The SD between schools is {known[0]} points, between neighbourhoods {known[1]} (at best, with "
        f"{SCHOOLS} and {NEIGHBOURHOODS} groups). "
        + ("The two are clearly apart." if f.sure else "So this is a hint, not a proof.")
        + " Where money would help more, it does not say."
    )


AREAS = {"structure": "areas", "recycled": False}
RAW = {**AREAS, "parts": False, "slash": False, "truth": False}
FITTED = {**AREAS, "parts": True, "slash": False, "truth": False}

STEPS = [
    story.situation(
        heading="Two labels for every child",
        text="The board has money for one plan: better schools, or help for neighbourhoods. Where do scores differ more? "
        "Each of the 960 children has a school and a neighbourhood.\n\nA row is a school, a column a neighbourhood. A "
        "black circle is the children of that neighbourhood in that school: the larger, the more. Below, a blue circle "
        "is each neighbourhood's mean score, counted from the mean of all children.",
        do="Find the children of **Acorn** who go to **Ashford**. Is Acorn above or below the mean?",
        shows=RAW,
    ),
    story.predict(
        heading="Does one lie inside the other?",
        text="Two [[grouping|groupings]] are [[nested]] if every group of one lies inside a single group of the other: "
        "all its children share one school. Else they are [[crossed]]: fully, if every neighbourhood meets every "
        "school, or partially.",
        ask=nested,
        shows=RAW,
    ),
    story.try_it(
        heading="From nested to anybody goes anywhere",
        text="At the left end of the handle every child goes to the school of its neighbourhood. To the right, more and "
        "more children choose another one. A grey bar marks a column with more than one circle. Many real data lie between "
        "the ends: [[partially crossed]].",
        hand=who_goes_where,
        do=first_step,
        shows={**RAW, "handle": "first"},
    ),
    story.say(
        heading="One formula for both",
        text=LINE + "\n\nThe score of child i: a mean $a_0$, plus what its school adds ($\\alpha_j$), plus what its "
        "neighbourhood adds ($\\gamma_k$), plus the rest. Both have a model:\n\n" + PARTS + f"\n\n`{BOTH}`\n\n"
        "So there is one [[varying intercept]] for each school (beside its name) and one for each neighbourhood (green).",
        hand=taken_apart,
        shows=FITTED,
    ),
    story.truth(
        heading="Is it the school or the neighbourhood?",
        text=told_apart,
        hand=against_truth,
        do="Drag from end to end. Watch the green bars and the diamonds.",
        shows={**FITTED, "truth": True},
    ),
    story.breaks(
        heading="The formula for nested data",
        changed=f"The formula now has a [[slash notation|slash]]:\n\n`{SLASH}`\n\nIt is short for two groupings: school, and "
        "every pair of school and neighbourhood. So the children of one neighbourhood in one school are a group: a piece.",
        look=pieces,
        text="",
        hand=cost,
        do="Drag to the left end. On nested data both formulas say the same.",
        shows={**FITTED, "slash": True, "handle": "last"},
    ),
    story.breaks(
        heading="The same name in every district",
        changed="Other data, three nested levels: students in schools in districts. Such data are called "
        "[[hierarchical]]. Each school has a name of its own, a unique name. The switch calls the schools of each "
        "district School 1 to 4 instead: [[recycled labels]]. The formula stays\n\n`(1 | district) + (1 | school)`\n\nIt gives "
        "the numbers beside the districts.",
        look=names_again,
        do="Turn it on: the circles move into 4 columns.",
        uses=("recycled",),
        shows={"structure": "districts", "parts": True, "slash": False, "truth": False, "recycled": False},
    ),
    story.check(heading="Check yourself", ask=checks, shows=FITTED),
    story.sentence(heading="What the board can be told", text=board, shows=FITTED),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    now = f.now
    outer, inner, students = now.right.sds
    words = (f.inner, f.outer) if f.data == "districts" else (f.outer, f.inner)
    sd = {f.outer: outer, f.inner: inner}
    where = (
        f"in the data in which {count(f.elsewhere, 'child goes', 'children go')} to another school"
        if f.data == "areas"
        else "with unique names"
    )
    other = ""
    if f.wrong is not None:
        wrong = dict(zip((f.outer, f.inner), f.wrong.sds, strict=False))
        other = (
            f" With {other_way(f)}: $a_0$ = {number(f.wrong.found.coef[0])}, $\\sigma_\\alpha$ = {number(wrong[words[0]])}, "
            f"$\\sigma_\\gamma$ = {number(wrong[words[1]])}, $\\sigma_y$ = {number(f.wrong.sds[2])} points."
        )
    return (
        LINE + "\n\n" + r"$$\alpha_j \sim N(0, \sigma_\alpha^2), \quad \gamma_k \sim N(0, \sigma_\gamma^2), \quad "
        r"\epsilon_i \sim N(0, \sigma_y^2)$$"
        f"\n\nHere $\\alpha$ is of a {words[0]} and $\\gamma$ of a {words[1]}. Estimates by REML, {where}: "
        f"$a_0$ = {number(now.right.found.coef[0])}, $\\sigma_\\alpha$ = {number(sd[words[0]])}, "
        f"$\\sigma_\\gamma$ = {number(sd[words[1]])}, $\\sigma_y$ = {number(students)} points.{other} The three variances are "
        "called the [[variance components]]; the matrix of the figure is an [[incidence matrix]]. The standard errors "
        "take the SDs as known."
    )  # fmt: skip


# The code


def code(f: Facts) -> Listing:
    """The fit in three languages, with the labels as they are shown; the other one with it."""
    table = {str(column): values.tolist() for column, values in f.students().items()}
    table.pop("place_of_handle", None)
    outer, inner = f.outer, f.inner
    place = data_of(f)
    made = listing_of_table(
        table,
        Recipe(
            core=[],
            statsmodels=[
                *place,
                "import statsmodels.formula.api as smf",
                "",
                f'parts = {{"{outer}": "0 + C({outer})", "{inner}": "0 + C({inner})"}}',
                "everybody = np.ones(len(students))",
                'model = smf.mixedlm("y ~ 1", students, groups=everybody, vc_formula=parts)',
                'fit = model.fit(reml=True, method="powell", xtol=1e-8, ftol=1e-12)',
                "sds = dict(zip(model.exog_vc.names, np.sqrt(fit.vcomp)))",
                "print(fit.fe_params.values, sds, np.sqrt(fit.scale))",
                *([] if f.wrong is None else [
                    f"{every_pair(f)}",
                    f'pairs = {{"{inner}": "0 + C({inner})"}}',
                    f'model = smf.mixedlm("y ~ 1", students, groups="{outer}", re_formula="1", vc_formula=pairs)',
                    'pair = model.fit(reml=True, method="powell", xtol=1e-8, ftol=1e-12)',
                    "print(pair.fe_params.values, np.sqrt(pair.cov_re.values), np.sqrt(pair.vcomp), np.sqrt(pair.scale))",
                ]),
            ],
            lme4=[
                *place,
                f"fit <- lmer(y ~ 1 + (1 | {outer}) + (1 | {inner}), students, REML = TRUE)",
                "print(fixef(fit)); print(VarCorr(fit))",
                *([] if f.wrong is None else [
                    f"{every_pair(f)}",
                    f"pair <- lmer(y ~ 1 + (1 | {outer} / {inner}), students, REML = TRUE)",
                    "print(fixef(pair)); print(VarCorr(pair))",
                ]),
            ],
        ),
    )  # fmt: skip
    return replace(made, core="\n".join(in_core(f)))


def every_pair(f: Facts) -> str:
    """What the slash is for, as a line of code that is not run."""
    if f.data == "areas":
        return "# the slash: every pair of school and neighbourhood is a group"
    return "# names that are used again, made unique: every pair of district and school is a group"


def data_of(f: Facts) -> list[str]:
    """Of which place of the handle the data are, and how to come to those of another."""
    if f.data == "districts":
        return []
    return [
        f"# These are the data of place {f.at} of the handle, from 0 (left end) to {PLACES - 1} (right end):",
        f"# {f.elsewhere} of {NEIGHBOURHOODS * CHILDREN} children go to another school. At another place other children do,",
        "# and their scores change with the school. To have those data, change `place` in the code",
        "# for “Python (this core)”; its last line writes them to schools.csv.",
        "",
    ]


def in_core(f: Facts) -> list[str]:
    """The code of this core: it makes its data, at any place of the handle."""
    sigma_school, sigma_y, seed = f.settings
    outer, inner, areas = f.outer, f.inner, f.data == "areas"
    labels = "made.names_again" if f.again else "made.inner"
    simulated = f"{sigma_school!r}, {sigma_y!r}, {seed!r})"
    lines = ["import numpy as np", "import pandas as pd", "", "import mlm_core as mlm",
             "from mlm_core.lessons import nested_and_crossed as lesson", ""]  # fmt: skip
    if areas:
        lines += [
            f"# the handle, from 0 (left end) to {PLACES - 1} (right end); at {f.at} {f.elsewhere} children go to another school",
            f"place = {f.at}",
            f"made = lesson.children_in_schools(lesson.handle_shares()[place], {simulated}",
        ]
    else:
        lines += [f"made = lesson.schools_in_districts({simulated}"]
    lines += [
        f'groups = {{"{outer}": made.outer, "{inner}": {labels}}}',
        "fit = mlm.fit_variance_components(made.y, np.ones((len(made.y), 1)), groups)",
        "print(fit.coef, fit.sd, fit.sigma_y)",
    ]
    if f.wrong is not None:
        lines += [
            every_pair(f),
            f'pairs = {{"{outer}": made.outer, "pair": lesson.joined(made.outer, {labels})}}',
            "pair = mlm.fit_variance_components(made.y, np.ones((len(made.y), 1)), pairs)",
            "print(pair.coef, pair.sd, pair.sigma_y)",
        ]
    lines += [
        'students = pd.DataFrame({**groups, "y": made.y})',
        '# students.to_csv("schools.csv", index=False)',
    ]
    return lines


def compute(seen: Seen) -> Facts:
    """The facts of what is seen."""
    s, areas = seen.scenario, seen["structure"] == "areas"
    wanted = seen.get("handle", "rest")
    at = wanted if isinstance(wanted, int) else {"first": 0, "last": PLACES - 1}.get(wanted, REST)
    return remembered(facts)(
        s.hyper.sigma_alpha, s.sigma_y, s.seed, seen["structure"],
        seen["recycled"] and not areas, seen["slash"] and areas, at,
    )  # fmt: skip


STORY = story.Story(
    slug="nested_and_crossed",
    steps=STEPS,
    facts=compute,
    figure=draw,
    controls=[
        controls.Choice("structure", "Data", ["areas", "districts"], "areas",
                        names={"areas": "Schools and neighbourhoods", "districts": "Schools in districts"}),
        controls.Switch("slash", f"Show {SLASH}, too", help="For schools and neighbourhoods."),
        controls.Switch("recycled", "Use names again", help="For schools in districts."),
        controls.Switch("parts", "Show the estimates", True, help="Off: the mean scores."),
        controls.TRUTH,
        "sigma_alpha",
        "sigma_y",
    ],
    start=replace(Scenario(), seed=28),
    lab=lab,
    model=model,
    listing=code,
    data=Facts.students,
)  # fmt: skip

story.tell(STORY)
