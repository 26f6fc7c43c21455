"""Formulas whose numbers follow the hand: MathML, which every browser draws by itself.

Formulas that stand still are written in Markdown. Here a hole ``live("w")`` is one of
`figure.hand`'s.
"""

from __future__ import annotations

import html


def _part(part: str) -> str:
    """A piece of MathML as it is; a number or a sign gets its element."""
    if part.startswith("<"):
        return part
    text = html.escape(part)
    if part[:1].isdigit() or (part[:1] == "−" and len(part) > 1):
        return f"<mn>{text}</mn>"
    return f"<mi>{text}</mi>" if part.isalpha() else f"<mo>{text}</mo>"


def live(name: str) -> str:
    """A number that reads the handle."""
    return f"<mn>{{{name}}}</mn>"


def row(*parts: str) -> str:
    """Side by side.

    >>> row("2", "+", "3")
    '<mrow><mn>2</mn><mo>+</mo><mn>3</mn></mrow>'
    """
    return f"<mrow>{''.join(map(_part, parts))}</mrow>"


def frac(top: str, bottom: str) -> str:
    """One over the other."""
    return f"<mfrac>{_part(top)}{_part(bottom)}</mfrac>"


def squared(base: str) -> str:
    """To the power of two."""
    return f"<msup>{_part(base)}<mn>2</mn></msup>"


def sub(base: str, index: str) -> str:
    """With an index."""
    return f"<msub>{_part(base)}{_part(index)}</msub>"


def math(*parts: str) -> str:
    """A formula of its own line, which scrolls by itself where it is too wide."""
    return f'<math display="block">{"".join(map(_part, parts))}</math>'
