use super::backlog::Count;
use super::context::Context;
use super::filter::{Block, Classified};
use super::handle::Handle;
use super::options::QdiscOptions;
use super::skb::Skb;

/// Where a device's packets meet filters without a queue: the kernel's qdiscs `ingress` and `clsact`.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    /// For packets that come in.
    pub(crate) ingress: Hook,
    /// For packets that go out, before they meet the root; `clsact` alone has it.
    pub(crate) egress: Option<Hook>,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Hook {
    pub(crate) block: Block,
    /// Packets that came by.
    pub(crate) seen: Count,
    /// Packets that its filters dropped.
    pub(crate) dropped: u64,
}

impl Hook {
    /// Asks the filters.
    pub(crate) fn classify(&mut self, context: &mut Context<'_>, skb: &mut Skb<'_>) -> Classified {
        self.seen.count(skb.len);
        let classified = self.block.classify(context, skb);
        self.dropped += u64::from(matches!(classified, Classified::Drop(_)));
        classified
    }
}

impl Hooks {
    /// The handle that both kinds have.
    pub(crate) const HANDLE: Handle = Handle::new(0xffff, 0);
    /// What filters for incoming packets name as their parent.
    pub(crate) const INGRESS: Handle = Handle::new(0xffff, 0xfff2);
    /// What filters for outgoing packets name as their parent.
    pub(crate) const EGRESS: Handle = Handle::new(0xffff, 0xfff3);

    /// The kind.
    pub(crate) fn options(&self) -> QdiscOptions {
        if self.egress.is_some() { QdiscOptions::Clsact } else { QdiscOptions::Ingress }
    }
}
