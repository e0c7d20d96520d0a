use super::{Gateway, LiveError, print};

/// How rules are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As `iptables-save --counters` does.
    Save,
    /// One document.
    Json,
}

/// `tctable rules show` without a file.
pub(crate) fn rules(gateway: &Gateway, form: Form, family: Option<&str>) -> Result<(), LiveError> {
    let format = match form {
        Form::Save => "text",
        Form::Json => "json",
    };
    let asked = [("format", Some(format.to_owned())), ("family", family.map(str::to_owned))];
    let answer = gateway.client()?.get(&format!("/rules{}", super::client::query(&asked)))?;
    print(answer.text)
}
