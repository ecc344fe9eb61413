"""Regular expressions of a schema (ECMA-262) put into the dialect of a linear-time engine.

Classes keep their ECMA meaning. What cannot run in linear time, or would grow without bound, is refused here; nothing
in this module tries a pattern on a value.

Spec: JSON Schema 2020-12 Core 6.4; ECMA-262 section 22.2.
"""

from __future__ import annotations

import re
from typing import Final

_SPACES: Final = r"\t\n\x0B\x0C\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}"
_CLASSES: Final = {
    "d": "0-9",
    "w": "A-Za-z0-9_",
    "s": _SPACES,
}
_CONTROLS: Final = {"t": r"\t", "n": r"\n", "r": r"\r", "f": r"\x0C", "v": r"\x0B"}
_COUNTS: Final = re.compile(r"\{(\d+)(,(\d*))?\}")
_PROPERTY: Final = re.compile(r"\{[A-Za-z0-9_=]+\}")
_GROUP_NAME: Final = re.compile(r"\?<([A-Za-z_][A-Za-z0-9_]*)>")
_MODIFIERS: Final = re.compile(r"\?[ims]*(-[ims]+)?:")
_NOTHING: Final = r"[^\s\S]"
_ANYTHING: Final = r"[\s\S]"


class PatternError(ValueError):
    """A pattern that is refused, and why."""


def translate(pattern: str, max_weight: int) -> str:
    """The same expression for the linear engine.

    `max_weight` bounds the atoms it has once counted repetitions are written out. Raises `PatternError`.
    """
    return _Translation(pattern, max_weight).run()


