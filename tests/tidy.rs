//! House rules a compiler does not know: who may use whom, who may talk, how files begin and end.
//!
//! Reads the sources as text. Each rule is a function from text to problems, tested on small strings
//! in [`rules`]; the first test applies them all to the tree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The most lines of one source file before its tests.
const LINES_LIMIT: usize = 800;

/// The folders and files that may print, exit and read variables.
const EDGE: [&str; 2] = ["cli", "main"];

/// The modules that decide: plain functions over values, without effects.
const PURE: [&str; 6] = ["diff", "plan", "gate", "adoption", "text", "price"];

#[test]
fn the_tree_follows_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lib = read(&root.join("src/lib.rs"));
    let order = modules(&without_tests(&code(&lib)));
    assert!(!order.is_empty(), "src/lib.rs declares no module");

    let mut problems = Vec::new();
    let library = rust_files(&root.join("src"));
    for file in &library {
        let text = read(file);
        let module = module_path(file.strip_prefix(root.join("src")).expect("found below src"));
        let checks = [
            layering(&order, &module, &text),
            talk(&module, &text),
            purity(&module, &text),
            time(&module, &text),
            size(&text),
            opening(&text),
            unfinished(&text),
        ];
        problems.extend(at(root, file, checks.into_iter().flatten()));
    }
    for folder in ["tests", "benches"] {
        for file in rust_files(&root.join(folder)) {
            let text = read(&file);
            let checks = [opening(&text), unfinished(&text), dodging(&text)];
            problems.extend(at(root, &file, checks.into_iter().flatten()));
        }
    }
    let src = root.join("src");
    let names = library.iter().map(|file| module_path(file.strip_prefix(&src).expect("found below src")));
    problems.extend(orphans(&names.collect(), |module| {
        let file = library
            .iter()
            .find(|file| file.strip_prefix(&src).is_ok_and(|relative| module_path(relative) == module));
        file.map(|file| code(&read(file))).unwrap_or_default()
    }));

    assert!(problems.is_empty(), "the tree is untidy:\n  {}", problems.join("\n  "));
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    entries
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}

fn at(root: &Path, file: &Path, problems: impl Iterator<Item = String>) -> Vec<String> {
    let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
    problems.map(|problem| format!("{shown}: {problem}")).collect()
}

/// Turns `gate/secrets/mod.rs` into `gate::secrets`.
fn module_path(relative: &Path) -> String {
    let mut parts: Vec<String> = relative
        .with_extension("")
        .components()
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts.join("::")
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

// The rules.

/// Says where a module uses one that is declared below it in `lib.rs`.
fn layering(order: &[String], module: &str, text: &str) -> Vec<String> {
    let own = top(module);
    let Some(rank) = order.iter().position(|name| name == own) else { return Vec::new() };
    let mut problems = Vec::new();
    for (line, used) in root_uses(module, &without_tests(&code(text))) {
        if used == "*" {
            problems.push(format!("line {line} takes in the whole crate, so its layer cannot be checked"));
            continue;
        }
        if let Some(found) = order.iter().position(|name| *name == used)
            && found > rank
        {
            problems.push(format!("line {line} uses `{used}`, which is declared below `{own}` in lib.rs"));
        }
    }
    problems
}

/// Says where a module prints, exits or reads the environment without being at the edge.
fn talk(module: &str, text: &str) -> Vec<String> {
    if EDGE.contains(&top(module)) {
        return Vec::new();
    }
    let banned = [
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "dbg!",
        "process::exit",
        "process::abort",
        "env::var",
        "env::vars",
        "env::var_os",
        "env::vars_os",
        "env::set_var",
        "env::args",
        "env::args_os",
        "env::home_dir",
        "env::current_dir",
        "io::stdout",
        "io::stderr",
        "io::stdin",
    ];
    forbid(&banned, "only cli/ and main.rs talk to the user and the environment", text)
}

/// Says where a deciding module touches the world.
fn purity(module: &str, text: &str) -> Vec<String> {
    if !PURE.contains(&top(module)) {
        return Vec::new();
    }
    let effects = ["std::fs", "fs::read", "File::open", "async fn", "async move", ".await", "thread::spawn"];
    let mut problems = forbid(&effects, "this module decides and has no effects", text);
    if top(module) == "plan" {
        let unordered = ["HashMap", "HashSet", "RandomState"];
        problems.extend(forbid(&unordered, "a plan must not depend on hash order", text));
    }
    problems
}

/// Says where the hour is read past [`dreamrun::clock`].
fn time(module: &str, text: &str) -> Vec<String> {
    if module == "clock" {
        return Vec::new();
    }
    forbid(&["Timestamp::now", "Zoned::now", "SystemTime::now"], "clock.rs is the only source of time", text)
}

fn forbid(banned: &[&str], why: &str, text: &str) -> Vec<String> {
    let code = without_tests(&code(text));
    let mut problems = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for word in banned.iter().filter(|word| has_word(line, word)) {
            problems.push(format!("line {} has `{word}`: {why}", number + 1));
        }
    }
    problems
}

