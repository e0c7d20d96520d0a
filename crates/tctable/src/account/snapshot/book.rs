use std::collections::BTreeMap;
use std::sync::Arc;

use super::decode::{Read, Reader, body};
use super::encode::{Writer, sealed};
use super::{MAGIC, NO_GROUP, PAGE_MAGIC, SnapshotError};
use crate::packet::{Address, Family};
use crate::time::Instant;

type Key = (Family, Address);

/// What pages tell, put together: a host table that is kept elsewhere, as bytes.
#[derive(Clone, Debug, Default)]
pub struct HostBook {
    taken_at: Instant,
    first_id: u64,
    groups: Vec<(Arc<str>, Vec<u8>)>,
    hosts: BTreeMap<Key, Row>,
    remembered: BTreeMap<Key, Vec<u8>>,
}

#[derive(Clone, Debug)]
struct Row {
    bytes: Vec<u8>,
    group: Option<Arc<str>>,
    /// Where the group's number stands.
    group_at: usize,
}

/// What a page says, read before any of it is believed.
struct Page {
    taken_at: Instant,
    first_id: u64,
    groups: Option<Vec<(Arc<str>, Vec<u8>)>>,
    gone: Vec<(Key, Option<Vec<u8>>)>,
    rows: Vec<(Key, Vec<u8>, u32, usize)>,
}

impl HostBook {
    /// How long the page is that `bytes` begin with, as far as they tell; `None` if there is none.
    pub fn page_len(bytes: &[u8]) -> Option<usize> {
        super::length(PAGE_MAGIC, bytes)
    }

    /// Hosts in it.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// When the latest page was taken.
    pub fn taken_at(&self) -> Instant {
        self.taken_at
    }

    /// Takes a page in.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing is changed then.
    pub fn apply(&mut self, page: &[u8]) -> Result<(), SnapshotError> {
        let Page { taken_at, first_id, groups, gone, rows } = read(page)?;
        let names = groups.as_ref().unwrap_or(&self.groups);
        let mut named = Vec::with_capacity(rows.len());
        for (key, bytes, group, group_at) in rows {
            let group = match group {
                NO_GROUP => None,
                number => {
                    let group = names.get(number as usize).ok_or(SnapshotError::Senseless("a host of no group"))?;
                    Some(group.0.clone())
                }
            };
            named.push((key, Row { bytes, group, group_at }));
        }
        self.taken_at = self.taken_at.max(taken_at);
        self.first_id = self.first_id.max(first_id);
        if let Some(groups) = groups {
            self.groups = groups;
        }
        for (key, meter) in gone {
            self.hosts.remove(&key);
            match meter {
                Some(meter) => drop(self.remembered.insert(key, meter)),
                None => drop(self.remembered.remove(&key)),
            }
        }
        for (key, row) in named {
            self.remembered.remove(&key);
            self.hosts.insert(key, row);
        }
        Ok(())
    }

    /// Adds another table's hosts: those that both have are one, which counted what both did. What was counted and used stays; the
    /// rates of the last minutes of a host that both have begin anew.
    pub fn add(&mut self, other: HostBook) {
        let taken_at = self.taken_at.max(other.taken_at);
        self.first_id = self.first_id.max(other.first_id);
        for (name, group) in other.groups {
            match self.groups.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => add_group(taken_at, known, &group),
                None => self.groups.push((name, group)),
            }
        }
        for (key, row) in other.hosts {
            self.remembered.remove(&key);
            match self.hosts.get_mut(&key) {
                Some(known) => known.add(taken_at, row),
                None => drop(self.hosts.insert(key, row)),
            }
        }
        for (key, meter) in other.remembered {
            if !self.hosts.contains_key(&key) {
                self.remembered.entry(key).or_insert(meter);
            }
        }
        self.taken_at = taken_at;
    }

    /// The whole as a page that no other one goes before.
    pub fn page(&self) -> Vec<u8> {
        let mut body = Writer::default();
        body.instant(self.taken_at);
        body.u64(self.first_id);
        body.option(Some(()), |body, ()| {
            body.count(self.groups.len());
            self.groups.iter().for_each(|(_, bytes)| body.0.extend(bytes));
        });
        body.count(self.remembered.len());
        for ((family, address), meter) in &self.remembered {
            body.address(*family, *address);
            body.option(Some(()), |body, ()| body.0.extend(meter));
        }
        body.count(self.hosts.len());
        for row in self.hosts.values() {
            body.count(row.bytes.len());
            self.write_row(row, &mut body);
        }
        sealed(PAGE_MAGIC, &mut body.0)
    }

    /// A host with the number that its group has here.
    fn write_row(&self, row: &Row, body: &mut Writer) {
        let number = row.group.as_ref().and_then(|name| self.groups.iter().position(|(group, _)| group == name));
        let number = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(NO_GROUP);
        let begins = body.0.len() + row.group_at;
        body.0.extend(&row.bytes);
        if let Some(place) = body.0.get_mut(begins..begins + 4) {
            place.copy_from_slice(&number.to_le_bytes());
        }
    }

    /// The whole as a snapshot: for [`crate::Gateway::restore_hosts`].
    pub fn snapshot(&self) -> Vec<u8> {
        let mut body = Writer::default();
        body.instant(self.taken_at);
        body.u64(self.first_id);
        body.count(self.groups.len());
        self.groups.iter().for_each(|(_, bytes)| body.0.extend(bytes));
        body.count(self.hosts.len());
        self.hosts.values().for_each(|row| self.write_row(row, &mut body));
        body.count(self.remembered.len());
        for ((family, address), meter) in &self.remembered {
            body.address(*family, *address);
            body.0.extend(meter);
        }
        sealed(MAGIC, &mut body.0)
    }
}

