"""Which column is the outcome, which the group, which the predictors: values decide, names hint."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from mlm_core.data import DataError, Floats, Ints
from mlm_core.own_data.columns import MOST_CODES, Columns, coded, constant_within
from mlm_core.own_data.rows import MOST_LEVELS, Rows
from mlm_core.own_data.table import Table
from mlm_core.showing import record

_UNITS = re.compile(
    r"subj|patient|person|child|pupil|participant|respondent|student|chick|worker|seed|"
    r"(^|[^a-z])(rat|dog|cow|mare|boy|girl|cat|animal|tree|plant|plot|plate|batch|lot|block|litter)|"
    r"school|class|cluster|teacher|hospital|clinic|site|county|state|country|region|district|"
    r"centre|center|team|firm|brood|schul|klasse|gruppe|ecole|école|escuela|cohort|group|family|"
    r"house|lecturer|run$|lab|(^|[^a-z])(lea|zip|fips|code)($|[^a-z])"
)
_ID = re.compile(r"(^|[^a-z])ids?($|[^a-z])|id$|(^|[^a-z])(nr|no)$|nr$")
_NOT_UNITS = re.compile(
    r"treat|trt|diet|sex|gender|variet|recipe|type|method|meal|side|session|occasion|^visit|wave|"
    r"day|week|month|year|date|time|age$|grade|denom|minor|repeat|temp|dose|nitro|machine|lines?$"
)
_TIME = re.compile(
    r"time|day|week|month|year|date|hour|minute|(^|[^a-z])age($|[^a-z])|occasion|visit|wave|period|"
    r"trial|session|order|index$|^lat|^lon"
)
_OUTCOME = re.compile(
    r"^y\d?$|score|outcome|result|post|mark|achiev|ach$|exam|math|read|lang|response|react|test|"
    r"attain|rating|yield|height|weight|dist|length|diam|strength|conc|rate$|log_|effort|travel|"
    r"growth|circum|angle|size$|thick|protein|uptake|punkt|leistung|ergebnis|nachher|^note"
)
_PREDICTOR = re.compile(
    r"^[xuv]\d?$|pre($|[^a-z])|^pre|pret$|before|base|prior|treat|trt|tutor|dose|diet|hours|"
    r"female|male|sex|gender|income|lowinc|mean|avg|aver|\.cen|_cen|center|iq|vortest|vorher|geschl"
)
_BEFORE = re.compile(
    r"^x\d?$|pre$|pret$|^pre|before|baseline|prior|^base|iq|lrt|ses$|vortest|vorher"
)
_TREATED = re.compile(r"treat|tutor|intervention|programme|program|^trt$|floor|method|condition")
_OF_GROUPS = re.compile(r"^u\d?$|mean|avg|uranium|fund|invest|diet|treat|trt|sector|sex")
_SIZE = re.compile(r"size|größe|groesse|anzahl|zahl$|count|number|^n_")
_WAVE = re.compile(r"(.*\D)(\d{1,4})")
FEW = 5
LIKELY = 1.5  # a score of `_like_group` from which a second grouping is named
MOST_SECOND = 0.5  # levels of it, for each row


@record
class _Column:
    """What is to be seen of a column."""

    name: str
    place: int
    j: Ints  # level of each row
    levels: int
    numbers: Floats | None
    whole: bool
    full: float  # share of rows with a value

    def like(self, pattern: re.Pattern[str]) -> bool:
        """Whether the name has the pattern in it; CamelCase counts as words apart."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name).lower()
        return pattern.search(self.name.lower()) is not None or pattern.search(words) is not None


