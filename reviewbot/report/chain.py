"""Puts a call chain into words: the functions in a row, the places that show it, and what is not certain on it."""

from __future__ import annotations

from collections.abc import Sequence

from reviewbot.model.review import Evidence, Finding, ShownChain

_FURTHER = "    "  # before what goes on from the line above


def functions_of(chain: ShownChain) -> str:
    """The functions of a chain as reviewers write them: `a() -> b() -> c()`."""
    return " -> ".join(f"{name}()" for name in chain.functions)


def headline(chain: ShownChain, width: int) -> list[str]:
    """The functions, and how many other chains were found; on one line, or on more of `width` columns.

    A line is broken before an arrow. A name wider than that is not broken.
    """
    first, *rest = chain.functions
    lines = [f"{first}()"]
    for word in [*(f"-> {name}()" for name in rest), *filter(None, [others_of(chain)])]:
        if len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(f"{_FURTHER}{word}")
    return lines


def others_of(chain: ShownChain) -> str:
    """How many other chains were found, in parentheses; "" for none."""
    return f"(and {chain.others} more {'chain' if chain.others == 1 else 'chains'})" if chain.others else ""


def doubts_of(chain: ShownChain) -> str:
    """What is not certain on a chain, "" where nothing is known to be."""
    return f"not certain: {'; '.join(chain.doubts)}" if chain.doubts else ""


def without_chain(text: str, finding: Finding) -> str:
    """A text about a finding for where its chain stands below it in a row of its own, and need not be said twice."""
    return text if finding.chain is None else text.replace(functions_of(finding.chain), "the calls below")


def beside_chain(finding: Finding) -> Sequence[Evidence]:
    """The evidence of a finding that is no step of its chain."""
    known = {(one.path, one.line) for one in finding.chain.steps} if finding.chain is not None else ()
    return [one for one in finding.evidence if (one.path, one.line) not in known]


def shown_by(finding: Finding) -> Sequence[Evidence]:
    """The lines that show a finding: the steps of its chain in their order, then what else is evidence."""
    return [*(finding.chain.steps if finding.chain is not None else ()), *beside_chain(finding)]
