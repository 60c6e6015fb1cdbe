"""Writes down what reached the driver, for the test to compare: conf, environment, arguments, files; and has executors count."""

import json
import os
import sys

from pyspark import SparkContext

context = SparkContext()
counted = context.parallelize(range(1000), 4).map(lambda n: n * 2).sum()
used = context.parallelize(range(64), 16).map(lambda _: os.environ.get("SPARK_EXECUTOR_ID")).distinct().collect()
found = {
    "answer": counted,
    "arguments": sys.argv[1:],
    "conf": dict(context.getConf().getAll()),
    "environment": dict(os.environ),
    "executors": sorted(used),
    "executor environment": context.parallelize([0], 1).map(lambda _: dict(os.environ)).first(),
}
try:
    import helper
    found["helper"] = helper.VALUE
except ImportError:
    pass


def text_of(path):
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None


found["secret file"] = text_of("/etc/credentials/password")
found["word of the sidecar"] = context.parallelize([0], 1).map(lambda _: text_of("/shared/word")).first()
print("READBACK " + json.dumps(found))
context.stop()
