#!/usr/bin/env bash
# train --preset N-gram: models that are counted.
. "$STORM_ROOT/tests/tools/lib.sh"
