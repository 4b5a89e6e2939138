"""The system call filter: what no process of a box may ask of the kernel.

Theory of operation. A *deny-list* in classic BPF, loaded once by the fork server and inherited by
every child. A refusal is an errno and not a kill, so that an honest library which probes a call
survives; only a foreign ABI, whose numbers would slip past the list, is killed. Calls whose danger
lies in an argument (mmap, clone, fcntl, prctl, prlimit) are looked at; the kernel caches the answer
for all others, so the length of the list costs nothing. A container has a second filter around
this one, an allow-list (seccomp.json).

x86-64 numbers only; seal.py refuses other machines.
"""

import ctypes
import struct

ARCH_X86_64, X32_BIT = 0xC000003E, 0x40000000
_ALLOW, _KILL, _EPERM, _ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
_MMAP, _CLONE, _FORK, _VFORK, _FCNTL, _PRCTL = 9, 56, 57, 58, 72, 157
_AFFINITY, _PRLIMIT, _CLONE3 = 203, 302, 435
_CLONE_THREAD, _CLONE_NEW = 0x00010000, 0x7E020000
_MAP_SHARED, _MAP_GROWSDOWN = 0x0001, 0x0100  # neither counts towards RLIMIT_DATA
_PRCTL_HARMLESS = (2, 3, 15, 16, 21, 22, 23, 38, 39)  # getters, names, tighter seals
_FCNTL_SHARED = (6, 7, 37, 38, 1024, 1026, 1031)  # locks, leases, notices: seen through one inode

DENIED: dict[str, dict[str, int]] = {
    "network": {
        "socket": 41,
        "connect": 42,
        "accept": 43,
        "bind": 49,
        "listen": 50,
        "accept4": 288,
    },
    "new programs": {"execve": 59, "execveat": 322},
    "other processes": {
        "ptrace": 101,
        "setpriority": 141,
        "sched_setparam": 142,
        "sched_setscheduler": 144,
        "ioprio_set": 251,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "kcmp": 312,
        "sched_setattr": 314,
        "pidfd_send_signal": 424,
        "pidfd_getfd": 438,
        "process_madvise": 440,
        "process_mrelease": 448,
    },
    "shared memory": {
        "shmget": 29,
        "shmat": 30,
        "shmctl": 31,
        "semget": 64,
        "semop": 65,
        "semctl": 66,
        "shmdt": 67,
        "msgget": 68,
        "msgsnd": 69,
        "msgrcv": 70,
        "msgctl": 71,
        "remap_file_pages": 216,
        "semtimedop": 220,
        "mq_open": 240,
        "mq_unlink": 241,
        "mq_timedsend": 242,
        "mq_timedreceive": 243,
        "mq_notify": 244,
        "mq_getsetattr": 245,
        "memfd_create": 319,
        "memfd_secret": 447,
    },
    "what shared files tell": {
        "flock": 73,
        "inotify_init": 253,
        "inotify_add_watch": 254,
        "inotify_init1": 294,
        "fanotify_init": 300,
        "fanotify_mark": 301,
    },
    "mounts and roots": {
        "pivot_root": 155,
        "chroot": 161,
        "mount": 165,
        "umount2": 166,
        "unshare": 272,
        "setns": 308,
        "open_tree": 428,
        "move_mount": 429,
        "fsopen": 430,
        "fsconfig": 431,
        "fsmount": 432,
        "fspick": 433,
        "mount_setattr": 442,
        "statmount": 457,
        "listmount": 458,
        "open_tree_attr": 467,
    },
    "kernel": {
        "uselib": 134,
        "sysfs": 139,
        "vhangup": 153,
        "modify_ldt": 154,
        "_sysctl": 156,
        "acct": 163,
        "swapon": 167,
        "swapoff": 168,
        "reboot": 169,
        "iopl": 172,
        "ioperm": 173,
        "init_module": 175,
        "delete_module": 176,
        "quotactl": 179,
        "nfsservctl": 180,
        "lookup_dcookie": 212,
        "kexec_load": 246,
        "finit_module": 313,
        "kexec_file_load": 320,
    },
    "attack surface": {
        "syslog": 103,
        "personality": 135,
        "io_setup": 206,
        "io_submit": 209,
        "add_key": 248,
        "request_key": 249,
        "keyctl": 250,
        "perf_event_open": 298,
        "name_to_handle_at": 303,
        "open_by_handle_at": 304,
        "bpf": 321,
        "userfaultfd": 323,
        "io_uring_setup": 425,
        "io_uring_enter": 426,
        "io_uring_register": 427,
        "quotactl_fd": 443,
    },
    "memory policy": {
        "mlock": 149,
        "mlockall": 151,
        "mbind": 237,
        "set_mempolicy": 238,
        "migrate_pages": 256,
        "vmsplice": 278,
        "move_pages": 279,
        "mlock2": 325,
    },
    "names and clocks": {
        "adjtimex": 159,
        "settimeofday": 164,
        "sethostname": 170,
        "setdomainname": 171,
        "clock_settime": 227,
        "clock_adjtime": 305,
    },
    "the host's disks": {"sync": 162, "sync_file_range": 277, "syncfs": 306},
    "marks on files": {
        "setxattr": 188,
        "lsetxattr": 189,
        "fsetxattr": 190,
        "removexattr": 197,
        "lremovexattr": 198,
        "fremovexattr": 199,
        "setxattrat": 463,
        "removexattrat": 466,
    },
}
"""What a solution never needs and an escape might."""


