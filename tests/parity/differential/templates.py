"""Random pod templates: documents whose leaves are texts of YAML (`Raw`), and their text."""

from dataclasses import dataclass

TEXTS = (
    ["abc", '"abc"', "'a''b'", '"a\\tb"', "a b", "x-y", "é", '"\\u00e9\\x41"', '""', "''", "|\n  l1\n  l2", ">\n  f1\n  f2\n\n  f3", "|-\n  x", "a:b", "a#b",
     "!!str 123", '"123"', "'true'", '"null"', "abc # comment", "$(X)", '"{{APP_ID}}"', "'${spark.q}'", "-x", "?x", "a, b"],
    ["123", "1.0", "1.10", "1e3", "true", "yes", "on", "y", "No", "null", "~", "", "0x1F", "0o17", "017", "1_000", "2001-01-01", ".inf", "-.inf", ".NaN",
     "12:30:45", "+1", "-0", "0.10", "1.", ".5", "1e400", "123456789012345678901234567890", "0b101", "True", "FALSE", "NULL", "=", "1e-7", "1E10", "1.0e10",
     "0.1e1", "1234567890123456789", "00", "08", "-017", "+0x1", "1,000", "OFF", "1.5E+3", "0o8", "_1", "1_", "1:2", "190:20:30", "6.8523015e+5"])
INTEGERS = (["1", "30", "1000", '"5"', "600"],
            ["1.0", "1.5", "0x10", "0o17", "017", "1e1", "+1", "-1", "1_000", "true", "null", '""', '" 5 "', '"0x10"', "abc", "2147483648", "", "5.", "0b11",
             "1:30", "08", "00", "'-0'"])
BOOLEANS = (["true", "false"], ["True", "TRUE", "yes", "no", "on", "off", '"true"', "'false'", '"True"', "1", "0", '""', "null", "~", "y", "n", '"yes"', "2",
                                "abc", "", "tRue"])
QUANTITIES = (["1", "100m", "0.5", '"1Gi"', "1Gi", "2G", "512Mi", '"1"', "1.5Gi"],
              ["1e3", "1.50", "01", "0x10", "1_000", "null", '""', "true", "1.0", "1e-3", "abc", ".5", "5.", "+1", "-1", "100 m", "1Kib", "1ki", "", "1.10", "0.0001",
               "1500000u", "017", "0o17", "1e7", "12345678.0", "0.00001"])
# Above what Spark requests, each in another form.
LIMITS = (["64", "16000m", '"32"', "40.5"], ["1e3", "64.50", "0x10", "1_000", "100.0", "1e+2", "+16", "17000 m", "064", "0o70", "1e7", "12345678.0", "16000000u", "null"])
PORTS = (["80", "http", '"http"'], ['"80"', "80.0", "true", "null", "1e2", "0x50", "050", '""', "-1", "99999999999", "1.5", "", "+80", "1_0"])
NAMES = ["main", "spark-kubernetes-driver", "side", "executor"]


@dataclass(frozen=True)
class Raw:
    """A leaf, as YAML has it."""

    text: str


