"""Spark distributions: PyPI's `pyspark`, one directory for each version, and a faster start of their JVMs.

The start is made cheaper by class-data archives (AppCDS), which change how classes are loaded and nothing that
they do. An archive belongs to one class path; where a case changes it (SPARK_CONF_DIR), the JVM ignores the archive.
"""

import os
import pathlib
import subprocess
import sys

# The second option keeps the JVM from talking about its archive on stdout, which `spark-class` parses.
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xlog:disable"


class Distribution:
    """One Spark version under the target directory."""

    def __init__(self, version, target):
        self.version = version
        self.root = pathlib.Path(target).resolve() / f"pyspark-{version}"
        self.home = self.root / "pyspark"

    def install(self):
        """Installs PyPI's wheel, without its dependencies: only the jars and the scripts are needed."""
        if not (self.home / "bin" / "spark-submit").exists():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile",
                       "--target", str(self.root), f"pyspark=={self.version}"]
            subprocess.run(command, check=True)

    def _archive(self, part):
        return self.root / f"{part}.jsa"

    def has_archives(self):
        return self._archive("launcher").exists() and self._archive("submit").exists()

    def jvm_options(self, write_archives=False):
        """Environment variables with JVM options for the launcher and for spark-submit itself."""
        option = "ArchiveClassesAtExit" if write_archives else "SharedArchiveFile"

        def options(part):
            archive = self._archive(part)
            if write_archives:
                archive.unlink(missing_ok=True)
            return f"{QUICK} -XX:{option}={archive}" if write_archives or archive.exists() else QUICK

        return {"SPARK_LAUNCHER_OPTS": options("launcher"), "SPARK_SUBMIT_OPTS": options("submit")}


def clean_environment(scratch):
    """What every case starts from: nothing of the caller's Spark, Hadoop or Kubernetes settings."""
    environment = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
    environment.update(HOME=str(scratch), LANG="C.UTF-8", TZ="UTC")
    if os.getuid() != 0:
        # The recordings are root's: SPARK_USER is in them.
        environment["HADOOP_USER_NAME"] = "root"
    return environment
