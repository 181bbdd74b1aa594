//! Polarity: which words turn a statement round, narrow it, or say how sure and how general it is.

use std::ops::BitOrAssign;
use std::sync::LazyLock;

use crate::text::lexicon::{self, Table};

mod bond;
mod stance;
mod tense;

pub(super) use bond::{Bond, is_time};
pub(super) use stance::stance;
pub(super) use tense::{Tense, auxiliary, of_verb as tense_of_verb, reports};

/// A word that turns or narrows a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Says the opposite.
    Not,
    /// Holds for nothing else.
    Only,
    /// Holds with exceptions.
    Except,
    /// Holds hardly ever.
    Rarely,
    /// Holds at times or in part.
    Partly,
    /// Holds as a rule, with exceptions nobody names.
    Mostly,
    /// Holds until further notice.
    ForNow,
    /// Is said not to be so, or not to be sure.
    Doubt,
    /// Is no longer so.
    Past,
    /// Holds on a condition.
    If,
}

impl Turn {
    pub(super) const ALL: [Self; 10] = [
        Self::Not,
        Self::Only,
        Self::Except,
        Self::Rarely,
        Self::Partly,
        Self::Doubt,
        Self::Past,
        Self::If,
        Self::Mostly,
        Self::ForNow,
    ];

    pub(super) fn key(self) -> u64 {
        match self {
            Self::Not => 1,
            Self::Only => 2,
            Self::Except => 3,
            Self::Rarely => 4,
            Self::Partly => 5,
            Self::Doubt => 6,
            Self::Past => 7,
            Self::If => 8,
            Self::Mostly => 9,
            Self::ForNow => 10,
        }
    }

    /// Says whether it speaks of a clause as a whole, in which each part repeats it.
    pub(super) fn is_stance(self) -> bool {
        matches!(self, Self::Partly | Self::Mostly | Self::ForNow | Self::Doubt | Self::Past | Self::If)
    }
}

const NOT: &[&str] = &[
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
    "cant",
    "dont",
    "doesnt",
    "didnt",
    "isnt",
    "arent",
    "wont",
    "avoid",
    "avoids",
    "avoiding",
    "nowhere",
    "unable",
    "forbid",
    "forbids",
    "forbidden",
    "prohibit",
    "prohibited",
    "prohibits",
    "disallow",
    "disallowed",
    "ban",
    "banned",
    "lack",
    "lacks",
    "refrain",
    "nicht",
    "kein",
    "keine",
    "keinen",
    "keinem",
    "keiner",
    "nie",
    "niemals",
    "ohne",
    "pas",
    "jamais",
    "sans",
    "aucun",
    "aucune",
    "nunca",
    "sin",
    "jamás",
    "ningún",
    "ninguna",
    "não",
    "nao",
    "sem",
    "non",
    "senza",
    "mai",
    "не",
    "нет",
    "никогда",
    "без",
    "нельзя",
    "لا",
    "ليس",
    "لم",
    "لن",
    "بدون",
    "नहीं",
    "मत",
    "δεν",
    "μη",
    "μην",
    "ποτέ",
    "niet",
    "geen",
    "nooit",
    "zonder",
    "inte",
    "ingen",
    "aldrig",
    "ikke",
    "nie",
    "nigdy",
    "değil",
    "asla",
    "yok",
    "안",
    "못",
    "лишь",
    "bukan",
    "tidak",
    "jangan",
    "không",
];
const ONLY: &[&str] = &[
    "only",
    "solely",
    "exclusively",
    "nur",
    "seulement",
    "solo",
    "sólo",
    "solamente",
    "только",
    "apenas",
    "somente",
];
const EXCEPT: &[&str] = &[
    "except",
    "excepting",
    "excepted",
    "excluding",
    "unless",
    "außer",
    "ausgenommen",
    "sauf",
    "hormis",
    "excepto",
    "salvo",
    "кроме",
    "exceto",
    "tranne",
    "eccetto",
    "behalve",
    "utom",
    "unntatt",
    "oprócz",
    "hariç",
];
const RARELY: &[&str] =
    &["rarely", "seldom", "hardly", "scarcely", "barely", "selten", "rarement", "raramente", "редко"];

