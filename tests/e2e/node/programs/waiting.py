"""Has an executor, and then waits to be stopped."""

import time

from pyspark import SparkContext

context = SparkContext()
context.parallelize(range(2), 2).count()
print("WAITING", flush=True)
time.sleep(600)
