//! TCP options.

/// A TCP option (RFC 9293 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// The list ends here.
    End,
    /// A byte of padding.
    Nop,
    /// Maximum segment size.
    Mss(u16),
    /// Window scale: the shift (RFC 7323 section 2).
    WindowScale(u8),
    /// Selective acknowledgements are welcome (RFC 2018 section 2).
    SackPermitted,
    /// Selective acknowledgements: the first sequence number of each block, and the one after its last.
    Sack(Vec<[u32; 2]>),
    /// Timestamp and echo (RFC 7323 section 3).
    Timestamps(u32, u32),
    /// A fast open cookie, empty to ask for one (RFC 7413 section 4.1.1).
    FastOpen(Vec<u8>),
    /// Bytes as they are, for options that are unknown or broken.
    Raw(Vec<u8>),
}

/// Options one after the other, unpadded: what [`Tcp::options`](super::Tcp::options) takes.
pub fn tcp_options(options: &[TcpOption]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for option in options {
        match option {
            TcpOption::End => bytes.push(0),
            TcpOption::Nop => bytes.push(1),
            TcpOption::Mss(size) => {
                bytes.extend([2, 4]);
                bytes.extend(size.to_be_bytes());
            }
            TcpOption::WindowScale(shift) => bytes.extend([3, 3, *shift]),
            TcpOption::SackPermitted => bytes.extend([4, 2]),
            TcpOption::Sack(blocks) => {
                bytes.extend([5, 2 + 8 * blocks.len() as u8]);
                bytes.extend(blocks.iter().flatten().flat_map(|edge| edge.to_be_bytes()));
            }
            TcpOption::Timestamps(value, echo) => {
                bytes.extend([8, 10]);
                bytes.extend(value.to_be_bytes());
                bytes.extend(echo.to_be_bytes());
            }
            TcpOption::FastOpen(cookie) => {
                bytes.extend([34, 2 + cookie.len() as u8]);
                bytes.extend(cookie);
            }
            TcpOption::Raw(raw) => bytes.extend(raw),
        }
    }
    bytes
}
