//! Word lists: which words carry grammar, polarity, numbers or units rather than a subject.

/// Words that carry grammar and no fact.
const FUNCTION_WORDS: &[&str] = &[
    "a",
    "about",
    "also",
    "am",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "being",
    "by",
    "can",
    "could",
    "did",
    "do",
    "does",
    "for",
    "from",
    "had",
    "has",
    "have",
    "he",
    "her",
    "him",
    "his",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "just",
    "may",
    "me",
    "might",
    "my",
    "of",
    "on",
    "or",
    "our",
    "please",
    "she",
    "so",
    "some",
    "such",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "to",
    "too",
    "up",
    "us",
    "very",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "who",
    "will",
    "with",
    "would",
    "you",
    "your",
    "yourself",
    "it's",
    "i'm",
    "i've",
    "that's",
    "there's",
    "here",
    "via",
    "currently",
    "really",
    "simply",
    "typically",
    "usually",
    "yes",
];

/// Words that turn a statement into its opposite.
const NEGATIONS: &[&str] = &[
    "not",
    "no",
    "never",
    "none",
    "nothing",
    "nobody",
    "neither",
    "nor",
    "without",
    "cannot",
    "can't",
    "don't",
    "doesn't",
    "didn't",
    "isn't",
    "aren't",
    "wasn't",
    "weren't",
    "won't",
    "wouldn't",
    "shouldn't",
    "mustn't",
    "couldn't",
    "haven't",
    "hasn't",
    "hadn't",
    "avoid",
    "stop",
    "except",
    "unless",
    "instead",
    "rather",
    "only",
    "unlike",
    "hardly",
    "rarely",
    "seldom",
    "nowhere",
    "ain't",
    "but",
    "excluding",
];

/// Pairs of words that exclude each other; either may be the value of a switch.
const OPPOSITES: &[(&str, &str)] = &[
    ("enable", "disable"),
    ("enabled", "disabled"),
    ("enables", "disables"),
    ("on", "off"),
    ("always", "never"),
    ("true", "false"),
    ("yes", "no"),
    ("allow", "deny"),
    ("allowed", "denied"),
    ("allow", "forbid"),
    ("before", "after"),
    ("add", "remove"),
    ("added", "removed"),
    ("include", "exclude"),
    ("included", "excluded"),
    ("first", "last"),
    ("min", "max"),
    ("minimum", "maximum"),
    ("increase", "decrease"),
    ("increases", "decreases"),
    ("required", "optional"),
    ("must", "may"),
    ("must", "should"),
    ("success", "failure"),
    ("succeed", "fail"),
    ("succeeded", "failed"),
    ("top", "bottom"),
    ("left", "right"),
    ("up", "down"),
    ("more", "less"),
    ("more", "fewer"),
    ("above", "below"),
    ("open", "close"),
    ("opened", "closed"),
    ("start", "stop"),
    ("public", "private"),
    ("accept", "reject"),
    ("accepted", "rejected"),
    ("valid", "invalid"),
    ("with", "without"),
    ("import", "export"),
    ("read", "write"),
    ("encrypt", "decrypt"),
    ("lock", "unlock"),
    ("install", "uninstall"),
    ("local", "remote"),
    ("internal", "external"),
    ("all", "none"),
    ("morning", "evening"),
    ("old", "new"),
    ("early", "late"),
    ("input", "output"),
    ("push", "pull"),
    ("client", "server"),
    ("like", "dislike"),
    ("likes", "dislikes"),
    ("love", "hate"),
    ("loves", "hates"),
    ("upper", "lower"),
    ("high", "low"),
    ("slow", "fast"),
    ("big", "small"),
    ("large", "small"),
    ("hot", "cold"),
    ("active", "inactive"),
    ("supported", "unsupported"),
    ("stable", "unstable"),
    ("manual", "automatic"),
    ("manually", "automatically"),
    ("sync", "async"),
    ("online", "offline"),
    ("inside", "outside"),
    ("over", "under"),
    ("begin", "end"),
    ("man", "woman"),
    ("boy", "girl"),
    ("men", "women"),
    ("boys", "girls"),
    ("he", "she"),
    ("his", "her"),
    ("mother", "father"),
    ("son", "daughter"),
    ("brother", "sister"),
    ("husband", "wife"),
    ("black", "white"),
    ("buy", "sell"),
    ("win", "lose"),
    ("approve", "reject"),
    ("keep", "drop"),
    ("keep", "delete"),
];

