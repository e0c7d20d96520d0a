use tctable::conntrack::Counter;
use tctable::ruleset::Ruleset;

use crate::shard::{Gone, Shard, Shards};

/// The rules that are loaded, of IPv4 and of IPv6, with what all shards counted together.
///
/// # Errors
/// [`Gone`]
pub(crate) async fn rules(shards: &Shards) -> Result<[Option<Ruleset>; 2], Gone> {
    let loaded = |shard: &mut Shard| {
        let (v4, v6) = shard.gateway.rules();
        [v4.cloned(), v6.cloned()]
    };
    let mut sum = shards.ask(0, loaded).await?;
    for shard in 1..shards.count() {
        let counted = |shard: &mut Shard| {
            let (v4, v6) = shard.gateway.rules();
            [v4.map(counters), v6.map(counters)]
        };
        let counted = shards.ask(shard, counted).await?;
        for (rules, counted) in sum.iter_mut().zip(counted) {
            if let (Some(rules), Some(counted)) = (rules, counted) {
                add(rules, &counted);
            }
        }
    }
    Ok(sum)
}

/// All counters in the order of the text.
fn counters(rules: &Ruleset) -> Vec<Counter> {
    let chains = rules.tables.iter().flat_map(|table| &table.chains);
    let each = |chain: &tctable::ruleset::Chain| {
        let policy = chain.base.map(|base| base.counter);
        policy.into_iter().chain(chain.rules.iter().map(|rule| rule.counter)).collect::<Vec<_>>()
    };
    chains.flat_map(each).collect()
}

fn add(rules: &mut Ruleset, counted: &[Counter]) {
    let mut counted = counted.iter();
    for chain in rules.tables.iter_mut().flat_map(|table| &mut table.chains) {
        let policy = chain.base.iter_mut().map(|base| &mut base.counter);
        for counter in policy.chain(chain.rules.iter_mut().map(|rule| &mut rule.counter)) {
            *counter += counted.next().copied().unwrap_or_default();
        }
    }
}
