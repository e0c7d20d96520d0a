use tctable::ruleset::{Policy, Ruleset};

use crate::Json;

/// The members of the document of one version's rules.
pub fn rules(json: &mut Json<'_>, rules: &Ruleset) {
    json.plain("family", rules.family);
    json.array("tables", |json| {
        for table in &rules.tables {
            json.element(|json| {
                json.plain("name", table.name.as_str());
                json.array("chains", |json| {
                    for chain in &table.chains {
                        json.element(|json| {
                            json.string("name", &chain.name);
                            if let Some(base) = chain.base {
                                let policy = match base.policy {
                                    Policy::Accept => "ACCEPT",
                                    Policy::Drop => "DROP",
                                };
                                json.plain("policy", policy);
                                json.packets_bytes(base.counter);
                            }
                            json.array("rules", |json| {
                                for rule in &chain.rules {
                                    json.element(|json| {
                                        json.number("line", rule.line);
                                        json.packets_bytes(rule.counter);
                                        let text = rules.rule_text(table, &chain.name, rule);
                                        json.string("rule", &text.to_string());
                                    });
                                }
                            });
                        });
                    }
                });
            });
        }
    });
}
