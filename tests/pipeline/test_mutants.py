"""The tests of the line notice faults: each mutant fails the test that is named beside it."""

import asyncio

import pytest

from tests.mutation import Mutant, load
from tests.pipeline import line
from tests.pipeline.mutants import BY_MODULE, ORDER

_PATIENCE_S = 2_000.0
"""Virtual; a mutant may well stand still."""
MUTANTS = [
    pytest.param(Mutant(f"{module}:{function}", fault, old, new), noticing, id=fault)
    for module, some in BY_MODULE.items()
    for function, fault, old, new, noticing in some
]


@pytest.mark.parametrize(("mutant", "noticing"), MUTANTS)
async def test_a_mutant_is_noticed(monkeypatch, mutant, noticing):
    monkeypatch.setattr(line, "put_together", load(mutant, "daemon.line.assembly:assemble", ORDER))

    with pytest.raises(Exception):  # noqa: B017, PT011 - a mutant may fail in any way
        async with asyncio.timeout(_PATIENCE_S):
            await noticing()


@pytest.mark.parametrize(("mutant", "noticing"), MUTANTS)
async def test_without_its_fault_it_passes(monkeypatch, mutant, noticing):
    same = load(mutant.harmless, "daemon.line.assembly:assemble", ORDER)
    monkeypatch.setattr(line, "put_together", same)

    await noticing()
