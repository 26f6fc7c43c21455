"""What will the next student score?"""

from mlm_core import estimates
from mlm_core.charts.held_out import held_out
from mlm_core.charts.next_student import next_student
from mlm_core.charts.theme import steady_domain
from mlm_core.lessons.prediction import CLASS, EVERY, Facts, facts
from pages.shared import controls, figure, mathml, presets, story
from pages.shared.cached import remembered
from pages.shared.code import Listing, Recipe, listing
from pages.shared.figure import Hand, Handle, hand
from pages.shared.story import Answer, Question, Seen
from pages.shared.words import count, number, percent, plain

# What the figure shows


def draw(f: Facts, seen: Seen) -> Handle | None:
    """What to expect of a school's next student; or how far such predictions missed."""
    if f.held is not None:
        draw_errors(f)
        return None
    others = bool(seen["others"]) and seen.revealed
    truth = bool(seen["truth"]) and seen.revealed
    figure.legend(
        crowd=f"scores at {f.name}",
        **(
            {"partial": "partial pooling, 95%" + ("" if others else f" interval for {what(f)}")}
            if seen.revealed
            else {}
        ),
        **(
            {"no": "no pooling (lines: 95%)", "complete": "complete pooling (dashed: 95%)"}
            if others
            else {}
        ),
        **({"truth": "true mean of the school"} if truth else {}),
    )
    new, known = f.made.interval(0), f.made.interval(f.last)
    domain = steady_domain(
        [*new, *f.made.interval(0, "complete"), f.truth, *known, *f.scores], 55, 50
    )
    figure.show(
        "next_student",
        f"The scores of {count(f.n, 'student')} of {f.name}, in the order in which they are seen. "
        + (f"95% intervals for {what(f)}: {interval(f, 0)} before anybody is seen, "
           f"{interval(f, f.last)} with all seen." if seen.revealed else "No prediction is shown yet."),
        next_student,
        {
            **f.tables(partial=seen.revealed, others=others, truth=truth),
            "curve": f.curves(domain, partial=seen.revealed, others=others),
        },
        axes={"domain": domain},
        steps=len(f.made.seen),
    )  # fmt: skip
    spoken = [count(int(k), "student") + " seen" for k in f.made.seen]
    return Handle("next_student", f.last, spoken, "Students of the school seen", {"few": f.few})


def draw_errors(f: Facts) -> None:
    """Errors for students that the fits have not seen."""
    assert f.held is not None
    figure.legend(no="no pooling", partial="partial pooling", complete="complete pooling")
    errors = f.error_tables()
    figure.show(
        "held_out",
        "Typical errors for students whom the fits have not seen, by size of the school. "
        + " ".join(
            f"Left out {left}: {pooling} pooling {number(rmse)} points."
            if rmse == rmse
            else f"Left out {left}: {pooling} pooling predicts nothing."
            for (left, pooling), rmse in f.held.rmse.items()
        ),
        held_out,
        errors,
        axes={"domain": steady_domain(errors["errors"]["rmse"], 12, 4)},
    )


def what(f: Facts) -> str:
    """Of whom the score is predicted."""
    return "the next student" if f.size == 1 else f"the mean of {f.size} new students"


def interval(f: Facts, step: int, pooling: str = "partial") -> str:
    """A 95% interval in words."""
    low, high = f.made.interval(step, pooling)
    return f"{number(low)} to {number(high)}"


# Words that follow the handle


def seen_so_far(f: Facts) -> Hand:
    """The prediction, and where its width comes from, at the handle."""
    steps = range(len(f.made.seen))
    return hand(
        f"<p>{{k}} of {figure.escaped(f.name)} seen: {what(f)} scores <b>{{low}} to {{high}}</b> with 95% probability.</p>"
        "<table><thead><tr><th>what is not known</th><th>SD, points</th></tr></thead><tbody>"
        "<tr><th scope='row'>the school</th><td>{school}</td></tr>"
        f"<tr><th scope='row'>{'the student' if f.size == 1 else 'the students'}</th><td>{{student}}</td></tr>"
        "<tr><th scope='row'>width of the interval</th><td>{width}</td></tr></tbody></table>",
        k=[count(int(k), "student") if k else "Nobody" for k in f.made.seen],
        low=[number(f.made.interval(s)[0]) for s in steps],
        high=[number(f.made.interval(s)[1]) for s in steps],
        school=[number(s) for s in f.made.school_sd],
        student=[number(f.student_sd)] * len(f.made.seen),
        width=[number(f.width(s)) for s in steps],
    )


