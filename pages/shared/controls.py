"""Everything a reader can set: the scenario in the sidebar and the controls beside a figure.

Each control is bound to the address under its own name, so that a copied link
opens the same picture. This is the only place that makes such controls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import streamlit as st

from mlm_core import Hyperparameters, Scenario
from mlm_core.scenario import Bounds, bounds
from pages.shared.address import bound, notices
from pages.shared.presets import PRESETS
from pages.shared.words import plain


@dataclass(frozen=True, slots=True)
class Control:
    """A slider of the scenario; ``name`` is the field of the record and the name in the address."""

    name: str
    label: str
    help: str
    format: str = "%g"


SCENARIO = (
    Control("n_groups", "Schools", "How many schools there are, J.", "%d"),
    Control("students_per_group", "Students per school", "The size of the school in the middle.", "%d"),
    Control("imbalance", "How unequal in size", "0: all schools have the same size.", "%.1f"),
    Control("sigma_alpha", r"SD between schools $\sigma_\alpha$",
            "How much schools differ beyond what the school-level predictor u explains, in points.",
            "%.1f"),
    Control("sigma_y", r"SD within schools $\sigma_y$",
            "How much students of one school differ, given the pre-test, in points.", "%.1f"),
    Control("b0", r"Strength of the school-level predictor $b_0$",
            "Points for one unit of u. It moves schools apart, too.", "%.1f"),
    Control("a1", r"Mean slope $a_1$", "Points of score for one unit of pre-test.", "%.1f"),
    Control("sigma_beta", r"SD of slopes $\sigma_\beta$",
            "How much the slope differs between schools.", "%.2f"),
    Control("rho", r"Correlation $\rho$",
            "Of a school's intercept and its slope, beyond what u explains.", "%.1f"),
    Control("b1", r"Effect of u on the slope $b_1$", "Change of the slope for one unit of u.", "%.1f"),
    Control("sigma_x", r"SD between schools of the pre-test $\sigma_x$",
            "How much the schools' mean pre-test differs.", "%.2f"),
    Control("contextual", "Contextual effect",
            "Points for one unit of the school's mean pre-test, at the same own pre-test.", "%.1f"),
    Control("extraordinary", "One extraordinary school",
            "Points that set the first school apart from the model.", "%.0f"),
    Control("redraw", "Draw of students", "New students in the same schools.", "%d"),
)  # fmt: skip


def sidebar(*uses: str, beside: Sequence[str] = ()) -> Scenario:
    """Show the controls a lesson uses and return the scenario they set.

    The others keep their values and stay in the address: they are drawn where
    nobody sees them, so that a link from any lesson carries the whole scenario.

    Parameters
    ----------
    *uses : str
        Names of fields of `Scenario` and `Hyperparameters`, shown in the order of `SCENARIO`;
        with none of them, nothing is shown.
    beside : sequence of str
        Fields that the page sets beside its figure.
    """
    if not uses:
        with st.container(key="controls-elsewhere"):
            unseen = {c.name: _slider(c) for c in SCENARIO} | {"seed": _seed()}
        notices()
        return _scenario(unseen)
    with st.sidebar:
        st.subheader("Scenario", anchor=False)
        _presets()
        set_to = {c.name: _slider(c) for c in SCENARIO if c.name in uses}
        set_to["seed"] = _seed()
        elsewhere = [c for c in SCENARIO if c.name not in uses]
        with st.container(key="controls-elsewhere"):
            set_to |= {c.name: _slider(c) for c in elsewhere}
        _tell([c for c in elsewhere if c.name not in beside], set_to)
        st.button("Back to the start", on_click=put, args=(Scenario(),), width="stretch",
                  icon=":material/restart_alt:", help="All settings as they were at first.")  # fmt: skip
    notices()
    return _scenario(set_to)


def _tell(elsewhere: Sequence[Control], values: dict[str, Any]) -> None:
    """Name what is set on another page and still has its effect here."""
    changed = [c for c in elsewhere if values[c.name] != _default(c.name)]
    if changed:
        said = ", ".join(f"{c.label}: {values[c.name]:g}" for c in changed)
        st.caption(f"Also set, elsewhere: {said}.")


def _scenario(values: dict[str, Any]) -> Scenario:
    of_hyper = {f.name for f in fields(Hyperparameters)}
    hyper = replace(Hyperparameters(), **{k: v for k, v in values.items() if k in of_hyper})
    return Scenario(hyper=hyper, **{k: v for k, v in values.items() if k not in of_hyper})


def _default(name: str) -> Any:
    start = Scenario()
    return getattr(start, name) if hasattr(start, name) else getattr(start.hyper, name)


def _slider(control: Control) -> Any:
    limits, default = bounds(control.name), _default(control.name)
    whole = isinstance(default, int)
    low, high, step = (int(v) if whole else float(v) for v in limits)
    read = _number_in(limits, control.name)
    return bound(
        control.name,
        lambda: st.slider(
            control.label,
            low,
            high,
            default,
            step,
            control.format,
            key=control.name,
            help=control.help,
        ),
        default,
        (lambda said: round(read(said))) if whole else read,
    )


def _seed() -> int:
    limits, default = bounds("seed"), _default("seed")
    number, button = st.columns([2, 3], vertical_alignment="bottom")
    button.button(
        "New draw",
        on_click=_next,
        args=("seed",),
        width="stretch",
        icon=":material/casino:",
        help="Other schools, other students.",
    )
    low, high, step = (int(v) for v in limits)
    read = _number_in(limits, "seed")
    seed: int = bound(
        "seed",
        lambda: number.number_input(
            "Draw",
            low,
            high,
            default,
            step,
            key="seed",
            help="The same number gives the same schools again.",
        ),
        default,
        lambda said: round(read(said)),
    )
    return seed


def _next(name: str) -> None:
    limits = bounds(name)
    st.session_state[name] = int(st.session_state[name] % limits.high) + 1


def new_students() -> None:
    """Callback: draw other students in the same schools."""
    _next("redraw")


def _presets() -> None:
    st.selectbox(
        "Preset", list(PRESETS), index=None, placeholder="Choose a scenario …",
        key="preset", on_change=_put_preset, label_visibility="collapsed",
    )  # fmt: skip


def _put_preset() -> None:
    chosen = st.session_state["preset"]
    if chosen is not None:
        put(PRESETS[chosen])
        st.session_state["preset"] = None  # the sliders say what is set; they may move on


def put(scenario: Scenario, **others: Any) -> None:
    """Callback: set every control of the scenario, and others of the page by their keys."""
    for control in (*(c.name for c in SCENARIO), "seed"):
        holder = scenario if hasattr(scenario, control) else scenario.hyper
        st.session_state[control] = getattr(holder, control)
    for key, value in others.items():
        st.session_state[key] = value


def slider(label: str, limits: Bounds, key: str, default: float, **options_of: Any) -> float:
    """A slider of the page's own, bound to the address."""
    return bound(
        key,
        lambda: st.slider(
            label, limits.low, limits.high, default, limits.step, key=key, **options_of
        ),
        default,
        _number_in(limits, key),
    )