def guess_columns(table: Table) -> Columns:
    r"""Guess outcome, group and predictors from values, with names as hints.

    The group repeats, has five levels or more where that can be, and other columns stay the
    same within it; the outcome varies within groups, has many values, and is no clock, code or
    row number; a predictor of rows varies within groups, one of groups does not. At most one
    of each is guessed. Where no column puts rows into groups, ``group`` is empty: decimals,
    and values that mostly come once, name no groups.

    Raises
    ------
    DataError
        No column of numbers, or one column only.

    Examples
    --------
    >>> from mlm_core.own_data.table import read_table
    >>> guess_columns(read_table(b"school,pre,score\na,1,2.5\na,2,3.5\nb,1,4.5\nb,3,2")).x
    ('pre',)
    """
    if not table.numbers:
        raise DataError("No column holds numbers: the outcome must be a number in every row.")
    if len(table.columns) < 2:
        raise DataError("At least two columns are needed: the outcome and the group.")
    columns = [_seen(table, name, place) for place, name in enumerate(table.columns)]
    only = list(table.numbers) if len(table.numbers) == 1 else []
    able = [c for c in columns if c.name not in only and _can_group(c, columns)]
    if not able:
        apart = [c for c in columns if c.numbers is not None]
        apart = [c for c in apart if not _counts_rows(c)] or apart
        each = replace(apart[0], j=np.arange(table.n_rows), levels=table.n_rows)
        return Columns(max(apart, key=lambda c: _like_outcome(c, apart, each)).name, "")
    group = max(able, key=lambda c: _like_group(c, columns, table.n_rows))
    numeric = [c for c in columns if c.numbers is not None and c is not group]
    fixed = {c.name for c in columns if c is not group and constant_within(c.j, group.j)}
    counts = {c.name for c in columns if _counts_rows(c)}
    apart = [c for c in numeric if c.name not in fixed | counts] or numeric
    y = max(apart, key=lambda c: _like_outcome(c, apart, group))
    rest = [c for c in columns if c not in (y, group) and c.name not in counts]
    x = [c for c in rest if c.name not in fixed and _like_x(c, y, group) > 0]
    u = [c for c in rest if c.name in fixed and c.levels > 1 and _like_u(c, group) > 0]
    best_x = sorted(x, key=lambda c: -_like_x(c, y, group))[:1]
    best_u = sorted(u, key=lambda c: -_like_u(c, group))[:1]
    chosen = tuple(c.name for c in best_x), tuple(c.name for c in best_u)
    codes = tuple(c.name for c in (*best_x, *best_u) if coded(table, c.name))
    return Columns(y.name, group.name, *chosen, codes=codes)


def guess_second(table: Table, columns: Columns) -> str | None:
    r"""Another column that looks like a grouping of the same rows, if there is one.

    Districts above schools, or samples across plates; not a name or number of each row within
    its group.

    Examples
    --------
    >>> from mlm_core.own_data.table import read_table
    >>> rows = [f"{k % 5},{'abcde'[k // 5]},{k % 7}.5" for k in range(25)]
    >>> table = read_table("\n".join(["plate,sample,y", *rows]).encode())
    >>> guess_second(table, Columns("y", "plate"))
    'sample'
    """
    every = [_seen(table, name, place) for place, name in enumerate(table.columns)]
    group = next(c for c in every if c.name == columns.group)
    taken = (columns.y, columns.group, *columns.predictors)
    free = [c for c in every if c.name not in taken and not c.like(_SIZE)]
    free = [c for c in free if _other_groups(table, c, group) and _groups_too(c, group)]
    scores = {c.name: _like_group(c, every, table.n_rows) for c in free}
    best = max(scores, key=lambda name: scores[name], default=None)
    return best if best is not None and scores[best] > LIKELY else None


def unused(table: Table, columns: Columns) -> dict[str, str]:
    r"""Why each column that plays no part was not chosen.

    >>> from mlm_core.own_data.table import read_table
    >>> table = read_table(b"g,y,z,c\na,1,2.5,k\na,2,3.5,k\nb,1,4.5,k\nb,3,2,k")
    >>> unused(table, Columns("y", "g"))["c"]
    'the same in every row'
    """
    taken = (columns.y, columns.group, columns.second, *columns.predictors)
    second = guess_second(table, columns)
    every = [_seen(table, name, place) for place, name in enumerate(table.columns)]
    group = next(c for c in every if c.name == columns.group)
    out = {}
    for c in every:
        if c.name in taken:
            continue
        if c.levels < 1:
            out[c.name] = "no values"
        elif c.levels < 2:
            out[c.name] = "the same in every row" + " that has a value" * (c.full < 1)
        elif _counts_rows(c):
            out[c.name] = "another value in every row"
        elif not _other_groups(table, c, group):
            out[c.name] = f"puts rows together as “{columns.group}” does"
        elif c.name == second:
            out[c.name] = "looks like a grouping"
        elif c.numbers is None and c.levels > MOST_LEVELS:
            out[c.name] = "text with too many values for a predictor"
        else:
            out[c.name] = "add it as a predictor if you want it"
    return out


