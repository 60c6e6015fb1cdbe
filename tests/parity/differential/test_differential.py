"""Tests of the fuzzer's own parts; they need neither Spark nor a JVM.

Run with `python3 -m unittest discover -s tests/parity/differential`.
"""

import pathlib
import re
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "record"))

import generator  # noqa: E402
import judgement  # noqa: E402
import known  # noqa: E402
import properties  # noqa: E402
import templates  # noqa: E402
from generator import Case, Part, conf  # noqa: E402
from shrinking import shrink  # noqa: E402

PAGE = HERE.parent.parent.parent / "docs" / "parity.md"


class Generator(unittest.TestCase):
    def test_a_seed_is_always_the_same_case_and_seeds_differ(self):
        for seed in range(50):
            self.assertEqual(generator.generate(seed), generator.generate(seed))
        self.assertGreater(len({tuple(generator.generate(seed).argv()) for seed in range(50)}), 45)

    def test_every_key_option_and_mode_comes_up(self):
        cases = [generator.generate(seed) for seed in range(4000)]
        said = {argument.split("=", 1)[0] for case in cases for argument in case.argv()}
        for key, *_ in generator.KEYS:
            self.assertIn(key, said)
        for option, _ in generator.OPTIONS:
            self.assertIn(option, said)
        self.assertTrue(any(case.files() for case in cases))
        self.assertTrue(any(part.document for case in cases for part in case.parts))


class Templates(unittest.TestCase):
    def test_a_document_becomes_yaml(self):
        document = {"spec": {"containers": [{"name": templates.Raw("a"), "args": [templates.Raw("|\n  x"), templates.Raw("")], "env": []}], "x": {}}}
        self.assertEqual(templates.to_yaml(document).lstrip("\n"),
                         "spec:\n  containers:\n    - name: a\n      args:\n        - |\n            x\n        - \n      env: []\n  x: {}")


class Properties(unittest.TestCase):
    def test_lines_are_read_as_java_reads_them(self):
        for text, expected in [
            ("a=b\nc d\ne: f\n# x\n! y\n\n", {"a": "b", "c": "d", "e": "f"}),
            ("a=1\\\n   2\\\\\nb = \\u00e9\\ud83d\\ude00\\t\\q", {"a": "12\\", "b": "é😀\tq"}),
            ("a\\ b\\=c\\:d==e", {"a b=c:d": "=e"}),
            ("=v\na=1\na=2\r\nb", {"": "v", "a": "2", "b": ""}),
        ]:
            with self.subTest(text=text):
                self.assertEqual(properties.load(text), expected)


class Shrinking(unittest.TestCase):
    def test_only_what_shows_the_difference_is_left(self):
        noise = tuple(conf(f"spark.n{index}", "x") for index in range(9))
        volume = Part(argv=("--conf", "a=1", "--conf", "b=2", "--conf", "c=3"))
        document = {"metadata": {"labels": {"a": templates.Raw("1")}}, "spec": {"containers": [{"x": templates.Raw("1"), "y": templates.Raw("2")}]}}
        template = Part(argv=("--conf", "spark.kubernetes.driver.podTemplateFile={{WORK}}/driver.yaml"), document=document)
        case = Case(parts=(*noise[:4], volume, *noise[4:], template), arguments=("x", "y"), name="n")

        def shows(smaller):
            return "b=2" in smaller.argv() and "y: 2" in smaller.files().get("driver.yaml", "")

        small = shrink(case, shows)
        self.assertEqual(small.argv()[8:], ["--class", "a.B", "--conf", "b=2", *template.argv, "local:///a.jar"])
        self.assertEqual(small.files(), {"driver.yaml": "spec:\n  containers:\n    - y: 2\n"})

    def test_attempts_are_bounded(self):
        tried = []
        shrink(generator.generate(1), lambda smaller: tried.append(smaller) or False, attempts=5)
        self.assertLessEqual(len(tried), 5)


class Judgement(unittest.TestCase):
    def test_an_open_quote_holds_no_options_of_spark_context(self):
        for option, left in [("-Da= -Djava.net.preferIPv6Addresses=false -Da=", "-Da= -Da="), ("-Da= --add-opens=java.base/java.lang=ALL-UNNAMED ", "-Da="),
                             ("-Da=x ", "-Da=x "), ("--add-opens=x", "--add-opens=x")]:
            with self.subTest(option=option):
                self.assertEqual(judgement._without_swallowed_options(option), left)

    def test_a_null_in_a_map_is_kept(self):
        self.assertEqual(judgement._without_empty({"spec": {"nodeSelector": {"a": None}, "volumes": []}}), {"spec": {"nodeSelector": {"a": None}}})


