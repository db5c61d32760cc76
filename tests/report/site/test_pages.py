"""The pages of the rules and of the matrix, in a browser: what they show at each version, and how they can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engines import engine
from reviewbot.cli.main import main
from reviewbot.config import data_path
from reviewbot.kernel import rules

FOLDERS = (data_path("rules"),)
VERSIONS = ("4.4", "4.15", "5.7", "6.10", "6.12", "7.6")
PAGES = ("index.html", "matrix.html", "scopes.html", "rules/sleep-in-atomic.html", "rules/widened-flags.html")
ALL = sorted(path.stem for path in FOLDERS[0].glob("[!_]*.toml"))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    assert main(["pages", str(folder), "-q"]) == 0
    return folder


def kernel(version: str):
    return rules.load(FOLDERS, rules.parse_version(version))


# --- what holds at each version ---


@pytest.mark.parametrize("version", VERSIONS)
def test_the_matrix_shows_the_flags_of_a_version(browser, site, version):
    browser.open(site / "matrix.html")
    browser.choose("#kernel", version)
    facts, _ = kernel(version)
    rows = [row.split("\n") for row in browser.shown("details.row summary")]
    seen = {re.match(r"\w+", row[0]).group(): row for row in rows}
    assert set(seen) == set(facts.flags) and len(rows) == len(seen)
    for name, flag in facts.flags.items():
        said = " ".join(seen[name])
        words = re.findall(r"(?:set: |clear: )(\w+)", said)
        assert words == [flag.on.word, flag.off.word], name
        assert all(call in said for call in flag.api), name
    lacking = {row.split()[0] for row in browser.shown(".plain tbody tr")}
    assert lacking == {name for name, span in facts.spans.items() if not span.holds(facts.version)}
    browser.choose("#kernel", "every version")
    assert len(browser.shown("details.row summary")) > len(rows)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_compound_has_the_bits_of_a_version(browser, site, version):
    browser.open(site / "matrix.html", f"#v{version}")
    facts, _ = kernel(version)
    script = """name => [...document.querySelectorAll('details.row')]
        .filter((row) => !row.hidden && row.querySelector('.name code').innerText === name)
        .flatMap((row) => { row.open = true; return [...row.querySelectorAll('.reasons .item')] })
        .filter((item) => item.checkVisibility()).map((item) => item.querySelector('code').innerText)"""
    for name, flag in facts.flags.items():
        if flag.kind != "bit":
            assert set(browser.run(script, name)) == flag.bits, name


@pytest.mark.parametrize("version", VERSIONS)
def test_the_table_of_scopes_is_that_of_a_version(browser, site, version):
    browser.open(site / "scopes.html", f"#v{version}")
    facts, _ = kernel(version)
    seen = {row.split("\n")[0].split(" ")[0].split("\t")[0] for row in browser.shown(".grid tbody tr[data-row]")}
    plain = {name for name, scope in facts.scopes.items() if not scope.atomic}
    assert plain <= seen and len(seen - plain) == 5
    assert {row.split()[0].split("(")[0] for row in browser.shown("details.row summary")} == set(facts.scopes)


def cell(browser, scope: str, mask: str) -> str:
    """What the table says of a mask in a scope, of what is shown."""
    script = """([scope, mask]) => {
        const heads = [...document.querySelectorAll('.grid thead th')];
        const at = heads.findIndex((head) => head.querySelector('code')?.innerText === mask);
        const row = [...document.querySelectorAll('.grid tbody tr')]
            .find((row) => !row.hidden && row.cells[0].innerText.startsWith(scope));
        return row.cells[at].innerText.replace(/\\u00a0/g, ' ');
    }"""
    return browser.run(script, [scope, mask])


def test_what_scopes_make_of_masks(browser, site):
    browser.open(site / "scopes.html", "#v6.12")
    assert cell(browser, "nofs", "GFP_KERNEL") == "GFP_NOFS"
    assert cell(browser, "noio", "GFP_NOFS") == "GFP_NOIO"
    assert cell(browser, "noio", "GFP_ATOMIC") == "="
    assert cell(browser, "nofs", "GFP_USER") == "− __GFP_FS"
    assert cell(browser, "Spinning locks", "GFP_KERNEL") == "✗ sleeps"
    assert cell(browser, "RCU read sides", "GFP_NOWAIT") == "="
    browser.choose("#kernel", "6.10")
    assert cell(browser, "nowait", "GFP_KERNEL") == "− __GFP_DIRECT_RECLAIM"


def boxes(browser) -> dict[tuple[str, str], str]:
    """What is drawn, by the names of the outer and the inner box."""
    found = [text.split("\n") for text in browser.shown("figure > .box")]
    titles = browser.run("[...document.querySelectorAll('.box.inner .title')].map((one) => one.innerText)")
    inner = [next(line for line in lines[1:] if line in titles) for lines in found]
    return {
        (lines[0], name): "\n".join(lines[lines.index(name) :]).replace("\u00a0", " ")
        for lines, name in zip(found, inner, strict=True)
    }


def test_scopes_are_drawn_within_each_other(browser, site):
    browser.open(site / "scopes.html", "#v6.12")
    drawn = boxes(browser)
    assert "GFP_KERNEL GFP_NOIO" in drawn["nofs", "noio"]
    assert "GFP_KERNEL ✗ sleeps" in drawn["noio", "spinlock"]
    assert not any("nowait" in pair for pair in drawn)
    # in 6.9 to 6.11 an open nowait scope kept the others from changing a mask
    browser.choose("#kernel", "6.10")
    drawn = boxes(browser)
    assert "GFP_KERNEL − __GFP_DIRECT_RECLAIM" in drawn["noio", "nowait"]
    assert "__GFP_IO" not in drawn["noio", "nowait"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_index_lists_the_rules_of_a_version(browser, site, version):
    browser.open(site / "index.html", f"#v{version}")
    _, listed = kernel(version)
    assert sorted(row.split()[0] for row in browser.shown("tbody tr")) == [rule.id for rule in listed]


def test_a_version_that_is_asked_for_is_chosen_at_first(browser, tmp_path):
    assert main(["pages", str(tmp_path / "site"), "-q", "--kernel", "6.10"]) == 0
    browser.open(tmp_path / "site" / "matrix.html")
    assert browser.run("document.getElementById('kernel').selectedOptions[0].text") == "6.10"
    browser.click("nav a[href*=scopes]")
    assert browser.run("location.hash") == "#v6.10"
    assert browser.run("document.getElementById('kernel').selectedOptions[0].text") == "6.10"


def test_an_address_may_name_a_row(browser, site):
    browser.open(site / "matrix.html", "#__GFP_NOFAIL")
    assert "and their callers do not check" in browser.shown("details[open] .reasons")[0]


# --- each page ---


def test_a_rule_has_all_of_its_texts_on_its_page(browser, site):
    assert sorted(path.stem for path in (site / "rules").iterdir()) == ALL
    for rule in {rule.id: rule for at in ("6.10", "6.12") for rule, _ in engine(at).rules}.values():
        browser.open(site / "rules" / f"{rule.id}.html", scripts=False)
        (said,) = browser.shown("main")
        plain = " ".join(said.split())
        for example in (*rule.bad, *rule.good):
            assert " ".join(example.split()) in plain
        for text in (rule.why, rule.fix, rule.question, rule.ask):
            for part in re.split(r"\$\{?\w+\}?(?:\(\))?", text):
                assert " ".join(part.split()) in plain
        assert rule.severity in said and f"{rule.confidence} confidence" in said
        for source in rule.see:
            assert " ".join(source.split()) in plain


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("how", [{}, {"dark": True}, {"width": 400}], ids=["light", "dark", "narrow"])
def test_everybody_can_read_it(browser, site, name, how):
    browser.open(site / name, **how)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert browser.faults() == []
    assert not browser.overflows()
    assert browser.complaints == []
    assert browser.requests == [(site / name).as_uri()]


@pytest.mark.parametrize("name", PAGES[:3])
def test_without_scripts_every_version_is_there(browser, site, name):
    browser.open(site / name, scripts=False)
    assert browser.shown("#tools") == []
    rows = browser.shown("[data-v]")
    assert len(rows) > 20


def test_paper_shows_the_reasons(browser, site):
    browser.open(site / "matrix.html")
    assert browser.shown(".reasons .told") == []
    assert len(browser.on_paper()) > 50_000
    assert len(browser.shown(".reasons .told")) > 100
    assert browser.shown("#tools") == []


def test_every_link_between_pages_leads_somewhere(site):
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for link in re.findall(r'href="([^"]+)"', text):
            if not link.startswith("https://"):
                page, _, anchor = link.partition("#")
                target = path.parent / page if page else path
                assert target.is_file(), f"{path.name}: {link}"
                assert not anchor or f'id="{anchor}"' in target.read_text(encoding="utf-8"), f"{path.name}: {link}"


def test_the_same_facts_make_the_same_bytes(site, tmp_path):
    assert main(["pages", str(tmp_path), "-q"]) == 0
    made = [{path.relative_to(top): path.read_bytes() for path in top.rglob("*.html")} for top in (site, tmp_path)]
    assert made[0] == made[1]


def test_ids_are_unique(site):
    for path in site.rglob("*.html"):
        found = re.findall(r'\bid="([^"]+)"', path.read_text(encoding="utf-8"))
        assert len(found) == len(set(found)), path.name