def one_thing_at_several_times(table: Table) -> tuple[str, ...]:
    r"""Columns that look like one thing measured again and again, in a row for each unit.

    >>> from mlm_core.own_data.table import read_table
    >>> table = read_table(b"child,math1,math2,math3\na,2.5,3.5,4\nb,1,2,3.5\nc,2,2.5,3")
    >>> one_thing_at_several_times(table)
    ('math1', 'math2', 'math3')
    """
    if not any(len(set(cells.tolist())) == table.n_rows for cells in table.text.values()):
        return ()
    stems: dict[str, list[str]] = {}
    for name in table.numbers:
        found = _WAVE.fullmatch(name)
        if found:
            stems.setdefault(found[1], []).append(name)
    longest = max(stems.values(), key=len, default=[])
    return tuple(longest) if len(longest) > 2 else ()


def mostly_single(n: Ints) -> bool:
    """Whether most groups have one row, from the rows of each.

    >>> mostly_single(np.array([1, 1, 2])), mostly_single(np.array([1, 2]))
    (True, False)
    """
    return bool((n == 1).sum() > 0.5 * len(n))


def _can_group(c: _Column, columns: list[_Column]) -> bool:
    """Whether a column may be taken as the group without asking: no quantity, no name of a row."""
    n = len(c.j)
    if c.levels < 2 or mostly_single(np.bincount(c.j[c.j >= 0])):
        return False
    if c.numbers is None or c.like(_UNITS) or c.like(_ID):
        return c.numbers is None or c.whole
    quantity = c.levels > n / 4 or any(c.like(k) for k in (_NOT_UNITS, _OUTCOME, _TIME))
    if not c.whole or c.levels <= MOST_CODES or not quantity:
        return c.whole
    described = any(_fewer(o, c) and constant_within(o.j, c.j) for o in columns)
    return described or any(_a_clock(o, c) for o in columns if o is not c)


def may_be_second(table: Table, rows: Rows, name: str) -> bool:
    """Whether the rows that are used can have a column as their second grouping.

    It names some of them together, otherwise than the group does, and is no decimal number.
    """
    c = _seen(table, name, 0)
    if c.numbers is not None and not c.whole:
        return False
    known = table.text[name][rows.place] != ""
    return _differ(c.j[rows.place][known], rows.j[known])


def _other_groups(table: Table, c: _Column, group: _Column) -> bool:
    """The same of all rows of the table, where both have values."""
    known = (table.text[c.name] != "") & (table.text[group.name] != "")
    return _differ(c.j[known], group.j[known])


def _differ(k: Ints, j: Ints) -> bool:
    """Whether a grouping k has several levels, fewer than rows, and is not j by another name."""
    if not 1 < len(np.unique(k)) < len(k):
        return False
    return not (constant_within(k, j) and constant_within(j, k))


def _groups_too(c: _Column, group: _Column) -> bool:
    """Whether the column has few levels enough, and is no name of rows within groups."""
    if c.levels < FEW or c.levels > MOST_SECOND * len(c.j):
        return False
    pairs = _pairs(c, group)
    crossed = pairs == c.levels * group.levels and c.numbers is None  # not 1, 2, 3, ... in each
    return pairs < 0.9 * len(c.j) or crossed


def _seen(table: Table, name: str, place: int) -> _Column:
    import pandas as pd

    cells = table.text[name]
    j, levels = pd.factorize(cells)
    numbers = table.numbers.get(name)
    known = numbers[np.isfinite(numbers)] if numbers is not None else np.empty(0)
    whole = numbers is not None and bool(np.all(known == np.round(known)))
    empty = int((levels == "").sum())
    full = float((cells != "").mean())
    return _Column(name, place, j.astype(np.intp), len(levels) - empty, numbers, whole, full)


def _counts_rows(column: _Column) -> bool:
    """A number or a name for each row, as in 1, 2, 3, ..."""
    if column.levels < len(column.j) or column.levels < 3:
        return False
    if column.numbers is None:
        return True
    in_order = column.place == 0 and bool(np.all(np.diff(column.numbers) == 1))
    named = column.like(_ID) or column.like(re.compile(r"^(index|row.*|unnamed.*|student.*)$"))
    return column.whole and (in_order or named)


