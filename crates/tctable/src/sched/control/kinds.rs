use super::super::options::{CodelOptions, FqCodelOptions, QdiscOptions, SfqOptions};
use super::error::SetQdiscError;
use super::request::QdiscSpec;

/// The options of a qdisc that is to be made.
///
/// # Errors
/// [`SetQdiscError::NoKind`], [`SetQdiscError::NoOptions`]
pub(super) fn options(spec: &QdiscSpec) -> Result<QdiscOptions, SetQdiscError> {
    let name = match spec {
        QdiscSpec::Options(options) => return Ok(options.clone()),
        QdiscSpec::Any => return Err(SetQdiscError::NoKind),
        QdiscSpec::Kind(name) => name,
    };
    Ok(match name.as_str() {
        "pfifo" => QdiscOptions::Pfifo { limit: None },
        "bfifo" => QdiscOptions::Bfifo { limit: None },
        "pfifo_head_drop" => QdiscOptions::PfifoHeadDrop { limit: None },
        "pfifo_fast" => QdiscOptions::PfifoFast,
        "sfq" => QdiscOptions::Sfq(SfqOptions::default()),
        "fq_codel" => QdiscOptions::FqCodel(FqCodelOptions::default()),
        "codel" => QdiscOptions::Codel(CodelOptions::default()),
        "ingress" => QdiscOptions::Ingress,
        "clsact" => QdiscOptions::Clsact,
        "noqueue" => QdiscOptions::Noqueue,
        "htb" | "prio" | "tbf" | "red" | "cbq" => return Err(SetQdiscError::NoOptions),
        _ => return Err(SetQdiscError::NoKind),
    })
}
