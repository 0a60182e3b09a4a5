"""Clients in other languages (examples/clients/) ask the same five questions and hear the same."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.kafka import jars

pytestmark = pytest.mark.kafka

FOLDER = Path(__file__).parents[2] / "examples" / "clients"
PROGRAM_S = 60.0
"""How long a program may take, the start of a virtual machine or a compiler included."""
ROW = "0000803f00002040"
HEARD = {
    "ok": f"ok {ROW}",
    "error": "invalid_shape",
    "expired": "deadline_exceeded",
    "late": "no_reply",
    "repeated": f"ok {ROW}",
    "ignored": "2",
}


def java(_folder):
    need("javac")  # java runs a source file only with the compiler beside it
    return ["java", "-cp", ":".join(map(str, jars.ready())), FOLDER / "Ask.java"]


def spring(folder):
    need("javac")
    need("mvn")
    wanted = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    fetch(["mvn", "--quiet", "--batch-mode", *wanted], FOLDER / "spring")
    return ["java", "-cp", f"{folder}/*", FOLDER / "spring" / "AskSpring.java"]


def confluent(folder):
    return python(FOLDER / "ask_confluent.py", folder / "packages")


def faststream(folder):
    return python(FOLDER / "faststream" / "ask_faststream.py", folder / "packages")


def python(program, packages):
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = ["--no-deps", "--require-hashes", "-r", "requirements.txt"]
    fetch([*install, *wanted, "--target", packages], program.parent)
    return ["env", f"PYTHONPATH={packages}", sys.executable, program]


def librdkafka(folder):
    need("cc")
    need("pkg-config")
    flags = ["pkg-config", "--cflags", "--libs", "rdkafka"]
    found = subprocess.run(flags, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip("no librdkafka")
    program = folder / "ask"
    warned = ["-Wall", "-Wextra", "-Werror"]
    build = ["cc", *warned, "-o", program, FOLDER / "ask.c", *found.stdout.split()]
    subprocess.run(build, check=True)
    return [program]


def go(folder):
    need("go")
    fetch(["go", "mod", "download"], FOLDER / "go")
    subprocess.run(["go", "build", "-o", folder / "ask", "."], cwd=FOLDER / "go", check=True)
    return [folder / "ask"]


def node(folder):
    need("npm")
    shutil.copytree(FOLDER / "node", folder, dirs_exist_ok=True)
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts"]
    fetch(["npm", "install", *quiet], folder)
    return ["node", folder / "ask.mjs"]


def need(tool):
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool}")


def fetch(command, folder):
    """Fetch a program's libraries; there is no test where they cannot be had."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"not fetched: {done.stderr.strip()[-500:]}")


# A compiler that has compiled nothing yet takes a minute for Go's own libraries; npm and Maven fetch
# trees of which only the top is pinned; pip installs a dozen packages for FastStream.
LONG = [pytest.mark.long, pytest.mark.timeout(600)]
PROGRAMS = [java, confluent, librdkafka]
PROGRAMS += [pytest.param(program, marks=LONG) for program in (go, node, spring, faststream)]


@pytest.mark.parametrize("command_in", PROGRAMS)
async def test_five_questions_are_answered(command_in, served, tmp_path):
    command = command_in(tmp_path)
    arguments = [served.bootstrap, served.names.requests, served.names.replies, "1"]
    program = await asyncio.create_subprocess_exec(
        *map(str, command),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=tmp_path,
    )
    try:
        async with asyncio.timeout(PROGRAM_S):
            told, noise = await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()

    assert program.returncode == 0, noise.decode()
    assert dict(line.split(": ", 1) for line in told.decode().splitlines()) == HEARD
