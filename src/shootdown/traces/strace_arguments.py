"""Cuts what strace prints between the parentheses of a call into arguments and result.

strace prints strings with C escapes, structures in braces, arrays in brackets, comments between
`/*` and `*/`, and with `-y` the file behind a descriptor in angle brackets. Commas and parentheses
inside any of these are not ours. The scan goes forward only and jumps from one special character
to the next, so its time is linear in the line, whatever the line holds; a regular expression for
the whole call would be neither readable nor safe from backtracking.
"""

from __future__ import annotations

import re

from shootdown.traces.errors import LineError

_special = re.compile(r'["(){}\[\],</]').search
_nested = re.compile(r'["{\[(</]').search
_in_string = re.compile(r'["\\]').search

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_DEEPEST = 64


def split_call(text: str) -> tuple[list[str], str]:
    """The arguments in `text`, which begins after the opening parenthesis, and what follows it."""
    end = text.find(")")
    if end >= 0 and _nested(text, 0, end) is None:
        inside = text[:end]
        return (inside.split(", ") if inside.strip() else []), text[end + 1 :]
    arguments, end = _scan(text, 0, ")")
    return arguments, text[end:]


def split_group(text: str) -> list[str]:
    """The members of the structure or array that `text` begins with."""
    closing = _CLOSING.get(text[:1])
    if closing is None:
        raise LineError("a structure in braces")
    return _scan(text, 1, closing)[0]


def members(parts: list[str]) -> dict[str, str]:
    """What the parts of the form `name=value` say."""
    pairs = (part.partition("=") for part in parts)
    return {name.strip(): value for name, equals, value in pairs if equals}


def _scan(text: str, start: int, closing: str) -> tuple[list[str], int]:
    """The parts from `start` to `closing`, and the position after it."""
    expected = [closing]
    parts: list[str] = []
    position = begin = start
    while (found := _special(text, position)) is not None:
        at = found.start()
        character = text[at]
        position = at + 1
        if character in _CLOSING:
            expected.append(_CLOSING[character])
            if len(expected) > _DEEPEST:
                raise LineError(f"structures nested less than {_DEEPEST} deep")
        elif character == expected[-1]:
            expected.pop()
            if not expected:
                last = text[begin:at].strip()
                return ([*parts, last] if last or parts else parts), position
        elif character in ")]}":
            raise LineError(f"`{expected[-1]}` before `{character}`")
        elif character == "," and len(expected) == 1:
            parts.append(text[begin:at].strip())
            begin = position
        else:
            position = _past(text, at, character)
    raise LineError(f"`{expected[-1]}`: the line is cut, or another line is mixed into it")


def _past(text: str, at: int, character: str) -> int:
    """The position after the string, comment or descriptor that begins at `at`, if one does."""
    if character == '"':
        return _past_string(text, at + 1)
    if character == "/" and text.startswith("/*", at):
        return _after(text, "*/", at + 2)
    if character == "<":
        return at + 2 if text.startswith("<<", at) else _past_descriptor(text, at + 1)
    return at + 1


def _past_string(text: str, position: int) -> int:
    while (found := _in_string(text, position)) is not None:
        position = found.end()
        if found.group() == '"':
            return position
        position += 1
    raise LineError('`"` at the end of a string: the line is cut')


def _past_descriptor(text: str, position: int) -> int:
    """Past `3</some/path>` or `3<TCP:[1.2.3.4:5->6.7.8.9:10]>`, where `->` ends nothing."""
    while (end := text.find(">", position)) >= 0:
        position = end + 1
        if text[position : position + 1] in ("", ",", ")", "]", "}", " "):
            return position
    raise LineError("`>` after the name of a file")


def _after(text: str, mark: str, position: int) -> int:
    end = text.find(mark, position)
    if end < 0:
        raise LineError(f"`{mark}`: the line is cut")
    return end + len(mark)
