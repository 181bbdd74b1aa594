//! Phrases: a statement as the judge compares it, a row of atoms with grammar read into marks.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use crate::text::lexicon;
use crate::text::specifics::{self, Kind};
use crate::text::token::{Token, tokens};

use super::polarity::{self, Bond, Modality, Quantity, Tense, Turn};
use super::synonyms;

mod values;

/// What a paraphrase may do with an atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// A number, date or version: must stay.
    Figure,
    /// Code, an identifier, path, address or quotation: must stay.
    Term,
    /// A proper name: must stay.
    Name,
    /// A negation or a restriction: weighed by [`super::roles`].
    Turn(Turn),
    /// A word that adds a tone and no fact.
    Light,
    /// Any other word.
    Word,
}

impl Group {
    /// Says whether a paraphrase has to keep it as it is.
    pub(super) fn is_specific(self) -> bool {
        matches!(self, Self::Figure | Self::Term | Self::Name)
    }
}

/// What stands between an atom and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// Nothing, or words of grammar.
    Plain,
    /// A bracket, whose words belong to what stands before it.
    Note,
    /// A comma, a slash, `and` or `or`: both are of one list, or clauses side by side.
    List,
    /// An arrow, a bar of a table or `then`: the order matters.
    Ordered,
    /// The end of a clause.
    Clause,
}

/// The conjunction before an atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    None,
    /// Both hold.
    And,
    /// One of them holds.
    Or,
}

/// The preposition before an atom, where it gives it a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    None,
    From,
    To,
    By,
    /// For whom or what.
    For,
    /// Of or from, in languages with one word for both.
    Of,
    /// What it is compared with.
    Than,
    Other,
}

/// What binds or moves whoever does what a verb says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Force {
    None,
    /// A rule or an advice: `must`, `should`.
    Rule,
    /// A wish or an intention: `wants to`.
    Wish,
    /// What is possible: `can`.
    Can,
}

/// One piece of a statement that carries meaning.
#[derive(Debug, Clone)]
pub(super) struct Atom {
    /// Equal for the same word or the same specific, however it is written.
    pub(super) key: u64,
    pub(super) group: Group,
    /// Where it stands in the text.
    pub(super) span: Range<usize>,
    pub(super) gap: Gap,
    pub(super) part: Part,
    pub(super) joint: Joint,
    /// How many of what it names are meant.
    pub(super) quantity: Quantity,
    /// Whether it is one of several: `a key`.
    pub(super) is_single: bool,
    /// How the words before tie it to the rest.
    pub(super) bond: Bond,
    pub(super) tense: Tense,
    pub(super) force: Force,
    /// Whether it is a sign between operands.
    pub(super) is_operator: bool,
    /// Whether it is a small word that counts as one of several values.
    pub(super) is_item: bool,
    /// Whether it has a capital though it may only begin a sentence.
    pub(super) is_capital: bool,
    /// Whether it is a name made with hyphens: `kube-system`.
    pub(super) is_compound: bool,
    /// Whether it has to match as it is, a character of a script without spaces.
    pub(super) is_glyph: bool,
}

/// A statement as the judge compares it.
#[derive(Debug, Clone, Default)]
pub(super) struct Phrase {
    pub(super) atoms: Vec<Atom>,
    pub(super) quantity: Quantity,
    pub(super) modality: Modality,
    /// Whether it tells what somebody said, in whose tense it stands.
    pub(super) is_reported: bool,
    /// For each `he`, `his`, `she` and `her`, whether it is a woman.
    pub(super) genders: Vec<bool>,
    /// Whether a form of `be` makes a `by` its agent.
    pub(super) is_passive: bool,
    /// The first atom after the label of a `key: value`.
    pub(super) value_from: Option<usize>,
}

