"""Makes model/: a tokenizer, a classifier of support tickets that was trained here, and its labels.

The model is a bag of words, trained in a second on the sentences below; a fine-tuned BERT in its
place has the same inputs, and the same settings. Needs the packages onnx and tokenizers: Tidemill's
extras `load` and `transforms`.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from tokenizers.trainers import WordPieceTrainer

TARGET = Path(__file__).parent / "model"
TICKETS = {
    "billing": [
        "I was charged twice for my order",
        "Please send me an invoice for last month",
        "My credit card was declined but the money is gone",
        "When do I get my refund",
        "The price on the bill is higher than agreed",
        "Can I pay by bank transfer instead of card",
        "There is a fee on my invoice that I do not understand",
        "I cancelled and was still charged for another month",
    ],
    "delivery": [
        "My parcel has not arrived yet",
        "Where is my order, the tracking has not moved for days",
        "The package was left at the wrong address",
        "The box arrived damaged and one item is missing",
        "Can you deliver on Saturday instead",
        "The courier says nobody was at home",
        "I want to change the delivery address of my order",
        "How long does shipping to Norway take",
    ],
    "account": [
        "I forgot my password and cannot log in",
        "Please change the email address of my account",
        "I want to delete my account and all my data",
        "The reset link for the password never comes",
        "My account is locked after three attempts to log in",
        "How do I add a second user to our account",
        "Somebody else has logged in with my name",
        "I cannot sign up, it says the email is taken",
    ],
    "technical": [
        "The app crashes when I open the camera",
        "The page stays blank after the last update",
        "I get error 500 when I upload a file",
        "The export to PDF cuts off the last page",
        "Search is very slow since this morning",
        "The button to save does nothing in Firefox",
        "Your API returns a timeout for every request",
        "Notifications do not work on my phone after the update",
    ],
}
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
_STEPS = 500
_RATE = 20.0
_DECAY = 1e-5


def make_tokenizer() -> Tokenizer:
    """Return word pieces of the tickets, in the manner of BERT."""
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))  # noqa: S106 -- no secret
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = WordPieceTrainer(special_tokens=_SPECIAL, vocab_size=600, show_progress=False)
    tokenizer.train_from_iterator([text for texts in TICKETS.values() for text in texts], trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


def train(tokenizer: Tokenizer) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return weights (tokens, classes) and bias (classes,): logistic regression, by its gradient."""
    texts = [(place, text) for place, texts in enumerate(TICKETS.values()) for text in texts]
    counts = np.zeros((len(texts), tokenizer.get_vocab_size()))
    for row, (_, text) in enumerate(texts):
        ids = tokenizer.encode(text).ids
        np.add.at(counts[row], ids, 1 / len(ids))
    wanted = np.eye(len(TICKETS))[[place for place, _ in texts]]
    weights, bias = np.zeros((counts.shape[1], len(TICKETS))), np.zeros(len(TICKETS))
    for _ in range(_STEPS):
        powers = np.exp(counts @ weights + bias)
        error = powers / powers.sum(axis=1, keepdims=True) - wanted
        weights -= _RATE * (counts.T @ error + _DECAY * weights)
        bias -= _RATE * error.mean(axis=0)
    return weights.astype(np.float32), bias.astype(np.float32)


def make_model(tokenizer: Tokenizer) -> onnx.ModelProto:
    """Return input_ids, attention_mask int64 [rows, length] -> logits float32 [rows, 4]."""
    weights, bias = train(tokenizer)
    nodes = [
        helper.make_node("Gather", ["weights", "input_ids"], ["of_tokens"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["of_tokens", "column"], ["of_own"]),
        helper.make_node("ReduceSum", ["of_own", "tokens"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "tokens"], ["count"]),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Add", ["mean", "bias"], ["logits"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    graph = helper.make_graph(
        nodes,
        "tickets",
        inputs,
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", len(TICKETS)])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(bias, "bias"),
            numpy_helper.from_array(np.array([2]), "last"),
            numpy_helper.from_array(np.array([1]), "tokens"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def main() -> None:
    """Write the three files."""
    TARGET.mkdir(exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save(str(TARGET / "tokenizer.json"))
    onnx.save_model(make_model(tokenizer), TARGET / "model.onnx")
    (TARGET / "labels.txt").write_text("\n".join(TICKETS) + "\n", encoding="utf-8")
    print(f"The model is in {TARGET}")


if __name__ == "__main__":
    main()
