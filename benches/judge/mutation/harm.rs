//! Harm: edits that take a fact away or put a wrong one in its place.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::dice::Dice;
use super::edit::{Edit, Harm, one, two, within, word_at};
use super::pieces::{Files, Form, Piece, code_spans, content_words, is_said_twice, prose};
use super::scope;

/// What kind of harm is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A statement is taken out.
    Drop,
    /// A number is another, or has another unit.
    Number,
    /// Names, or what is said of them, change places.
    Name,
    /// The opposite is said.
    Negation,
    /// A clause that says something is cut off.
    Truncation,
    /// A fact stands under another person or thing.
    Place,
    /// A code span, path, address or version is another.
    Code,
    /// An exception or restriction comes or goes.
    Exception,
    /// `and` for `or`.
    Conjunction,
    /// `some` for `all`.
    Quantifier,
}

impl Kind {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Self; 10] = [
        Self::Drop,
        Self::Number,
        Self::Name,
        Self::Negation,
        Self::Truncation,
        Self::Place,
        Self::Code,
        Self::Exception,
        Self::Conjunction,
        Self::Quantifier,
    ];

    /// Returns the words of the table.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Number => "number",
            Self::Name => "name or value",
            Self::Negation => "negation",
            Self::Truncation => "truncation",
            Self::Place => "other person or thing",
            Self::Code => "code, path, version",
            Self::Exception => "exception",
            Self::Conjunction => "conjunction",
            Self::Quantifier => "quantifier",
        }
    }
}

/// Finds a place for one kind of harm, done in one of its ways; `None` if a fair number of throws found none.
pub(crate) fn harm(kind: Kind, way: usize, files: &Files, all: &[Piece], dice: &mut Dice) -> Option<Harm> {
    /// Throws before a store is given up.
    const THROWS: usize = 300;
    (0..THROWS).find_map(|_| {
        let piece = dice.pick(all)?;
        let harm = match kind {
            Kind::Drop => drop(files, piece),
            Kind::Number => number(files, piece, way % 6, dice),
            Kind::Name => match way % 4 {
                0 => swap_within(files, piece, dice),
                1 => swap_values(files, all, piece, dice),
                2 => swap_code(files, all, piece, dice),
                _ => swap_names(files, all, piece, dice),
            },
            Kind::Negation => negation(files, piece, way % 4, dice),
            Kind::Truncation => truncation(files, piece, dice),
            Kind::Place => place(files, all, piece, dice),
            Kind::Code => code(files, piece, way % 3, dice),
            Kind::Exception => scope::exception(files, piece, way % 6, dice),
            Kind::Conjunction => scope::conjunction(files, piece, dice),
            Kind::Quantifier => scope::quantifier(files, piece, way % 3, dice),
        }?;
        let is_fair = harm.touched.iter().all(|(path, span)| {
            let touched = all.iter().find(|p| p.path == *path && p.span == *span);
            touched.is_some_and(|p| {
                // What is said elsewhere too, or not at all, is not lost.
                content_words(p.text(files)).len() >= 3 && !is_said_twice(files, all, p)
            })
        });
        is_fair.then_some(harm)
    })
}

fn drop(files: &Files, piece: &Piece) -> Option<Harm> {
    let text = piece.text(files);
    let says_something = content_words(text).len() >= 4 && !piece.leads && !text.ends_with(['?', ':']);
    says_something.then(|| one(piece, "dropped", piece.cut.clone(), ""))
}

