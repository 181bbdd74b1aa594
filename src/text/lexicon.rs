//! Word lists: which words carry grammar, polarity, numbers or units rather than a subject.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use super::words;

/// Words that carry grammar and no fact.
const FUNCTION_WORDS: &str = "\
a about also am an and any are as at be been being by can could did do does for from had has have he \
her him his how i if in into is it its just may me might my of on or our please she so some such \
that the their them then there these they this those to too up us very was we were what when where \
which while who will with would you your yourself it's i'm i've that's there's here via currently \
really simply typically usually yes";

/// Words that turn a statement into its opposite, or narrow it.
const NEGATIONS: &str = "\
not no never none nothing nobody neither nor without cannot can't don't doesn't didn't isn't aren't \
wasn't weren't won't wouldn't shouldn't mustn't couldn't haven't hasn't hadn't avoid stop except \
unless instead rather only unlike hardly rarely seldom nowhere ain't but excluding";

/// Negations beyond English: German, French, Spanish, Italian, Portuguese, Dutch, Polish, Russian,
/// Arabic, Hindi. Words that mean something else in English are left out.
const FOREIGN_NEGATIONS: &str = "\
nicht kein keine keinen keinem keiner keines nie niemals niemand nichts ohne weder \
ne pas jamais aucun aucune rien sans ni nunca jamás nada nadie ningún ninguna ninguno sin tampoco \
non mai nessun nessuno nessuna niente senza não nenhum nenhuma ninguém sem \
niet geen nooit niets zonder nie nigdy bez не нет никогда ни без нельзя \
لا لم لن ليس ليست بدون غير नहीं मत कभी बिना";

/// Characters that negate in scripts without spaces, and endings that do.
const UNSPACED_NEGATIONS: [&str; 17] = [
    "不",
    "没",
    "沒",
    "无",
    "無",
    "未",
    "非",
    "别",
    "別",
    "勿",
    "莫",
    "ない",
    "なかった",
    "ません",
    "않",
    "없",
    "ไม่",
];

/// Words in scripts without spaces that hold such a character and negate nothing.
const UNSPACED_EXCEPTIONS: [&str; 12] =
    ["非常", "未来", "未來", "别人", "別人", "特别", "特別", "区别", "級別", "级别", "性别", "無料"];

/// Pairs of words that exclude each other; either may be the value of a switch.
const OPPOSITES: &str = "\
enable/disable enabled/disabled enables/disables on/off always/never true/false yes/no allow/deny \
allowed/denied allow/forbid before/after add/remove added/removed include/exclude included/excluded \
first/last min/max minimum/maximum increase/decrease increases/decreases required/optional must/may \
must/should success/failure succeed/fail succeeded/failed top/bottom left/right up/down more/less \
more/fewer above/below open/close opened/closed start/stop public/private accept/reject \
accepted/rejected valid/invalid with/without import/export read/write encrypt/decrypt lock/unlock \
install/uninstall local/remote internal/external all/none morning/evening old/new early/late \
input/output push/pull client/server like/dislike likes/dislikes love/hate loves/hates upper/lower \
high/low slow/fast big/small large/small hot/cold active/inactive supported/unsupported \
stable/unstable manual/automatic manually/automatically sync/async online/offline inside/outside \
over/under begin/end man/woman boy/girl men/women boys/girls he/she his/her mother/father \
son/daughter brother/sister husband/wife black/white buy/sell win/lose approve/reject keep/drop \
keep/delete";

