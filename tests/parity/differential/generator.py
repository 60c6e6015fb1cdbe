"""Random submissions by seed. A case is made of parts, so that it can be made smaller part by part."""

import random
from dataclasses import dataclass, field, replace

import templates
import values

K = "spark.kubernetes."
FEATURES = "org.apache.spark.deploy.k8s.features."
STEPS = ("BasicDriverFeatureStep", "DriverKubernetesCredentialsFeatureStep", "DriverServiceFeatureStep", "MountSecretsFeatureStep", "EnvSecretsFeatureStep",
         "MountVolumesFeatureStep", "DriverCommandFeatureStep", "HadoopConfDriverFeatureStep", "KerberosConfDriverFeatureStep", "PodTemplateConfigMapStep",
         "LocalDirsFeatureStep")
EXECUTOR_STEPS = ("BasicExecutorFeatureStep", "ExecutorKubernetesCredentialsFeatureStep", "MountSecretsFeatureStep", "EnvSecretsFeatureStep",
                  "MountVolumesFeatureStep", "HadoopConfExecutorFeatureStep", "LocalDirsFeatureStep")

# Key, type, and how often.
KEYS = [
    *[(f"spark.{role}.memory", "memory", 3) for role in ("driver", "executor")],
    *[(key, "memory", 2) for key in ("spark.driver.memoryOverhead", "spark.driver.minMemoryOverhead", "spark.executor.memoryOverhead",
                                     "spark.executor.minMemoryOverhead", "spark.executor.pyspark.memory", "spark.memory.offHeap.size")],
    *[(key, "factor", 2) for key in ("spark.driver.memoryOverheadFactor", K + "memoryOverheadFactor", "spark.executor.memoryOverheadFactor")],
    ("spark.memory.offHeap.enabled", "boolean", 1),
    ("spark.driver.cores", "integer", 2), ("spark.executor.cores", "integer", 1), ("spark.executor.instances", "integer", 1), ("spark.task.cpus", "integer", 1),
    *[(f"{K}{role}.request.cores", "quantity", 2) for role in ("driver", "executor")],
    *[(f"{K}{role}.limit.cores", "limit", 2) for role in ("driver", "executor")],
    *[(f"{K}{role}.container.image", "image", 1) for role in ("driver", "executor")],
    *[(f"{K}{role}.scheduler.name", "word", 1) for role in ("driver", "executor")],
    *[(f"{K}authenticate.{role}.serviceAccountName", "word", 1) for role in ("driver", "executor")],
    *[(f"{K}{role}.podTemplateContainerName", "word", 1) for role in ("driver", "executor")],
    (K + "scheduler.name", "word", 1), (K + "container.image.pullPolicy", "pull policy", 1), (K + "container.image.pullSecrets", "images", 1),
    (K + "namespace", "namespace", 1), (K + "driver.pod.name", "word", 1), (K + "driver.resourceNamePrefix", "prefix", 1),
    (K + "executor.podNamePrefix", "prefix", 1), (K + "driver.master", "master", 1),
    *[(K + key, "boolean", 1) for key in (
        "local.dirs.tmpfs", "driver.service.publishNotReadyAddresses", "legacy.useReadWriteOnceAccessMode", "securityContext.allowPrivilegeEscalation",
        "driver.securityContext.allowPrivilegeEscalation", "executor.securityContext.allowPrivilegeEscalation", "driver.service.deleteOnTermination",
        "driver.ownPersistentVolumeClaim", "driver.reusePersistentVolumeClaim", "executor.disableConfigMap", "executor.deleteOnTermination",
        "executor.useDriverPodIP", "executor.checkAllContainers")],
    (K + "driver.service.ipFamilies", "families", 1), (K + "driver.service.ipFamilyPolicy", "family policy", 1),
    ("spark.driver.port", "driver port", 1), ("spark.driver.blockManager.port", "block manager port", 1), ("spark.blockManager.port", "block manager port", 1),
    ("spark.ui.port", "UI port", 1), ("spark.connect.grpc.binding.port", "gRPC port", 1), (K + "configMap.maxSize", "bytes", 1),
    ("spark.local.dir", "directories", 1),
    *[(key, "java options", 2) for key in ("spark.driver.extraJavaOptions", "spark.executor.extraJavaOptions", "spark.driver.defaultJavaOptions",
                                           "spark.executor.defaultJavaOptions")],
    *[(key, "uris", 1) for key in ("spark.jars", "spark.files", "spark.archives", "spark.submit.pyFiles")],
    *[(key, "text", 1) for key in ("spark.driver.extraClassPath", "spark.executor.extraClassPath", "spark.driver.extraLibraryPath",
                                   "spark.executor.extraLibraryPath", "spark.q", "spark.hadoop.fs.x")],
    (K + "hadoop.configMapName", "word", 1), (K + "kerberos.krb5.configMapName", "word", 1),
    ("spark.pyspark.python", "text", 1), ("spark.pyspark.driver.python", "text", 1), (K + "pyspark.pythonVersion", "python", 1),
    ("spark.dynamicAllocation.enabled", "boolean", 1), ("spark.decommission.enabled", "boolean", 1),
    (K + "allocation.batch.size", "integer", 1), (K + "allocation.batch.delay", "duration", 1), (K + "report.interval", "duration", 1),
    (K + "executor.terminationGracePeriodSeconds", "duration", 1),
    ("spark.app.name", "name", 1), ("spark.app.id", "word", 1), ("spark.authenticate", "boolean", 1), ("spark.authenticate.secret", "text", 1),
    (K + "authenticate.driver.oauthToken", "text", 1), (K + "authenticate.driver.mounted.oauthTokenFile", "path", 1), (K + "decommission.script", "path", 1),
    *[(K + key, "boolean", 1) for key in ("trust.certificates", "driver.waitToReusePersistentVolumeClaim", "allocation.recoveryMode.enabled", "submitInDriver")],
    *[(K + key, "word", 1) for key in ("executor.decommissionLabel", "executor.decommissionLabelValue", "resource.type", "executor.hadoopConfigMapName")],
    (K + "allocation.pods.allocator", "allocator", 1), (K + "appKillPodDeletionGracePeriod", "duration", 1), (K + "file.upload.path", "uri", 1),
    *[(key, "path", 1) for key in ("spark.driver.defaultExtraClassPath", "spark.executor.defaultExtraClassPath")],
    *[(f"spark.yarn.{role}.memoryOverhead", "memory", 1) for role in ("driver", "executor")],
    ("spark.ui.custom.executor.log.url", "text", 1), ("spark.executor.userClassPathFirst", "boolean", 1),
]
OPTIONS = [
    ("--driver-memory", "memory"), ("--executor-memory", "memory"), ("--driver-cores", "integer"), ("--executor-cores", "integer"),
    ("--num-executors", "integer"), ("--total-executor-cores", "integer"), ("--driver-java-options", "java options"), ("--driver-class-path", "path"),
    ("--driver-library-path", "path"), ("--jars", "uris"), ("--files", "uris"), ("--archives", "uris"), ("--py-files", "uris"), ("--queue", "word"),
    ("--proxy-user", "word"), ("--name", "name"),
]
MODES = ("usual", "odd", "template", "odd template", "files")
VOLCANO = FEATURES + "VolcanoFeatureStep"
# How often a case says what is refused whatever else it says: such a case shows nothing else.
SELDOM = 0.04
# What names jars, as the beginning of an argument.
JARS = {"--jars", "spark.jars"}
# What Java, Python and YAML take for a blank, a line's end or a digit, each in its own way.
BLANKS = ("\n", "\r", "\t", "\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u2003", "\u2007", "\u2028", "\u2029", "\u202f", "\u3000", "\u200b", "\ufeff")
ZEROS = ("\u0660", "\u06f0", "\u0966", "\u0e50", "\uff10", "\U0001d7ce")