fn number(files: &Files, piece: &Piece, way: usize, dice: &mut Dice) -> Option<Harm> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d+(?:[.,]\d+)*").unwrap());
    static UNIT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\d\s?(ms|seconds?|s|minutes?|min|hours?|h|days?|weeks?|months?|years?|kB|KB|MB|GB|TB|%|km|kg|€|USD|EUR)\b|\d\s?%")
            .unwrap()
    });
    static WORD: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b(two|three|four|five|six|seven|eight|nine|ten|twelve)\b").unwrap());
    let text = piece.text(files);
    if way == 4 {
        let found = WORD.find(text)?;
        let others = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve"];
        let other = dice.pick(&others).filter(|other| **other != found.as_str())?;
        return Some(one(piece, "number word", within(piece, &found.range()), *other));
    }
    if way == 5 {
        let found: Vec<_> = UNIT.captures_iter(text).filter_map(|c| c.get(1)).collect();
        let unit = dice.pick(&found)?;
        let other = match unit.as_str() {
            "ms" => "s",
            "s" => "min",
            "second" => "minute",
            "seconds" => "minutes",
            "min" => "h",
            "minute" => "hour",
            "minutes" => "hours",
            "hour" => "day",
            "hours" => "days",
            "h" => "d",
            "day" => "week",
            "days" => "weeks",
            "week" => "month",
            "weeks" => "months",
            "month" => "year",
            "months" => "years",
            "year" => "month",
            "years" => "months",
            "kB" | "KB" => "MB",
            "MB" => "GB",
            "GB" => "TB",
            "TB" => "GB",
            "km" => "m",
            "kg" => "g",
            "€" | "EUR" => "USD",
            "USD" => "EUR",
            _ => return None,
        };
        return Some(one(piece, "unit", within(piece, &unit.range()), other));
    }
    let numbers: Vec<_> = NUMBER.find_iter(text).collect();
    let found = dice.pick(&numbers)?;
    // A number inside a word or an address is a name; those are another kind.
    let before = text[..found.start()].chars().next_back();
    let after = text[found.end()..].chars().next();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '\\' | '=' | '[');
    let is_unit = text[found.end()..].starts_with("ms")
        || text[found.end()..].starts_with("MB")
        || text[found.end()..].starts_with('s');
    if before.is_some_and(is_part) || (after.is_some_and(is_part) && !is_unit) {
        return None;
    }
    let digits = found.as_str();
    let whole = digits.split(['.', ',']).next_back()?;
    let base = found.start() + digits.len() - whole.len();
    let (how, with) = match way {
        0 => ("plus one", carried(whole, 1)?),
        1 => ("minus one", carried(whole, -1)?),
        2 => ("times ten", format!("{whole}0")),
        _ => {
            let bytes = whole.as_bytes();
            let at = (0..bytes.len().saturating_sub(1)).find(|&at| bytes[at] != bytes[at + 1])?;
            let mut swapped = bytes.to_vec();
            swapped.swap(at, at + 1);
            ("digits swapped", String::from_utf8(swapped).ok()?)
        }
    };
    if digits.contains('.') && how == "times ten" {
        // 0.5 and 0.50 are one number.
        return None;
    }
    Some(one(piece, how, within(piece, &(base..base + whole.len())), with))
}

fn carried(digits: &str, by: i64) -> Option<String> {
    let number: i64 = digits.parse().ok()?;
    let sum = number.checked_add(by).filter(|&sum| sum >= 0)?;
    Some(format!("{sum:0width$}", width = digits.len()))
}

/// Names in prose: words with a capital that no sentence begins with.
pub(crate) fn names(text: &str) -> Vec<Range<usize>> {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\p{Lu}[\p{L}\p{N}'-]+(?: \p{Lu}[\p{L}\p{N}'-]+)*").unwrap());
    const NO_NAMES: &str = " The This That These Those When If For And But Not You Your It Its We Our My In On At To Of Or As By \
        Also Then See Use Run Add Set Get Make New Old All Any Each Every Don't Do Note Never Always Only So Yes No None True False \
        What Why How Who Where Which There Here They He She With Without Fixed Added Plan Logs IMPORTANT MUST NOT SHOULD NOTE OK ";
    let mut out = Vec::new();
    for range in prose(text) {
        for found in NAME.find_iter(&text[range.clone()]) {
            let start = range.start + found.start();
            let before = text[..start].trim_end_matches(['*', '_', '"', '(', '“', '\'']);
            let begins = before.trim_end().is_empty()
                || before.trim_end().ends_with(['.', '!', '?', ':', '|', '—', '-', '–']);
            let is_inside = text[..start]
                .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '@' | '#'));
            let ends_inside = text[range.start + found.end()..].starts_with(['/', '_', '(', '@'])
                || text[range.start + found.end()..]
                    .strip_prefix('.')
                    .is_some_and(|rest| rest.starts_with(char::is_alphabetic));
            let is_word = found.as_str().split(' ').any(|word| NO_NAMES.contains(&format!(" {word} ")));
            let lone = found.as_str().chars().count() < 3;
            if !begins && !is_inside && !ends_inside && !is_word && !lone {
                out.push(start..range.start + found.end());
            }
        }
    }
    out
}

