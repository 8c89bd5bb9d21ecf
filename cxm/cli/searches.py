"""`cxm search`: one question, the articles that answer it, and what speaks for each.

The ranking itself is the task's (`cxm.tasks.article_search`); how it is shown belongs here.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import polars as pl

from cxm import runs
from cxm.cli.output import OUT, Data, Json, Out, note, print_json
from cxm.cli.shots import Count, require_words
from cxm.errors import CxmError, did_you_mean
from cxm.index import Filter, Index, open_index
from cxm.methods.matching import FEATURES
from cxm.tasks import article_search
from cxm.workspace import Workspace

_SHOWN = ("cosine", "lexical", "title_cosine", "sentence_cosine", "article_share")
_WIDTH_WITHOUT_TERMINAL = 120
_INDENT = "    "
_MOST_NAMED = 20


def search(
    query: str,
    /,
    *,
    data: Data,
    out: Out = OUT,
    n: Count = 5,
    kind: str | None = None,
    section: str | None = None,
    language: str | None = None,
    updated_since: datetime | None = None,
    json: Json = False,
) -> int:
    """Find the articles that answer a question.

    Parameters
    ----------
    query
        The question, in any words.
    kind
        Only articles of this kind: information or issue.
    section
        Only articles in this section or below it, such as "Shipping > Methods".
    language
        Only articles in this language, such as en.
    updated_since
        Only articles updated at this time (UTC) or later.
    """
    query = require_words(query, "query")
    if not any(letter.isalnum() for letter in query):
        # Signs and emoji are in no index: whatever came first would look like an answer.
        raise CxmError(f"the query '{query[:40]}' has no word to search for; give some words")
    workspace = Workspace(data, out)
    task = article_search.TASK
    if not workspace.has("articles"):
        raise CxmError(f"article_search lacks articles in {workspace.data}; it needs {task.needs_text()}")
    articles = workspace.read("articles").sort("article_id").collect()
    _require_known(kind, articles["kind"].unique().sort().to_list(), "kind")
    model = _model(workspace)
    services = workspace.services
    index = open_index(services.index_directory, articles, services.encoder)
    where = Filter(kind, section, language, updated_since)
    found, probability = article_search.search(index, model, [query], n, where=where)
    heads = index.articles.select("article_id", "title", "path")
    joined = found.join(heads, on="article_id", how="left", validate="m:1", maintain_order="left")
    answered = round(float(probability[0]), 6)
    rows = [_row(row, query, index, answered) for row in joined.iter_rows(named=True)]
    if json:
        print_json(rows)
    elif rows:
        _print(rows, answered)
    else:
        note(_why_none(where, articles))
    return 0


def _model(workspace: Workspace) -> Any:
    """The model that `cxm run` left, made first if absent; with nothing to run on, one for the articles."""
    task = article_search.TASK
    if task.missing(workspace.has) is None:
        return runs.model(task, workspace)
    tables = {"articles": workspace.read("articles").sort("article_id")}
    return task.method.fit(tables, None, task.params(), workspace.services)


def _require_known(value: str | None, known: list[str], what: str) -> None:
    if value is not None and known and value not in known:
        raise CxmError(f"no article is of {what} '{value}'{did_you_mean(value, known)}")


def _why_none(where: Filter, articles: pl.DataFrame) -> str:
    """That nothing was found, with the sections and languages there are where one was asked for."""
    if where.is_open:
        return "no article"
    said = "no article passes these conditions"
    if where.section is not None:
        tops = articles["section"].drop_nulls().str.split(">").list.first().str.strip_chars()
        said += f"; sections: {', '.join(tops.unique().sort().head(_MOST_NAMED)) or 'none'}"
    if where.language is not None:
        languages = articles["language"].drop_nulls().unique().sort()
        said += f"; languages: {', '.join(languages.head(_MOST_NAMED)) or 'none'}"
    return said


def _row(row: dict[str, Any], query: str, index: Index, answered: float) -> dict[str, Any]:
    return {
        "rank": row["rank"],
        "article_id": row["article_id"],
        "title": row["title"],
        "section": row["path"],
        "passage": row["passage"],
        "matches": index.wording.matches(query, row["passage"]),
        "score": row["score"],
        "score_parts": {name: round(row[name], 4) for name in FEATURES},
        "answer_probability": answered,
    }


def _print(rows: list[dict[str, Any]], answered: float) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL, highlight=False)

    def show(text: Text) -> None:
        for line in text.wrap(console, console.width - len(_INDENT)):
            line.rstrip()
            console.print(Text(_INDENT).append_text(line))

    for row in rows:
        console.print(Text.assemble(f"{row['rank']:>2}  ", (row["title"] or row["article_id"], "bold")))
        show(Text(" · ".join(part for part in (row["article_id"], row["section"]) if part), "dim"))
        passage = Text(row["passage"])
        for start, end in row["matches"]:
            passage.stylize("bold", start, end)
        show(passage)
        parts = (f"{name.replace('_', ' ')} {row['score_parts'][name]:.2f}" for name in _SHOWN)
        show(Text("   ".join([f"score {row['score']:.2f}", *parts]), "dim"))
        console.print()
    console.print(f"chance that an article answers: {answered:.0%}")
