"""Texts become rows of tokens, by the tokenizer that the model was trained with."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from config.transform_tables import USUAL_LENGTH, TextTransform
from runtime.errors import ModelRefused
from runtime.signature import Signature, TensorSpec
from runtime.transform import ModelFacts, Prepared, Rejected
from runtime.transforms.answers import Mask, answers_of, reply_of
from runtime.transforms.text_body import Text, read_texts

_IDS = frozenset({"input_ids", "ids", "tokens", "input_word_ids"})
_MASK = frozenset({"attention_mask", "mask", "input_mask"})
_TYPES = frozenset({"token_type_ids", "type_ids", "segment_ids", "input_type_ids"})
_POSITIONS = frozenset({"position_ids"})
"""What inputs are called: by transformers' and optimum's exporters, TensorFlow Hub, and others."""

_CHARACTERS = 64
"""Of a text for each token that may come of it. A token is a word at most, of five letters on average in
English; a tokenizer takes 200 bytes for each that it reads, so a text of 1 MiB took 203 MiB and 1.3 s."""
_PAD_TOKENS = ("[PAD]", "<pad>", "<|pad|>", "<|endoftext|>")


class _Asked(NamedTuple):
    """What the reply needs to know of its request."""

    own: Mask
    many: bool


class _Tokens(NamedTuple):
    """What is kept of a text; the tokenizer's own value holds what was cut off as well."""

    ids: npt.NDArray[np.int64]
    types: npt.NDArray[np.int64]


class Texts:
    """Makes a row of each text of a request."""

    def __init__(self, table: TextTransform, *, base: Path, facts: ModelFacts) -> None:
        """Raises ModelRefused when a file cannot be read, or the model takes or gives other things."""
        self._tokenizer = _read_tokenizer(base / table.text)
        self._makers = _makers(facts.signature, self._tokenizer)
        fixed = _fixed_length(facts.signature)
        most = _most_tokens(table, fixed, self._tokenizer)
        self._length = fixed or (most if table.padding == "max_length" else None)
        padding = self._tokenizer.padding or {}
        self._pads_left = padding.get("direction") == "left"
        kept = (self._tokenizer.truncation or {}).get("direction", "right")
        characters = _CHARACTERS * most
        self._read = slice(-characters, None) if kept == "left" else slice(characters)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(most, direction=kept)
        self._most_texts = table.max_texts
        self._answers = answers_of(table, base=base, facts=facts)

    def preprocess(self, body: bytes, headers: Mapping[str, bytes]) -> Prepared:
        """Return the tokens of UTF-8 text, or of JSON {"text": ...}; raises Rejected."""
        texts, many = read_texts(body, headers)
        if not 1 <= len(texts) <= self._most_texts:
            raise Rejected("invalid_request", f"send 1 to {self._most_texts} texts")
        rows = [self._tokens(text) for text in texts]
        length = self._length or max(len(row.ids) for row in rows)
        if not length:
            raise Rejected("invalid_value", "there is no token in the text")
        own = self._own(rows, length)
        return Prepared(
            {spec.name: make(rows, own) for spec, make in self._makers}, _Asked(own, many)
        )

    def postprocess(
        self, outputs: Mapping[str, npt.NDArray[Any]], context: object = None
    ) -> tuple[str, bytes]:
        """Return an object as JSON, or a list of them where the request had one."""
        if not isinstance(context, _Asked):
            raise TypeError("the context is that of another transform")
        return reply_of(self._answers(outputs, context.own), many=context.many)

    def _tokens(self, text: Text) -> _Tokens:
        first, second = (None if each is None else each[self._read] for each in text)
        try:
            made = self._tokenizer.encode(first, second)
        except TypeError as error:  # half of a pair of surrogates, which JSON can write
            raise Rejected("invalid_value", "the text is not Unicode") from error
        return _Tokens(np.array(made.ids, np.int64), np.array(made.type_ids, np.int64))

    def _own(self, rows: Sequence[_Tokens], length: int) -> Mask:
        counts = np.array([len(row.ids) for row in rows])[:, np.newaxis]
        places = np.arange(length)
        return places >= length - counts if self._pads_left else places < counts


