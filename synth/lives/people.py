"""Who the people are by name: address, phone, card and account, all invented.

Numbers come from ranges that belong to no one: telephone numbers kept for drama by Ofcom, mail domains
kept for examples (RFC 2606), cards of a test range, a bank code that is not assigned. Where such data
is said in a conversation is decided in `talks`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from synth.lives.contact import Person
from synth.lives.population import draw_plans
from synth.streams import Kind, uniforms

if TYPE_CHECKING:
    from synth.packs import People, Plan
    from synth.setting import Setting

_MAIL_DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "post.example")
_PHONE_RANGES = (
    "07700 900", "07700 900", "020 7946 0", "0113 496 0", "0117 496 0", "0121 496 0", "0131 496 0",
    "0151 496 0", "0161 496 0", "0191 498 0", "01632 960", "029 2018 0",
)  # fmt: skip
_CARD_RANGE = "400000"
_BANK = "90000000"
"""No German bank code begins with 9."""
_N_DRAWS = 14


def introduce(setting: Setting, kind: Kind, numbers: Sequence[int]) -> list[Person]:
    """The person behind each customer number (`Kind.CUSTOMER`) or stranger number (`Kind.STRANGER`)."""
    if not numbers:
        return []
    ids = np.asarray(numbers, dtype=np.int64)[:, None]
    drawn = uniforms(setting.knobs.seed, Kind.PERSON, int(kind), ids, np.arange(_N_DRAWS)).tolist()
    people = setting.pack.people
    is_customer = kind is Kind.CUSTOMER
    plans = [setting.pack.plans[place] for place in draw_plans(setting, kind, ids[:, 0])]
    return [
        _introduce(people, f"C{number:06d}" if is_customer else None, plan, u)
        for number, plan, u in zip(numbers, plans, drawn, strict=True)
    ]


def _introduce(people: People, customer_id: str | None, plan: Plan, u: list[float]) -> Person:
    first, last = _of(people.first_names, u[0]), _of(people.last_names, u[1])
    account = f"{1_000_000_000 + int(u[2] * 8_999_999_999)}"
    local = f"{_plain(first)}.{_plain(last)}" + (f"{1 + int(u[4] * 98)}" if u[3] < 0.4 else "")
    return Person(
        customer_id=customer_id,
        first_name=first,
        last_name=last,
        email=f"{local}@{_of(_MAIL_DOMAINS, u[5])}",
        phone=_of(_PHONE_RANGES, u[6]) + f"{int(u[7] * 1000):03d}",
        street=f"{1 + int(u[8] ** 1.5 * 180)} {_of(people.streets, u[9])}",
        postcode=f"{10_000 + int(u[10] * 89_999)}",
        city=_of(people.cities, u[11]),
        card=card_number(int(u[12] * 10**9)),
        iban=iban_of(account),
        account=account,
        plan=plan,
    )


def _of(options: Sequence[str], u: float) -> str:
    return options[int(u * len(options))]


def _plain(name: str) -> str:
    """A name as it stands in a mail address."""
    return re.sub(r"[^a-z]", "", unicodedata.normalize("NFKD", name).lower())


def card_number(number: int) -> str:
    """16 digits: the test range, this number of nine digits, the check digit (Luhn, ISO/IEC 7812)."""
    digits = f"{_CARD_RANGE}{number:09d}"
    doubled = (int(d) * (2 - place % 2) for place, d in enumerate(digits))
    return digits + str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


def iban_of(account: str) -> str:
    """The account (ten digits) as an IBAN with its two check digits (ISO 13616, modulo 97)."""
    country = "131400"  # D, E as numbers from 10, then 00
    return f"DE{98 - int(_BANK + account + country) % 97:02d}{_BANK}{account}"
