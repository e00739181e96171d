#!/bin/sh
# Merges each golden ring file into reports in a directory, with this command: `merge_golden.sh DIRECTORY COMMAND...`.
made=$1
shift
rm -rf "$made"
mkdir -p "$made"
for ring in format/tests/golden/*.bin; do
    for kind in json pftrace csv html folded; do
        "$@" -q "$ring" -o "$made/$(basename "$ring" .bin).$kind" </dev/null || [ $? = 1 ] || exit
    done
done
