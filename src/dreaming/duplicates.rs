//! Duplicates: statements that say the same, so that one of them may go.
//!
//! Precision first: what differs in a number, a name, an identifier or polarity differs. What may
//! differ is grammar, inflection, spelling of compounds, slips of the pen in long words, and detail
//! that only one of the two has.

use crate::text::align;
use crate::text::specifics::Kind as SpecificKind;
use crate::text::statement::Kind;

use super::corpus::{Corpus, Doc, Note};
use super::phrase::{Class, Vocabulary, Word};

/// Fewer content words than this mean nothing outside their own section.
const SELF_CONTAINED_WORDS: usize = 5;
/// A statement that is contained in another must have this many content words itself.
const CONTAINED_WORDS: usize = 4;
/// Words shorter than this are too easily another word when one letter differs.
const SLIP_LENGTH: usize = 6;

/// Which of two statements that say the same says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fuller {
    First,
    Second,
    Neither,
}

/// Says whether two notes may be merged at all where they stand.
pub(super) fn share_context(corpus: &Corpus<'_>, a: usize, b: usize) -> bool {
    let (x, y) = (&corpus.notes[a], &corpus.notes[b]);
    let (dx, dy) = (&corpus.docs[x.doc], &corpus.docs[y.doc]);
    if !dx.shares_version(dy) {
        return false;
    }
    let same_section = x.trail == y.trail && (x.doc == y.doc || dx.family == dy.family);
    if x.statement.kind == Kind::Block || y.statement.kind == Kind::Block {
        return same_section;
    }
    if same_section {
        return true;
    }
    let open = x.statement.parents.is_empty() && y.statement.parents.is_empty();
    let headed = x.trail == y.trail || x.doc != y.doc && (x.trail.is_empty() || y.trail.is_empty());
    open && headed && x.content.len() >= SELF_CONTAINED_WORDS
}

/// Says whether `new`, the later of two notes with the same text or without an order, stands in a mere
/// copy of the memory in which `old` stands. A day that a path or heading gives outweighs names.
pub(super) fn is_copied(corpus: &Corpus<'_>, old: usize, new: usize) -> bool {
    let (x, y) = (&corpus.notes[old], &corpus.notes[new]);
    let is_ordered = corpus.is_before(old, new) && y.moment.is_some_and(|m| m.explicit);
    let path = |note: &Note<'_>| corpus.docs[note.doc].memory.path.as_str().to_owned();
    !is_ordered && x.doc != y.doc && copies(&path(y), &path(x))
}

/// Says whether a statement would lose what it is about: `gone` stands under headings and `heir` under none,
/// or `gone` in a memory about a subject and `heir` on a journal's page.
pub(super) fn is_uprooted(corpus: &Corpus<'_>, gone: usize, heir: usize) -> bool {
    let (x, y) = (&corpus.notes[gone], &corpus.notes[heir]);
    let is_journal = |note: &Note<'_>| corpus.docs[note.doc].dated;
    let is_dated = x.moment.is_some_and(|m| m.explicit);
    x.doc != y.doc
        && (!x.trail.is_empty() && y.trail.is_empty() || !is_dated && !is_journal(x) && is_journal(y))
}

/// Says whether two notes with the same text both have something of their own: the one the headings it
/// stands under, the other a later day.
pub(super) fn are_both_needed(corpus: &Corpus<'_>, a: usize, b: usize) -> bool {
    let is_needed = |old: usize, new: usize| {
        let is_explicit = |at: usize| corpus.notes[at].moment.is_some_and(|m| m.explicit);
        is_uprooted(corpus, old, new) && corpus.is_before(old, new) && is_explicit(old) && is_explicit(new)
    };
    is_needed(a, b) || is_needed(b, a)
}

/// Says whether note `a` rather than note `b` is the one to keep, where both have the same text.
pub(super) fn is_preferred(corpus: &Corpus<'_>, a: usize, b: usize) -> bool {
    if corpus.is_before(b, a) {
        return !is_copied(corpus, b, a) && !is_uprooted(corpus, b, a);
    }
    if is_copied(corpus, a, b) {
        return true;
    }
    if corpus.is_before(a, b) {
        return is_uprooted(corpus, a, b);
    }
    if is_copied(corpus, b, a) {
        return false;
    }
    let doc = |at: usize| &corpus.docs[corpus.notes[at].doc];
    let (x, y) = (doc(a), doc(b));
    let rank = |doc: &Doc<'_>| {
        (std::cmp::Reverse(doc.dated), doc.notes.len(), std::cmp::Reverse(doc.memory.path.as_str().len()))
    };
    rank(x) > rank(y)
}

