//! The system calls that are left (seccomp(2)).
//!
//! The list was found by tracing a gateway in all it does: forwarding, reloading, reopening of ports, saving of state, the control socket,
//! metrics, its end. In production a call that is not on it fails with EPERM: the kernel does not do it, which is what the filter is for,
//! and the caller tells its error; to kill a gateway in line would stop everybody's traffic because a library's new version asks for
//! something harmless. In tests it is killed, so that the list is known to be whole.

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::PrivilegeError;

/// What happens at a system call that is not on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// It fails with EPERM.
    Refuse,
    /// The process is killed by SIGSYS.
    Kill,
}

/// Whatever their arguments.
const ALLOWED: &[c_long] = &[
    // Frames and the control socket.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_accept4,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_ioctl,
    // Waiting.
    libc::SYS_ppoll,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    // Files.
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_getdents64,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_fcntl,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Threads: glibc asks for them by clone3, whose arguments a filter cannot see; what cannot be executed cannot be harmful.
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_tgkill,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // What there is, and what time it is.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
];

/// Those that newer machines never had.
#[cfg(target_arch = "x86_64")]
const ALLOWED_OLD: &[c_long] = &[libc::SYS_poll, libc::SYS_epoll_wait, libc::SYS_unlink, libc::SYS_rename];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_OLD: &[c_long] = &[];

/// The families of sockets that are opened anew: the control socket's clients and the service manager, netlink, packets, and what asks
/// for an interface by name.
const FAMILIES: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_NETLINK, libc::AF_PACKET, libc::AF_INET];

/// From now on no other calls.
pub(super) fn filter(violation: Violation, programs: bool) -> Result<(), PrivilegeError> {
    let program = build(violation, programs).map_err(|error| error.to_string());
    let program = program.map_err(PrivilegeError::step("seccomp"))?;
    // `no_new_privs` is set by now, so this takes no capability.
    seccompiler::apply_filter(&program).map_err(|error| error.to_string()).map_err(PrivilegeError::step("seccomp"))
}

fn build(violation: Violation, programs: bool) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: std::collections::BTreeMap<c_long, Vec<SeccompRule>> =
        ALLOWED.iter().chain(ALLOWED_OLD).map(|call| (*call, Vec::new())).collect();
    let mut families = FAMILIES.to_vec();
    if programs {
        families.push(libc::AF_XDP);
        rules.insert(libc::SYS_bpf, Vec::new());
    }
    rules.insert(libc::SYS_socket, one_of(0, &families)?);
    rules.insert(libc::SYS_socketpair, one_of(0, &[libc::AF_UNIX])?);
    rules.insert(libc::SYS_prctl, one_of(0, &[libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA])?);
    let outcome = match violation {
        Violation::Refuse => SeccompAction::Errno(libc::EPERM as u32),
        Violation::Kill => SeccompAction::KillProcess,
    };
    SeccompFilter::new(rules, outcome, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?.try_into()
}

/// A call whose argument is one of these.
fn one_of(argument: u8, values: &[libc::c_int]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    values
        .iter()
        .map(|value| {
            let value = *value as u64;
            SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?])
        })
        .collect()
}
