//! Groups and quotas as files say them.

use ipnet::IpNet;
use serde::Deserialize;
use tctable::account::{
    Group, GroupError, Groups, HardMark, Limits, MacAddress, Member, MonthDay, OverQuota, Period, Quota, Weekday,
};

/// A group of hosts that count as one.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GroupSaid {
    /// Its name.
    pub name: String,
    /// The group that it is a part of.
    pub parent: Option<String>,
    /// Prefixes, addresses and Ethernet addresses.
    #[serde(default)]
    pub members: Vec<MemberSaid>,
    /// Connections that its members may have open.
    #[serde(default)]
    pub max_connections: u32,
    /// Connections that its members may open in a second.
    #[serde(default)]
    pub max_new_connections: u32,
    /// What its members may send and receive in a period.
    pub quota: Option<QuotaSaid>,
}

/// A prefix, an address or an Ethernet address.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(try_from = "String")]
pub struct MemberSaid(Member);

impl TryFrom<String> for MemberSaid {
    type Error = String;

    fn try_from(text: String) -> Result<MemberSaid, String> {
        if let Ok(prefix) = text.parse::<IpNet>() {
            return Ok(MemberSaid(Member::Prefix(prefix.trunc())));
        }
        if let Ok(address) = text.parse::<std::net::IpAddr>() {
            return Ok(MemberSaid(Member::Prefix(address.into())));
        }
        let bytes: Vec<u8> = text.split(':').filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
        match (<[u8; 6]>::try_from(bytes), text.len()) {
            (Ok(bytes), 17) => Ok(MemberSaid(Member::Mac(MacAddress(bytes)))),
            _ => Err(format!("{text:?} is no prefix, no address and no Ethernet address")),
        }
    }
}

/// How many bytes may be sent and received in a period.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct QuotaSaid {
    /// What is counted over.
    pub period: PeriodSaid,
    /// From so many bytes on it is told.
    pub soft: Option<u64>,
    /// No more than so many bytes.
    pub hard: Option<u64>,
    /// Beyond, packets get this mark in place of being dropped.
    pub mark: Option<u32>,
}

/// What is counted over; each begins at midnight, local time.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum PeriodSaid {
    /// A day.
    Day,
    /// A week from Monday on.
    Week,
    /// A calendar month.
    Month,
}

impl QuotaSaid {
    pub(super) fn quota(&self) -> Quota {
        let verdict = self.mark.map_or(OverQuota::Drop, OverQuota::Mark);
        Quota {
            period: match self.period {
                PeriodSaid::Day => Period::Day,
                PeriodSaid::Week => Period::Week { begins: Weekday::Monday },
                PeriodSaid::Month => Period::Month { begins: MonthDay::new(1).expect("every month has a first") },
            },
            soft: self.soft,
            hard: self.hard.map(|bytes| HardMark { bytes, verdict }),
        }
    }
}

pub(super) fn groups(said: &[GroupSaid]) -> Result<Groups, GroupError> {
    Groups::new(
        said.iter()
            .map(|said| Group {
                parent: said.parent.as_deref().map(Into::into),
                members: said.members.iter().map(|MemberSaid(member)| *member).collect(),
                limits: Limits { connections: said.max_connections, new_connections: said.max_new_connections },
                quota: said.quota.as_ref().map(QuotaSaid::quota),
                ..Group::new(&said.name)
            })
            .collect(),
    )
}
