"""Who speaks in a draft: a person's looks like a person's, a service's says that it is one and how to stop it."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import default

import pytest
from msgspec.structs import replace

from report_cases import SCOPE, SENDER, composed, mail, review, reviewed
from reviewbot.config import load_config, sender
from reviewbot.model.errors import ConfigError
from reviewbot.model.patch import Address
from reviewbot.report.reply.sender import Sender

SERVICE = Sender(
    "reviewbot", "bot@ci.example", "service", contact="ops@ci.example", operator="Ina Ops <of> CI", unlisted=True
)
AGREED = ("toy-devel@lists.*",)
ROBOT = ("Auto-Submitted", "Precedence", "X-Mailer", "X-Patchwork-Hint", "Robot-Unsubscribe", "List-Unsubscribe")


def draft(by: Sender, **options):
    (only,) = composed(review(reviewed([SCOPE])), by, **options).drafts
    return BytesParser(policy=default).parsebytes(only.content)


def test_a_persons_draft_has_no_header_of_a_robot_and_claims_nothing():
    found = draft(SENDER)
    assert [name for name in ROBOT if found[name] is not None] == []
    assert found.get_content().endswith("\n\nFound with reviewbot.\n")


def test_disclosure_can_be_left_out():
    text = draft(replace(SENDER, disclose=False)).get_content()
    assert "reviewbot" not in text
    assert text.endswith("See the matrix.\n")


def test_a_service_says_what_it_is_and_how_to_stop_it():
    found = draft(SERVICE, agreed=AGREED)
    assert found["Auto-Submitted"] == "auto-replied"
    assert found["Precedence"] == "bulk"
    assert found["X-Mailer"].startswith("reviewbot ")
    assert found["X-Patchwork-Hint"] == "ignore"
    assert found["Robot-Unsubscribe"] == "Contact <mailto:ops@ci.example>"
    assert found["From"] == "reviewbot <bot@ci.example>"
    text = found.get_content()
    assert "Found with reviewbot" not in text
    assert text.partition("\n\n-- \n")[2].splitlines()[1].endswith("Write to ops@ci.example.")
    assert "run by Ina Ops <of> CI." in text


def test_patchwork_shows_a_service_unless_it_is_to_hide():
    assert draft(replace(SERVICE, unlisted=False), agreed=AGREED)["X-Patchwork-Hint"] is None


def test_a_service_writes_to_the_author_and_the_lists_that_agreed():
    found = draft(SERVICE, agreed=AGREED)
    assert str(found["To"]) == "Ada Author <ada@author.example>"
    assert str(found["Cc"]) == "toy-devel@lists.example"
    assert draft(SERVICE, agreed=AGREED, cc="none")["Cc"] is None


def test_where_no_list_agreed_a_service_is_silent_and_says_so():
    result = composed(review(reviewed([SCOPE])), SERVICE, agreed=("other@lists.example",))
    assert result.drafts == ()
    assert "no list that agreed" in result.skipped[0].reason


def test_a_service_does_not_answer_itself():
    own = review(reviewed([SCOPE], given=mail(author=Address("", "BOT@ci.example"))))
    assert composed(own, SERVICE, agreed=AGREED).drafts == ()


# --- by the configuration ---

WHOLE = {
    "email": '"bot@ci.example"',
    "operator": '"Ina Ops"',
    "contact": '"ops@ci.example"',
    "agreed": '["a@lists.example"]',
}


def configured(tmp_path, **values: str) -> Sender:
    path = tmp_path / "config.toml"
    path.write_text("[mail]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()))
    return sender(load_config(path, {}))


def test_a_service_is_made_of_the_configuration(tmp_path):
    assert configured(tmp_path, role='"service"', **WHOLE) == Sender(
        "reviewbot", "bot@ci.example", "service", "ops@ci.example", "Ina Ops"
    )
    assert configured(tmp_path, role='"service"', patchwork="false", **WHOLE).unlisted


@pytest.mark.parametrize("missing", sorted(WHOLE))
def test_a_service_has_to_say_all_of_it(tmp_path, missing):
    rest = {key: value for key, value in WHOLE.items() if key != missing}
    with pytest.raises(ConfigError, match=f"also needs {missing}: see config.toml"):
        configured(tmp_path, role='"service"', **rest)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"email": '"ops@ci.example"'}, "an address of its own"),
        ({"contact": '"https://ci.example/stop"'}, "is not an address"),
        ({"contact": '"x@y>\\nBcc: z@x"'}, "is not an address"),
        ({"role": '"robot"'}, "role"),
        ({"disclose": '"yes"'}, "disclose must be true or false"),
    ],
)
def test_what_cannot_be_meant(tmp_path, values, message):
    with pytest.raises(ConfigError, match=message):
        configured(tmp_path, **{"role": '"service"', **WHOLE, **values})


def test_gits_own_user_is_no_service(tmp_path, monkeypatch):
    for key, value in {"COUNT": "1", "KEY_0": "user.email", "VALUE_0": "BOT@ci.example"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    with pytest.raises(ConfigError, match="is a person's"):
        configured(tmp_path, role='"service"', **WHOLE)
