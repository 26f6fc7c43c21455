"""Begin a lesson from the template, a small but complete one.

``python docs/new_lesson.py SLUG "Name" "Question?" "One line."`` copies the files below
docs/template_lesson/ to their places under the new name and enters the lesson, as the
last one, in pages/shared/contents.py. Run it again with another slug for another lesson.
"""

from __future__ import annotations

import argparse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "docs" / "template_lesson"
NEXT = '    Lesson("your_data", '
"""The line of the contents before which a new lesson is entered."""


def begin(slug: str, name: str, question: str, line: str) -> list[Path]:
    """Copy the template's files and enter the lesson.

    Raises
    ------
    SystemExit
        If the slug cannot be a file's name, or a file is there already.
    """
    if not (slug.isidentifier() and slug.islower() and slug.isascii()):
        raise SystemExit(f"{slug!r}: take small letters, digits and _, as in partial_pooling.")
    sources = sorted(path for path in TEMPLATE.rglob("*.py"))
    targets = [ROOT / renamed(path.relative_to(TEMPLATE).as_posix(), slug) for path in sources]
    there = [str(path.relative_to(ROOT)) for path in targets if path.exists()]
    if there:
        raise SystemExit(f"There already: {', '.join(there)}.")
    for source, target in zip(sources, targets, strict=True):
        text = source.read_text(encoding="utf-8")
        target.write_text(renamed(text, slug), encoding="utf-8")
    enter(slug, name, question, line)
    return targets


def renamed(text: str, slug: str) -> str:
    """With the lesson's name instead of the template's."""
    return text.replace("my_lesson", slug).replace("my_figure", f"{slug}_figure")


def enter(slug: str, name: str, question: str, line: str) -> None:
    """The lesson's line in the contents."""
    path = ROOT / "pages" / "shared" / "contents.py"
    text = path.read_text(encoding="utf-8")
    words = ", ".join(f'"{part}"' for part in (question, line))
    entry = f'    Lesson("{slug}", SURE, "{name}",\n           {words}),\n'
    path.write_text(text.replace(NEXT, entry + NEXT, 1), encoding="utf-8")


def main() -> None:
    """Begin a lesson."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slug", help="of its files and its address, as in: how_precise")
    parser.add_argument("name", help='for the menu, as in: "How precise?"')
    parser.add_argument("question", help='over the page, as in: "How far may a mean be off?"')
    parser.add_argument("line", help='as in: "Four times the students, half the error."')
    asked = parser.parse_args()
    for path in begin(asked.slug, asked.name, asked.question, asked.line):
        print(path.relative_to(ROOT))
    print(f"Now: streamlit run app.py, and open /{asked.slug}")


if __name__ == "__main__":
    main()
