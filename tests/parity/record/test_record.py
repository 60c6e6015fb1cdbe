"""Tests of the recorder's own parts; they need neither Spark nor a JVM.

Run with `python3 -m unittest discover -s tests/parity/record`.
"""

import json
import unittest
import urllib.error
import urllib.request

import apiserver
import comparison
import executors
import placeholders
import yaml_subset

TEXTS = ["", "a", "no", "Yes", "1", "-1", "1.5", "1.5g", "4.3.0", "1e3", "0x1F", "0o7", "010", "1_0", "12:30", "2026-01-01", "- a", "a: b",
         "a #b", "#x", " a", "a ", "a\n", "\na", "a\n\n", "l1\n  l2\n\nl3\n", " lead\nx", "a\n b \nc", "\ttab", "{x", "[x", "{{APP_ID}}", "*",
         "&a", "!x", "%", "@x", "`", "\u2028", "\x7f", "\u0085", "\ufeffx", "é", "漢字 🚀", "<ID>", "--x", "-", "--", "---", "...", "=", "~", "null",
         ".5", "+1", ".inf", "x:y", "x:", "a\r\nb", "k: |\n  x\n", "it's", '"q"', "true", "C:\\dir", "a\\u0041"]


class YamlSubset(unittest.TestCase):
    def test_any_text_comes_back_as_key_item_and_value(self):
        for text in TEXTS:
            for document in ({"k": text}, [text], {"k": [{"a": text, "b": text}]}, {text: text, "z": 1}):
                with self.subTest(document=document):
                    self.assertEqual(yaml_subset.load_documents(yaml_subset.dump_documents([document])), [document])

    def test_types_are_kept(self):
        document = {"i": 420, "f": 0.5, "t": True, "n": None, "m": {}, "l": [], "s": "420", "nested": [[1, [2]], {"a": [{"b": {}}]}]}
        self.assertEqual(yaml_subset.load_documents(yaml_subset.dump_documents([document, {"x": 1}])), [document, {"x": 1}])

    def test_a_merge_key_that_is_only_a_key_is_quoted(self):
        self.assertIn("'<<': 1", yaml_subset.dump_documents([{"<<": 1}]))


class Placeholders(unittest.TestCase):
    PLACES = {"MASTER": "k8s://http://127.0.0.1:4711", "WORK": "/tmp/x/work", "SPARK_HOME": "/opt/s"}

    def test_what_changes_from_run_to_run_is_named(self):
        for text, named in [
            ("spark-0123456789abcdef0123456789abcdef", "spark-<APPID>"),
            ("spark-pi-0123456789abcdef-driver-svc", "spark-pi-<ID>-driver-svc"),
            ("x123456789abcdef-driver", "x<ID>-driver"),
            ("/var/data/spark-12345678-1234-1234-1234-123456789abc", "/var/data/spark-<UUID>"),
            ("k8s\\://http\\://127.0.0.1\\:4711", "k8s\\://http\\://127.0.0.1\\:<PORT>"),
            ("127.0.0.1:47110", "127.0.0.1:47110"),
            ("12345678-1234-1234-1234-123456789abc", "12345678-1234-1234-1234-123456789abc"),
            ("#Mon Nov 23 04:08:15 UTC 2026\nspark.app.submitTime=1\n", "#<DATE>\nspark.app.submitTime=<MS>\n"),
            ("/tmp/x/work/a.jar", "{{WORK}}/a.jar"),
        ]:
            with self.subTest(text=text):
                self.assertEqual(placeholders.take_out(text, self.PLACES, 4711), named)

    def test_places_go_into_a_case_and_sparks_own_braces_stay(self):
        self.assertEqual(placeholders.fill_in_all(["{{WORK}}/a", {"k": "{{APP_ID}}"}], self.PLACES), ["/tmp/x/work/a", {"k": "{{APP_ID}}"}])


def pod(dirs, **labels):
    names = [f"spark-local-dir-{i}" for i in range(1, len(dirs) + 1)]
    return {"kind": "Pod", "metadata": {"name": "p", "labels": labels}, "spec": {
        "containers": [{"env": [{"name": "SPARK_LOCAL_DIRS", "value": ",".join(dirs)}],
                        "volumeMounts": [{"mountPath": d, "name": n} for d, n in zip(dirs, names)]}],
        "volumes": [{"name": n, "emptyDir": {}} for n in names]}}


