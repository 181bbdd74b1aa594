//! Stance: words that say of a statement that it is not sure, no longer so, so at times, or so on a condition.
//!
//! A word counts where its neighbours make it one of these: `once legal has signed` is a condition and `once
//! a week` is none. What says a plain `not`, `only` or `except` is read by [`super::turn`].

use std::sync::LazyLock;

use crate::text::lexicon::{self, Table};
use crate::text::token::Token;

use super::Turn;

/// Not so, in several words.
const NOT: &str = "far from/forgot to/forgets to/forget to/forgotten to/failed to/fails to/fail to/refused to/\
refuses to/refuse to/declined to/declines to/neglected to/neglects to/omitted to/pretends to/pretended to/\
pretend to/false that/wrong that/untrue that";

/// Said not to be so, not yet so, or not sure.
const DOUBT: &str = "allegedly/supposedly/reportedly/presumably/apparently/seemingly/purportedly/ostensibly/\
probably/likely/unlikely/hypothetically/tentatively/falsely/unconfirmed/unverified/doubtful/dubious/\
questionable/rumoured/rumored/whether/unsure/uncertain/so-called/almost/nearly/seems/seem/seemed/appears to/\
appear to/appeared to/supposed to/a myth/a rumour/a rumor/a lie/a misconception/a fallacy/a hoax/rumour has it/\
rumor has it/in theory/vielleicht/wahrscheinlich/vermutlich/angeblich/beinahe/peut-être/probablement/\
presque/apparemment/quizás/quizá/probablemente/supuestamente/casi/talvez/provavelmente/quase/forse/\
probabilmente/quasi/возможно/вероятно/наверное/почти/якобы/ربما/misschien/waarschijnlijk/bijna";

/// No longer so.
const PAST: &str = "formerly/previously/former/erstwhile/in the past/back then/früher/ehemals/ehemalige/\
ehemaliger/damals/vormals/autrefois/jadis/anciennement/antiguamente/anteriormente/antigamente/precedentemente/\
раньше/прежде/سابقا/كان/كانت/vroeger/voorheen/tidigare/tidligere/dawniej/eskiden";

/// So at times or in part.
const PARTLY: &str = "sometimes/occasionally/partly/partially/at times/now and then/from time to time/manchmal/\
gelegentlich/teilweise/parfois/quelquefois/partiellement/a veces/parcialmente/às vezes/a volte/talvolta/иногда/\
أحيانا/soms/ibland/czasami";

/// So as a rule.
const MOSTLY: &str = "usually/often/mostly/normally/generally/typically/frequently/commonly/ordinarily/mainly/\
primarily/predominantly/as a rule/in general/in most cases/most of the time/normalerweise/gewöhnlich/\
üblicherweise/meist/meistens/oft/häufig/in der regel/im allgemeinen/habituellement/généralement/normalement/\
souvent/la plupart du temps/en général/d'habitude/normalmente/generalmente/habitualmente/a menudo/por lo general";

/// So until further notice.
const FOR_NOW: &str = "for now/for the time being/for the moment/until further notice/temporarily/provisionally/\
vorerst/vorläufig/vorübergehend/bis auf weiteres/zunächst/pour l'instant/pour le moment/provisoirement/\
temporairement/por ahora/por el momento/de momento/temporalmente/provisionalmente";

/// Before these words, one that says how often is measured: `how often`, `most commonly`.
const MEASURES: &[&str] = &["how", "more", "most", "less", "least", "as", "too", "so", "very", "wie", "zu"];

/// So on a condition.
const IF: &str = "if/when/whenever/provided that/providing that/as long as/so long as/as soon as/in case/\
in the event/in the case/on condition that/on the condition that/subject to/assuming/contingent on/\
conditional on/wenn/falls/sofern/sobald/si/à condition/lorsque/quand/cuando/siempre que/qualora/если/إذا/لو/\
अगर/यदि/eğer/jeśli/jeżeli";

/// Labels of what is no longer so.
const PAST_LABELS: &str = "outdated obsolete deprecated old former formerly historical archived superseded \
retired legacy stale veraltet früher obsolète obsoleto";

/// Labels of what nobody vouches for.
const DOUBT_LABELS: &str = "rumour rumor rumours rumors draft proposal proposed idea myth todo tbd unverified \
unconfirmed hypothesis assumption guess rejected wrong false fiction tentative hypothetical speculation hearsay \
gerücht entwurf brouillon rumeur borrador";

/// What one says or thinks without vouching for it, after whoever does.
const CLAIMS: &[&str] = &[
    "claims", "claim", "claimed", "alleges", "alleged", "believes", "believe", "assumes", "assume",
    "suspects", "suspect", "guesses", "guess", "doubts", "doubt",
];

