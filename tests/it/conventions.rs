//! What CONTRIBUTING asks of every source and no tool on stable Rust checks: where a module stands,
//! how wide a comment is, in which order imports come.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use crate::layers::{root, sources};

/// Columns of a line, comments included.
const WIDTH: usize = 100;

/// Every source of the repository, with its text.
fn texts() -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root().join(&path)).expect("text");
        (path, text)
    };
    sources(&root()).into_iter().map(read).collect()
}

/// The faults that `find` sees in all sources, with their places.
fn faults(find: impl Fn(&str) -> Vec<(usize, String)>) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in texts() {
        let found = find(&text).into_iter();
        faults.extend(found.map(|(line, fault)| format!("{}:{line}: {fault}", path.display())));
    }
    faults
}

#[test]
fn a_module_stands_in_a_file_of_its_name() {
    let named_mod = |path: &PathBuf| path.ends_with("mod.rs");
    let found: Vec<_> = sources(&root()).into_iter().filter(named_mod).collect();
    assert!(found.is_empty(), "foo.rs beside foo/: {found:?}");
}

/// Comments that are too wide, but for tables and for the targets of links, which cannot be folded.
fn wide_comments(text: &str) -> Vec<(usize, String)> {
    let is_wide = |line: &str| {
        let comment = line.trim_start();
        let content = comment.trim_start_matches(['/', '!']).trim_start();
        let folds = content.contains(' ') && !content.starts_with(['|', '[']);
        comment.starts_with("//") && folds && line.chars().count() > WIDTH
    };
    let lines = text.lines().enumerate().filter(|(_, line)| is_wide(line));
    lines
        .map(|(at, _)| (at + 1, format!("a comment of more than {WIDTH} columns")))
        .collect()
}

#[test]
fn comments_are_as_wide_as_code() {
    let faults = faults(wide_comments);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// One `use` of a source.
struct Import {
    line: usize,
    /// What stands before `use`: its depth and visibility.
    before: String,
    /// What stands behind it, without white space.
    path: String,
    /// Whether an empty line stands before it.
    apart: bool,
}

/// Runs of imports with nothing between them but empty lines.
fn runs(text: &str) -> Vec<Vec<Import>> {
    let mut runs: Vec<Vec<Import>> = Vec::new();
    let (mut apart, mut goes_on) = (false, false);
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let head = line.trim_start().strip_prefix("pub").map_or(line, |rest| {
            rest.split_once(' ').map_or(line, |(_, behind)| behind)
        });
        let Some(path) = head.trim_start().strip_prefix("use ") else {
            goes_on &= line.is_empty();
            apart = line.is_empty();
            continue;
        };
        let mut path = path.to_owned();
        while !path.ends_with(';') {
            let Some((_, line)) = lines.next() else {
                break;
            };
            path.push_str(line.trim());
        }
        let import = Import {
            line: at + 1,
            before: line.split("use ").next().unwrap_or_default().to_owned(),
            path: path.split_whitespace().collect(),
            apart,
        };
        apart = false;
        match runs.last_mut() {
            Some(run) if goes_on && run[0].before == import.before => run.push(import),
            _ => runs.push(vec![import]),
        }
        goes_on = true;
    }
    runs
}

/// Imports of several modules in one `use`, and those that stand in the wrong block: first the
/// standard library, then other crates, then ours.
fn import_faults(text: &str) -> Vec<(usize, String)> {
    let modules: HashSet<&str> = text
        .lines()
        .filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';'))
        .collect();
    let block = |import: &Import| match import.path.split([':', ';']).next().unwrap_or_default() {
        "std" | "core" | "alloc" => 0,
        "crate" | "self" | "super" => 2,
        first if modules.contains(first) => 2,
        _ => 1,
    };
    let mut faults = Vec::new();
    for run in runs(text) {
        for import in &run {
            let inside = import.path.split_once('{').map_or("", |(_, inside)| inside);
            if inside.contains("::") {
                faults.push((import.line, "one `use` for each module".to_owned()));
            }
        }
        for two in run.windows(2) {
            let (before, after) = (block(&two[0]), block(&two[1]));
            let fault = match before.cmp(&after) {
                std::cmp::Ordering::Greater => "the order is std, others, ours",
                std::cmp::Ordering::Less if !two[1].apart => "an empty line between blocks",
                std::cmp::Ordering::Equal if two[1].apart => "no empty line within a block",
                _ => continue,
            };
            faults.push((two[1].line, fault.to_owned()));
        }
    }
    faults
}

#[test]
fn imports_come_in_three_blocks_one_module_each() {
    let faults = faults(import_faults);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_out_of_order_is_found() {
    let of = |text: &str| -> Vec<usize> {
        let faults = import_faults(text).into_iter();
        faults.map(|(line, _)| line).collect()
    };
    let good = [
        "mod a;",
        "",
        "use std::io;",
        "use std::path::{",
        "    Path,",
        "    PathBuf,",
        "};",
        "",
        "use clap::Parser;",
        "",
        "use a::B;",
        "use crate::c::{self, D};",
        "",
        "pub(crate) use a::E;",
    ];
    assert_eq!(of(&good.join("\n")), Vec::<usize>::new());
    assert_eq!(of("use clap::Parser;\n\nuse std::io;\n"), [3]);
    assert_eq!(of("use crate::a;\nuse std::io;\n"), [2]);
    assert_eq!(of("use std::io;\nuse clap::Parser;\n"), [2]);
    assert_eq!(of("use std::io;\n\nuse std::fs;\n"), [3]);
    assert_eq!(of("fn f() {\n    use std::{fs::File, io};\n}\n"), [2]);
    let long = format!("fn f() {{\n    // {}\n}}\n", "word ".repeat(20));
    assert_eq!(wide_comments(&long).len(), 1);
    let table = format!(
        "/// | {} |\nlet s = \"{}\";\n",
        "a ".repeat(60),
        "b ".repeat(60)
    );
    assert_eq!(wide_comments(&table).len(), 0);
}
