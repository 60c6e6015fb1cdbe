"""The small part of YAML that recordings are written in.

Block maps and sequences, one-line scalars in the three usual quotings, literal
blocks (`|`, `|-`, `|+`), empty `{}` and `[]`. Enough to write recordings that people
can read and to read them back for a comparison, without a dependency.
"""

import json
import re

PLAIN = re.compile(r"[A-Za-z/<_.(\u00a1-\uffef][^\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff]*\Z")
AMBIGUOUS = re.compile(r"(?i:y|n|yes|no|on|off|true|false|null|~|<<|\.nan|[-+]?\.inf)\Z")
NUMBER_OR_DATE = re.compile(r"[-+.]?[0-9][0-9A-Za-z_.:+-]*\Z|\.[0-9]")
WORDY = re.compile(r"-{1,2}[A-Za-z]")
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
FLOAT = re.compile(r"-?[0-9]+\.[0-9]+([eE][-+]?[0-9]+)?\Z")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


class Unreadable(ValueError):
    """The text isn't in the subset."""


def dump_documents(documents):
    """The documents as one text, each begun by `---`."""
    return "".join("---\n" + "\n".join(_block(d, 0)) + "\n" for d in documents)


def _is_plain(text):
    if not (PLAIN.match(text) or WORDY.match(text) or re.match(r"[0-9]", text)):
        return False
    if AMBIGUOUS.match(text) or text.endswith((" ", ":")) or ": " in text or " #" in text:
        return False
    if CONTROL.search(text) or "\n" in text or "\t" in text:
        return False
    if INTEGER.match(text) or text.startswith("---") or text.startswith("..."):
        return False
    if re.match(r"[0-9.]", text):
        # `4.3.0` and `512m` are text to every parser; `1.5`, `1e3`, `0x1`, `1_0`, `12:30` and dates aren't.
        return bool(re.match(r"[0-9]+\.[0-9]+\.[0-9][0-9A-Za-z.-]*\Z|[0-9]+(m|g|Mi|Gi|Ki)\Z|\.[a-z]", text))
    return True