/// Says if a file is too long before its tests.
fn size(text: &str) -> Vec<String> {
    let lines = without_tests(&code(text)).trim_end().lines().count();
    match lines > LINES_LIMIT {
        true => vec![format!("{lines} lines before its tests, split it at {LINES_LIMIT}")],
        false => Vec::new(),
    }
}

/// Says if a file does not open with what it is.
fn opening(text: &str) -> Vec<String> {
    match text.strip_prefix("//! ").is_some_and(|rest| !rest.trim_start().is_empty()) {
        true => Vec::new(),
        false => vec!["does not open with a `//!` line".to_owned()],
    }
}

/// Says where work was left for later.
fn unfinished(text: &str) -> Vec<String> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let calls = [concat!("to", "do!"), concat!("unimpl", "emented!")];
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for mark in marks.iter().chain(&calls).filter(|mark| has_word(line, mark)) {
            problems.push(format!(
                "line {} has `{mark}`: unfinished work is an issue, not a comment",
                number + 1
            ));
        }
    }
    problems
}

/// Says where a test waits on the clock or is switched off.
fn dodging(text: &str) -> Vec<String> {
    let code = code(text);
    let banned = [concat!("#[ign", "ore"), "thread::sleep", "time::sleep"];
    let mut problems = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for word in banned.iter().filter(|word| line.contains(**word)) {
            problems.push(format!("line {} has `{word}`: a test neither sleeps nor hides", number + 1));
        }
    }
    problems
}

/// Says which declared modules have no file and which files no module declares.
fn orphans(files: &BTreeSet<String>, source: impl Fn(&str) -> String) -> Vec<String> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::from(["lib".to_owned(), "main".to_owned()]);
    let mut waiting = vec!["lib".to_owned(), "main".to_owned()];
    while let Some(parent) = waiting.pop() {
        for child in modules(&source(&parent)) {
            let prefix =
                if matches!(parent.as_str(), "lib" | "main") { String::new() } else { format!("{parent}::") };
            let name = format!("{prefix}{child}");
            if !files.contains(&name) {
                problems.push(format!("src: `{parent}` declares `{child}`, which has no file"));
            } else if seen.insert(name.clone()) {
                waiting.push(name);
            }
        }
    }
    problems.extend(files.difference(&seen).map(|name| format!("src: no module declares `{name}`")));
    problems
}

// Reading Rust, as far as the rules need it.

/// Returns the modules a file declares, in order: `mod x;`, whatever its visibility.
fn modules(code: &str) -> Vec<String> {
    let declared = code.lines().filter_map(|line| {
        let line = line.trim().rsplit(']').next().unwrap_or_default().trim();
        let (before, rest) = line.split_once("mod ")?;
        let visible =
            before.is_empty() || before == "pub " || (before.starts_with("pub(") && before.ends_with(") "));
        visible.then(|| rest.strip_suffix(';'))?.map(|name| name.trim().trim_start_matches("r#").to_owned())
    });
    declared.collect()
}

/// Returns the top-level modules that code reaches through `crate::` or enough `super::`, with the
/// line of each; `*` stands for all of them.
fn root_uses(module: &str, code: &str) -> Vec<(usize, String)> {
    let depth = if module.is_empty() { 0 } else { module.split("::").count() };
    let mut found = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        if !is_part_of_word(code[..start].chars().next_back()) {
            found.push(start + "crate::".len());
        }
    }
    let up = "super::".repeat(depth);
    if depth > 0 {
        for (start, _) in code.match_indices(&up) {
            let before = code[..start].chars().next_back();
            let is_longer =
                code[..start].ends_with("super::") || code[start + up.len()..].starts_with("super::");
            if !is_part_of_word(before) && !is_longer {
                found.push(start + up.len());
            }
        }
    }
    found.sort_unstable();
    let mut uses = Vec::new();
    for start in found {
        let line = code[..start].matches('\n').count() + 1;
        uses.extend(heads(&code[start..]).into_iter().map(|head| (line, head)));
    }
    uses
}