impl Phrase {
    /// Reads a text.
    pub(super) fn of(text: &str) -> Self {
        let tokens = tokens(text);
        let mut reader = Reader::new(text);
        reader.is_formula = tokens.iter().any(|token| token.norm == "=");
        let is_item = values::items(&tokens);
        let spelled = specifics::spelled(&tokens);
        let mut next_specific = spelled.iter().peekable();
        let mut at = 0;
        while at < tokens.len() {
            while next_specific.peek().is_some_and(|s| s.tokens.start < at) {
                next_specific.next();
            }
            if is_item[at] {
                reader.item(&tokens[at]);
                at += 1;
                continue;
            }
            let stance = polarity::stance(&tokens, at);
            let is_label = at == 0 && stance.is_some();
            let specific = next_specific.next_if(|s| s.tokens.start == at && stance.is_none());
            at = match (stance, specific) {
                (Some((turn, width)), _) => {
                    reader.turn(&tokens[at..at + width], turn);
                    at + width
                }
                (None, Some(found)) => reader.specific(&tokens, found),
                (None, None) => {
                    reader.word(&tokens, at);
                    at + 1
                }
            };
            let label_ends = tokens.get(at.wrapping_sub(1)).is_some_and(|t| t.label_end) && !is_label;
            if label_ends && reader.phrase.value_from.is_none() && at < tokens.len() {
                reader.phrase.value_from = Some(reader.phrase.atoms.len());
            }
        }
        let has_agent = reader.phrase.atoms.iter().any(|a| a.part == Part::By && a.group != Group::Figure);
        reader.phrase.is_passive = reader.has_be && has_agent;
        reader.phrase
    }

    /// Returns how much a phrase says: specifics count twice.
    pub(super) fn weight(&self) -> u32 {
        self.atoms.iter().map(Atom::weight).sum()
    }
}

impl Atom {
    pub(super) fn weight(&self) -> u32 {
        match self.group {
            Group::Figure | Group::Term | Group::Name => 2,
            Group::Word => 1,
            Group::Turn(_) | Group::Light => 0,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    phrase: Phrase,
    /// Where the last token ended.
    at: usize,
    gap: Gap,
    part: Part,
    joint: Joint,
    quantity: Quantity,
    is_single: bool,
    bond: Bond,
    force: Force,
    /// The tense of what follows an auxiliary, and how many words it reaches.
    tense: (Tense, u8),
    /// Whether signs stand between operands.
    is_formula: bool,
    has_be: bool,
    /// Where the `not` of a `but not` begins, which says no more than the `but`.
    spoken_for: Option<usize>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            phrase: Phrase::default(),
            at: 0,
            gap: Gap::Plain,
            part: Part::None,
            joint: Joint::None,
            quantity: Quantity::default(),
            is_single: false,
            bond: Bond::default(),
            force: Force::None,
            tense: (Tense::Open, 0),
            is_formula: false,
            has_be: false,
            spoken_for: None,
        }
    }