@dataclass(frozen=True)
class Part:
    """Arguments, environment and files that belong together; `document` is a pod template, written to the file that `argv` names."""

    argv: tuple = ()
    env: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    document: dict | None = None


@dataclass(frozen=True)
class Case:
    """One submission; `{{WORK}}` stands for the directory of its files."""

    parts: tuple
    resource: str = "local:///a.jar"
    name: str | None = None
    main_class: str | None = "a.B"
    arguments: tuple = ()

    def argv(self):
        argv = ["--master", "{{MASTER}}", "--deploy-mode", "cluster", "--conf", K + "submission.waitAppCompletion=false", "--conf", K + "container.image=img"]
        argv += ["--class", self.main_class] if self.main_class is not None else []
        argv += ["--name", self.name] if self.name is not None else []
        return argv + [argument for part in self.parts for argument in part.argv] + [self.resource, *self.arguments]

    def environment(self):
        return {name: value for part in self.parts for name, value in part.env.items()}

    def files(self):
        files = {}
        for part in self.parts:
            files.update(part.files)
            if part.document is not None:
                files[template_file(part)] = templates.to_yaml(part.document).lstrip("\n") + "\n"
        return files

    def without_part(self, start, end):
        return replace(self, parts=self.parts[:start] + self.parts[end:])


