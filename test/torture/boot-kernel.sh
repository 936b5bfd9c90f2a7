#!/bin/sh
# Boots a kernel under qemu and runs compiled test files on it, from an initramfs made of this machine's Node, the
# package and the tests. Nothing is installed; the file system is the initramfs, in memory.
#
#   test/torture/boot-kernel.sh /boot/vmlinuz-6.1.0-50-cloud-amd64 ring/files.test.js ring/cancel.test.js …
#
# Needs qemu-system-x86_64, cpio and a static busybox. ACCEL=tcg (the default) works everywhere, kvm is faster.
# ENGINE=threads and so on; by itself the tests run on the engine that is found. Ends with 0 when every test passed.
set -eu
kernel=$1
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree/bin" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/tmp" "$tree/app" "$tree/usr/bin"
cp "$(command -v busybox)" "$tree/bin/busybox"
for name in sh mount mkfifo poweroff cat ls true env uname; do ln -s busybox "$tree/bin/$name"; done
cp "$(command -v node)" "$tree/bin/node"
ldd "$(command -v node)" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$tree$(dirname "$library")"
  cp -L "$library" "$tree$library"
done
cp -r "$root/dist" "$root/build" "$root/prebuilds" "$root/package.json" "$tree/app/"
find "$tree/app" -name '*.map' -delete
cat > "$tree/init" <<INIT
#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
export PATH=/bin HOME=/tmp ${ENGINE:+LINUX_AIO_ENGINE=$ENGINE}
cd /app
ulimit -n 65536
echo "booted \$(uname -r)"
node --input-type=module -e "import { Ring } from 'linux-aio'; const r = Ring.open(); console.log('engine', r.engine, r.operations.length, 'operations'); await r.close();"
failed=0
for file in $*; do
  node --expose-gc --no-warnings build/test/\$file > /tmp/out 2>&1
  code=\$?
  echo "\$file: code \$code, \$(grep -c '^ *ok ' /tmp/out) ok, \$(grep -c '^ *not ok ' /tmp/out) not ok, \$(grep -c '# SKIP' /tmp/out) skipped"
  if [ \$code != 0 ]; then failed=1; grep -A14 '^ *not ok' /tmp/out | head -60; fi
done
echo "finished with \$failed"
poweroff -f
INIT
ln -s busybox "$tree/bin/grep"
ln -s busybox "$tree/bin/head"
chmod +x "$tree/init"
(cd "$tree" && find . | cpio -o -H newc --quiet | gzip -1) > "$work/initramfs.gz"
qemu-system-x86_64 -accel "${ACCEL:-tcg}" -m 2048 -smp 2 -no-reboot -nographic -nic none -cpu "${CPU:-max}" \
  -kernel "$kernel" -initrd "$work/initramfs.gz" -append 'console=ttyS0 panic=-1 rdinit=/init' \
  < /dev/null | tee "$work/log"
grep -q 'finished with 0' "$work/log"
