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
for nth, text in enumerate(["a: [1, 2.5, 0x1f, ~, true, 'x']\n", "a: |\n  b\n   c\nd: >-\n  e\n", "- {a: 1, b: [2]}\n- \"\\u263a\"\n", "1e999\n", "? a\n: b\n", "a: &x 1\nb: *x\n", "a: &a {b: 1}\nc: {<<: [*a, *a], d: 2}\n",
                           "a: &a {" + ", ".join(f"k{n}: 1" for n in range(200)) + "}\nb: {<<: [" + ", ".join(["*a"] * 470) + "]}\n"]):
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

# Whole requests. The operator's REST body: arguments, and the pod templates that it would write to files.
owner = {"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "pi", "uid": "uid-1", "controller": True}
plain = ["--master", "k8s://https://127.0.0.1:443", "--deploy-mode", "cluster", "--class", "a.B", "--name", "pi",
         "--conf", "spark.kubernetes.container.image=spark:4.0.1", "--conf", "spark.kubernetes.driver.pod.name=pi-driver"]

def rest(name, conf=(), driver=None, executor=None, **more):
    arguments = plain + [word for pair in conf for word in ("--conf", pair)] + ["local:///a.jar"]
    body = {"submission_id": "a", "spark_submit_args": arguments, "driver_pod_template": driver, "executor_pod_template": executor, **more}
    put("rest", name, json.dumps(body, separators=(",", ":")))

def pod(spec=None, **metadata):
    return {"metadata": metadata, "spec": spec or {"containers": [{"name": "spark-kubernetes-driver"}]}}

for path in sorted(glob.glob(str(root / "tests/parity/cases/*/case.json")))[::16]:
    argv = [word.replace("{{MASTER}}", "k8s://https://127.0.0.1:443") for word in json.load(open(path)).get("argv", [])]
    body = {"submission_id": "a", "spark_submit_args": argv, "driver_pod_template": pod(), "executor_pod_template": pod()}
    put("rest", pathlib.Path(path).parent.name, json.dumps(body, separators=(",", ":")))
rest("owned", driver=pod(ownerReferences=[owner]), executor=pod(ownerReferences=[{**owner, "controller": False}]))

# What once took too much, of a size that does no harm: a fuzzer makes it larger.
doubling = ["spark.a0="] + [f"spark.a{n}=${{spark.a{n - 1}}}${{spark.a{n - 1}}}" for n in range(1, 9)]
rest("references-double", doubling + ["spark.kubernetes.namespace=j${spark.a8}"])
chain = ["spark.b0=jobs"] + [f"spark.b{n}=${{spark.b{n - 1}}}" for n in range(1, 40)]
rest("references-chain", chain + ["spark.kubernetes.namespace=${spark.b39}"])
rest("references-long", ["spark.c=" + "x" * 600, "spark.app.name=" + "${spark.c}" * 30])
rest("references-circle", ["spark.d=${spark.e}", "spark.e=${spark.d}", "spark.app.name=${spark.d}"])
rest("references-name", ["spark.app.password=p", "spark.kubernetes.driver.pod.name=${spark.app.password}"])
rest("containers-empty", driver=pod({"containers": [{}] * 400}))
rest("containers-empty-executor", executor=pod({"containers": [{}] * 400}))
rest("owners-many", driver=pod(ownerReferences=[owner] * 100))
rest("local-dirs-many", ["spark.local.dir=" + ",".join(f"/d{n}" for n in range(200))])
rest("field-name-long", driver=pod({"containers": [], "x" * 2000: 1}))
rest("number-long", driver=pod({"containers": [], "priority": "@"}))
path = root / "fuzz/corpus/rest/number-long"
path.write_text(path.read_text().replace('"@"', "1" * 2000))
rest("ignored-key", ignored=[0] * 2000)
rest("depth", driver={"metadata": {"annotations": {}}, "spec": json.loads("[" * 100 + "]" * 100)})
put("rest", "key-twice", '{"submission_id":"a","submission_id":"b","spark_submit_args":["x"],"spark_submit_args":["y"]}')
put("rest", "id-long", json.dumps({"submission_id": "i" * 2000, "spark_submit_args": plain + ["local:///a.jar"]}))
put("rest", "not-utf8", b'{"submission_id":"\xff\xfe","spark_submit_args":["x"]}')

def manifest(name, text):
    put("proto", name, message([(2, "id"), (3, text)]))

for path in sorted(glob.glob(str(root / "examples/*.yaml"))):
    manifest("manifest-" + pathlib.Path(path).stem, open(path).read())
whole = {"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "metadata": {"name": "pi", "namespace": "jobs", "uid": "uid-1"},
         "spec": {"type": "Scala", "mode": "cluster", "sparkVersion": "4.0.1", "image": "i", "mainClass": "a.B", "mainApplicationFile": "local:///a.jar",
                  "driver": {"cores": 1, "memory": "1g", "template": pod(ownerReferences=[owner] * 20)}, "executor": {"instances": 1}}}
manifest("manifest-owners", json.dumps(whole))
manifest("manifest-references", json.dumps({**whole, "spec": {**whole["spec"], "sparkConf": dict(pair.split("=", 1) for pair in doubling)}}))
manifest("manifest-anchors", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n")
put("proto", "containers-empty", message(application(2, [(22, [(1, [(21, [])] * 300)])])))
put("proto", "cut-short", message(application(2, []))[:-7])
put("proto", "not-utf8", message([(2, "id")]) + b"\x0a\x06\x0a\x04\x0a\x02\xff\xfe")
