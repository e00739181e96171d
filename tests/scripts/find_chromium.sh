#!/bin/sh
# Prints the path of a Chromium: $CHROMIUM, the machine's, or the one that `playwright install chromium` downloads.
# The script runs each candidate as a check: Ubuntu's `chromium-browser` may only print how to install one.
runs() {
    path=$(command -v "$1") && timeout 60 "$path" --version >/dev/null 2>&1 && echo "$path"
}
if [ -n "${CHROMIUM:-}" ]; then
    runs "$CHROMIUM" || { echo "CHROMIUM=$CHROMIUM is no Chromium that runs" >&2; exit 1; }
    exit
fi
for name in chromium chromium-browser google-chrome google-chrome-stable \
    "${PLAYWRIGHT_BROWSERS_PATH:-${XDG_CACHE_HOME:-$HOME/.cache}/ms-playwright}"/chromium-*/chrome-linux*/chrome; do
    runs "$name" && exit
done
exit 1
