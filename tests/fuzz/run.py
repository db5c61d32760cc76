"""One of the ways in, what a coverage-guided fuzzer found on it out.

    run.py archive|mail|diff|source|report [--runs N] [--seconds N] [--folder DIR]

    pip install -e '.[fuzz]' && python tests/fuzz/run.py mail --seconds 600

It begins with the tests' own mails, diffs and texts (see paths.py). What is found is written to DIR, to be made a test
of. At the end it says how many inputs it ran and how long the slowest took; one above --slow seconds is a finding too.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

import atheris  # first, so that what is imported below is instrumented

sys.path.insert(0, str(Path(__file__).parent.parent / "helpers"))

with atheris.instrument_imports(include=["reviewbot", "b4", "liblore", "email", "unidiff"]):
    import paths
from edits import WORDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=[*paths.WAYS])
    parser.add_argument("--runs", type=int, default=-1, help="inputs; -1: until the time is up")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--slow", type=float, default=2.0, help="seconds of the processor that one input may take")
    parser.add_argument("--folder", type=Path, default=Path("fuzz-findings"))
    given = parser.parse_args()
    way, seeds = paths.WAYS[given.way]
    count, slowest = 0, 0.0

    def found(data: bytes, why: str) -> None:
        given.folder.mkdir(parents=True, exist_ok=True)
        path = given.folder / f"{given.way}-{hashlib.sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        print(f"\n{why}: {path} ({len(data)} bytes)", file=sys.stderr)

    def one(data: bytes) -> None:
        nonlocal count, slowest
        count += 1
        begun = time.process_time()
        try:
            way(data)
        except Exception as error:
            found(data, f"{type(error).__name__}: {error}")
            raise
        took = time.process_time() - begun
        slowest = max(slowest, took)
        if took > given.slow:
            found(data, f"{took:.1f} s")
        if count % 1000 == 0:
            print(f"{given.way}: {count} inputs, the slowest {slowest:.2f} s", file=sys.stderr)

    with tempfile.TemporaryDirectory() as corpus:
        for at, seed in enumerate(seeds()):
            (Path(corpus) / str(at)).write_bytes(seed)
        limits = [
            f"-dict={WORDS}",
            f"-max_total_time={given.seconds}",
            f"-runs={given.runs}",
            "-max_len=20000",
            "-timeout=60",
        ]
        atheris.Setup([sys.argv[0], *limits, corpus], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
