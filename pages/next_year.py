"""What will the best school do next year?"""

from mlm_core import Scenario, estimates
from mlm_core.charts.next_year import next_year
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.next_year import YEARS, Facts, facts
from pages.shared import controls, figure, presets, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing, listing_of_table
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, plain

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle:
    """This year's table, and the years after it."""
    figure.legend(
        no="mean this year",
        **({"later": "mean in the chosen year" + (" (small: all ten)" if seen["trail"] else "")}
           if seen.revealed else {}),
        **({"truth": "true mean"} if seen["truth"] else {}),
        picked="picked school",
    )  # fmt: skip
    best, last = plain(f.names[f.best]), plain(f.names[f.inspected[-1]])
    figure.show(
        "next_year",
        f"{count(f.data.n_groups, 'school')}, "
        + ("the highest first: " if seen["order"] == "place" else "the largest first; by this year's means ")
        + f"{best} is highest with {number(f.own.max())} points, {last} lowest with {number(f.own.min())}. "
        + (f"The handle goes through {YEARS} years to come." if seen.revealed else "The years to come are not shown yet."),
        next_year,
        f.tables(later=seen.revealed, truth=seen["truth"], trail=seen["trail"], order=seen["order"]),
        on_school=story.pick_from("next_year"),
        axes={"domain": steady_domain([*f.years.ravel(), *f.truth], 60, 30)},
        rows=f.data.n_groups,
        steps=YEARS + 1,
    )  # fmt: skip
    return Handle("next_year", 1, [when(k) for k in range(YEARS + 1)], "Year")


def when(year: int) -> str:
    """What a step of the handle is called."""
    return "this year" if year == 0 else "next year" if year == 1 else f"in {year} years"


# Words that follow the handle


def both_ends(f: Facts) -> Hand:
    """A small table: what the praised, the inspected and the picked school do in the year."""
    years = range(YEARS + 1)
    name = figure.escaped(f"{f.names[f.picked]} ({f.data.n[f.picked]})")
    rows = {"praised": f.praised, "inspected": f.inspected}
    texts = {}
    for group, schools in rows.items():
        low = [f.lower(schools, k) for k in years]
        texts[f"{group}_lower"] = [str(low[k]) if k else "–" for k in years]
        texts[f"{group}_higher"] = [str(f.ends - low[k]) if k else "–" for k in years]
        texts[f"{group}_moved"] = [moved(f.change(schools, k)) if k else "–" for k in years]
    cells = "<td>{%s_lower}</td><td>{%s_higher}</td><td>{%s_moved}</td>"
    return hand(
        "<table><thead><tr><th>{year}</th><th>lower</th><th>higher</th><th>mean change</th></tr></thead><tbody>"
        + "".join(
            f"<tr><th scope='row'>the {f.ends} {g}</th>{cells % (g, g, g)}</tr>" for g in rows
        )
        + f"<tr><th scope='row'>{name}</th><td colspan='2'>{number(f.own[f.picked])} → {{mean}}</td>"
        "<td>{mine_moved}</td></tr></tbody></table>",
        year=[when(k).capitalize() for k in years],
        mean=[number(f.years[k, f.picked]) for k in years],
        mine_moved=[moved(f.moved_as_printed(k)) if k else "–" for k in years],
        **texts,
    )


def moved(points: float) -> str:
    """A change with its sign."""
    text = number(points)
    return text if text.startswith("−") else f"+{text}"


# Questions