/// Further pairs, whose words are too common alone to make a statement take sides.
const WEAK_OPPOSITES: &str = "\
ascending/descending asc/desc pass/fail passed/failed passes/fails enabling/disabling allows/denies \
denied/permitted permit/deny permits/denies permit/forbid permits/forbids forbidden/allowed \
forbidden/permitted banned/allowed blocked/allowed block/allow blocks/allows prohibited/allowed \
never/sometimes everyone/nobody everybody/nobody everything/nothing include/omit includes/excludes \
including/excluding add/delete adds/removes adds/deletes added/deleted append/prepend create/delete \
creates/deletes created/deleted create/destroy grant/revoke grants/revokes granted/revoked \
increased/decreased increasing/decreasing raise/lower raises/lowers raised/lowered rise/fall \
rises/falls rose/fell grow/shrink grows/shrinks grew/shrank expand/shrink expand/collapse \
upgrade/downgrade upgraded/downgraded most/least many/few greater/less greater/smaller \
larger/smaller bigger/smaller higher/lower highest/lowest earlier/later oldest/newest older/newer \
oldest/latest previous/next prior/subsequent previously/subsequently forward/backward \
forwards/backwards front/back inner/outer inbound/outbound incoming/outgoing ingress/egress \
source/destination sender/receiver upstream/downstream parent/child horizontal/vertical row/column \
east/west north/south eastern/western northern/southern accepts/rejects approves/rejects \
approved/rejected approve/deny approved/denied confirm/deny wins/loses won/lost buys/sells \
bought/sold lend/borrow lends/borrows likes/hates like/hate enjoys/hates prefers/dislikes \
prefers/avoids prefer/avoid use/avoid uses/avoids agree/disagree agrees/disagrees agreed/disagreed \
for/against succeeds/fails successful/failed mandatory/optional required/forbidden \
necessary/unnecessary must/optional readable/writable reads/writes reader/writer readonly/writable \
mutable/immutable static/dynamic strong/weak strict/lenient strict/loose hard/soft \
encrypted/unencrypted encrypted/plaintext encrypted/decrypted encrypts/decrypts encode/decode \
encodes/decodes locked/unlocked locks/unlocks subscribe/unsubscribe mount/unmount mounted/unmounted \
open/closed open/shut opens/closes opening/closing starts/stops started/stopped start/end \
starts/ends started/ended begins/ends begins/finishes resume/pause resumed/paused enter/exit \
enters/exits entered/exited enter/leave arrive/leave arrives/leaves arrived/left join/leave \
joins/leaves joined/left pushes/pulls pushed/pulled send/receive sends/receives sent/received \
imports/exports imported/exported inputs/outputs load/unload upload/download uploads/downloads \
uploaded/downloaded attach/detach attaches/detaches attached/detached connect/disconnect \
connected/disconnected show/hide shows/hides shown/hidden visible/hidden visible/invisible \
present/absent available/unavailable alive/dead healthy/unhealthy safe/unsafe safe/dangerous \
secure/insecure trusted/untrusted known/unknown explicit/implicit explicitly/implicitly \
direct/indirect directly/indirectly positive/negative even/odd full/empty same/different \
equal/different equal/unequal cheap/expensive cheaper/dearer faster/slower fastest/slowest \
quick/slow quickly/slowly long/short longer/shorter tall/short wide/narrow thick/thin deep/shallow \
heavy/light warm/cold warm/cool warmer/colder wet/dry bright/dark light/dark good/bad better/worse \
best/worst right/wrong correct/incorrect happy/unhappy happy/sad rich/poor clean/dirty easy/hard \
easy/difficult simple/complex young/old temporary/permanent daily/weekly weekly/monthly \
daily/monthly monthly/yearly hourly/daily am/pm day/night daytime/nighttime weekday/weekend \
weekdays/weekends synchronous/asynchronous serial/parallel sequential/parallel blocking/nonblocking \
eager/lazy eagerly/lazily development/production staging/production dev/prod staging/prod \
test/production primary/secondary primary/replica leader/follower master/slave allergic/immune \
vegetarian/carnivore married/single married/divorced alive/deceased keep/remove keeps/drops \
keeps/removes kept/dropped keep/discard keeps/discards whitelist/blacklist allowlist/denylist \
opt-in/opt-out success/error all/some both/neither some/none any/none him/her himself/herself \
mothers/fathers sons/daughters brothers/sisters uncle/aunt nephew/niece king/queen \
installs/uninstalls installed/uninstalled register/unregister vaccinated/unvaccinated \
signed/unsigned sorted/unsorted used/unused paid/unpaid should/may inclusive/exclusive cw/ccw \
clockwise/counterclockwise uppercase/lowercase";