/// Says whether two texts have letters in common to the point of being one name.
fn is_one_name(a: &str, b: &str) -> bool {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    a.contains(&b) || b.contains(&a)
}

fn swap_within(files: &Files, piece: &Piece, dice: &mut Dice) -> Option<Harm> {
    static JOINS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"^[\s,/&+|()*_`\x22'-]*((and|or|vs\.?|versus|plus|nor|then|as well as)\b[\s,*_`\x22']*)*$",
        )
        .unwrap()
    });
    let text = piece.text(files);
    let found = if dice.one_in(2) { names(text) } else { code_spans(text) };
    let a = dice.roll(found.len());
    let b = dice.roll(found.len());
    let (a, b) = (found.get(a.min(b))?, found.get(a.max(b))?);
    if a.end >= b.start || is_one_name(&text[a.clone()], &text[b.clone()]) {
        return None;
    }
    // In a mere list the order says nothing, whatever it notes in brackets.
    static NOTE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\([^)]*\)").unwrap());
    let mut between = NOTE.replace_all(&text[a.end..b.start], " ").into_owned();
    for other in &found {
        between = between.replace(&text[other.clone()], " ");
    }
    let is_open = text[..a.start].to_lowercase();
    let symmetric = ["between", "both", "same", "either", "neither", "together"]
        .iter()
        .any(|word| is_open.contains(word));
    let is_mere_list = JOINS.is_match(&between) || content_words(&between).is_empty();
    if is_mere_list || symmetric || are_of_one_list(text, a, b) {
        return None;
    }
    Some(Harm {
        how: "two within a statement",
        touched: vec![(piece.path.clone(), piece.span.clone())],
        ..two((piece, within(piece, a)), (piece, within(piece, b)), files, "two within a statement")
    })
}

/// Says whether both are whole items of one list with commas, whatever its other items are.
fn are_of_one_list(text: &str, a: &Range<usize>, b: &Range<usize>) -> bool {
    const DRESS: [char; 6] = ['`', '*', '_', '"', ' ', '\n'];
    let begins = |at: usize| text[..at].trim_end_matches(DRESS).ends_with([',', ':', '(']);
    let ends = |at: usize| {
        let rest = text[at..].trim_start_matches(['`', '*', '_', '"']);
        rest.is_empty() || rest.starts_with([',', '.', ';', ')']) || rest.starts_with(" —")
    };
    let is_one =
        !text[a.end..b.start].contains([';', ':', '→', '(', ')']) && !text[a.end..b.start].contains(". ");
    is_one && begins(a.start) && ends(a.end) && begins(b.start) && ends(b.end)
}

fn swap_names(files: &Files, all: &[Piece], piece: &Piece, dice: &mut Dice) -> Option<Harm> {
    let found = names(piece.text(files));
    let mine = dice.pick(&found)?.clone();
    let own = &piece.text(files)[mine.clone()];
    let other =
        all.iter().filter(|other| other.path != piece.path || other.span != piece.span).collect::<Vec<_>>();
    let other = *dice.pick(&other)?;
    let theirs = names(other.text(files));
    let their = dice.pick(&theirs)?.clone();
    let name = &other.text(files)[their.clone()];
    let either = format!("{} {}", piece.text(files), other.text(files)).to_lowercase();
    let once =
        either.matches(&own.to_lowercase()).count() == 1 && either.matches(&name.to_lowercase()).count() == 1;
    // A word in capitals for emphasis is no name.
    let shouts = |word: &str| word.chars().all(|c| c.is_uppercase() || c == ' ') && word.chars().count() > 4;
    let is_same_script = own.is_ascii() == name.is_ascii();
    let is_fit = once && !is_one_name(own, name) && !shouts(own) && !shouts(name) && is_same_script;
    is_fit.then(|| {
        two((piece, within(piece, &mine)), (other, within(other, &their)), files, "names of two statements")
    })
}

