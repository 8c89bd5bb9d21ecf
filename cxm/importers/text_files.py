"""Text files of any encoding, line by line, with one-line errors for what is no such file.

The bytes under `csv` and `jsonl`. What the lines mean belongs there.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from cxm.errors import CxmError, did_you_mean

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC = {
    b"\x1f\x8b": "gzip-compressed; unpack it first, e.g. `gunzip {name}`",
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save the sheet as CSV UTF-8",
    b"PAR1": "Parquet; import it as `parquet`",
    b"\x28\xb5\x2f\xfd": "zstd-compressed; unpack it first, e.g. `unzstd {name}`",
    b"BZh": "bzip2-compressed; unpack it first, e.g. `bunzip2 {name}`",
    b"\xfd7zXZ\x00": "xz-compressed; unpack it first, e.g. `unxz {name}`",
    b"%PDF-": "a PDF; export the table as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV UTF-8",
}
_COMMON = ("utf-8", "utf-16", "latin-1", "cp1252", "cp1250", "cp850", "iso-8859-15", "mac-roman", "shift_jis")
# Escapes and domain names: not what a file is written in, and they decode to unpaired surrogates.
_NOT_FOR_FILES = {"unicode_escape", "raw_unicode_escape", "unicode-escape", "raw-unicode-escape", "utf-7"}
_NOT_FOR_FILES |= {"idna", "punycode", "undefined"}


def check_is_file(path: Path) -> None:
    """Raise `CxmError` unless `path` is a file with something in it."""
    try:
        if not path.exists():
            raise CxmError(f"no such file: {path}")
        if not path.is_file():
            raise CxmError(f"not a file: {path}")
        if path.stat().st_size == 0:
            raise CxmError(f"{path} is empty; export it again with its rows")
    except OSError as error:
        raise CxmError(f"{path} cannot be read: {error.strerror}") from None


def head(path: Path, size: int = 1 << 16) -> bytes:
    """The first bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise CxmError(f"{path} cannot be read: {error.strerror}") from None


def find_encoding(path: Path, wanted: str | None) -> str:
    """The codec to read a text file with: as its byte-order mark says, else `wanted`, else UTF-8."""
    check_is_file(path)
    start = head(path)
    for magic, what in _MAGIC.items():
        if start.startswith(magic):
            raise CxmError(f"{path} is {what.format(name=path.name)}")
    codec = _codec(wanted, path) if wanted else None
    for mark, name in _BOMS:
        if start.startswith(mark):
            if codec and not codec.startswith(name):
                raise CxmError(
                    f"{path} starts with the mark of {name}, but the mapping says encoding = '{wanted}'"
                )
            return "utf-8-sig" if name == "utf-8" else name
    if codec is None and b"\x00" in start:
        raise CxmError(
            f"{path} looks binary (a zero byte at position {start.index(0):,}); if it is text,"
            ' set `encoding` in the mapping, e.g. encoding = "utf-16-le"'
        )
    return codec or "utf-8"


def _codec(name: str, path: Path) -> str:
    try:
        info = codecs.lookup(name)
        is_text = getattr(info, "_is_text_encoding", True) and info.name not in _NOT_FOR_FILES
    except (LookupError, ValueError):
        is_text = False
    if not is_text:
        raise CxmError(f"{path}: '{name}' is no text encoding" + did_you_mean(name, _COMMON))
    return info.name


def read_lines(path: Path, encoding: str, newline: str) -> Iterator[str]:
    """The lines with their ends; `newline=""` also ends a line at a lone carriage return."""
    try:
        with path.open(encoding=encoding, newline=newline) as file:
            yield from file
    except UnicodeError as error:
        raise CxmError(_not_decodable(path, encoding, error)) from None
    except OSError as error:
        raise CxmError(f"{path} cannot be read: {error.strerror}") from None


def _not_decodable(path: Path, encoding: str, error: UnicodeError) -> str:
    where = ""
    if encoding.startswith("utf-8"):
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as first:
                    where = f" (byte 0x{line[first.start]:02x} on line {number:,})"
                    break
    elif isinstance(error, UnicodeDecodeError):
        where = f" ({error.reason})"
    name = encoding.removesuffix("-sig").upper()
    return (
        f'{path} is not {name}{where}; set `encoding` in the mapping, e.g. encoding = "latin-1" or "cp1252"'
    )