class Comparison(unittest.TestCase):
    def test_shuffled_local_directories_are_the_same(self):
        self.assertEqual(comparison.differences([pod(["/a", "/b"])], [pod(["/b", "/a"])]), [])
        self.assertNotEqual(comparison.differences([pod(["/a", "/b"])], [pod(["/a", "/c"])]), [])

    def test_property_order_does_not_count_and_properties_do(self):
        def config_map(text):
            return {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"spark.properties": text}}

        self.assertEqual(comparison.differences([config_map("#x\na=1\nb=2\n")], [config_map("#y\nb=2\na=1\n")]), [])
        self.assertEqual(len(comparison.differences([config_map("a=1\n")], [config_map("a=2\n")])), 1)

    def test_the_last_env_of_a_name_counts(self):
        one, other = pod(["/a"]), pod(["/a"])
        one["spec"]["containers"][0]["env"] += [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
        other["spec"]["containers"][0]["env"] += [{"name": "A", "value": "2"}, {"name": "A", "value": "1"}]
        self.assertNotEqual(comparison.differences([one], [other]), [])

    def test_a_type_is_not_a_text(self):
        self.assertNotEqual(comparison.differences([pod(["/a"], x="1")], [pod(["/a"], x=1)]), [])


class Executors(unittest.TestCase):
    def driver(self, template=True):
        properties = f"spark.kubernetes.executor.podTemplateFile={executors.TEMPLATE_FILE}\n" if template else ""
        mounts = [{"name": "conf", "mountPath": "/opt/spark/conf"}]
        return [
            {"kind": "ConfigMap", "metadata": {"name": "t"}, "data": {"podspec-configmap-key": "spec: {}"}},
            {"kind": "Pod", "metadata": {"name": "d"}, "spec": {
                "containers": [{"name": "spark", "volumeMounts": mounts, "env": [
                    {"name": "SPARK_CONF_DIR", "value": "/opt/spark/conf/"}, {"name": "A", "value": "1"}, {"name": "A", "value": "2"},
                    {"name": "IP", "valueFrom": {}}, {"name": "EMPTY"}]}, {"name": "beside", "env": [{"name": "B", "value": "1"}]}],
                "volumes": [{"name": "conf", "configMap": {"name": "c", "items": [{"key": "x", "path": "y"}, {"key": "gone", "path": "z"}]}}]}},
            {"kind": "ConfigMap", "metadata": {"name": "c", "ownerReferences": [{"kind": "Pod", "name": "d", "uid": "u"}]},
             "data": {"spark.properties": properties, "x": "text"}},
        ]

    def test_a_driver_sees_its_containers_environment_files_and_template(self):
        seen = executors.seen_by_driver(self.driver())
        self.assertEqual(seen["env"], {"SPARK_HOME": "/opt/spark", "SPARK_CONF_DIR": "/opt/spark/conf/", "A": "2", "EMPTY": ""})
        self.assertEqual((seen["confFiles"], seen["mountedAtConfDir"]), ({"y": "text"}, True))
        self.assertEqual((seen["template"], seen["driverName"], seen["driverUid"]), ("spec: {}", "d", "u"))

    def test_a_template_that_no_property_names_is_not_seen(self):
        self.assertNotIn("template", executors.seen_by_driver(self.driver(template=False)))

    def test_there_is_no_executor_without_driver_or_properties(self):
        config_map, pod_, _ = self.driver()
        self.assertIsNone(executors.seen_by_driver([config_map, pod_]))
        self.assertIsNone(executors.seen_by_driver([config_map]))
        config_map, pod_, properties = self.driver()
        del pod_["metadata"]["name"]
        self.assertIsNone(executors.seen_by_driver([config_map, pod_, properties]))


class ApiServer(unittest.TestCase):
    def setUp(self):
        fault = {"method": "POST", "path": ".*/pods", "code": 429, "reason": "TooManyRequests", "message": "slow down", "times": 1, "retryAfter": 2}
        self.api = apiserver.RecordingApiServer([fault])
        self.addCleanup(self.api.close)

    def send(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.api.port}{path}", method=method,
                                         data=json.dumps(body).encode() if body else None)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def test_a_fault_ends_after_its_times_and_objects_are_kept_as_sent(self):
        sent = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
        pods = "/api/v1/namespaces/n/pods"
        self.assertEqual(self.send("POST", pods, sent)[0], 429)
        status, live = self.send("POST", pods, sent)
        self.assertEqual((status, live["metadata"]["uid"]), (201, "00000000-0000-4000-8000-000000000001"))
        self.assertEqual(self.api.recorded(), [sent])
        self.assertEqual(self.send("POST", pods, sent)[0], 409)
        self.assertEqual(self.send("PATCH", "/apis/g.io/v1/namespaces/n/things/t?force=true", {"kind": "T", "metadata": {"name": "t"}})[0], 201)
        self.assertEqual(self.send("DELETE", pods + "/p")[0], 200)
        self.assertEqual(self.api.deleted, ["Pod/p"])
        self.assertEqual(self.send("GET", pods + "/p")[0], 404)

    def test_a_prefix_before_the_api_is_accepted_and_lists_are_selected(self):
        for name, role in (("a", "driver"), ("b", "executor")):
            self.api.objects[f"/k8s/c/api/v1/namespaces/n/pods/{name}"] = {
                "sent": {"kind": "Pod", "metadata": {"name": name, "labels": {"spark-role": role}}}, "uid": name}
        _, found = self.send("GET", "/k8s/c/api/v1/namespaces/n/pods?labelSelector=spark-role%3Ddriver")
        self.assertEqual([item["metadata"]["name"] for item in found["items"]], ["a"])


if __name__ == "__main__":
    unittest.main()
