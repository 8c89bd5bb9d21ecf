"""Labels in words: what stands for an intent before anyone has labelled a conversation.

What is concluded from the words is in `cxm.methods.prototypes`.
"""

from __future__ import annotations

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def readable_name(name: str) -> str:
    """`ReportAutomobileAccident` or `report_automobile-accident` as words."""
    return re.sub(r"[\s_\-/>]+", " ", _CAMEL.sub(" ", name)).strip().lower()


def phrase_intent(intent: str, parent: str | None, description: str) -> tuple[str, str, str]:
    """An intent's name, its description, and both with its parent: three ways to say it."""
    name = readable_name(intent)
    return name, description.strip() or name, describe_intent(intent, parent, description)


def describe_intent(intent: str, parent: str | None, description: str) -> str:
    """The sentence that stands for an intent: description, else its name, with its parent."""
    words = description.strip() or readable_name(intent)
    return f"{readable_name(parent)}: {words}" if parent else words
