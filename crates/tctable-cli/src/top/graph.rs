//! A small graph: a character for each value.

const UNICODE: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '%', '#'];

/// The last values, the newest at the right, against the highest of them; anything above nothing can be seen.
pub(super) fn graph(values: impl DoubleEndedIterator<Item = u64> + Clone, width: usize, unicode: bool) -> String {
    let levels = if unicode { UNICODE } else { ASCII };
    let shown = values.rev().take(width);
    let most = shown.clone().max().unwrap_or_default().max(1);
    let level = |value: u64| (u128::from(value) * 8).div_ceil(u128::from(most)) as usize;
    let mut text: Vec<char> = shown.map(|value| levels[level(value)]).collect();
    text.resize(width, ' ');
    text.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_at_the_right_and_the_highest_is_full() {
        let values = [0, 1, 4, 8, 0, 5_u64];
        assert_eq!(graph(values.into_iter(), 8, true), "   ▁▄█ ▅");
        assert_eq!(graph(values.into_iter(), 8, false), "   .=# +");
        assert_eq!(graph(values.into_iter(), 2, true), " █");
        assert_eq!(graph([].into_iter(), 3, true), "   ");
        assert_eq!(graph([0, u64::MAX].into_iter(), 2, true), " █");
    }
}
