#!/bin/sh
# Boots a kernel for aarch64 with pages of 16 KiB in qemu, and runs programs there one after the other: programs of
# aarch64-unknown-linux-gnu, or scripts of sh. Each one stands in this tree, at its path. What they print is printed,
# and the exit status says whether all have ended well within two hours. $ARGUMENTS are the arguments of each one.
#
# The machine has no disk: all is in memory, also the files of this tree that the programs read. $READS names more of
# them.
[ $# -gt 0 ] || exit
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
root=$("$here/make_chroot.sh") && machine=$("$here/make_machine.sh") || exit
# In the directory of the machine, which is the root directory of cpio and of qemu.
work=$(mktemp -d "$machine/boot.XXXXXX") || exit
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
inside=${work#"$machine"} files=$work/files log=$work/log
mkdir -p "$files/bin" "$files/lib" "$files/dev" "$files/proc" "$files/sys" "$files/tmp" "$files$tree"
cp "$machine/arm64/usr/bin/busybox" "$files/bin/"
for library in ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libgcc_s.so.1; do
    cp -L "$root/usr/aarch64-linux-gnu/lib/$library" "$files/lib/" || exit
done
cd "$tree" || exit
tar cf - format tracer/recorder tests/platforms $READS "$@" | tar xf - -C "$files$tree"
cat >"$files/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
stty -onlcr
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
mkdir /dev/shm; mount -t tmpfs shm /dev/shm
export PATH=/bin HOME=/tmp
echo "\$(uname -rm), pages: \$(grep -m1 KernelPageSize /proc/self/smaps)"
cd "$tree"
for program in $*; do
    echo "\$program"
    \$program $ARGUMENTS || echo "\$program: FAILED"
done
echo ALL HAVE RUN
poweroff -f
END
chmod +x "$files/init"
(cd "$files" && find .) | chroot "$machine" sh -c 'cd "$1/files" && cpio --quiet -o -H newc >../initrd' sh "$inside" ||
    exit
rm -rf "$files"
timeout --foreground 2h chroot "$machine" qemu-system-aarch64 -M virt -cpu cortex-a76 -accel tcg,thread=multi -smp 2 \
    -m 4G -nographic -no-reboot -net none -kernel kernel -initrd "$inside/initrd" \
    -append "console=ttyAMA0 quiet panic=-1" </dev/null 2>&1 | tee "$log"
grep -q '^ALL HAVE RUN$' "$log" && ! grep -q 'FAILED$' "$log"
