"""The documentation says what the program does: commands, tables and tasks equal the registries."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from cxm.cli import app
from cxm.tables import TABLES
from cxm.tasks import TASKS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [name for name in app if not name.startswith("-")]


def help_of(*words: str) -> str:
    printed = io.StringIO()
    from rich.console import Console

    console = Console(file=printed, width=100, force_terminal=False, color_system=None)
    with contextlib.redirect_stdout(printed):
        app([*words, "--help"], console=console, exit_on_error=False, result_action="return_value")
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def cli_page() -> str:
    parts = ["# The command line\n\nWhat `--help` says; a test keeps it so.\n"]
    for words in [
        (),
        *((name,) for name in COMMANDS),
        ("run", "sentiment"),
        ("labels", "export"),
        ("labels", "import"),
        ("kb", "list"),
        ("kb", "dismiss"),
    ]:
        title = " ".join(("cxm", *words))
        parts.append(f"## {title}\n\n```text\n{help_of(*words)}\n```\n")
    return "\n".join(parts)


def tables_page() -> str:
    parts = [
        "# The data dictionary\n\nWhat `cxm tables` says; a test keeps it so. `*` key, `?` may be null or absent.\n"
    ]
    for kind in ("input", "gold", "result"):
        parts.append(f"## {kind.capitalize()} tables\n")
        for table in TABLES.values():
            if table.kind == kind:
                rows = [
                    f"| {r['column']}{'*' if r['is_key'] else ''}{'?' if r['is_nullable'] else ''} | {r['dtype']} |"
                    f" {r['unit'] or ''} | {r['doc']}{' (' + '; '.join(r['rules']) + ')' if r['rules'] else ''} |"
                    for r in table.describe()
                ]
                head = "| column | type | unit | meaning |\n|---|---|---|---|\n"
                parts.append(f"### {table.name}\n\n{table.doc}\n\n{head}" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def test_the_page_on_the_command_line_is_what_help_says(golden):
    golden(cli_page(), ROOT / "docs" / "cli.md")


def test_the_page_on_tables_is_the_data_dictionary(golden):
    golden(tables_page(), ROOT / "docs" / "tables.md")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_in_its_help(name):
    subcommands = (
        [f"{name} {sub}" for sub in app[name] if not sub.startswith("-")]
        if name in ("kb", "labels")
        else [name]
    )
    for command in subcommands:
        assert f"Example: cxm {command}" in help_of(*command.split()), command


def test_the_readme_has_a_row_for_each_task_and_no_other():
    named = re.findall(r"^\| `(\w+)` \|", README, re.M)
    assert named == [task.name for task in TASKS]
    for task in TASKS:
        assert task.question in README


def test_commands_in_the_readme_exist():
    blocks = "\n".join(re.findall(r"```(?:console|sh|bash)\n(.*?)```", README, re.S))
    calls = [
        shlex.split(line.removeprefix("$ "))
        for line in blocks.splitlines()
        if re.match(r"\$? ?(cxm|make) ", line)
    ]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    assert len(calls) >= 6
    for program, command, *rest in calls:
        assert command in (COMMANDS if program == "cxm" else targets)
        if program == "cxm" and command in ("run", "score"):
            assert rest[0] in [task.name for task in TASKS]


def test_links_in_the_documentation_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
