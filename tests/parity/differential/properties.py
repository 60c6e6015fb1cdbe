"""Java's properties files, read as java.util.Properties reads them."""

import re

ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}
LINE = re.compile(r"((?:[^\\=: \t\f]|\\.)*)(?:[ \t\f]*[=:]?[ \t\f]*)(.*)", re.DOTALL)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)


def load(text):
    """Key and value of each line; the last of a key counts."""
    found = {}
    for line in _logical_lines(text):
        key, value = LINE.fullmatch(line).groups()
        found[_plain(key)] = _plain(value)
    return found


def _logical_lines(text):
    held = ""
    for line in re.split(r"\r\n|\n|\r", text):
        line = line.lstrip(" \t\f")
        if not held and (not line or line[0] in "#!"):
            continue
        backslashes = len(line) - len(line.rstrip("\\"))
        if backslashes % 2:
            held += line[:-1]
            continue
        yield held + line
        held = ""


def _plain(text):
    def character(match):
        escape = match[1]
        return chr(int(escape[1:], 16)) if len(escape) == 5 else ESCAPES.get(escape, escape)

    text = ESCAPE.sub(character, text)
    # Two escapes may be one character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
