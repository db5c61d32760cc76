"""A kernel tree in, a table out: how many of its functions are read, what stops the others, and how fast.

    python tests/bench/reading.py [TREE] [FOLDER ...]    REVIEWBOT_KERNEL names the tree if no argument does
    python tests/bench/reading.py --hostile              a megabyte each of what may stall a reader

Counted are the functions that name a GFP flag, an allocator or a memalloc scope. "parse error": the
parser left an ERROR or MISSING node in the function; "unread": the error matters, so that nothing is
said of the function.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter_c
from tree_sitter import Language, Node, Parser

from reviewbot import config
from reviewbot.frontend import fragments, parse
from reviewbot.frontend.preprocess import prepare, rewrite
from reviewbot.kernel import rules
from reviewbot.program.reader import Reader

PARSER = Parser(Language(tree_sitter_c.language()))
SAMPLE = 40  # files whose pass is timed three times
SPOT = re.compile(r"\w+|\S")
UNITS = (
    "(", ")", "{", "}", "[", "/*", "*/", '"', "'", ";", ",", "\\\n", "\\", "\0", "#", "##",
    "#if 1\n", "#if A\n", "#else\n", "#endif\n", "#if 0\nx(\n#else\ny(\n#endif\n",
    "#ifdef A\nif (a) {\n#else\n{\n#endif\n",
    "#define a(b) \\\n", "#define a #define b\n", "#define f(x) do { x; } while (0)\n",
    "for_each_x(", "for_each_x(a) ", "for_each_x(a) {", "scoped_guard(", "scoped_guard(a, b) ", "guard(",
    "guard(a)(b);\n",
    "__acquires(", "__attribute__((", "__free(x) ", "__init ", "static DEFINE_X(", "A(", "A(a)\n",
    "SYSCALL_DEFINE1(a, int, b) {",
    "case 1 ... ", "case 1 ... 2:", "case 1:", "default:", "goto *a", "goto *a;", "goto a;a:", "&&a, ", "a:",
    "x->", "x.", "x, ", "a[", "[0 ... 3] = ",
    "struct a, ", "struct a {", "(struct a *", "f(struct a, ", "container_of(", "offsetof(a, b[", "typeof(",
    "_Generic(a, ", "sizeof(",
    "a = b ? ", "a ? b : ", "!", "*", "&", "-", "(a)", "({", "({ a; })", "do ", "do {", "while (", "if (x) {",
    "if (x) ", "else if (x) ", "else ",
    "switch (a) {", "for (;;) ", "asm volatile(", "asm goto(", 'asm("a" : "=r"(b)', "return ",
    "int a(int b) {", "int f(a, b) int a;\n", "}\n\n", "{\n", "}\n",
    "a b ", "a(b) c(d)\n", "/* a */", "// a\n", "'a' ", '"a" ', "\u00e9", "\t", " ", "\n", "1 ",
)  # fmt: skip


@dataclass
class Tally:
    """What was counted over all files."""

    files: int = 0
    size: int = 0
    seconds: float = 0.0
    functions: int = 0
    interesting: int = 0
    errors: int = 0
    unread: int = 0
    macros: int = 0
    macro_errors: int = 0
    where: Counter[str] = field(default_factory=Counter)
    spots: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)


class Interest:
    """Whether a text names what the rules are about."""

    def __init__(self, reader: Reader) -> None:
        kernel = reader.kernel
        gates = [
            gate.call
            for scope in kernel.scopes.values()
            if scope.family == "memalloc"
            for gate in (*scope.enter, *scope.leave)
        ]
        self.names = frozenset([*kernel.allocators, *gates, *kernel.spans, *kernel.flags])
        self.flags = re.compile(r"\b_*GFP_[A-Z]")

    def __call__(self, text: str) -> bool:
        return bool(self.flags.search(text)) or not self.names.isdisjoint(re.findall(r"\w+", text))


def first_error(root: Node) -> Node | None:
    todo = [root]
    while todo:
        at = todo.pop()
        if at.type == "ERROR" or at.is_missing:
            return at
        if at.has_error:
            todo.extend(reversed(at.children))
    return None


def damage(fragment: fragments.Fragment) -> tuple[int, str, str] | None:
    """(row, kind, the line) of the first error in the fragment's function; None where the parser had none."""
    data = fragment.source.encode("latin-1", "replace")
    root = PARSER.parse(data).root_node
    found = first_error(root)
    if found is None:
        return None
    start = data.rfind(b"\n", 0, found.start_byte) + 1
    line = data[start:].split(b"\n", 1)[0].decode("latin-1")
    spot = " ".join(SPOT.findall(data[found.start_byte : found.start_byte + 60].decode("latin-1"))[:3])
    kind = f"missing {found.type}" if found.is_missing else spot
    return found.start_point[0] + fragment.line - fragment.prefix.count("\n") + 1, kind, line.strip()


