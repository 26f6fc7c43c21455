"""Which answer is right, told a second time: from what a figure draws, and from raw data.

For each question whose right answer depends on the scenario: what its right answer must say.
A text: it begins so. A number: its first number is this one, as far as it is printed.
None: this state is too near to the border between two answers to tell them apart here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mlm_core.lessons.one_regression_or_two import MARGIN
from pages.shared.words import percent, plain

Tables = dict[str, pd.DataFrame]
Said = str | float | None
Verdict = Callable[[Any, Tables, str], Said]

NUMBER = re.compile(r"−?\d[\d,]*\.?\d*")


def numbers(text: str) -> list[float]:
    """The numbers of a text, in their order."""
    return [float(k.replace("−", "-").replace(",", "")) for k in NUMBER.findall(text)]


def agrees(said: str, wanted: str | float, slack: float = 0.0) -> bool:
    """Whether the right answer of a question says what it must."""
    if isinstance(wanted, str):
        return said.startswith(wanted)
    printed = NUMBER.findall(said)[0]
    digits = len(printed.partition(".")[2])
    reach = 0.51 * 10.0**-digits if digits or abs(wanted) < 10 else 0.51 + 0.005 * abs(wanted)
    return abs(numbers(printed)[0] - wanted) <= reach + slack


def bins(value: float, ends: list[float], texts: list[str], edge: float = 1e-9) -> str | None:
    """The text of the bin in which a value lies; None at its very edge."""
    if any(abs(value - end) < edge for end in ends):
        return None
    return texts[int(np.searchsorted(ends, value))]


# next_year


def praised(f: Any, t: Tables, _: str) -> Said:
    later = t["path"].query("step == 1").set_index("row")["later"]
    own = t["schools"].set_index("row")["own"]
    top = own.nlargest(f.ends).index
    down = int((later[top] < own[top]).sum())
    return bins(down - (f.ends - down), [-0.5, 0.5], ["They rise", "As many", "They fall"])


def moves_more(f: Any, t: Tables, text: str) -> Said:
    n = t["schools"].set_index("school")["n"]
    if n.min() == n.max():
        return "All alike" if text.startswith("All") else "Both alike"
    named = [s for s in n.index if f"{plain(s)} tests" in text]
    return f"That of {plain(min(named, key=lambda s: n[s]))}"


# complete_pooling


def as_sure(f: Any, _: Tables, __: str) -> Said:
    return "No" if f.swing.height > 1.1 * f.stated else "Yes"


def times_as_long(_: Any, __: Tables, text: str) -> Said:
    stated, by_schools, *_rest = numbers(text)
    return by_schools / stated


# no_pooling


def between_tests(f: Any, _: Tables, text: str) -> Said:
    """The mean distance of two normal means: 2/sqrt(pi) times the SD of one."""
    simulation, n = f.simulation, numbers(text)[0]
    turned = simulation.beta[f.picked] - np.average(simulation.beta, weights=f.data.n)
    return float(2 * np.hypot(simulation.scenario.sigma_y, turned) / np.sqrt(np.pi * n))


# partial_pooling


def largest_share(_: Any, t: Tables, __: str) -> Said:
    pulled = t["path"].query("resting").set_index("row")["pulled"]
    if np.ptp(pulled) < 1e-6:
        return "All go"
    return "Those with few" if t["schools"]["n"][pulled.idxmax()] == t["schools"]["n"].min() else ""


def counts_as_much(_: Any, t: Tables, __: str) -> Said:
    """A school of n students is pulled by k / (n + k): k students count as much."""
    pulled = t["path"].query("resting").set_index("row")["pulled"]
    if pulled.min() > 1 - 1e-9:
        return "No number"
    n = t["schools"].set_index("row")["n"]
    return float((n * pulled / (1 - pulled))[pulled.idxmin()])


# small_groups


def small_ones(f: Any, _: Tables, __: str) -> Said:
    n, own = f.data.n, f.data.group_means(f.data.y)
    among = int((n < np.median(n))[np.argsort(own)[: f.places]].sum())
    width = 2 if f.places > 3 else 1
    first = among // width * width
    return " or ".join(str(k) for k in range(first, min(first + width, f.places + 1)))


def half_the_luck(_: Any, __: Tables, text: str) -> Said:
    return float(re.search(r"has ([\d.]+) points", text)[1]) / 2  # type: ignore[index]


def what_it_says(_: Any, __: Tables, text: str) -> Said:
    chance = re.search(r": (?:(more|less) than )?(\d+)%", text)
    if chance is None or int(chance[2]) == 50:
        return None
    more = int(chance[2]) > 50 and chance[1] != "less"
    return f"It is more likely {'among' if more else 'not among'}"


def their_sum(f: Any, _: Tables, __: str) -> Said:
    return float(min(f.places, f.chance.sum().round(3)))


# what_is_multilevel, varying_intercepts, varying_slopes


def at_minus_one(_: Any, __: Tables, text: str) -> Said:
    _u, _zero, a0, _zero2, b0 = numbers(text.replace("$a_0$", "0").replace("$b_0$", "0"))
    return a0 - b0


def higher_with_u(f: Any, _: Tables, text: str) -> Said:
    before = numbers(text)[1]
    after = float(f.with_u.lines.alpha[f.picked])
    return bins(after - before, [-0.05, 0.05], ["Lower", "The same", "Higher"], 0.051)


def ends_higher(_: Any, __: Tables, text: str) -> Said:
    b0 = float(re.search(r"b_0\$ = (−?[\d.]+)", text)[1].replace("−", "-"))  # type: ignore[index]
    return None if b0 == 0 else "The one with u = 1" if b0 > 0 else "The one with u = −1"


def share_explained(_: Any, __: Tables, text: str) -> Said:
    before, after = numbers(text)[:2]
    share = 1 - (after / before) ** 2 if before > 0 else 0.0
    return "None" if share <= 0 else percent(share)


def spread_taken(_: Any, t: Tables, __: str) -> Said:
    own = t["schools"].dropna(subset=["own_beta"])
    if len(own) < 2:
        return None
    lost = [
        round(100 * max(1 - own[part].std() / own[f"own_{part}"].std(), 0))
        if own[f"own_{part}"].std() > 0
        else 0
        for part in ("alpha", "beta")
    ]
    return bins(lost[1] - lost[0], [-0.5, 0.5], ["Up or down", "Both", "Left or right"])


def leans(f: Any, _: Tables, __: str) -> Said:
    rho = f.hyper.rho
    return (
        "The same" if np.isnan(rho) or abs(rho) < 0.005 else "A steeper" if rho > 0 else "A flatt"
    )


# one_regression_or_two, treatment_effects, prediction


def too_large(_: Any, t: Tables, __: str) -> Said:
    truth = t["truth"].set_index("quantity")["value"]["sigma_alpha"]
    mean = t["means"].query("quantity == 'sigma_alpha'").set_index("way")["value"]
    over = {way: mean[way] > truth + MARGIN * max(truth, 1.0) for way in ("two", "both")}
    return {(1, 0): "Two steps", (0, 1): "The multilevel", (1, 1): "Both", (0, 0): "Neither"}[
        int(over["two"]), int(over["both"])
    ]


def the_noise(f: Any, _: Tables, __: str) -> Said:
    return float(f.noise)


def half_the_noise(_: Any, __: Tables, text: str) -> Said:
    return float(re.findall(r"of ([\d.]+) points", text)[-1]) / 2


def helps(_: Any, t: Tables, __: str) -> Said:
    """The area of the new school's curve above 0, as drawn."""
    curve = t["new"].sort_values("effect")
    x, y = curve["effect"].to_numpy(), curve["density"].to_numpy()
    if y[[0, -1]].max() > 0.01 * y.max():
        return None
    fine = np.linspace(x[0], x[-1], 20_001)
    height = np.interp(fine, x, y)
    return bins(
        float(height[fine > 0].sum() / height.sum()),
        [0.5, 0.75, 0.95],
        ["Less than", "50 to", "75 to", "More than"],
        0.004,
    )


