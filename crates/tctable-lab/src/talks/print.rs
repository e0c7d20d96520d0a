//! Steps as a test case, and back.

use std::fmt::Write;

use super::describe::describe;
use crate::step::{Side, Step};

/// A test case in Rust that has these steps, each packet in hexadecimal after a line that says what it is.
///
/// It names `agree(&[Step])`, the check of the tests among which it is put, [`steps`], and [`Side`].
pub fn print(steps: &[Step]) -> String {
    let mut text = String::from("#[test]\nfn found() {\n    agree(&talks::steps(&[\n");
    for step in steps {
        let side = match step.side {
            Side::Left => "Left",
            Side::Right => "Right",
        };
        let hex: String = step.packet.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes everything");
            hex
        });
        let line = describe(&step.packet);
        writeln!(text, "        // {line}\n        (Side::{side}, \"{hex}\"),").expect("a string takes everything");
    }
    text.push_str("    ]));\n}\n");
    text
}

/// The steps of a printed test case: sides, and packets in hexadecimal.
///
/// # Panics
///
/// If something is not hexadecimal.
pub fn steps(case: &[(Side, &str)]) -> Vec<Step> {
    let byte = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).expect("a test case is plain text");
        u8::from_str_radix(digits, 16).expect("packets are in hexadecimal")
    };
    case.iter().map(|(side, hex)| Step { side: *side, packet: hex.as_bytes().chunks(2).map(byte).collect() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::udp_packet;

    #[test]
    fn a_printed_case_is_read_back() {
        let packet = udp_packet("10.11.1.1:7".parse().unwrap(), "10.22.1.1:9".parse().unwrap(), b"hi");
        let run = [Step { side: Side::Left, packet }, Step { side: Side::Right, packet: vec![0x0f, 0xa0] }];
        let text = print(&run);
        let read: Vec<(Side, &str)> = text
            .lines()
            .filter_map(|line| {
                let (side, rest) = line.trim().strip_prefix("(Side::")?.split_once(", \"")?;
                let side = if side == "Left" { Side::Left } else { Side::Right };
                Some((side, rest.strip_suffix("\"),")?))
            })
            .collect();
        assert_eq!(steps(&read), run);
        assert!(text.contains("// IP 10.11.1.1.7 > 10.22.1.1.9: UDP, length 2\n"), "{text}");
    }
}
