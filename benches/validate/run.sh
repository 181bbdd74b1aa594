#!/bin/sh
# Times `dreamrun validate` against check-jsonschema on the same files and the same schema.
# Prints the ratio (target: at least 20), the growth per file from 100 to 1,000 (target: under 1.2), and
# `plan --offline` against `validate` (target: at most 2).
# Needs Python 3 with venv and a package index. Usage: benches/validate/run.sh [ROUNDS]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${1:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --release --quiet --manifest-path "$root/Cargo.toml"
target=${CARGO_TARGET_DIR:-$root/target}
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet check-jsonschema
for count in 100 1000; do
    python3 "$root/benches/validate/make_files.py" "$work/$count" "$count"
done

python3 - "$target/release/dreamrun" "$work" "$root/schemas/pipeline.schema.json" "$rounds" <<'PYTHON'
import glob, statistics, subprocess, sys, time

binary, work, schema, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])


def seconds(command, cwd):
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return time.perf_counter() - start


medians = {}
for count in (100, 1000):
    folder = f"{work}/{count}"
    files = sorted(glob.glob(f"{folder}/pipelines/*.yaml"))
    ours = [binary, "validate", "-C", folder]
    theirs = [f"{work}/venv/bin/check-jsonschema", "--schemafile", schema, *files]
    seconds(ours, folder), seconds(theirs, folder)  # warm the disk cache
    pairs = [(seconds(ours, folder), seconds(theirs, folder)) for _ in range(rounds)]
    medians[count] = statistics.median(a for a, _ in pairs)
    ratio = statistics.median(b / a for a, b in pairs)
    their_median = statistics.median(b for _, b in pairs)
    print(f"{count:5} files: dreamrun {medians[count] * 1e3:8.1f} ms, check-jsonschema {their_median * 1e3:8.1f} ms, ratio {ratio:.1f}")
folder = f"{work}/1000"
validate, plan = [binary, "validate", "-C", folder], [binary, "plan", "--offline", "-C", folder]
pairs = [(seconds(plan, folder), seconds(validate, folder)) for _ in range(2 * rounds)]
print(f" 1000 files: plan --offline against validate: {statistics.median(a / b for a, b in pairs):.2f}")
growth = (medians[1000] / 1000) / (medians[100] / 100)
print(f"time per file, 1,000 files against 100: {growth:.2f}")
PYTHON