def server_filter() -> bytes:
    """The program that the fork server loads."""
    only_self = [  # what is another process's, the server's above all, is not a solution's to set
        _statement(_LOAD, _argument(0)),
        _jump(_EQUAL, 0, 1, 0),
        _statement(_RETURN, _EPERM),
    ]
    return b"".join(
        [
            *_head(),
            *_when(_MMAP, _refuse_bits(3, _MAP_SHARED | _MAP_GROWSDOWN)),
            *_when(_CLONE, _refuse_bits(0, _CLONE_NEW)),
            *_when(_PRCTL, [_statement(_LOAD, _argument(0)), *_unless(_PRCTL_HARMLESS)]),
            *_when(_FCNTL, [_statement(_LOAD, _argument(1)), *_refuse_values(_FCNTL_SHARED)]),
            *_when(_PRLIMIT, only_self),
            *_when(_AFFINITY, only_self),
            *_when(_CLONE3, [_statement(_RETURN, _ENOSYS)]),  # glibc falls back to clone
            *(
                part
                for group in DENIED.values()
                for number in group.values()
                for part in (_jump(_EQUAL, number, 0, 1), _statement(_RETURN, _EPERM))
            ),
            _statement(_RETURN, _ALLOW),
        ]
    )


def no_processes_filter() -> bytes:
    """The program that leaves threads as the only thing to start."""
    refuse = _statement(_RETURN, _EPERM)
    threads = [_statement(_LOAD, _argument(0)), _jump(_ANY_BIT, _CLONE_THREAD, 1, 0), refuse]
    parts = [*_head(), *_when(_FORK, [refuse]), *_when(_VFORK, [refuse]), *_when(_CLONE, threads)]
    return b"".join([*parts, _statement(_RETURN, _ALLOW)])


def program_header(program: bytes) -> tuple[ctypes.Array[ctypes.c_char], object]:
    """`struct sock_fprog` for `program`, and the buffer it points to, to be kept alive."""
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    return ctypes.create_string_buffer(header, len(header)), buffer


# --- the assembler -------------------------------------------------------------------------------

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH = 0, 4


def _statement(code: int, value: int) -> bytes:
    return struct.pack("HBBI", code, 0, 0, value)


def _jump(code: int, value: int, yes: int, no: int) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


def _argument(index: int) -> int:
    return 16 + 8 * index  # the low half, little endian


def _head() -> list[bytes]:
    """Another ABI would carry other numbers past the filter: it kills."""
    return [
        _statement(_LOAD, _ARCH),
        _jump(_EQUAL, ARCH_X86_64, 1, 0),
        _statement(_RETURN, _KILL),
        _statement(_LOAD, _NUMBER),
        _jump(_AT_LEAST, X32_BIT, 0, 1),
        _statement(_RETURN, _KILL),
    ]


def _when(number: int, body: list[bytes]) -> list[bytes]:
    """`body` runs for this call only; it may end in a return or fall through."""
    body = [*body, _statement(_LOAD, _NUMBER)]
    return [_jump(_EQUAL, number, 0, len(body)), *body]


def _refuse_bits(argument: int, bits: int) -> list[bytes]:
    return [
        _statement(_LOAD, _argument(argument)),
        _jump(_ANY_BIT, bits, 0, 1),
        _statement(_RETURN, _EPERM),
    ]


def _unless(values: tuple[int, ...]) -> list[bytes]:
    """Refuse whatever value was loaded that is not one of these."""
    jumps = [_jump(_EQUAL, value, len(values) - i, 0) for i, value in enumerate(values)]
    return [*jumps, _statement(_RETURN, _EPERM)]


def _refuse_values(values: tuple[int, ...]) -> list[bytes]:
    return [
        part
        for value in values
        for part in (_jump(_EQUAL, value, 0, 1), _statement(_RETURN, _EPERM))
    ]
