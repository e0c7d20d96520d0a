use super::report::Report;

pub(super) fn write(_report: &Report<'_>, _text: &mut String) {}
