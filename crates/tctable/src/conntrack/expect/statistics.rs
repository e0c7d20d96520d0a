/// What happened to expectations, under the names of `/proc/net/stat/nf_conntrack` without their prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// `expect_new`: connections that came and were expected.
    pub new: u64,
    /// `expect_create`: expectations inserted.
    pub create: u64,
    /// `expect_delete`: expectations removed, whatever the cause: their connection came, their time passed, their
    /// master ended, or one like them was inserted.
    pub delete: u64,
}