def _like_group(c: _Column, columns: list[_Column], n: int) -> float:
    """How much a column looks like the group."""
    if not 2 <= c.levels <= n / 1.5:
        return -20.0 + (c.levels < n)
    score = 3.0 * c.like(_UNITS) + 2.0 * c.like(_ID) - 3.0 * c.like(_NOT_UNITS)
    score -= 3.0 * (c.full < 0.9)
    if c.numbers is None:
        score += 1.0
    elif not c.whole:
        return score - 6.0
    elif c.like(_OUTCOME) and not c.like(_ID):
        score -= 2.0
    if c.numbers is not None and not (c.like(_UNITS) or c.like(_ID)):
        negative = bool(np.nanmin(c.numbers) < 0)
        score -= 1.0 + 2.0 * (c.levels > n / 4) + 3.0 * negative
    score += 1.0 if c.levels >= FEW else -2.0 if c.levels > 2 else -3.0
    score -= 1.5 * (n / c.levels < 2)
    stays = [o for o in columns if _fewer(o, c) and constant_within(o.j, c.j)]
    if c.levels >= FEW:
        score += min(len(stays), 2) * 0.8
        score += 0.5 * any(_a_clock(o, c) for o in columns if o is not c and o.like(_TIME))
    return score - 0.01 * c.place


def _pairs(c: _Column, other: _Column) -> int:
    """How many combinations of two columns there are."""
    import pandas as pd

    return len(pd.unique(c.j * np.intp(other.levels + 2) + other.j))


def _fewer(o: _Column, c: _Column) -> bool:
    """Whether another column could describe the groups of ``c``: not more values than groups."""
    most = c.levels if o.numbers is not None and not o.whole else c.levels - 1
    return o is not c and 1 < o.levels <= most


def _like_outcome(c: _Column, columns: list[_Column], group: _Column) -> float:
    """How much a column looks like the outcome."""
    score = 2.5 * c.like(_OUTCOME) - 2.5 * c.like(_PREDICTOR) - 3.0 * c.like(_TIME)
    score += 2.0 * c.like(re.compile(r"^(y|score|outcome|result|response)$"))
    score -= 3.0 * (c.like(_ID) or (c.whole and c.like(_UNITS) and not c.like(_OUTCOME)))
    score -= 3.0 * (c.levels <= 2) + 1.5 * (2 < c.levels <= 6) + 2.0 * (c.full < 0.5)
    score += 1.5 * min(1.0, c.levels / (0.3 * len(c.j)))
    score -= 3.0 * _a_clock(c, group)
    if c.numbers is not None:
        score -= 2.0 * any(_copy_of(c, o) for o in columns if o.place < c.place)
    return score + 0.6 * (c.place == 0) + 0.5 * (c is columns[-1]) - 0.01 * c.place


def _a_clock(c: _Column, group: _Column) -> bool:
    """The same few values come in each group, or nearly so: days, ages, occasions, doses."""
    if c.numbers is None or c.levels > 0.5 * len(c.j):
        return False
    pairs = _pairs(c, group)
    if pairs == c.levels * group.levels and group.levels >= FEW:
        return True
    return pairs == len(c.j) and c.levels < 3 * len(c.j) / max(group.levels, 1)


def _copy_of(c: _Column, other: _Column) -> bool:
    """Another column in other units, or counted from another zero."""
    if c.numbers is None or other.numbers is None:
        return False
    both = np.isfinite(c.numbers) & np.isfinite(other.numbers)
    a, b = c.numbers[both], other.numbers[both]
    if len(a) < 4 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return False
    return bool(abs(np.corrcoef(a, b)[0, 1]) > 0.999999)


def _like_x(c: _Column, y: _Column, group: _Column) -> float:
    """How much a column looks like the first predictor of rows that one would try."""
    if c.numbers is None and c.levels != 2:
        return 0.0
    if c.full < 0.8 or _copy_of(c, y) or (c.like(_ID) and c.levels > 2):
        return 0.0
    units = c.like(_UNITS) and not c.like(_TREATED) and c.levels > 2
    score = 1.0 + 2.0 * c.like(_BEFORE) + 2.5 * c.like(_TREATED) + 2.0 * c.like(_TIME)
    score += 1.5 * _a_clock(c, group) + 0.5 * (c.levels > 6) - 0.01 * c.place
    score -= 1.0 * c.like(re.compile(r"occasion|index|wave"))
    return score if not units else 0.0


def _like_u(c: _Column, group: _Column) -> float:
    """How much a column looks like the first predictor of groups that one would try."""
    if c.full < 0.8 or c.like(_ID) or (c.numbers is None and c.levels > 4):
        return 0.0
    if c.levels >= group.levels and (c.numbers is None or c.whole) and not c.like(_OF_GROUPS):
        return 0.0
    if c.like(_UNITS) and not c.like(_OF_GROUPS):
        return 0.0
    return 1.0 + 2.0 * c.like(_OF_GROUPS) + 1.0 * (c.numbers is not None) - 0.01 * c.place