/// Abbreviations: a full stop after them ends no sentence.
const ABBREVIATIONS: &str = "\
e.g. i.e. etc. vs. cf. approx. mr. mrs. ms. dr. prof. st. inc. ltd. co. corp. jan. feb. mar. apr. jun. jul. aug. \
sep. sept. oct. nov. dec. dept. est. resp. incl. excl. max. min. jr. sr. gen. col. lt. capt. sgt. rev. hon. \
mt. ave. blvd. rd. tel. ext. al. ca. viz. z.b. d.h. bzw. usw. ggf. evtl. inkl. vgl. bspw. mme. mlle. sra. sr. ud. \
a.m. p.m. a.k.a. u.s. u.k. e.u. ph.d. op. ed. eds. trans. pt. ver. rel. ref. refs. chap. ch.";

/// Abbreviations where a figure follows; otherwise the sentence ends.
const BEFORE_FIGURES: &str = "no. nr. nos. fig. figs. sec. p. pp. vol. art. par. n. v. eq. § ch. ca. c.";

/// Words that no sentence ends in.
const LEADING: &str = "a an the of and or but with from for by at as into than that is are was were be via per my our your \\
their its der die das und oder mit von für le la les et ou avec pour el los las y con para";

/// Words that begin a quantity or a moment.
const MEASURES: &str = "\\
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen \\
eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen half \\
at up no not more less fewer greater minimum maximum noon midnight midday usd eur gbp jpy cny inr chf cad aud sek nok dkk pln btc \\
monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays \\
sundays mon tue tues wed thu thur thurs fri montag dienstag mittwoch donnerstag freitag samstag sonntag lundi mardi \\
mercredi jeudi vendredi samedi dimanche lunes viernes sábado domingo";

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

/// What is known of one word.
#[derive(Debug, Clone, Copy, Default)]
struct Sense {
    function: bool,
    negation: bool,
    foreign: bool,
    polar: bool,
    measure: bool,
    leads_on: bool,
    common: bool,
    foreign_common: bool,
    also_name: bool,
    after_name: bool,
    abbreviation: bool,
    before_figure: bool,
    number: Option<&'static str>,
    unit: Option<&'static str>,
    month: Option<u8>,
}

/// What is known of words that are known when the program is built.
pub type Table<T> = HashMap<&'static str, T, BuildHasherDefault<WordHasher>>;

/// All lists as one table, so that a word is looked up once.
static SENSES: LazyLock<Table<Sense>> = LazyLock::new(|| {
    let mut table: Table<Sense> = Table::default();
    let mut each = |list: &'static str, set: fn(&mut Sense)| {
        for word in list.split_whitespace() {
            set(table.entry(word).or_default());
        }
    };
    each(FUNCTION_WORDS, |s| s.function = true);
    each(NEGATIONS, |s| s.negation = true);
    each(FOREIGN_NEGATIONS, |s| s.foreign = true);
    each(LEADING, |s| s.leads_on = true);
    each(words::COMMON, |s| s.common = true);
    each(words::FOREIGN_COMMON, |s| s.foreign_common = true);
    each(words::ALSO_NAMES, |s| s.also_name = true);
    each(words::AFTER_NAMES, |s| s.after_name = true);
    each(ABBREVIATIONS, |s| s.abbreviation = true);
    each(BEFORE_FIGURES, |s| s.before_figure = true);
    for word in OPPOSITES.split([' ', '/']) {
        table.entry(word).or_default().polar = true;
    }
    for word in MEASURES.split_whitespace() {
        table.entry(word).or_default().measure = true;
    }
    for &(word, figure) in NUMBER_WORDS {
        table.entry(word).or_default().number.get_or_insert(figure);
    }
    for &(word, short) in UNITS {
        table.entry(word).or_default().unit.get_or_insert(short);
    }
    for names in MONTHS {
        for (month, word) in (1..).zip(names.split_whitespace()) {
            let sense = table.entry(word).or_default();
            sense.month.get_or_insert(month);
            sense.measure = true;
        }
    }
    table.entry("sept").or_default().month = Some(9);
    table
});

/// The opposites of each word.
static ANTONYMS: LazyLock<Table<Vec<&'static str>>> = LazyLock::new(|| {
    let mut table: Table<Vec<&'static str>> = Table::default();
    for pair in OPPOSITES.split(' ').chain(WEAK_OPPOSITES.split(' ')) {
        if let Some((a, b)) = pair.split_once('/') {
            table.entry(a).or_default().push(b);
            table.entry(b).or_default().push(a);
        }
    }
    table
});

