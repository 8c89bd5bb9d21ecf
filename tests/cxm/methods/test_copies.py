"""Many near copies of an article are linked to the first of them; pages of one form are not copies."""

import numpy as np
import polars as pl
import pytest

from cxm.methods.copies import link_copies, split_copies
from cxm.methods.survivors import cluster_duplicates

TEXT = (
    "Your order number 48213 of 12 March 2026 was handed to the carrier this morning. "
    "Please allow three working days before you ask us where the parcel is, and keep the receipt until then."
)
MONTHS = ["January", "March", "May", "July", "August"]


def frame(bodies: list[str], titles: list[str] | None = None, **columns) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "article_id": [f"a{i:05d}" for i in range(len(bodies))],
            "title": titles or ["Where is my parcel"] * len(bodies),
            "section": pl.Series([None] * len(bodies), dtype=pl.String),
            "body": pl.Series(bodies, dtype=pl.String),
            "body_format": ["text"] * len(bodies),
        }
        | columns
    )


def replace_words(text: str, n: int, generator: np.random.Generator) -> str:
    words = text.split()
    for place in generator.choice(len(words), n, replace=False):
        words[place] = "".join(generator.choice(list("abcdefgh"), 7))
    return " ".join(words)


NEAR = {
    "equal": lambda i: TEXT,
    "a number": lambda i: TEXT.replace("48213", f"{10_000 + i}"),
    "a number in letters": lambda i: TEXT.replace("three", ["two", "five", "4", "twenty"][i % 4]),
    "an order id": lambda i: TEXT.replace("48213", f"ORD-{i:06d}"),
    "an id of letters and digits": lambda i: TEXT.replace("48213", f"{i + 10:x}f9c{i}"),
    "a date": lambda i: TEXT.replace("12 March 2026", f"{1 + i % 28} {MONTHS[i % 5]} {2000 + i}"),
    "letter case": lambda i: TEXT.upper() if i % 2 else TEXT.replace("parcel", "PARCEL"),
    "white space": lambda i: TEXT.replace(" ", " " * (1 + i % 3)).replace(". ", ".\n" * (1 + i % 2)),
    "punctuation": lambda i: TEXT.replace(",", ";" if i % 2 else "").replace(".", "!" if i % 3 else "."),
    "one word": lambda i: replace_words(TEXT, 1, np.random.default_rng(i)),
    "one word, all in capitals": lambda i: replace_words(TEXT, 1, np.random.default_rng(i)).upper(),
    "a word more": lambda i: f"{TEXT} {'Thanks' if i else ''}",
}


@pytest.mark.parametrize("kind", NEAR)
def test_near_copies_are_linked_to_the_first_with_what_both_say(kind):
    others = [replace_words(TEXT, 12, np.random.default_rng([1, i])) for i in range(9)]
    articles = frame([NEAR[kind](i) for i in range(40)] + others)
    kept, copies = split_copies(articles, 3)
    assert kept["article_id"].to_list()[:3] == ["a00000", "a00001", "a00002"]
    links = link_copies(articles, copies)
    assert links["right_article_id"].to_list() == [f"a{i:05d}" for i in range(1, 40)]
    assert set(links["left_article_id"]) == {"a00000"}
    assert links["score"].is_between(0.9, 1).all()
    bodies = {i: " ".join(b.split()) for i, b in articles.select("article_id", "body").iter_rows()}
    for left, right, _, left_quote, right_quote, _ in links.iter_rows():
        assert left_quote in bodies[left]
        assert " ".join(right_quote.split()) in bodies[right]


WEIGHS = "weighs {} kilograms and comes with a guarantee of two years. Please keep the receipt until then."
PRODUCTS = ["Rivet", "Forge", "Anvil", "Tongs", "Bellows", "Hammer"]


@pytest.mark.parametrize(
    "articles",
    [
        frame([f"Today the {name} {WEIGHS.format(i)}" for i, name in enumerate(PRODUCTS)]),
        frame([f"It {WEIGHS.format(i)}" for i in range(6)], [f"{name} at a glance" for name in PRODUCTS]),
        frame(
            [f"It {WEIGHS.format(i)}" for i in range(6)], section=[f"Tools > {n} > Data" for n in PRODUCTS]
        ),
        frame([f"It {WEIGHS.format(i)}" for i in range(6)], [f"X{i}00 at a glance" for i in range(6)]),
        frame(
            [f"It {WEIGHS.format(i)}" for i in range(6)], [f"How the {n.lower()} is used" for n in PRODUCTS]
        ),
    ],
    ids=[
        "names in sentences",
        "names in titles",
        "sections",
        "model numbers in titles",
        "subjects in titles",
    ],
)
def test_pages_of_sibling_products_are_no_copies_though_they_have_one_form(articles):
    kept, copies = split_copies(articles, 3)
    assert kept.equals(articles)
    assert copies.height == 0