    /// Returns where a token stands, and reads what stands before it.
    fn place(&mut self, token: &Token<'_>) -> Range<usize> {
        let start = (token.raw.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        let start = if start >= self.at && self.text.get(start..start + token.raw.len()) == Some(token.raw) {
            start
        } else {
            self.text.get(self.at..).and_then(|rest| rest.find(token.raw)).map_or(self.at, |i| self.at + i)
        };
        let between = self.text.get(self.at..start).unwrap_or_default();
        if !between.is_empty() {
            // The full stop of `approx.` ends nothing.
            let head = self.text.get(..self.at + 1).unwrap_or_default();
            let last = || head.rsplit(char::is_whitespace).next().unwrap_or_default();
            let is_short = between.trim_end() == "." && lexicon::is_abbreviation(last());
            self.widen(if is_short { Gap::Plain } else { gap_of(between) });
            if between.contains('&') {
                self.joint = Joint::And;
            }
        }
        self.at = (start + token.raw.len()).min(self.text.len());
        start..self.at
    }

    fn widen(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
        if gap >= Gap::List {
            self.tense = (Tense::Open, 0);
        }
        if gap == Gap::Clause {
            self.quantity = Quantity::default();
            self.bond = Bond::default();
            self.force = Force::None;
        }
    }

    /// Returns how general a word makes what comes after it, which the phrase notes.
    fn quantity(&mut self, token: &Token<'_>, next: Option<&str>) -> Quantity {
        let head = self.text.get(..token.start).unwrap_or_default();
        // `at most` is a limit, and `most likely` a tone.
        let is_other = token.norm == "most" && (head.trim_end().ends_with("at") || next == Some("likely"));
        let quantity = if is_other { Quantity::default() } else { polarity::quantity(&token.norm, next) };
        self.phrase.quantity |= quantity;
        quantity
    }

    fn push(&mut self, key: u64, group: Group, span: Range<usize>) {
        let is_counted = !matches!(group, Group::Light | Group::Turn(_));
        let mut atom = Atom {
            key,
            group,
            span,
            gap: std::mem::replace(&mut self.gap, Gap::Plain),
            part: std::mem::replace(&mut self.part, Part::None),
            joint: Joint::None,
            quantity: Quantity::default(),
            is_single: false,
            bond: Bond::default(),
            tense: if self.tense.1 > 0 { self.tense.0 } else { Tense::Open },
            force: Force::None,
            is_operator: false,
            is_item: false,
            is_capital: false,
            is_compound: false,
            is_glyph: false,
        };
        if is_counted {
            atom.joint = std::mem::replace(&mut self.joint, Joint::None);
            atom.quantity = std::mem::take(&mut self.quantity);
            atom.is_single = std::mem::take(&mut self.is_single);
            atom.bond = std::mem::take(&mut self.bond);
            atom.force = std::mem::replace(&mut self.force, Force::None);
            self.tense.1 = self.tense.1.saturating_sub(1);
        }
        self.phrase.atoms.push(atom);
    }

    /// Reads words that say how the statement stands.
    fn turn(&mut self, words: &[Token<'_>], turn: Turn) {
        let Some((first, rest)) = words.split_first() else { return };
        let next = rest.first().map(|word| &*word.norm);
        let quantity = self.quantity(first, next);
        let mut span = self.place(first);
        self.phrase.modality |= polarity::modality(&first.norm, next);
        for word in rest {
            span.end = self.place(word).end;
        }
        self.push(turn.key(), Group::Turn(turn), span);
        self.quantity |= quantity;
    }

    /// Reads one of several values, which counts whatever word it is.
    fn item(&mut self, token: &Token<'_>) {
        let span = self.place(token);
        self.push(word_key(&token.norm), Group::Word, span);
        if let Some(atom) = self.phrase.atoms.last_mut() {
            atom.is_item = true;
        }
    }

    /// Reads a specific; returns the token to go on with.
    fn specific(&mut self, tokens: &[Token<'_>], found: &specifics::Spelled) -> usize {
        let first = &tokens[found.tokens.start];
        let value = &found.specific.value;
        if found.specific.kind == Kind::Polarity {
            self.word(tokens, found.tokens.start);
            return found.tokens.end;
        }
        if let Some(light) =
            synonyms::loose_number(&first.norm).filter(|_| found.specific.kind == Kind::Number)
        {
            let span = self.place(first);
            let quantity = self.quantity(first, tokens.get(found.tokens.end).map(|token| &*token.norm));
            if light {
                self.push(xxh3_64(first.norm.as_bytes()), Group::Light, span);
            } else {
                self.push(word_key(&first.norm), Group::Word, span);
            }
            self.quantity |= quantity;
            return found.tokens.end;
        }
        if matches!(&*first.norm, "e.g" | "i.e" | "e.g." | "i.e.") {
            let span = self.place(first);
            self.push(xxh3_64(first.norm.as_bytes()), Group::Light, span);
            return found.tokens.end;
        }
        let mut span = self.place(first);
        let mut end = found.tokens.end;
        for token in &tokens[found.tokens.start + 1..end] {
            span.end = self.place(token).end;
            self.gap = Gap::Plain;
        }
        match found.specific.kind {
            Kind::Number | Kind::Date | Kind::Version => {
                let unit = tokens.get(end).and_then(|next| lexicon::unit(&next.norm).map(|u| (next, u)));
                if let Some((token, unit)) = unit.filter(|(_, unit)| {
                    found.specific.kind == Kind::Number
                        && value.ends_with(unit)
                        && end == found.tokens.start + 1
                        && !first.norm.ends_with(unit)
                }) {
                    let _ = unit;
                    span.end = self.place(token).end;
                    end += 1;
                }
                let is_padded = value == "0" && first.norm.len() > 1 && first.norm.bytes().all(|b| b == b'0');
                let key = if is_padded { figure_key(&first.norm) } else { figure_key(one_weekday(value)) };
                self.push(key, Group::Figure, span);
            }
            kind => {
                let is_mixed = first.norm.chars().any(is_glyph);
                if is_mixed {
                    self.glyphs(first, span);
                } else if let Some((thing, unit)) = rate(&first.norm).filter(|_| !first.code) {
                    let middle = span.start + thing.len();
                    self.push(word_key(thing), Group::Word, span.start..middle);
                    self.push(word_key(unit), Group::Word, middle + 1..span.end);
                } else if let Some(figure) = hyphened(&first.norm) {
                    self.push(figure_key(&figure), Group::Figure, span);
                } else {
                    let group = if kind == Kind::Name { Group::Name } else { Group::Term };
                    self.push(term_key(value), group, span);
                }
            }
        }
        end
    }

    fn word(&mut self, tokens: &[Token<'_>], at: usize) {
        let (token, next) = (&tokens[at], tokens.get(at + 1).map(|next| &*next.norm));
        let quantity = self.quantity(token, next);
        let count = self.phrase.atoms.len();
        self.plain_word(
            token,
            next,
            tokens.get(at + 1).is_none_or(|next| next.before.contains(['.', ',', ';'])),
        );
        self.quantity |= quantity;
        let shown = self.phrase.atoms.get_mut(count).filter(|atom| atom.tense == Tense::Open);
        if let Some(atom) = shown {
            atom.tense = polarity::tense_of_verb(tokens, at);
        }
        self.mark(tokens, at);
        let gap = self.phrase.atoms.get(count).map_or(self.gap, |atom| atom.gap);
        let behind = count.checked_sub(1).filter(|_| gap == Gap::Plain);
        if let Some(atom) =
            behind.map(|last| &mut self.phrase.atoms[last]).filter(|a| a.group == Group::Figure)
        {
            atom.bond |= Bond::behind(tokens, at);
        }
    }

    /// Notes what a word does to what follows it.
    fn mark(&mut self, tokens: &[Token<'_>], at: usize) {
        let (norm, next) = (&*tokens[at].norm, tokens.get(at + 1).map(|next| &*next.norm));
        if let Some(tense) = polarity::auxiliary(norm, next.unwrap_or_default()) {
            self.tense = (tense, 2);
        }
        self.phrase.is_reported |= polarity::reports(norm);
        self.bond |= Bond::of(tokens, at);
        match norm {
            "a" | "an" => self.is_single = true,
            "the" | "every" | "each" | "all" | "any" | "no" | "my" | "our" | "your" => self.is_single = false,
            "must" | "shall" | "should" | "ought" => self.force = Force::Rule,
            "can" | "could" => self.force = Force::Can,
            "has" | "have" | "need" | "needs" if next == Some("to") => self.force = Force::Rule,
            _ if next == Some("to") && polarity::wishes(norm) => self.force = Force::Wish,
            "he" | "him" | "his" | "himself" => self.phrase.genders.push(false),
            "she" | "her" | "hers" | "herself" => self.phrase.genders.push(true),
            _ => {}
        }
    }

    fn plain_word(&mut self, token: &Token<'_>, next_norm: Option<&str>, ends_clause: bool) {
        let span = self.place(token);
        let norm = &*token.norm;
        if norm.chars().any(is_glyph) {
            return self.glyphs(token, span);
        }
        if values::is_operator(norm, self.is_formula) {
            self.push(xxh3_64(norm.as_bytes()), Group::Term, span);
            if let Some(atom) = self.phrase.atoms.last_mut() {
                atom.is_operator = true;
            }
            return;
        }
        if norm == "~" {
            return;
        }
        self.phrase.modality |= polarity::modality(norm, next_norm);
        let (head, rest) = (&self.text[..span.start], &self.text[span.end..]);
        if polarity::is_exception(norm, head, rest) {
            let spoken =
                rest.trim_start().starts_with("not ").then(|| self.text.len() - rest.trim_start().len());
            self.spoken_for = spoken.filter(|_| norm == "but");
            return self.push(Turn::Except.key(), Group::Turn(Turn::Except), span);
        }
        if self.spoken_for.take() == Some(span.start) {
            return;
        }
        if let Some(turn) = polarity::turn(norm, next_norm) {
            return self.push(turn.key(), Group::Turn(turn), span);
        }
        match norm {
            "and" | "&" | "+" | "und" | "et" | "y" | "e" => {
                self.joint = Joint::And;
                return self.widen(Gap::List);
            }
            "or" | "oder" | "ou" | "o" => {
                self.joint = Joint::Or;
                return self.widen(Gap::List);
            }
            "then" => return self.widen(Gap::Ordered),
            "but" | "while" | "whereas" | "because" | "so" => return self.widen(Gap::Clause),
            "is" | "are" | "was" | "were" | "be" | "been" | "being" | "gets" | "get" | "got" => {
                self.has_be = true
            }
            _ => {}
        }
        // `Schalte die Heizung ein`: at the end of a clause, what is an article elsewhere belongs to the verb.
        let is_particle = ends_clause && matches!(norm, "ein" | "zu" | "an") && !self.phrase.atoms.is_empty();
        let is_grammar = lexicon::is_function_word(norm) && !polarity::is_directed(norm)
            || synonyms::is_grammar(norm)
            || is_contraction(norm);
        if is_grammar && !is_particle {
            self.part = match norm {
                "from" => Part::From,
                "to" | "into" => Part::To,
                "by" => Part::By,
                "for" | "für" | "pour" | "para" => Part::For,
                "von" | "de" | "du" | "des" | "del" | "della" | "da" | "di" => Part::Of,
                "au" | "aux" | "à" => Part::To,
                "in" | "on" | "at" | "with" | "of" | "as" | "about" | "via" | "near" => Part::Other,
                "than" => Part::Than,
                "the" | "a" | "an" | "my" | "our" | "your" | "his" | "her" | "their" | "its" => self.part,
                _ => Part::None,
            };
            return;
        }
        // `5 uploads per user` are not 5 uploads.
        let is_light = synonyms::is_light(norm) && !self.text[..span.start].trim_end().ends_with(" per");
        let group = if is_light { Group::Light } else { Group::Word };
        let is_capital = token.raw.starts_with(char::is_uppercase) && token.raw.len() > 1;
        let key = if norm.starts_with(['<', '>', '=', '!', '≤', '≥']) {
            xxh3_64(norm.as_bytes())
        } else {
            word_key(norm)
        };
        self.push(key, group, span);
        if let Some(atom) = self.phrase.atoms.last_mut() {
            atom.is_capital = is_capital && !is_light;
            atom.is_compound = !is_light && norm.trim_start_matches('-').contains('-');
        }
    }

    /// Reads a token of a script without spaces, character by character, with what else is in it.
    fn glyphs(&mut self, token: &Token<'_>, span: Range<usize>) {
        let raw = &self.text[span.clone()];
        let _ = token;
        let mut at = 0;
        while at < raw.len() {
            let rest = &raw[at..];
            let Some(c) = rest.chars().next() else { break };
            if is_glyph(c) {
                let width = c.len_utf8();
                let here = span.start + at..span.start + at + width;
                match polarity::glyph_turn(rest) {
                    Some(turn) => self.push(turn.key(), Group::Turn(turn), here),
                    None if synonyms::is_light_glyph(c) => {
                        self.push(u64::from(u32::from(c)), Group::Light, here)
                    }
                    None => self.push(u64::from(u32::from(c)), Group::Word, here),
                }
                if let Some(atom) = self.phrase.atoms.last_mut() {
                    atom.is_glyph = atom.group == Group::Word;
                }
                at += width;
            } else if c.is_alphanumeric() {
                let width = rest
                    .find(|c: char| is_glyph(c) || !c.is_alphanumeric() && c != '.')
                    .unwrap_or(rest.len());
                let word = rest[..width].to_lowercase();
                let here = span.start + at..span.start + at + width;
                if word.starts_with(|c: char| c.is_ascii_digit()) {
                    self.push(figure_key(&word), Group::Figure, here);
                } else {
                    self.push(term_key(&word), Group::Term, here);
                }
                at += width;
            } else {
                self.widen(gap_of(&rest[..c.len_utf8()]));
                at += c.len_utf8();
            }
        }
    }
}

/// Returns the key of a figure, already in its normal form.
fn figure_key(value: &str) -> u64 {
    xxh3_64(value.as_bytes()) ^ 0x9E37_79B9_7F4A_7C15
}

/// Reads `fridays` as `friday`.
fn one_weekday(value: &str) -> &str {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    value.strip_suffix('s').filter(|day| DAYS.contains(day)).unwrap_or(value)
}

/// Returns the key of a term: hyphens, case and word endings do not part `config-maps` from `ConfigMap`.
fn term_key(value: &str) -> u64 {
    let bare = value.trim_start_matches(['#', '@', '"', '\'', '\\', '$']);
    let bare = bare.strip_prefix("./").unwrap_or(bare).trim_end_matches(['"', '\'', '\\', '/']);
    let bare = if bare.is_empty() { value } else { bare };
    if bare.starts_with('-') {
        return xxh3_64(bare.trim_start_matches('-').as_bytes());
    }
    let is_name = !bare.contains(['/', ':', '*', '@']) && !bare.contains(|c: char| c.is_ascii_digit());
    match bare.contains('.') {
        true if is_name => word_key(&bare.replace('.', "")),
        false if is_name || !bare.contains(['/', ':', '*', '@']) => word_key(bare),
        _ => xxh3_64(bare.as_bytes()),
    }
}

/// Returns the key of a word: that of its stem, or of what stands for it and its synonyms.
pub(super) fn word_key(norm: &str) -> u64 {
    let mut plain: String;
    let norm = if norm.contains(['-', '_', '\'']) {
        let bare = norm.strip_suffix("'s").unwrap_or(norm);
        plain = bare.chars().filter(|c| !matches!(c, '-' | '_' | '\'')).collect();
        if plain.is_empty() {
            plain.push_str(norm);
        }
        plain.as_str()
    } else {
        norm
    };
    let stem = if synonyms::is_own(norm) { norm } else { lexicon::stem(norm) };
    if let Some(head) = synonyms::canonical(norm, stem) {
        return xxh3_64(head.as_bytes());
    }
    // A story is no store, nor a party a part: what ends in `y` is another word than what has the same stem.
    xxh3_64(stem.as_bytes()) ^ u64::from(synonyms::ends_in_y(norm))
}

/// Says whether a word is a pronoun with its verb: `that'll`, `they're`.
fn is_contraction(norm: &str) -> bool {
    ["'ll", "'re", "'ve", "'d"].iter().any(|end| norm.ends_with(end))
}

/// Reads `requests/minute` as two words.
fn rate(norm: &str) -> Option<(&str, &str)> {
    let (thing, unit) = norm.split_once('/')?;
    let is_thing = !thing.is_empty() && norm.is_ascii() && thing.bytes().all(|b| b.is_ascii_lowercase());
    (is_thing && lexicon::unit(unit).is_some()).then_some((thing, unit))
}

/// Reads `60-second` as `60s`.
fn hyphened(norm: &str) -> Option<String> {
    let (figure, unit) = norm.split_once('-')?;
    let is_figure = !figure.is_empty() && figure.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    lexicon::unit(unit).filter(|_| is_figure).map(|unit| figure.to_owned() + unit)
}

/// Says whether a character belongs to a script that puts no space between words.
pub(super) fn is_glyph(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0E7F}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

fn gap_of(between: &str) -> Gap {
    let mut gap = Gap::Plain;
    for (i, c) in between.char_indices() {
        let here = match c {
            ',' | '/' | '、' | '，' | '،' | '&' | '+' => Gap::List,
            '(' | ')' => Gap::Note,
            '→' | '|' => Gap::Ordered,
            '>' if between[..i].ends_with(['-', '=']) => Gap::Ordered,
            '.' | ';' | '!' | '?' | '。' | '！' | '？' | '；' | '\u{2013}' | '\u{2014}' => Gap::Clause,
            _ => Gap::Plain,
        };
        gap = gap.max(here);
    }
    gap
}