/// Returns the first names of a path or of each path in a brace group.
fn heads(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let text = text.trim_start().trim_start_matches("r#");
        match text.starts_with('*') {
            true => "*".to_owned(),
            false => text.chars().take_while(|&c| is_part_of_word(Some(c))).collect(),
        }
    };
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let mut names = vec![name(group)];
    let mut depth = 1;
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(name(&group[i + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn is_part_of_word(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

fn has_word(line: &str, word: &str) -> bool {
    let whole = |&(start, _): &(usize, &str)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let runs_on_left = is_part_of_word(word.chars().next()) && is_part_of_word(before);
        let runs_on_right = is_part_of_word(word.chars().next_back()) && is_part_of_word(after);
        !runs_on_left && !runs_on_right
    };
    line.match_indices(word).any(|hit| whole(&hit))
}

/// Returns the source with comments and the insides of literals blanked out, line for line.
fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut i = 0;
    while i < bytes.len() {
        let end = match bytes[i] {
            b'/' if bytes[i..].starts_with(b"//") => find(bytes, i, b"\n").unwrap_or(bytes.len()),
            b'/' if bytes[i..].starts_with(b"/*") => block_comment_end(bytes, i),
            b'"' => quoted_end(bytes, i),
            b'r' | b'b' | b'c' if !is_word_byte(i.checked_sub(1).map(|p| bytes[p])) => {
                match raw_string_end(bytes, i) {
                    Some(end) => end,
                    None => {
                        i += 1;
                        continue;
                    }
                }
            }
            b'\'' => match character_end(source, i) {
                Some(end) => end,
                None => {
                    i += 1;
                    continue;
                }
            },
            _ => {
                i += 1;
                continue;
            }
        };
        for byte in &mut out[i..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        i = end;
    }
    String::from_utf8(out).expect("whole characters were replaced by spaces")
}

fn is_word_byte(byte: Option<u8>) -> bool {
    byte.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    bytes[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i < bytes.len() {
        if bytes[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if bytes[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    bytes.len()
}

fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let mut i = start + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// Returns the end of `r"…"`, `br#"…"#` and their like, if one starts here.
fn raw_string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut i = start;
    if matches!(bytes[i], b'b' | b'c') {
        i += 1;
    }
    if bytes.get(i) != Some(&b'r') {
        return None;
    }
    i += 1;
    let hashes = bytes[i..].iter().take_while(|&&b| b == b'#').count();
    i += hashes;
    if bytes.get(i) != Some(&b'"') {
        return None;
    }
    let close = [&b"\""[..], &b"#".repeat(hashes)].concat();
    Some(find(bytes, i + 1, &close).map_or(bytes.len(), |at| at + close.len()))
}

/// Returns the end of a character literal, or nothing for a lifetime.
fn character_end(source: &str, start: usize) -> Option<usize> {
    let mut rest = source[start + 1..].chars();
    match rest.next()? {
        '\\' => {
            let escaped = rest.next()?;
            let from = start + 2 + escaped.len_utf8();
            source[from..].find('\'').map(|at| from + at + 1)
        }
        c => (rest.next()? == '\'').then(|| start + 2 + c.len_utf8()),
    }
}

/// Returns code without its `#[cfg(test)]` items, line for line. Takes what [`code`] returns.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        out.push_str(&rest[..start]);
        let item = &rest[start..];
        let end = item_end(&item[MARK.len()..]) + MARK.len();
        out.extend(item[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

/// Returns where an item ends: after its `;`, or after the brace that closes its body.
fn item_end(item: &str) -> usize {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (i, c) in item.char_indices() {
        match c {
            '{' => braces += 1,
            '}' if braces <= 1 => return i + 1,
            '}' => braces -= 1,
            '(' | '[' => others += 1,
            ')' | ']' => others = others.saturating_sub(1),
            ';' if braces == 0 && others == 0 => return i + 1,
            _ => {}
        }
    }
    item.len()
}

mod rules {
    //! The rules can fail: each is shown a text that breaks it.

    use super::*;

    fn order() -> Vec<String> {
        modules("pub mod ids;\npub mod plan;\nmod run;\n#[cfg(unix)] pub(crate) mod cli;\n")
    }

    #[test]
    fn modules_are_read_in_order() {
        assert_eq!(order(), ["ids", "plan", "run", "cli"]);
        assert!(modules("mod inline { }\nlet mod_ = 1;\nuse a::mod_x;").is_empty());
    }

    #[test]
    fn a_module_may_use_itself_and_what_stands_above_it() {
        let text = "use crate::ids::RunId;\nuse crate::plan::{a, b};\nuse super::step::Step;\nuse super::super::ids;";
        assert_eq!(layering(&order(), "plan::batch", text), Vec::<String>::new());
    }

    #[test]
    fn using_a_lower_module_is_reported_however_it_is_written() {
        let found = |module, text| layering(&order(), module, text);
        let expected = ["line 1 uses `run`, which is declared below `plan` in lib.rs"];
        assert_eq!(found("plan", "use crate::run::execute;"), expected);
        assert_eq!(found("plan", "use crate::{ids::{A, B}, run};"), expected);
        assert_eq!(found("plan", "fn f() { crate::run::execute() }"), expected);
        assert_eq!(found("plan", "use super::run::execute;"), expected);
        assert_eq!(found("plan::batch", "use super::super::run;"), expected);
        assert_eq!(found("plan::batch", "use super::run;"), Vec::<String>::new());
        assert_eq!(found("plan", "use crate::{\n    ids,\n    cli::X,\n};").len(), 1);
        assert_eq!(found("plan", "use crate::*;").len(), 1);
    }

    #[test]
    fn comments_strings_and_tests_use_nothing() {
        let text = "//! See [`crate::run`].\n/* crate::run /* nested */ crate::cli */\nconst A: &str = \"crate::run\";\n\
                    const B: &str = r#\"a \"crate::run\" b\"#;\nconst C: char = '\"';\nfn f<'a>(x: &'a str) {}\n\
                    #[cfg(test)]\nmod tests {\n    use crate::run::{a};\n    fn g() { crate::cli::h() }\n}\n";
        assert_eq!(layering(&order(), "plan", text), Vec::<String>::new());
        assert_eq!(layering(&order(), "plan", &format!("{text}use crate::run;")).len(), 1);
    }

    #[test]
    fn only_the_edge_talks() {
        let text = "fn f() { println!(\"x\"); std::process::exit(1) }\n#[cfg(test)]\nmod tests { fn g() { dbg!(1); } }";
        assert_eq!(talk("run", text).len(), 2);
        assert_eq!(talk("cli::plan", text), Vec::<String>::new());
        assert_eq!(talk("run", "let x = env!(\"A\"); fingerprint!(x); // println!"), Vec::<String>::new());
        assert_eq!(talk("run", "std::env::var(\"HOME\")").len(), 1);
    }

    #[test]
    fn what_decides_has_no_effects_and_no_clock() {
        assert_eq!(purity("gate::secrets", "use std::fs;").len(), 1);
        assert_eq!(purity("plan", "use std::collections::HashMap;").len(), 1);
        assert_eq!(purity("gate", "use std::collections::HashMap;"), Vec::<String>::new());
        assert_eq!(purity("backend", "async fn f() { g().await }"), Vec::<String>::new());
        assert_eq!(time("run", "let t = jiff::Timestamp::now();").len(), 1);
        assert_eq!(time("clock", "Timestamp::now()"), Vec::<String>::new());
    }

    #[test]
    fn a_file_is_counted_up_to_its_tests() {
        let body = "fn f() {}\n".repeat(LINES_LIMIT);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "fn g() {}\n".repeat(LINES_LIMIT));
        assert_eq!(size(&format!("{body}{tests}")), Vec::<String>::new());
        assert_eq!(size(&format!("{body}fn g() {{}}\n{tests}")).len(), 1);
    }

    #[test]
    fn a_file_opens_with_what_it_is() {
        assert_eq!(opening("//! What it is.\nfn f() {}"), Vec::<String>::new());
        assert_eq!(opening("use a::b;\n").len(), 1);
        assert_eq!(opening("//! \n").len(), 1);
        assert_eq!(opening("").len(), 1);
    }

    #[test]
    fn unfinished_work_and_dodging_tests_are_found() {
        assert_eq!(unfinished(concat!("fn f() { to", "do!() } // TO", "DO later")).len(), 2);
        assert_eq!(unfinished("let todos = 3; // a METHODOLOGY"), Vec::<String>::new());
        assert_eq!(dodging(concat!("#[ign", "ore]\nfn f() { std::thread::sleep(d) }")).len(), 2);
    }

    #[test]
    fn every_file_belongs_to_a_module_and_every_module_has_a_file() {
        let files = ["lib", "main", "plan", "plan::batch", "lost"].map(str::to_owned).into();
        let source = |module: &str| match module {
            "lib" => "pub mod plan;\npub mod gone;".to_owned(),
            "plan" => "mod batch;".to_owned(),
            _ => String::new(),
        };
        assert_eq!(
            orphans(&files, source),
            ["src: `lib` declares `gone`, which has no file", "src: no module declares `lost`"]
        );
    }

    #[test]
    fn blanking_keeps_every_line_where_it_was() {
        let text = "a \"x\\\"y\n\" b // c\nr##\"\"#\n\"## 'é' '\\n' &'static\n#[cfg(test)]\nuse a;\nz";
        let blanked = without_tests(&code(text));
        assert_eq!(blanked.lines().count(), text.lines().count());
        assert_eq!(blanked.split_whitespace().collect::<Vec<_>>(), ["a", "b", "&'static", "z"]);
    }
}