def worked(f: Facts) -> Hand:
    """The interval with the numbers of the moment."""
    live = mathml.live
    noise = f"{number(f.fit.sigma_y)}²"
    parts = [noise] if f.size == 1 else [mathml.frac(noise, str(f.size))]
    root = mathml.row("√", "(", *parts, "+", live("s"), "<mtext>²</mtext>", ")")
    return hand(
        "<p>{k} seen:</p>"
        + mathml.math(live("mean"), "±", live("t"), "·", root, "=", live("mean"), "±", live("half")),
        k=[count(int(k), "student") if k else "Nobody" for k in f.made.seen],
        mean=[number(m) for m in f.made.mean],
        t=[number(t, 2) for t in f.made.t],
        s=[number(s) for s in f.made.school_sd],
        half=[number(h) for h in f.made.half],
    )  # fmt: skip


def three_answers(f: Facts) -> Hand:
    """The three poolings at the handle."""
    steps, rows = range(len(f.made.seen)), ("complete", "partial", "no")
    body = "".join(
        f"<tr><th scope='row'>{pooling} pooling</th><td>{{{pooling}}}</td></tr>" for pooling in rows
    )
    return hand(
        f"<table><thead><tr><th>{{k}} seen</th><th>95%, {what(f)}</th></tr></thead><tbody>{body}</tbody></table>",
        k=[str(k) for k in f.made.seen],
        **{p: [interval(f, s, p) if f.answers(s, p) else "no answer" for s in steps] for p in rows},
    )


def lab(f: Facts) -> str | Hand:
    """The laboratory's words."""
    return honest(f) if f.held is not None else seen_so_far(f)


# Questions


def widest(f: Facts) -> Question:
    """The prediction."""
    name, (small, m, *_) = plain(f.name), f.families[1]
    few = f"At {plain(small)}, where {m} are known" if small != f.name else "Where few are known"
    widths = (
        f"{number(f.width(0))} points wide, {number(f.width(f.few))} with {f.few} seen, "
        f"{number(f.width(f.last))} with all {f.n}."
    )
    same = "Schools are estimated not to differ, so it makes no difference which one it is."
    if number(f.width(0)) != number(f.width(f.last)):
        same += (
            f" The drawn one is {number(f.width(0))} points wide with nobody of {name} seen and {number(f.width(f.last))} with all: "
            "then more students tell of the common mean."
        )
    return Question(
        "Where must this interval be widest?",
        [
            Answer(f"At {name}, where {f.n} are known", f"At {name} the school's mean is known best. Only the child is not."),
            Answer(few, "Even a few students say something of their school. Of a new school nobody says anything."),
            Answer("In the new school", "Neither child nor school is known there: " + widths, not f.alike),
            Answer("The same everywhere",
                   same if f.alike
                   else "Children differ equally everywhere. How well the school is known does not stay the same.", f.alike),
        ],
    )  # fmt: skip


def checks(f: Facts) -> list[Question]:
    """Four questions on what the steps have shown."""
    one, none = f.icc, f.alike
    between, within = number(f.fit.hyper.sigma_alpha), number(f.fit.sigma_y)
    return [
        Question(
            f"The SD between schools is {between} points, within schools {within}. You come to a new school and see "
            "thousands of its students. About how much of the variance of your prediction for its next student goes away?",
            [
                Answer(f"{percent(one)}: what differs between schools",
                       f"{between}² / ({between}² + {within}²): that part is known then. What differs between students stays." if not none else
                       "Schools are estimated not to differ, so there is nothing to learn of them.", True),
                Answer(f"{percent(1 - one)}: what differs between students",
                       "The next student is another one. Seeing the others does not change that."),
                Answer("All of it", "Then every student of the school would have to score the same."),
            ],
        ),
        Question(
            "What does no pooling say of a new school?",
            [
                Answer("Nothing", "It has one number for each school seen, and no model of schools.", True),
                Answer("The mean of all students", "That is complete pooling."),
                Answer("The mean of the schools' means",
                       "One can compute it. Its width needs an SD between schools: that is the multilevel model."),
            ],
        ),
        Question(
            f"The head of the new school plans for {CLASS} students. Complete pooling gives the shorter interval for their mean. "
            "Should she take it?",
            [
                Answer("No: it leaves out that they share one school",
                       "More students average out students. They do not average out their school.", True),
                Answer("Yes: shorter is better", "A short interval is good only if it holds what it promises."),
                Answer(f"Yes, if {CLASS} students are too few to matter",
                       "With more students it becomes shorter still, and the school stays as unknown as before."),
            ],
        ),
        Question(
            "A model will be used in schools that are not in the data. How do you estimate its error?",
            [
                Answer("Leave whole schools out", "Then each prediction is for a school that the fit has not seen.", True),
                Answer("Leave single students out", "Their schoolmates stay in, and tell of the school. The error comes out too small."),
                Answer("From the residuals", "They are of students whom the fit has seen."),
            ],
        ),
    ]  # fmt: skip


