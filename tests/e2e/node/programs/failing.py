"""Fails before it has a context."""

import sys

sys.exit("THIS PROGRAM FAILS")
