"""A small tokenizer in the manner of BERT's, files of classes, and signatures to go with them."""

from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from config.settings import Model
from runtime.signature import Signature
from runtime.transform import ModelFacts
from runtime.transforms.choice import chosen_transform
from tests.signatures import spec

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "bad", "day", "##s", "!"]
"""Each is the token of its place."""
BERT = ("input_ids", "attention_mask", "token_type_ids")


def write_tokenizer(folder):
    tokenizer = Tokenizer(
        models.WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    path = Path(folder) / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def signature(inputs, *outputs):
    return Signature(tuple(inputs), outputs or (spec("logits", "FP32", (2,)),))


def tokens(*names, length=None, datatype="INT64"):
    return [spec(name, datatype, (length,)) for name in names or BERT]


def ready_made(table, given, *, base, metadata=None):
    chosen = Model.model_validate({"path": "model.onnx", "transform": table}).transform
    facts = ModelFacts(Path(base) / "model.onnx", given, metadata or {})
    return chosen_transform(chosen, base=Path(base), facts=facts)