class Known(unittest.TestCase):
    def test_each_kind_has_a_row_and_each_row_a_kind(self):
        section = PAGE.read_text().split("## Kinds of differences", 1)[1].split("\n## ", 1)[0]
        rows = set(re.findall(r"(?m)^\| ([a-z][^|]*?) \|", section)) - {"kind"}
        self.assertEqual(rows, set(known.KINDS))

    def test_kinds_are_told_apart(self):
        for line, kind in [
            ("Pod/x.spec.hostname: 'a' != 'b'", None),
            ("Pod/x.spec.nodeSelector: null, only in the first", "nulls in maps of pod templates"),
            ("Pod/x.spec.nodeSelector: only in the first", None),
            ("Pod/x.spec.nodeSelector: null, only in the second", None),
            ("Pod/x.spec.hostname: 'n-1' != 'n-${spark.rdd.compress}'", "references to defaults"),
            ("executor: Pod/x.spec.hostname: 'n-1' != 'n-${spark.rdd.compress}'", "references to defaults"),
            ("Pod/x.spec.hostname: 'n-1g' != 'n-${spark.driver.memory}'", None),
            ("ConfigMap/c.properties.spark.jars: 's3a://b/k/a b,s3a://c/d' != 's3a://b//k/a%20b,s3a://c/d/'", "paths of URIs"),
            ("ConfigMap/c.properties.spark.jars: 's3a://b/k' != 's3a://b/l'", None),
            ("ConfigMap/c.properties.spark.jars: 's3a:/x.jar,s3a://b/k' != 's3a:///x.jar,s3a://b/k'", "paths of URIs"),
            ("ConfigMap/c.properties.spark.jars: 's3a:/b/x.jar' != 's3a://b/x.jar'", None),
            ("ConfigMap/c.properties.spark.jars: 's3a://b/x.jar' != 's3a://b/a/c/../../x.jar'", "paths of URIs"),
            ("ConfigMap/c.properties.spark.jars: 's3a://b/x.jar' != 's3a://b/a/../y/x.jar'", None),
            ("native-submit refuses: error: Pod (pod-driver) metadata.name: expected a value, found nothing (a.j2)", "required values"),
            ("native-submit refuses: error: Pod/x spec.containers[0].image: expected no white space at the ends (a.j2)", "required values"),
            ("native-submit refuses: error: Pod/x spec.containers[0].env[2].name: expected printable ASCII without `=`, found y", "names"),
            ("native-submit refuses: error: Pod/x spec.containers[0].env[3].valueFrom.secretKeyRef.key: expected at most 253 of `a`", "names"),
            ("native-submit refuses: error: Pod/x spec.volumes[0].nfs.path: expected a path that begins with `/` (a.j2)", "mounts and volumes"),
            ("native-submit refuses: error: Pod/x spec.volumes[0].hostPath.path: expected a path without `..` (a.j2)", "mounts and volumes"),
            ("native-submit refuses: error: spark.a: expected a name without a secret in it, found a reference", "secrets in names"),
            ("Spark refuses: org.apache.hadoop.fs.UnsupportedFileSystemException: No FileSystem for scheme \"LOCAL\"", "schemes"),
            ("native-submit refuses: warning: x\nerror: Pod/x metadata.name: expected a lowercase RFC 1123 subdomain, found `A`", "names"),
            ("native-submit refuses: error: Pod/x spec.dnsPolicy: expected one of A, B, found `x`\nPod/x metadata.labels.a: expected at most 63 of x",
             "closed values"),
            ("native-submit refuses: error: Pod/x spec.dnsPolicy: expected one of A, B, found `x`\nPod/x spec.y: expected z", None),
            ("Pod/x.spec.volumes[0].name: 'a.b-volume' != 'a-b-0536c1df-volume'", "volumes of Secrets"),
            ("Pod/x.spec.volumes[0].name: 'ab-volume' != 'a-b-0536c1df-volume'", None),
            ("native-submit refuses: error: spark.driver.memory: expected y", None),
            ("native-submit refuses: error: a.sizeLimit: expected a size such as 500Mi, found `٣٣٣٣`", "digits of other scripts"),
            ("native-submit refuses: error: a.sizeLimit: expected a size such as 500Mi, found `x`", None),
            ("executor: Pod/x.spec.schedulerName: 'a-/home/b' != 'a-${env:HOME}'", "variables of drivers"),
            ("executor: Pod/x.spec.schedulerName: 'b-/home/b' != 'a-${env:HOME}'", None),
            ("executor: Pod/x.spec.schedulerName: '${env:HOME}' != '/home/b'", None),
            ("Pod/x.spec.schedulerName: '/home/b' != '${env:HOME}'", None),
            ("Spark refuses: java.lang.IllegalArgumentException: URI scheme is not \"file\"", "jars of R"),
        ]:
            with self.subTest(line=line):
                self.assertEqual(known.kind_of(line), kind)


if __name__ == "__main__":
    unittest.main()