/// Says whether a path names a copy of what another holds: `parts-old.md` of `parts.md`, or anything
/// old of anything current.
fn copies(copy: &str, original: &str) -> bool {
    /// Words at the end of a name, or names of folders, for what is kept aside.
    const ASIDE: [&str; 11] = [
        "copy",
        "old",
        "backup",
        "bak",
        "orig",
        "original",
        "previous",
        "duplicate",
        "archive",
        "archived",
        "deprecated",
    ];
    let folder_and_stem = |path: &str| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let name = name.to_lowercase();
        let stem = match name.rsplit_once('.') {
            Some((stem, end)) if !ASIDE.contains(&end) => stem.to_owned(),
            _ => name,
        };
        (folder.to_lowercase(), stem)
    };
    let is_aside = |folder: &str, stem: &str| {
        let is_word = |word: &&str| word.contains(char::is_alphabetic);
        let end = stem.rsplit(|c: char| !c.is_alphanumeric()).find(is_word);
        end.is_some_and(|word| ASIDE.contains(&word)) || folder.split('/').any(|name| ASIDE.contains(&name))
    };
    let ((copy_in, copy), (original_in, original)) = (folder_and_stem(copy), folder_and_stem(original));
    match (is_aside(&copy_in, &copy), is_aside(&original_in, &original)) {
        (true, false) => true,
        (false, true) => false,
        _ => {
            let rest = copy.strip_prefix(&original).filter(|_| copy_in == original_in);
            rest.is_some_and(|rest| rest.starts_with(|c: char| !c.is_alphanumeric()))
        }
    }
}

/// Says whether two notes say the same, and which says more.
pub(super) fn compare(a: &Note<'_>, b: &Note<'_>, vocabulary: &Vocabulary) -> Option<Fuller> {
    if a.normal == b.normal {
        return Some(Fuller::Neither);
    }
    if a.statement.kind == Kind::Block || b.statement.kind == Kind::Block {
        return None;
    }
    let (x, y) = (&a.content, &b.content);
    let hunks = align::hunks_by(x, y, |v, w| v.stem == w.stem)?;
    if x.is_empty() || y.is_empty() {
        return None;
    }
    let anchored = is_anchored(x, y, vocabulary);
    let (mut extra_a, mut extra_b) = (0, 0);
    let mut slips = 0;
    for hunk in &hunks {
        let (ha, hb) = (&x[hunk.a.clone()], &y[hunk.b.clone()]);
        let both = !ha.is_empty() && !hb.is_empty();
        if both && joined(ha, vocabulary).is_some_and(|joined_a| Some(joined_a) == joined(hb, vocabulary)) {
            continue;
        }
        match (ha, hb) {
            ([], more) if may_add(more, hunk.b.start, anchored) => extra_b += more.len(),
            (more, []) if may_add(more, hunk.a.start, anchored) => extra_a += more.len(),
            (ha, hb)
                if !ha.is_empty()
                    && ha.len() == hb.len()
                    && ha.iter().zip(hb).all(|(p, q)| is_slip(p, q, anchored, vocabulary)) =>
            {
                slips += ha.len();
            }
            _ => return None,
        }
    }
    if grammar(a, vocabulary).conflicts(&grammar(b, vocabulary)) {
        return None;
    }
    let shared = x.len() - extra_a;
    let few = |n: usize| n <= (shared / 3).max(1);
    let limit = if anchored { shared >= slips } else { slips <= 1 && shared >= CONTAINED_WORDS };
    match (extra_a, extra_b) {
        (0, 0) if slips == 0 => Some(Fuller::Neither),
        (0, 0) if limit => Some(Fuller::Neither),
        (0, more) if few(more) && shared >= CONTAINED_WORDS && limit => Some(Fuller::Second),
        (more, 0) if few(more) && shared >= CONTAINED_WORDS && limit => Some(Fuller::First),
        (p, q) if anchored && few(p + q) && limit => {
            Some(if p >= q { Fuller::First } else { Fuller::Second })
        }
        _ => None,
    }
}

/// Writes words as one, without hyphens; `None` if they are more than words.
fn joined(words: &[Word], vocabulary: &Vocabulary) -> Option<String> {
    let text: String = words.iter().map(|w| vocabulary.text(w.id)).collect();
    let plain = !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '\''));
    plain.then(|| text.chars().filter(|c| c.is_alphabetic()).collect())
}

