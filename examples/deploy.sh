#!/bin/sh
# Deploy: run the pending migrations, and stop the deployment unless every
# schema is current afterwards. The connection comes from the environment
# (PGSERVICE, PGHOST, ...) or from the arguments: examples/deploy.sh -d service=prod
set -eu

ashmig migrate --lock-timeout 5s "$@"
ashmig status "$@"