def second_time(f: Any, t: Tables, text: str) -> Said:
    rows = t["schools"]
    best = rows.loc[rows["own"].idxmax()]
    assert text.startswith(plain(best["school"]))
    return float(best["partial"])


def widest(f: Any, t: Tables, __: str) -> Said:
    """Whether the drawn interval narrows by more than the error of the common mean does."""
    width = (t["path"]["partial_high"] - t["path"]["partial_low"]).to_numpy()
    n = f.data.n_students
    common = np.sqrt((1 / f.size + 1 / (n - f.n)) / (1 / f.size + 1 / n))
    return "In the new" if width[0] > width[-1] * common * 1.000001 else "The same"


def goes_away(f: Any, _: Tables, __: str) -> Said:
    between = f.fit.hyper.sigma_alpha**2
    return percent(between / (between + f.fit.sigma_y**2))


# structured_data, efficient_inference, two_level_predictors


def false_alarms(_: Any, t: Tables, __: str) -> Said:
    if "bins" not in t:
        return None
    found = t["bins"].query("way == 'ordinary' and alarm")["share"].sum()
    return bins(found, [0.08, 0.2, 0.4], ["Less than", "8%", "20%", "More than"], 1e-6)


def design_effect(_: Any, __: Tables, text: str) -> Said:
    icc, _n, students = numbers(text)[:3]
    return 1 + (students - 1) * icc


def gain(f: Any, j: int) -> float:
    miss = {way: np.sqrt((f.errors(way, j) ** 2).mean()) for way in ("no", "partial")}
    return float(1 - miss["partial"] / miss["no"])


def smaller_error(f: Any, _: Tables, __: str) -> Said:
    texts = ["Hardly", "5% to", "25% to", "More than"]
    return bins(gain(f, int(np.argmax(f.n))), [0.05, 0.25, 0.5], texts, 1e-6)