/// Says whether both are records of one thing: several figures, one of them long, all equal.
fn is_anchored(x: &[Word], y: &[Word], vocabulary: &Vocabulary) -> bool {
    let figures = |words: &[Word]| {
        let mut found: Vec<u32> =
            words.iter().filter(|w| w.specific == Some(SpecificKind::Number)).map(|w| w.stem).collect();
        found.sort_unstable();
        found
    };
    if x.iter().filter(|w| w.specific == Some(SpecificKind::Number)).count() < 3 {
        return false;
    }
    let (p, q) = (figures(x), figures(y));
    p.len() >= 3 && p == q && p.iter().any(|&n| vocabulary.text(n).len() >= 6)
}

/// Says whether one statement may have these words where the other has none.
fn may_add(words: &[Word], from: usize, anchored: bool) -> bool {
    let plain = |w: &Word| matches!(w.specific, None | Some(SpecificKind::Name)) && !w.label_end;
    anchored || from > 0 && words.iter().all(plain)
}

/// Says whether two words are one word with a letter wrong.
fn is_slip(p: &Word, q: &Word, anchored: bool, vocabulary: &Vocabulary) -> bool {
    let plain = |w: &Word| w.specific.is_none() || anchored && w.specific != Some(SpecificKind::Number);
    if !plain(p) || !plain(q) {
        return false;
    }
    let (a, b) = (vocabulary.text(p.id), vocabulary.text(q.id));
    let (least, slips) = if anchored { (3, 2) } else { (SLIP_LENGTH, 1) };
    a.len().min(b.len()) >= least && within(a, b, slips)
}

/// Says whether few single-letter edits (or swaps of neighbours) lead from one word to the other.
fn within(a: &str, b: &str, edits: usize) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > edits {
        return false;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j - 1] + change).min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()] <= edits
}

/// Grammar words that do change what is said.
#[derive(Debug, PartialEq, Eq)]
struct Grammar {
    directions: Vec<u32>,
    persons: Vec<char>,
    past: bool,
    conditional: bool,
}

impl Grammar {
    fn conflicts(&self, other: &Self) -> bool {
        let differ = |a: &[u32], b: &[u32]| !a.is_empty() && !b.is_empty() && a != b;
        let strangers =
            !self.persons.is_empty() && !other.persons.is_empty() && self.persons != other.persons;
        differ(&self.directions, &other.directions)
            || strangers
            || self.past != other.past
            || self.conditional != other.conditional
    }
}

fn grammar(note: &Note<'_>, vocabulary: &Vocabulary) -> Grammar {
    let mut found = Grammar { directions: Vec::new(), persons: Vec::new(), past: false, conditional: false };
    for word in note.words.iter().filter(|w| w.class == Class::Function) {
        match vocabulary.text(word.id) {
            "from" | "to" | "into" | "by" | "via" => found.directions.push(word.id),
            "i" | "me" | "my" | "i'm" | "i've" => found.persons.push('1'),
            "we" | "us" | "our" => found.persons.push('4'),
            "he" | "him" | "his" => found.persons.push('m'),
            "she" | "her" => found.persons.push('f'),
            "they" | "them" | "their" => found.persons.push('6'),
            "was" | "were" | "had" | "did" | "been" => found.past = true,
            "if" | "when" | "while" => found.conditional = true,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::copies;

    #[test]
    fn a_copy_is_known_by_its_name() {
        for (copy, original) in [
            ("/parts-old.md", "/parts.md"),
            ("/x-copy.md", "/x.md"),
            ("/x-2.md", "/x.md"),
            ("/x copy 3.md", "/x.md"),
            ("/x.md.bak", "/x.md"),
            ("/bookings-reminders.md", "/bookings.md"),
            ("/archive/limits.md", "/product/limits.md"),
            ("/Backup/limits.md", "/limits.md"),
            ("/stock-old.md", "/parts.md"),
        ] {
            assert!(copies(copy, original), "{copy} of {original}");
            assert!(!copies(original, copy), "{original} of {copy}");
        }
        for (a, b) in [
            ("/parts.md", "/partsbin.md"),
            ("/session-1.md", "/session-10.md"),
            ("/x-2.md", "/x-3.md"),
            ("/a-old.md", "/b-old.md"),
            ("/a/x-2.md", "/b/x.md"),
            ("/threshold.md", "/limits.md"),
        ] {
            assert!(!copies(a, b) && !copies(b, a), "{a} and {b}");
        }
    }
}
