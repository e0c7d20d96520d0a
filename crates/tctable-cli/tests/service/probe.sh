# What the unit does under systemd, a word and its value to a line.
echo began
show() { systemctl show tctable -p "$1" --value; }
state() { echo "$1 $(show ActiveState) $(show SubState) $(show NRestarts) $(show Result)"; }
until_so() { # what it is called, and a condition
    for ((tries = 0; tries < 200; tries++)); do
        if eval "$2"; then echo "$1 so"; return; fi
        sleep 0.05
    done
    echo "$1 not so"
}
processes() { cat /sys/fs/cgroup/system.slice/tctable.service/cgroup.procs; }
privileges() { # of a process
    local all=$1
    while read -r name value _; do
        case $name in Uid: | CapPrm: | CapEff: | NoNewPrivs: | Seccomp:) all+=" $value" ;; esac
    done < "/proc/$2/status"
    echo "$all"
}
begin() { # what it is called, and its settings
    printf "$2" > /etc/tctable/tctable.toml
    systemctl start tctable
    echo "$1-start $?"
}
finish() {
    systemctl reload tctable
    echo "$1-reload $?"
    until_so "$1-reloaded" '[ "$(show SubState)" = running ] && [ "$(show NRestarts)" = '"$2"' ] && tctable hosts > /dev/null'
    systemctl stop tctable
    echo "$1-stop $?"
    state "$1-stopped"
}

begin line 'lan = "lan"\nwan = "wan"\nmetrics = "127.0.0.1:9100"\n'
state line-started
privileges line-privileges "$(show MainPID)"
stat -c 'line-socket %A %U %G' /run/tctable/control.sock
stat -c 'line-state %A %U %G' /var/lib/tctable
exec 3<> /dev/tcp/127.0.0.1/9100
printf 'GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n' >&3
until_so line-metrics "grep -qa 'tctable_link_up{device=\"wan\"} 1' <&3"
exec 3>&-
ip link set dev wan down
until_so line-link 'tctable stats -j | grep -q "\"down\":1"'
ip link set dev wan up
# Longer than the watchdog waits for a word.
sleep 3
state line-lives
kill -STOP "$(show MainPID)"
until_so line-watched '[ "$(show NRestarts)" = 1 ] && tctable hosts > /dev/null'
finish line 1

begin open 'lan = "lan"\nwan = "wan"\nfail-open = true\n'
privileges open-supervisor "$(show MainPID)"
gateway=$(processes | grep -vx "$(show MainPID)")
privileges open-gateway "$gateway"
kill -KILL "$gateway"
until_so open-again "processes | grep -vx $gateway | grep -vqx $(show MainPID) && tctable hosts > /dev/null"
finish open 0

begin tun 'tun = "tct0"\ninside = ["10.0.0.0/8"]\n'
ip link del dev tct0
until_so tun-again 'tctable stats -j | grep -q "\"back\":1"'
finish tun 0
systemctl exit 0
