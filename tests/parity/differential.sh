#!/bin/sh
# Compares random submissions with what real Spark makes of them; differential/README.md says how.
exec python3 "$(dirname "$0")/differential" "$@"
