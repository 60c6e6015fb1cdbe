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

    def leaf(self, pools, usual=None):
        odd = self.random.random() < self.oddity
        return Raw(self.random.choice(pools[1] if odd else usual or pools[0]))

    def text(self, *usual):
        return self.leaf(TEXTS, usual)

    def integer(self):
        return self.leaf(INTEGERS)

    def boolean(self):
        return self.leaf(BOOLEANS)

    def quantity(self):
        return self.leaf(QUANTITIES)

    def some(self, fields, share=0.25):
        """Some of these fields, each made by its function."""
        return {name: make() for name, make in fields.items() if self.random.random() < share}

    def mapping(self):
        return {self.random.choice(["a", "b", "app", "x.y/z"]): self.text("abc", "x-y", '"1"', "v1") for _ in range(self.random.randint(1, 2))}

    def template(self):
        names = self.random.sample(NAMES, self.random.randint(1, 3))
        spec = self.some({
            "nodeSelector": self.mapping,
            "tolerations": lambda: [{"key": self.text("k"), "operator": self.text("Exists"), "effect": Raw("NoSchedule")}],
            "affinity": lambda: {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": self.text("k"), "operator": Raw("In"), "values": [self.text("v")]}]}]}}},
            "volumes": lambda: [self.volume(name) for name in self.random.sample(["v", "w", "u"], self.random.randint(1, 2))],
            "serviceAccountName": lambda: self.text("tsa"),
            "automountServiceAccountToken": self.boolean, "hostNetwork": self.boolean, "hostPID": self.boolean,
            "dnsPolicy": lambda: self.text("Default", "ClusterFirst"),
            "dnsConfig": lambda: {"nameservers": [self.text("1.1.1.1")], "options": [{"name": Raw("ndots"), "value": self.text('"2"')}]},
            "hostAliases": lambda: [{"ip": self.text("1.2.3.4"), "hostnames": [self.text("h")]}],
            "hostname": lambda: self.text("h"), "subdomain": lambda: self.text("sd"), "priorityClassName": lambda: self.text("hi"),
            "schedulerName": lambda: self.text("tsched"), "terminationGracePeriodSeconds": self.integer, "activeDeadlineSeconds": self.integer,
            "securityContext": lambda: self.some({"runAsUser": self.integer, "fsGroup": self.integer, "runAsNonRoot": self.boolean,
                                                  "supplementalGroups": lambda: [self.integer()]}, 0.5),
            "imagePullSecrets": lambda: [{"name": self.text("ips")}], "restartPolicy": lambda: Raw("Always"),
            "enableServiceLinks": self.boolean, "shareProcessNamespace": self.boolean, "runtimeClassName": lambda: self.text("rc"),
            "initContainers": lambda: [self.container("init")],
        }, 0.13)
        if self.random.random() < 0.8:
            spec["containers"] = [self.container(name) for name in names]
        template = self.some({"apiVersion": lambda: Raw("v1"), "kind": lambda: Raw("Pod")}, 0.7)
        metadata = self.some({"labels": self.mapping, "annotations": self.mapping, "name": lambda: self.text("tname"), "namespace": lambda: self.text("tns"),
                              "finalizers": lambda: [Raw("a/b")]}, 0.2)
        if metadata:
            template["metadata"] = metadata
        template["spec"] = spec
        return template

    def container(self, name):
        container = {"name": Raw(name), "image": self.text("img", "r/x:1")}
        container.update(self.some({
            "imagePullPolicy": lambda: self.text("Always"), "command": lambda: [self.text() for _ in range(2)], "args": lambda: [self.text() for _ in range(2)],
            "env": lambda: [self.variable() for _ in range(self.random.randint(1, 3))],
            "envFrom": lambda: [{"configMapRef": {"name": Raw("c"), "optional": self.boolean()}, "prefix": self.text("P_")}],
            "resources": lambda: {"limits": {"cpu": self.quantity(), "nvidia.com/gpu": Raw("1")}, "requests": {"memory": self.quantity()}},
            "ports": lambda: [{"containerPort": self.integer(), "name": Raw("metrics")}],
            "volumeMounts": lambda: [{"name": Raw(self.random.choice(["v", "w", "spark-local-dir-1"])), "mountPath": self.text("/v", "/w", "/tmp/x"),
                                      "readOnly": self.boolean(), "subPath": self.text("s")}],
            "livenessProbe": self.probe, "readinessProbe": self.probe, "lifecycle": lambda: {"preStop": {"exec": {"command": [self.text()]}}},
            "securityContext": lambda: self.some({"runAsUser": self.integer, "privileged": self.boolean, "allowPrivilegeEscalation": self.boolean,
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
            lambda: {"emptyDir": {"medium": self.text("Memory"), "sizeLimit": self.quantity()}},
            lambda: {"emptyDir": {}},
            lambda: {"configMap": {"name": self.text("c"), "defaultMode": Raw(self.random.choice(["420", "0644", "0400", "0x1a4"])), "optional": self.boolean()}},
            lambda: {"secret": {"secretName": self.text("s"), "defaultMode": Raw("256")}},
            lambda: {"hostPath": {"path": self.text("/h"), "type": Raw("Directory")}},
            lambda: {"persistentVolumeClaim": {"claimName": self.text("c"), "readOnly": self.boolean()}},
            lambda: {"projected": {"sources": [{"serviceAccountToken": {"path": Raw("t"), "expirationSeconds": Raw("600")}}]}},
            lambda: {"csi": {"driver": Raw("d"), "volumeAttributes": self.mapping()}},
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
