"""What README says: the commands, the lessons, the sizes, the files that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages.shared import contents, offstage

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs/deploying.md")
SPINE = ("data", "deviance", "search", "partial")
NUMBERS = {16: "sixteen", 17: "seventeen", 18: "eighteen", 19: "nineteen", 20: "twenty"}


def test_the_two_commands_stay():
    blocks = re.findall(r"\n```\n(.*?)\n```", README, flags=re.S)
    assert "pip install -e . && streamlit run app.py" in blocks
    assert 'pip install -e ".[test]" && pytest' in blocks
    assert f"<!-- test command -->\n```\n{blocks[1]}" in README  # where .ci/run looks


def test_the_lessons_are_those_of_the_contents():
    told = offstage.lessons()
    wanted = [f"{k}. **{one.question}** {one.line}" for k, one in enumerate(told, 1)]
    listed = README.split("<!-- lessons -->")[1].split("<!-- end of the lessons -->")[0]
    assert listed.split("\n\n")[0].strip().splitlines() == wanted
    assert f"a course of {NUMBERS[len(told)]} interactive lessons" in README
    assert len(told) == len(contents.lessons()) - 2  # the glossary and your data


def test_the_spine_is_as_long_as_it_says():
    names, said = re.search(r"Its spine \((.*?): about ([\d,]+) lines", README).groups()
    assert tuple(re.findall(r"`(\w+)`", names)) == SPINE
    files = [ROOT / "mlm_core" / f"{name}.py" for name in SPINE]
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
    assert int(said.replace(",", "")) == pytest.approx(lines, rel=0.08)


def test_the_notebook_runs(monkeypatch):
    code = re.search(r"```python\n(.*?)```", README, flags=re.S)[1]
    scope: dict[str, object] = {}
    monkeypatch.chdir(ROOT)
    exec(code, scope)
    assert scope["fit"].lines.alpha.shape == (20,)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_file_that_is_named_is_there(guide):
    text = (ROOT / guide).read_text(encoding="utf-8")
    named = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)|(?:src|srcset)=\"([^\"]+)\"", text)
    paths = [a or b for a, b in named]
    assert paths
    assert not [path for path in paths if not ((ROOT / guide).parent / path).exists()]


def test_the_film_is_short_and_light():
    film = ROOT / "docs" / "film.gif"
    assert film.read_bytes()[:6] == b"GIF89a"
    assert 100_000 < film.stat().st_size < 1_500_000