def what_will_they_do(f: Facts) -> Question:
    """The prediction."""
    down, up = f.lower(f.praised), f.ends - f.lower(f.praised)
    fell = (f"{down} of {f.ends} stand lower: {moved(f.change(f.praised))} points on average. Of the inspected, "
            f"{f.ends - f.lower(f.inspected)} of {f.ends} stand higher. Nothing was done to any school.")  # fmt: skip
    return Question(
        "Next year: the same schools, the same teaching, new students. What will most of the praised schools do?",
        [
            Answer("They fall", fell if f.verdict == "fall" else "On average over many towns they do, not in this one.",
                   f.verdict == "fall"),
            Answer("They rise", f"{up} of {f.ends} stand higher: an exception. On average over many towns the praised fall."
                   if f.verdict == "rise" else "Nothing lifts them: the teaching is the same.", f.verdict == "rise"),
            Answer("As many rise as fall", f"{down} fall and {up} rise here. On average over many towns more fall."
                   if f.verdict == "half" else "So it would be for schools chosen at random. These were chosen for a high place.",
                   f.verdict == "half"),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Three questions on what the steps have shown."""
    small, large = f.smallest, f.largest
    sizes = f"{plain(f.names[small])} tests {count(f.data.n[small], 'student')} a year, "
    sizes += f"{plain(f.names[large])} tests {f.data.n[large]}."
    return [
        Question(
            "Inspectors went to the lowest schools, and the year after most of these stood higher. What does that show?",
            [
                Answer("Nothing yet: the lowest rise without a visit, too",
                       "To know, compare with schools that stood as low and had no visit.", True),
                Answer("That inspections work", "Here nobody was helped, and they rose. A rise after a visit is no proof."),
                Answer("That teachers try harder when they are watched",
                       "They may. But this rise cannot show it: without any visit it would be the same on average."),
            ],
        ),
        Question(
            f"{sizes} Whose mean will move more from year to year?",
            [
                Answer(f"That of {plain(f.names[small])}", "With few students, luck counts for more."
                       if not f.same_size else "It has as many students as the others.", not f.same_size),
                Answer(f"That of {plain(f.names[large])}", "Many students: one lucky student hardly moves their mean."
                       if not f.same_size else "It has no more students than the others."),
                Answer("Both alike", "The same number of students, the same luck." if f.same_size
                       else "The teaching is equally steady. The luck of few students is not the luck of many.", f.same_size),
            ],
        ) if small != large else Question(
            f"All schools test {count(f.data.n[small], 'student')} a year. Whose mean will move more from year to year?",
            [
                Answer("All alike", "The same number of students, the same luck.", True),
                Answer("That of the highest", "Its mean moves as that of any other; from the top, more often down."),
                Answer("That of the lowest", "Its mean moves as that of any other; from the bottom, more often up."),
            ],
        ),
        Question(
            "You choose five schools at random, not by their place. What will they do next year?",
            [
                Answer("As likely rise as fall", "Chance picks good luck as often as bad luck.", True),
                Answer("Most of them fall", "A fall is due where luck was good. A random choice does not look for good luck."),
                Answer("Most of them rise", "A rise is due where luck was bad. A random choice does not look for bad luck."),
            ],
        ),
    ]  # fmt: skip


# The story


def who_moved(f: Facts) -> str:
    """The ranges of the picked school and of the largest, and how far small and large ones move."""
    ranges = []
    for j in (f.picked, f.rival_in_size):
        low, high = f.range_of(j)
        ranges.append(f"**{plain(f.names[j])}**, {count(f.data.n[j], 'student')} a year, stood anywhere "
                      f"from {number(low)} to {number(high)} points")  # fmt: skip
    luck = {"good": "right of", "bad": "left of"}
    too = (
        f" Luck is never quite gone: {plain(f.names[f.largest])}'s circle lies {luck[f.luck_of_largest]} all its triangles."
        if f.luck_of_largest
        else ""
    )
    sizes = (
        "All schools have the same number of students here, so luck moves all alike."
        if f.same_size
        else "A mean of few students swings with each of them. In a mean of many, good luck and bad luck nearly cancel: "
        f"the {f.ends} smallest schools stood {number(f.typical_move(f.small_ones))} points from their own mean of this year on "
        f"average, the {f.ends} largest {number(f.typical_move(f.large_ones))}.{too}"
    )
    return (
        "Now the largest school is at the top, and all ten years to come are shown at once. In these "
        f"{'; '.join(ranges)}.\n\n{sizes}"
    )


def regression(f: Facts) -> str:
    """The name, and how far the praised fall."""
    few, many = f.fewest_and_most_lower
    years = f"between {few} and {many}" if few < many else str(few)
    return (
        "A place at the top is part school, part luck. The school stays; the luck is new each year. So those chosen for a "
        "high place fall on average, those for a low place rise: **[[regression to the mean]]**. Single years "
        f"vary: {years} of the {f.ends} praised were lower, in all {f.ever_lower} of {YEARS * f.ends} cases "
        f"({count(f.ends, 'school')}, {YEARS} years). {how_far(f)}\n\nFlight instructors believed that praise spoils a "
        "pilot and shouting helps: after a good landing came a worse one, after a bad one a better. That happens "
        "without a word."
    )


def how_far(f: Facts) -> str:
    """Whether the praised fall all the way."""
    fall, lead = number(f.fall), number(f.lead)
    if f.way == "not at all":
        return "On average over these years they did not fall here."
    if f.way == "all":
        return f"On average they fell by {fall} points, the whole way to the dashed line: their lead was luck."
    return f"On average they fell by {fall} of the {lead} points above the dashed line: **not all the way**."


def luck(f: Facts) -> str:
    """What this year's lead is made of."""
    said = (f"the other {number(f.lucky)} were luck" if f.lucky >= 0.05
            else "luck did not help them this year")  # fmt: skip
    return (
        f"The diamonds show what nobody in the town can see: the mean that each school would have over very many years. "
        f"**{f.truly_best} of the {f.ends}** praised schools are truly among the {f.ends} best.\n\nMeasure from the dashed "
        f"line. This year the circles of the praised lie {number(f.lead)} points above it on average, their diamonds "
        f"{number(f.true_lead)}. So {number(f.true_lead)} points are the schools themselves; {said}. Can that be known "
        "from **one** year? That is the question of this course."
    )


def hardly(f: Facts) -> str:
    """The town of large schools beside the lesson's own."""
    town = remembered(facts)(Scenario(), str(f.names[f.picked]))
    cases = YEARS * f.ends
    return (
        f"The triangles lie close to the circles. The praised were lower in {f.ever_lower} of {cases} cases; in the town "
        f"before, in {town.ever_lower} of {YEARS * town.ends}. On average {short(f.again_on_average)} of the {f.ends} are "
        f"praised again; in the town before, {short(town.again_on_average)} of {town.ends}."
    )


def short(value: float) -> str:
    """A number without a decimal that says nothing."""
    return number(value).removesuffix(".0")


BEFORE = {"school": "Northgate", "truth": False, "trail": False, "order": "place"}

STEPS = [
    story.situation(
        heading="Five praised, five inspected",
        text=lambda f: "You are the new statistician of a town's school board. Each hollow circle is the mean test score "
        "of one school this year; the number in brackets says how many students took the test.\n\nThe board praises the "
        f"{f.ends} highest and sends inspectors to the {f.ends} lowest. Then it asks you: what will the best school, "
        f"**{plain(f.names[f.best])}** with {number(f.own.max())} points, do next year? "
        f"(The brown row is the school you have picked: {plain(f.names[f.picked])}.)",
        do=lambda f: f"Find **{plain(f.names[f.best])}** and **{plain(f.names[f.rival])}**. For which of them would you "
        "bet on a place at the top next year?",
        shows=BEFORE | {"handle": "first"},
    ),
    story.predict(
        heading="What will the praised schools do?",
        text="No teacher leaves, no programme starts. Praise and inspection change nothing. Only the students are new.",
        ask=what_will_they_do,
        shows=BEFORE | {"handle": "first"},
        answered={"handle": 1},
    ),
    story.try_it(
        heading="Ten years, one at a time",
        text="A line joins each school's mean this year to its mean in the year you choose with the handle. The names stay "
        "in this year's order.",
        hand=both_ends,
        do="Drag the handle under the figure from year to year. Which schools **jump**, and which stay?",
        shows={**BEFORE, "handle": 1},
    ),
    story.say(
        heading="Who moves, and why",
        text=who_moved,
        do="Look from top to bottom: as a rule, the cloud of small triangles gets **wider**. Find an exception.",
        shows=BEFORE | {"handle": "first", "trail": True, "order": "size"},
    ),
    story.say(
        heading="Regression to the mean",
        text=regression,
        do="Drag once more, and compare the triangles of the praised with the **dashed line**.",
        shows={**BEFORE, "handle": 1},
    ),
    story.truth(
        heading="How much of it was luck?",
        text=luck,
        do="Compare each circle with its diamond. Where are they far apart?",
        shows=BEFORE | {"handle": "first", "trail": True, "truth": True},
    ),
    story.breaks(
        heading="Where luck is small",
        changed="Every school now tests 80 students a year. The schools differ as before.",
        look=hardly,
        text="The rule “the praised will fall” breaks where there is little luck. How far they fall depends on the share of "
        "luck in this year's differences. On average: no luck, no fall; all luck, and they fall to the mean of the schools.",
        sets=presets.LARGE,
        shows=BEFORE | {"handle": 1, "trail": True},
    ),
    story.check(heading="Check yourself", ask=checks, shows={**BEFORE, "trail": True, "handle": 1}),
    story.sentence(
        heading="What the board can be told",
        text=lambda f: f"The highest schools were, on the whole, good **and** lucky, and luck is drawn anew each year: "
        f"{plain(f.names[f.best])} will most likely fall next year, and lesson 4 will say how far.",
        shows={**BEFORE, "trail": True, "handle": 1},
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """How the years were made, and where to read more."""
    return (
        "Each school has a true mean, which stays. Each year it gets new students, and each student's score is drawn "
        "anew around it. The mean of a school's students is its true mean and luck; the luck of n students has an SD of "
        r"$\sigma/\sqrt{n}$, where $\sigma$ is the SD of students of one school."
        f"\n\nOver the ten years the mean of {plain(f.names[f.best])}, the best of this year, is "
        f"{number(f.years[1:, f.best].mean())} points.\n\n"
        "Sources: Galton (1886), *Regression towards mediocrity in hereditary stature*, Journal of the Anthropological "
        "Institute 15, 246–263. Tversky & Kahneman (1974), *Judgment under uncertainty*, Science 185, 1124–1131 (the "
        "flight instructors). Bland & Altman (1994), *Regression towards the mean*, BMJ 308, 1499."
    )


def code(f: Facts) -> Listing:
    """This year and next year in three languages."""
    scenario = f.simulation.scenario
    core = listing(
        scenario,
        f.data,
        Recipe(
            core=[
                "next_year = mlm.simulate(replace(scenario, redraw=scenario.redraw + 1)).data",
                "own, later = data.group_means(data.y), next_year.group_means(next_year.y)",
                f"praised = (-own).argsort()[:{f.ends}]",
                "print(data.labels[praised], (later - own)[praised].round(1))",
            ],
            statsmodels=[],
            lme4=[],
        ),
    )
    table = listing_of_table(
        f.two_years(),
        Recipe(
            core=[],
            statsmodels=[
                'years = means.pivot(index="school", columns="year", values="y")',
                f'praised = years.nlargest({f.ends}, "this year")',
                'print((praised["next year"] - praised["this year"]).round(1))',
            ],
            lme4=[
                'years <- reshape(means[, c("school", "year", "y")], idvar = "school", timevar = "year", '
                'direction = "wide")',
                f'praised <- years[order(-years[["y.this year"]])[1:{f.ends}], ]',
                'print(setNames(round(praised[["y.next year"]] - praised[["y.this year"]], 1), praised$school))',
            ],
        ),
        "means",
    )
    return Listing(core.core, table.statsmodels, table.lme4)


ORDER = controls.Choice(
    "order", "Order of the schools", ["place", "size"], "place",
    names={"place": "the highest first", "size": "the largest first"},
)  # fmt: skip

STORY = story.Story(
    slug="next_year",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(seen.scenario, seen["school"]),
    figure=draw,
    controls=[
        controls.one_school("Northgate"),
        ORDER,
        controls.Switch("trail", "Show all ten years"),
        controls.TRUTH,
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0"),
    ],
    lab=both_ends,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)

story.tell(STORY)
