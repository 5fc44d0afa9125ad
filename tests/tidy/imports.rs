//! Who may import whom: the table of ARCHITECTURE.md against the paths that the modules of `src/` name.
//!
//! A path counts wherever it stands in code, in tests too: `use crate::ring`, `crate::{ring, wire}`, `crate::ring::heap`,
//! and `super::..` as far as it reaches the root. Not here: doc comments, which may link to anything.

use std::collections::BTreeMap;

use crate::rules::Fault;
use crate::source::code;

/// The rows of the table: what each module may import, and which of threads, clock and files it may touch.
pub struct Table(BTreeMap<String, Row>);

struct Row {
    imports: Vec<String>,
    touches: Vec<String>,
}

/// What is rationed beside imports: the word of the table, and the paths that it stands for.
const RATIONED: [(&str, &[&str]); 3] =
    [("threads", &["std::thread"]), ("clock", &["std::time"]), ("files", &["std::fs", "std::net", "std::process"])];

impl Table {
    /// Reads the table whose head has the columns `may import` and `may touch`.
    pub fn parse(markdown: &str) -> Result<Self, String> {
        let is_head = |line: &&str| line.contains("| may import |") && line.contains("| may touch |");
        let head = markdown.lines().position(|line| is_head(&line)).ok_or("ARCHITECTURE.md has no import table")?;
        let names = markdown.lines().nth(head).map(cells).unwrap_or_default();
        let column = |name: &str| names.iter().position(|cell| cell == name).ok_or(format!("no column {name}"));
        let (module, imports, touches) = (column("module")?, column("may import")?, column("may touch")?);
        let mut rows = BTreeMap::new();
        for line in markdown.lines().skip(head + 2).take_while(|line| line.starts_with('|')) {
            let cells = cells(line);
            if cells.len() != names.len() {
                return Err(format!("a row of another length: {line}"));
            }
            let row = Row { imports: quoted(&cells[imports]), touches: words(&cells[touches]) };
            let [name] = &quoted(&cells[module])[..] else { return Err(format!("a row without one module: {line}")) };
            rows.insert(name.clone(), row);
        }
        Ok(Self(rows))
    }

    /// The modules that it names, in alphabetical order.
    pub fn modules(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// The faults of one file of `src/`.
    pub fn check(&self, path: &str, text: &str) -> Vec<Fault> {
        let Some(own) = module(path) else { return Vec::new() };
        let Some(row) = self.0.get(&own) else { return vec![Fault::new(1, format!("{own} is not in the table"))] };
        let code = code(text);
        let mut faults = Vec::new();
        for (line, name) in roots(&code, depth(path)) {
            if name != own && !row.imports.contains(&name) {
                faults.push(Fault::new(line, format!("{own} imports {name}, which ARCHITECTURE.md does not allow")));
            }
        }
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        for (what, paths) in RATIONED {
            for (number, line) in code.lines().enumerate() {
                if !is_test && !row.touches.iter().any(|t| t == what) && paths.iter().any(|path| line.contains(path)) {
                    faults.push(Fault::new(number + 1, format!("{own} touches {what}, which is not in the table")));
                }
            }
        }
        faults
    }
}

/// The module of `src/` that a file belongs to; none for the root of the crate and files elsewhere.
pub fn module(path: &str) -> Option<String> {
    let inside = path.strip_prefix("src/").filter(|inside| inside.ends_with(".rs") && *inside != "lib.rs")?;
    Some(inside.split('/').next()?.trim_end_matches(".rs").to_string())
}

/// How many `super`s lead from a file to the root of the crate.
fn depth(path: &str) -> usize {
    let folders = path.matches('/').count();
    if path.ends_with("/mod.rs") { folders - 1 } else { folders }
}

/// The first names after the root of the crate, with the lines that they are on.
fn roots(code: &str, depth: usize) -> Vec<(usize, String)> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for root in ["crate::".to_string(), "super::".repeat(depth)] {
        for (at, _) in code.match_indices(&root) {
            if code[..at].ends_with(is_name) || (root.starts_with("super") && code[..at].ends_with("super::")) {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            let rest = code[at + root.len()..].trim_start();
            let tree = if rest.starts_with('{') { branches(rest) } else { vec![rest] };
            for branch in tree {
                let name: String = branch.trim_start().chars().take_while(|c| is_name(*c)).collect();
                // A test inside a file reaches its own module by `super`, and names types and functions of it.
                let is_module = root.starts_with("crate") || branch.trim_start()[name.len()..].starts_with("::");
                if !name.is_empty() && name != "self" && is_module {
                    found.push((line, name));
                }
            }
        }
    }
    found
}

/// The branches of `{a, b::{c, d}}`.
fn branches(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 1, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            found.push(&text[start..at]);
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found
}

fn cells(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(String::from).collect()
}

fn words(cell: &str) -> Vec<String> {
    cell.split(',').map(|word| word.trim().to_string()).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
const EXAMPLE: &str = "\
text
| module | what it is | may import | may touch |
|---|---|---|---|
| `error` | the error | | |
| `ring` | slots | `error` | threads |
| `wire` | messages | `error`, `ring` | clock, files |

| `after` | the table | | |";

#[test]
fn table_is_read_as_far_as_it_goes() {
    let table = Table::parse(EXAMPLE).unwrap();
    assert_eq!(table.modules(), ["error", "ring", "wire"]);
    assert!(Table::parse("no table").is_err());
    assert!(Table::parse(&EXAMPLE.replace("| slots ", "")).is_err());
}

#[test]
fn forbidden_imports_are_found_in_each_form() {
    let table = Table::parse(EXAMPLE).unwrap();
    let lines = |path: &str, text: &str| table.check(path, text).iter().map(|fault| fault.line).collect::<Vec<_>>();
    for form in ["use crate::wire;", "crate::wire::f()", "use crate::{error, wire::{a, b}};", "super::super::wire::f()"]
    {
        assert_eq!(lines("src/ring/a.rs", &format!("\n{form}")), [2], "{form}");
        assert_eq!(lines("src/wire/a.rs", &format!("\n{form}")), [0; 0], "{form}");
    }
    assert_eq!(lines("src/ring/mod.rs", "use super::wire::View;"), [1]);
    assert_eq!(lines("src/ring/a.rs", "use super::wire::View;"), [0; 0], "that is crate::ring::wire");
    assert_eq!(lines("src/ring/tests.rs", "use crate::wire;"), [1], "tests count too");
    assert_eq!(lines("src/ring/a.rs", "use crate::{error::{self, Result}};"), [0; 0]);
    assert_eq!(lines("src/ring/a.rs", "//! [`crate::wire`]\n/// crate::wire\n\"crate::wire\""), [0; 0]);
    assert_eq!(lines("src/new/a.rs", ""), [1], "a module that the table lacks");
    assert_eq!(lines("src/lib.rs", "use crate::wire;"), [0; 0]);
}

#[test]
fn forbidden_threads_clocks_and_files_are_found() {
    let table = Table::parse(EXAMPLE).unwrap();
    let count = |path: &str, text: &str| table.check(path, text).len();
    assert_eq!(count("src/ring/a.rs", "use std::thread;\nuse std::time::Instant;"), 1);
    assert_eq!(count("src/error.rs", "std::fs::read(p)\nstd::thread::spawn(f)"), 2);
    assert_eq!(count("src/wire/a.rs", "use std::time::Instant;\nuse std::fs;"), 0);
    assert_eq!(count("src/error/tests.rs", "use std::thread;"), 0, "tests may");
}