class _Translation:
    def __init__(self, pattern: str, max_weight: int) -> None:
        self._text = pattern
        self._at = 0
        self._out: list[str] = []
        self._max_weight = max_weight
        self._weights = [0]  # of each open group, innermost last
        self._last = 0  # weight of the atom that a quantifier would repeat

    def run(self) -> str:
        while self._at < len(self._text):
            self._step(self._text[self._at])
            if self._weights[-1] > self._max_weight:
                raise PatternError("its counted repetitions make it too large")
        if len(self._weights) > 1:
            raise PatternError("a group is not closed")
        return "".join(self._out)

    def _step(self, char: str) -> None:
        if char == "\\":
            self._atom(*self._escape(in_class=False))
        elif char == "[":
            self._atom(self._class(), 2)
        elif char == "(":
            self._open()
        elif char == ")":
            self._close()
        elif char in "*+?":
            self._repeat(char, 1, 1)
        elif char == "{":
            self._counted()
        elif char == ".":
            self._atom(r"[^\n\r\x{2028}\x{2029}]", 2, 1)
        elif char in "^$|":
            self._atom(char, 0, 1)
        else:
            self._atom(re.escape(char), 1, 1)

    def _atom(self, text: str, weight: int, width: int = 0) -> None:
        self._out.append(text)
        self._last = weight
        self._weights[-1] += weight
        self._at += width

    def _open(self) -> None:
        rest = self._text[self._at + 1 :]
        if rest.startswith(("?=", "?!", "?<=", "?<!")):
            raise PatternError("lookahead and lookbehind cannot run in linear time; say it without them")
        if not rest.startswith("?"):
            head = ""
        elif match := (_GROUP_NAME.match(rest) or _MODIFIERS.match(rest)):
            head = match[0]
        else:
            raise PatternError("a group starts with an unknown (?…")
        if len(self._weights) > 100:
            raise PatternError("more than 100 groups inside each other")
        self._out.append(f"({head}")
        self._at += 1 + len(head)
        self._weights.append(0)

    def _close(self) -> None:
        if len(self._weights) == 1:
            raise PatternError("a ) without its (")
        weight = self._weights.pop() + 1
        self._atom(")", weight, 1)

    def _counted(self) -> None:
        match = _COUNTS.match(self._text, self._at)
        if match is None:
            self._atom(r"\{", 1, 1)
            return
        low = int(match[1][:9])
        high = int(match[3][:9]) if match[3] else low
        if high < low:
            raise PatternError(f"the repetition {match[0]} is out of order")
        self._repeat(match[0], len(match[0]), max(low, high))

    def _repeat(self, text: str, width: int, times: int) -> None:
        lazy = "?" if self._text.startswith("?", self._at + width) else ""
        if self._at == 0 or self._text[self._at - 1] in "(|":
            raise PatternError(f"nothing to repeat before {text}")
        self._out.append(text + lazy)
        self._weights[-1] += self._last * max(0, times - 1)
        self._last *= max(1, times)
        self._at += width + len(lazy)

    def _class(self) -> str:
        self._at += 1
        negated = self._text.startswith("^", self._at)
        self._at += negated
        parts: list[str] = []
        while not self._text.startswith("]", self._at):
            if self._at >= len(self._text):
                raise PatternError("a [ without its ]")
            parts.append(self._class_item(self._text[self._at]))
        self._at += 1
        if not parts:
            return _ANYTHING if negated else _NOTHING
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _class_item(self, char: str) -> str:
        if char == "\\":
            return self._escape(in_class=True)[0]
        self._at += 1
        if char == "-":
            return "-" if self._is_range() else r"\-"
        return char if char.isalnum() or ord(char) > 127 else f"\\x{{{ord(char):X}}}"

    def _is_range(self) -> bool:
        """Whether the hyphen just read stands between two single characters."""
        before, after = self._text[: self._at - 1], self._text[self._at : self._at + 2]
        opens = before.endswith(("[", "[^"))
        shorthand = re.search(r"\\[dDwWsS]$", before) is not None or re.match(r"\\[dDwWsS]", after) is not None
        return not opens and not after.startswith("]") and not shorthand

    def _escape(self, *, in_class: bool) -> tuple[str, int]:
        """The translation of one escape and its weight; moves past it."""
        char = self._text[self._at + 1 : self._at + 2]
        if not char:
            raise PatternError("it ends in a lone backslash")
        self._at += 2
        if char.lower() in _CLASSES:
            return self._shorthand(char, in_class=in_class), 2
        if char in _CONTROLS:
            return _CONTROLS[char], 1
        if char in "bB":
            return self._boundary(char, in_class=in_class)
        if char in "pP":
            return self._property(char), 50
        if char in "cxu0":
            return self._code_point(char), 1
        if char == "k" or char.isdigit():
            raise PatternError("a back-reference cannot run in linear time; say it without one")
        if char.isalpha():
            raise PatternError(f"\\{char} is no escape of ECMA-262")
        return (f"\\x{{{ord(char):X}}}" if in_class else re.escape(char)), 1

    @staticmethod
    def _shorthand(char: str, *, in_class: bool) -> str:
        body = _CLASSES[char.lower()]
        if char.islower():
            return body if in_class else f"[{body}]"
        return f"[^{body}]"

    @staticmethod
    def _boundary(char: str, *, in_class: bool) -> tuple[str, int]:
        if not in_class:
            return f"(?-u:\\{char})", 1
        if char == "b":
            return r"\x08", 1
        raise PatternError(r"\B has no meaning inside [ ]")

    def _property(self, char: str) -> str:
        match = _PROPERTY.match(self._text, self._at)
        if match is None:
            raise PatternError(f"\\{char} needs a property in braces")
        self._at = match.end()
        return f"\\{char}{match[0]}"

    def _code_point(self, char: str) -> str:
        if char == "0":
            if self._text[self._at : self._at + 1].isdigit():
                raise PatternError("an octal escape is not ECMA-262")
            return r"\x00"
        forms = {"c": r"([A-Za-z])", "x": r"([0-9A-Fa-f]{2})", "u": r"(?:([0-9A-Fa-f]{4})|\{([0-9A-Fa-f]{1,6})\})"}
        match = re.compile(forms[char]).match(self._text, self._at)
        if match is None:
            raise PatternError(f"\\{char} is not followed by its digits")
        self._at = match.end()
        if char == "c":
            return f"\\x{{{ord(match[1]) % 32:X}}}"
        code = int(match[1] or match[2], 16)
        if 0xD800 <= code < 0xDC00:
            code = self._pair(code)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise PatternError("it names half of a surrogate pair, or no code point at all")
        return f"\\x{{{code:X}}}"

    def _pair(self, high: int) -> int:
        match = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})").match(self._text, self._at)
        if match is None:
            return high
        self._at = match.end()
        return 0x10000 + (high - 0xD800) * 0x400 + (int(match[1], 16) - 0xDC00)
