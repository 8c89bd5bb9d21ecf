"""Moving an encoder's weights so that texts of one label lie close, texts of different ones apart.

Contrastive fine-tuning on few labelled texts (SetFit: Tunstall et al. 2022, arXiv:2209.11055) with a
softmax over the batch (supervised contrastive loss: Khosla et al. 2020, arXiv:2004.11362). How an encoder
is loaded and used is in `cxm.backends.encoder`; whether fine-tuning pays is judged by who asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Weights = Mapping[str, NDArray[np.float16]]
"""The weights that were moved, by their names in the model."""

_BATCHES, _LABELS, _TEXTS = 40, 16, 2  # in a batch: so many labels with so many texts each
_PACE, _TEMPERATURE = 5e-5, 0.1
_MAX_TOKENS = 128


def fine_tune(
    model: SentenceTransformer, texts: Sequence[str], labels: Sequence[str], seed: int
) -> dict[str, NDArray[np.float16]]:
    """The weights of `model` after fine-tuning; the model itself is moved, too.

    In half precision, as they are saved: whoever uses them sees the same before saving and after. Labels
    with one text take no part; without two labels of two texts there is nothing to learn: no weights.
    """
    import torch
    from tqdm import trange

    codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1]
    of_label = [np.flatnonzero(codes == code) for code in range(codes.max(initial=-1) + 1)]
    of_label = [rows for rows in of_label if len(rows) >= _TEXTS]
    if len(of_label) < 2:
        return {}
    generator = np.random.default_rng(seed)
    moved = {name: weight for name, weight in model.named_parameters() if "embeddings" not in name}
    optimizer = torch.optim.AdamW(moved.values(), lr=_PACE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # of what is dropped out
        model.train()
        for step in trange(_BATCHES, desc="fine-tune", unit="batch", mininterval=1.0):
            optimizer.param_groups[0]["lr"] = _PACE * (1 - step / _BATCHES)
            drawn = generator.permutation(len(of_label))[:_LABELS]
            rows = np.concatenate([generator.permutation(of_label[i])[:_TEXTS] for i in drawn])
            loss = _loss(model, [texts[row] for row in rows], codes[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
    return {name: weight.detach().numpy().astype(np.float16) for name, weight in moved.items()}


def _loss(model: SentenceTransformer, texts: list[str], codes: NDArray[np.intp]) -> Any:
    """How unlikely each text finds the other of its label, by a softmax of cosines over the batch."""
    import torch

    tokenizer: Any = model.tokenizer
    whole = [as_unicode(text) for text in texts]
    tokens = tokenizer(whole, padding=True, truncation=True, max_length=_MAX_TOKENS, return_tensors="pt")
    vectors = torch.nn.functional.normalize(model(dict(tokens))["sentence_embedding"], dim=1)
    itself = torch.eye(len(texts), dtype=torch.bool)
    same = torch.from_numpy(codes[:, None] == codes[None]) & ~itself
    chances = ((vectors @ vectors.T) / _TEMPERATURE).masked_fill(itself, -torch.inf).log_softmax(dim=1)
    return -chances[same].mean()


def as_unicode(text: str) -> str:
    """The text as tokenizers take it: without lone surrogates."""
    return text.encode("utf-8", "replace").decode()


def put_weights(model: SentenceTransformer, weights: Weights) -> None:
    """Replace these weights of the model."""
    import torch

    state = {name: torch.from_numpy(weight.astype(np.float32)) for name, weight in weights.items()}
    model.load_state_dict(state, strict=False)


def digest_weights(weights: Weights) -> str:
    """Names these weights."""
    state = blake2b(digest_size=12)
    for name in sorted(weights):
        state.update(name.encode() + np.ascontiguousarray(weights[name]).tobytes())
    return state.hexdigest()