/// After these, `if` asks as `whether` does.
const ASKING: &[&str] = &[
    "check",
    "checks",
    "see",
    "know",
    "knows",
    "ask",
    "asks",
    "decide",
    "decides",
    "verify",
    "determine",
    "wonder",
    "wonders",
    "out",
    "test",
    "tests",
    "sure",
    "unclear",
];

/// A turn in several words: those after the first.
type Sequence = (Vec<&'static str>, Turn);

static SEQUENCES: LazyLock<Table<Vec<Sequence>>> = LazyLock::new(|| {
    let mut table: Table<Vec<Sequence>> = Table::default();
    let lists = [
        (NOT, Turn::Not),
        (DOUBT, Turn::Doubt),
        (PAST, Turn::Past),
        (PARTLY, Turn::Partly),
        (MOSTLY, Turn::Mostly),
        (FOR_NOW, Turn::ForNow),
        (IF, Turn::If),
    ];
    for (list, turn) in lists {
        for sequence in list.split('/') {
            let mut words = sequence.split(' ');
            let Some(first) = words.next() else { continue };
            table.entry(first).or_default().push((words.collect(), turn));
        }
    }
    table
});

static LABELS: LazyLock<Table<Turn>> = LazyLock::new(|| {
    let lists = [(PAST_LABELS, Turn::Past), (DOUBT_LABELS, Turn::Doubt)];
    lists.iter().flat_map(|(list, turn)| list.split(' ').map(|word| (word, *turn))).collect()
});

/// Returns what the words from a place on make of a statement, and how many they are.
pub(in crate::ledger::judge) fn stance(tokens: &[Token<'_>], at: usize) -> Option<(Turn, usize)> {
    if tokens[at].code || tokens[at].quoted {
        return None;
    }
    if at == 0
        && let Some(found) = label(tokens)
    {
        return Some(found);
    }
    let word = |place: usize| tokens.get(place).map_or("", |token| &*token.norm);
    let before = at.checked_sub(1).map_or("", word);
    let (norm, next) = (word(at), word(at + 1));
    let found = match norm {
        "if" | "when" if matches!(before, "even" | "as" | "what") => return None,
        "if" if ASKING.contains(&before) => Some((Turn::Doubt, 1)),
        // `SI` is a system of units, and what falls is no German condition.
        "si" if tokens[at].raw != "si" && at > 0 => return None,
        "falls" if lexicon::is_function_word(next) || !lexicon::is_foreign_common(next) => return None,
        "used" if next == "to" && is_subject(tokens, at) => Some((Turn::Past, 2)),
        "provided" if begins_clause(next) && !is_noun_frame(before) => Some((Turn::If, 1)),
        "where" if matches!(next, "possible" | "applicable" | "needed" | "necessary") => Some((Turn::If, 1)),
        "once" if begins_condition(next, word(at + 2)) => Some((Turn::If, 1)),
        _ if CLAIMS.contains(&norm) && is_speaker(tokens, at) => Some((Turn::Doubt, 1)),
        _ => None,
    };
    found.or_else(|| {
        let sequences = SEQUENCES.get(norm)?.iter();
        let fits = |rest: &[&str]| rest.iter().zip(at + 1..).all(|(wanted, place)| word(place) == *wanted);
        let (rest, turn) = sequences.filter(|(rest, _)| fits(rest)).max_by_key(|(rest, _)| rest.len())?;
        let is_measured = *turn == Turn::Mostly && MEASURES.contains(&before);
        (!is_measured).then_some((*turn, 1 + rest.len()))
    })
}

/// Reads a label of one or two words that says how the statement stands: `Outdated: use Redis`.
fn label(tokens: &[Token<'_>]) -> Option<(Turn, usize)> {
    let end = tokens.iter().take(2).position(|token| token.label_end)?;
    if end + 1 == tokens.len() {
        return None;
    }
    let turn = tokens[..=end].iter().find_map(|token| LABELS.get(&*token.norm))?;
    Some((*turn, end + 1))
}

/// Says whether a subject stands before a verb: a pronoun or a name, an adverb between them or not.
fn is_subject(tokens: &[Token<'_>], verb: usize) -> bool {
    let before = |count: usize| verb.checked_sub(count).map(|at| &tokens[at]);
    let is_one = |token: &Token<'_>| is_pronoun(&token.norm) || is_name(token);
    let is_adverb = |token: &Token<'_>| {
        matches!(
            &*token.norm,
            "still" | "already" | "also" | "now" | "always" | "never" | "usually" | "both" | "all"
        )
    };
    before(1).is_some_and(|token| is_one(token) || is_adverb(token) && before(2).is_some_and(is_one))
}

/// Says whether whoever claims something stands before a verb.
fn is_speaker(tokens: &[Token<'_>], verb: usize) -> bool {
    let Some(before) = verb.checked_sub(1).map(|at| &tokens[at]) else { return false };
    let is_one = matches!(
        &*before.norm,
        "someone" | "somebody" | "they" | "he" | "she" | "people" | "some" | "everyone"
    );
    is_one || is_name(before)
}

pub(in crate::ledger::judge) fn is_pronoun(norm: &str) -> bool {
    matches!(norm, "i" | "we" | "he" | "she" | "they" | "it" | "you" | "who")
}

/// Says whether a token is somebody's or something's name.
pub(in crate::ledger::judge) fn is_name(token: &Token<'_>) -> bool {
    token.raw.starts_with(char::is_uppercase) && !lexicon::is_common(&token.norm)
}

fn begins_clause(norm: &str) -> bool {
    let determiner = matches!(
        norm,
        "that"
            | "a"
            | "an"
            | "the"
            | "this"
            | "no"
            | "all"
            | "both"
            | "there"
            | "your"
            | "our"
            | "their"
            | "my"
    );
    determiner || is_pronoun(norm)
}

/// Says whether what stands before `provided` makes it no conjunction: `the provided`, `is provided`.
fn is_noun_frame(norm: &str) -> bool {
    matches!(norm, "the" | "a" | "an" | "is" | "are" | "was" | "were" | "be" | "been" | "has" | "have" | "we")
}

/// Says whether `once` is a conjunction, by the two words after it.
fn begins_condition(next: &str, after: &str) -> bool {
    let is_rate = matches!(next, "a" | "an") && lexicon::unit(after).is_some();
    let is_adverb = matches!(
        next,
        "" | "per"
            | "every"
            | "each"
            | "in"
            | "on"
            | "at"
            | "again"
            | "daily"
            | "weekly"
            | "monthly"
            | "more"
            | "and"
            | "or"
            | "to"
            | "for"
            | "with"
            | "before"
            | "after"
    );
    !is_rate && !is_adverb && !next.starts_with(|c: char| c.is_ascii_digit())
}

/// Returns how the characters that begin a text of a script without spaces make it stand.
pub(super) fn of_glyphs(text: &str) -> Option<Turn> {
    const TABLE: [(&[&str], Turn); 4] = [
        (
            &[
                "かもしれ",
                "だろう",
                "でしょう",
                "らしい",
                "ようだ",
                "ようで",
                "みたい",
                "也许",
                "或许",
                "大概",
                "似乎",
                "好像",
                "据说",
                "差点",
                "几乎",
                "可能会",
                "可能是",
                "有可能",
            ],
            Turn::Doubt,
        ),
        (&["ました", "でした", "以前は", "かつて", "曾"], Turn::Past),
        (&["有时", "時々", "ときどき", "偶尔"], Turn::Partly),
        (
            &[
                "如果",
                "假如",
                "要是",
                "只要",
                "若",
                "たら",
                "ならば",
                "れば",
                "場合",
                "同意后",
                "批准后",
                "审批后",
                "通过后",
                "确认后",
                "承認後",
                "許可後",
            ],
            Turn::If,
        ),
    ];
    TABLE.iter().find(|(marks, _)| marks.iter().any(|mark| text.starts_with(mark))).map(|(_, turn)| *turn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::token::tokens;

    fn first(text: &str) -> Option<Turn> {
        let tokens = tokens(text);
        (0..tokens.len()).find_map(|at| stance(&tokens, at)).map(|(turn, _)| turn)
    }

    #[test]
    fn a_word_takes_a_stance_where_its_neighbours_make_it() {
        let table = [
            ("It is a myth that the backup works", Some(Turn::Doubt)),
            ("Someone claims the vendor is insolvent", Some(Turn::Doubt)),
            ("Send claims to Ann", None),
            ("Draft proposal: interns may deploy", Some(Turn::Doubt)),
            ("Keep the draft in mind", None),
            ("Check if the backup works", Some(Turn::Doubt)),
            ("Call Ann if the backup fails", Some(Turn::If)),
            ("Call Ann even if the backup works", None),
            ("Ann used to lead the team", Some(Turn::Past)),
            ("The script is used to lead", None),
            ("Merge it provided a senior approves", Some(Turn::If)),
            ("Use the provided script", None),
            ("Send it once legal has signed", Some(Turn::If)),
            ("Send it once a week", None),
            ("The disk is far from full", Some(Turn::Not)),
            ("Use `when` here", None),
            ("The courier usually arrives at noon", Some(Turn::Mostly)),
            ("Ask how often the job runs", None),
            ("For now, the beta is free", Some(Turn::ForNow)),
        ];
        for (text, turn) in table {
            assert_eq!(first(text), turn, "{text}");
        }
    }
}
