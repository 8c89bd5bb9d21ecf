"""`cxm kb`: what is wrong in the knowledge base, and what a reviewer sets aside.

Findings are the task's (`cxm.tasks.kb_refinement`), made first where they are absent or stale; how
they are listed and dismissed belongs here.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import polars as pl
from cyclopts import App

from cxm import runs
from cxm.cli.output import OUT, Data, Json, Out, answer_without_command, note, print_json
from cxm.cli.shots import require_words
from cxm.errors import CxmError, did_you_mean
from cxm.locks import hold
from cxm.store import write
from cxm.tasks import by_name
from cxm.workspace import Workspace

kb = App(name="kb", help="Review findings in the knowledge base.")
answer_without_command(kb)


@kb.command(name="list", help_epilogue="Example: cxm kb list --data data")
def list_findings(*, data: Data, out: Out = OUT, json: Json = False) -> int:
    """The articles that contradict or repeat each other, with both sentences; the surest first."""
    workspace = Workspace(data, out)
    found = _find(workspace).sort(
        "relation", "score", "left_article_id", "right_article_id", descending=[False, True, False, False]
    )
    if json:
        print_json(found.to_dicts())
        return 0
    titles = dict(workspace.read("articles").select("article_id", "title").collect().iter_rows())
    for row in found.iter_rows(named=True):
        print(f"{row['relation']} {row['score']:.2f}")
        for side in ("left", "right"):
            article = row[f"{side}_article_id"]
            print(f"    {article}  {' '.join(titles[article].split())}")
            print(f"        {' '.join(row[f'{side}_quote'].split())}")
        print()
    remedy = "; `cxm kb dismiss LEFT RIGHT --reason …` sets one aside" if found.height else ""
    note(f"{found.height} findings{remedy}")
    return 0


def _find(workspace: Workspace) -> pl.DataFrame:
    """The findings, made first where they are absent or stale."""
    runs.run(by_name("kb_refinement"), workspace, force=False)
    return workspace.read("article_findings").collect()


@kb.command(
    name="dismiss",
    help_epilogue='Example: cxm kb dismiss a-012 a-040 --reason "different plans" --data data',
)
def dismiss(
    left: str,
    right: str,
    /,
    *,
    reason: str,
    data: Path,
    out: Out = OUT,
    json: Json = False,
) -> int:
    """Set a finding aside; it stays so while the two sentences are unchanged.

    Parameters
    ----------
    left, right
        The two articles, in any order.
    reason
        Why it is no defect.
    data
        Data directory; its table dismissed_findings is written.
    """
    from cxm.methods.dismissals import sentences_digest

    reason = require_words(reason, "reason")
    workspace = Workspace(data, out)
    left, right = sorted((left, right))
    if left == right:
        raise CxmError(f"a finding is about two articles; '{left}' was given twice")
    if workspace.has("articles"):
        known = workspace.read("articles").select("article_id").collect()["article_id"].to_list()
        for article in (left, right):
            if article not in set(known):
                near = did_you_mean(article, get_close_matches(article, known, n=1))
                raise CxmError(f"no article '{article}' in {data}{near}")
    is_pair = (pl.col("left_article_id") == left) & (pl.col("right_article_id") == right)
    found = _find(workspace).filter(is_pair)
    if not found.height and workspace.has("dismissed_findings"):
        earlier = workspace.read("dismissed_findings").filter(is_pair).collect()
        if earlier.height:
            raise CxmError(f"'{left}' and '{right}' are dismissed already: {earlier['reason'][0]}")
    if not found.height:
        raise CxmError(f"no finding about '{left}' and '{right}'; `cxm kb list` shows those there are")
    row = found.row(0, named=True)
    digest = sentences_digest(row["left_quote"], row["right_quote"])
    dismissed = pl.DataFrame(
        {
            "left_article_id": [left],
            "right_article_id": [right],
            "reason": [reason],
            "sentences_digest": [digest],
        }
    )
    with hold(workspace.data):
        if workspace.has("dismissed_findings"):
            others = workspace.read("dismissed_findings").filter(~is_pair).collect()
            dismissed = pl.concat([others, dismissed]).sort("left_article_id", "right_article_id")
        path = write(dismissed, workspace.data, "dismissed_findings")
    if json:
        print_json({"file": str(path), "rows": dismissed.height})
    else:
        print(f"dismissed '{left}' and '{right}'; {path} holds {dismissed.height}")
    note("left out from the next run on, while the two sentences stay as they are")
    return 0
