"""Mutants name what they change by syntax: they outlive other names, line breaks and comments."""

import ast
import importlib

import pytest

from tests.mutation import NAMES, Mutant, local_names, place_in, put_in, syntax
from tests.pipeline import mutants as of_the_line
from tests.unit.batching import mutants as of_batching
from tests.unit.scaling import test_mutants as of_scaling

MUTANTS = [
    *of_batching.ALL,
    *[mutant for mutant, _ in of_scaling.CASES],
    *[
        Mutant(f"{module}:{function}", fault, old, new)
        for module, some in of_the_line.BY_MODULE.items()
        for function, fault, old, new, _ in some
    ],
]
SOURCE = """
import math

LIMIT = 3


class Queue:
    def take(self, now, later=math.inf):
        first = self.first()
        if (
            first is not None
            and first.at <= now  # it is due
        ):
            return first
        found = [each for each in self.rest if each.at <= LIMIT]
        return max(found, default=None)

    def drop(self, now):
        self.clear(now)
        self.ring()
        self.ring()
"""


class _Renaming(ast.NodeTransformer):
    def __init__(self, names):
        self._names = {name: f"another_{name}" for name in names}

    def visit(self, node):
        if field := NAMES.get(type(node)):
            setattr(node, field, self._names.get(getattr(node, field), getattr(node, field)))
        return self.generic_visit(node)


def renamed(mutant, tree):
    """The module with all locals of the mutant's function called otherwise, and formatted anew."""
    changed = place_in(tree, mutant.place)
    _Renaming(local_names(changed) - {"self"}).visit(changed)
    return ast.parse(ast.unparse(tree))


def mutated(old, new, function="Queue.take"):
    tree = ast.parse(SOURCE)
    put_in(Mutant(f"m:{function}", "", old, new), tree)
    return ast.unparse(tree)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.fault)
def test_every_mutant_outlives_renamed_locals_and_another_format(mutant):
    tree = renamed(mutant, syntax(importlib.import_module(mutant.module)))
    before = ast.dump(tree)

    put_in(mutant, tree)

    assert ast.dump(tree) != before


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        ("a is not None and a.at <= b", "a is not None and a.at < b", "and first.at < now:"),
        ("oldest.at <= instant", "False", "if first is not None and False:"),
        ("[x for x in self.rest if x.at <= LIMIT]", "list(self.rest)", "found = list(self.rest)"),
        ("max(ANY, default=None)", "min(ANY, default=None)", "return min(found, default=None)"),
        ("x = self.first()", "x = None", "first = None"),
        ("x = self.first()\nif ANY:\n    return x", "return self.first()", "return self.first()\n"),
        ("math.inf", "0.0", "later=0.0"),
    ],
)
def test_names_stand_for_locals_and_all_else_for_itself(old, new, written):
    assert written in mutated(old, new)


def test_a_statement_can_go():
    assert "clear" not in mutated("self.clear(now)", "", "Queue.drop")


@pytest.mark.parametrize(
    ("old", "new", "function", "why"),
    [
        ("x.at >= y", "True", "Queue.take", "0 times"),
        ("x.at <= x", "True", "Queue.take", "0 times"),
        ("each.at <= math", "True", "Queue.take", "0 times"),
        ("max(LIMIT, default=None)", "None", "Queue.take", "0 times"),
        ("self.ring()", "pass", "Queue.drop", "2 times"),
        ("self.clear(x)", "self.clear(y)", "Queue.drop", "y stands for nothing"),
        ("self.clear(x)", "pass", "Queue.lose", "there is no lose"),
    ],
)
def test_what_is_not_there_once_is_an_error(old, new, function, why):
    with pytest.raises(LookupError, match=why):
        mutated(old, new, function)