/// Number words.
const NUMBER_WORDS: &[(&str, &str)] = &[
    ("zero", "0"),
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("fifty", "50"),
    ("hundred", "100"),
    ("thousand", "1000"),
    ("once", "1x"),
    ("twice", "2x"),
    ("half", "0.5"),
    ("dozen", "12"),
    ("second", "2nd"),
    ("third", "3rd"),
    ("fourth", "4th"),
    ("several", "several"),
    ("few", "several"),
    ("many", "many"),
    ("both", "2"),
    ("single", "1"),
    ("double", "2x"),
];

/// Units, and the short form each is counted as.
const UNITS: &[(&str, &str)] = &[
    ("ms", "ms"),
    ("millisecond", "ms"),
    ("milliseconds", "ms"),
    ("s", "s"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("m", "m"),
    ("min", "min"),
    ("mins", "min"),
    ("minute", "min"),
    ("minutes", "min"),
    ("h", "h"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("d", "d"),
    ("day", "d"),
    ("days", "d"),
    ("week", "w"),
    ("weeks", "w"),
    ("month", "mo"),
    ("months", "mo"),
    ("year", "y"),
    ("years", "y"),
    ("b", "B"),
    ("byte", "B"),
    ("bytes", "B"),
    ("kb", "kB"),
    ("kib", "KiB"),
    ("mb", "MB"),
    ("mib", "MiB"),
    ("gb", "GB"),
    ("gib", "GiB"),
    ("tb", "TB"),
    ("px", "px"),
    ("km", "km"),
    ("kg", "kg"),
    ("percent", "%"),
    ("usd", "$"),
    ("dollars", "$"),
    ("dollar", "$"),
    ("euros", "€"),
    ("eur", "€"),
];

/// Month names by their first three letters.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Says whether a word carries grammar and no fact.
pub fn is_function_word(norm: &str) -> bool {
    FUNCTION_WORDS.contains(&norm)
}

/// Says whether a word turns a statement into its opposite or narrows it.
pub fn is_negation(norm: &str) -> bool {
    NEGATIONS.contains(&norm)
}

/// Says whether a word is one end of a pair of opposites.
pub fn is_polar(norm: &str) -> bool {
    OPPOSITES.iter().any(|&(a, b)| a == norm || b == norm)
}

/// Returns the figure a number word stands for.
pub fn number_word(norm: &str) -> Option<&'static str> {
    NUMBER_WORDS.iter().find(|(word, _)| *word == norm).map(|&(_, figure)| figure)
}

/// Returns the short form of a unit.
pub fn unit(norm: &str) -> Option<&'static str> {
    UNITS.iter().find(|(word, _)| *word == norm).map(|&(_, short)| short)
}

/// Returns a month's number, from its name or its first letters.
pub fn month(norm: &str) -> Option<u8> {
    const FULL: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let at = FULL
        .iter()
        .position(|full| *full == norm)
        .or_else(|| MONTHS.iter().position(|short| *short == norm))
        .or_else(|| (norm == "sept").then_some(8))?;
    u8::try_from(at + 1).ok()
}

/// Returns a word without its most common endings, so that `merges` and `merged` agree.
pub fn stem(norm: &str) -> &str {
    let long = |stem: &str, least: usize| stem.len() >= least && stem.is_ascii();
    if let Some(stem) = norm.strip_suffix("'s").filter(|s| !s.is_empty()) {
        return stem;
    }
    if norm.ends_with("ss") || norm.ends_with("us") || norm.ends_with("is") {
        return norm;
    }
    for (ending, least) in [("ies", 2), ("ing", 4), ("ed", 4), ("es", 4), ("s", 3), ("e", 3), ("y", 2)] {
        if let Some(stem) = norm.strip_suffix(ending).filter(|s| long(s, least)) {
            return stem.strip_suffix('e').filter(|s| long(s, 3)).unwrap_or(stem);
        }
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_do_not_part_a_word_from_itself() {
        for (a, b) in [
            ("merges", "merged"),
            ("merge", "merging"),
            ("files", "file"),
            ("tries", "try"),
            ("class", "class"),
        ] {
            assert_eq!(stem(a), stem(b), "{a} {b}");
        }
        assert_ne!(stem("code"), stem("node"));
    }
}
