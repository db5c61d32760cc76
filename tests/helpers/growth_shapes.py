"""A size in, a C file of that size out: the shapes in which a function, a macro or a file may be large."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Shape = Callable[[int], str]


def function(body: str, name: str = "toy", params: str = "struct toy *t") -> str:
    return f"static int {name}({params})\n{{\n{body}\treturn 0;\n}}\n\n"


def each(row: str, n: int) -> str:
    """A row for each number; @ stands for it, + for the next."""
    return "".join(row.replace("@+", str(at + 1)).replace("@", str(at)) for at in range(n))


def rows(row: str, *around: str) -> Shape:
    """A function whose body has a row so many times, between what stands around."""
    first, last = around or ("", "")
    return lambda n: function(first + each(row, n) + last)


def functions(text: str, last: str = "") -> Shape:
    """So many functions."""
    return lambda n: each(text, n) + last


def nested(opening: str, most: int) -> Shape:
    """So many blocks in each other, `most` at a size of 100."""

    def made(n: int) -> str:
        deep = max(1, n * most // 100)
        return function(each(opening, deep) + "\tkmalloc(1, GFP_KERNEL);\n" + " }\n" * deep)

    return made


def joined(before: str, terms: str, sign: str, after: str, most: int) -> Shape:
    """An expression of so many terms, `most` at a size of 100."""
    return lambda n: function(before + sign.join(terms.replace("@", str(at)) for at in range(n * most // 100)) + after)


def rounds(n: int, text: str, steps: Iterable[int]) -> str:
    """Functions that call those at some distance, round and round."""
    calls = "".join(f"\ttoy{{{at}}}(t);\n" for at in range(len(list(steps))))
    return "".join(
        text.replace("CALLS", calls.format(*((at + by) % n for by in steps))).replace("@", str(at)) for at in range(n)
    )


ASKS = "\tp = kmalloc(@, GFP_KERNEL);\n"
SCOPE = "\tunsigned int s = memalloc_nofs_save();\n"
END = "\tmemalloc_nofs_restore(s);\n"
LOCK, UNLOCK = "\tspin_lock(&t->lock);\n", "\tspin_unlock(&t->lock);\n"
ONE = "static int toy@(struct toy *t)\n{\n\tvoid *p;\n\n" + LOCK + ASKS + UNLOCK + "\treturn 0;\n}\n\n"
ALL = "static void toy@(struct toy *t)\n{\n\tkmalloc(@, GFP_KERNEL);\n" + LOCK + "CALLS" + UNLOCK + "}\n\n"

SHAPES: dict[str, Shape] = {
    "scopes": rows("\ts = memalloc_nofs_save();\n" + ASKS + END),
    "scopes with a variable each": rows(
        "\tunsigned int s@ = memalloc_nofs_save();\n" + ASKS + END.replace("s)", "s@)")
    ),
    "scopes under a condition": rows(
        "\tif (t->a@)\n\t\ts = memalloc_nofs_save();\n" + ASKS + "\tif (t->a@)\n\t\tmemalloc_nofs_restore(s);\n"
    ),
    "scopes that a return leaves open": rows(
        "\ts = memalloc_nofs_save();\n" + ASKS + "\tif (!p)\n\t\treturn -ENOMEM;\n" + END
    ),
    "returns out of one scope": rows("\tif (t->a@)\n\t\treturn -@;\n", SCOPE, END),
    "requests in one scope": rows(ASKS, SCOPE, END),
    "lock pairs": rows(LOCK + ASKS + UNLOCK),
    "pairs of a lock each": rows("\tspin_lock(&t->l@);\n" + ASKS + "\tspin_unlock(&t->l@);\n"),
    "pairs under a condition": rows(
        "\tif (t->a@)\n\t\tspin_lock(&t->l@);\n" + ASKS + "\tif (t->a@)\n\t\tspin_unlock(&t->l@);\n"
    ),
    "requests below one lock": rows(ASKS, LOCK, UNLOCK),
    "failures below one lock": rows(
        ASKS + "\tif (!p) {\n\t\tspin_unlock(&t->lock);\n\t\treturn -ENOMEM;\n\t}\n", LOCK, UNLOCK
    ),
    "what sleeps below one lock": rows("\tmsleep(@);\n\tmutex_lock(&t->m@);\n", LOCK, UNLOCK),
    "guards": rows("\tscoped_guard(spinlock, &t->l@) {\n" + ASKS + "\t}\n"),
    "backward gotos": rows("again@:\n" + ASKS + "\tif (t->a@)\n\t\tgoto again@;\n"),
    "backward gotos to one label": rows(ASKS + "\tif (t->a@)\n\t\tgoto again;\n", "again:\n", ""),
    "backward gotos with locks": rows("again@:\n" + LOCK + ASKS + UNLOCK + "\tif (t->a@)\n\t\tgoto again@;\n"),
    "backward gotos over each other": lambda n: function(
        each("again@:\n" + ASKS, n) + each("\tif (t->a@)\n\t\tgoto again@;\n", n)
    ),
    "forward gotos": lambda n: function(each("\tif (t->a@)\n\t\tgoto out@;\n", n) + each("out@:\n" + ASKS, n)),
    "a goto for each failure": rows(
        "\tp@ = kmalloc(@, GFP_ATOMIC);\n\tif (!p@)\n\t\tgoto out;\n", LOCK, "out:\n" + UNLOCK
    ),
    "an unwinding": lambda n: function(
        each("\tp@ = kmalloc(@, GFP_KERNEL);\n\tif (!p@)\n\t\tgoto out@;\n", n)
        + "\treturn 0;\n"
        + each("out@:\n\tkfree(p@);\n", n)
    ),
    "cases": rows("\tcase @:\n\t" + ASKS + "\t\tbreak;\n", "\tswitch (t->k) {\n", "\t}\n"),
    "cases that fall through": rows("\tcase @:\n\t" + ASKS, "\tswitch (t->k) {\n", "\t}\n"),
    "cases in a loop": rows(
        "\tcase @:\n" + LOCK + ASKS + UNLOCK + "\t\tbreak;\n", "\twhile (t->go) {\n\tswitch (t->k) {\n", "\t}\n\t}\n"
    ),
    "ifs": rows("\tif (t->a@)\n\t" + ASKS),
    "else-ifs": rows("\telse if (t->a@)\n\t" + ASKS, LOCK + "\tif (t->x)\n\t\tp = NULL;\n", UNLOCK),
    "loops": rows("\tfor (i = 0; i < @; i++) {\n" + ASKS + "\t\tif (!p)\n\t\t\tbreak;\n\t}\n"),
    "ifs in each other": nested(" if (t->a@) {\n", 40),
    "loops in each other": nested("for (i = 0; i < 9; i++) {\n", 40),
    "blocks in each other": nested(" {\n", 40),
    "variables with a mask": lambda n: function(
        each("\tgfp_t g@ = GFP_KERNEL;\n", n) + each("\tg@ |= __GFP_NOFAIL;\n\tkmalloc(@, g@);\n", n)
    ),
    "members with a mask": rows("\tt->g@ = GFP_KERNEL;\n\tp@ = kmalloc(@, t->g@);\n"),
    "choices": rows("\tp = kmalloc(@, t->a@ ? GFP_KERNEL : GFP_ATOMIC);\n"),
    "assignments": rows("\tt->x@ = t->y@;\n\tx@ = 0;\n", ASKS, ASKS),
    "results that are used": rows("\tp@ = kmalloc(@, GFP_NOWAIT);\n\tp@->x = 1;\n"),
    "results that are tested": rows(
        "\tp@ = kmalloc(@, GFP_KERNEL | __GFP_NOFAIL);\n\tif (!p@)\n\t\treturn -ENOMEM;\n\tp@->x = 1;\n"
    ),
    "masks that contradict": rows("\tp@ = kmalloc(@, GFP_KERNEL | GFP_NOFS | __GFP_BOGUS);\n"),
    "tests of a mask": lambda n: function(
        each("\tif (gfp & __GFP_WAIT)\n\t\tp = kmalloc(@, gfp);\n", n), params="struct toy *t, gfp_t gfp"
    ),
    "parameters": lambda n: function(ASKS, params=", ".join(f"int p{at}, gfp_t g{at}" for at in range(n))),
    "halves of an #if": rows("#ifdef A@\n" + ASKS + "#else\n" + ASKS + "#endif\n"),
    "a sum": joined("\tkmalloc(1, GFP_KERNEL | ", "__GFP_NOWARN", " | ", ");\n", 60),
    "conditions": joined("\tif (", "t->a@", " && ", ")\n" + ASKS, 60),
    "arguments": joined("\tlook(", "kmalloc(@, GFP_KERNEL)", ", ", ");\n", 100),
    "a macro of many rows": lambda n: (
        "#define toy(t) do { \\\n"
        + each("\tspin_lock(&(t)->l); \\\n\tp@ = kmalloc(@, GFP_KERNEL); \\\n\tspin_unlock(&(t)->l); \\\n", n)
        + "} while (0)\n"
    ),
    "macros that are masks": lambda n: (
        each("#define TOY_@ (GFP_KERNEL | __GFP_NOWARN)\n", n) + function(each("\tkmalloc(@, TOY_@);\n", n))
    ),
    "macros of each other": lambda n: (
        "#define TOY_0 GFP_KERNEL\n"
        + each("#define TOY_@+ (TOY_@ | __GFP_NOWARN)\n", n)
        + function(each("\tkmalloc(@, TOY_@);\n", n))
    ),
    "macros that allocate": lambda n: (
        each("#define toy_get@(n) kmalloc(n, GFP_KERNEL)\n", n) + function(LOCK + each("\ttoy_get@(1);\n", n) + UNLOCK)
    ),
    "functions": functions(ONE),
    "functions with a scope": functions(ONE.replace(LOCK, "\ts = memalloc_nofs_save();\n").replace(UNLOCK, "")),
    "functions that call the next": lambda n: rounds(n, ALL, (1, n - 1)),
    "functions that call many": lambda n: rounds(n, ALL, tuple(7 * by + 1 for by in range(8))),
    "a chain of calls": lambda n: (
        each("static void toy@(struct toy *t)\n{\n\tkmalloc(@, GFP_KERNEL);\n\ttoy@+(t);\n}\n\n", n)
        + function(LOCK + "\ttoy0(t);\n" + UNLOCK, "top")
    ),
    "functions that are handed a mask": functions(
        "static void *toy@(struct toy *t, gfp_t gfp)\n{\n\treturn kmalloc(@, gfp);\n}\n\n"
        "static void up@(struct toy *t)\n{\n" + LOCK + "\ttoy@(t, GFP_KERNEL);\n" + UNLOCK + "}\n\n"
    ),
    "callers of one": functions(
        "static void up@(struct toy *t)\n{\n" + LOCK + "\ttoy(t, GFP_KERNEL);\n" + UNLOCK + "}\n\n",
        "static void *toy(struct toy *t, gfp_t gfp)\n{\n\treturn kmalloc(1, gfp);\n}\n",
    ),
    "functions that give a mask": lambda n: (
        each("static gfp_t toy_gfp@(struct toy *t)\n{\n\treturn GFP_KERNEL;\n}\n\n", n)
        + function(each("\tkmalloc(@, toy_gfp@(t));\n", n))
    ),
    "functions that assert a lock": functions(
        "static void toy@(struct toy *t)\n{\n\tlockdep_assert_held(&t->lock);\n" + ASKS + "}\n\n",
        function(LOCK + UNLOCK, "up"),
    ),
    "callbacks": functions(
        "static void toy@(struct timer_list *t)\n{\n" + ASKS + "}\n\n"
        "static void up@(struct toy *t)\n{\n\ttimer_setup(&t->timer, toy@, 0);\n}\n\n"
    ),
    "a table": lambda n: (
        "static const struct x s[] = {\n" + each("\t{ .m = GFP_KERNEL, .n = @ },\n", n) + "};\n" + function(ASKS)
    ),
}
