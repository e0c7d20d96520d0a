# Boots systemd with the unit in a machine of its own: mounts, processes, network and cgroups are this one's alone, and go with it.
# What it changes is in memory. Ends with 77 where that is not possible here.
#   $1: a directory to build in  $2: the program  $3: the unit  $4: a script that is run when it is up, with its output in $1/log
cannot() { echo "$1"; exit 77; }
dir=$1 root=$1/root
mount --make-rprivate / || cannot "no mounts of its own"
mkdir -p "$root" && mount -t tmpfs none "$root" || cannot "no tmpfs"
cd "$root" || exit 1
mkdir -p usr etc/systemd/system/tctable.service.d etc/tctable var/lib var/log run tmp proc sys dev root out changed/{now,work} old
mount -t overlay overlay -o "lowerdir=/usr,upperdir=$root/changed/now,workdir=$root/changed/work" usr || cannot "no overlay"
for each in bin sbin lib lib32 lib64 libx32; do
    [ -h "/$each" ] && cp -a "/$each" .
done
[ -x lib/systemd/systemd ] || cannot "no systemd"
cp "$2" usr/bin/tctable && cp "$3" etc/systemd/system/tctable.service && cp "$4" out/probe.sh || exit 1
cp -a /etc/ld.so.cache /etc/nsswitch.conf etc/ 2>/dev/null
cat > etc/passwd <<< 'root:x:0:0::/root:/bin/sh
nobody:x:65534:65534::/:/usr/sbin/nologin
tctable:x:990:990::/:/usr/sbin/nologin'
cat > etc/group <<< 'root:x:0:
nogroup:x:65534:
tctable:x:990:'
echo 0123456789abcdef0123456789abcdef > etc/machine-id
# Nobody is to wait as long as an operator would for a gateway that hangs.
printf '[Service]\nWatchdogSec=2\n' > etc/systemd/system/tctable.service.d/short.conf
cat > etc/systemd/system/probe.service <<< '[Unit]
DefaultDependencies=no
After=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/bash /out/probe.sh
StandardOutput=file:/out/log
StandardError=file:/out/log'
printf '[Unit]\nWants=probe.service\n' > etc/systemd/system/probe.target
touch "$dir/log" out/log && mount --bind "$dir/log" out/log || exit 1
mount -t proc proc proc && mount -t sysfs sysfs sys || cannot "no proc or sys"
mount -t cgroup2 none sys/fs/cgroup || cannot "no cgroups of version 2"
for each in run tmp dev; do mount -t tmpfs none "$each"; done
mkdir -p dev/net dev/pts dev/shm
while read -r name major minor; do
    mknod -m 666 "dev/$name" c "$major" "$minor" || cannot "no devices"
done <<< 'null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
net/tun 10 200'
ln -s /proc/self/fd dev/fd
for each in lan wan; do ip link add "$each" type veth peer name "$each-far" || cannot "no veth"; done
for each in lo lan lan-far wan wan-far; do ip link set dev "$each" up; done
pivot_root . old && umount -l old || cannot "no root of its own"
export container=lxc PATH=/usr/bin:/usr/sbin
exec /lib/systemd/systemd --system --unit=probe.target --log-target=console --show-status=0
