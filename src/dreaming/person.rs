//! People: statements about what somebody has, does or did.
//!
//! A person has many friends, hobbies and errands, so two such statements in one frame are two facts,
//! where two such statements about a program would be one fact and its correction.

use super::corpus::Note;
use super::phrase::Vocabulary;

/// Words that stand for a person at the head of a statement.
const PERSONS: &[&str] = &[
    "i", "i'm", "i've", "we", "he", "she", "they", "my", "his", "her", "our", "their", "user", "mom", "dad",
    "someone",
];

/// Words that point to a person from anywhere in a statement.
const POINTERS: &[&str] = &[
    "i", "i'm", "i've", "my", "he", "she", "his", "her", "him", "herself", "himself", "myself", "mom", "dad",
];

/// What people do, in the forms that follow a name.
const DEEDS: &[&str] = &[
    "has",
    "have",
    "had",
    "likes",
    "loves",
    "enjoys",
    "hates",
    "wants",
    "plans",
    "hopes",
    "thinks",
    "feels",
    "knows",
    "needs",
    "lives",
    "works",
    "plays",
    "owns",
    "goes",
    "went",
    "saw",
    "made",
    "took",
    "got",
    "gave",
    "told",
    "said",
    "met",
    "bought",
    "felt",
    "found",
    "left",
    "began",
    "won",
    "lost",
    "wrote",
    "ran",
    "came",
    "did",
    "spent",
    "taught",
    "thought",
    "brought",
    "sent",
    "built",
    "grew",
    "became",
    "was",
    "were",
    "and",
    "ate",
    "drove",
    "flew",
    "kept",
    "led",
    "paid",
    "sold",
    "spoke",
    "swam",
    "sings",
    "studies",
    "teaches",
    "eats",
    "drinks",
    "drives",
    "collects",
    "reads",
    "writes",
    "paints",
    "cooks",
    "runs",
    "swims",
    "travels",
    "speaks",
    "used",
    "once",
    "recently",
    "just",
    "never",
    "always",
    "often",
    "sometimes",
    "also",
    "believes",
    "considers",
    "appreciates",
    "finds",
    "says",
    "tells",
];

/// Says whether a statement tells what somebody has, does or did.
pub(super) fn speaks_of_a_person(note: &Note<'_>, vocabulary: &Vocabulary) -> bool {
    let word = |at: usize| note.words.get(at).map_or("", |w| vocabulary.text(w.id));
    let from = usize::from(matches!(word(0), "the" | "a" | "an"));
    let (head, next) = (word(from), word(from + 1));
    let points = note.words.iter().any(|w| POINTERS.contains(&vocabulary.text(w.id)));
    if points || PERSONS.contains(&head) {
        return true;
    }
    let named = note.statement.text.starts_with(char::is_uppercase)
        && head.chars().all(|c| c.is_alphabetic() || c == '\'');
    let doing = matches!(next, "is" | "are") && word(from + 2).ends_with("ing");
    let did = next.ends_with("ed") && from == 0 && !matches!(word(2), "by" | "with" | "in" | "as" | "to");
    named && (doing || did && next.len() > 4 || DEEDS.contains(&next)) && from == 0
}
