//! The files that the rules look at, and Rust text without its comments and literals.
//!
//! Not here: the rules.

use std::fs;
use std::path::Path;

/// A text file of the repository.
pub struct Source {
    /// From the repository's root, with `/` between folders.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// Folders with sources of ours; files at the root come besides.
const FOLDERS: [&str; 10] = [".ci", "benches", "cli", "docs", "examples", "ffi", "include", "models", "src", "tests"];

/// Files of ours at the root. What a user builds or writes there is none of these rules' business.
const ROOT: [&str; 10] = [
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "rustfmt.toml",
];

/// Endings of text files. A file without an ending is a script or a licence.
const ENDINGS: [&str; 11] = ["c", "cpp", "fbs", "h", "hpp", "md", "rs", "sh", "toml", "cmake", ""];

/// Every text file of ours, by path.
pub fn all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(root, "", false, &mut found);
    for folder in FOLDERS {
        collect(&root.join(folder), folder, true, &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, prefix: &str, deep: bool, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries.map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            // Runs are bytes, whatever their names end in.
            if deep && name != "target" && path != "tests/fixtures/runs" {
                collect(&entry.path(), &path, true, found);
            }
        } else if ENDINGS.contains(&ending(&name)) && (deep || ROOT.contains(&name.as_str())) {
            found.push(Source { path, text: fs::read_to_string(entry.path()).unwrap() });
        }
    }
}

/// What follows the last dot of a file's name; nothing for `.gitignore` and the like.
pub fn ending(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.trim_start_matches('.').rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// Rust text with comments and the insides of string and character literals blanked. Lines keep their numbers.
pub fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(text, at) {
            length
        } else if rest.starts_with('"') {
            quoted(rest, b'"')
        } else if rest.starts_with('\'') && is_character(rest) {
            quoted(rest, b'\'')
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        out[at..at + length].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        at += length;
    }
    String::from_utf8(out).expect("whole characters were blanked")
}

/// Length of a block comment, those inside it included.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length of a literal that `quote` opens and closes.
fn quoted(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// Length of a raw string that starts here, if one does.
fn raw_string(text: &str, at: usize) -> Option<usize> {
    let rest = text[at..].strip_prefix('r')?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let inside_a_word = text[..at].ends_with(|c: char| c.is_alphanumeric() && c != 'b' && c != 'c' || c == '_');
    if inside_a_word || !rest[hashes..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let length = rest[hashes + 1..].find(&end).map_or(rest.len(), |found| hashes + 1 + found + end.len());
    Some(1 + length)
}

/// Whether a single quote opens a character, not a lifetime.
fn is_character(text: &str) -> bool {
    let mut characters = text.chars().skip(1);
    match characters.next() {
        Some('\\') => true,
        Some(_) => characters.next() == Some('\''),
        None => false,
    }
}

#[test]
fn code_is_left_when_comments_and_literals_go() {
    let text = r##"
        a /* b /* c */ d */ e // f
        "g\"h" r#"i"j"# 'k' '"' '\'' l<'m> n" // o
        p" q r s.r
    "##;
    let words: Vec<String> = code(text).split_whitespace().map(String::from).collect();
    assert_eq!(words, ["a", "e", "l<'m>", "n", "q", "r", "s.r"]);
    assert_eq!(code(text).lines().count(), text.lines().count());
}
