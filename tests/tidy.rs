//! House rules a compiler does not know: who may use whom, who may talk, how files begin and end.
//!
//! Reads the sources as text. Each rule is a function from text to problems, tested on small strings
//! in [`rules`]; the first test applies them all to the tree.

#[path = "tidy/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use source::{code, has_word, modules, root_uses, without_tests};

/// The most lines of one source file before its tests.
const LINES_LIMIT: usize = 800;

/// The folders and files that may print, exit and read variables.
const EDGE: [&str; 2] = ["cli", "main"];

/// The modules that decide: plain functions over values, without effects.
const PURE: [&str; 7] = ["diff", "ledger", "plan", "gate", "adoption", "text", "price"];

#[test]
fn the_tree_follows_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lib = read(&root.join("src/lib.rs"));
    let order = modules(&without_tests(&code(&lib)));
    assert!(!order.is_empty(), "src/lib.rs declares no module");

    let src = root.join("src");
    let library: BTreeMap<String, (PathBuf, String)> = rust_files(&src)
        .into_iter()
        .map(|file| {
            let module = module_path(file.strip_prefix(&src).expect("found below src"));
            let text = read(&file);
            (module, (file, text))
        })
        .collect();
    let tests: BTreeSet<String> =
        library.iter().flat_map(|(module, (_, text))| test_modules(module, text)).collect();

    let mut problems = Vec::new();
    for (module, (file, text)) in &library {
        let mut checks = vec![opening(text), unfinished(text)];
        if tests.contains(module) {
            checks.push(dodging(text));
        } else {
            checks.extend([layering(&order, module, text), talk(module, text), purity(module, text)]);
            checks.extend([time(module, text), size(text)]);
        }
        problems.extend(at(root, file, checks.into_iter().flatten()));
    }
    for folder in ["tests", "benches"] {
        for file in rust_files(&root.join(folder)) {
            let text = read(&file);
            let mut checks = vec![opening(&text), unfinished(&text)];
            // A benchmark may sleep between two looks at what it measures.
            if folder == "tests" {
                checks.push(dodging(&text));
            }
            problems.extend(at(root, &file, checks.into_iter().flatten()));
        }
    }
    let source = |module: &str| library.get(module).map(|(_, text)| code(text)).unwrap_or_default();
    problems.extend(orphans(&library.keys().cloned().collect(), source));

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

fn child_of(parent: &str, child: &str) -> String {
    match parent {
        "lib" | "main" => child.to_owned(),
        _ => format!("{parent}::{child}"),
    }
}

/// Returns the files that a module has for its tests only.
fn test_modules(module: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let kept = modules(&without_tests(&code));
    let dropped = modules(&code).into_iter().filter(|child| !kept.contains(child));
    dropped.map(|child| child_of(module, &child)).collect()
}

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
            let name = child_of(&parent, &child);
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
    fn files_for_tests_are_known_by_their_declaration() {
        let text = "mod reader;\n#[cfg(test)]\nmod tests;\npub mod scalar;";
        assert_eq!(test_modules("spec::yaml", text), ["spec::yaml::tests"]);
        assert_eq!(test_modules("lib", text), ["tests"]);
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