impl Row {
    /// Adds what the same host counted in another table.
    fn add(&mut self, taken_at: Instant, other: Row) {
        let mut other = other;
        if self.group.is_none() {
            // It is in that group from now on.
            std::mem::swap(self, &mut other);
        }
        let read = |row: &Row| Reader { bytes: &row.bytes, taken_at }.host().ok();
        // Rows were read before they came in.
        let (Some(mut saved), Some(more)) = (read(self), read(&other)) else { return };
        saved.add(more, self.group == other.group);
        let mut row = Writer::default();
        self.group_at = row.saved(&saved);
        self.bytes = row.0;
    }
}

/// Adds what those who left a group counted for it in another table.
fn add_group(taken_at: Instant, group: &mut Vec<u8>, other: &[u8]) {
    let read = |bytes: &[u8]| Reader { bytes, taken_at }.group().ok();
    let (Some(mut sum), Some(more)) = (read(group), read(other)) else { return };
    sum.add(&more);
    let mut row = Writer::default();
    row.saved_group(&sum);
    *group = row.0;
}

fn read(page: &[u8]) -> Result<Page, SnapshotError> {
    let mut reader = Reader { bytes: body(PAGE_MAGIC, page)?, taken_at: Instant::MAX };
    reader.taken_at = reader.instant()?;
    let taken_at = reader.taken_at;
    let first_id = reader.u64()?;
    let groups = reader.option(|reader| {
        let count = reader.u32()?;
        (0..count).map(|_| raw(reader, |reader| reader.group().map(|group| group.name))).collect::<Read<Vec<_>>>()
    })?;
    let mut gone = Vec::new();
    for _ in 0..reader.u32()? {
        let key = reader.address()?;
        gone.push((key, reader.option(|reader| raw(reader, |reader| reader.meter().map(drop)))?.map(|(_, raw)| raw)));
    }
    let mut rows = Vec::new();
    for _ in 0..reader.u32()? {
        reader.u32()?;
        let ((key, group, group_at), bytes) = raw(&mut reader, |reader| {
            let before = reader.bytes.len();
            let (saved, left) = reader.host_and_group_place()?;
            Ok(((saved.key(), saved.group, before - left), ()))
        })
        .map(|((told, ()), bytes)| (told, bytes))?;
        rows.push((key, bytes, group, group_at));
    }
    if !reader.bytes.is_empty() {
        return Err(SnapshotError::Senseless("it goes on after its end"));
    }
    Ok(Page { taken_at, first_id, groups, gone, rows })
}

/// What is read, and its bytes.
fn raw<'a, T>(reader: &mut Reader<'a>, read: impl FnOnce(&mut Reader<'a>) -> Read<T>) -> Read<(T, Vec<u8>)> {
    let before = reader.bytes;
    let told = read(reader)?;
    let len = before.len() - reader.bytes.len();
    Ok((told, before.get(..len).unwrap_or_default().to_vec()))
}
