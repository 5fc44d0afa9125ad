//! Ages and sizes as people read them, and tables of them.
//!
//! Not here: exact numbers, which `inspect --json` has.

use std::time::Duration;

/// Bytes in the largest binary unit of which there is one: `20.1 KiB`.
pub fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = (bytes.max(1).ilog2() / 10) as usize;
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{:.1} {}", bytes as f64 / (1_u64 << (10 * unit)) as f64, units[unit]),
    }
}

/// A time in its two largest units: `2 d 3 h`, `4 min 20 s`, `7 s`.
pub fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let two = parts[first..].iter().take(2).filter(|(count, unit)| *count > 0 || *unit == "s" && first == 3);
    two.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

/// Rows in columns two blanks apart, each as wide as it needs; nothing behind the last. What came from outside is shown
/// without control characters, so that it cannot play with the terminal.
pub fn table(rows: &[Vec<String>]) -> String {
    let plain: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let columns = plain.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, column: usize| row.get(column).map_or(0, |cell| cell.chars().count());
    let widths: Vec<usize> = (0..columns).map(|at| plain.iter().map(|row| cell(row, at)).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &plain {
        let line: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// `text` with control characters escaped.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_told_in_the_units_that_fit_them() {
        let sizes = [0, 1023, 1024, 20_583, 1 << 20, u64::MAX].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "20.1 KiB", "1.0 MiB", "16.0 EiB"]);
        let ages = [0, 59, 60, 61, 3600, 7300, 86_400, 90_061].map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(ages, ["0 s", "59 s", "1 min", "1 min 1 s", "1 h", "2 h 1 min", "1 d", "1 d 1 h"]);
    }

    #[test]
    fn tables_line_up_and_show_no_control_characters() {
        let row = |cells: [&str; 3]| cells.map(String::from).to_vec();
        assert_eq!(
            table(&[row(["A", "BB", "C"]), row(["aaa", "b", "\u{1b}[2J"])]),
            "A    BB  C\naaa  b   \\u{1b}[2J\n"
        );
    }
}
