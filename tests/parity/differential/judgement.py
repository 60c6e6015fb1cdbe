"""One case through real Spark and through native-submit, and what differs."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess

import comparison
import executors
import placeholders
import properties

ID = "3f0c2b1a-9d1e-4c57-8a52-0123456789ab"
SECONDS = 120
# Stand-ins of native-submit's for what only the driver knows (src/spark/plan/executor/draft.rs).
DRIVER_IP = "ip-of-the-driver-pod"
SECRET = "generated-by-the-driver"
NOT_CREATED = "native-submit/not-created"
# What SparkContext adds to every Java, or what it begins with.
OF_EVERY_JAVA = ("-Djava.net.preferIPv6Addresses=false", "-XX:+IgnoreUnrecognizedVMOptions", "--add-modules=jdk.incubator.vector", "--add-opens=",
                 "-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.", "--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")
# What native-submit says where only the driver can know its executors.
ONLY_THE_DRIVER = ("in the driver's image", "that nobody else sees", "so only the driver knows")
# Fields that are dropped where they say nothing.
SAY_NOTHING = {"resources": {}, "annotations": {}, "labels": {}, "env": [], "metadata": {}, "volumeMounts": [], "volumes": [], "subPath": "",
               "readOnly": False, "publishNotReadyAddresses": False, "limits": {}, "requests": {}, "securityContext": {}, "ownerReferences": [],
               "args": [], "ports": [], "items": []}


class Judge:
    """Compares on one Spark version; `jvm` is that version's."""

    def __init__(self, jvm, version, binary):
        self.jvm = jvm
        self.version = version
        self.binary = binary
        self.work = jvm.scratch / "case"

    def differences(self, case):
        """What differs, as lines; none if nothing does. Where both refuse nothing does."""
        self._lay_out(case)
        argv = [self._filled(argument) for argument in case.argv()]
        environment = {name: self._filled(value) for name, value in case.environment().items()}
        if any("\0" in text for text in argv):
            return []
        self.jvm.send({"submit": {"argv": argv, "env": environment}})
        # Both run at the same time; the API server's address is in what is compared, and taken out of both.
        ours = self._native(argv, environment)
        theirs = self.jvm.receive()
        if ours is None:
            return [f"native-submit doesn't end within {SECONDS} s"]
        if theirs.get("error") == "timeout":
            return []
        if ours.crashed:
            return [f"native-submit crashes: {ours.message}"]
        if "error" in theirs:
            return [] if ours.refused else [f"Spark refuses: {theirs['error']}"]
        if ours.refused:
            # The driver would end before it makes an executor: that is refused at once.
            early = "executor" in ours.message and not self._executor_of(theirs["objects"]).get("ok", True)
            return [] if early else [f"native-submit refuses: {ours.message}"]
        port = int(self.jvm.master.rsplit(":", 1)[1])
        found = comparison.differences(self._comparable(theirs["objects"], port), self._comparable(ours.objects, port))
        return found + self._executor(theirs["objects"], ours, port)

    def _executor_of(self, driver, prefix="p"):
        """What Spark makes of executor 1, or why it makes none; nothing without a driver."""
        request = executors.seen_by_driver(driver)
        if request is None:
            return {}
        request.update(driverIp=DRIVER_IP, prefix=prefix)
        return self.jvm.ask({"executor": request})

    def _executor(self, driver, ours, port):
        mine = next((made for made in ours.executor if made["kind"] == "Pod"), None)
        name = (mine or {}).get("metadata", {}).get("name", "")
        answer = self._executor_of(driver, name.removesuffix("-exec-1") or "p")
        # A file or a class in the driver's image takes part, or what else its JVM is given: native-submit says that it can't see that.
        if not answer or (mine is None and any(words in ours.message for words in ONLY_THE_DRIVER)):
            return []
        if not answer["ok"]:
            # A warning says that executors won't start.
            return [] if mine is None or "executor" in ours.message else [f"executor: Spark refuses: {answer['error']}"]
        if mine is None:
            return [f"executor: native-submit makes none: {ours.message}"]
        text = json.dumps(answer["docs"])
        if "secret" in answer:
            text = text.replace(answer["secret"], SECRET)
        theirs = json.loads(text)
        found = comparison.differences(self._comparable(theirs, port, True), self._comparable(ours.executor, port, True))
        return [f"executor: {line}" for line in found]

    def _comparable(self, objects, port, executor=False):
        places = {"WORK": str(self.work), "SPARK_HOME": str(self.jvm.home)}
        objects = placeholders.take_out_all(objects, places, port)
        objects = json.loads(re.sub(r"spark-exec-(<ID>|[0-9a-f]{16})-conf-map", "spark-exec-<ID>-conf-map", json.dumps(objects)))
        objects = [_plain(made) for made in _claims_by_volume(objects)]
        for made in objects:
            data = made.get("data") or {}
            if executors.PROPERTIES in data:
                # As pairs, however each is escaped.
                pairs = properties.load(data.pop(executors.PROPERTIES))
                made["properties"] = {key: value for key, value in pairs.items() if key != "spark.app.submitTime"}
            if executors.TEMPLATE_KEY in data:
                made["template"] = _without_empty(self.jvm.ask({"template": data.pop(executors.TEMPLATE_KEY)}))
                made["template"].pop("id", None)
            if executor and made["kind"] == "Pod":
                _without_context_options(made)
        return objects

    def _native(self, argv, environment):
        command = [self.binary, "render", "--spark-submit", "--submission-id", ID, "--spark-version", self.version, "--executor", "--output", "json", "--"]
        everything = {"PATH": os.environ["PATH"], "HOME": str(self.jvm.scratch / "home"), "LANG": "C.UTF-8", "TZ": "UTC", "EXECUTOR_CHECK": "warn",
                      "SPARK_HOME": str(self.jvm.home), **environment}
        command += [argument.replace("{{MASTER}}", self.jvm.master) for argument in argv]
        try:
            return _Native(subprocess.run(command, env=everything, cwd=self.jvm.scratch / "work", capture_output=True, timeout=SECONDS, check=False))
        except subprocess.TimeoutExpired:
            return None

    def _lay_out(self, case):
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        for name, text in case.files().items():
            path = pathlib.Path(self.work, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._filled(text).encode())

    def _filled(self, text):
        return text.replace("{{WORK}}", str(self.work))