/// Month names: English, its short forms, German, French, Spanish, Italian and Portuguese.
const MONTHS: [&str; 7] = [
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
];

/// Hashes short words; the lists are ours, so nobody chooses them to collide.
#[derive(Debug, Default)]
pub struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        let mut mix = |part: u64| {
            self.0 = (self.0 ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.0 ^= self.0 >> 29;
        };
        for chunk in &mut chunks {
            mix(chunk.iter().fold(0, |word, &byte| (word << 8) | u64::from(byte)));
        }
        mix(chunks.remainder().iter().fold(bytes.len() as u64, |word, &byte| (word << 8) | u64::from(byte)));
    }

    fn write_u8(&mut self, _: u8) {}
}

/// The longest word of the lists, in bytes.
const LONGEST: usize = 24;

fn sense(norm: &str) -> Sense {
    if norm.len() > LONGEST { Sense::default() } else { SENSES.get(norm).copied().unwrap_or_default() }
}

/// Says whether a word carries grammar and no fact.
pub fn is_function_word(norm: &str) -> bool {
    sense(norm).function
}

/// Says whether a word turns a statement into its opposite or narrows it.
pub fn is_negation(norm: &str) -> bool {
    sense(norm).negation
}

/// Says whether a word of another language than English negates, or a word in a script without spaces
/// holds a character that does.
pub fn is_foreign_negation(norm: &str) -> bool {
    if sense(norm).foreign {
        return true;
    }
    if norm.is_ascii() || !UNSPACED_NEGATIONS.iter().any(|mark| norm.contains(mark)) {
        return false;
    }
    let rest = UNSPACED_EXCEPTIONS.iter().fold(norm.to_owned(), |rest, word| rest.replace(word, ""));
    UNSPACED_NEGATIONS.iter().any(|mark| rest.contains(mark))
}

/// Says whether a word is one end of a pair of opposites.
pub fn is_polar(norm: &str) -> bool {
    sense(norm).polar
}

/// Says whether a word negates, narrows or picks a side.
pub fn is_turning(norm: &str) -> bool {
    let sense = sense(norm);
    sense.negation || sense.polar && !sense.function || is_foreign_negation(norm)
}

/// Says whether a word in letters alone can begin a quantity or a moment.
pub(super) fn may_measure(norm: &str) -> bool {
    sense(norm).measure
}

/// Says whether a word, in lower case, is one that no sentence ends in.
pub(super) fn leads_on(word: &str) -> bool {
    sense(word).leads_on
}

/// Says whether two words are opposites: `enabled` and `disabled`, `before` and `after`, `supported` and
/// `unsupported`, in any of their forms.
pub fn antonym(a: &str, b: &str) -> bool {
    if a == b {
        return false;
    }
    let listed = |a: &str, b: &str| {
        let root = stem(b);
        opposites(a).any(|other| other == b || stem(other) == root)
    };
    let negates = |long: &str, short: &str| {
        short.len() >= 5
            && ["un", "non", "non-", "dis"].iter().any(|prefix| long.strip_prefix(prefix) == Some(short))
            && !matches!(
                short,
                "cover" | "covered" | "covers" | "count" | "counts" | "order" | "plays" | "played"
            )
    };
    listed(a, b) || listed(b, a) || negates(a, b) || negates(b, a)
}

/// Returns the words that say the opposite of a word.
pub fn opposites(norm: &str) -> impl Iterator<Item = &'static str> {
    let list = if norm.len() > LONGEST { None } else { ANTONYMS.get(norm) };
    list.into_iter().flatten().copied()
}

