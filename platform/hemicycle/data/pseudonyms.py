"""Keyed pseudonyms: who holds the key can link an id to its pseudonym, nobody else can.

A pseudonym is HMAC-SHA256 (RFC 2104) of the entity's kind and the raw id, cut to 128 bits. The key comes from the
variable ``HEMICYCLE_KEY``, else from the file that ``HEMICYCLE_KEY_FILE`` names, else from
``~/.config/hemicycle/key``, which is made with mode 0600 when first needed. Keep that file: without it the same
people get other pseudonyms.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from hemicycle.core.errors import InputError

_SHORTEST = 16
_DIGITS = 32


@dataclass(frozen=True)
class Key:
    """A secret key; it does not show in ``repr`` or logs.

    Args:
        secret: at least 16 bytes.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < _SHORTEST:
            raise InputError(
                f"the key for pseudonyms has {len(self.secret)} bytes; at least {_SHORTEST} are needed",
                where="HEMICYCLE_KEY or the key file",
                remedy='make one with: python -c "import secrets; print(secrets.token_hex(32))"',
            )


def default_key_file() -> Path:
    """Where the key lives when no variable says otherwise."""
    return Path("~/.config/hemicycle/key").expanduser()


def load_key() -> Key:
    """Return the key of this user, making the default file when there is none.

    Raises:
        InputError: the named file is missing or the key too short.
    """
    if text := os.environ.get("HEMICYCLE_KEY"):
        return Key(text.encode())
    if named := os.environ.get("HEMICYCLE_KEY_FILE"):
        return _read_key(Path(named).expanduser())
    path = default_key_file()
    if not path.exists():
        _make_key(path)
    return _read_key(path)


def key_id(key: Key) -> str:
    """Return 8 hexadecimal digits that tell keys apart without revealing them."""
    return hmac.digest(key.secret, b"hemicycle key id", hashlib.sha256).hex()[:8]


def pseudonymise(ids: Iterable[str], entity: str, key: Key) -> pa.Array:
    """Return the pseudonym of each id, 32 hexadecimal digits.

    Args:
        ids: raw ids.
        entity: ``users`` or ``items``: the same id has unlinkable pseudonyms in the two.
        key: from :func:`load_key`.
    """
    prefix, secret, digest = f"{entity}\x1f".encode(), key.secret, hmac.digest
    return pa.array([digest(secret, prefix + raw.encode(), "sha256").hex()[:_DIGITS] for raw in ids], pa.string())


def _read_key(path: Path) -> Key:
    try:
        return Key(path.read_bytes().strip())
    except OSError as error:
        raise InputError(
            "the key file for pseudonyms cannot be read",
            where=str(path),
            remedy="correct HEMICYCLE_KEY_FILE or unset it; the default file is made by itself",
        ) from error


def _make_key(path: Path) -> None:
    """Write a new key whole; when two processes start at once, the first one's key stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(secrets.token_bytes(32).hex().encode() + b"\n")
    try:
        os.link(part, path)
    except FileExistsError:
        return
    finally:
        part.unlink()