# The story


def a_class(f: Facts) -> str:
    """Three answers for a class in a new school."""
    return (
        f"The head of the new school plans for {CLASS} children and asks for the mean of her class. We use {plain(f.name)} again: with "
        f"nobody seen, it is a new school. {CLASS} children average out, their school does not. [[Complete pooling]] ignores that "
        "they share a school; [[no pooling]] needs students of the school.\n\n"
        f"With nobody seen, the true means of {f.holds('complete')} of {f.data.n_groups} schools lie in the interval of complete pooling, "
        f"of {f.holds('partial')} in that of partial pooling."
    )


def honest(f: Facts) -> str:
    """What became of predictions for those whom the fits had not seen."""
    assert f.held is not None
    rmse, n = f.held.rmse, f.data.n_students
    miss = {where: number(value) for where, value in rmse.items()}
    verdict = (
        "In new schools the miss is larger. **To know it, leave whole schools out.** If you leave out only single students, you promise too much."
        if f.harder else "Here the two hardly differ. **For new schools, leave whole schools out** all the same."
    )  # fmt: skip
    return (
        f"In {f.held.worlds} simulated towns we left some students out of the fit, and predicted them. **Above**, a few of each "
        "school: schoolmates stay in. **Below**, whole schools.\n\n"
        "| typical miss, points | partial | no | complete |\n|:--|--:|--:|--:|\n"
        f"| known school | {miss['students', 'partial']} | {miss['students', 'no']} | {miss['students', 'complete']} |\n"
        f"| new school | {miss['schools', 'partial']} | none | {miss['schools', 'complete']} |\n\n"
        f"{verdict} (Points for few schools vary by luck.) Each school of this town left out once, {f.held.inside} of {n} students "
        f"({percent(f.held.inside / n)}) lie in partial pooling's 95% interval."
    )


def stranger(f: Facts) -> str:
    """Where the extraordinary school lies against its prediction."""
    after = (
        "The truth is still outside: partial pooling pulls even this school to the others."
        if f.missed_at_last else "Then the truth is inside."
    )  # fmt: skip
    return (
        f"The band is for {what(f)}. With nobody seen it is {interval(f, 0)}, and the diamond lies "
        f"{'outside' if f.missed else 'inside'}. Drag to the right: with {count(f.n, 'student')} seen it is "
        f"{interval(f, f.last)}, the truth {number(f.truth)}. {after}"
    )


def lower(f: Facts) -> str:
    """What happened to the extraordinary school."""
    down = "lower" if f.truth <= f.before else "higher"
    return (
        f"The true mean of {plain(f.name)} is now {number(f.truth)}: {number(abs(f.truth - f.before), 0)} points {down} than before, "
        f"{number(f.before)}. The model does not know this. Only its SDs change: they come from all schools."
    )


def sentence(f: Facts) -> str:
    """What each family is told."""
    (large, n, *a), (small, m, *b), (_, _, *c) = f.families
    shown = ", in the figure" if small == f.name else ""
    said = [f"{number(low, 0)} to {number(high, 0)}" for low, high in (a, b, c)]
    known = (
        "Schools are estimated not to differ, so all three are told the same: only their child is uncertain."
        if f.alike else "About one student we are never sure. About a school we are unsure only when we saw few of its students."
    )  # fmt: skip
    return (
        f"To the three families, each with 95% probability: {plain(large)} ({n} known) {said[0]}, {plain(small)} ({m} known{shown}) {said[1]}, "
        f"the new school, from all {f.data.n_groups} schools, {said[2]}. {known}"
    )