/// Takes `label: value` apart.
fn label(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    static LABEL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(\*\*[^*:]{2,40}:?\*\*|`[^`]{2,40}`|[^:`*|.,]{2,40})(?::| —| –| -| \|) +(\S[^\n]*)$")
            .unwrap()
    });
    const GENERIC: &str = "|note|notes|tip|todo|see|see also|why|example|fixed|added|how to apply|important|remember|warning|info|";
    let found = LABEL.captures(text)?;
    let (label, value) = (found.get(1)?, found.get(2)?);
    let bare = label.as_str().trim_matches(['*', '`', ':', ' ']).to_lowercase();
    (!GENERIC.contains(&format!("|{bare}|"))).then(|| (label.range(), value.range()))
}

fn swap_values(files: &Files, all: &[Piece], piece: &Piece, dice: &mut Dice) -> Option<Harm> {
    let (key, value) = label(piece.text(files))?;
    let others: Vec<&Piece> = all
        .iter()
        .filter(|other| {
            other.path == piece.path && other.span != piece.span && label(other.text(files)).is_some()
        })
        .collect();
    let other = *dice.pick(&others)?;
    let (other_key, other_value) = label(other.text(files))?;
    let text = |piece: &Piece, range: Range<usize>| piece.text(files)[range].to_lowercase();
    let (a, b) = (text(piece, value.clone()), text(other, other_value.clone()));
    let is_other = text(piece, key) != text(other, other_key) && !is_one_name(&a, &b);
    let is_short =
        a.len() < 160 && b.len() < 160 && !content_words(&a).is_empty() && !content_words(&b).is_empty();
    (is_other && is_short).then(|| {
        two(
            (piece, within(piece, &value)),
            (other, within(other, &other_value)),
            files,
            "values of two statements",
        )
    })
}

fn swap_code(files: &Files, all: &[Piece], piece: &Piece, dice: &mut Dice) -> Option<Harm> {
    let mine = code_spans(piece.text(files));
    let mine = dice.pick(&mine)?.clone();
    let other = dice.pick(all).filter(|other| other.path != piece.path || other.span != piece.span)?;
    let theirs = code_spans(other.text(files));
    let their = dice.pick(&theirs)?.clone();
    let (a, b) = (&piece.text(files)[mine.clone()], &other.text(files)[their.clone()]);
    let is_fit = !is_one_name(a, b) && !piece.text(files).contains(b) && !other.text(files).contains(a);
    is_fit.then(|| {
        two((piece, within(piece, &mine)), (other, within(other, &their)), files, "code of two statements")
    })
}

/// Pairs of words of which one says the opposite of the other.
const OPPOSITES: &[(&str, &str)] = &[
    ("always", "never"),
    ("enabled", "disabled"),
    ("enable", "disable"),
    ("enables", "disables"),
    ("allowed", "forbidden"),
    ("allow", "forbid"),
    ("allows", "forbids"),
    ("required", "optional"),
    ("requires", "forbids"),
    ("before", "after"),
    ("minimum", "maximum"),
    ("at least", "at most"),
    ("more than", "less than"),
    ("increase", "decrease"),
    ("increases", "decreases"),
    ("include", "exclude"),
    ("includes", "excludes"),
    ("with", "without"),
    ("likes", "dislikes"),
    ("accept", "reject"),
    ("accepts", "rejects"),
    ("public", "private"),
    ("succeeds", "fails"),
    ("passes", "fails"),
    ("true", "false"),
    ("safe", "unsafe"),
    ("synchronous", "asynchronous"),
    ("internal", "external"),
    ("manually", "automatically"),
    ("prefers", "avoids"),
    ("prefer", "avoid"),
    ("starts", "stops"),
    ("earliest", "latest"),
    ("oldest", "newest"),
];

