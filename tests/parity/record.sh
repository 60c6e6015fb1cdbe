#!/bin/sh
# Records anew what the real spark-submit creates; README.md in this directory says how.
exec python3 "$(dirname "$0")/record" "$@"
