"""Records how the real spark-submit waits for a driver, and its `--status` and `--kill`, on the control plane of tests/e2e.

    tests/e2e/up
    python3 tests/parity/waiting/record.py [--spark 3.5.9,4.0.4,4.3.0] [--target DIRECTORY_OF_PYSPARK] [SCENARIO...]

There is no kubelet: this script writes the status of the driver Pod, as each scenario says. It keeps what spark-submit said,
its exit code, and the Pod as the API server had it after each step, in `VERSION.json` beside this file. What differs from run
to run is replaced: times, the port, the random parts of names.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(HERE.parent / "record"))
import distribution  # noqa: E402

# What stands in the recordings; a run may use another one, so that several can go on at once.
RECORDED = "waiting"
NAMESPACE = RECORDED
VERSIONS = ("3.5.9", "4.0.4", "4.3.0")
STARTED = "2026-01-02T03:04:05Z"
FINISHED = "2026-01-02T03:05:06Z"
SECONDS = 300


class Cluster:
    """The API server, as admin."""

    def __init__(self, run):
        self.config = config = json.loads(subprocess.run([str(ROOT / "tests/e2e/kubectl"), "config", "view", "--raw", "-o", "json"],
                                           check=True, capture_output=True, env={**os.environ, "E2E_RUN": str(run)}).stdout)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.url = cluster["server"]
        self.files = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.files.name)

        def file(name, where, key):
            if key in where:
                return where[key]
            import base64
            path = folder / name
            path.write_bytes(base64.b64decode(where[key + "-data"]))
            return str(path)

        context = ssl.create_default_context(cafile=file("ca", cluster, "certificate-authority"))
        context.load_cert_chain(file("cert", user, "client-certificate"), file("key", user, "client-key"))
        self.context = context

    def call(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode())
        request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, context=self.context) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def identity(self, name):
        """A kubeconfig with the token of this service account."""
        accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
        self.call("POST", accounts, {"metadata": {"name": name}})
        token = self.call("POST", f"{accounts}/{name}/token", {"spec": {}})["status"]["token"]
        config = {**self.config, "users": [{**self.config["users"][0], "user": {"token": token}}]}
        path = pathlib.Path(self.files.name) / f"{name}.kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def pods(self, name="", part=""):
        return f"/api/v1/namespaces/{NAMESPACE}/pods" + (f"/{name}" if name else "") + part

    def pod(self, name):
        return self.call("GET", self.pods(name))

    def status(self, name, status):
        return self.call("PATCH", self.pods(name, "/status"), {"status": status}, "application/merge-patch+json")

    def create(self, name, labels, status, node="none"):
        spec = {"nodeName": node, "serviceAccountName": "default", "volumes": [{"name": "v", "emptyDir": {}}],
                "containers": [{"name": "spark-kubernetes-driver", "image": "spark:x"}]}
        made = self.call("POST", self.pods(), {"metadata": {"name": name, "labels": labels}, "spec": spec})
        if made["kind"] != "Pod":
            raise AssertionError(made)
        if status:
            self.status(name, status)

    def clear(self):
        for pod in self.call("GET", self.pods())["items"]:
            self.call("DELETE", self.pods(pod["metadata"]["name"]), {"gracePeriodSeconds": 0})
        while self.call("GET", self.pods())["items"]:
            time.sleep(0.1)


def container(name, **state):
    return {"name": name, "image": "spark:x", "imageID": "", "ready": "running" in state, "restartCount": 0,
            "started": "running" in state, "state": state}


def waiting(reason):
    return container("spark-kubernetes-driver", waiting={"reason": reason})


def running(name="spark-kubernetes-driver"):
    return container(name, running={"startedAt": STARTED})


def ended(code, reason, name="spark-kubernetes-driver"):
    return container(name, terminated={"exitCode": code, "reason": reason, "startedAt": STARTED, "finishedAt": FINISHED})


def phase(phase, *containers, **more):
    return {"phase": phase, "startTime": STARTED, "containerStatuses": list(containers), **more}


RUNNING = phase("Running", running())
# Status by status; a string is something else that happens.
WAITS = {
    "succeeded": [phase("Pending", waiting("ContainerCreating")), RUNNING, phase("Succeeded", ended(0, "Completed"))],
    "failed": [RUNNING, phase("Failed", ended(3, "Error"), ended(0, "Completed", "sidecar"))],
    "evicted": [RUNNING, {"phase": "Failed", "reason": "Evicted", "message": "gone", "containerStatuses": None}],
    "image": [phase("Pending", waiting("ErrImagePull")), phase("Pending", waiting("ImagePullBackOff")), "delete"],
    "deleted": [RUNNING, "delete"],
    "recreated": [RUNNING, "recreate", "end"],
    "sigterm": [RUNNING, "sigterm"],
    "sigint": [RUNNING, "sigint"],
    "not": [],
    "unseen": [RUNNING, phase("Unknown", running()), phase("Succeeded", ended(0, "Completed"))],
}
DRIVER = {"spark-role": "driver", "spark-app-selector": "spark-1"}
PODS = {
    "a-driver": (DRIVER, RUNNING),
    "a-other-driver": (DRIVER, phase("Failed", ended(3, "Error"), running("sidecar"))),
    "a-pending": (DRIVER, None),
    "a-exec": ({"spark-role": "executor"}, RUNNING),
    "b-bare": ({}, phase("Pending", waiting("ContainerCreating"))),
}
GRACE = "spark.kubernetes.appKillPodDeletionGracePeriod"
OPERATIONS = {
    f"{option}-{name}": [f"--{option}", identity, *more]
    for option in ("status", "kill")
    for name, identity, more in [
        ("one", "waiting:a-driver", []),
        ("ended", "waiting:a-other-driver", []),
        ("pending", "waiting:a-pending", []),
        ("bare", "waiting:b-bare", []),
        ("executor", "waiting:a-exec", []),
        ("missing", "waiting:none", []),
        ("glob", "waiting:a-*", []),
        ("glob-one", "waiting:a-o*", []),
        ("glob-all", "waiting:*", []),
        ("glob-none", "waiting:x*", []),
        ("glob-missing-namespace", "nowhere:*", []),
        ("glob-inside", "waiting:a-*-driver", []),
        ("no-namespace", "a-driver", []),
        ("three-parts", "waiting:a:b", []),
        ("no-name", "waiting:", []),
        ("no-namespace-before", ":a-driver", []),
        ("bad-name", "waiting:A_b", []),
        ("empty", "", []),
        ("grace", "waiting:a-driver", ["--conf", f"{GRACE}=5"]),
        ("grace-zero", "waiting:a-driver", ["--conf", f"{GRACE}=0"]),
        ("grace-glob", "waiting:a-*", ["--conf", f"{GRACE}=7"]),
        ("grace-unit", "waiting:a-driver", ["--conf", f"{GRACE}=1m"]),
        ("grace-wrong", "waiting:a-driver", ["--conf", f"{GRACE}=soon"]),
        ("grace-negative", "waiting:a-driver", ["--conf", f"{GRACE}=-5"]),
        ("two", "waiting:a-driver", ["--status" if option == "kill" else "--kill", "waiting:a-other-driver"]),
        ("with-resource", "waiting:a-driver", ["local:///a.jar"]),
        ("client-mode", "waiting:a-driver", ["--deploy-mode", "client"]),
        ("cluster-mode", "waiting:a-driver", ["--deploy-mode", "cluster"]),
        ("unreachable", "waiting:a-driver", ["UNREACHABLE"]),
        ("forbidden", "waiting:a-driver", ["FORBIDDEN"]),
        ("forbidden-glob", "waiting:a-*", ["FORBIDDEN"]),
    ]
    if option == "kill" or not name.startswith("grace")
}


class Run:
    """One spark-submit."""

    def __init__(self, spark, cluster, argv, kubeconfig):
        self.scratch = tempfile.TemporaryDirectory()
        environment = distribution.clean_environment(self.scratch.name)
        environment.update(spark.jvm_options())
        environment["KUBECONFIG"] = str(kubeconfig)
        self.process = subprocess.Popen([str(spark.home / "bin/spark-submit"), *argv], env=environment, cwd=self.scratch.name,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines, self.output = [], []
        self.readers = [threading.Thread(target=self._read, args=pair) for pair in
                        ((self.process.stderr, self.lines), (self.process.stdout, self.output))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(stream, into):
        for line in stream:
            into.append(line.decode(errors="replace").rstrip("\n"))

    def until(self, text, count=1):
        end = time.monotonic() + SECONDS
        while sum(text in line for line in self.lines) < count:
            if self.process.poll() is not None or time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def end(self):
        try:
            code = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "still there"
        for reader in self.readers:
            reader.join()
        self.scratch.cleanup()
        return code


def tidy(lines, cluster):
    """The lines without what differs from run to run, and without what Spark says of itself and of this machine."""
    kept, skipping = [], False
    for line in lines:
        line = line.replace(cluster.url, "https://API-SERVER")
        line = re.sub(r"127\.0\.0\.1(:|/127\.0\.0\.1:)\d+", "API-SERVER", line)
        line = re.sub(r"^\d\d/\d\d/\d\d \d\d:\d\d:\d\d ", "DATE ", line)
        if re.match(r"(DATE )?(WARNING|WARN (BlockedThreadChecker|Utils|NativeCodeLoader)|INFO (SslContext|SparkKubernetesClientFactory|ShutdownHookManager"
                    r"|BasicDriverFeatureStep|KerberosConfDriverFeatureStep|KubernetesUtils|KubernetesClientUtils|SecurityManager|HadoopUtil))|Using Spark's default"
                    r"|Setting default log level|To adjust logging", line):
            skipping = True
            continue
        if line.startswith("DATE") or not line.startswith(("\t", " ")):
            skipping = False
        if skipping or re.match(r"\s+(at |\.\.\. \d+ more)", line):
            continue
        kept.append(line)
    return kept


def record_wait(name, spark, cluster, interval="60s"):
    cluster.clear()
    argv = ["--master", f"k8s://{cluster.url}", "--deploy-mode", "cluster", "--name", "Pi of mine", "--class", "a.B",
            "--conf", f"spark.kubernetes.namespace={NAMESPACE}", "--conf", "spark.kubernetes.container.image=spark:x",
            "--conf", "spark.kubernetes.driver.pod.name=pi-driver", "--conf", f"spark.kubernetes.report.interval={interval}",
            "--conf", f"spark.kubernetes.submission.waitAppCompletion={str(name != 'not').lower()}", "local:///a.jar"]
    run = Run(spark, cluster, argv, cluster.kubeconfig)
    if name != "not":
        run.until("Waiting for application")
        run.until("phase: Pending")
    else:
        run.until("Deployed")
    pods, steps = [cluster.pod("pi-driver")], WAITS[name]
    for index, step in enumerate(steps):
        seen = sum("State changed" in line for line in run.lines)
        if step == "delete":
            pods.append("deleted")
            cluster.call("DELETE", cluster.pods("pi-driver"), {"gracePeriodSeconds": 0})
            break
        if step == "recreate":
            pods.append("deleted")
            cluster.call("DELETE", cluster.pods("pi-driver"), {"gracePeriodSeconds": 0})
            cluster.create("pi-driver", DRIVER, RUNNING)
            time.sleep(2)
        elif step == "end":
            cluster.call("DELETE", cluster.pods("pi-driver"), {"gracePeriodSeconds": 0})
        elif step in ("sigterm", "sigint"):
            run.process.send_signal(signal.SIGTERM if step == "sigterm" else signal.SIGINT)
        else:
            pods.append(cluster.status("pi-driver", step))
            run.until("State changed", seen + 1)
            time.sleep(0.3)
    code = run.end()
    left = cluster.pod("pi-driver").get("kind") == "Pod"
    return {"argv": argv, "pods": pods, "exit_code": code, "stderr": run.lines, "stdout": run.output, "pod_left": left}


def record_operation(name, spark, cluster, forbidden):
    cluster.clear()
    for pod, (labels, status) in PODS.items():
        cluster.create(pod, labels, status)
    before = [pod for pod in cluster.call("GET", cluster.pods())["items"]]
    words = [word.replace(RECORDED, NAMESPACE) for word in OPERATIONS[name]]
    url, kubeconfig = cluster.url, cluster.kubeconfig
    if "UNREACHABLE" in words:
        words.remove("UNREACHABLE")
        url = "https://127.0.0.1:1"
        words += ["--conf", "spark.kubernetes.submission.connectionTimeout=500"]
    if "FORBIDDEN" in words:
        words.remove("FORBIDDEN")
        kubeconfig = forbidden
    argv = ["--master", f"k8s://{url}", *words]
    run = Run(spark, cluster, argv, kubeconfig)
    code = run.end()
    after = {pod["metadata"]["name"]: pod["metadata"].get("deletionGracePeriodSeconds")
             for pod in cluster.call("GET", cluster.pods())["items"]}
    return {"argv": argv, "pods": before, "exit_code": code, "stderr": run.lines, "stdout": run.output, "left": after}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--spark", default=",".join(VERSIONS))
    parser.add_argument("--target", default=str(ROOT / "target/parity"))
    parser.add_argument("--run", type=pathlib.Path, default=ROOT / "target/e2e/run")
    parser.add_argument("--namespace", default=RECORDED)
    options = parser.parse_args()
    global NAMESPACE
    NAMESPACE = options.namespace
    # A shell that started this in the background has it ignored, and a JVM inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    cluster = Cluster(options.run.resolve())
    cluster.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    # Else the controllers remove Pods that are bound to it.
    cluster.call("POST", "/api/v1/nodes", {"metadata": {"name": "none"}})
    while "kind" not in (found := cluster.call("GET", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default")) or found["kind"] != "ServiceAccount":
        time.sleep(0.5)
    # By tokens: fabric8 can't read the admin's key.
    cluster.kubeconfig = cluster.identity("somebody")
    cluster.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
        "metadata": {"name": f"somebody-{NAMESPACE}"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "somebody", "namespace": NAMESPACE}]})
    forbidden = cluster.identity("nobody")
    for version in options.spark.split(","):
        spark = distribution.Distribution(version, options.target)
        spark.install()
        path = HERE / f"{version}.json"
        recorded = json.loads(path.read_text()) if path.exists() else {}
        scenarios = {**{f"wait-{name}": (lambda n=name: record_wait(n, spark, cluster)) for name in WAITS},
                     "wait-interval": lambda: record_wait("unseen", spark, cluster, "1s"),
                     **{name: (lambda n=name: record_operation(n, spark, cluster, forbidden)) for name in OPERATIONS}}
        for name, record in scenarios.items():
            if options.names and name not in options.names:
                continue
            began = time.monotonic()
            found = record()
            for stream in ("stderr", "stdout"):
                found[stream] = tidy(found[stream], cluster)
            found["argv"] = [word.replace(cluster.url, "https://API-SERVER") for word in found["argv"]]
            for pod in found["pods"]:
                if isinstance(pod, dict):
                    pod["metadata"].pop("managedFields", None)
            recorded[name] = json.loads(json.dumps(found).replace(NAMESPACE, RECORDED))
            print(f"{version} {name}: {found['exit_code']} in {time.monotonic() - began:.1f} s", flush=True)
            path.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
