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
        _show_notices()
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
    _show_notices()
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
    _check_link(control.name, limits, default)
    return st.slider(
        control.label, low, high, default, step, control.format,
        key=control.name, help=control.help, bind="query-params",
    )  # fmt: skip


def _seed() -> int:
    limits, default = bounds("seed"), _default("seed")
    _check_link("seed", limits, default)
    number, button = st.columns([2, 3], vertical_alignment="bottom")
    button.button(
        "New draw",
        on_click=_next,
        args=("seed",),
        width="stretch",
        icon=":material/casino:",
        help="Other schools, other students.",
    )
    # Not whole numbers for Streamlit: with those, "seed=1e999" in a link is an error.
    set_to = number.number_input(
        "Draw",
        float(limits.low),
        float(limits.high),
        float(default),
        float(limits.step),
        "%d",
        key="seed",
        bind="query-params",
        help="The same number gives the same schools again.",
    )
    return int(set_to)


def _next(name: str) -> None:
    limits = bounds(name)
    st.session_state[name] = st.session_state[name] % type(st.session_state[name])(limits.high) + 1


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


def put(scenario: Scenario, **others: Any) -> None:
    """Callback: set every control of the scenario, and others of the page by their keys."""
    for control in (*(c.name for c in SCENARIO), "seed"):
        holder = scenario if hasattr(scenario, control) else scenario.hyper
        value = getattr(holder, control)
        st.session_state[control] = float(value) if control == "seed" else value
    for key, value in others.items():
        st.session_state[key] = value


def slider(label: str, limits: Bounds, key: str, default: float, **options_of: Any) -> float:
    """A slider of the page's own, bound to the address."""
    _check_link(key, limits, default)
    return float(st.slider(
        label, limits.low, limits.high, default, limits.step,
        key=key, bind="query-params", **options_of,
    ))  # fmt: skip


def choose(
    label: str, options: Sequence[str], key: str, *, default: str | None = None, **options_of: Any
) -> str | None:
    """Pick one of a few, bound to the address."""
    _check_choice(key, options)
    index = options.index(default) if default in options else None
    return st.radio(label, options, index, key=key, bind="query-params", **options_of)


def switch(label: str, key: str, *, default: bool = False, **options_of: Any) -> bool:
    """Turn something on or off, bound to the address."""
    return st.toggle(label, default, key=key, bind="query-params", **options_of)


def school(labels: Iterable[object], default: object, label: str = "School") -> str:
    """Pick a school by name, bound to the address; the same school on every page."""
    options = [str(name) for name in labels]
    _check_choice("school", options)
    if st.session_state.get("school") not in (None, *options):
        del st.session_state["school"]
    return st.selectbox(
        label, options, options.index(str(default)), key="school", bind="query-params"
    )


def pick_from(chart_key: str) -> Callable[[], None]:
    """Callback for a chart whose selection ``school`` picks the school."""

    def pick() -> None:
        points = st.session_state[chart_key].selection.get("school", [])
        if points:
            st.session_state["school"] = points[0]["school"]

    return pick


def _first_look(key: str) -> str | None:
    """What the link says of a control, the first time it is asked."""
    seen: set[str] = st.session_state.setdefault("_link_read", set())
    if key in seen:
        return None
    seen.add(key)
    said: str | None = st.query_params.get(key)
    return said


def _check_link(name: str, limits: Bounds, default: Any) -> None:
    said = _first_look(name)
    if said is None:
        return
    try:
        value = float(said)
    except ValueError:
        value = float("nan")
    if not limits.low <= value <= limits.high:
        _notice(
            f"The link says {plain(name)} = {plain(said[:40])}. It goes from {limits.low:g} to "
            f"{limits.high:g}. It is set to {default:g}."
        )


def _check_choice(key: str, options: Sequence[str]) -> None:
    said = _first_look(key)
    if said is not None and said not in options:
        _notice(f"The link says {plain(key)} = {plain(said[:40])}. There is no such choice here.")


def _notice(sentence: str) -> None:
    st.session_state.setdefault("_notices", []).append(sentence)


def _show_notices() -> None:
    for sentence in st.session_state.pop("_notices", []):
        st.warning(sentence, icon=":material/link_off:")
