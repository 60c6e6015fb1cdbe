"""A JVM of one Spark version that stays up (../jvm): a JSON line in, a JSON line out."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import distribution

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "jvm"
# As Spark's own launcher opens them (JavaModuleOptions); java.util also for the environment.
OPENED = ("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent",
          "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar")


class Jvm:
    """Use it as a context; `ask` restarts it if the last request never ended."""

    def __init__(self, spark, log, environment=None):
        self._spark = spark
        self.home = spark.home
        self._log = pathlib.Path(log)
        self._environment = environment or {}
        self._classes = _compiled(spark)

    def __enter__(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="parity-")).resolve()
        self._start()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _start(self):
        options = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
        path = f"{SOURCES / 'conf'}:{self._classes}:{self._spark.home}/jars/*"
        home = self.scratch / "home"
        for directory in (home, self.scratch / "work"):
            directory.mkdir(exist_ok=True)
        environment = distribution.clean_environment(home)
        environment.update({"SPARK_HOME": str(self._spark.home), "SPARK_SCALA_VERSION": "2.13", **self._environment})
        command = ["java", *options, "-Xmx1200m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dsun.net.httpserver.nodelay=true",
                   f"-Duser.home={home}", f"-Djava.io.tmpdir={self.scratch}", "-cp", path, "org.apache.spark.parity.Harness",
                   str(self.scratch / "jvm"), str(self._log)]
        if shutil.which("nice"):
            command = ["nice", "-n", "10", *command]
        self._process = subprocess.Popen(command, env=environment, cwd=self.scratch / "work", stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.master = self.receive()["master"]

    def send(self, request):
        line = json.dumps(request).encode("utf-8", "surrogatepass")
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def receive(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the JVM of Spark {self._spark.version} is gone: see {self._log}")
        answer = json.loads(line)
        if answer.get("error") == "timeout":
            # What never ended may still hold locks.
            self._process.kill()
            self._process.communicate()
            self._start()
        return answer

    def ask(self, request):
        self.send(request)
        return self.receive()


def _compiled(spark):
    """The classes for this version, compiled unless they are newer than their sources."""
    sources = sorted(SOURCES.rglob("*.java"))
    classes = spark.root / "harness"
    done = classes / "done"
    if not done.exists() or done.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        shutil.rmtree(classes, ignore_errors=True)
        classes.mkdir()
        subprocess.run(["javac", "-nowarn", "-XDsuppressNotes", "-d", str(classes), "-cp", f"{spark.home}/jars/*", *map(str, sources)], check=True)
        done.touch()
    return classes
