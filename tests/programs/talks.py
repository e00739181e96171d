"""Copies standard input to standard output, writes its arguments to standard error, and ends well."""

import sys

sys.stderr.write(repr(sys.argv[1:]) + "\n")
sys.stdout.write(sys.stdin.read())
