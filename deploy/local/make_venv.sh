#!/bin/sh
# Makes a virtual environment with the first Python >= 3.11 that it finds: `sh make_venv.sh DIRECTORY`.
# If this Python lacks ensurepip, it makes the environment with a temporary installation of virtualenv.
set -u
venv=$1
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

# Keeps an existing environment that works.
if "$venv/bin/python" -c "$new_enough" 2>/dev/null && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  exit 0
fi

python=
for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
  if command -v "$name" >/dev/null 2>&1 && "$name" -c "$new_enough" 2>/dev/null; then
    python=$name
    break
  fi
done
if [ -z "$python" ]; then
  echo "error: Python 3.11 or newer is needed. Neither python3 nor python3.11 to python3.14 is one." >&2
  echo "       Install it, or give its path: make PYTHON=/path/to/python3.12 ..." >&2
  exit 1
fi

echo "Making $venv with $("$python" -c 'import sys; print(sys.executable, sys.version.split()[0])')."
if "$python" -m venv --clear "$venv" >/dev/null 2>&1; then
  exit 0
fi
private=$(mktemp -d) || exit 1
trap 'rm -rf "$private"' EXIT
if "$python" -m pip install --quiet --disable-pip-version-check --target "$private" virtualenv >"$private/log" 2>&1 &&
  PYTHONPATH=$private "$python" -m virtualenv --quiet --clear "$venv" >>"$private/log" 2>&1; then
  exit 0
fi
cat "$private/log" >&2
rm -rf "$venv"
echo "error: $python can't make a virtual environment: it lacks ensurepip, and its pip can't install virtualenv." >&2
echo "       On Debian and Ubuntu: apt-get install python3-venv" >&2
exit 1
