//! Connections as bytes, for whoever keeps them over a restart: all that the next packet is judged by.
//!
//! A page is `tctconn1`, a version (16 bits), the body's length in bytes (64 bits), the body, and the CRC-32C (RFC 3720
//! appendix B.4) of all before it; all numbers little-endian. The body is whether it is the last page (8 bits), the time, a
//! number of connections, of expectations and of GRE keys (32 bits each), and these, as `row` and `announced` write them.
//! Expectations and keys are in the last page.
//!
//! Connections name one another by their places in the table that was saved, so what belongs together is read together. A
//! connection belongs to its host by the host's address and its own number there. Deadlines are times: they pass while nobody
//! tracks anything, as they do for the two ends.

mod announced;
mod bytes;
mod row;
mod split;

use thiserror::Error;

use super::Conntrack;
use super::connection::Cookie;
use crate::time::Instant;
use announced::{SavedExpectation, SavedKey};
pub(super) use bytes::{Reader, Writer};
pub(crate) use row::{SavedConnection, SavedOwner};

const MAGIC: &[u8; 8] = b"tctconn1";
/// Goes up with every change of the body.
const VERSION: u16 = 1;
/// Before the body: magic, version, length.
const HEADER: usize = 8 + 2 + 8;
const CHECKSUM: usize = 4;

/// Why saved connections were not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SavedError {
    /// They begin like something else.
    #[error("these are no saved connections")]
    Foreign,
    /// Their version is not the one that is known here.
    #[error("saved connections of version {0} cannot be read: version {VERSION} can")]
    Version(u16),
    /// A page is shorter than it says.
    #[error("a page of saved connections is torn")]
    Torn,
    /// A checksum is wrong.
    #[error("a page of saved connections is damaged: its checksum is wrong")]
    Checksum,
    /// A checksum is right, but what the page says cannot be.
    #[error("a page of saved connections makes no sense")]
    Senseless,
}

/// A connection in the table that was saved: the number of that table, the place, and the place's generation.
pub(crate) type Name = (u32, u32, u32);

/// Connections that were saved, with what they announced: for [`crate::Gateway::restore_connections`].
#[derive(Debug, Default)]
pub struct SavedConnections {
    /// When.
    pub(crate) taken_at: Instant,
    pub(crate) connections: Vec<SavedConnection>,
    pub(crate) expectations: Vec<SavedExpectation>,
    pub(crate) keys: Vec<SavedKey>,
}

impl SavedConnections {
    /// Connections in it.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// When they were saved, the last ones.
    pub fn taken_at(&self) -> Instant {
        self.taken_at
    }

    /// Takes in all the pages of one table, one behind the other. `table` is a number that tells tables apart which are read
    /// into one.
    ///
    /// # Errors
    /// [`SavedError`]; nothing is taken in then.
    pub fn read(&mut self, table: u32, mut pages: &[u8]) -> Result<(), SavedError> {
        let mut all = SavedConnections::default();
        while !pages.is_empty() {
            let (body, rest) = body(pages)?;
            let is_last = all.page(table, &mut Reader(body)).ok_or(SavedError::Senseless)?;
            if is_last != rest.is_empty() {
                return Err(if is_last { SavedError::Foreign } else { SavedError::Torn });
            }
            pages = rest;
        }
        self.append(all);
        Ok(())
    }

    fn append(&mut self, other: SavedConnections) {
        self.taken_at = self.taken_at.max(other.taken_at);
        self.connections.extend(other.connections);
        self.expectations.extend(other.expectations);
        self.keys.extend(other.keys);
    }

    /// Tells whether it is the last one.
    fn page(&mut self, table: u32, reader: &mut Reader<'_>) -> Option<bool> {
        let is_last = reader.bool()?;
        let taken_at = reader.instant()?;
        self.taken_at = self.taken_at.max(taken_at);
        for _ in 0..reader.u32()? {
            self.connections.push(SavedConnection::read(table, taken_at, reader)?);
        }
        for _ in 0..reader.u32()? {
            self.expectations.push(SavedExpectation::read(table, reader)?);
        }
        for _ in 0..reader.u32()? {
            self.keys.push(SavedKey::read(table, reader)?);
        }
        reader.0.is_empty().then_some(is_last)
    }
}

/// The body of the page that these bytes begin with, and what follows the page.
fn body(bytes: &[u8]) -> Result<(&[u8], &[u8]), SavedError> {
    let begins = &bytes[..bytes.len().min(MAGIC.len())];
    if !MAGIC.starts_with(begins) {
        return Err(SavedError::Foreign);
    }
    let mut header = Reader(bytes.get(MAGIC.len()..).ok_or(SavedError::Torn)?);
    let version = header.u16().ok_or(SavedError::Torn)?;
    if version != VERSION {
        return Err(SavedError::Version(version));
    }
    let length = header.u64().and_then(|length| usize::try_from(length).ok()).ok_or(SavedError::Torn)?;
    let (body, rest) = header.0.split_at_checked(length).ok_or(SavedError::Torn)?;
    let (checksum, rest) = rest.split_first_chunk::<CHECKSUM>().ok_or(SavedError::Torn)?;
    let summed = bytes.get(..HEADER + length).ok_or(SavedError::Torn)?;
    if crc32c::crc32c(summed) != u32::from_le_bytes(*checksum) {
        return Err(SavedError::Checksum);
    }
    Ok((body, rest))
}

impl Conntrack {
    /// The connections at so many places from `from` on as a page, and where the next one begins; the last one has what is
    /// expected. `owner` tells whose a connection is.
    pub(crate) fn saved_page(
        &self,
        now: Instant,
        from: u32,
        places: usize,
        owner: impl Fn(Cookie) -> Option<SavedOwner>,
    ) -> (Vec<u8>, Option<u32>) {
        let (page, next) = self.page(from, places);
        let mut rows = Writer::default();
        let mut count = 0;
        for (id, connection) in page.filter(|(id, _)| self.at(id.place()).is_some()) {
            row::write(&mut rows, id, connection, owner(connection.cookie()), self.extension(id.place()));
            count += 1;
        }
        let mut body = Writer::default();
        body.u8(next.is_none().into());
        body.instant(now);
        body.u32(count);
        body.0.append(&mut rows.0);
        match next {
            Some(_) => (0..2).for_each(|_| body.u32(0)),
            None => self.write_announced(&mut body),
        }
        let mut page = Writer::default();
        page.0.extend(MAGIC);
        page.u16(VERSION);
        page.u64(body.0.len() as u64);
        page.0.append(&mut body.0);
        page.u32(crc32c::crc32c(&page.0));
        (page.0, next)
    }
}