def two_parts(f: Facts) -> str:
    """What stands under the root."""
    unsure = (
        "Schools are estimated not to differ here: only the common mean is not quite known."
        if f.alike
        else r"The more of its students we know, the smaller it is. In a new school it is large: schools differ "
        r"($\sigma_\alpha$), and the common mean is only an estimate."
    )
    return (
        r"$\hat\alpha_j$: the school's mean by partial pooling. $\sigma_y$: how much students of one school differ. "
        rf"$s_j$: how unsure we are of the school's mean. {unsure} "
        "$t$ comes from the [[t distribution]]: near 2 with many schools, larger with few, which say little of how much "
        "schools differ.\n\n" + SCORE
    )


SCORE = r"$$\underbrace{\hat\alpha_j}_{\text{expected}} \pm\; t\,\sqrt{\underbrace{\sigma_y^2}_{\text{student}} + \underbrace{s_j^2}_{\text{school}}}$$"
STUDENT = {"class": False, "others": False, "truth": False, "view": "prediction"}

STEPS = [
    story.situation(
        heading="Three families ask",
        text=lambda f: f"Three families move to town. One child will go to {plain(f.name)}, where {f.n} children took the test. One to "
        f"{plain(f.families[1][0])}, where {f.families[1][1]} did. One to the **new school** that opens next autumn.\n\nEach asks the board: what will "
        f"our child score? The grey dots are the scores at {plain(f.name)}, from left to right as they were seen. One "
        "number will not do: they spread widely.",
        do="Which range would you name for the child who goes there?",
        shows={**STUDENT, "school": "Oak Hill", "handle": "last"},
    ),
    story.predict(
        heading="Name a range for each",
        text="The board wants an interval that holds the child's score with 95% probability. Two things are unknown: the child, and "
        "how good the school is.",
        ask=widest,
        shows={**STUDENT, "school": "Oak Hill", "handle": "last"},
    ),
    story.try_it(
        heading="Let the students come",
        text=lambda f: f"With nobody seen, {plain(f.name)} is a new school: the mean comes from the other {f.data.n_groups - 1}. The handle lets its "
        f"students be seen, up to {EVERY} one by one, then several at a time. "
        "The green band is the 95% interval for the **next** one; the curve at the right, its [[predictive distribution]], "
        "says how likely each score is (thin lines: nobody, a few, all seen).",
        hand=seen_so_far,
        do="Drag from the left end to the right. Which part of the width goes away, and which stays?",
        shows={**STUDENT, "school": "Oak Hill", "handle": "first"},
    ),
    story.say(
        heading="Two parts under one root",
        text=two_parts,
        hand=worked,
        do="Drag from end to end. Which part becomes small?",
        shows={**STUDENT, "school": "Oak Hill", "handle": "few"},
    ),
    story.try_it(
        heading="A whole class in a new school",
        text=a_class,
        hand=three_answers,
        do="Drag to the right. Watch the blue lines close in on the green band.",
        shows={**STUDENT, "class": True, "others": True, "school": "Oak Hill", "handle": "first"},
    ),
    story.truth(
        heading="Test it on students not seen",
        text=honest,
        do="Above: where is no pooling clearly worse than partial pooling? Why has it no line below?",
        shows={**STUDENT, "view": "errors", "school": "Oak Hill"},
    ),
    story.breaks(
        heading="A school like no other",
        changed=lower,
        look=stranger,
        text="The interval for a new school promises to hold 95% of classes in schools **like those seen**. It knows no other kind.",
        sets=presets.EXTRAORDINARY,
        shows={**STUDENT, "class": True, "truth": True, "school": "Ashford", "handle": "first"},
    ),
    story.check(heading="Check yourself", ask=checks, shows={**STUDENT, "school": "Oak Hill"}),
    story.sentence(
        heading="What the board can be told",
        text=sentence,
        shows={**STUDENT, "school": "Juniper", "handle": "last"},
    ),
]  # fmt: skip


