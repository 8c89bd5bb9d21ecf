"""Layouts: how an article looks; plain text, Markdown, HTML, and tables in both.

Sentences stay as they are in all of them, apart from what markup escapes, so that quotes can be found
again. What is said is in the drafts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

from synth.knowledge.articles import Article
from synth.packs import Phrases
from synth.streams import Dice

_MARKS = re.compile(r"([\\`*\[\]<>|]|&(?=#?\w+;))")
_LEADING = re.compile(r"^(?:([#+-])(?=\s)|(\d+)([.)])(?=\s))")
_TOOL = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")
_PARAGRAPH = (2, 5)


def lay_out(article: Article, banks: dict[str, Phrases], dice: Dice) -> str:
    """The body of an article in its layout; `dice` decide on headings and breaks."""
    return _LAYOUTS[article.layout](article, _Headings(banks, dice), dice)


class _Headings:
    def __init__(self, banks: dict[str, Phrases], dice: Dice) -> None:
        self._banks, self._dice = banks, dice

    def __getitem__(self, part: str) -> str:
        """A heading for `facts`, `notes`, `causes`, `steps` or `closing`."""
        return self._dice.pick(self._banks[f"article_headings_{part}"]).render(self._dice, {})


def _paragraphs(sentences: list[str], dice: Dice) -> list[str]:
    """Sentences in a row put together to paragraphs of two to four."""
    paragraphs = []
    start = 0
    while start < len(sentences):
        end = start + dice.integer(*_PARAGRAPH)
        # A last sentence does not stand alone.
        end = len(sentences) if end == len(sentences) - 1 else end
        paragraphs.append(" ".join(sentences[start:end]))
        start = end
    return paragraphs


def _parts(article: Article) -> tuple[list[str], list[str], list[str]]:
    """Sentences before the first fact, facts, and the other sentences; all in order."""
    firsts = [place for place, text in enumerate(article.sentences) if text in article.facts]
    start = firsts[0] if firsts else len(article.sentences)
    rest = article.sentences[start:]
    return (
        article.sentences[:start],
        [text for text in rest if text in article.facts],
        [text for text in rest if text not in article.facts],
    )


# ------------------------------------------------------------------ plain text


def _plain(article: Article, headings: _Headings, dice: Dice) -> str:
    gap = "\n\n" if dice.chance(0.6) else "\n"
    blocks = _paragraphs(article.sentences, dice)
    if article.steps:
        mark = dice.pick(("{}. {}", "{}) {}", "Step {}: {}"))
        blocks.append("\n".join(mark.format(number, step) for number, step in enumerate(article.steps, 1)))
    return gap.join([*blocks, *_paragraphs(article.closing, dice)])


# ------------------------------------------------------------------ Markdown


def _marked(text: str) -> str:
    """A sentence that Markdown shows as it is; names of tools as code."""
    text = _MARKS.sub(r"\\\1", text)
    text = _LEADING.sub(lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\{m[3]}", text)
    return _TOOL.sub(r"`\g<0>`", text)


def _markdown(article: Article, headings: _Headings, dice: Dice) -> str:
    said = [_marked(text) for text in article.sentences]
    if article.kind == "issue":
        return "\n\n".join(
            [f"## {headings['causes']}", *_paragraphs(said, dice), *_markdown_end(article, headings)]
        )
    opening, facts, others = ([_marked(text) for text in part] for part in _parts(article))
    if dice.chance(0.35):
        return "\n\n".join(_paragraphs(said, dice))
    bullets = "\n".join(f"{dice_mark} {text}" for dice_mark in (dice.pick(("-", "*")),) for text in facts)
    blocks = [" ".join(opening)] if opening else []
    blocks += [f"## {headings['facts']}", bullets] if dice.chance(0.6) else [bullets]
    if others:
        blocks += [f"## {headings['notes']}"] if dice.chance(0.5) else []
        blocks += _paragraphs(others, dice)
    return "\n\n".join(blocks)


def _markdown_end(article: Article, headings: _Headings) -> list[str]:
    """Steps and what follows them, under headings."""
    steps = "\n".join(f"{number}. {_marked(step)}" for number, step in enumerate(article.steps, 1))
    blocks = [f"## {headings['steps']}", steps] if steps else []
    closing = " ".join(_marked(text) for text in article.closing)
    return [*blocks, f"## {headings['closing']}", closing] if closing else blocks


def _markdown_table(article: Article, headings: _Headings, dice: Dice) -> str:
    opening, facts, others = _parts(article)
    if article.kind == "issue":
        rows = [f"| {number} | {_marked(step)} |" for number, step in enumerate(article.steps, 1)]
        table = "\n".join(["| Step | What to do |", "| --- | --- |", *rows])
        said = _paragraphs([_marked(text) for text in article.sentences], dice)
        closing = [" ".join(_marked(text) for text in article.closing)] if article.closing else []
        return "\n\n".join([*said, table, *closing])
    rows = [f"| {_marked(name)} | {_marked(text)} |" for name, text in _named(article, facts)]
    table = "\n".join([f"| {_first_column(article)} | {headings['facts']} |", "| --- | --- |", *rows])
    blocks = [" ".join(_marked(text) for text in opening)] if opening else []
    return "\n\n".join([*blocks, table, *_paragraphs([_marked(text) for text in others], dice)])


def _named(article: Article, facts: list[str]) -> list[tuple[str, str]]:
    """Each fact with what it is about, or its number where one has no name."""
    if all(article.facts[text] for text in facts):
        return [(article.facts[text], text) for text in facts]
    return [(str(number), text) for number, text in enumerate(facts, 1)]


def _first_column(article: Article) -> str:
    return "Feature" if article.facts and all(article.facts.values()) else "No."


# ------------------------------------------------------------------ HTML


def _shown(text: str) -> str:
    """A sentence that HTML shows as it is; names of tools as code."""
    return _TOOL.sub(r"<code>\g<0></code>", escape(text))


def _html(article: Article, headings: _Headings, dice: Dice) -> str:
    said = [_shown(text) for text in article.sentences]
    title = [f"<h2>{_shown(article.title)}</h2>"] if dice.chance(0.4) else []
    if article.kind == "issue":
        opening = [f"<h3>{headings['causes']}</h3>", *_html_paragraphs(said, dice)]
        return "\n".join([*title, *opening, *_html_end(article, headings)])
    if dice.chance(0.4):
        return "\n".join([*title, *_html_paragraphs(said, dice)])
    opening, facts, others = ([_shown(text) for text in part] for part in _parts(article))
    blocks = [*title, *([f"<p>{' '.join(opening)}</p>"] if opening else [])]
    blocks += [f"<h3>{headings['facts']}</h3>"] if dice.chance(0.5) else []
    blocks += ["<ul>", *(f"  <li>{text}</li>" for text in facts), "</ul>"]
    if others:
        blocks += [f"<h3>{headings['notes']}</h3>"] if dice.chance(0.4) else ["<p>&nbsp;</p>"]
        blocks += _html_paragraphs(others, dice)
    return "\n".join(blocks)


def _html_paragraphs(texts: list[str], dice: Dice) -> list[str]:
    mark = dice.pick(("<p>{}</p>", "<div>{}</div>", '<p class="body">{}</p>'))
    return [mark.format(text) for text in _paragraphs(texts, dice)]


def _html_end(article: Article, headings: _Headings) -> list[str]:
    blocks = []
    if article.steps:
        steps = (f"  <li>{_shown(step)}</li>" for step in article.steps)
        blocks += [f"<h3>{headings['steps']}</h3>", "<ol>", *steps, "</ol>"]
    if article.closing:
        closing = " ".join(_shown(text) for text in article.closing)
        blocks += [f"<h3>{headings['closing']}</h3>", f"<p>{closing}</p>"]
    return blocks


def _html_table(article: Article, headings: _Headings, dice: Dice) -> str:
    opening, facts, others = _parts(article)
    if article.kind == "issue":
        # Symptoms beside what is behind them make no table; the steps stay a list.
        return _html(article, headings, dice)
    rows = [
        f"  <tr><td>{escape(name)}</td><td>{_shown(text)}</td></tr>" for name, text in _named(article, facts)
    ]
    head = f"  <tr><th>{_first_column(article)}</th><th>{headings['facts']}</th></tr>"
    blocks = [f"<p>{' '.join(map(_shown, opening))}</p>"] if opening else []
    blocks += ['<table border="1">', head, *rows, "</table>"]
    return "\n".join([*blocks, *_html_paragraphs([_shown(text) for text in others], dice)])


_LAYOUTS: dict[str, Callable[[Article, _Headings, Dice], str]] = {
    "plain": _plain,
    "markdown": _markdown,
    "markdown_table": _markdown_table,
    "html": _html,
    "html_table": _html_table,
}
