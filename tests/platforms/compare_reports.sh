#!/bin/sh
# Has two builds of viztracer-merge merge the golden ring files: that of this machine, and that of another platform,
# which a program runs: `compare_reports.sh x86_64-pc-windows-gnu wine`. Their reports must be the same, byte by byte.
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit
platform=$1
shift
made=target/platforms/reports
program=target/platforms/$platform/debug/viztracer-merge
build=cargo.sh
case $platform in *-musl) build=zigbuild.sh ;; esac
"$here/$build" "$platform" build -q -p viztracer-merge && cargo build -q -p viztracer-merge || exit
[ -f "$program" ] || program=$program.exe
"$here/merge_golden.sh" $made/here target/debug/viztracer-merge || exit
"$here/enter.sh" env WINEDEBUG=-all tests/platforms/merge_golden.sh $made/there "$@" "$program" || exit
diff -r $made/here $made/there && echo "$platform: $(ls $made/there | wc -l) reports are the same as here"
