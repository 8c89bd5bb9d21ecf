"""What sentences are about, what is left of them without it, and what the base itself explains."""

import polars as pl

from cxm.methods.scopes import read_scopes
from cxm.methods.short_forms import find_short_forms, write_out
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
        }
    )
    statements = read_statements(articles)
    scopes = read_scopes(statements)
    assert len(statements.sentences) == 4
    assert scopes.forms == ["On a scale the product weighs # kilograms."]
    assert [scopes.subjects[i] for i in scopes.sentence_subject] == list(names * 2)


def test_an_acronym_is_written_out_where_the_base_explains_it():
    texts = ["It takes 5 working days (WD).", "Allow 7 WD.", "Some (XY) letters."]
    short_forms = find_short_forms(texts)
    assert short_forms == {"WD": "working days"}
    assert write_out(texts, short_forms)[:2] == ["It takes 5 working days.", "Allow 7 working days."]
