"""What a lesson says, as pieces of plain text with a style: nothing that a phone could render."""

from __future__ import annotations

import re

Run = tuple[str, str]
"""A text and its style: "" as it is, "b" strong, "i" a letter that stands for a number,
"sub" its index."""

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "epsilon": "ε", "eta": "η", "theta": "θ", "mu": "μ",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "infty": "∞", "sqrt": "√", "cdot": "·", "times": "×",
    "pm": "±", "approx": "≈", "to": "→",
}  # fmt: skip
_PIECE = re.compile(
    r"(?P<escaped>\\[^A-Za-z0-9\s])|\$(?P<formula>[^$]+)\$|\[\[(?P<term>[^\]]+)\]\]"
    r"|\*\*(?P<strong>[^*]+)\*\*|:material/\w+:"
)
_INDEX = re.compile(r"_(?:\{([^}]*)\}|(\\[a-zA-Z]+|.))")


def runs(markdown: str) -> list[Run]:
    r"""Words of a lesson in pieces; whatever is no style known here stays text.

    >>> runs(r"Is $\sigma_\alpha$ **0**?")
    [('Is ', ''), ('σ', 'i'), ('α', 'sub'), (' ', ''), ('0', 'b'), ('?', '')]
    """
    out: list[Run] = []
    at = 0
    for found in _PIECE.finditer(markdown):
        out.append((markdown[at : found.start()], ""))
        at = found.end()
        if found["escaped"]:
            out.append((found["escaped"][1:], ""))
        elif found["formula"]:
            out.extend(_formula(found["formula"]))
        elif found["term"]:
            out.append((found["term"].split("|")[-1], ""))
        elif found["strong"]:
            out.append((found["strong"], "b"))
    out.append((markdown[at:], ""))
    return _joined(out)


def _formula(tex: str) -> list[Run]:
    out: list[Run] = []
    at = 0
    for found in _INDEX.finditer(tex):
        out.append((_letters(tex[at : found.start()]), "i"))
        out.append((_letters(found[1] if found[1] is not None else found[2]), "sub"))
        at = found.end()
    return [*out, (_letters(tex[at:]), "i")]


def _letters(tex: str) -> str:
    named = re.sub(r"\\([a-zA-Z]+)", lambda m: GREEK.get(m[1], ""), tex)
    return re.sub(r"[{}\\$^]", "", named).replace("-", "−")


def _joined(pieces: list[Run]) -> list[Run]:
    """Neighbours of one style as one; nothing empty, nothing unseen."""
    out: list[Run] = []
    for text, style in pieces:
        text = text.replace("\u2060", "")
        if not text:
            continue
        if out and out[-1][1] == style == "":
            out[-1] = (out[-1][0] + text, "")
        else:
            out.append((text, style))
    return out
