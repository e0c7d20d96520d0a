/// Why a packet is dropped, for those who count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// A function or a rule says so; the kernel would tell the sender `EPERM`.
    #[default]
    NotPermitted,
    /// The same, with another error for a sender on this machine (`NF_DROP_ERR`): an errno.
    Error(u16),
    /// It was to go to a queue that nobody reads.
    NoQueue,
    /// It was told to begin the hook anew too often.
    TooManyRepeats,
}

/// What is to become of a packet, after one function has looked at it (`NF_ACCEPT` and its like).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It goes on, to the next function.
    Accept,
    /// It ends here.
    Drop(DropReason),
    /// The function keeps it: for everybody else it ends here.
    Stolen,
    /// It goes to the program that reads that queue, and goes on where that says so.
    Queue {
        /// The queue's number.
        number: u16,
        /// It goes on where no program reads the queue; otherwise it is dropped there.
        bypass: bool,
    },
    /// This hook's functions look at it once more, this one first, as the kernel has it.
    Repeat,
}

impl Verdict {
    /// What a rule's or a policy's DROP is.
    pub const DROP: Verdict = Verdict::Drop(DropReason::NotPermitted);
}
