"""What sentences are about, what is left of them without it, and what the base itself explains."""

import polars as pl

from cxm.methods.scopes import read_scopes
from cxm.methods.statements import read_statements


def test_sentences_about_sibling_products_have_one_form_and_two_subjects():
    names = ("Rivet drill", "Forge drill")
    articles = pl.DataFrame(
        {
            "article_id": ["a", "b", "c", "d"],
            "title": ["Weight", "Weight", "Care", "Care"],
            "section": [f"Products > {name} > Page" for name in names * 2],
            "body": [f"On a scale the {name} weighs {n} kilograms." for n, name in enumerate(names * 2, 2)],
            "body_format": "text",
            "kind": "information",
        }
    )
    statements = read_statements(articles)
    scopes = read_scopes(statements)
    assert len(statements.sentences) == 4
    assert scopes.forms == ["on a scale the product weighs # kilograms."]
    assert [scopes.subjects[i] for i in scopes.sentence_subject] == list(names * 2)


def test_headings_that_are_words_and_kinds_of_things_are_no_subjects():
    names = ("Rivet drill", "Forge drill", "Anvil drill")
    articles = pl.DataFrame(
        {
            "article_id": [f"{i}-{page}" for i in range(3) for page in ("Setting up", "Care")],
            "title": [f"{page}: {name}" for name in names for page in ("Setting up", "Care")],
            "section": [
                f"Power tools > {name} > {page}" for name in names for page in ("Setting up", "Care")
            ],
            "body": [
                text.format(name=name)
                for name in names
                for text in (
                    "Our Power tools team knows the {name}. Then Setting up is done. Now setting up is over.",
                    "Wipe the {name} dry. The Power tools shop has oil.",
                )
            ],
            "body_format": "text",
            "kind": "information",
        }
    )
    assert sorted(read_scopes(read_statements(articles)).subjects) == sorted(names)