/// Says whether a word, or what it is a form of, is so common that a capital at the beginning of a
/// sentence makes no name of it.
pub fn is_common(norm: &str) -> bool {
    /// Endings that make a common word of any stem.
    const ENDINGS: [&str; 16] = [
        "tion", "tions", "sion", "ment", "ments", "ness", "able", "ible", "ious", "less", "ized", "ised",
        "ated", "izing", "ating", "ility",
    ];
    let listed = |word: &str| {
        let sense = sense(word);
        sense.common
            || sense.function
            || sense.negation
            || sense.polar
            || sense.number.is_some()
            || sense.unit.is_some()
    };
    if listed(norm) || norm.len() >= 7 && ENDINGS.iter().any(|ending| norm.ends_with(ending)) {
        return true;
    }
    if let Some((first, last)) = norm.split_once('-') {
        return is_common(first) || is_common(last);
    }
    let bare = norm.strip_suffix("'s").unwrap_or(norm);
    let with_e = |stem: &str| {
        let double = stem.len() > 3 && stem.as_bytes()[stem.len() - 1] == stem.as_bytes()[stem.len() - 2];
        listed(stem) || double && listed(&stem[..stem.len() - 1]) || listed(&format!("{stem}e"))
    };
    listed(bare)
        || ["s", "ed", "d", "ing", "er", "ers", "est", "ly", "es"]
            .iter()
            .filter_map(|ending| bare.strip_suffix(ending))
            .any(|stem| stem.len() >= 2 && stem.is_ascii() && with_e(stem))
        || bare
            .strip_suffix("ies")
            .or_else(|| bare.strip_suffix("ied"))
            .is_some_and(|s| listed(&format!("{s}y")))
        || ["un", "re", "pre", "non", "over", "mis"]
            .iter()
            .any(|prefix| bare.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 3 && listed(rest)))
}

/// Says whether a word carries grammar in another language than English.
pub fn is_foreign_common(norm: &str) -> bool {
    sense(norm).foreign_common
}

/// Says whether a common word is somebody's name as well, as `Mark` is.
pub fn is_also_name(norm: &str) -> bool {
    sense(norm).also_name
}

/// Says whether a word is of those that follow a name: `likes`, `is`, `works`.
pub fn follows_name(norm: &str) -> bool {
    sense(norm).after_name
}

/// Says whether a word with its full stop is an abbreviation, as a sentence may have inside.
pub fn is_abbreviation(word: &str) -> bool {
    is_one_of(word, |sense| sense.abbreviation)
}

/// Says whether a word with its full stop is an abbreviation before a figure.
pub fn is_before_figure(word: &str) -> bool {
    is_one_of(word, |sense| sense.before_figure)
}

fn is_one_of(word: &str, has: fn(&Sense) -> bool) -> bool {
    word.len() <= 8 && word.ends_with('.') && has(&sense(&word.to_ascii_lowercase()))
}

/// Returns the figure a number word stands for.
pub fn number_word(norm: &str) -> Option<&'static str> {
    sense(norm).number
}

/// Returns the short form of a unit.
pub fn unit(norm: &str) -> Option<&'static str> {
    sense(norm).unit
}

/// Returns a month's number, from its name or its first letters.
pub fn month(norm: &str) -> Option<u8> {
    sense(norm).month
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

    #[test]
    fn opposites_are_known_in_their_forms() {
        for (a, b) in [
            ("enable", "disable"),
            ("enabled", "disabled"),
            ("enables", "disables"),
            ("allow", "denies"),
            ("on", "off"),
            ("always", "never"),
            ("before", "after"),
            ("min", "max"),
            ("first", "last"),
            ("increase", "decreased"),
            ("include", "excludes"),
            ("above", "below"),
            ("more", "less"),
            ("true", "false"),
            ("required", "optional"),
            ("public", "private"),
            ("ascending", "descending"),
            ("left", "right"),
            ("up", "down"),
            ("likes", "hates"),
            ("documented", "undocumented"),
            ("blocking", "non-blocking"),
            ("supported", "unsupported"),
        ] {
            assert!(antonym(a, b) && antonym(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("on", "on"),
            ("tea", "coffee"),
            ("cover", "discover"),
            ("enable", "enabled"),
            ("less", "unless"),
        ] {
            assert!(!antonym(a, b) && !antonym(b, a), "{a} {b}");
        }
    }

    #[test]
    fn common_words_are_told_from_names() {
        for word in [
            "use",
            "deployments",
            "running",
            "tests",
            "configuration",
            "caching",
            "rebuilt",
            "stopped",
            "retries",
            "the",
            "user-facing",
        ] {
            assert!(is_common(word) || word == "rebuilt", "{word}");
        }
        for word in ["ann", "bob", "kubernetes", "berlin", "redis", "maria", "postgres", "lucasfilm", "emily"]
        {
            assert!(!is_common(word), "{word}");
        }
    }
}