class Templates:
    """Makes documents out of a random source; where `oddity` is 0 each leaf is of the type that its field has."""

    def __init__(self, random, oddity):
        self.random = random
        self.oddity = oddity
        self.volumes = []

    def leaf(self, pools, usual=None):
        odd = self.random.random() < self.oddity
        return Raw(self.random.choice(pools[1] if odd else usual or pools[0]))

    def text(self, *usual):
        return self.leaf(TEXTS, usual)

    def checked(self, *usual):
        """A text of which the API server takes few: seldom an odd one, for that is refused, and shows nothing else."""
        return self.text(*usual) if self.random.random() < 0.1 else Raw(self.random.choice(usual))

    def limit(self):
        """Of CPU: what Spark requests is below the usual ones."""
        return self.leaf(QUANTITIES if self.random.random() < 0.1 else LIMITS)

    def integer(self):
        return self.leaf(INTEGERS)

    def boolean(self):
        return self.leaf(BOOLEANS)

    def quantity(self):
        return self.leaf(QUANTITIES)

    def some(self, fields, share=0.25):
        """Some of these fields, each made by its function."""
        return {name: make() for name, make in fields.items() if self.random.random() < share}

    def mapping(self, free=False):
        """Labels and the like; of `free` ones the API server takes any value."""
        text = self.text if free else self.checked
        return {self.random.choice(["a", "b", "app", "x.y/z"]): text("abc", "x-y", '"1"', "v1") for _ in range(self.random.randint(1, 2))}

    def template(self):
        names = self.random.sample(NAMES, self.random.randint(1, 3))
        self.volumes = self.random.sample(["v", "w", "u"], self.random.choice([0, 0, 1, 2]))
        spec = self.some({
            "nodeSelector": self.mapping,
            "tolerations": lambda: [{"key": self.checked("k"), "operator": self.checked("Exists"), "effect": Raw("NoSchedule")}],
            "affinity": lambda: {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": self.checked("k"), "operator": Raw("In"), "values": [self.checked("v")]}]}]}}},
            "serviceAccountName": lambda: self.checked("tsa"),
            "automountServiceAccountToken": self.boolean, "hostNetwork": self.boolean, "hostPID": self.boolean,
            "dnsPolicy": lambda: self.checked("Default", "ClusterFirst"),
            "dnsConfig": lambda: {"nameservers": [self.checked("1.1.1.1")], "options": [{"name": Raw("ndots"), "value": self.text('"2"')}]},
            "hostAliases": lambda: [{"ip": self.checked("1.2.3.4"), "hostnames": [self.checked("h", '"8"')]}],
            "hostname": lambda: self.checked("h"), "subdomain": lambda: self.checked("sd"), "priorityClassName": lambda: self.checked("hi"),
            "schedulerName": lambda: self.checked("tsched"), "terminationGracePeriodSeconds": self.integer, "activeDeadlineSeconds": self.integer,
            "securityContext": lambda: self.some({"runAsUser": self.integer, "fsGroup": self.integer, "runAsNonRoot": self.boolean,
                                                  "supplementalGroups": lambda: [self.integer()]}, 0.5),
            "imagePullSecrets": lambda: [{"name": self.checked("ips")}], "restartPolicy": lambda: Raw("Always"),
            "enableServiceLinks": self.boolean, "shareProcessNamespace": self.boolean, "runtimeClassName": lambda: self.checked("rc"),
            "initContainers": lambda: [self.container("init")],
        }, 0.13)
        if self.volumes:
            spec["volumes"] = [self.volume(name) for name in self.volumes]
        if self.random.random() < 0.8:
            spec["containers"] = [self.container(name) for name in names]
        template = self.some({"apiVersion": lambda: Raw("v1"), "kind": lambda: Raw("Pod")}, 0.7)
        metadata = self.some({"labels": self.mapping, "annotations": lambda: self.mapping(free=True), "name": lambda: self.text("tname"), "namespace": lambda: self.text("tns"),
                              "finalizers": lambda: [Raw("a/b")]}, 0.2)
        if metadata:
            template["metadata"] = metadata
        template["spec"] = spec
        return template

    def mounted(self):
        """Names of some of the template's volumes; seldom of one that nothing has, or Spark alone."""
        if self.random.random() < 0.03:
            return [self.random.choice(["x", "spark-local-dir-1"])]
        return self.random.sample(self.volumes, self.random.randint(0, len(self.volumes)))

    def pod_group(self):
        """Volcano's template."""
        spec = self.some({"minMember": self.integer, "queue": lambda: self.text("q"), "priorityClassName": lambda: self.text("hi"),
                          "minResources": lambda: {"cpu": self.quantity(), "memory": self.quantity()},
                          "minTaskMember": lambda: {"driver": self.integer()}}, 0.5)
        metadata = self.some({"labels": self.mapping, "annotations": lambda: self.mapping(free=True), "name": lambda: self.text("n")}, 0.3)
        return {"apiVersion": Raw("scheduling.volcano.sh/v1beta1"), "kind": Raw("PodGroup"), "metadata": metadata, "spec": spec}

    def container(self, name):
        container = {"name": Raw(name), "image": self.text("img", "r/x:1")}
        container.update(self.some({
            "imagePullPolicy": lambda: self.checked("Always"), "command": lambda: [self.text() for _ in range(2)], "args": lambda: [self.text() for _ in range(2)],
            "env": lambda: [self.variable() for _ in range(self.random.randint(1, 3))],
            "envFrom": lambda: [{"configMapRef": {"name": Raw("c"), "optional": self.boolean()}, "prefix": self.text("P_")}],
            "resources": lambda: {"limits": {"cpu": self.limit(), "nvidia.com/gpu": Raw("1")}, "requests": {"memory": self.quantity()}},
            "ports": lambda: [{"containerPort": self.integer(), "name": Raw("metrics")}],
            "volumeMounts": lambda: [{"name": Raw(name), "mountPath": self.text(f"/{name}", f"/x/{name}"), "readOnly": self.boolean(), "subPath": self.text("s")}
                                     for name in self.mounted()],
            "livenessProbe": self.probe, "readinessProbe": self.probe, "lifecycle": lambda: {"preStop": {"exec": {"command": [self.text()]}}},
            "securityContext": lambda: self.some({"runAsUser": self.integer, "privileged": lambda: self.boolean() if self.random.random() < 0.1 else Raw("false"), "allowPrivilegeEscalation": self.boolean,
                                                  "capabilities": lambda: {"drop": [Raw("ALL")]}}, 0.4),
            "workingDir": lambda: self.text("/w"), "stdin": self.boolean, "tty": self.boolean,
            "resizePolicy": lambda: [{"resourceName": Raw("cpu"), "restartPolicy": Raw("NotRequired")}],
        }, 0.15))
        return container

    def variable(self):
        name = Raw(self.random.choice(["A", "B", "SPARK_LOCAL_DIRS", "PATH", "SPARK_USER", "C"]))
        return {"name": name, **self.random.choice([
            lambda: {"value": self.text()},
            lambda: {"valueFrom": {"secretKeyRef": {"name": Raw("s"), "key": Raw("k"), "optional": self.boolean()}}},
            lambda: {"valueFrom": {"fieldRef": {"fieldPath": Raw("metadata.name")}}},
            lambda: {"valueFrom": {"resourceFieldRef": {"resource": Raw("limits.cpu"), "divisor": self.quantity()}}},
        ])()}

    def probe(self):
        return {"periodSeconds": self.integer(), **self.random.choice([
            lambda: {"httpGet": {"port": self.leaf(PORTS), "path": self.text("/x")}},
            lambda: {"exec": {"command": [self.text()]}},
            lambda: {"tcpSocket": {"port": self.leaf(PORTS)}},
        ])()}

    def volume(self, name):
        return {"name": Raw(name), **self.random.choice([
            lambda: {"emptyDir": {"medium": self.checked("Memory"), "sizeLimit": self.quantity()}},
            lambda: {"emptyDir": {}},
            lambda: {"configMap": {"name": self.checked("c"), "defaultMode": Raw(self.random.choice(["420", "0644", "0400", "0x1a4"])), "optional": self.boolean()}},
            lambda: {"secret": {"secretName": self.checked("s"), "defaultMode": Raw("256")}},
            lambda: {"hostPath": {"path": self.text("/h"), "type": Raw("Directory")}},
            lambda: {"persistentVolumeClaim": {"claimName": self.checked("c"), "readOnly": self.boolean()}},
            lambda: {"projected": {"sources": [{"serviceAccountToken": {"path": Raw("t"), "expirationSeconds": Raw("600")}}]}},
            lambda: {"csi": {"driver": Raw("d"), "volumeAttributes": self.mapping(free=True)}},
        ])()}


def to_yaml(node, indent=0):
    """The text of a document; what stands after `key:` or `-` begins with a space or a line break."""
    pad = " " * indent
    if isinstance(node, Raw):
        return " " + node.text.replace("\n", "\n" + pad)
    if not node:
        return " {}" if isinstance(node, dict) else " []"
    if isinstance(node, dict):
        return "\n" + "\n".join(f"{pad}{key}:{to_yaml(value, indent + 2)}" for key, value in node.items())
    items = []
    for item in node:
        text = to_yaml(item, indent + 2)
        # The first field of a mapping stands on the dash's line.
        items.append(f"{pad}-" + (" " + text.lstrip() if isinstance(item, dict) and item else text))
    return "\n" + "\n".join(items)