def template_file(part):
    """The path of a template part's file, under `{{WORK}}`."""
    return part.argv[1].split("=", 1)[1].removeprefix("{{WORK}}/")


def conf(key, value):
    return Part(argv=("--conf", f"{key}={value}"))


def generate(seed, mode=None):
    """The case of a seed; the same in every run."""
    source = random.Random(seed)
    return _Generator(source).case(mode or source.choices(MODES, (6, 5, 3, 3, 1))[0])


class _Generator:
    def __init__(self, source):
        self.random = source

    def chance(self, share):
        return self.random.random() < share

    def value(self, kind, odd=False):
        """A value of a type."""
        return self.of(values.TYPES[kind], odd)

    def of(self, pools, odd=False):
        usual, unusual = pools
        value = self.random.choice(unusual if odd and unusual and self.chance(0.6) else usual)
        return self.in_unicode(value) if odd and self.chance(0.08) else value

    def in_unicode(self, value):
        """A value with a blank or a line's end somewhere, most at an end of it, or with digits of another script."""
        if self.chance(0.3):
            zero = ord(self.random.choice(ZEROS))
            return "".join(chr(zero + int(character)) if character in "0123456789" else character for character in value)
        place = self.random.choice([0, len(value), len(value), self.random.randint(0, len(value))])
        return value[:place] + self.random.choice(BLANKS) + value[place:]

    def uris(self, odd):
        return self.random.choice([",", ",", ", ", ",,"] if odd else [","]).join(self.value("uri", odd) for _ in range(self.random.randint(1, 3)))

    def typed(self, kind, odd):
        return self.uris(odd) if kind == "uris" else self.value(kind, odd)

    def case(self, mode):
        odd = mode.startswith("odd")
        extension, main_class = self.random.choices([(".jar", "a.B"), (".py", None), (".R", None)], (10, 4, 1))[0]
        resource = self.value("resource") + extension
        if odd and self.chance(0.15):
            resource = self.value("uri", odd)
        parts = []
        for _ in range(self.random.randint(2, 12) if mode == "usual" else self.random.randint(0, 3)):
            parts += self.parts(False)
        for _ in range(self.random.randint(1, 2) if mode == "odd" else 0):
            parts += self.parts(True)
        if self.chance(0.008):
            parts += self.volcano(odd)
        if mode.endswith("template"):
            parts += self.template(odd)
        if mode == "files":
            parts += self.conf_directory() + self.properties_file() + self.credentials()
        # Spark looks into each jar of an R application with java.io.File, which takes `file:` alone: it refuses most of them.
        if extension == ".R" and not self.chance(SELDOM):
            parts = [part for part in parts if not JARS & {argument.split("=", 1)[0] for argument in part.argv}]
        self.random.shuffle(parts)
        return Case(
            parts=tuple(parts), resource=resource, main_class=main_class,
            name=self.value("name", odd) if self.chance(0.6) else None,
            arguments=tuple(self.value("argument", mode != "usual") for _ in range(self.random.randint(0, 3))))

    def parts(self, odd):
        make = self.random.choices(
            [self.conf_key, self.option, self.metadata, self.secret, self.secret_key, self.volume, self.variable, self.gpu, self.steps, self.properties_file,
             self.conf_directory, self.local_directories, self.reference, self.user, self.executor_steps, self.kerberos],
            [60, 12, 10, 4, 4, 8, 5, 3, 2, 3, 2, 1, 2 if odd else 0, 1, 1, 1])[0]
        return make(odd)

    def role(self):
        return self.random.choice(["driver", "executor"])

    def conf_key(self, odd):
        key, kind, _ = self.random.choices(KEYS, [weight for *_, weight in KEYS])[0]
        return [conf(key, self.typed(kind, odd))]

    def reference(self, _):
        """A value that refers to another key, set or not."""
        key = self.random.choice(["spark.app.name", K + "driver.pod.name", K + "driver.container.image", "spark.local.dir"])
        other = self.random.choice([key for key, *_ in KEYS])
        return [conf(key, "x-${%s}" % other)]

    def option(self, odd):
        name, kind = self.random.choice(OPTIONS)
        value = self.typed(kind, odd)
        return [Part(argv=(name, value) if self.chance(0.7) else (f"{name}={value}",))]

    def metadata(self, odd):
        where = self.random.choice([K + "driver.label.", K + "driver.annotation.", K + "executor.label.", K + "executor.annotation.", K + "node.selector.",
                                    K + "driver.node.selector.", K + "executor.node.selector.", K + "driver.service.label.", K + "driver.service.annotation."])
        # Odd ones no API server takes.
        return [conf(where + self.of(values.LABEL_KEYS, odd and self.chance(0.1)),
                     self.value("text" if "annotation" in where else "label", odd and ("annotation" in where or self.chance(0.2))))]

    def secret(self, odd):
        return [conf(f"{K}{self.role()}.secrets.{self.of(values.SECRETS, odd and self.chance(0.3))}", self.path(odd))]

    def secret_key(self, odd):
        return [conf(f"{K}{self.role()}.secretKeyRef.{self.of(values.ENVIRONMENT_NAMES, odd and self.chance(0.3))}", self.value("secret key", odd and self.chance(0.3)))]

    def variable(self, odd):
        where = self.random.choice([K + "driverEnv.", "spark.executorEnv."])
        return [conf(where + self.of(values.ENVIRONMENT_NAMES, odd and self.chance(0.3)), self.value("text", odd or self.chance(0.5)))]

    def local_directories(self, odd):
        return [Part(env={"SPARK_LOCAL_DIRS": self.value("directories", odd)})]

    def user(self, _):
        """Who submits, as the environment says it; it may say nothing."""
        name = self.random.choice(["SPARK_USER", "SPARK_USER", "HADOOP_USER_NAME", "HADOOP_PROXY_USER"])
        return [Part(env={name: self.random.choice(["", "ada", " b ", "é", "ada@R", "ada/h@R", "ada@", "@R"])})]

    def steps(self, _):
        # Without the first a driver has neither name nor image.
        names = self.random.sample(STEPS if self.chance(SELDOM) else STEPS[1:], self.random.randint(1, 2))
        return [conf(K + "driver.pod.excludedFeatureSteps", ",".join(FEATURES + name for name in names))]

    def executor_steps(self, _):
        """Without the first an executor has neither name nor image."""
        names = self.random.sample(EXECUTOR_STEPS if self.chance(SELDOM) else EXECUTOR_STEPS[1:], self.random.randint(1, 2))
        return [conf(K + "executor.pod.excludedFeatureSteps", ",".join(FEATURES + name for name in names))]

    def kerberos(self, odd):
        """Settings of a login; a file that is named may be missing, which matters only to the step that opens it."""
        path = "{{WORK}}/k" if self.chance(0.7) else "/none"
        settings = self.random.choice([
            {"spark.kerberos.principal": "a@R", "spark.kerberos.keytab": self.random.choice([path, "local:///k"])},
            {K + "kerberos.krb5.path": path},
            {K + "kerberos.tokenSecret.name": self.value("word", odd), K + "kerberos.tokenSecret.itemKey": self.value("word", odd)},
        ])
        parts = [Part(argv=tuple(argument for key, value in settings.items() for argument in ("--conf", f"{key}={value}")), files={"k": "x\n"})]
        if self.chance(0.4):
            parts.append(conf(K + "driver.pod.excludedFeatureSteps", FEATURES + "KerberosConfDriverFeatureStep"))
        return parts

    def gpu(self, odd):
        prefix = f"spark.{self.role()}.resource.{self.random.choice(['gpu', 'fpga'])}."
        return [conf(prefix + "amount", self.value("integer", odd)), conf(prefix + "vendor", self.random.choice(["nvidia.com", "amd.com"]))]

    def volcano(self, odd):
        parts = [conf(K + "driver.pod.featureSteps", VOLCANO)]
        text = templates.to_yaml(templates.Templates(self.random, 0.1 if odd else 0.03).pod_group()).lstrip("\n") + "\n"
        if self.chance(0.7):
            parts.append(Part(argv=("--conf", K + "scheduler.volcano.podGroupTemplateFile={{WORK}}/group.yaml"), files={"group.yaml": text}))
        elif self.chance(0.5):
            parts.append(conf(K + "scheduler.volcano.podGroupTemplateJson", self.random.choice(values.POD_GROUPS)))
        return parts

    def path(self, odd):
        """Where something is mounted; seldom where something else is."""
        path = self.value("path", odd and self.chance(0.3))
        return path if self.chance(SELDOM) or not path.startswith("/") else f"{path}/{self.random.randint(0, 9999)}"

    def volume(self, odd):
        kind = self.random.choice(["hostPath", "persistentVolumeClaim", "persistentVolumeClaim", "emptyDir", "nfs"])
        prefix = f"{K}{self.role()}.volumes.{kind}.{self.of(values.VOLUMES, odd and self.chance(SELDOM))}."
        text = values.TYPES["text"][1]
        settings = {"mount.path": self.path(odd)}
        optional = {
            "mount.readOnly": (0.4, lambda: self.value("boolean", odd)), "mount.subPath": (0.3, lambda: self.random.choice(["sub", "a/b", "x$(Y)"])),
            "mount.subPathExpr": (0.1, lambda: self.random.choice(["$(POD)", "a/$(X)"])), "label.l": (0.1, lambda: self.value("label", odd)),
            "annotation.a": (0.1, lambda: self.value("text", odd)),
        }
        claims = {"sizeLimit": lambda: self.value("size", odd), "storageClass": lambda: self.random.choice(["gp3", "fast", ""])}
        required = {"hostPath": {"path": lambda: self.value("path", odd)},
                    "nfs": {"path": lambda: self.value("path", odd), "server": lambda: self.random.choice(["h", "10.0.0.1"])},
                    "persistentVolumeClaim": {"claimName": lambda: self.random.choice(["c", "OnDemand", "OnDemand", "x-OnDemand"])}, "emptyDir": {}}[kind]
        extra = {"hostPath": {"type": lambda: self.random.choice(["", "Directory", "DirectoryOrCreate", *(text if odd else [])])}, "nfs": {},
                 "persistentVolumeClaim": claims, "emptyDir": {"medium": lambda: self.random.choice(["", "Memory"]), "sizeLimit": claims["sizeLimit"]}}[kind]
        settings.update({f"options.{name}": make() for name, make in required.items() if not odd or self.chance(0.95)})
        on_demand = "OnDemand" in settings.get("options.claimName", "") and not self.chance(SELDOM)
        settings.update({f"options.{name}": make() for name, make in extra.items() if on_demand or self.chance(0.6)})
        settings.update({name: make() for name, (share, make) in optional.items() if self.chance(share)})
        return [Part(argv=tuple(argument for key, value in settings.items() for argument in ("--conf", f"{prefix}{key}={value}")))]

    def properties_file(self, _=False):
        lines = [self.random.choice(values.PROPERTY_LINES) for _ in range(self.random.randint(1, 8))]
        text = self.random.choice(["\n", "\n", "\n", "\r\n"]).join(lines) + "\n"
        return [Part(argv=("--properties-file", "{{WORK}}/some.conf"), files={"some.conf": text})]

    def conf_directory(self, _=False):
        variable, directory = self.random.choice([("SPARK_CONF_DIR", "conf"), ("SPARK_CONF_DIR", "conf"), ("HADOOP_CONF_DIR", "hadoop")])
        texts = values.FILE_TEXTS + (values.LONG_TEXTS if directory == "conf" else [])
        files = {f"{directory}/{self.random.choice(values.CONF_FILES)}": self.random.choice(texts) for _ in range(self.random.randint(1, 4))}
        if self.chance(0.5):
            files[f"{directory}/spark-defaults.conf"] = "\n".join(self.random.choice(values.PROPERTY_LINES) for _ in range(4))
        return [Part(env={variable: "{{WORK}}/" + directory}, files=files)]

    def credentials(self):
        key = self.random.choice(["authenticate.driver.caCertFile", "authenticate.driver.clientKeyFile", "authenticate.driver.clientCertFile",
                                  "authenticate.driver.oauthTokenFile", "kerberos.krb5.path"])
        path = self.random.choice(["f", "krb5.conf", "x.y"])
        return [Part(argv=("--conf", f"{K}{key}={{{{WORK}}}}/{path}"), files={path: self.random.choice(values.FILE_TEXTS)})]

    def template(self, odd):
        role = self.random.choice(["driver", "driver", "executor"])
        document = templates.Templates(self.random, self.random.choice([0.05, 0.1, 0.2]) if odd else 0).template()
        return [Part(argv=("--conf", f"{K}{role}.podTemplateFile={{{{WORK}}}}/{role}.yaml"), document=document)]