fn negation(files: &Files, piece: &Piece, way: usize, dice: &mut Dice) -> Option<Harm> {
    static REMOVE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?i)\b(?:(?P<aux>is|are|was|were|should|must|can|could|will|would|does|do|did|has|have|may) not\b",
            r"|(?P<cannot>cannot)\b",
            r"|(?P<short>isn|aren|wasn|weren|shouldn|mustn|couldn|wouldn|doesn|don|didn|hasn|haven)['’]t\b",
            r"|(?P<longer>no longer)\b)",
        ))
        .unwrap()
    });
    static INSERT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\b(is|are|was|were|should|must|can|could|will|would|may) ([a-z`*]\w*)").unwrap()
    });
    static COMMAND: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(\*\*)?(Use|Run|Add|Keep|Set|Check|Make|Ensure|Write|Put|Call|Include|Update|Read|Follow|Commit|Push|Ask|Test|Avoid|Prefer|Never|Always|Do not|Don't) ").unwrap()
    });
    let text = piece.text(files);
    if text.ends_with('?') {
        return None;
    }
    let free = prose(text);
    let is_free = |at: &Range<usize>| free.iter().any(|range| range.start <= at.start && at.end <= range.end);
    match way {
        0 => {
            let all: Vec<_> = REMOVE.captures_iter(text).collect();
            let found = dice.pick(&all)?;
            let whole = found.get(0)?;
            let with = match (found.name("aux"), found.name("short"), found.name("cannot")) {
                (Some(aux), _, _) => aux.as_str().to_owned(),
                (_, Some(short), _) => short.as_str().to_owned(),
                (_, _, Some(_)) => "can".to_owned(),
                _ => "still".to_owned(),
            };
            // `not only` and `not yet` are other words.
            let rest = &text[whole.end()..];
            let is_other = ["only", "yet", "just", "necessarily", "be confused"]
                .iter()
                .any(|word| rest.trim_start().starts_with(word));
            (is_free(&whole.range()) && !is_other)
                .then(|| one(piece, "a `not` removed", within(piece, &whole.range()), with))
        }
        1 => {
            let all: Vec<_> = INSERT.captures_iter(text).collect();
            let found = dice.pick(&all)?;
            let (verb, next) = (found.get(1)?, found.get(2)?);
            let is_plain = ![
                "not", "never", "no", "also", "only", "n", "it", "we", "you", "they", "there", "this", "i",
                "the", "a",
            ]
            .contains(&next.as_str());
            let at = verb.end()..verb.end();
            let is_code = !is_free(&verb.range());
            (is_plain && !is_code).then(|| one(piece, "a `not` put in", within(piece, &at), " not"))
        }
        2 => {
            let found = COMMAND.captures(text)?;
            let verb = found.get(2)?;
            let with = match verb.as_str() {
                "Avoid" => "Use".to_owned(),
                "Prefer" => "Avoid".to_owned(),
                "Never" => "Always".to_owned(),
                "Always" => "Never".to_owned(),
                "Do not" | "Don't" => {
                    return Some(one(piece, "a command turned", within(piece, &verb.range()), "Always"));
                }
                other => {
                    let mut low = other.to_owned();
                    low.make_ascii_lowercase();
                    format!("{} {low}", dice.pick(&["Never", "Don't", "Do not"])?)
                }
            };
            Some(one(piece, "a command turned", within(piece, &verb.range()), with))
        }
        _ => {
            let (a, b) = *dice.pick(OPPOSITES)?;
            let (from, to) = if dice.one_in(2) { (a, b) } else { (b, a) };
            let found = word_at(text, from).filter(|at| is_free(at))?;
            Some(one(piece, "the opposite word", within(piece, &found), to))
        }
    }
}

fn truncation(files: &Files, piece: &Piece, dice: &mut Dice) -> Option<Harm> {
    static BREAK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r", | because | since | so that | unless | if | when | after | before | until | except | but |; | — | – | - |\. | and | with | via | using | \(").unwrap()
    });
    let text = piece.text(files);
    if piece.leads || piece.form == Form::Row {
        return None;
    }
    let free = prose(text);
    let breaks: Vec<_> = BREAK
        .find_iter(text)
        .filter(|at| free.iter().any(|range| range.start <= at.start() && at.end() <= range.end))
        .collect();
    let found = dice.pick(&breaks)?;
    let (kept, cut) = text.split_at(found.start());
    let (before, gone) = (content_words(kept), content_words(cut));
    let is_whole = kept.matches('(').count() == kept.matches(')').count()
        && kept.matches("**").count().is_multiple_of(2)
        && kept.matches('[').count() == kept.matches(']').count();
    let new: BTreeSet<_> = gone.difference(&before).collect();
    if before.len() < 3 || new.len() < 3 || !is_whole {
        return None;
    }
    let end = if text.ends_with('.') { "." } else { "" };
    let kept_end = kept.trim_end_matches([',', ';', ' ']).len();
    Some(one(piece, "the end cut off", within(piece, &(kept_end..text.len())), end))
}

/// Puts an item under the heading of another person or thing, where all items of a list are told by heading.
fn place(files: &Files, all: &[Piece], piece: &Piece, dice: &mut Dice) -> Option<Harm> {
    let text = &files[&piece.path];
    // Only where the heading alone says who is meant.
    let is_subject = |piece: &Piece| {
        ["## Person ", "## Service ", "## About "].iter().any(|start| piece.heading.starts_with(start))
    };
    if piece.form != Form::Item || piece.leads || piece.indent > 0 || !is_subject(piece) {
        return None;
    }
    let others: Vec<&Piece> = all
        .iter()
        .filter(|other| {
            other.path == piece.path
                && other.form == Form::Item
                && is_subject(other)
                && other.heading != piece.heading
        })
        .collect();
    let other = *dice.pick(&others)?;
    let line = text[piece.cut.clone()].to_owned();
    Some(Harm {
        how: "under another heading",
        edits: vec![
            Edit { path: piece.path.clone(), at: piece.cut.clone(), with: String::new() },
            Edit { path: piece.path.clone(), at: other.cut.end..other.cut.end, with: line },
        ],
        touched: vec![(piece.path.clone(), piece.span.clone())],
    })
}

fn code(files: &Files, piece: &Piece, way: usize, dice: &mut Dice) -> Option<Harm> {
    static VERSION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bv?\d+\.\d+(?:\.\d+)?\b").unwrap());
    static PATH: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?:~|\.{0,2})/?(?:[\w.-]+/)+[\w.-]*\w|https?://[\w./#-]*\w").unwrap());
    let text = piece.text(files);
    match way {
        0 => {
            let found: Vec<_> = VERSION.find_iter(text).collect();
            let found = dice.pick(&found)?;
            let last = found.as_str().rfind('.')? + 1;
            let number: u32 = found.as_str()[last..].parse().ok()?;
            let at = found.start() + last..found.end();
            Some(one(piece, "a version", within(piece, &at), (number + 1).to_string()))
        }
        1 => {
            let found: Vec<_> = PATH.find_iter(text).collect();
            let found = dice.pick(&found)?;
            let with = other_word(found.as_str(), dice)?;
            Some(one(piece, "a path or address", within(piece, &found.range()), with))
        }
        _ => {
            let found = code_spans(text);
            let found = dice.pick(&found)?;
            let with = other_word(&text[found.clone()], dice)?;
            Some(one(piece, "a code span", within(piece, found), with))
        }
    }
}

/// Changes one word of an identifier, path or command.
fn other_word(text: &str, dice: &mut Dice) -> Option<String> {
    static PART: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Za-z]{3,}").unwrap());
    let parts: Vec<_> = PART.find_iter(text).filter(|part| !part.as_str().starts_with("http")).collect();
    let part = dice.pick(&parts)?;
    let with = match dice.roll(3) {
        0 => {
            // A letter less, not at the end, where it could be a plural.
            let at = 1 + dice.roll(part.len() - 2);
            format!("{}{}", &part.as_str()[..at], &part.as_str()[at + 1..])
        }
        1 => {
            let others = ["old", "next", "legacy", "other", "main", "shared"];
            let other = *dice.pick(&others).filter(|other| !text.contains(**other))?;
            other.to_owned()
        }
        _ => {
            let others = ["old", "next", "legacy", "other", "extra", "shared"];
            let other = dice.pick(&others).filter(|other| !text.contains(**other))?;
            format!("{}{other}", part.as_str())
        }
    };
    let changed = format!("{}{with}{}", &text[..part.start()], &text[part.end()..]);
    (changed != text).then_some(changed)
}
