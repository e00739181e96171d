#!/bin/sh
# Installs viztracer-ring into a virtual environment, traces two processes with it, and counts their calls in the
# report: `try_wheel.sh ENVIRONMENT --no-index --find-links dist viztracer-ring`. All but the first argument are pip's.
# Without them, the environment has the package already.
set -eu
bin=$1/bin
[ -d "$bin" ] || bin=$1/Scripts
shift
[ $# = 0 ] || "$bin/python" -m pip install "$@"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$made/prog.py" <<'END'
import subprocess, sys
def leaf(): pass
for _ in range(1000): leaf()
if len(sys.argv) == 1: subprocess.run([sys.executable, sys.argv[0], "child"], check=True)
END
cat >"$made/count.py" <<'END'
import collections, json, sys
events = json.load(open(sys.argv[1]))["traceEvents"]
calls = collections.Counter(event["pid"] for event in events if event["name"].startswith("leaf "))
assert sorted(calls.values()) == [1000, 1000], calls
print("a report of two processes has all of their calls")
END
"$bin/viztracer" --quiet --pid_suffix --output_dir "$made/rings" "$made/prog.py"
"$bin/viztracer-merge" --quiet "$made/rings" -o "$made/result.json"
"$bin/python" "$made/count.py" "$made/result.json"
