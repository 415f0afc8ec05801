"""Two hosts in one machine: two network namespaces, joined by a cable that can be cut. Run by test_two_hosts.py.

`two_hosts.py RANKS SCRIPT CUT` is itself within the first namespace. It makes the second one and runs `reftorch launch -n RANKS SCRIPT`,
with half of the ranks on each host. When the file CUT appears, it cuts the cable. It prints the exit code, the seconds from the cut to
the end, and the bytes that went through the cable. It has its own process namespace: when it ends, the system ends all processes in it,
and then nothing holds the two networks.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

FIRST, SECOND = "10.77.0.1", "10.77.0.2"
CABLE = "cable0"  # the name of both ends, each in its own namespace
REMOTE = """#!/bin/sh
while [ "$1" != {second} ]; do shift; done
shift
exec nsenter --net=/proc/{process}/ns/net sh -c "$*"
"""
LIMIT = 120  # seconds
APART = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
APART += [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["--map-root-user"]


def connect():
    """The first namespace is this one. Returns the process that holds the second."""
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo here; exec sleep 600"], stdout=subprocess.PIPE)
    holder.stdout.readline()
    second = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
    run("ip", "link", "add", CABLE, "type", "veth", "peer", "name", CABLE, "netns", str(holder.pid))
    for place, address in (([], FIRST), (second, SECOND)):
        run(*place, "ip", "address", "add", f"{address}/24", "dev", CABLE)
        run(*place, "ip", "link", "set", CABLE, "up")
        run(*place, "ip", "link", "set", "lo", "up")
    for place in ([], second):  # up to a second passes before the system says that the link is there
        until = time.monotonic() + LIMIT
        while b"LOWER_UP" not in (state := run(*place, "ip", "link", "show", CABLE)) or b"state UP" not in state:
            assert time.monotonic() < until, state
            time.sleep(0.02)
    return holder


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, timeout=20).stdout


def settings(process, ranks, folder):
    """What mpiexec has to know: the hosts, how to start a program on the second, and that messages go by TCP through the cable."""
    remote, hosts = folder / "remote.sh", folder / "hosts"
    remote.write_text(REMOTE.format(second=SECOND, process=process))
    remote.chmod(0o755)
    hosts.write_text(f"{FIRST}:{ranks // 2}\n{SECOND}:{ranks // 2}\n")
    return {
        "HYDRA_LAUNCHER": "ssh",
        "HYDRA_LAUNCHER_EXEC": str(remote),
        "HYDRA_HOST_FILE": str(hosts),
        "HYDRA_IFACE": CABLE,
        "MPICH_CH4_NETMOD": "ofi",
        "FI_PROVIDER": "tcp",
        "FI_TCP_IFACE": CABLE,  # and never lo, which does not reach the other host
    }


def main(ranks, script, cut):
    holder = connect()
    command = [sys.executable, "-m", "reftorch.distributed.launch", "-n", ranks, script]
    environment = {**os.environ, **settings(holder.pid, int(ranks), Path(script).parent)}
    job, until = subprocess.Popen(command, env=environment), time.monotonic() + LIMIT
    was_cut = None
    while job.poll() is None and time.monotonic() < until:
        if was_cut is None and os.path.exists(cut):
            run("ip", "link", "set", CABLE, "down")
            was_cut = time.monotonic()
        time.sleep(0.02)
    seconds = time.monotonic() - was_cut if was_cut else 0.0
    print("ended", job.poll(), f"{seconds:.1f}", bytes_through_the_cable())


def bytes_through_the_cable():
    rows = [line.split() for line in Path("/proc/net/dev").read_text().splitlines()]
    return sum(int(row[1]) + int(row[9]) for row in rows if row[0] == f"{CABLE}:")


if __name__ == "__main__":
    if sys.argv[1:] == ["try"]:
        connect()
    else:
        main(*sys.argv[1:])
