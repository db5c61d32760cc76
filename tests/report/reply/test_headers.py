"""Header lines of a reply: who gets it, and that nothing in a mail can add to them."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report_cases import AUTHOR, mail
from reviewbot.model.patch import Address
from reviewbot.report.reply.headers import (
    address_field,
    id_field,
    recipients,
    reply_subject,
    text_field,
    usable_address,
)

LIST = Address("", "toy-devel@lists.example")
OWN = "Ida@Review.example"
ANY = st.text(st.characters(exclude_categories=()), max_size=120)
EMAILS = st.from_regex(r"[a-z0-9+_-]{1,10}(\.[a-z0-9+_-]{1,10}){0,2}@[a-z0-9-]{1,20}\.example", fullmatch=True)


def parsed(field: str):
    message = BytesParser(policy=default).parsebytes(field.encode("ascii") + b"\n\nbody\n")
    assert len(message.keys()) == 1
    assert message.get_content() == "body\n"
    (value,) = message.values()
    return value


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Ada Author", "To: Ada Author <a@x.example>"),
        ("", "To: a@x.example"),
        ("Doe, John (TI)", 'To: "Doe, John (TI)" <a@x.example>'),
        ("Serge E. Hallyn", 'To: "Serge E. Hallyn" <a@x.example>'),
        # git send-email reads what is quoted inside of quotes as an address
        ('Quo"te\\d', "To: =?utf-8?q?Quo=22te=5Cd?=\n <a@x.example>"),
        ("A <b@x.example>", "To: =?utf-8?q?A_=3Cb=40x=2Eexample=3E?=\n <a@x.example>"),
        ("Håkon Bugge", "To: =?utf-8?q?H=C3=A5kon_Bugge?=\n <a@x.example>"),
        ("=?utf-8?q?forged?=", "To: =?utf-8?q?=3D=3Futf=2D8=3Fq=3Fforged=3F=3D?=\n <a@x.example>"),
        ("x\r\nBcc: evil", 'To: "x Bcc: evil" <a@x.example>'),
    ],
)
def test_display_names(name, field):
    assert address_field("To", [Address(name, "a@x.example")]) == field
    (address,) = parsed(field).addresses
    assert address.display_name == " ".join(name.split())
    assert address.addr_spec == "a@x.example"


@given(st.lists(st.tuples(ANY, EMAILS), min_size=1, max_size=4))
def test_addresses_come_back_as_they_went_in(pairs):
    value = address_field("Cc", [Address(name, email) for name, email in pairs])
    assert all(len(line) <= 998 for line in value.split("\n"))
    assert [address.addr_spec for address in parsed(value).addresses] == [email for _, email in pairs]


@given(ANY)
def test_subjects_come_back_as_they_went_in(text):
    subject = reply_subject(text)
    field = text_field("Subject", subject)
    assert all(len(line) <= 78 for line in field.split("\n"))
    assert str(parsed(field)) == subject


@pytest.mark.parametrize(
    ("subject", "reply"),
    [
        ("[PATCH] toy: fill", "Re: [PATCH] toy: fill"),
        ("Re: [PATCH] toy: fill", "Re: [PATCH] toy: fill"),
        ("RE:  re: [PATCH] toy", "Re: [PATCH] toy"),
        ("[PATCH] two\n\tlines", "Re: [PATCH] two lines"),
        ("x\r\nBcc: evil@x.example", "Re: x Bcc: evil@x.example"),
        ("", "Re:"),
    ],
)
def test_reply_subject(subject, reply):
    assert reply_subject(subject) == reply


def test_ids_are_never_encoded_or_broken():
    ids = [f"{'x' * 200}.{n}@host.example" for n in range(40)]
    field = id_field("References", ids)
    assert "=?" not in field
    assert field.split("\n ")[1:] == [f"<{message_id}>" for message_id in ids[1:]]


@pytest.mark.parametrize(
    ("given", "policy", "to", "cc"),
    [
        (mail(), "all", ["ada@author.example"], ["toy-devel@lists.example", "max@maint.example"]),
        (mail(), "list", ["ada@author.example"], ["toy-devel@lists.example"]),
        (mail(), "none", ["ada@author.example"], []),
        # Reply-To is where the author wants it, and he still gets it himself
        (mail(reply_to=(LIST,)), "all", ["toy-devel@lists.example", "ada@author.example"], ["max@maint.example"]),
        # nobody twice, whatever the case of the letters, and not us
        (
            mail(to=(AUTHOR, Address("I", "IDA@review.example")), cc=(LIST, Address("Toy", "TOY-devel@Lists.example"))),
            "all",
            ["ada@author.example"],
            ["toy-devel@lists.example"],
        ),
        # what cannot stand in a header is left out
        (
            mail(to=(Address("", ""), Address("", "a b@x"), Address("", "ü@x.example"), Address("", "x@y\n.example"))),
            "all",
            ["ada@author.example"],
            ["max@maint.example"],
        ),
    ],
)
def test_recipients(given, policy, to, cc):
    got_to, got_cc, _ = recipients(given, OWN, policy, ("*@lists.example",))
    assert [address.email for address in got_to] == to
    assert [address.email for address in got_cc] == cc


@pytest.mark.parametrize(
    "email",
    [
        *("", "a", "a@", "@b", "a b@c", "a@b@c", "<a@b>", "a@b\r\nBcc: c@d", "a,b@c", 'a"@b'),
        *(".@b", ".a@b", "a.@b", "a..b@c", "=?utf-8?q?a?=@b"),  # Python's own reader stumbles over the first
    ],
)
def test_no_address(email):
    assert not usable_address(email)
