"""What is remembered of the last text changes nothing of what is read of the next one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewbot import config, dialect, pieces, rules
from reviewbot.parts import Parts
from reviewbot.sides import Reader

KERNEL = rules.load((config.data_path("rules"),), (6, 12))[0]
WORDS = dialect.words_of(KERNEL.words)

FUNCTION = """\
static int step_{at}(struct toy *t, gfp_t gfp)
{{
	struct toy_item *item;

	list_for_each_entry(item, &t->all, list) {{
		spin_lock(&t->lock);
		item->data = kmalloc({at}, gfp);
		spin_unlock(&t->lock);
	}}
	return step_{below}(t, GFP_KERNEL);
}}

"""
FILE = "#include <linux/slab.h>\n\n" + "".join(FUNCTION.format(at=at, below=max(0, at - 1)) for at in range(60))
# whatever reaches from one part of a file into the next
FRAGMENTS = (
    *("}\n", "{\n", "(", ")", "})\n", "}, {\n", "} while (0)\n", "} for_each_x(a);\n", "} else\n", ";\n", "\n", '"'),
    *("/*\n", "*/\n", "// x\n", "#if 1\n", "#if A\n", "#else\n", "#endif\n", "#define a(b) do { \\\n", "\\\n", "\0"),
    *("DEFINE_X(a, {\n", "SYSCALL_DEFINE1(a, int, b)\n", "MODULE(x)\n", "list_for_each_entry(a, b, c)", "__free(x)"),
    *("struct a x = {\n", "f(struct a, b);\n", "offsetof(a, b.c)", "case 1 ... 2:", "goto *a;\n", "guard(x)(&y);\n"),
    *("int f(void)\n{\n", "\tkmalloc(1, GFP_KERNEL);\n", "}\n\n", "int g(gfp_t gfp)\n{\n\treturn h(gfp);\n}\n"),
    *("__init ", "'", "\u00e9", "} x;\n", "\tx;\n"),
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join)


def whole(text: str):
    ready = dialect.prepare(text, WORDS)
    return ready, tuple(pieces.split(ready.text, "", True))


def changed(text: str, row: int, more: str) -> str:
    rows = text.split("\n")
    return "\n".join([*rows[:row], more, *rows[row:]])


@pytest.mark.parametrize("row", [0, 3, 7, 200, 500, 700])
@pytest.mark.parametrize(
    "more", ["\tint more;", "int f(void)\n{\n}", "/* a comment", "}", "#if A", "DEFINE_X(a, {\n}, {\n})"]
)
def test_a_changed_text_is_read_as_if_it_were_the_first(row, more):
    parts, text = Parts(WORDS), changed(FILE, row, more)
    for one in (FILE, text, text, FILE):
        assert parts.read(one) == Parts(WORDS).read(one)
    assert parts.read(FILE) == whole(FILE)


@pytest.mark.parametrize(
    "text",
    ["}\n", "} x\n} for_each_x(a);\nint f(void)\n{\n}\n" * 40, "DEFINE_X(a, {\n})\nint f(void)\n{\n}\n" * 40, ""],
)
def test_a_row_that_is_another_one_when_it_was_rewritten(text):
    assert Parts(WORDS).read(text) == whole(text)


@given(TEXTS, TEXTS, TEXTS)
def test_so_is_any_other(first, second, between):
    parts = Parts(WORDS)
    for text in (first + second, first + between + second, between, first + second):
        assert parts.read(text) == Parts(WORDS).read(text)
        assert len(parts.read(text)[0].text) == len(text)


def test_a_part_that_both_texts_have_is_not_worked_on_again(monkeypatch):
    done = []
    rewrite = dialect.rewrite
    monkeypatch.setattr(dialect, "rewrite", lambda text, words: done.append(len(text)) or rewrite(text, words))
    parts, text = Parts(WORDS), "".join(FUNCTION.format(at=at, below=at) for at in range(600))
    parts.read(text)
    assert sum(done) == len(text)
    done.clear()
    parts.read(changed(text, 3000, "\tint more;"))
    assert 0 < sum(done) < len(text) / 5, done


def read(reader: Reader, text: str, rows: range):
    """Everything that is known of the functions a change of these rows touches, and of those around them."""
    found = reader.read(text, "", True, lambda first, last: first < rows.stop and last >= rows.start)
    return [
        (unit.function, unit.flow.at, unit.flow.events, unit.flow.lost, unit.flow.made, unit.flow.function)
        for unit in (*found.units, *found.around, *found.below)
    ]


@pytest.mark.parametrize("row", [3, 120, 400])
@pytest.mark.parametrize("more", ["\tint more;", "#define MORE GFP_KERNEL", "int f(void)\n{\n\treturn 0;\n}\n"])
def test_functions_are_followed_once_and_stand_where_they_are(row, more):
    reader, text = Reader(KERNEL), changed(FILE, row, more)
    touched = range(350, 360)
    for one in (FILE, text, FILE):
        found = read(reader, one, touched)
        assert found == read(Reader(KERNEL), one, touched)
        assert len(found) > 2
        rows = one.split("\n")
        assert all(function.name in rows[function.head[0]] for function, *_ in found)


def test_a_function_that_was_not_followed_in_time_is_followed_again():
    reader = Reader(KERNEL)
    (unit,) = reader.read(FUNCTION.format(at=1, below=1), "", True, lambda *_: True).units
    make, calls = vars(unit.flow)["_make"], []

    def late():
        calls.append(1)
        if len(calls) == 1:
            raise TimeoutError
        return make()

    vars(unit.flow)["_make"] = late
    with pytest.raises(TimeoutError):
        unit.flow.at  # noqa: B018
    assert len(unit.flow.at) == len(unit.steps)
    assert len(calls) == 2
    with pytest.raises(AttributeError):
        unit.flow.nothing  # noqa: B018


@pytest.mark.skipif("REVIEWBOT_KERNEL" not in os.environ, reason="REVIEWBOT_KERNEL names no kernel tree")
def test_files_of_the_kernel_are_read_in_parts_as_they_are_whole():
    top = Path(os.environ["REVIEWBOT_KERNEL"])
    parts = Parts(WORDS)
    texts = [path.read_text("latin-1") for path in sorted(top.glob("mm/*.[ch]")) + sorted(top.glob("fs/[a-e]*/*.c"))]
    assert len(texts) > 200
    assert [text[:80] for text in texts if parts.read(text) != whole(text)] == []