def count(path: str, text: str, reader: Reader, interest: Interest, tally: Tally) -> None:
    begin = time.process_time()
    prepared = prepare.prepare(text, rewrite.sorted_words(reader.kernel.words))
    spent = time.process_time() - begin
    tally.files += 1
    tally.size += len(text)
    tally.seconds += spent
    begin = time.process_time()
    for fragment in fragments.split_fragments(prepared.text, "", True):
        tally.functions += 1
        if interest(fragment.text):
            tally.interesting += 1
            look(path, fragment, reader, prepared.marks, tally)
    for macro in prepared.macros:
        if interest(macro.body):
            body = prepare.prepare(macro.body, rewrite.sorted_words(reader.kernel.words))
            fragment_or_none = fragments.macro_fragment(macro, body.text)
            if fragment_or_none is not None:
                tally.macros += 1
                tally.macro_errors += damage(fragment_or_none) is not None
    tally.slowest = sorted([*tally.slowest, (spent + time.process_time() - begin, path)], reverse=True)[:5]


def look(path: str, fragment: fragments.Fragment, reader: Reader, marks: dict[int, str], tally: Tally) -> None:
    read = list(parse.functions(fragment, reader.kernel.words, marks))
    broken = next((function.broken for function in read if function.broken), "" if read else "no function in it")
    tally.unread += bool(broken)
    found = damage(fragment)
    if found is None and read:
        return
    row, kind, line = found or (fragment.line + 1, "no function", fragment.text.strip().split("\n")[0])
    tally.errors += 1
    tally.where[path] += 1
    tally.spots[kind] += 1
    tally.shown.append(f"{'U' if broken else ' '} {path}:{row}: [{kind}] {line}")


def files(tree: Path, folders: list[str]) -> Iterator[Path]:
    for folder in folders or ["."]:
        top = tree / folder
        found = top.rglob("*.[ch]") if top.is_dir() else [top]
        yield from sorted(path for path in found if path.is_file())


def report(tally: Tally, top: int, every: bool) -> None:
    share = 100 * tally.errors / max(1, tally.interesting)
    print(
        f"{tally.files} files, {tally.size / 1e6:.1f} MB, {tally.functions} functions, {tally.interesting} interesting"
    )
    print(f"parse error  {tally.errors:6}  {share:.2f} in 100")
    print(f"unread       {tally.unread:6}  {100 * tally.unread / max(1, tally.interesting):.2f} in 100")
    print(f"macros       {tally.macros:6}  of them with a parse error: {tally.macro_errors}")
    print(f"dialect      {tally.size / 1e6 / max(1e-9, tally.seconds):6.1f} MB/s over all of it")
    for title, counted in (("file", tally.where), ("at", tally.spots)):
        print()
        for name, number in counted.most_common(top):
            print(f"{number:6}  {title} {name}")
    print()
    for seconds, path in tally.slowest:
        print(f"{seconds * 1000:6.0f} ms  {path}")
    for row in tally.shown if every else tally.shown[:: max(1, len(tally.shown) // top)]:
        print(row)


def best_of_three(texts: list[str], words: rewrite.Words) -> float:
    """Megabytes a second."""

    def once() -> float:
        begin = time.process_time()
        for text in texts:
            prepare.prepare(text, words)
        return time.process_time() - begin

    return sum(map(len, texts)) / 1e6 / max(1e-9, min(once() for _ in range(3)))


def hostile(reader: Reader, size: int) -> None:
    rows = []
    for unit in UNITS:
        for head in ("", "int toy(void)\n{\n\tkmalloc(1, GFP_KERNEL);\n"):
            text = head + unit * (size // len(unit))
            begin = time.process_time()
            reader.read(text, "static int toy(struct toy *t)", bool(head))
            rows.append((time.process_time() - begin, unit, "in a function" if head else "alone"))
    for seconds, unit, where in sorted(rows, reverse=True):
        print(f"{seconds:7.2f} s  {where:14} {unit!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", nargs="?", type=Path, default=os.environ.get("REVIEWBOT_KERNEL"))
    parser.add_argument("folders", nargs="*", help="below the tree; all of it if none")
    parser.add_argument("--top", type=int, default=25, help="rows of each table")
    parser.add_argument("--every", action="store_true", help="print every function with an error")
    parser.add_argument("--hostile", action="store_true", help="time odd texts instead")
    parser.add_argument("--size", type=int, default=1_000_000, help="characters of an odd text")
    given = parser.parse_args()
    reader = Reader(rules.load((config.data_path("rules"),), (6, 12))[0])
    if given.hostile:
        hostile(reader, given.size)
        return
    if given.tree is None:
        parser.error("no kernel tree: name one, or set REVIEWBOT_KERNEL")
    tree, tally, interest = Path(given.tree), Tally(), Interest(reader)
    found = list(files(tree, given.folders))
    for path in found:
        count(str(path.relative_to(tree)), path.read_text("latin-1"), reader, interest, tally)
    report(tally, given.top, given.every)
    words = rewrite.sorted_words(reader.kernel.words)
    sample = [path.read_text("latin-1") for path in found[:: max(1, len(found) // SAMPLE)]]
    print(f"dialect, best of three over {len(sample)} files: {best_of_three(sample, words):.1f} MB/s")


if __name__ == "__main__":
    main()
