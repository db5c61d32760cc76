"""The commands of docs/programs.md work, its tables name what is there, and its settings are such."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import tomli

from answers import checked, remark_schema
from command import THREADS, Command
from kerneltree import KernelTree
from reviewbot.cli.arguments.explain import SCHEMAS
from reviewbot.cli.mcp.operator import Operator
from reviewbot.cli.mcp.tools import tools
from reviewbot.config import data_path

PAGE = data_path("docs/programs.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
OPERATOR = Operator((Path("/linux"),), (), "", 120, 1, 1)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def folder(command: Command, tmp_path: Path) -> Path:
    """A folder as the page describes it, with `reviewbot` on the path."""
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is missing: pip install -e '.[dev]'")
    (command.work / "series.mbox").write_bytes((THREADS / "demo.mbox").read_bytes())
    tree = KernelTree(command.work / "linux")
    tree.commit("grow", {"fs/a.c": "int made(void)\n{\n\treturn !kmalloc(8, GFP_KERNEL | GFP_NOFS);\n}\n"})
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, module in (("reviewbot", "reviewbot"), ("check-jsonschema", "check_jsonschema")):
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n')
        (programs / name).chmod(0o755)
    return command.work


def test_the_commands_work(command, folder):
    env = {**command.env, "PATH": f"{folder.parent / 'bin'}{os.pathsep}{command.env['PATH']}", "PYTHONWARNINGS": ""}
    lines = [line for block in SHELL for line in block.splitlines()]
    assert len(lines) > 15
    for line in lines:
        done = subprocess.run(["sh", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
        assert (done.returncode in (0, 1), done.stderr) == (True, ""), line
    for path in sorted(folder.glob("*.json")):
        assert json.loads(path.read_text()), path
    kinds = {"review": "review", "rules": "rule", "flag": "matrix", "reach": "reach", "remark": "explain"}
    for name, kind in kinds.items():
        checked((folder / f"{name}.json").read_text(), kind)
    assert json.loads((folder / "submission.json").read_text())["tests"]


def test_the_tables_name_what_is_there():
    table = PAGE.partition("A remark has:")[2].partition("\nLook at")[0]
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert named == set(remark_schema()["properties"])
    table = PAGE.partition("Its tools:")[2].partition("\nThe answers")[0]
    offered = {name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert offered == set(tools(OPERATOR))
    assert all(f"`{kind}`" in PAGE.partition("## Check what you read")[2] for kind in SCHEMAS)


def test_settings_of_others_can_be_read_and_name_our_tools():
    (settings,) = blocks("toml")
    (server,) = tomli.loads(settings)["mcp"]["servers"]
    assert set(server["allowed_tools"]) < set(tools(OPERATOR))
    assert server["timeout_secs"] > tomli.loads(data_path("config.toml").read_text())["mcp"]["seconds"]
    (client,) = blocks("json")
    assert json.loads(client)["mcpServers"]["reviewbot"]["args"][0] == "mcp"
    assert set(re.findall(r"mcp__reviewbot__(\w+)", PAGE)) < set(tools(OPERATOR))
