"""Faults put into the product by syntax: in one function one pattern, found once, becomes another.

A pattern is an expression or statements. Its names that are neither built in nor the module's own
stand for locals of the function, whatever those are called; `ANY`, `ANY_1` and so on stand for any
expression; all else stands for itself. So a mutant outlives renamed locals, comments and line
breaks, and says so when what it changes is no longer there, or is there twice.
"""

import ast
import builtins
import copy
import gc
import importlib
import re
import sys
import textwrap
import types
from pathlib import Path
from typing import NamedTuple

_ANY = re.compile(r"ANY(_\d+)?")
NAMES = {ast.Name: "id", ast.arg: "arg", ast.ExceptHandler: "name"}
"""Where syntax keeps a name that may be a local's."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Mutant(NamedTuple):
    """At `place`, "module:function" or "module:Class.method", the pattern `old` becomes `new`."""

    place: str
    fault: str
    old: str
    new: str

    @property
    def module(self):
        return self.place.partition(":")[0]

    @property
    def harmless(self):
        """The same with nothing changed, which shows that it is the fault that is noticed."""
        return self._replace(new=self.old)


def load(mutant, name, order):
    """Return `name` ("module:attribute") out of modules of their own, with the fault in them.

    `order`: modules, each of which imports of these only what stands before it.
    """
    originals = {module: importlib.import_module(module) for module in order}
    try:
        for module in order[order.index(mutant.module) :]:
            sys.modules[module] = _reloaded(originals[module], mutant)
        module, attribute = name.split(":")
        return getattr(sys.modules[module], attribute)
    finally:
        sys.modules.update(originals)


def _reloaded(original, mutant):
    tree = syntax(original)
    if original.__name__ == mutant.module:
        put_in(mutant, tree)
    module = types.ModuleType(original.__name__)
    exec(compile(tree, original.__file__, "exec"), vars(module))
    return module


def syntax(module):
    """Return a module's syntax.

    While Python 3.11 makes it, nothing may be finalized that makes some of its own, as a task does
    whose exception nobody took: its traceback is parsed (CPython issue 106905).
    """
    gc.disable()
    try:
        return ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    finally:
        gc.enable()


def put_in(mutant, tree):
    """Change a module's syntax; raises LookupError unless the mutant's pattern is there once."""
    old, new = _parsed(mutant.old, mutant.new)
    scope = _Scope(tree, place_in(tree, mutant.place))
    found = [
        (spot, meant)
        for spot in _spots(scope.root, len(old))
        if (meant := scope.meant(old, spot.nodes)) is not None
    ]
    if len(found) != 1:
        raise LookupError(f"{mutant.place}: {len(found)} times instead of once: {mutant.old}")
    ((spot, meant),) = found
    fresh = scope.filled(new, meant)
    for each in fresh:
        for node in ast.walk(each):
            ast.copy_location(node, spot.nodes[0])
    spot.replace(fresh)


def place_in(tree, place):
    """Return the function, class or module that is named; raises LookupError."""
    found = tree
    for name in filter(None, place.partition(":")[2].split(".")):
        found = next((each for each in found.body if getattr(each, "name", None) == name), None)
        if found is None:
            raise LookupError(f"{place}: there is no {name}")
    return found


def local_names(root):
    """Return what names a function binds, its comprehensions and inner functions included."""
    if not isinstance(root, _FUNCTIONS):
        return set()
    return {name for node in ast.walk(root) if (name := _bound(node))}


def _bound(node):
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return None
    return getattr(node, NAMES[type(node)]) if type(node) in NAMES else None


def _names_of_its_own(tree):
    """Return what a module binds at its top: imports, functions, classes, constants."""
    for node in tree.body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((each.asname or each.name).partition(".")[0] for each in node.names)
        else:
            yield from filter(None, map(_bound, ast.walk(node)))


def _parsed(*patterns):
    try:
        return [[ast.parse(each, mode="eval").body] for each in patterns]
    except SyntaxError:
        return [ast.parse(textwrap.dedent(each)).body for each in patterns]


class _Spot(NamedTuple):
    """Neighbours in syntax: a field of `owner`, or some of its items."""

    owner: ast.AST
    field: str
    at: int | None
    nodes: list

    def replace(self, fresh):
        if self.at is None:
            (only,) = fresh
            setattr(self.owner, self.field, only)
        else:
            getattr(self.owner, self.field)[self.at : self.at + len(self.nodes)] = fresh


def _spots(root, count):
    for owner in ast.walk(root):
        for field, value in ast.iter_fields(owner):
            if isinstance(value, list):
                for at in range(len(value) - count + 1):
                    yield _Spot(owner, field, at, value[at : at + count])
            elif isinstance(value, ast.AST) and count == 1:
                yield _Spot(owner, field, None, [value])


class _Scope:
    """A function of a module, and what names mean in it."""

    def __init__(self, tree, root):
        self.root = root
        self._fixed = {"self", *dir(builtins), *_names_of_its_own(tree)}
        self._locals = local_names(root)

    def meant(self, pattern, nodes):
        """Return what the pattern's names stand for in `nodes`, None where it is not they."""
        meant = {}
        return meant if self._is(pattern, nodes, meant) else None

    def _is(self, pattern, node, meant):
        if isinstance(pattern, list):
            return len(pattern) == len(node) and all(
                self._is(*both, meant) for both in zip(pattern, node, strict=True)
            )
        if isinstance(pattern, ast.Name) and _ANY.fullmatch(pattern.id):
            known = meant.setdefault(pattern.id, node)
            return isinstance(node, ast.expr) and ast.dump(known) == ast.dump(node)
        if type(pattern) is not type(node):
            return False
        if not isinstance(pattern, ast.AST):
            return pattern == node
        name = NAMES.get(type(pattern))
        return all(
            (self._is_called if field == name else self._is)(value, getattr(node, field), meant)
            for field, value in ast.iter_fields(pattern)
        )

    def _is_called(self, name, called, meant):
        if name is None or called is None or name in self._fixed:
            return name == called
        if called not in self._locals:
            return False
        return meant.setdefault(name, called) == called and [*meant.values()].count(called) == 1

    def filled(self, pattern, meant):
        """Return the pattern with what its names stand for; raises LookupError."""
        own = {name for each in pattern for node in ast.walk(each) if (name := _bound(node))}
        unknown = _Filling(meant, self._fixed | own)
        return [unknown.visit(each) for each in pattern]


class _Filling(ast.NodeTransformer):
    def __init__(self, meant, fixed):
        self._meant, self._fixed = meant, fixed

    def visit(self, node):
        if type(node) in NAMES:
            field = NAMES[type(node)]
            name = getattr(node, field)
            if isinstance(self._meant.get(name), ast.AST):
                return copy.deepcopy(self._meant[name])
            if name not in {*self._meant, *self._fixed, None}:
                raise LookupError(f"{name} stands for nothing")
            setattr(node, field, self._meant.get(name, name))
        return self.generic_visit(node)
