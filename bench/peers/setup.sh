#!/usr/bin/env bash
# Installs the engines that `npm run bench steps` compares expctl with, in folders that git ignores. Give names to install only these.
set -euo pipefail
cd "$(dirname "$0")"
peers=("$@")
[ $# -gt 0 ] || peers=(restate dbos prefect temporal)

for peer in "${peers[@]}"; do
  echo "== $peer"
  case "$peer" in
    restate) (cd restate && npm install --no-audit --no-fund --no-package-lock) ;;
    dbos)
      (cd dbos && npm install --no-audit --no-fund --no-package-lock)
      if ! compgen -G '/usr/lib/postgresql/*/bin/postgres' > /dev/null && ! command -v postgres > /dev/null; then
        apt-get install -y --no-install-recommends postgresql
      fi
      ;;
    prefect) (cd prefect && python3 -m venv .venv && .venv/bin/pip install --quiet -r requirements.txt) ;;
    temporal) # its SDK is a development dependency of expctl
      command -v temporal > /dev/null || [ -x "$(go env GOPATH)/bin/temporal" ] ||
        go install github.com/temporalio/cli/cmd/temporal@v1.5.1
      ;;
    *) echo "there is no peer $peer" >&2; exit 2 ;;
  esac
done
