import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.methods.languages import are_foreign


@pytest.mark.parametrize(
    ("text", "is_foreign"),
    [
        ("Ich habe meine Bestellung noch nicht erhalten", True),
        ("Je ne suis pas content du tout, ma commande est en retard", True),
        ("¿Dónde está mi pedido? no ha llegado y estoy enfadado", True),
        ("注文が届きません", True),
        ("где мой заказ", True),
        ("my order is late and I am angry", False),
        ("flight from El Paso to Los Angeles", False),
        ("order 48213", False),
        ("ok", False),
        ("", False),
        ("😡😡", False),
    ],
)
def test_only_what_is_surely_not_english_is_foreign(text, is_foreign):
    assert are_foreign([text]).tolist() == [is_foreign]


@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_has_an_answer(texts):
    assert are_foreign(texts).shape == (len(texts),)