static TURNS: LazyLock<Table<Turn>> = LazyLock::new(|| {
    let lists = [(RARELY, Turn::Rarely), (EXCEPT, Turn::Except), (ONLY, Turn::Only), (NOT, Turn::Not)];
    lists.iter().flat_map(|(words, turn)| words.iter().map(|&word| (word, *turn))).collect()
});

/// Returns how a word turns its statement.
pub(super) fn turn(norm: &str, next: Option<&str>) -> Option<Turn> {
    if norm.ends_with("n't") {
        return Some(Turn::Not);
    }
    // What the other side of a choice is told by.
    if norm == "instead" && next == Some("of") || norm == "rather" && next == Some("than") {
        return Some(Turn::Not);
    }
    TURNS.get(norm).copied()
}

/// Returns how the characters that begin a text of a script without spaces turn it.
pub(super) fn glyph_turn(text: &str) -> Option<Turn> {
    if let Some(turn) = stance::of_glyphs(text) {
        return Some(turn);
    }
    let not =
        ["不", "没", "沒", "無", "无", "勿", "别", "別", "未", "非", "ない", "ませ", "ไม่", "なく", "ず"];
    if not.iter().any(|mark| text.starts_with(mark)) {
        return Some(Turn::Not);
    }
    if ["除了", "除非", "除外", "以外"].iter().any(|mark| text.starts_with(mark)) {
        return Some(Turn::Except);
    }
    (["只", "仅", "僅", "のみ", "だけ"].iter().any(|mark| text.starts_with(mark))).then_some(Turn::Only)
}

/// Says whether a word of several begins an exception: `apart from`, `but not`, `with the exception of`.
/// `head` stands before it, `rest` after it.
pub(super) fn is_exception(norm: &str, head: &str, rest: &str) -> bool {
    let rest = rest.trim_start();
    let next = rest.split_whitespace().next().unwrap_or_default();
    let last = || head.split_whitespace().next_back().unwrap_or_default().to_lowercase();
    match norm {
        "apart" | "aside" => next == "from",
        "other" => next == "than",
        "exception" => next == "of" && last() == "the",
        "but" if next == "not" => !rest.starts_with("not limited to"),
        "but" => {
            matches!(last().as_str(), "all" | "any" | "everything" | "everyone" | "everybody" | "anything")
        }
        _ => false,
    }
}

/// How general a statement is, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quantity(u8);

impl BitOrAssign for Quantity {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

const ALL: u8 = 1;
const MOST: u8 = 2;
const SOME: u8 = 4;
const ANY: u8 = 8;
const ONE: u8 = 16;
const FEW: u8 = 32;
/// Besides one of the others: a word before a noun says so, where an adverb would only set a tone.
const PART: u8 = 64;

impl Quantity {
    /// Says whether both say how general they are, and differ. Any is all, unless it is denied: `not any`
    /// is none, and `not all` is some.
    pub(super) fn conflicts(self, other: Self, is_denied: bool) -> bool {
        let widened = |x: u8| if x & (ALL | ANY) != 0 && !is_denied { x | ALL | ANY } else { x };
        self.0 != 0 && other.0 != 0 && widened(self.0) & widened(other.0) & !PART == 0
    }

    /// Says whether all of what a noun names are meant.
    pub(super) fn is_all(self) -> bool {
        self.0 & ALL != 0
    }

