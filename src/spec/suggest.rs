//! "Did you mean": the nearest of a few known words.

/// Returns the known word nearest to a misspelt one, if it is near enough to be what was meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    // Longer than any key of ours: measuring such a text would only take time.
    if word.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .filter_map(|candidate| {
            let distance = distance(&folded, &fold(candidate));
            let allowed = 1 + candidate.chars().count().min(folded.len()) / 4;
            (distance <= allowed).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Writes a list of words as `` `a`, `b` or `c` ``.
pub fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn fold(word: &str) -> Vec<char> {
    word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Counts insertions, deletions, replacements and swaps of neighbours from one word to another.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            row[j + 1] = replaced.min(row[j] + 1).min(last[j + 1] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let gates = ["entries_removed", "entries_added", "secrets", "bytes"];
        assert_eq!(nearest("entry_removed", gates), Some("entries_removed"));
        assert_eq!(nearest("Secrets", gates), Some("secrets"));
        assert_eq!(nearest("btyes", gates), Some("bytes"));
        assert_eq!(nearest("cost", gates), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), gates), None);
    }

    #[test]
    fn words_are_listed_as_in_a_sentence() {
        assert_eq!(one_of(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(one_of(["a"]), "`a`");
    }
}