def two_sources(_: Any, __: Tables, text: str) -> Said:
    return numbers(text)[0] / 2**0.5


def gains_most(f: Any, _: Tables, __: str) -> Said:
    if f.n.min() == f.n.max():
        return "All the same"
    more = gain(f, int(f.smallest)) - gain(f, int(f.largest))
    return bins(more, [0.0], ["A large one", "A small one"], 1e-9)


def last_slopes(t: Tables) -> pd.Series:
    slopes = t["slopes"]
    return slopes[slopes["step"] == slopes["step"].max()].set_index("kind")["slope"]


def one_line(_: Any, t: Tables, __: str) -> Said:
    return "Up" if last_slopes(t)["complete"] > 0 else "Down"


def another_school(_: Any, t: Tables, __: str) -> Said:
    found = last_slopes(t)
    printed = f"{found['between'] - found['within']:.3g}"  # as on the page: three digits
    return "By b₀: " + printed.partition(".")[0].replace("-", "−")


# nested_and_crossed, how_sure_about_tau, fixed_and_random


def is_nested(_: Any, t: Tables, __: str) -> Said:
    cells = t["cells"].query("resting and n > 0")
    return "Yes" if cells.groupby("inner")["outer"].nunique().max() == 1 else "No"


def intercepts(_: Any, t: Tables, __: str) -> Said:
    cells = t["cells"].query("n > 0")
    return float(cells["outer"].nunique() + cells["inner"].nunique())


def trusted(_: Any, t: Tables, __: str) -> Said:
    """The middle 95% of the density, as drawn."""
    steps = t["steps"].dropna(subset=["tau"])
    steps = steps[np.isfinite(steps["tau"])]
    x = np.linspace(0, steps["tau"].max(), 20_001)
    y = np.interp(x, steps["tau"], steps["density"])
    if y.argmax() == 0:
        return "Hardly"  # from 0 on: half the guess is not ruled out
    area = np.cumsum(y) / y.sum()
    low, middle, high = (x[np.searchsorted(area, p)] for p in (0.025, 0.5, 0.975))
    far = max(middle / low, high / middle)
    if y[-1] > 0.002 * y.max() and far < 3:  # the rest of the curve is not drawn
        return None
    return bins(float(far), [1.25, 2.0], ["Very well", "Roughly", "Hardly"], 0.04)


def sd_at_the_guess(f: Any, _: Tables, __: str) -> Said:
    guess, averaged = (round(float(s.sd[f.picked]), 2) for s in (f.at_best, f.averaged))
    return "It is " + (
        "too small" if guess < averaged else "too large" if guess > averaged else "about"
    )


def within_slope(f: Any, _: Tables, __: str) -> Said:
    """Least squares with an indicator for each school, from the rows."""
    rows = pd.DataFrame({"g": f.data.j, "x": f.data.x, "y": f.data.y})
    x, y = (rows[c] - rows.groupby("g")[c].transform("mean") for c in ("x", "y"))
    return float((x * y).sum() / (x * x).sum())


VERDICTS: dict[str, dict[tuple[str, int], Verdict]] = {
    "next_year": {("predict", 0): praised, ("check", 1): moves_more},
    "complete_pooling": {("predict", 0): as_sure, ("check", 0): times_as_long},
    "no_pooling": {
        ("predict", 0): between_tests,
        ("check", 0): lambda _f, _t, text: 4 * numbers(text)[0],
    },
    "partial_pooling": {("predict", 0): largest_share, ("check", 1): counts_as_much},
    "small_groups": {
        ("predict", 0): small_ones,
        ("check", 0): half_the_luck,
        ("check", 2): what_it_says,
        ("check", 3): their_sum,
    },
    "what_is_multilevel": {("check", 2): at_minus_one},
    "varying_intercepts": {
        ("predict", 0): higher_with_u,
        ("check", 0): ends_higher,
        ("check", 1): share_explained,
    },
    "varying_slopes": {("predict", 0): spread_taken, ("check", 0): leans},
    "one_regression_or_two": {
        ("predict", 0): too_large,
        ("check", 0): the_noise,
        ("check", 1): half_the_noise,
    },
    "treatment_effects": {("predict", 0): helps, ("check", 2): second_time},
    "prediction": {("predict", 0): widest, ("check", 0): goes_away},
    "structured_data": {("predict", 0): false_alarms, ("check", 0): design_effect},
    "efficient_inference": {
        ("predict", 0): smaller_error,
        ("check", 0): two_sources,
        ("check", 1): gains_most,
    },
    "two_level_predictors": {("predict", 0): one_line, ("check", 0): another_school},
    "nested_and_crossed": {("predict", 0): is_nested, ("check", 0): intercepts},
    "how_sure_about_tau": {("predict", 0): trusted, ("check", 1): sd_at_the_guess},
    "fixed_and_random": {("check", 0): within_slope},
}
