"""The question that docs/wire.md asks in Python gets its answer."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")


def example(mark, **replaced):
    """Return what a Python example defines, run with other names for its broker and topics."""
    text = re.search(rf"<!-- {mark} -->\n```python\n(.*?)```", PAGE, re.DOTALL)[1]
    for shown, real in replaced.items():
        text = text.replace(shown, real)
    made = {}
    exec(text, made)
    return made


@pytest.mark.kafka
async def test_question_of_the_page_is_answered(make_job):
    async with make_job() as (job, _):
        await job.start()
        forms = example("python forms")
        names = {
            '"127.0.0.1:9092"': repr(job.bootstrap),
            '"double.replies"': repr(job.names.replies),
            '"double"': repr(job.names.requests),
        }
        ask = example("python ask", **names)["ask"]

        answer = await ask(forms["as_raw"], forms["raw_headers"])

        assert answer == forms["as_raw"]
        with pytest.raises(RuntimeError, match="invalid_shape"):
            await ask(forms["as_raw"][:-1], forms["raw_headers"])
