#!/usr/bin/env python3
"""Makes the first corpus out of what the tests have: golden applications, recorded command lines, properties, YAML."""
import glob, json, os, pathlib

root = pathlib.Path(__file__).resolve().parent.parent
def put(target, name, data):
    folder = root / "fuzz/corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())

for path in sorted(glob.glob(str(root / "golden/*/application.yaml")))[::3] + sorted(glob.glob(str(root / "examples/*.yaml"))):
    name = pathlib.Path(path).parent.name if "golden" in path else pathlib.Path(path).stem
    put("spark_application", name, open(path, "rb").read())
for path in sorted(glob.glob(str(root / "tests/parity/cases/*/case.json")))[::12]:
    argv = json.load(open(path)).get("argv", [])
    text = "\n".join(argv).replace("{{MASTER}}", "k8s://https://127.0.0.1:443")
    put("argv", pathlib.Path(path).parent.name, text)
for nth, text in enumerate(["a=b\nc: d\n", "a\\ b = c\\u00e9\\\n  d\n", "#c\n!d\n\n=\n", "spark.driver.host=x.svc\nkey=\\t\\n\\r\\f\\\\\n"]):
    put("properties", f"{nth}", text)
for nth, text in enumerate(["plain", "\"'{{ 7 * 7 }}{% raw %}", "a: b\n- c\n# d", "\u2028\ufeff\u0085\t\\u0000 ${env:HOME} $(A)", "null", "---\n..."]):
    put("template", f"{nth}", text)
for nth, text in enumerate(["a: [1, 2.5, 0x1f, ~, true, 'x']\n", "a: |\n  b\n   c\nd: >-\n  e\n", "- {a: 1, b: [2]}\n- \"\\u263a\"\n", "1e999\n", "? a\n: b\n", "a: &x 1\nb: *x\n"]):
    put("strict", f"{nth}", text)


# Protobuf by hand: (field number, content), where content is text, a list of fields, or a number.
def message(fields):
    out = b""
    for number, content in fields:
        if isinstance(content, int):
            out += varint(number << 3) + varint(content)
        else:
            body = message(content) if isinstance(content, list) else content.encode()
            out += varint(number << 3 | 2) + varint(len(body)) + body
    return out

def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytearray([value]))

def text(value):  # google.protobuf.StringValue
    return [(1, value)]

def application(kind, more):
    spec = [(1, kind), (2, 1), (3, text("spark:4.0.1")), (11, text("a.B")), (12, text("local:///a.jar"))]
    return [(1, [(1, [(1, "pi"), (3, "jobs"), (5, "uid-1")]), (2, spec + more)]), (2, "id")]

put("proto", "scala", message(application(2, [(10, "1000"), (6, [(1, "spark.a"), (2, "b")])])))
put("proto", "python", message(application(3, [(6, [(1, "spark.executor.instances"), (2, "2")]), (16, [(1, 10)])])))
put("proto", "driver", message(application(1, [(22, []), (23, []), (24, [(1, "v"), (2, "hostPath"), (3, "/x")])])))
