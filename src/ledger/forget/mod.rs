//! Forget lists: what must not come back, and what may go.

mod pieces;

use std::collections::BTreeSet;

use globset::GlobMatcher;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use crate::memory::{ContentHash, MemoryPath};
use crate::text::normal::normal;
use crate::text::pattern::Forms;
use crate::text::spelled::spelled;

use pieces::{Meeting, Piece};

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

/// Where a memory's text breaks a rule.
#[derive(Debug, Clone, Copy)]
pub struct Broken<'l> {
    /// The line, from 1; of two pieces that break it together the first's.
    pub line: usize,
    /// The rule.
    pub rule: &'l ForgetRule,
    /// What breaks it.
    pub stands: Stands,
}

/// What text breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// A statement, or a part of it; with the hash of the whole.
    Statement(ContentHash),
    /// A line beside the statements, such as a heading.
    Beside,
    /// The end of one piece with the beginning of the next.
    Across,
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

    /// Returns the rule whose pattern matches a text, a statement or not, or the words that its paths,
    /// addresses and identifiers are made of.
    pub fn forbids_text(&self, text: &str) -> Option<&ForgetRule> {
        if self.rules.is_empty() {
            return None;
        }
        let forms = Forms::of(text);
        let mut words: Vec<String> = forms.iter().filter_map(spelled).collect();
        words.push(normal(text));
        self.rules.iter().find(|rule| match &rule.what {
            Forgotten::Pattern(pattern) => {
                forms.match_with(pattern) || words.iter().any(|words| pattern.is_match(words))
            }
            _ => false,
        })
    }

    /// Says whether any rule forbids a text. Rules of retention only let memories go.
    pub fn forbids_any(&self) -> bool {
        self.rules.iter().any(|rule| !matches!(rule.what, Forgotten::Retention { .. }))
    }

    /// Returns where a memory's text breaks a rule, by line: in its statements and their sentences and cells, in
    /// what stands beside them, such as headings, and where two of them meet.
    pub fn broken_in(&self, content: &str) -> Vec<Broken<'_>> {
        if !self.forbids_any() {
            return Vec::new();
        }
        let pieces = pieces::pieces(content);
        let mut broken: Vec<Broken<'_>> = Vec::new();
        for piece in &pieces {
            let rule = self.forbids(piece.text, piece.hash).or_else(|| self.forbids_part(piece.text));
            broken.extend(rule.map(|rule| Broken { line: piece.line, rule, stands: piece.stands() }));
        }
        let told: BTreeSet<(usize, &str)> =
            broken.iter().map(|one| (one.line, one.rule.name.as_str())).collect();
        for (first, second) in pieces.iter().zip(pieces.iter().skip(1)) {
            let is_told = |rule: &ForgetRule| {
                [first.line, second.line].iter().any(|&line| told.contains(&(line, rule.name.as_str())))
            };
            if let Some(rule) = self.forbids_meeting(first, second).filter(|rule| !is_told(rule)) {
                broken.push(Broken { line: first.line, rule, stands: Stands::Across });
            }
        }
        broken.sort_by_key(|one| one.line);
        broken
    }

    fn forbids_hashes(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.what, Forgotten::Statement(_)))
    }

    /// Returns the rule that names a sentence or a cell of a text by its hash.
    fn forbids_part(&self, text: &str) -> Option<&ForgetRule> {
        let parts = if self.forbids_hashes() { pieces::parts(text) } else { Vec::new() };
        parts.into_iter().find_map(|part| self.forbids_hash(hash_of_statement(part)))
    }

    /// Returns the rule that covers what the end of one piece and the beginning of the next say together.
    fn forbids_meeting(&self, first: &Piece<'_>, second: &Piece<'_>) -> Option<&ForgetRule> {
        if self.forbids_hashes() {
            let (last, next) = (pieces::parts(first.text), pieces::parts(second.text));
            for last in last.last().copied().into_iter().chain([first.text]) {
                for next in next.first().copied().into_iter().chain([second.text]) {
                    let rule = self.forbids_hash(hash_of_statement(&format!("{last} {next}")));
                    if rule.is_some() {
                        return rule;
                    }
                }
            }
        }
        let meeting = Meeting::of(first.text, second.text);
        self.rules.iter().find(|rule| match &rule.what {
            Forgotten::Pattern(pattern) => meeting.is_crossed_by(pattern),
            _ => false,
        })
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
            list.broken_in(text).into_iter().map(|broken| broken.line).collect()
        };
        let text = "# Ann Smith\n\n- Bob calls\n  ann smith\n- Nothing\n\n| Who | What |\n|---|---|\n| Ann Smith | x |\n";
        let by_pattern = list(Forgotten::Pattern(pattern::compile("ann smith").unwrap()));
        assert_eq!(broken(&by_pattern, text), [1, 3, 9]);
        let by_hash = list(Forgotten::Statement(hash_of_statement("nothing")));
        assert_eq!(broken(&by_hash, text), [5]);
        assert!(by_hash.forbids_any() && !ForgetList::default().forbids_any());
    }

    #[test]
    fn a_hash_is_held_against_headings_sentences_and_cells_too() {
        let list = list(Forgotten::Statement(hash_of_statement("Ann's phone is 555-1234.")));
        let lines = |text: &str| -> Vec<usize> { list.broken_in(text).iter().map(|one| one.line).collect() };
        for text in [
            "# Ann’s phone is 555-1234\n\n- Tea.\n",
            "Ann's phone is 555-1234\n---\n\n- Tea.\n",
            "- Ann left in May. Ann's phone is **555-1234**. Ask Bob.\n",
            "- Ann's phone is\n- 555-1234\n",
            "# Ann's phone\n\nis 555-1234. Tea at four.\n",
            "| what | note |\n|---|---|\n| Ann's phone is 555-1234 | old |\n",
            "- [ ] Ann's phone is 555-1234\n",
        ] {
            assert_eq!(lines(text).len(), 1, "{text}");
        }
        for text in
            ["- Ann's phone is 555-1235. Tea.\n", "# Ann's phone\n\n- Bob's is 555-1234\n", "- 555-1234\n"]
        {
            assert_eq!(lines(text), [0_usize; 0], "{text}");
        }
    }

    #[test]
    fn a_pattern_is_held_against_names_addresses_and_what_two_pieces_say_together() {
        let list = list(Forgotten::Pattern(pattern::compile(r"\bann smith\b").unwrap()));
        let forbids = |text: &str| !list.broken_in(text).is_empty();
        for text in [
            "- See ann-smith for it\n",
            "- `ann_smith` logs in\n",
            "- class AnnSmith\n",
            "- [her page](https://x.example/people/ann-smith)\n",
            "- [her page](https://x.example/people/%41nn%20Smith)\n",
            "- ![](img/annSmith.png)\n",
            "- [page][1]\n\n[1]: https://x.example/Ann_Smith\n",
            "- &#65;nn S&#x6d;ith\n",
            "- &#00000000000065;nn Smith&semi;\n",
            "- ann&lowbar;smith\n",
            "- A*n*n Smi<!-- x -->th\n",
            "We met Ann. Smith was late.\n",
            "We met Ann\nSmith in May.\n",
            "- Ann\n- Smith\n",
            "# Ann\n\nSmith lives here.\n",
            "| first | last |\n|---|---|\n| Ann | Smith |\n",
        ] {
            assert!(forbids(text), "{text}");
        }
        for text in [
            "- Ann calls\n- Bob met Smith\n",
            "- joann-smithson\n",
            "# Ann\n\n- She is not Bob Smith\n",
            "- Smith\n- Ann\n",
        ] {
            assert!(!forbids(text), "{text}");
        }
        let path = |path: &str| list.forbids_text(path).is_some();
        for name in ["/people/ann-smith.md", "/ann_smith/notes.md", "/people/AnnSmith.md", "/ann/smith.md"] {
            assert!(path(name), "{name}");
        }
        assert!(!path("/people/joann-smith.md"));
    }

    #[test]
    fn pieces_of_a_hostile_memory_are_read_in_linear_time() {
        let list = list(Forgotten::Pattern(pattern::compile("ann smith").unwrap()));
        for line in ["- a-b\n", "a.b ", "|a|b|\n", "# a_b\n", "A%41-"] {
            let _ = list.broken_in(&line.repeat(20_000));
        }
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