def choose(
    label: str, options: Sequence[str], key: str, *, default: str | None = None, **options_of: Any
) -> str | None:
    """Pick one of a few, bound to the address."""
    index = options.index(default) if default in options else None
    return bound(
        key,
        lambda: st.radio(label, options, index, key=key, **options_of),
        default,
        _one_of(options, key),
        lambda value: value is None or value in options,
    )


def switch(label: str, key: str, *, default: bool = False, **options_of: Any) -> bool:
    """Turn something on or off, bound to the address."""
    return bound(
        key,
        lambda: st.toggle(label, default, key=key, **options_of),
        default,
        _yes_or_no(key),
    )


def school(labels: Iterable[object], default: object, label: str = "School") -> str:
    """Pick a school by name, bound to the address; the same school on every page."""
    options = [str(name) for name in labels]
    if st.session_state.get("school") not in (None, *options):
        del st.session_state["school"]
    index = options.index(str(default))
    return bound(
        "school",
        lambda: st.selectbox(label, options, index, key="school"),
        options[index],
        _one_of(options, "school"),
        lambda value: value in options,
    )


def pick_from(chart_key: str) -> Callable[[], None]:
    """Callback for a chart whose selection ``school`` picks the school."""

    def pick() -> None:
        points = st.session_state[chart_key].selection.get("school", [])
        if points and "school" in points[0]:
            st.session_state["school"] = points[0]["school"]

    return pick


def _number_in(limits: Bounds, name: str) -> Callable[[str], float]:
    """Reads a number from a link, or says what the control takes."""

    def read(said: str) -> float:
        try:
            value = float(said)
        except ValueError:
            value = float("nan")
        if not limits.low <= value <= limits.high:
            raise ValueError(
                f"The link says {plain(name)} = {plain(said[:40])}. It goes from {limits.low:g} to "
                f"{limits.high:g}, so it was left as it is."
            )
        return value

    return read


def _one_of(options: Sequence[str], name: str) -> Callable[[str], str]:
    """Reads a choice from a link, or says that there is no such choice."""

    def read(said: str) -> str:
        if said not in options:
            raise ValueError(
                f"The link says {plain(name)} = {plain(said[:40])}. There is no such choice here."
            )
        return said

    return read


def _yes_or_no(name: str) -> Callable[[str], bool]:
    """Reads true or false from a link."""

    def read(said: str) -> bool:
        return _one_of(("true", "false"), name)(said.lower()) == "true"

    return read
