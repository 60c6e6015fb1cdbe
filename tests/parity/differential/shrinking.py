"""Makes a case smaller for as long as it shows the same difference."""

from dataclasses import replace


def shrink(case, shows, attempts=80):
    """The smallest case found that still `shows` it, within so many attempts."""
    left = attempts
    changed = True
    while changed and left > 0:
        changed = False
        for smaller in _smaller(case):
            if left <= 0:
                break
            left -= 1
            if shows(smaller):
                case, changed = smaller, True
                break
    return case


def _smaller(case):
    """Cases that are smaller in one thing, the boldest first."""
    count = len(case.parts)
    size = count // 2
    while size >= 1:
        for start in range(0, count, size):
            yield case.without_part(start, start + size)
        size //= 2
    if case.arguments:
        yield replace(case, arguments=())
    for name, plain in (("name", None), ("main_class", "a.B"), ("resource", "local:///a.jar")):
        if getattr(case, name) != plain:
            yield replace(case, **{name: plain})
    for index, part in enumerate(case.parts):
        for smaller in _smaller_parts(part):
            yield replace(case, parts=(*case.parts[:index], smaller, *case.parts[index + 1:]))
    for index in range(len(case.arguments)):
        yield replace(case, arguments=case.arguments[:index] + case.arguments[index + 1:])


def _smaller_parts(part):
    # A volume has more than one --conf.
    for start in range(0, len(part.argv) - 2 if part.argv[:1] == ("--conf",) else 0, 2):
        yield replace(part, argv=part.argv[:start] + part.argv[start + 2:])
    if len(part.argv) > 2 and part.argv[0] == "--conf":
        yield replace(part, argv=part.argv[:-2])
    for name, text in part.files.items():
        lines = text.splitlines(keepends=True)
        if len(lines) > 1:
            for index in range(len(lines)):
                yield replace(part, files={**part.files, name: "".join(lines[:index] + lines[index + 1:])})
        elif len(part.files) > 1:
            yield replace(part, files={other: text for other, text in part.files.items() if other != name})
    for document in _smaller_documents(part.document):
        yield replace(part, document=document)


def _smaller_documents(node):
    """The document without one of its fields or items, from the outside in."""
    if isinstance(node, dict):
        for key in node:
            yield {other: value for other, value in node.items() if other != key}
        for key, value in node.items():
            for smaller in _smaller_documents(value):
                yield {**node, key: smaller}
    elif isinstance(node, list):
        for index in range(len(node)):
            yield node[:index] + node[index + 1:]
        for index, value in enumerate(node):
            for smaller in _smaller_documents(value):
                yield [*node[:index], smaller, *node[index + 1:]]
