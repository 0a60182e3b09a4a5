"""New settings are tried by a process of their own before any worker is drained for them."""

import asyncio
import json
from collections.abc import Mapping, Sequence

from daemon.supervision.child import check_command
from daemon.values.errors import Exit, Fatal


async def rehearse(
    command: Sequence[str], environment: Mapping[str, str], *, limit_s: float
) -> None:
    """Return when `tidemill check` finds nothing against a worker of `command`; else raises Fatal."""
    try:
        process = await asyncio.create_subprocess_exec(
            *check_command(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise Fatal(Exit.INTERNAL, f"the settings cannot be tried: {error}") from error
    try:
        async with asyncio.timeout(limit_s):
            found, _ = await process.communicate()
    except TimeoutError as error:
        message = f"the settings could not be tried within {limit_s:.0f} s"
        raise Fatal(Exit.INTERNAL, message) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Fatal(Exit.SETTINGS, _problems(found, process.returncode))


def _problems(found: bytes, code: int) -> str:
    try:
        findings = json.loads(found)["findings"]
        problems = [f"{each['subject']}: {each['problem']}" for each in findings if not each["ok"]]
    except (ValueError, KeyError, TypeError):  # it ended before it could say
        problems = []
    return "; ".join(problems) or f"tidemill check ended with code {code}"
