"""Asks for more executors than it starts with, by having tasks to wait for, and waits until they are given back."""

import json
import os
import time

from pyspark import SparkContext

context = SparkContext()


def slowly(number):
    time.sleep(3)
    return (number % 2, os.environ["SPARK_EXECUTOR_ID"])


used = context.parallelize(range(6), 6).map(slowly).groupByKey().flatMap(lambda pair: list(pair[1])).distinct().collect()
executors = context._jsc.sc().getExecutorMemoryStatus
end = time.time() + 60
# The driver itself is in the list.
while executors().size() > 1 and time.time() < end:
    time.sleep(0.5)
print("ALLOCATION " + json.dumps({"used": sorted(used), "left": executors().size() - 1}))
context.stop()
