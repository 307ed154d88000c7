import hashlib
import hmac
import logging
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.data.pseudonyms import Key, default_key_file, key_id, load_key, pseudonymise

KEY, OTHER = Key(b"k" * 32), Key(b"l" * 32)


def test_is_hmac_sha256_cut_to_128_bits():
    expected = hmac.new(KEY.secret, b"users\x1f4711", hashlib.sha256).hexdigest()[:32]
    assert pseudonymise(["4711"], "users", KEY).to_pylist() == [expected]


@given(st.lists(st.text(max_size=20), unique=True, max_size=30))
def test_distinct_stable_and_unlinkable(ids):
    first = pseudonymise(ids, "users", KEY).to_pylist()
    assert first == pseudonymise(ids, "users", KEY).to_pylist()
    assert len(set(first)) == len(ids)
    assert not set(first) & set(pseudonymise(ids, "items", KEY).to_pylist())
    assert not set(first) & set(pseudonymise(ids, "users", OTHER).to_pylist())


def test_a_hundred_thousand_in_a_moment():
    ids = [str(i) for i in range(100_000)]
    start = time.process_time()
    assert len(pseudonymise(ids, "users", KEY)) == len(ids)
    assert time.process_time() - start < 2


def test_key_does_not_show():
    assert "kkkk" not in repr(KEY) + str(KEY)
    assert len(key_id(KEY)) == 8
    assert key_id(KEY) != key_id(OTHER)
    assert key_id(KEY) not in pseudonymise(["x"], "users", KEY).to_pylist()[0]


def test_short_keys_are_refused_and_not_shown(monkeypatch):
    monkeypatch.setenv("HEMICYCLE_KEY", "hush")
    with pytest.raises(InputError, match="has 4 bytes; at least 16") as caught:
        load_key()
    assert "hush" not in str(caught.value)


def test_key_file(monkeypatch, tmp_path):
    monkeypatch.delenv("HEMICYCLE_KEY")
    path = tmp_path / "my.key"
    monkeypatch.setenv("HEMICYCLE_KEY_FILE", str(path))
    with pytest.raises(InputError, match=r"my\.key.*cannot be read"):
        load_key()
    path.write_text("0123456789abcdef\n")
    assert load_key() == Key(b"0123456789abcdef")


def test_default_file_is_made_once_and_only_its_owner_reads_it(monkeypatch, tmp_path, caplog):
    monkeypatch.delenv("HEMICYCLE_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    with caplog.at_level(logging.DEBUG):
        first = load_key()
    assert load_key() == first
    assert len(bytes.fromhex(first.secret.decode())) == 32
    assert stat.S_IMODE(default_key_file().stat().st_mode) == 0o600
    assert [entry.name for entry in default_key_file().parent.iterdir()] == ["key"]
    assert not caplog.records


def test_a_key_made_by_another_process_meanwhile_stays(monkeypatch, tmp_path):
    from hemicycle.data import pseudonyms

    path = tmp_path / "key"
    path.write_bytes(b"the first key wins")
    pseudonyms._make_key(path)
    assert path.read_bytes() == b"the first key wins"
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]
