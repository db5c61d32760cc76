"""What is not markup of ours is escaped, wherever it stands."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from reviewbot.report.html import prose
from reviewbot.report.html.element import Html, element, together
from reviewbot.support.escape import visible

ANY = st.text(st.characters(exclude_categories=()), max_size=60)


class _Read(HTMLParser):
    """The tags and the text of a piece of markup, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.said += data


@given(ANY, ANY)
def test_any_text_stays_text(text, value):
    read = _Read(element("p", text, title=value))
    assert [tag for tag, _ in read.tags] == ["p"]
    assert read.said == visible(text)
    assert (read.tags[0][1].get("title") or "") == visible(value)


@given(ANY)
def test_prose_loses_nothing_and_adds_no_tag_but_its_own(text):
    read = _Read(prose.line(text))
    assert read.said == visible(text)
    assert {tag for tag, _ in read.tags} <= {"code", "a"}
    assert all((attributes.get("href") or "https://").startswith("https://") for _, attributes in read.tags)


@given(ANY)
def test_a_source_links_to_known_places_alone(text):
    read = _Read(prose.sourced(f"{text} https://example.org/{text}"))
    assert {tag for tag, _ in read.tags} <= {"a", "code", "var"}
    links = [attributes["href"] or "" for tag, attributes in read.tags if tag == "a"]
    assert links and all(link.startswith("https://") for link in links)


def test_markup_stays_markup():
    assert element("p", Html("<b>a</b>"), "<b>") == "<p><b>a</b>&lt;b&gt;</p>"
    assert together(["a", Html("<i>")], ", ") == "a, <i>"
    assert element("input", type="text", hidden=True, checked=False) == '<input type="text" hidden>'


def test_names_of_code_are_set_as_code():
    said = prose.line("spin_lock(&f->lock) and GFP_KERNEL in fs/exfoo/a.c. An and/or $call.")
    codes = "<code>spin_lock(&amp;f-&gt;lock)</code> and <code>GFP_KERNEL</code> in <code>fs/exfoo/a.c</code>. "
    assert said == f"{codes}An and/or $call."
    assert prose.line("$call() takes $mask", filled=False) == ("<code><var>call</var>()</code> takes <var>mask</var>")


def test_sources_lead_to_the_tree_the_commits_and_the_documents():
    said = prose.sourced('mm/a.c of 5.8: f(); Documentation/mm/b.rst; commit 0123456789ab ("x")')
    links = [attributes["href"] for tag, attributes in _Read(said).tags if tag == "a"]
    assert links == [
        "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/mm/a.c?h=v5.8",
        "https://docs.kernel.org/mm/b.html",
        "https://git.kernel.org/linus/0123456789ab",
    ]


def test_words_of_a_patch_lead_nowhere_but_to_where_rules_lead():
    text = "See https://lore.kernel.org/all/a@b/ and https://lore.kernel.org.attacker.example/ and https://a.example/."
    (filled,) = prose.blocks(text)
    links = [attributes["href"] for tag, attributes in _Read(filled).tags if tag == "a"]
    assert links == ["https://lore.kernel.org/all/a@b/"] and _Read(filled).said == text
    (own,) = prose.blocks(text, filled=False)
    assert [tag for tag, _ in _Read(own).tags].count("a") == 3
