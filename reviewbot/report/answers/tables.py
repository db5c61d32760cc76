"""Writes what the tables say as JSON answers: the rules, and the flag-scope matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reviewbot.model.kernel import Flag, Kernel, Lifetime, Rule, ScopeCall, ScopeKind, Verdict, Version
from reviewbot.report.answers.head import Json, answer_head, answer_text
from reviewbot.report.links import page_of
from reviewbot.report.reply.wrap import paragraphs, readable
from reviewbot.report.terminal.explain import MatrixRows, named_flags


def rules_json(rules: Sequence[Rule], kernel: Kernel, digest: str, pages: str = "") -> str:
    """The rules as one object. `digest`: that of all rules; `pages`: where they have pages on the web, "" for none."""
    listed: list[Json] = [_rule(rule, kernel, pages) for rule in rules]
    return answer_text({**answer_head(_text(kernel.version), digest), "listed": listed})


def matrix_json(found: MatrixRows, kernel: Kernel, digest: str) -> str:
    """The rows of the matrix as one object."""
    return answer_text(
        {
            **answer_head(_text(kernel.version), digest),
            "flags": [_flag(flag, kernel) for flag in found.flags],
            "scopes": [_scope(scope) for scope in found.scopes],
            "absent": [_absent(span) for span in found.spans if not span.holds(kernel.version)],
        }
    )


def rule_prose(text: str) -> str:
    """The text of a rule as lines, one a paragraph, with a blank line between two; placeholders in angle brackets."""
    return "\n\n".join(map(readable, paragraphs(text)))


def _rule(rule: Rule, kernel: Kernel, pages: str) -> Json:
    return {
        "id": rule.id,
        "severity": rule.severity,
        "confidence": rule.confidence,
        "depth": rule.depth,
        **{key: rule_prose(getattr(rule, key)) for key in ("summary", "question", "ask", "why", "fix")},
        "bad": [*rule.bad],
        "good": [*rule.good],
        "sources": [*map(readable, rule.see)],
        **({"page": page_of(rule.id, pages)} if pages else {}),
        "flags": [flag.name for flag in named_flags(rule, kernel)],
        "since": _version(rule.since),
        "until": _version(rule.until),
    }


def _flag(flag: Flag, kernel: Kernel) -> Json:
    span = kernel.spans.get(flag.name)
    return {
        "name": flag.name,
        "kind": "bit" if flag.kind == "bit" else "compound",
        "group": flag.group,
        "bits": _sorted(flag.bits),
        "meaning": readable(flag.meaning),
        "internal": flag.internal,
        "set": _verdict(flag.on),
        "clear": _verdict(flag.off),
        "scope_calls": [*flag.api],
        "requested": flag.requested,
        "since": _version(span.since if span else None),
        "until": _version(span.until if span else None),
    }


def _verdict(verdict: Verdict) -> Json:
    return {"word": verdict.word, "why": readable(verdict.why), "source": verdict.source}


def _scope(scope: ScopeKind) -> Json:
    return {
        "name": scope.name,
        "family": scope.family,
        "flag": scope.flag,
        "verdict": scope.verdict,
        "why": readable(scope.why),
        "source": scope.source,
        "clears": _sorted(scope.clears),
        "sets": _sorted(scope.sets),
        "atomic": scope.atomic,
        "entered_by": [*map(_call, scope.enter), *(f"guard({name})" for name in scope.guards)],
        "left_by": [*map(_call, scope.leave)],
    }


def _call(gate: ScopeCall) -> str:
    return f"{gate.call}({gate.has})" + (f" when it returns {gate.when}" if gate.when else "")


def _absent(span: Lifetime) -> Json:
    life: dict[str, Json] = {"since": _version(span.since), "until": _version(span.until)}
    return {"name": span.name, "instead": span.instead, "note": span.note, **life}


def _sorted(names: Iterable[str]) -> list[Json]:
    return [*sorted(names)]


def _version(version: Version | None) -> str | None:
    return None if version is None else _text(version)


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
