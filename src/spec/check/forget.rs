//! A forget list: each rule covers one thing, by name.

use std::collections::BTreeSet;

use crate::ledger::forget::{ForgetList, ForgetRule, Forgotten};
use crate::memory::ContentHash;
use crate::spec::authored::{AuthoredForgetFile, AuthoredForgetRule};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::probes::PATTERNS_LIMIT;
use crate::spec::quantity;
use crate::spec::route::{ROOT, Route};

use super::pattern;
use super::probes::glob_over_memories;

/// The longest name of a rule, in characters.
const NAME_LIMIT: usize = 100;

/// Checks a forget list. Each glob of a retention rule becomes a rule of the same name.
pub(in crate::spec) fn forget(authored: AuthoredForgetFile, checker: &mut Checker<'_>) -> Option<ForgetList> {
    let parent = ROOT.key("forget");
    let mut rules = Vec::new();
    let mut names = BTreeSet::new();
    let typed = authored.forget?;
    let patterns = typed.iter().filter(|rule| rule.pattern.is_some()).count();
    if patterns > PATTERNS_LIMIT {
        let label = format!("{patterns} patterns are more than the limit of {PATTERNS_LIMIT}");
        let problem = checker.at_key(Code::Pattern, &parent, label);
        checker.tell(problem.help("join some with `|`, or name statements by their hashes"));
        return None;
    }
    for (i, typed) in typed.into_iter().enumerate() {
        let route = parent.index(i);
        let Some(name) = typed.name.clone() else { continue };
        let label = if !names.insert(name.clone()) {
            Some("another rule has this name".to_owned())
        } else if name.chars().count() > NAME_LIMIT || name.contains(char::is_control) {
            Some(format!("a name has up to {NAME_LIMIT} characters, all of them visible"))
        } else {
            None
        };
        if let Some(label) = label {
            let problem = checker.at(Code::ForgetRule, &route.key("name"), label);
            checker.tell(problem);
        }
        for what in covered(typed, &route, checker) {
            rules.push(ForgetRule { name: name.clone(), what });
        }
    }
    Some(ForgetList { rules })
}

fn covered(typed: AuthoredForgetRule, route: &Route<'_>, checker: &mut Checker<'_>) -> Vec<Forgotten> {
    let ways =
        ["pattern", "statement", "keep"].into_iter().filter(|way| checker.has(&route.key(way))).count();
    if ways != 1 {
        let label = format!("this rule covers {ways} things, it needs one");
        let problem = checker.at(Code::ForgetRule, route, label);
        checker.tell(problem.help("give exactly one of `pattern`, `statement` and `keep`"));
        return Vec::new();
    }
    if checker.has(&route.key("paths")) != checker.has(&route.key("keep")) {
        let problem = checker.at(Code::ForgetRule, route, "`keep` and `paths` go together");
        checker.tell(problem.help("write `{name: …, keep: 90d, paths: [\"/journal/**\"]}`"));
        return Vec::new();
    }
    if let Some(source) = typed.pattern {
        let pattern = pattern::pattern(&source, &route.key("pattern"), checker);
        return pattern.map(Forgotten::Pattern).into_iter().collect();
    }
    if let Some(text) = typed.statement {
        return match text.strip_prefix("sha256:").map(|hex| ContentHash::try_from(hex.to_owned())) {
            Some(Ok(hash)) => vec![Forgotten::Statement(hash)],
            _ => {
                let label = "this is not `sha256:` and 64 hexadecimal digits";
                let problem = checker.at(Code::ForgetRule, &route.key("statement"), label);
                checker.tell(problem);
                Vec::new()
            }
        };
    }
    let Some(keep) = typed.keep else { return Vec::new() };
    let older_than = checker.take(Code::Duration, &route.key("keep"), quantity::duration(&keep));
    let parent = route.key("paths");
    let mut covered = Vec::new();
    for (i, glob) in typed.paths.unwrap_or_default().into_iter().enumerate() {
        let paths = glob_over_memories(&glob, &parent.index(i), checker);
        if let (Some(paths), Some(older_than)) = (paths, older_than) {
            covered.push(Forgotten::Retention { paths, older_than });
        }
    }
    covered
}
