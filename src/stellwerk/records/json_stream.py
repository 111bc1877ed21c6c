"""The objects of one array of a large JSON document, one at a time.

Memory is bounded by the largest value, not by the document: ``json`` reads each object from a window of the text.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from stellwerk.errors import InputError
from stellwerk.records.byte_blocks import byte_blocks

_BLOCK_BYTES = 2**20
_MAX_TEXT_BYTES = 64 * 2**30
MAX_VALUE_CHARS = 64 * 2**20
"""Largest value inside the document, text of one job and its steps."""
_BLANK = re.compile(r"[ \t\r\n]*")
_NEAR_CHARS = 32
"""An error so near to the end of what has been read may only mean that the rest is missing."""


def objects_of_array(path: Path, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects in the array at the top-level ``key`` of the JSON document at ``path`` (plain or gzip), each with the
    line that it begins in.

    Raises InputError with the file, and with the line where there is one, for what is no JSON, a document that is no
    object or lacks the key, an element that is no object, text that is not UTF-8, a value above ``MAX_VALUE_CHARS`` and
    a broken gzip.
    """
    reader = _Reader(path)
    found = False
    reader.expect("{", "a JSON object")
    if reader.peek() == "}":
        reader.take("}")
    else:
        while True:
            if reader.peek() != '"':
                reader.refuse("a name in quotes should stand here")
            name = reader.value()
            reader.expect(":", "a colon")
            if name == key:
                found = True
                yield from _elements(reader, key)
            else:
                reader.value()
            if not reader.take(","):
                break
        reader.expect("}", "a comma or the end of the object")
    if reader.peek():
        reader.refuse("nothing may follow the document")
    if not found:
        raise InputError("the document has no such key at its top", file=path, key=key)


def _elements(reader: _Reader, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader.expect("[", f"a list of {key}")
    if reader.take("]"):
        return
    while True:
        reader.peek()
        line = reader.line
        element = reader.value()
        if not isinstance(element, dict):
            raise InputError(
                f"an element of {key} is no object", file=reader.path, key=f"line {line}", value=type(element).__name__
            )
        yield line, element
        if not reader.take(","):
            break
    reader.expect("]", "a comma or the end of the list")


class _Reader:
    """A window of the document's text, and the place in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = 1
        self._blocks = _text_blocks(path)
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            end = blank.end() if blank else self._at
            self._advance(end)
            if end < len(self._text):
                return self._text[end]
            if not self._more():
                return ""

    def take(self, character: str) -> bool:
        """Goes past ``character`` where it comes next."""
        if self.peek() != character:
            return False
        self._advance(self._at + 1)
        return True

    def expect(self, character: str, words: str) -> None:
        if not self.take(character):
            self.refuse(f"{words} should stand here")

    def refuse(self, problem: str) -> NoReturn:
        next_character = self.peek()
        if not next_character:
            raise InputError("the JSON ends early", file=self.path, key=f"line {self.line}")
        raise InputError(f"not valid JSON: {problem}", file=self.path, key=f"line {self.line}", value=next_character)

    def value(self) -> Any:
        """The next value, whole."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                unfinished = error.pos >= len(self._text) - _NEAR_CHARS or error.msg.startswith("Unterminated string")
                if unfinished and self._more():
                    continue
                if error.pos >= len(self._text):
                    raise InputError("the JSON ends early", file=self.path, key=self._line_of(error.pos)) from None
                raise InputError(f"not valid JSON: {error.msg}", file=self.path, key=self._line_of(error.pos)) from None
            except RecursionError:
                raise InputError("values are nested too deeply", file=self.path, key=f"line {self.line}") from None
            except ValueError as error:  # an integer of more digits than Python reads
                raise InputError(f"not valid JSON: {error}", file=self.path, key=f"line {self.line}") from None
            if end < len(self._text) or not self._more():  # a number may go on in what has not been read
                self._advance(end)
                return value

    def _advance(self, end: int) -> None:
        self.line += self._text.count("\n", self._at, end)
        self._at = end

    def _line_of(self, position: int) -> str:
        return f"line {self.line + self._text.count(chr(10), self._at, position)}"

    def _more(self) -> bool:
        """Reads on; as much again as is unfinished, so that a long value is not scanned too often."""
        rest = self._text[self._at :]
        if len(rest) > MAX_VALUE_CHARS:
            raise InputError(
                f"a value longer than {MAX_VALUE_CHARS >> 20} MiB", file=self.path, key=f"line {self.line}"
            )
        parts = [rest]
        read = 0
        while read <= len(rest):
            block = next(self._blocks, "")
            if not block:
                break
            parts.append(block)
            read += len(block)
        if read:
            self._text, self._at = "".join(parts), 0
        return read > 0


def _text_blocks(path: Path) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    line = 1
    try:
        for block in byte_blocks(path, _BLOCK_BYTES, _MAX_TEXT_BYTES):
            text = decoder.decode(block)
            line += text.count("\n")
            if text:
                yield text
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line += error.object.count(b"\n", 0, error.start)
        raise InputError("not UTF-8 text", file=path, key=f"line {line}") from None
