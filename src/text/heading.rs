//! Headings that are not only the name of what stands below them.

use super::lexicon;

/// Words that a title begins with which asks, and says nothing: `How we deploy`.
const ASKING: &[&str] = &[
    "how", "what", "why", "when", "where", "who", "which", "if", "whether", "wie", "was", "warum", "comment",
];

/// Words that command or forbid at the beginning of a line.
const COMMANDS: &[&str] =
    &["always", "never", "don't", "avoid", "immer", "nie", "niemals", "toujours", "siempre", "nunca"];

/// Words that deny: with them a few words are a sentence.
const DENIALS: &[&str] = &[
    "not", "never", "cannot", "can't", "doesn't", "isn't", "aren't", "won't", "mustn't", "nicht", "kein",
    "keine",
];

/// Verbs that are no nouns besides, so that what stands before them is their subject.
const VERBS: &[&str] = &[
    "is", "are", "was", "were", "has", "had", "have", "does", "did", "must", "should", "can", "cannot",
    "may", "will", "would", "lives", "lived", "works", "worked", "left", "joined", "became", "said", "asked",
    "knows", "thinks", "prefers", "wants", "needs", "owns", "manages", "moved", "gets", "got", "takes",
    "took", "makes", "made", "gives", "gave", "ist", "sind", "war", "hat", "est", "sont", "es", "son",
];

/// Says whether a heading is a sentence, which would be lost with it: `Never restart db-1`.
pub(crate) fn says_something(text: &str) -> bool {
    /// A longer heading is a paragraph that somebody marked up.
    const WORDS: std::ops::RangeInclusive<usize> = 3..=24;
    let lower = text.to_lowercase().replace('’', "'");
    let words: Vec<&str> =
        lower.split(|c: char| c.is_whitespace()).map(bare).filter(|word| !word.is_empty()).collect();
    let Some((&first, rest)) = words.split_first() else { return false };
    if !WORDS.contains(&words.len()) || text.trim_end().ends_with(['?', '？', ':']) || ASKING.contains(&first)
    {
        return false;
    }
    let is_command = COMMANDS.contains(&first) || first == "do" && rest.first() == Some(&"not");
    let is_denied = || rest.iter().any(|word| DENIALS.contains(word));
    let has_verb = || rest[..rest.len() - 1].iter().any(|word| VERBS.contains(word));
    is_command || is_denied() || has_verb() || has_plain_verb(&words)
}

/// Says whether a word in `s` stands between a singular subject and what it does: `The key rotates on Mondays`.
fn has_plain_verb(words: &[&str]) -> bool {
    let is_verb =
        |word: &str| word.len() > 3 && word.is_ascii() && word.ends_with('s') && !word.ends_with("ss");
    let leads =
        |word: &str| matches!(word, "on" | "at" | "to" | "in" | "into" | "every" | "from" | "by" | "with");
    words.windows(3).skip(1).any(|run| {
        let is_subject = !run[0].ends_with('s') && !lexicon::is_function_word(run[0]);
        is_subject && is_verb(run[1]) && leads(run[2])
    })
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::says_something;

    #[test]
    fn a_sentence_is_told_from_a_title() {
        for text in [
            "Never restart db-1",
            "Do not push to main",
            "Always rebase before review",
            "Ann left in May",
            "The API key rotates on Mondays",
            "Interns may not deploy",
            "The limit is 30",
            "Die Sicherung ist nicht verschlüsselt",
        ] {
            assert!(says_something(text), "{text}");
        }
        for text in [
            "",
            "Notes",
            "Never",
            "Open questions",
            "Known issues",
            "What not to do",
            "How we deploy to production",
            "Who is on call?",
            "No longer hold",
            "Notes of 2026-03-01",
            "Deploys on Fridays",
            "Team meetings on Mondays",
            "Fix: the build of the close hook",
            "Next steps for the migration",
            "Weekly reports",
        ] {
            assert!(!says_something(text), "{text}");
        }
    }
}