class _Native:
    """What native-submit answered."""

    def __init__(self, done):
        self.message = done.stderr.decode(errors="replace").strip()
        self.refused = done.returncode == 1
        self.crashed = done.returncode not in (0, 1) or "panicked" in self.message
        items = json.loads(done.stdout)["items"] if done.returncode == 0 else []
        self.executor = [made for made in items if NOT_CREATED in made["metadata"].get("annotations", {})]
        self.objects = [made for made in items if made not in self.executor]


def _plain(made):
    """An object without what the API server, native-submit or the garbage collector alone use."""
    metadata = made.get("metadata") or {}
    for name in ("namespace", "creationTimestamp"):
        metadata.pop(name, None)
    for name in [name for name in metadata.get("annotations") or {} if name.startswith("native-submit/")]:
        del metadata["annotations"][name]
    owners = [owner for owner in metadata.get("ownerReferences") or [] if owner.get("kind") != "Pod"]
    metadata["ownerReferences"] = owners
    made.pop("status", None)
    if made["kind"] == "Pod":
        spec = made.get("spec") or {}
        spec["volumes"] = _same_names_in_order(spec.get("volumes") or [])
    return _without_empty(made)


def _same_names_in_order(volumes):
    """Of volumes of several kinds that have one name, which comes first is a hash order."""
    places = collections.defaultdict(list)
    for place, volume in enumerate(volumes):
        places[volume.get("name")].append(place)
    ordered = list(volumes)
    for of_name in places.values():
        for place, volume in zip(of_name, sorted((volumes[place] for place in of_name), key=lambda volume: json.dumps(volume, sort_keys=True))):
            ordered[place] = volume
    return ordered


def _without_empty(value):
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    if isinstance(value, dict):
        # A null of Spark's stays: it is an entry of a map, and all other nulls Spark's client leaves out.
        kept = {name: _without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if name not in SAY_NOTHING or item != SAY_NOTHING[name]}
    return value


def _claims_by_volume(objects):
    """The number in `…-pvc-<n>` is a volume's place in a hash order."""
    text = json.dumps(objects)
    for made in objects:
        for volume in ((made.get("spec") or {}).get("volumes") or []) if made["kind"] == "Pod" else []:
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName") or ""
            if re.search(r"-pvc-\d+$", claim):
                named = re.sub(r"\d+$", lambda _, name=volume.get("name"): f"<{name}>", claim)
                text = text.replace(json.dumps(claim), json.dumps(named))
    return json.loads(text)


def _without_context_options(pod):
    """The executor Pod without the Java options that SparkContext adds; the numbers of the others are a hash order."""
    for container in pod["spec"].get("containers") or []:
        env = container.get("env") or []
        for variable in env:
            if variable.get("name", "").startswith("SPARK_JAVA_OPT_"):
                variable["value"] = _without_swallowed_options(variable["value"])
        java = [variable for variable in env if variable.get("name", "").startswith("SPARK_JAVA_OPT_")]
        options = sorted(variable["value"] for variable in java if not variable["value"].startswith(OF_EVERY_JAVA))
        others = [variable for variable in env if variable not in java]
        container["env"] = others + [{"name": "SPARK_JAVA_OPT", "value": option} for option in options]


def _without_swallowed_options(option):
    """An option without those of SparkContext in it: it has an open quote, which holds together all that follows."""
    words = option.split(" ")
    kept = words[:1] + [word for word in words[1:] if not word.startswith(OF_EVERY_JAVA)]
    # What stands behind them may be nothing.
    return option if len(kept) == len(words) else " ".join(kept).rstrip(" ")
