"""Starts a unit's ExecStart as systemd would confine it, where no systemd runs.

    python3 confined.py UNIT.service [ARGUMENT ...]

Read off the unit: User, UMask, LimitNOFILE, NoNewPrivileges, CapabilityBoundingSet and
AmbientCapabilities, SystemCallFilter, RestrictAddressFamilies and MemoryDenyWriteExecute. Not
imitated: mount namespaces (ProtectSystem and its kin; test_systemd.py has them). Run as root, with
any Python: only the standard library, libseccomp by ctypes.
"""

import ctypes
import os
import pwd
import resource
import shlex
import socket
import subprocess
import sys
from pathlib import Path

ALLOW, DENY = 0x7FFF0000, 0x00050000 | 1  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM)
EQUAL, MASKED = 4, 7  # SCMP_CMP_EQ, SCMP_CMP_MASKED_EQ
WRITE, EXECUTE = 2, 4  # PROT_WRITE, PROT_EXEC
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 8, 24, 38, 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITIES = {"CAP_NET_BIND_SERVICE": 10}  # those a unit of ours names
CAPABILITY_VERSION = 0x20080522


class Compare(ctypes.Structure):
    """libseccomp's `struct scmp_arg_cmp`."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


class Filter:
    """An allow list of system calls, loaded into this process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(DENY))

    def allow(self, name: str, *conditions: Compare) -> None:
        """Allow a call, where its arguments fulfil the conditions; unknown names are ignored."""
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number == -1:
            return
        array = (Compare * len(conditions))(*conditions)
        self._library.seccomp_rule_add_array(self._context, ALLOW, number, len(conditions), array)

    def load(self) -> None:
        if self._library.seccomp_load(self._context):
            sys.exit("The kernel did not take the filter.")


def settings_of(unit: Path) -> dict[str, list[str]]:
    """Read a unit's settings; a key may stand more than once."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def allowed_calls(rules: list[str]) -> set[str]:
    """Resolve SystemCallFilter= lines: an allow list, then what `~` takes away."""
    allowed: set[str] = set()
    for rule in rules:
        names = {call for name in rule.lstrip("~").split() for call in _expand(name)}
        allowed = allowed - names if rule.startswith("~") else allowed | names
    return allowed


def _expand(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "--no-pager", "syscall-filter", name]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.strip() for line in shown.splitlines()[1:]]
    return {call for line in lines if line and not line.startswith("#") for call in _expand(line)}


def confine(settings: dict[str, list[str]]) -> None:
    """Become the unit's user for good, then take from the process what the unit takes."""
    calls = allowed_calls(settings["SystemCallFilter"])
    user = pwd.getpwnam(settings["User"][0])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # a container may allow less
    limit = min(int(settings["LimitNOFILE"][0]), hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    libc = ctypes.CDLL(None, use_errno=True)
    kept = {CAPABILITIES[name] for name in settings["CapabilityBoundingSet"][0].split()}
    for capability in set(range(64)) - kept:
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.umask(int(settings["UMask"][0], 8))
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    _hold(libc, {CAPABILITIES[name] for name in settings["AmbientCapabilities"][0].split()})
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _filter(calls, settings["RestrictAddressFamilies"][0].split()).load()


def _hold(libc: ctypes.CDLL, capabilities: set[int]) -> None:
    """Hold these capabilities and no others, so that the program that follows has them too."""
    mask = sum(1 << each for each in capabilities)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable
    if libc.capset(header, sets):
        sys.exit("The kernel did not take the capabilities.")
    for each in capabilities:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, each, 0, 0)


def _filter(calls: set[str], families: list[str]) -> Filter:
    guarded = {"socket", "mmap", "mprotect", "pkey_mprotect", "shmat"}
    chosen = Filter()
    for call in sorted(calls - guarded):
        chosen.allow(call)
    for family in families:
        chosen.allow("socket", Compare(0, EQUAL, int(getattr(socket, family)), 0))
    for protection in (0, WRITE, EXECUTE):  # never both: MemoryDenyWriteExecute
        chosen.allow("mmap", Compare(2, MASKED, WRITE | EXECUTE, protection))
    chosen.allow("mprotect", Compare(2, MASKED, EXECUTE, 0))
    return chosen


def environment_of(settings: dict[str, list[str]]) -> dict[str, str]:
    """Return what systemd would set; the administrator's file is the program's to read."""
    found = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    return found | {"HOME": settings["WorkingDirectory"][0]}


def main() -> None:
    settings = settings_of(Path(sys.argv[1]))
    command = [*shlex.split(settings["ExecStart"][0]), *sys.argv[2:]]
    environment = environment_of(settings)
    os.chdir(settings["WorkingDirectory"][0])
    confine(settings)
    os.execve(command[0], command, environment)  # noqa: S606 - becoming the unit is the purpose


if __name__ == "__main__":
    main()
