"""Everything a reader can set: what each control is called, what it takes, how it is drawn.

This is the only place that makes such controls. A control is a record; it is drawn as a
view of a setting (`pages.shared.settings`), wherever a step or the laboratory wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import streamlit as st

from mlm_core import Hyperparameters, Scenario
from mlm_core.scenario import Bounds, bounds
from mlm_core.simulation import school_names
from pages.shared import settings
from pages.shared.presets import PRESETS


@dataclass(frozen=True, slots=True)
class Slider:
    """A number; ``name`` is that of the setting, in the address too.

    Attributes
    ----------
    idle : (name, value), optional
        The setting of another control, and its value, at which this one does nothing.
    """

    name: str
    label: str
    limits: Bounds
    default: float
    help: str = ""
    format: str = "%g"
    idle: tuple[str, Any] | None = None

    def read(self, said: str) -> float:
        """From a link."""
        whole = isinstance(self.default, int)
        low, high, _ = self.limits
        return float_or_int(settings.number_between(low, high, self.label)(said), whole)

    def allowed(self, value: Any, scenario: Scenario) -> bool:
        """Whether a kept value can be had."""
        return bool(self.limits.low <= value <= self.limits.high)

    def draw(self, key: str, scenario: Scenario, changed: Callable[[], None]) -> None:
        """Draw it as a view of ``st.session_state[key]``."""
        whole = isinstance(self.default, int)
        low, high, step = (float_or_int(v, whole) for v in self.limits)
        st.slider(
            self.label, low, high, step=step, format=self.format, key=key,
            help=self.help or None, on_change=changed, disabled=self._is_idle(key),
        )  # fmt: skip

    def _is_idle(self, key: str) -> bool:
        if self.idle is None:
            return False
        other, value = self.idle
        return bool(st.session_state.get(key.removesuffix(self.name) + other) == value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few; ``options`` may depend on the scenario.

    Attributes
    ----------
    names : mapping of str to str
        How options are called on the page, where the address has shorter words for them.
    """

    name: str
    label: str
    options: Sequence[str] | Callable[[Scenario], Sequence[str]]
    default: str
    help: str = ""
    names: Mapping[str, str] | None = None

    def of(self, scenario: Scenario) -> list[str]:
        """The options in a scenario."""
        return list(self.options(scenario) if callable(self.options) else self.options)

    def read(self, said: str) -> str:
        """From a link; whether there is such a choice, `allowed` says."""
        return settings.one_of(self.options, self.label)(said) if isinstance(
            self.options, Sequence
        ) else said[:60]  # fmt: skip

    def allowed(self, value: Any, scenario: Scenario) -> bool:
        """Whether there is such an option."""
        return value in self.of(scenario)

    def draw(self, key: str, scenario: Scenario, changed: Callable[[], None]) -> None:
        """Draw it as a view of ``st.session_state[key]``."""
        names, options = self.names or {}, self.of(scenario)
        draw: Any = st.selectbox if len(options) > 4 else st.segmented_control
        more = {} if len(options) > 4 else {"required": True, "width": "stretch"}
        draw(
            self.label, options, key=key, help=self.help or None, on_change=changed,
            format_func=lambda option: names.get(option, option), **more,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    name: str
    label: str
    default: bool = False
    help: str = ""

    def read(self, said: str) -> bool:
        """From a link."""
        return bool(settings.yes_or_no(self.label)(said))

    def allowed(self, value: Any, scenario: Scenario) -> bool:
        """Both are."""
        return isinstance(value, bool)

    def draw(self, key: str, scenario: Scenario, changed: Callable[[], None]) -> None:
        """Draw it as a view of ``st.session_state[key]``."""
        st.toggle(self.label, key=key, help=self.help or None, on_change=changed)


@dataclass(frozen=True, slots=True)
class Press:
    """A button that sets a number to the next: new students, the next year."""

    name: str
    label: str
    limits: Bounds
    default: int = 0
    help: str = ""
    icon: str = ":material/groups:"

    def read(self, said: str) -> int:
        """From a link."""
        low, high, _ = self.limits
        return int(settings.number_between(low, high, self.label, whole=True)(said))

    def allowed(self, value: Any, scenario: Scenario) -> bool:
        """Whether a kept value can be had."""
        return bool(self.limits.low <= value <= self.limits.high)

    def draw(self, key: str, scenario: Scenario, changed: Callable[[], None]) -> None:
        """Draw it; ``st.session_state[key]`` is the number, one more when it is pressed."""

        def pressed() -> None:
            st.session_state[key] = following(self.name, st.session_state[key])
            changed()

        st.button(
            self.label, key=f"press-{key}", icon=self.icon, help=self.help or None,
            type="primary", on_click=pressed,
        )  # fmt: skip


Control = Slider | Choice | Switch | Press


def float_or_int(value: float, whole: bool) -> float:
    """A number of the kind its control takes."""
    return round(value) if whole else float(value)


def _of_scenario(name: str, label: str, words: str, digits: str = "%g") -> Slider:
    start = Scenario()
    default = getattr(start, name) if hasattr(start, name) else getattr(start.hyper, name)
    return Slider(name, label, bounds(name), default, words, digits)


SCENARIO: tuple[Slider, ...] = (
    _of_scenario("n_groups", "Schools", "How many schools there are, J.", "%d"),
    _of_scenario("students_per_group", "Students per school", "The size of the school in the middle.", "%d"),
    _of_scenario("imbalance", "How unequal in size", "0: all schools have the same size.", "%.1f"),
    _of_scenario("sigma_alpha", r"SD between schools $\sigma_\alpha$",
                 "How much schools differ beyond what u explains, in points.", "%.1f"),
    _of_scenario("sigma_y", r"SD within schools $\sigma_y$",
                 "How much students of one school differ, given the pre-test, in points.", "%.1f"),
    _of_scenario("b0", r"Strength of the school-level predictor $b_0$",
                 "Points for one unit of u, what the town spends on a student. It moves schools apart, too.", "%.1f"),
    _of_scenario("a1", r"Mean slope $a_1$", "Points of score for one unit of pre-test.", "%.1f"),
    _of_scenario("sigma_beta", r"SD of slopes $\sigma_\beta$",
                 "How much the slope differs between schools.", "%.2f"),
    _of_scenario("rho", r"Correlation $\rho$",
                 "Of a school's intercept and its slope, beyond what u explains.", "%.1f"),
    _of_scenario("b1", r"Effect of u on the slope $b_1$", "Change of the slope for one unit of u.", "%.1f"),
    _of_scenario("sigma_x", r"SD between schools of the pre-test $\sigma_x$",
                 "How much the schools' mean pre-test differs.", "%.2f"),
    _of_scenario("contextual", "Contextual effect",
                 "Points for one unit of the school's mean pre-test, at the same own pre-test.", "%.1f"),
    _of_scenario("extraordinary", "One extraordinary school",
                 "Points that set the first school, Ashford, apart from the model.", "%.0f"),
    _of_scenario("redraw", "Draw of students", "New students in the same schools.", "%d"),
    _of_scenario("seed", "Draw", "Other schools, other students. The same number gives the same again.", "%d"),
)  # fmt: skip

BY_NAME = {control.name: control for control in SCENARIO}
TRUTH = Switch("truth", "Show the truth")


def one_school(default: str = "Juniper", label: str = "School") -> Choice:
    """Pick one of the simulated schools; the same school on every page."""
    return Choice("school", label, lambda s: sorted(school_names(s.n_groups)), default)


def value_in(scenario: Scenario, name: str) -> Any:
    """The value a scenario has for a setting."""
    return getattr(scenario, name) if hasattr(scenario, name) else getattr(scenario.hyper, name)


def scenario_of(values: Mapping[str, Any], start: Scenario) -> Scenario:
    """The scenario with these values, and else as ``start``."""
    of_hyper = {f.name for f in fields(Hyperparameters)}
    hyper = replace(start.hyper, **{k: v for k, v in values.items() if k in of_hyper})
    of_scenario = {f.name for f in fields(Scenario)} - {"hyper"}
    return replace(start, hyper=hyper, **{k: v for k, v in values.items() if k in of_scenario})


def values_of(scenario: Scenario) -> dict[str, Any]:
    """The settings of a scenario by name."""
    return {control.name: value_in(scenario, control.name) for control in SCENARIO}


def following(name: str, value: int) -> int:
    """The next draw."""
    limits = bounds(name)
    return int(value % limits.high) + 1


def presets(disabled: bool = False) -> None:
    """Scenarios by name."""
    st.selectbox(
        "Preset", list(PRESETS), index=None, placeholder="Choose a scenario …",
        key="preset", on_change=_put_preset, label_visibility="collapsed", disabled=disabled,
    )  # fmt: skip


def _put_preset() -> None:
    chosen = st.session_state["preset"]
    if chosen is not None:
        settings.put(values_of(PRESETS[chosen]))
        st.session_state["preset"] = None  # the sliders say what is set; they may move on


def slider(label: str, limits: Bounds, key: str, default: float, **options_of: Any) -> float:
    """A slider of a page without steps, bound to the address."""
    return settings.bound(
        key,
        lambda: st.slider(
            label, limits.low, limits.high, default, limits.step, key=key, **options_of
        ),
        default,
        settings.number_between(limits.low, limits.high, label),
    )


def choose(
    label: str, options: Sequence[str], key: str, *, default: str | None = None, **options_of: Any
) -> str | None:
    """Pick one of a few on a page without steps, bound to the address."""

    def draw() -> str | None:
        # Its default is what it holds: a browser that has just dropped it (as a run stopped
        # above it) and gets it again shows the default, not what the server still knows.
        held = st.session_state.get(key)
        index = options.index(held) if held in options else None
        return st.radio(label, options, index, key=key, **options_of)

    return settings.bound(
        key,
        draw,
        default,
        settings.one_of(options, label),
        lambda value: value is None or value in options,
    )
