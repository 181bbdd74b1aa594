//! Forget lists: what must not come back, and what may go.

use globset::GlobMatcher;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use crate::memory::{ContentHash, MemoryPath};
use crate::text::normal::normal;
use crate::text::pattern::Forms;
use crate::text::statement::statements;

/// The rules of one store, in the author's order.
#[derive(Debug, Clone, Default)]
pub struct ForgetList {
    /// The rules.
    pub rules: Vec<ForgetRule>,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct ForgetRule {
    /// What it is called in reports: never the text it is about.
    pub name: String,
    /// What it covers.
    pub what: Forgotten,
}

/// What a rule covers.
#[derive(Debug, Clone)]
pub enum Forgotten {
    /// Statements that match; matching takes linear time, and the pattern's size is bounded.
    Pattern(Regex),
    /// One statement, by the hash of its normal form, so that the list need not repeat what is to be
    /// forgotten.
    Statement(ContentHash),
    /// Everything under a path, once it is older than this. It may go; it does not have to.
    Retention {
        /// Which memories.
        paths: GlobMatcher,
        /// How old, from the memory's last change.
        older_than: SignedDuration,
    },
}

/// Returns the hash by which a rule names one statement: that of its normal form.
pub fn hash_of_statement(text: &str) -> ContentHash {
    ContentHash::of(normal(text))
}

impl ForgetList {
    /// Says whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the rule that says a statement must not be in the store.
    pub fn forbids(&self, text: &str, hash: ContentHash) -> Option<&ForgetRule> {
        self.forbids_hash(hash).or_else(|| self.forbids_text(text))
    }

    /// Returns the rule that names a statement by its hash.
    pub fn forbids_hash(&self, hash: ContentHash) -> Option<&ForgetRule> {
        self.rules
            .iter()
            .find(|rule| matches!(rule.what, Forgotten::Statement(forgotten) if forgotten == hash))
    }

    /// Returns the rule whose pattern matches a text, a statement or not.
    pub fn forbids_text(&self, text: &str) -> Option<&ForgetRule> {
        if self.rules.is_empty() {
            return None;
        }
        let forms = Forms::of(text);
        self.rules.iter().find(|rule| match &rule.what {
            Forgotten::Pattern(pattern) => forms.match_with(pattern),
            _ => false,
        })
    }

    /// Says whether any rule forbids a text. Rules of retention only let memories go.
    pub fn forbids_any(&self) -> bool {
        self.rules.iter().any(|rule| !matches!(rule.what, Forgotten::Retention { .. }))
    }

    /// Returns the rules that a text breaks, with the lines, from 1: in its statements, and in what stands
    /// beside them, such as headings.
    pub fn broken_in(&self, content: &str) -> Vec<(usize, &ForgetRule)> {
        let statements = statements(content);
        let mut broken = Vec::new();
        for statement in &statements {
            if let Some(rule) = self.forbids(statement.text, hash_of_statement(statement.text)) {
                broken.push((statement.line, rule));
            }
        }
        let mut spans = statements.iter().map(|statement| &statement.span).peekable();
        let mut start = 0;
        for (i, line) in content.split_inclusive('\n').enumerate() {
            let end = start + line.len();
            while spans.peek().is_some_and(|span| span.end <= start) {
                spans.next();
            }
            if spans.peek().is_none_or(|span| span.start >= end)
                && let Some(rule) = self.forbids_text(line.trim())
            {
                broken.push((i + 1, rule));
            }
            start = end;
        }
        broken.sort_by_key(|(line, _)| *line);
        broken
    }

    /// Returns the rule that says a memory is old enough to go. Without a time, or for a memory whose last
    /// change is not known, nothing is.
    pub fn lets_go(
        &self,
        path: &MemoryPath,
        updated_at: Option<Timestamp>,
        now: Option<Timestamp>,
    ) -> Option<&ForgetRule> {
        let age = now?.duration_since(updated_at?);
        self.rules.iter().find(|rule| match &rule.what {
            Forgotten::Retention { paths, older_than } => age > *older_than && paths.is_match(path.as_str()),
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use globset::GlobBuilder;

    use super::*;
    use crate::text::pattern;

    fn list(what: Forgotten) -> ForgetList {
        ForgetList { rules: vec![ForgetRule { name: "rule".to_owned(), what }] }
    }

    #[test]
    fn a_statement_is_forbidden_by_its_words_or_by_its_hash() {
        let forbids = |list: &ForgetList, text: &str| list.forbids(text, hash_of_statement(text)).is_some();
        let by_pattern = list(Forgotten::Pattern(pattern::compile("ann smith").unwrap()));
        assert!(forbids(&by_pattern, "Call **Ann Smith** first"));
        assert!(!forbids(&by_pattern, "Call Ann first"));
        let by_hash = list(Forgotten::Statement(hash_of_statement("Ann's phone is 555-1234.")));
        assert!(forbids(&by_hash, "ann’s **phone** is `555-1234`"));
        assert!(!forbids(&by_hash, "Ann's phone is 555-1235."));
        let path = MemoryPath::parse("/a.md").unwrap();
        assert!(by_hash.lets_go(&path, Some(Timestamp::UNIX_EPOCH), Some(Timestamp::MAX)).is_none());
    }

    #[test]
    fn rules_are_broken_in_statements_and_in_what_stands_beside_them() {
        let broken = |list: &ForgetList, text: &str| -> Vec<usize> {
            list.broken_in(text).into_iter().map(|(line, _)| line).collect()
        };
        let text = "# Ann Smith\n\n- Bob calls\n  ann smith\n- Nothing\n\n| Who | What |\n|---|---|\n| Ann Smith | x |\n";
        let by_pattern = list(Forgotten::Pattern(pattern::compile("ann smith").unwrap()));
        assert_eq!(broken(&by_pattern, text), [1, 3, 9]);
        let by_hash = list(Forgotten::Statement(hash_of_statement("nothing")));
        assert_eq!(broken(&by_hash, text), [5]);
        assert!(by_hash.forbids_any() && !ForgetList::default().forbids_any());
    }

    #[test]
    fn old_memories_may_go_and_need_not() {
        let paths = GlobBuilder::new("/journal/**").literal_separator(true).build().unwrap();
        let older_than = SignedDuration::from_hours(24 * 90);
        let list = list(Forgotten::Retention { paths: paths.compile_matcher(), older_than });
        let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let at = |days: i64| Some(now - SignedDuration::from_hours(24 * days));
        let lets_go =
            |path: &str, at, now| list.lets_go(&MemoryPath::parse(path).unwrap(), at, now).is_some();
        assert!(lets_go("/journal/a.md", at(91), Some(now)));
        assert!(!lets_go("/journal/a.md", at(90), Some(now)));
        assert!(!lets_go("/notes/a.md", at(91), Some(now)));
        assert!(!lets_go("/journal/a.md", None, Some(now)) && !lets_go("/journal/a.md", at(91), None));
        assert!(list.forbids("anything", hash_of_statement("anything")).is_none());
    }
}