def _scalar(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return json.dumps(value)
    if _is_plain(value):
        return value
    if CONTROL.search(value) or "\n" in value or "\t" in value:
        quoted = json.dumps(value, ensure_ascii=False)
        return CONTROL.sub(lambda m: "\\u%04x" % ord(m[0]), quoted)
    return "'" + value.replace("'", "''") + "'"


def _literal(value, indent):
    """Lines of a literal block, or None where a block can't carry the text."""
    if "\n" not in value or CONTROL.search(value) or value.startswith((" ", "\n", "\t")):
        return None
    body = value.rstrip("\n")
    newlines = len(value) - len(body)
    if not body or newlines > 1 or any(line != line.rstrip(" \t") and not line.strip() for line in body.split("\n")):
        return None
    head = "|" if newlines else "|-"
    return [head] + [(" " * indent + line) if line else "" for line in body.split("\n")]


def _block(value, indent):
    pad = " " * indent
    lines = []
    if isinstance(value, dict) and value:
        for key, item in value.items():
            lines += _entry(pad + _scalar(str(key)) + ":", item, indent)
        return lines
    if isinstance(value, list) and value:
        for item in value:
            if isinstance(item, (dict, list)) and item:
                nested = _block(item, indent + 2)
                nested[0] = pad + "- " + nested[0][indent + 2:]
                lines += nested
            else:
                lines += _entry(pad + "-", item, indent)
        return lines
    return [pad + _leaf(value)]


def _leaf(value):
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    return _scalar(value)


def _entry(head, item, indent):
    if isinstance(item, dict) and item:
        return [head] + _block(item, indent + 2)
    if isinstance(item, list) and item:
        return [head] + _block(item, indent)
    if isinstance(item, str):
        literal = _literal(item, indent + 2)
        if literal:
            return [head + " " + literal[0]] + literal[1:]
    return [head + " " + _leaf(item)]


def load_documents(text):
    """The documents of a recording."""
    documents = []
    for part in re.split(r"(?m)^---(?: *\n|\Z)", text):
        if part.strip():
            lines = part.split("\n")
            value, end = _read_block(lines, _skip_blank(lines, 0), 0)
            if _skip_blank(lines, end) < len(lines):
                raise Unreadable(f"unexpected line: {lines[_skip_blank(lines, end)]!r}")
            documents.append(value)
    return documents


def _skip_blank(lines, at):
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _indent_of(line):
    return len(line) - len(line.lstrip(" "))


def _read_block(lines, at, indent):
    if lines[at][indent:].startswith("- ") or lines[at][indent:] == "-":
        return _read_sequence(lines, at, indent)
    return _read_map(lines, at, indent)


def _read_sequence(lines, at, indent):
    items = []
    while at < len(lines) and _indent_of(lines[at]) == indent and re.match(r"-( |\Z)", lines[at][indent:]):
        rest = lines[at][indent + 2:]
        if re.match(r"- ", rest) or (not rest.startswith(("'", '"')) and _key_of(rest)) or _quoted_key(rest):
            lines[at] = " " * (indent + 2) + rest
            item, at = _read_block(lines, at, indent + 2)
        else:
            item, at = _read_value(rest, lines, at + 1, indent + 2)
        items.append(item)
        at = _skip_blank(lines, at)
    return items, at


def _key_of(text):
    return re.match(r"([^'\"\[{#&*!|>%@`-][^:]*(?::[^ ][^:]*)*|-[^ ][^:]*(?::[^ ][^:]*)*):(?: |\Z)", text)


def _quoted_key(text):
    return re.match(r"('(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"):(?: |\Z)", text)


def _read_map(lines, at, indent):
    result = {}
    while at < len(lines) and lines[at].strip() and _indent_of(lines[at]) == indent:
        text = lines[at][indent:]
        quoted = _quoted_key(text)
        found = quoted or _key_of(text)
        if not found or text.startswith("- "):
            break
        key = _parse_scalar(found[1]) if quoted else found[1]
        rest = text[found.end():]
        if rest.strip():
            result[key], at = _read_value(rest, lines, at + 1, indent + 2)
        else:
            at = _skip_blank(lines, at + 1)
            if at < len(lines) and (_indent_of(lines[at]) > indent or re.match(r"- ", lines[at][indent:])) and _indent_of(lines[at]) >= indent:
                result[key], at = _read_block(lines, at, _indent_of(lines[at]))
            else:
                result[key] = None
        at = _skip_blank(lines, at)
    return result, at


def _read_value(text, lines, at, indent):
    text = text.strip(" ")
    if re.match(r"\|[-+]?\Z", text):
        body = []
        while at < len(lines) and (not lines[at].strip() or _indent_of(lines[at]) >= indent):
            body.append(lines[at][indent:])
            at += 1
        value = "\n".join(body) + "\n"
        if text == "|":
            value = value.rstrip("\n") + "\n"
        elif text == "|-":
            value = value.rstrip("\n")
        return value, at
    return _parse_scalar(text), at


def _parse_scalar(text):
    if text == "{}":
        return {}
    if text == "[]":
        return []
    if text.startswith("'") and text.endswith("'"):
        return text[1:-1].replace("''", "'")
    if text.startswith('"'):
        # What YAML writes and JSON doesn't know.
        plain = re.sub(r"\\(x[0-9A-Fa-f]{2}|U[0-9A-Fa-f]{8}|[0ae_NLPv ]|u[0-9A-Fa-f]{4}|.)", _yaml_escape, text)
        return json.loads(plain, strict=False)
    if INTEGER.match(text):
        return int(text)
    if FLOAT.match(text):
        return float(text)
    if text in ("null", "~"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if text[:1] in "[{&*!>%@`":
        raise Unreadable(f"not in the subset: {text!r}")
    return text


YAML_ESCAPES = {"0": "\\u0000", "a": "\\u0007", "e": "\\u001b", "v": "\\u000b", "_": "\\u00a0",
                "N": "\\u0085", "L": "\\u2028", "P": "\\u2029", " ": " "}


def _yaml_escape(match):
    escape = match[1]
    if escape[0] == "x":
        return "\\u00" + escape[1:]
    if escape[0] == "U":
        return json.dumps(chr(int(escape[1:], 16)))[1:-1]
    return YAML_ESCAPES.get(escape, "\\" + escape)