def model(f: Facts) -> str:
    """The model in full."""
    noise = r"\sigma_y^2" if f.size == 1 else rf"\sigma_y^2/{f.size}"
    return (
        rf"$$\text{{known school: }}\; \hat\alpha_j \pm t \sqrt{{{noise} + \mathrm{{se}}(\hat\alpha_j)^2}} \qquad "
        rf"\text{{new school: }}\; \hat a_0 \pm t \sqrt{{{noise} + \sigma_\alpha^2 + \mathrm{{se}}(\hat a_0)^2}}$$"
        f"\n\n$\\sigma_\\alpha$ = {number(f.fit.hyper.sigma_alpha)} and $\\sigma_y$ = {number(f.fit.sigma_y)} points, by REML; the "
        "pre-test is left out. At each place of the handle the means are those of the k students seen and of all other schools, for "
        "each pooling. The SDs are those of all students at every place: not seeing some would change them, too, a little. "
        f"$\\sigma_\\alpha$ comes from J = {f.data.n_groups} schools, so a new school's t has J − 1 degrees of freedom: {number(f.made.t[0], 2)} "
        "and not 1.96. With the school known better, less of the width hangs on $\\sigma_\\alpha$, and t goes to 1.96: the degrees of "
        "freedom are $(J - 1)\\,\\sigma_\\alpha^4/s_j^4$ where $s_j < \\sigma_\\alpha$. For one student of a new school, and very few "
        "schools, t makes the interval wider than it need be. Complete pooling has one SD for everybody: about right for one student of "
        "any school, too small for a class, whose students share their school. No pooling takes the school's own mean, "
        "and for a new school there is none. Source: Gelman & Hill (2007), section 12.8."
    )


def code(f: Facts) -> Listing:
    """The fit, and the predictions, in three languages."""
    return listing(
        f.simulation.scenario,
        f.data,
        Recipe(
            core=[
                "from mlm_core.new_student import predict_new_student",
                "",
                "fit = mlm.fit_partial_pooling(data, group_predictor=False)",
                f'print("{f.name}:", predict_new_student(fit, school="{f.name}").interval(size={f.size}))',
                f'print("new school:", predict_new_student(fit).interval(size={f.size}))',
            ],
            statsmodels=[
                "import statsmodels.formula.api as smf",
                "from scipy.stats import t",
                "",
                'fit = smf.mixedlm("y ~ 1", schools, groups="school").fit(reml=True)',
                "between, within = fit.cov_re.iloc[0, 0], fit.scale",
                'of_school = schools.groupby("school")["y"]',
                "w = 1 / (between + within / of_school.size())",
                "a0 = (w * of_school.mean()).sum() / w.sum()",
                f'k = of_school.size()["{f.name}"]',
                "b = between / (between + within / k)",
                f'alpha = a0 + b * (of_school.mean()["{f.name}"] - a0)',
                "for what, mean, v in [",
                f'    ("{f.name}:", alpha, between * (1 - b) + (1 - b) ** 2 / w.sum()),',
                '    ("new school:", a0, between + 1 / w.sum()),',
                "]:",
                "    df = (len(w) - 1) * max(1, between / v) ** 2",
                f"    half = t.ppf(0.975, df) * np.sqrt(v + within / {f.size})",
                "    print(what, mean - half, mean + half)",
            ],
            lme4=[
                "fit <- lmer(y ~ 1 + (1 | school), schools, REML = TRUE)",
                "between <- VarCorr(fit)$school[1]; within <- sigma(fit)^2",
                "n <- table(schools$school); w <- 1 / (between + within / n)",
                f'k <- n[["{f.name}"]]; b <- between / (between + within / k)',
                f'middle <- c(coef(fit)$school["{f.name}", 1], fixef(fit)[[1]])',
                "v <- c(between * (1 - b) + (1 - b)^2 / sum(w), between + 1 / sum(w))",
                "df <- (length(n) - 1) * pmax(1, between / v)^2",
                f"half <- qt(0.975, df) * sqrt(v + within / {f.size})",
                f'print(rbind("{f.name}" = c(middle[1] - half[1], middle[1] + half[1]),',
                '            "new school" = c(middle[2] - half[2], middle[2] + half[2])))',
            ],
        ),
    )  # fmt: skip


STORY = story.Story(
    slug="prediction",
    steps=STEPS,
    facts=lambda seen: remembered(facts)(
        seen.scenario, seen["school"], seen["class"], seen["view"] == "errors"
    ),
    figure=draw,
    controls=[
        controls.Choice("view", "Figure", ["prediction", "errors"], "prediction",
                        names={"prediction": "The next student", "errors": "Held-out errors"}),
        controls.one_school("Oak Hill"),
        controls.TRUTH,
        controls.Switch("class", f"Mean of a class of {CLASS}"),
        controls.Switch("others", "Show no and complete pooling"),
        *("n_groups", "students_per_group", "imbalance", "sigma_alpha", "sigma_y", "b0"),
        "extraordinary",
    ],
    lab=lab,
    model=model,
    listing=code,
    data=lambda f: estimates.students_table(f.data),
)  # fmt: skip

story.tell(STORY)
