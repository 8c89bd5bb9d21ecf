"""Encoders and the cache before them."""

import sqlite3
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from cxm.backends.cache import CachedEncoder
from cxm.backends.encoder import HashingEncoder, SentenceTransformerEncoder
from cxm.errors import CxmError


class CountingEncoder(HashingEncoder):
    """Remembers which texts it was asked for."""

    def __init__(self):
        self.seen: list[str] = []

    def encode(self, texts):
        self.seen += texts
        return super().encode(texts)


@pytest.fixture(scope="module")
def real():
    return SentenceTransformerEncoder()


def test_meaning_decides_the_cosine(real):
    a, b, c = real.encode(["Where is my parcel?", "My package has not arrived", "I love this red dress"])
    assert a @ b > 0.5 > a @ c


def test_vectors_are_unit_and_in_the_order_of_the_texts(real):
    texts = ["a long text about refunds and parcels " * 30, "hi", "", "🙂", "hi"]
    vectors = real.encode(texts)
    assert vectors.shape == (5, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert (vectors[1] == vectors[4]).all()
    assert real.encode(["hi"])[0] @ vectors[1] > 0.999


def test_no_text_gives_no_vector(real):
    assert real.encode([]).shape == (0, 384)


def test_a_changed_weight_file_is_refused(monkeypatch):
    from cxm.backends import encoder

    monkeypatch.setitem(encoder._DEFAULT_SHA256, "tokenizer.json", "0" * 64)
    with pytest.raises(CxmError, match="is not the pinned"):
        SentenceTransformerEncoder().encode(["x"])


def test_an_unknown_path_is_one_line(tmp_path):
    with pytest.raises(CxmError, match="CXM_ENCODER"):
        SentenceTransformerEncoder(str(tmp_path / "nowhere")).encode(["x"])


def test_a_path_to_the_same_model_gives_the_same_vectors(real):
    other = SentenceTransformerEncoder(str(real._directory))
    assert (other.encode(["My parcel is late"]) @ real.encode(["My parcel is late"]).T).item() > 0.999


def test_nothing_is_encoded_twice(tmp_path):
    counting = CountingEncoder()
    cached = CachedEncoder(counting, tmp_path)
    first = cached.encode(["a", "b", "a"])
    second = CachedEncoder(counting, tmp_path).encode(["b", "a", "c"])
    assert sorted(counting.seen) == ["a", "b", "c"]
    assert (first[1] == second[0]).all()
    assert (first[0] == second[1]).all()
    assert (cached.n_encoded, cached.n_texts) == (2, 2)


def test_fresh_and_remembered_vectors_are_equal_to_the_last_bit(tmp_path):
    cached = CachedEncoder(HashingEncoder(), tmp_path)
    texts = [f"text {i}" for i in range(50)]
    assert (cached.encode(texts) == cached.encode(texts)).all()


def test_two_models_do_not_share_vectors(tmp_path):
    class Other(HashingEncoder):
        digest = "other"

        def encode(self, texts):
            return -super().encode(texts)

    mine = CachedEncoder(HashingEncoder(), tmp_path).encode(["a b"])
    theirs = CachedEncoder(Other(), tmp_path).encode(["a b"])
    assert np.allclose(mine, -theirs)


def test_two_processes_may_write_at_once(tmp_path):
    script = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from cxm.backends.cache import CachedEncoder
        from cxm.backends.encoder import HashingEncoder
        cached = CachedEncoder(HashingEncoder(), Path({str(tmp_path)!r}))
        for i in range(40):
            cached.encode([f"text {{i}} {{j}}" for j in range(20)])
        """
    )
    running = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    path = next(tmp_path.glob("*.sqlite"))
    assert sqlite3.connect(path).execute("SELECT count(*) FROM vectors").fetchone() == (800,)


def test_a_broken_cache_names_itself_and_the_remedy(tmp_path):
    (tmp_path / "hashing-64.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(CxmError, match="CXM_CACHE"):
        CachedEncoder(HashingEncoder(), tmp_path).encode(["a"])


@pytest.mark.parametrize("text", ["\x00", "\ud800 lone surrogate", "عربى", "🙂" * 1000, "word " * 5000])
def test_odd_texts_have_vectors_too(tmp_path, real, text):
    vector = CachedEncoder(real, tmp_path).encode([text])
    assert np.isfinite(vector).all()


PARCELS = ["Where is my parcel?", "My package has not arrived", "the courier lost it", "delivery is late"]
LOGINS = ["I cannot log in", "reset my password", "my account is locked", "the code does not come"]
TEXTS, LABELS = PARCELS + LOGINS, ["parcel"] * 4 + ["login"] * 4


@pytest.fixture(scope="module")
def tuned(real):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cxm.backends.fine_tuning._BATCHES", 5)
        return real.with_weights(real.fine_tune(TEXTS, LABELS, seed=1))


def apartness(encoder):
    """Mean cosine of two texts of one label less that of two texts of different ones."""
    cosine = (vectors := encoder.encode(TEXTS)) @ vectors.T
    return (cosine[:4, :4].mean() + cosine[4:, 4:].mean() - cosine[:4, 4:].mean() * 2) / 2


def test_fine_tuning_moves_texts_of_one_label_together_and_leaves_the_encoder_as_it_was(real, tuned):
    before = real.encode(TEXTS)
    assert apartness(tuned) > apartness(real) + 0.1
    assert (real.encode(TEXTS) == before).all()


def test_a_fine_tuned_encoder_is_the_same_again_from_its_saved_weights(tmp_path, real, tuned):
    from cxm.task import Model

    Model(arrays=dict(tuned._weights)).save(tmp_path / "model")
    again = SentenceTransformerEncoder().with_weights(Model.load(tmp_path / "model").arrays)
    assert again.digest == tuned.digest
    assert (again.encode(TEXTS) == tuned.encode(TEXTS)).all()


def test_vectors_of_a_fine_tuned_encoder_are_kept_apart(tmp_path, real, tuned):
    plain = CachedEncoder(real, tmp_path)
    other = plain.with_weights(tuned._weights)
    assert abs(plain.encode(TEXTS) - other.encode(TEXTS)).max() > 0.01
    assert (other.encode(TEXTS) == CachedEncoder(tuned, tmp_path).encode(TEXTS)).all()
    assert (other.n_encoded, len(list(tmp_path.glob("*.sqlite")))) == (8, 2)


@pytest.mark.parametrize(("texts", "labels"), [([], []), (["a", "b", "c"], ["x", "x", "y"])])
def test_too_few_labels_move_nothing(real, texts, labels):
    assert real.fine_tune(texts, labels, seed=1) == {}
