"""The page: self-contained, small, and nothing in it that came from data but text."""

import base64
import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

import reports

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</title></svg></table><iframe src=//evil.example></iframe>",
    "<!-- --><!--[if IE]>",
    "]]><a href='javascript:alert(1)'>x</a>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&#60;script&#62;",
    "\u202e\u0000\u001b[31m\u2028tfel",
    "javascript:alert(1)",
    "`${alert(1)}` \\u003cscript\\u003e",
]


@pytest.fixture(scope="module")
def harmless(shared_world, fake_tasks):
    return reports.build(shared_world, None, fake_tasks)


def shape(page: str) -> Counter:
    """How often each element occurs with its attribute names and class."""
    tree = HTMLParser(page)
    return Counter(
        (node.tag, tuple(sorted(node.attributes)), node.attributes.get("class")) for node in tree.css("*")
    )


def test_the_page_is_one_small_file_that_asks_for_nothing(harmless):
    page = harmless.read_text()
    assert len(page) < 500_000
    tree = HTMLParser(page)
    assert not tree.css("img, iframe, object, embed, form, audio, video, script[src]")
    assert len(tree.css("script")) == 1
    assert [node.attributes["href"] for node in tree.css("link")] == ["data:,"]
    assert all(node.attributes["href"].startswith("#") for node in tree.css("a"))
    assert not re.search(r"https?://(?!www\.w3\.org/)", page)
    assert not tree.css("[style]")


def test_the_policy_allows_our_style_sheet_and_our_script_and_nothing_else(harmless):
    page = harmless.read_text()
    policy = HTMLParser(page).css_first("meta[http-equiv=Content-Security-Policy]").attributes["content"]
    digests = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in re.findall(r"<(style|script)>(.*?)</\1>", page, re.DOTALL)
    }
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digests['style']}'; script-src 'sha256-{digests['script']}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_figures_open_their_conversations_and_these_show_the_evidence(harmless):
    tree = HTMLParser(harmless.read_text())
    card = next(card for card in tree.css(".card") if "Resolved" in card.css_first("h3").text())
    list_id = card.css("a")[-1].attributes["href"]
    assert tree.css_first(list_id).css_first("small").text() == "5 of 5 conversations, that count against it"
    talk = tree.css_first(tree.css_first(list_id).css_first("dd a").attributes["href"])
    assert len(talk.css("li")) == 3
    greets = next(d for d in tree.css("#quality_adherence .behind dl > div") if "greets" in d.text())
    talk = tree.css_first(greets.css_first("dd a").attributes["href"])
    assert "plain greets: no" in talk.css("li.evidence")[-1].text()
    driver = tree.css_first("#intent_prediction td a").attributes["href"]
    assert "8 of 8 conversations" in tree.css_first(driver).text()


def test_what_is_quoted_is_masked(make_world, fake_tasks, put_table):
    workspace = make_world("card 4111111111111111 of jo@mail.example")
    page = reports.build(workspace, None, fake_tasks).read_text()
    section = HTMLParser(page).css_first("#conversations").text()
    assert "[card " in section
    assert "[email " in section
    tree = HTMLParser(page)
    for note in tree.css("#conversations small"):
        note.decompose()  # names of criteria, which are ours
    cells = tree.css("#sentiment td:nth-child(2), #conversations li")
    quotes = "".join(cell.text() for cell in cells)
    assert "4111111111111111" not in quotes
    assert "jo@mail" not in quotes


def test_each_task_that_ran_has_its_section_and_each_link_its_target(harmless, fake_tasks):
    tree = HTMLParser(harmless.read_text())
    sections = [node.attributes["id"] for node in tree.css("main > section")]
    names = [task.name for task in fake_tasks]
    assert sections == ["kpis", *names, "monitors", "conversations", "data", "origin"]
    ids = [node.attributes["id"] for node in tree.css("[id]")]
    assert len(ids) == len(set(ids))
    assert {node.attributes["href"][1:] for node in tree.css("a")} <= set(ids)
    for name in names:
        section = tree.css_first(f"section#{name}")
        for part in ("h2", ".question", ".finding", "figure svg", "figcaption"):
            assert section.css_first(part), f"{name} lacks {part}"


def test_scores_stand_with_baseline_interval_and_n(harmless):
    rows = HTMLParser(harmless.read_text()).css("#intent_prediction table")[-1].css("tbody tr")
    cells = [node.text().replace("\u00a0", " ") for node in rows[0].css("td")]
    assert cells == ["70.0 %", "60.0 % to 80.0 %", "30.0 %", "90"]


def test_tables_are_cut_and_say_where_the_rest_is(harmless):
    page = HTMLParser(harmless.read_text())
    assert "12 more in conversation_sentiment.parquet" in page.css_first("#sentiment").text()
    assert len(page.css("#churn_survival table")[0].css("tbody tr")) == 10
    assert "20 more in churn_risk.parquet" in page.css_first("#churn_survival").text()


def test_the_state_of_a_monitor_is_said_in_words_not_by_colour_alone(harmless):
    row = HTMLParser(harmless.read_text()).css_first("#monitors .state.fail")
    assert row.text().split() == ["✕", "fail"]


def test_rows_set_aside_are_listed_with_their_reasons(harmless):
    text = HTMLParser(harmless.read_text()).css_first("#data").text()
    assert "2 set aside: plain bad time" in text
    assert "1 set aside: not stated" in text


def without_marks(shapes: Counter) -> dict:
    """All but `mark`: how many words differ between two quotes is up to the quotes."""
    return {key: n for key, n in shapes.items() if key[0] != "mark"}


