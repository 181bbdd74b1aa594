//! Causes: what a statement gives as the ground and what as its effect. The two may come in either order, and
//! do not change places.

use std::ops::Range;

use super::{Match, Side};

/// The ground comes after these.
const GROUNDS: &str = "because/due to/owing to/as a result of/on account of/weil/wegen/aufgrund/parce que/\
à cause de/porque/debido a";

/// The effect comes after these.
const EFFECTS: &str = "so/therefore/hence/thus/consequently/deshalb/daher/darum/donc/por eso/por lo tanto";

/// Where the ground and the effect stand in a text.
struct Cause {
    ground: Range<usize>,
    effect: Range<usize>,
}

/// Quotes the grounds of both, if the ground of one is the effect of the other.
pub(super) fn differ(a: &Side<'_>, b: &Side<'_>, found: &Match) -> Option<(String, Option<String>)> {
    let (one, other) = (Cause::of(a.text)?, Cause::of(b.text)?);
    let (mut forth, mut back, mut straight) = (0, 0, 0);
    let of_weight = |&(i, _): &(usize, usize)| a.phrase.atoms[i].weight() > 0;
    let pairs = found.to.iter().enumerate().filter_map(|(i, to)| to.map(|j| (i, j)));
    for (i, j) in pairs.filter(of_weight) {
        let (from, to) = (a.phrase.atoms[i].span.start, b.phrase.atoms[j].span.start);
        match (one.ground.contains(&from), one.effect.contains(&from)) {
            (true, _) if other.effect.contains(&to) => forth += 1,
            (_, true) if other.ground.contains(&to) => back += 1,
            (true, _) if other.ground.contains(&to) => straight += 1,
            (_, true) if other.effect.contains(&to) => straight += 1,
            _ => {}
        }
    }
    let is_turned = forth > 0 && back > 0 && forth + back > straight;
    is_turned.then(|| (quote(a.text, &one.ground), Some(quote(b.text, &other.ground))))
}

impl Cause {
    /// Reads the first sentence that says why.
    fn of(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        if lower.len() != text.len() {
            return None;
        }
        let ground = GROUNDS.split('/').filter_map(|word| find(&lower, word)).min_by_key(|at| at.start);
        let effect =
            EFFECTS.split('/').filter_map(|word| find(&lower, word)).find(|at| is_effect(&lower, at));
        let at = ground.clone().or_else(|| effect.clone())?;
        let start = text[..at.start].rfind([';', '.']).map_or(0, |i| i + 1);
        let end = text[at.end..].find("; ").or_else(|| text[at.end..].find(". "));
        let end = end.map_or(text.len(), |i| at.end + i);
        let is_first = !text[start..at.start].contains(char::is_alphanumeric);
        match (ground.is_some(), is_first) {
            (true, false) => Some(Self { ground: at.end..end, effect: start..at.start }),
            (true, true) => {
                let comma = at.end + text[at.end..end].find(',')?;
                Some(Self { ground: at.end..comma, effect: comma..end })
            }
            (false, false) => Some(Self { ground: start..at.start, effect: at.end..end }),
            (false, true) => None,
        }
    }
}

/// Finds a word or a few as words of their own.
fn find(lower: &str, words: &str) -> Option<Range<usize>> {
    lower.match_indices(words).map(|(at, _)| at..at + words.len()).find(|at| {
        let is_open =
            |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '-' | '\'' | '_'));
        is_open(lower[..at.start].chars().next_back()) && is_open(lower[at.end..].chars().next())
    })
}

/// Says whether `so` joins what follows from what: not `so that`, not `so far`.
fn is_effect(lower: &str, at: &Range<usize>) -> bool {
    let is_joined = lower[..at.start].trim_end().ends_with([',', ';', '.']);
    let next = lower[at.end..].split_whitespace().next().unwrap_or_default();
    &lower[at.clone()] != "so" || is_joined && !matches!(next, "that" | "far" | "as" | "on")
}

/// Quotes the first few words of a stretch.
fn quote(text: &str, range: &Range<usize>) -> String {
    const WORDS: usize = 4;
    text[range.clone()].split_whitespace().take(WORDS).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::Cause;

    #[test]
    fn a_ground_is_told_from_its_effect() {
        let table = [
            ("The run failed because the disk was full", Some("the disk was full")),
            ("Because the disk was full, the run failed", Some("the disk was full")),
            ("The disk was full, so the run failed", Some("The disk was full,")),
            ("Delays were due to a strike", Some("a strike")),
            ("Lock the door so that it stays shut", None),
            ("It is so far so good", None),
        ];
        for (text, ground) in table {
            let found = Cause::of(text).map(|cause| text[cause.ground].trim());
            assert_eq!(found, ground, "{text}");
        }
    }
}