    /// Says whether it is a part of what a noun names that is spoken of: `some tests`, `most of them`.
    pub(super) fn is_part(self) -> bool {
        self.0 & PART != 0
    }
}

/// Returns how general a word makes its statement.
pub(super) fn quantity(norm: &str, next: Option<&str>) -> Quantity {
    Quantity(match norm {
        "all" | "every" | "each" | "both" | "always" | "everyone" | "everything" | "everybody" | "entire"
        | "whole" => ALL,
        "any" | "anyone" | "anything" | "anybody" => ANY,
        "most" | "many" => MOST | PART,
        "mostly" | "usually" | "generally" | "typically" | "normally" | "often" | "frequently" => MOST,
        "some" | "certain" => SOME | PART,
        "sometimes" | "occasionally" | "partly" => SOME,
        // A few are some, and few are not many.
        "few" => FEW | SOME | PART,
        "either" => ONE,
        "one" if next == Some("of") => ONE | PART,
        _ => 0,
    })
}

/// How sure or how binding a statement is, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Modality(u8);

impl BitOrAssign for Modality {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

const MUST: u8 = 1;
const SHOULD: u8 = 2;
const MAY: u8 = 4;
const CAN: u8 = 8;

impl Modality {
    /// Says whether one binds more than the other.
    pub(super) fn conflicts(self, other: Self) -> bool {
        let doubts = |x: u8, y: u8| x & MAY != 0 && y & (MAY | CAN) == 0;
        let widened = |x: u8| if x & (MAY | CAN) == 0 { x } else { x | MAY | CAN };
        let (a, b) = (self.0, other.0);
        doubts(a, b) || doubts(b, a) || a != 0 && b != 0 && widened(a) & widened(b) == 0
    }
}

/// Returns how binding a word makes its statement.
pub(super) fn modality(norm: &str, next: Option<&str>) -> Modality {
    Modality(match norm {
        "must" | "shall" | "mandatory" | "mustn't" => MUST,
        "has" | "have" | "need" | "needs" if next == Some("to") => MUST,
        "should" | "ought" | "shouldn't" => SHOULD,
        "may" | "might" | "maybe" | "perhaps" | "possibly" => MAY,
        "can" | "could" => CAN,
        _ => 0,
    })
}

/// Says whether a word with `to` tells what somebody wishes or tries, rather than does.
pub(super) fn wishes(norm: &str) -> bool {
    matches!(norm, "wants" | "want" | "wanted" | "plans" | "plan" | "planned" | "intends" | "intend")
        || matches!(norm, "hopes" | "hope" | "tries" | "try" | "tried" | "trying")
}

/// Pairs of which the second denies the first: two of them, or one and a negation, say the same again.
const DENIALS: &[(&str, &str)] = &[
    ("enable", "disable"),
    ("activate", "deactivate"),
    ("on", "off"),
    ("true", "false"),
    ("allow", "deny"),
    ("permit", "refuse"),
    ("allow", "block"),
    ("include", "exclude"),
    ("accept", "reject"),
    ("approve", "decline"),
    ("valid", "invalid"),
    ("success", "failure"),
    ("succeed", "fail"),
    ("pass", "fail"),
    ("supported", "unsupported"),
    ("stable", "unstable"),
    ("active", "inactive"),
    ("like", "dislike"),
    ("love", "hate"),
    ("possible", "impossible"),
    ("able", "unable"),
    ("available", "unavailable"),
    ("safe", "unsafe"),
    ("known", "unknown"),
    ("correct", "incorrect"),
    ("correct", "wrong"),
    ("agree", "disagree"),
    ("connected", "disconnected"),
    ("required", "optional"),
    ("mandatory", "optional"),
    ("legal", "illegal"),
    ("visible", "hidden"),
    ("visible", "invisible"),
    ("present", "absent"),
    ("complete", "incomplete"),
    ("used", "unused"),
    ("secure", "insecure"),
    ("signed", "unsigned"),
    ("encrypted", "unencrypted"),
    ("happy", "unhappy"),
    ("yes", "no"),
];

/// Pairs that exclude each other without being a denial.
const CONTRARIES: &[(&str, &str)] = &[
    ("before", "after"),
    ("prior", "after"),
    ("minimum", "maximum"),
    ("min", "max"),
    ("first", "last"),
    ("increase", "decrease"),
    ("raise", "lower"),
    ("above", "below"),
    ("more", "less"),
    ("more", "fewer"),
    ("most", "least"),
    ("public", "private"),
    ("ascending", "descending"),
    ("asc", "desc"),
    ("left", "right"),
    ("up", "down"),
    ("start", "stop"),
    ("start", "end"),
    ("start", "finish"),
    ("open", "close"),
    ("top", "bottom"),
    ("import", "export"),
    ("read", "write"),
    ("local", "remote"),
    ("internal", "external"),
    ("morning", "evening"),
    ("morning", "afternoon"),
    ("old", "new"),
    ("early", "late"),
    ("input", "output"),
    ("push", "pull"),
    ("client", "server"),
    ("upper", "lower"),
    ("high", "low"),
    ("slow", "fast"),
    ("big", "small"),
    ("hot", "cold"),
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
    ("he", "she"),
    ("his", "her"),
    ("mother", "father"),
    ("son", "daughter"),
    ("brother", "sister"),
    ("husband", "wife"),
    ("black", "white"),
    ("buy", "sell"),
    ("win", "lose"),
    ("keep", "drop"),
    ("keep", "delete"),
    ("add", "remove"),
    ("lock", "unlock"),
    ("install", "uninstall"),
    ("encrypt", "decrypt"),
    ("north", "south"),
    ("east", "west"),
    ("day", "night"),
    ("summer", "winter"),
    ("long", "short"),
    ("cheap", "expensive"),
    ("light", "dark"),
    ("strict", "loose"),
    ("strong", "weak"),
    ("good", "bad"),
    ("best", "worst"),
    ("better", "worse"),
    ("older", "younger"),
    ("older", "newer"),
    ("earlier", "later"),
    ("next", "previous"),
    ("upload", "download"),
    ("lend", "borrow"),
    ("parent", "child"),
    ("horizontal", "vertical"),
    ("single", "married"),
    ("hard", "easy"),
    ("hard", "soft"),
    ("full", "empty"),
    ("wet", "dry"),
    ("rich", "poor"),
    ("positive", "negative"),
    ("forward", "backward"),
    ("upstream", "downstream"),
    ("arrive", "leave"),
    ("inner", "outer"),
    ("ingress", "egress"),
    ("opt-in", "opt-out"),
    ("sender", "receiver"),
    ("<", ">"),
    ("<=", ">="),
    ("≤", "≥"),
    ("==", "!="),
    ("=", "!="),
    ("<", ">="),
    (">", "<="),
];

static DENYING: LazyLock<Table<bool>> = LazyLock::new(|| {
    let mut map = Table::default();
    for &(yes, no) in DENIALS {
        map.entry(lexicon::stem(yes)).or_insert(false);
        map.insert(lexicon::stem(no), true);
    }
    map.remove("no");
    map.insert("on", false);
    map
});

static OPPOSED: LazyLock<Table<Vec<&'static str>>> = LazyLock::new(|| {
    let mut map: Table<Vec<&'static str>> = Table::default();
    for &(a, b) in DENIALS.iter().chain(CONTRARIES) {
        let (a, b) = (lexicon::stem(a), lexicon::stem(b));
        map.entry(a).or_default().push(b);
        map.entry(b).or_default().push(a);
    }
    map
});

/// Says whether a word denies what its counterpart says: `disabled`, `off`.
pub(super) fn denies(norm: &str) -> bool {
    DENYING.get(lexicon::stem(norm)).copied().unwrap_or(false)
}

/// Says whether two words exclude each other.
pub(super) fn are_opposed(a: &str, b: &str) -> bool {
    OPPOSED.get(lexicon::stem(a)).is_some_and(|others| others.contains(&lexicon::stem(b)))
}

/// Says whether a word has an opposite that matters though it is a word of grammar: `up`, `she`.
pub(super) fn is_directed(norm: &str) -> bool {
    matches!(norm, "up" | "down" | "off" | "over" | "under")
}
