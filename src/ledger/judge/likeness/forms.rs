//! Forms: which words are one word in another form, and which only look alike.

use super::super::phrase::Group;
use super::super::synonyms;
use super::{Match, Side};

/// Longer statements are compared word by word without looking for other forms of a word.
const FORMS_LIMIT: usize = 400;

/// Pairs words that are forms of one word, and words with one letter wrong.
pub(super) fn pair(a: &Side<'_>, b: &Side<'_>, found: &mut Match) {
    if a.is_code || b.is_code || a.phrase.atoms.len() + b.phrase.atoms.len() > FORMS_LIMIT {
        return;
    }
    let open = |group: Group| matches!(group, Group::Word | Group::Light);
    for i in 0..found.to.len() {
        let atom = &a.phrase.atoms[i];
        if found.to[i].is_some() || !open(atom.group) || atom.is_glyph {
            continue;
        }
        let norm = a.norm(i);
        let form = (0..found.back.len()).find(|&j| {
            let other = &b.phrase.atoms[j];
            found.back[j].is_none() && open(other.group) && !other.is_glyph && are_forms(&norm, &b.norm(j))
        });
        if let Some(j) = form {
            found.pair(i, j);
        }
    }
}

/// Says whether two words are forms of one word: `deploy`, `deployed` and `deployment`. Whoever does it, who
/// suffers it and what comes of it are others: `insurer` and `insured`, `author` and `authority`.
pub(in crate::ledger::judge) fn are_forms(a: &str, b: &str) -> bool {
    let shared: usize = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    if shared < 4 || synonyms::is_own(a) || synonyms::is_own(b) {
        return is_slip(a, b);
    }
    let last = a[..shared].chars().next_back().unwrap_or_default();
    let (x, y) = (undoubled(&a[shared..], last), undoubled(&b[shared..], last));
    let stem_is_long = shared >= 5 || x.is_empty() || y.is_empty();
    let are_one = |x: &str, y: &str| {
        stem_is_long && is_ending(x, last) && is_ending(y, last)
            || is_ending(x, last) && is_deed_of(y, x) && (shared >= 5 || y.starts_with('u'))
    };
    let is_delivery = shared >= 7 && a[..shared].ends_with("er") && matches!((x, y), ("", "y") | ("y", ""));
    let are_of_y = |x: &str, y: &str| x == "y" && matches!(y, "ies" | "ied" | "ication" | "ications");
    are_one(x, y) || are_one(y, x) || is_delivery || are_of_y(x, y) || are_of_y(y, x) || is_slip(a, b)
}

/// Reads the ending of `stopped` as that of `stop`.
fn undoubled(ending: &str, last: char) -> &str {
    ending.strip_prefix(last).filter(|rest| matches!(*rest, "ed" | "ing" | "ings")).unwrap_or(ending)
}

/// Says whether an ending is one that the same word takes on.
fn is_ending(ending: &str, last: char) -> bool {
    matches!(ending, "" | "s" | "es" | "e" | "ed" | "ing" | "ings" | "ies" | "ied")
        || ending == "d" && last == 'e'
}

/// Says whether an ending makes the noun or the adverb of a verb or an adjective with the other.
fn is_deed_of(ending: &str, verb: &str) -> bool {
    match ending {
        "ment" | "ments" | "ation" | "ations" | "ion" | "ions" | "ence" | "ance" | "ure" | "ures" => true,
        "al" | "als" => matches!(verb, "e" | "es" | "ed" | "ing"),
        "ly" | "ally" | "ness" => matches!(verb, "" | "e"),
        _ => false,
    }
}

/// Says whether one long word is the other with two neighbours swapped, with one letter doubled, or, if it is
/// very long, with one letter left out.
fn is_slip(a: &str, b: &str) -> bool {
    /// Shorter words that differ by one letter are mostly two words.
    const LONG: usize = 9;
    if a.len() < 6 || b.len() < 6 || !a.is_ascii() || !b.is_ascii() || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let tail = a[head.min(a.len())..]
        .iter()
        .rev()
        .zip(b[head.min(b.len())..].iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    let (x, y) = (&a[head..a.len() - tail], &b[head..b.len() - tail]);
    let is_inside = head > 1 && tail > 2 && a.len().min(b.len()) >= LONG;
    // Near the beginning, `trials` and `trails` are two words.
    let is_late = head >= 4;
    match (x, y) {
        ([p, q], [r, s]) => is_late && p == s && q == r,
        ([p], []) => is_late && a[head - 1] == *p || is_inside,
        ([], [p]) => is_late && b[head - 1] == *p || is_inside,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::are_forms;

    #[test]
    fn forms_of_one_word_are_told_from_words_that_look_alike() {
        for (a, b) in [
            ("deploy", "deployment"),
            ("deploys", "deployed"),
            ("commit", "committed"),
            ("stop", "stopping"),
            ("approve", "approval"),
            ("fails", "failure"),
            ("perform", "performance"),
            ("notify", "notification"),
            ("deliver", "delivery"),
            ("configure", "configuration"),
            ("quick", "quickly"),
            ("depoyment", "deployment"),
        ] {
            assert!(are_forms(a, b) && are_forms(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("insurer", "insured"),
            ("accuser", "accused"),
            ("driver", "drive"),
            ("router", "route"),
            ("customs", "customer"),
            ("police", "policy"),
            ("plant", "plan"),
            ("contractor", "contract"),
            ("operator", "operation"),
            ("author", "authority"),
            ("party", "part"),
            ("university", "universe"),
            ("header", "head"),
            ("trainer", "training"),
            ("person", "personal"),
            ("marketing", "market"),
            ("unformed", "uniformed"),
            ("trials", "trails"),
        ] {
            assert!(!are_forms(a, b) && !are_forms(b, a), "{a} {b}");
        }
    }
}