def test_equal_texts_are_copies_whatever_stands_above_them():
    articles = frame([f"Today the Rivet {WEIGHS.format(2)}"] * 6, [f"About {name}" for name in PRODUCTS])
    assert split_copies(articles, 3)[1].height == 5


@pytest.mark.parametrize("title", ["Order {}", "ORDER AB{}", "Order ORD-{} (copy)", "order: {}!"])
def test_titles_that_differ_in_a_number_or_an_order_id_are_one_heading(title):
    bodies = [NEAR["a number"](i) for i in range(9)]
    articles = frame(bodies, ["Order", *(title.format(48_210 + i) for i in range(8))])
    assert split_copies(articles, 3)[1].height == 8


def test_copies_with_markup_and_without_are_copies():
    marked = f"<div><h2>Where it is</h2>\n<p>{TEXT.replace('carrier', '<b>carrier</b>')}</p></div>"
    articles = frame(
        [marked if i % 2 else f"Where it is\n{TEXT}" for i in range(8)], body_format=["text", "html"] * 4
    )
    links = link_copies(articles, split_copies(articles, 3)[1])
    assert links.height == 7
    assert set(links["right_quote"]) == {TEXT.split(". ")[0] + "."}


def test_few_copies_are_left_to_be_compared_and_more_are_linked():
    articles = frame([NEAR["a number"](i) for i in range(3)])
    assert split_copies(articles, 3)[1].height == 0
    kept, copies = split_copies(articles, 2)
    assert kept["article_id"].to_list() == ["a00000", "a00001"]
    assert copies.select("first_id", "article_id").rows() == [("a00000", "a00001"), ("a00000", "a00002")]


def test_the_copy_that_says_something_else_is_kept_to_be_compared():
    bodies = [TEXT] * 9
    bodies[6] = TEXT.replace("three", "seven")
    bodies[8] = TEXT.replace("allow", "forbid")
    kept, copies = split_copies(frame(bodies), 3)
    assert kept["article_id"].to_list() == ["a00000", "a00006", "a00008"]
    assert copies.height == 8


@pytest.mark.parametrize("seed", range(5))
def test_whatever_shares_nine_words_in_ten_is_found(seed):
    """No copy is missed because its rarest words are its own."""
    generator = np.random.default_rng(seed)
    vocabulary = ["".join(generator.choice(list("klmnoprst"), 6)) for _ in range(300)]
    originals = [" ".join(generator.choice(vocabulary, 50)) for _ in range(20)]
    bodies = originals + [replace_words(text, 5, generator) for text in originals for _ in range(5)]
    articles = frame(bodies)
    copies = split_copies(articles, 3)[1]
    made_from = {f"a{20 + i:05d}": f"a{i // 5:05d}" for i in range(100)}
    assert dict(copies.select("article_id", "first_id").iter_rows()) == made_from
    assert copies["share"].min() == pytest.approx(0.9, abs=0.011)


def test_links_do_not_depend_on_the_order_of_rows():
    articles = frame([NEAR[kind](i) for i in range(10) for kind in NEAR])
    shuffled = articles.sample(fraction=1, shuffle=True, seed=3)
    (kept, copies), (same_kept, same_copies) = split_copies(articles, 3), split_copies(shuffled, 3)
    assert kept.equals(same_kept)
    assert link_copies(articles, copies).equals(link_copies(shuffled, same_copies))


def test_a_star_of_copies_is_one_cluster_with_what_is_cited_kept():
    articles = frame([NEAR["a number"](i) for i in range(100)])
    links = link_copies(articles, split_copies(articles, 3)[1])
    (cluster,) = cluster_duplicates(links, {}, {"a00042": 3})
    assert cluster[0] == "a00042"
    assert len(cluster) == 100


@pytest.mark.parametrize(
    ("bodies", "n_copies"),
    [
        ([], 0),
        ([""] * 9, 0),
        ([" \n"] * 9, 0),
        (["😀"] * 9, 8),
        (["\x00"] * 9, 0),
        (["42"] * 9, 8),
        (["A."], 0),
    ],
    ids=["no article", "empty", "blank", "emoji", "null bytes", "a number alone", "one article"],
)
def test_odd_articles_are_copies_only_if_they_say_something(bodies, n_copies):
    articles = frame(bodies)
    assert link_copies(articles, split_copies(articles, 3)[1]).height == n_copies
