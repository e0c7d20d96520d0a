//! JSON text, written straight into a text: numbers stay exact, and nothing is allocated for a value.

use std::fmt::{Display, Write};

use tctable::conntrack::Counter;
use tctable::time::Instant;

/// Writes the members of one object or the elements of one array.
///
/// Keys are those of this program and need no escapes.
pub struct Json<'a> {
    text: &'a mut String,
    empty: bool,
}

impl Json<'_> {
    /// A whole object.
    pub fn object(text: &mut String, members: impl FnOnce(&mut Json<'_>)) {
        text.push('{');
        members(&mut Json { text, empty: true });
        text.push('}');
    }

    /// Inlined, so that the length of a key is known where it is copied.
    #[inline(always)]
    fn key(&mut self, key: &str) {
        self.comma();
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    #[inline(always)]
    fn comma(&mut self) {
        if !self.empty {
            self.text.push(',');
        }
        self.empty = false;
    }

    /// A whole number.
    #[inline(always)]
    pub fn number(&mut self, key: &str, value: impl itoa::Integer) {
        self.key(key);
        self.text.push_str(itoa::Buffer::new().format(value));
    }

    /// Anything else that is already JSON.
    pub fn raw(&mut self, key: &str, value: impl Display) {
        self.key(key);
        append(self.text, value);
    }

    /// A string that needs no escapes, such as an address.
    pub fn plain(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.text.push('"');
        append(self.text, value);
        self.text.push('"');
    }

    /// Any string.
    pub fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        escape(self.text, value);
    }

    /// A time in seconds.
    pub fn time(&mut self, key: &str, time: Instant) {
        self.raw(key, Seconds(time.as_nanos()));
    }

    /// Packets and bytes.
    pub fn counter(&mut self, key: &str, counter: Counter) {
        self.member(key, |json| json.packets_bytes(counter));
    }

    /// The members of a counter among others.
    pub fn packets_bytes(&mut self, counter: Counter) {
        self.number("packets", counter.packets);
        self.number("bytes", counter.bytes);
    }

    /// An object as a member.
    pub fn member(&mut self, key: &str, members: impl FnOnce(&mut Json<'_>)) {
        self.key(key);
        Json::object(self.text, members);
    }

    /// An array as a member.
    pub fn array(&mut self, key: &str, elements: impl FnOnce(&mut Json<'_>)) {
        self.key(key);
        self.text.push('[');
        elements(&mut Json { text: self.text, empty: true });
        self.text.push(']');
    }

    /// An object as an element.
    pub fn element(&mut self, members: impl FnOnce(&mut Json<'_>)) {
        self.comma();
        Json::object(self.text, members);
    }

    /// A string that needs no escapes as an element.
    pub fn plain_element(&mut self, value: &str) {
        self.comma();
        self.text.push('"');
        self.text.push_str(value);
        self.text.push('"');
    }

    /// Any string as an element.
    pub fn string_element(&mut self, value: &str) {
        self.comma();
        escape(self.text, value);
    }
}

/// Adds a value to a text.
pub fn append(text: &mut String, value: impl Display) {
    write!(text, "{value}").expect("memory takes any text");
}

/// A string in quotes (RFC 8259 section 7).
fn escape(text: &mut String, value: &str) {
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\0'..' ' | '\x7f' => append(text, format_args!("\\u{:04x}", u32::from(letter))),
            _ => text.push(letter),
        }
    }
    text.push('"');
}

/// Nanoseconds as seconds, with six decimals where that is exact and nine otherwise.
pub struct Seconds(pub u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seconds, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        // A one before them keeps the zeros that they begin with.
        let decimals = if nanos.is_multiple_of(1_000) { 1_000_000 + nanos / 1_000 } else { 1_000_000_000 + nanos };
        f.write_str(itoa::Buffer::new().format(seconds))?;
        f.write_str(".")?;
        f.write_str(itoa::Buffer::new().format(decimals).get(1..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nests_and_separates() {
        let mut text = String::new();
        Json::object(&mut text, |json| {
            json.number("a", 1);
            json.member("b", |_| ());
            json.array("c", |json| {
                json.plain_element("x");
                json.element(|json| json.counter("d", Counter { packets: 1, bytes: u64::MAX }));
            });
        });
        assert_eq!(text, r#"{"a":1,"b":{},"c":["x",{"d":{"packets":1,"bytes":18446744073709551615}}]}"#);
    }

    #[test]
    fn any_string_is_read_back() {
        let wild = "a\"b\\c\n\t\u{1}\u{7f}é\u{1f600}";
        let mut text = String::new();
        escape(&mut text, wild);
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), wild);
    }

    #[test]
    fn seconds_are_exact() {
        assert_eq!(Seconds(1_500_000_000).to_string(), "1.500000");
        assert_eq!(Seconds(1_500_000_007).to_string(), "1.500000007");
        assert_eq!(Seconds(7_000).to_string(), "0.000007");
        assert_eq!(Seconds(7).to_string(), "0.000000007");
        assert_eq!(Seconds(u64::MAX).to_string(), "18446744073.709551615");
    }
}
