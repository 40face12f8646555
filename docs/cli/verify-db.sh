#!/bin/sh
# Fails unless every database can be read as a whole.
set -eu
pg_dumpall -w >/dev/null