_Make: TypeAlias = Callable[[Sequence[_Tokens], Mask], npt.NDArray[Any]]


def _makers(signature: Signature, tokenizer: Tokenizer) -> Sequence[tuple[TensorSpec, _Make]]:
    """Return what fills each input; raises ModelRefused for one that nobody knows."""
    only = len(signature.inputs) == 1
    return [(spec, _maker(spec, tokenizer, only=only)) for spec in signature.inputs]


def _maker(spec: TensorSpec, tokenizer: Tokenizer, *, only: bool) -> _Make:
    name = spec.name.partition(":")[0].lower()  # TensorFlow's end in :0
    padding = tokenizer.padding or {}
    if name in _MASK:
        return lambda _, own: own.astype(spec.dtype)
    if np.issubdtype(spec.dtype, np.integer) and spec.datatype != "BF16":
        if name in _IDS or only:
            pad = padding["pad_id"] if padding else _pad_id(tokenizer)
            return lambda rows, own: _filled([row.ids for row in rows], own, pad, spec)
        if name in _TYPES:
            pad = padding.get("pad_type_id", 0)
            return lambda rows, own: _filled([row.types for row in rows], own, pad, spec)
        if name in _POSITIONS:
            return lambda _, own: np.maximum(own.cumsum(axis=1) - 1, 0).astype(spec.dtype)
    raise ModelRefused(
        f"a transform with `text` does not know what input {spec.name!r} ({spec.datatype}) is",
        "it knows input_ids, attention_mask, token_type_ids and position_ids; write a class of your"
        " own for others (docs/transforms.md)",
    )


def _filled(
    rows: Sequence[npt.NDArray[np.int64]], own: Mask, pad: int, spec: TensorSpec
) -> npt.NDArray[Any]:
    filled = np.full(own.shape, pad, spec.dtype)
    filled[own] = np.concatenate(rows)
    return filled


def _pad_id(tokenizer: Tokenizer) -> int:
    known = (tokenizer.token_to_id(token) for token in _PAD_TOKENS)
    return next((number for number in known if number is not None), 0)


def _read_tokenizer(file: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more particular
        raise ModelRefused(
            f"tokenizer {file} cannot be read: {error}",
            "name a tokenizer.json; a relative path counts from the settings file",
        ) from error


def _fixed_length(signature: Signature) -> int | None:
    """Return the number of tokens of a row, None where it is free; raises ModelRefused."""
    shapes = {spec.row_shape for spec in signature.inputs}
    if any(len(shape) != 1 for shape in shapes):
        found = ", ".join(f"{spec.name!r}: {list(spec.row_shape)}" for spec in signature.inputs)
        raise ModelRefused(
            f"the inputs are no rows of tokens ({found})",
            "write a class of your own for such a model (docs/transforms.md)",
        )
    lengths = {length for (length,) in shapes if length is not None}
    if len(lengths) > 1:
        raise ModelRefused(
            f"the inputs want rows of {sorted(lengths)} tokens", "export them with one length"
        )
    return lengths.pop() if lengths else None


def _most_tokens(table: TextTransform, fixed: int | None, tokenizer: Tokenizer) -> int:
    """Return how many tokens a row has at most; raises ModelRefused where that cannot be."""
    given = table.max_length
    if given and fixed and given > fixed:
        raise ModelRefused(
            f"transform.max_length is {given}, the model takes {fixed} tokens", "lower it"
        )
    own = (tokenizer.truncation or {}).get("max_length", USUAL_LENGTH)
    most = given or (min(own, fixed) if fixed else own)
    special = tokenizer.num_special_tokens_to_add(is_pair=True)
    if most <= special:
        raise ModelRefused(
            f"of {most} tokens a row none is left beside {special} special ones",
            "raise transform.max_length",
        )
    return int(most)