@pytest.mark.parametrize("words", [HOSTILE[:4], HOSTILE[4:8], HOSTILE[8:]], ids=["first", "second", "third"])
def test_no_element_or_attribute_comes_from_data(harmless, make_world, fake_tasks, words):
    word = " ".join(words)
    name = "shop " + word.replace("/", "").replace("\0", "")[:60]
    page = reports.build(make_world(word, name), None, fake_tasks).read_text()
    found = shape(page)
    assert without_marks(found) == without_marks(shape(harmless.read_text()))
    assert not any(attribute.startswith("on") for _, attributes, _ in found for attribute in attributes)


def test_hostile_text_is_still_shown(make_world, fake_tasks):
    page = reports.build(make_world(HOSTILE[0]), None, fake_tasks).read_text()
    assert "<script>alert(1)</script> reply" in HTMLParser(page).css_first("#multi_turn_rag").text()


FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is not there")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield running
        running.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_hears_or_types_the_page_meets_no_serious_obstacle(browser, harmless, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(harmless.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
    found = axe.Axe().run(page).response["violations"]
    context.close()
    assert [(v["impact"], v["id"], v["nodes"][0]["target"]) for v in found if v["impact"] != "minor"] == []


@pytest.mark.browser
def test_the_page_is_used_without_a_mouse(browser, harmless):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(harmless.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    page.focus("#definitions summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('#definitions').open")
    page.focus("#definitions th button")
    page.keyboard.press("Enter")
    assert page.get_attribute("#definitions thead th", "aria-sort") == "ascending"
    page.fill("#definitions input.filter, #definitions .filter", "resolved")
    shown = page.locator("#definitions tbody tr:visible")
    assert 0 < shown.count() < page.locator("#definitions tbody tr").count()
    page.close()


@pytest.mark.browser
def test_on_paper_definitions_are_open_and_what_needs_a_screen_is_left_out(browser, harmless):
    page = browser.new_page()
    page.goto(harmless.as_uri())
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#definitions table").is_visible()
    for hidden in ("nav", "#conversations", ".card .see", ".filter"):
        assert page.locator(f"{hidden}:visible").count() == 0
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    page.close()


@pytest.mark.browser
def test_a_browser_runs_nothing_fetches_nothing_and_scrolls_no_page_sideways(
    browser, make_world, fake_tasks, put_table
):
    workspace = make_world(" ".join(HOSTILE))
    fill_every_table(workspace, " ".join(HOSTILE), put_table)
    page_file = reports.build(workspace, None, fake_tasks)
    for width, scheme in ((1280, "light"), (375, "dark")):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        requests, messages = [], []
        page.on("request", lambda request, seen=requests: seen.append(request.url))
        page.on("console", lambda message, seen=messages: seen.append(message.text))
        page.on("pageerror", lambda error, seen=messages: seen.append(str(error)))
        page.on("dialog", lambda dialog, seen=messages: seen.append(dialog.message) or dialog.dismiss())
        page.goto(page_file.as_uri())
        assert requests == [page_file.as_uri()]
        assert messages == []
        assert page.evaluate("document.querySelectorAll('script').length") == 1
        assert page.evaluate("document.querySelectorAll('img, iframe').length") == 0
        page.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.close()


def fill_every_table(workspace, word, put_table):
    """Results of the tables no hand wrote, their texts all data; and a user's own monitors."""
    import dataframely as dy
    import polars as pl

    from cxm.tables import TABLES
    from cxm.tasks import TASKS

    for task in TASKS:
        manifest = workspace.manifest(task.name)
        written = set(manifest["writes"])
        for name in set(task.writes) - written - {"model_comparison"}:
            rows = TABLES[name].schema.sample(5, generator=dy.random.Generator(seed=1))
            texts = {
                column: pl.format("{} {}", pl.lit(word), pl.int_range(pl.len()))
                for column, dtype in rows.schema.items()
                if dtype == pl.String
                and (TABLES[name].columns[column].metadata or {}).get("rules") != ["YYYY-Www"]
            }
            lists = {
                column: pl.concat_list(pl.lit(word), pl.lit("plain"))
                for column, dtype in rows.schema.items()
                if dtype == pl.List(pl.String)
            }
            put_table(workspace.out, name, rows.with_columns(**texts, **lists).to_dicts())
            written.add(name)
        workspace.write_manifest(task.name, {**manifest, "writes": sorted(written)})
    best = pl.read_parquet(workspace.out / "predicted_intents.parquet").with_columns(
        deciding_turn_index=pl.lit(0, pl.Int32), deciding_words=pl.lit([word, "May"])
    )
    put_table(workspace.out, "predicted_intents", best.to_dicts())
    watched = f'figure = "rows:turns"\nwarn = 1\nfail = 1\nbad = "below"\ndoc = {json.dumps(word)}\n'
    (workspace.data / "monitors.toml").write_text(f"[mine]\n{watched}")


@pytest.mark.parametrize("words", [HOSTILE[:6], HOSTILE[6:]], ids=["first", "second"])
def test_no_element_comes_from_any_result_table(make_world, fake_tasks, put_table, words):
    shapes = []
    for word in ("plain", " ".join(words)):
        workspace = make_world(word, f"shop {len(shapes)}")
        fill_every_table(workspace, word, put_table)
        page = reports.build(workspace, None, fake_tasks).read_text()
        assert HTMLParser(page).body.text().count("plain" if word == "plain" else "alert(1)") > 50
        shapes.append(without_marks(shape(page)))
    assert shapes[0] == shapes[1]
