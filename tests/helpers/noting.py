"""Trees in memory and a file in, an index of some of them out."""

from __future__ import annotations

from pathlib import Path

from engines import engine
from reviewbot.index import build
from reviewbot.index.store import Store
from reviewbot.review.neighbourhood.function_words import WordReader
from reviewbot.review.prefilter.words import RowWords, known_rules
from trees import Trees

_MADE = engine("6.12")
READER = WordReader([_MADE.kernel], RowWords(known_rules([rule for rule, _ in _MADE.rules])))
TEXTS = [
    "int exfoo_one(void)\n{\n\treturn exfoo_two();\n}\n",
    "static int exfoo_two(void)\n{\n\treturn exfoo_three(1);\n}\n",
    "#define exfoo_three(x) exfoo_one()\nint exfoo_four(void)\n{\n\treturn exfoo_one() + exfoo_three(2);\n}\n",
    "int scan(void)\n{\n\tmutex_lock(&exfoo_one);\n}\n\nstruct shrinker s = {\n\t.scan_objects = scan,\n};\n",
    "void exfoo_three(struct bio *bio)\n{\n\tbio->bi_end_io = exfoo_two;\n}\n",
    "struct exfoo_ops {\n\tint (*fill)(void);\n};\nstruct exfoo_ops a = {\n\t.fill = exfoo_one,\n};\n",
    "int exfoo_four(struct exfoo_ops *o)\n{\n\treturn o->fill();\n}\n",
]


def note(path: Path, trees: Trees, name: str) -> None:
    store = Store.make(path)
    tree = build.TreeFiles(name, f"tree {name}", build.files_of(trees, name))
    for _ in build.add_files(store, build.unknown_files(store, tree), trees, READER.read, build.Crew(0, lambda: None)):
        pass
    build.add_tree(store, tree)
    store.close()
