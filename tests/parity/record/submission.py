"""One case through the real spark-submit: lay out, run, take down what was created."""

import base64
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import apiserver
import distribution
import placeholders

TIMEOUT_SECONDS = 180
ERROR = re.compile(r"Exception in thread \"main\" |Error: |[a-z]\w*(?:\.\w+)+(?:Exception|Error)\b")
ERROR_LENGTH = 400


class Recording:
    """What one run gave: the outcome as in `expected.json`, the objects, and the log."""

    def __init__(self, outcome, objects, log, requests):
        self.outcome = outcome
        self.objects = objects
        self.log = log
        self.requests = requests


def record(case, spark, write_archives=False):
    """Runs the case on this Spark and returns its Recording."""
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        scratch = pathlib.Path(scratch).resolve()
        api = apiserver.RecordingApiServer(case.get("faults", ()), case.get("preload", ()))
        places = {
            "MASTER": f"k8s://http://127.0.0.1:{api.port}",
            "WORK": str(scratch / "work"),
            "SPARK_HOME": str(spark.home),
        }
        absolute = []
        try:
            absolute = _lay_out(case.get("files", {}), places)
            done = _submit(case, spark, places, scratch, write_archives)
        finally:
            api.close()
            for path in absolute:
                path.unlink(missing_ok=True)
        log = placeholders.take_out(done.stderr + done.stdout, places, api.port)
        outcome = {"exit_code": done.returncode}
        error = _error_line(log) if done.returncode != 0 else None
        if error:
            outcome["error"] = error
        if api.deleted:
            outcome["deleted"] = placeholders.take_out_all(api.deleted, places, api.port)
        objects = [_in_reading_order(o) for o in placeholders.take_out_all(api.recorded(), places, api.port)]
        return Recording(outcome, objects, log, api.requests)


def _lay_out(files, places):
    work = pathlib.Path(places["WORK"])
    work.mkdir()
    absolute = []
    for name, content in files.items():
        path = work / placeholders.fill_in(name, places)
        if not path.is_relative_to(work):
            # Such as the operator's template files; they go away after the run.
            if not path.is_relative_to(pathlib.Path(tempfile.gettempdir())) or path.exists():
                raise ValueError(f"not in the temporary directory, or already there: {path}")
            absolute.append(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            path.write_bytes(base64.b64decode(content["base64"]))
        else:
            path.write_bytes(placeholders.fill_in(content, places).encode())
    return absolute


def _submit(case, spark, places, scratch, write_archives):
    environment = distribution.clean_environment(scratch)
    environment.update(spark.jvm_options(write_archives))
    # Ivy's cache and a kubeconfig are looked for in the home directory.
    environment["SPARK_SUBMIT_OPTS"] += f" -Duser.home={scratch}"
    for name in case.get("unset_env", ()):
        environment.pop(name, None)
    environment.update(placeholders.fill_in_all(case.get("env", {}), places))
    command = [str(spark.home / "bin" / "spark-submit"), *placeholders.fill_in_all(case["argv"], places)]
    if shutil.which("nice"):
        command = ["nice", "-n", "19", *command]
    process = subprocess.Popen(command, env=environment, cwd=places["WORK"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        raise
    text = {"errors": "replace"}
    return subprocess.CompletedProcess(command, process.returncode, stdout.decode(**text), stderr.decode(**text))


def _error_line(log):
    for line in log.splitlines():
        if ERROR.match(line):
            return line[:ERROR_LENGTH]
    return None


def _in_reading_order(value):
    """The fields of an object as people write them: apiVersion, kind, metadata and spec first."""
    if isinstance(value, list):
        return [_in_reading_order(item) for item in value]
    if not isinstance(value, dict):
        return value
    first = ["apiVersion", "kind"] + (["metadata", "spec"] if "metadata" in value else [])
    names = [name for name in first if name in value] + [name for name in value if name not in first]
    return {name: _in_reading_order(value[name]) for name in names}
