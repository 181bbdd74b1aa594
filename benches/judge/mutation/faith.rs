//! Faith: edits that say the same in another shape, place or wording.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::dice::Dice;
use super::edit::word_at;
use super::pieces::{Files, Form, Piece, content_words, pieces, prose};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Manner {
    /// List items or sections stand in another order.
    Reorder,
    /// Paragraphs are broken at another column.
    Reflow,
    /// Other bullets, emphasis, heading levels, quotes, line ends.
    Dress,
    /// A word without information gives way to another of the same sense.
    Synonym,
    /// `do not` and `don't`, `it is` and `it's`.
    Contraction,
    /// Two list items become one.
    Merge,
    /// One list item becomes two.
    Split,
    /// A memory is renamed, or a section goes to another memory.
    Move,
    /// Two memories become one.
    Join,
    /// What stood twice stands once.
    Dedupe,
}

impl Manner {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Self; 10] = [
        Self::Reorder,
        Self::Reflow,
        Self::Dress,
        Self::Synonym,
        Self::Contraction,
        Self::Merge,
        Self::Split,
        Self::Move,
        Self::Join,
        Self::Dedupe,
    ];

    /// Returns the words of the table.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Reorder => "reorder",
            Self::Reflow => "reflow",
            Self::Dress => "re-dress Markdown",
            Self::Synonym => "synonym of a function word",
            Self::Contraction => "contraction",
            Self::Merge => "two items merged",
            Self::Split => "one item split",
            Self::Move => "moved to another memory",
            Self::Join => "two memories joined",
            Self::Dedupe => "exact duplicate removed",
        }
    }

    /// Says whether it needs more in the first store than is there.
    pub(crate) fn adds(self) -> bool {
        self == Self::Dedupe
    }
}

/// Edits `after` in one manner; returns how, or `None` if a fair number of throws found no place.
/// [`Manner::Dedupe`] adds to `before` what `after` goes without.
pub(crate) fn edit(
    manner: Manner,
    before: &mut Files,
    after: &mut Files,
    dice: &mut Dice,
) -> Option<&'static str> {
    /// Throws before a store is given up.
    const THROWS: usize = 60;
    let all = pieces(after);
    let paths: Vec<String> = after.keys().cloned().collect();
    (0..THROWS).find_map(|_| {
        let path = dice.pick(&paths)?.clone();
        let piece = dice.pick(&all)?;
        match manner {
            Manner::Reorder if dice.one_in(2) => sections(after, &path, dice),
            Manner::Reorder => items(after, &all, piece),
            Manner::Reflow => reflow(after, piece, dice),
            Manner::Dress => dress(after, &path, piece, dice),
            Manner::Synonym => synonym(after, piece, dice),
            Manner::Contraction => contraction(after, piece, dice),
            Manner::Merge => merge(after, &all, piece, dice),
            Manner::Split => split(after, piece, dice),
            Manner::Move => relocate(after, &path, piece, dice),
            Manner::Join => join(after, &paths, &path, dice),
            Manner::Dedupe => dedupe(before, after, piece, dice),
        }
    })
}

fn replace(files: &mut Files, path: &str, at: Range<usize>, with: &str) {
    if let Some(text) = files.get_mut(path) {
        text.replace_range(at, with);
    }
}

/// Splits a text before each `## ` heading outside fences.
fn parts(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut in_fence = false;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        }
        if !in_fence && line.starts_with("## ") {
            out.push(String::new());
        }
        if let Some(last) = out.last_mut() {
            last.push_str(line);
        }
    }
    out
}

/// Says whether no fence is left open that would swallow what comes to stand below.
fn is_closed(text: &str) -> bool {
    let fences = text.lines().filter(|line| line.trim_start().starts_with("```")).count();
    fences % 2 == 0 && !text.contains("~~~") && !text.contains("<!--")
}

/// Says whether the parts stand below one title, so that their order says nothing.
fn is_flat(parts: &[String]) -> bool {
    parts.iter().skip(1).all(|part| is_closed(part) && !part.lines().any(|line| line.starts_with("# ")))
        && parts.first().is_some_and(|head| is_closed(head))
}

fn closed(mut part: String) -> String {
    part.truncate(part.trim_end().len());
    part.push_str("\n\n");
    part
}

fn sections(files: &mut Files, path: &str, dice: &mut Dice) -> Option<&'static str> {
    let text = files.get(path)?;
    let mut parts: Vec<String> = parts(text).into_iter().map(closed).collect();
    if parts.len() < 3 || !is_flat(&parts) {
        return None;
    }
    let was = parts.clone();
    dice.shuffle(&mut parts[1..]);
    if parts == was {
        return None;
    }
    files.insert(path.to_owned(), format!("{}\n", parts.concat().trim()));
    Some("sections")
}

/// Two list items of one list, with nothing below them.
fn neighbours<'a>(files: &Files, all: &'a [Piece], piece: &Piece) -> Option<(&'a Piece, &'a Piece)> {
    let at = all.iter().position(|other| other.path == piece.path && other.span == piece.span)?;
    let (a, b) = (all.get(at)?, all.get(at + 1)?);
    let is_item = |piece: &Piece| {
        piece.form == Form::Item && !piece.leads && !piece.numbered && !piece.text(files).ends_with(':')
    };
    let is_one_list = a.path == b.path && a.indent == b.indent && a.cut.end == b.cut.start;
    (is_item(a) && is_item(b) && is_one_list).then_some((a, b))
}

fn items(files: &mut Files, all: &[Piece], piece: &Piece) -> Option<&'static str> {
    let (a, b) = neighbours(files, all, piece)?;
    let text = files.get(&a.path)?;
    // An item that points at the one before it does not stand on its own.
    let points = |text: &str| {
        ["above", "below", "previous", "following", "same", "then", "also"]
            .iter()
            .any(|w| word_at(&text.to_lowercase(), w).is_some())
    };
    if points(a.text(files)) || points(b.text(files)) || !text[b.cut.clone()].ends_with('\n') {
        return None;
    }
    let swapped = format!("{}{}", &text[b.cut.clone()], &text[a.cut.clone()]);
    replace(files, &a.path.clone(), a.cut.start..b.cut.end, &swapped);
    Some("items")
}

fn reflow(files: &mut Files, piece: &Piece, dice: &mut Dice) -> Option<&'static str> {
    if piece.form != Form::Sentence && piece.form != Form::Item {
        return None;
    }
    let text = files.get(&piece.path)?;
    // The whole paragraph or item: from the line it begins on to the next blank line or marker.
    let own = &text[piece.span.clone()];
    let start = text[..piece.span.start].rfind('\n').map_or(0, |at| at + 1);
    let hang = if piece.form == Form::Item { piece.span.start - start } else { 0 };
    if piece.form == Form::Sentence
        && (start != piece.span.start || own.lines().any(|line| line.len() < 40) && own.contains('\n'))
    {
        return None;
    }
    if own.len() < 50 || own.contains("  \n") || own.contains("\\\n") {
        return None;
    }
    let width = 40 + dice.roll(60);
    let mut out = String::new();
    let mut column = hang;
    for (at, word) in own.split_whitespace().enumerate() {
        if at > 0 && column + 1 + word.len() > width {
            out.push('\n');
            out.push_str(&" ".repeat(hang));
            column = hang;
            // A word that would begin a list, a heading or a quote there.
            if word
                .starts_with(['-', '*', '+', '#', '>', '|', '=', '!', '?', '~', '`', '<', '{', ':', '_', '['])
                || word.trim_end_matches(['.', ')']).chars().all(|c| c.is_ascii_digit())
                || word.ends_with(':')
            {
                return None;
            }
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.chars().count();
    }
    if out == own {
        return None;
    }
    let is_longer = out.matches('\n').count() > own.matches('\n').count();
    // What follows on the line goes on after the last word.
    replace(files, &piece.path.clone(), piece.span.clone(), &out);
    Some(if is_longer { "narrower" } else { "wider" })
}

fn dress(files: &mut Files, path: &str, piece: &Piece, dice: &mut Dice) -> Option<&'static str> {
    static BULLET: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^([ ]*)- ").unwrap());
    static HEADING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^(#{1,4}) ").unwrap());
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""([^"\n]{1,60})""#).unwrap());
    let has_fence = files.get(path)?.contains("```") || files.get(path)?.starts_with("---");
    let own = piece.text(files).to_owned();
    match dice.roll(9) {
        0 if !has_fence => {
            let text = files.get(path)?;
            let other = if dice.one_in(2) { "$1* " } else { "$1+ " };
            let changed = BULLET.replace_all(text, other).into_owned();
            (changed != *text).then(|| files.insert(path.to_owned(), changed)).map(|_| "bullets")
        }
        1 if !has_fence => {
            let text = files.get(path)?;
            let changed = HEADING.replace_all(text, "$1# ").into_owned();
            (changed != *text).then(|| files.insert(path.to_owned(), changed)).map(|_| "heading levels")
        }
        2 => {
            let text = files.get(path)?;
            let changed = text.replace('\n', "\r\n");
            (!text.contains('\r')).then(|| files.insert(path.to_owned(), changed)).map(|_| "line ends")
        }
        3 => {
            if piece.form != Form::Item
                || own.ends_with(['.', '!', '?', ':', '`', ')', '…'])
                || own.contains(". ")
            {
                return None;
            }
            replace(files, &piece.path, piece.span.end..piece.span.end, ".");
            Some("full stop")
        }
        4 => {
            let stem = own
                .strip_suffix('.')
                .filter(|_| piece.form == Form::Item && !own[..own.len() - 1].contains(". "))?;
            let end = piece.span.start + stem.len();
            replace(files, &piece.path, end..piece.span.end, "");
            Some("no full stop")
        }
        5 if own.contains("**") => {
            let plain = own.replace("**", "");
            replace(files, &piece.path, piece.span.clone(), &plain);
            Some("no bold")
        }
        5 | 6 => {
            // Some whole words in bold.
            let free = prose(&own);
            let words: Vec<Range<usize>> = free
                .iter()
                .flat_map(|range| {
                    static WORD: LazyLock<Regex> =
                        LazyLock::new(|| Regex::new(r" ([\p{L}]{3,})[ ,.]").unwrap());
                    WORD.captures_iter(&own[range.clone()])
                        .filter_map(|c| c.get(1))
                        .map(|m| range.start + m.start()..range.start + m.end())
                        .collect::<Vec<_>>()
                })
                .collect();
            let word = dice.pick(&words)?.clone();
            // A command that nobody put into a code span.
            if own.contains("**") || own.contains("__") || own.contains(" --") {
                return None;
            }
            let mark = *dice.pick(&["**", "*", "_", "__"])?;
            let changed =
                format!("{}{mark}{}{mark}{}", &own[..word.start], &own[word.clone()], &own[word.end..]);
            replace(files, &piece.path, piece.span.clone(), &changed);
            Some("emphasis")
        }
        7 => {
            let free = prose(&own);
            let found = QUOTED
                .find(&own)
                .filter(|m| free.iter().any(|r| r.start <= m.start() && m.end() <= r.end))?;
            let changed = format!(
                "{}“{}”{}",
                &own[..found.start()],
                &own[found.start() + 1..found.end() - 1],
                &own[found.end()..]
            );
            replace(files, &piece.path, piece.span.clone(), &changed);
            Some("quotes")
        }
        _ => {
            if piece.form != Form::Item || piece.numbered || piece.indent > 0 {
                return None;
            }
            // A list becomes a paragraph of sentences.
            let sentence =
                own.starts_with(|c: char| c.is_uppercase()) && own.ends_with('.') && !own.contains('\n');
            let text = files.get(&piece.path)?;
            let above = text[..piece.cut.start].trim_end_matches('\n').lines().last().unwrap_or("");
            let below = text[piece.cut.end..].lines().next().unwrap_or("");
            (sentence && !piece.leads && above.starts_with('#') && below.is_empty()).then(|| {
                let cut = piece.cut.clone();
                replace(files, &piece.path, cut, &format!("{own}\n"));
                "item to paragraph"
            })
        }
    }
}

/// Words without information, and others of the same sense.
const SYNONYMS: &[(&str, &str)] = &[
    ("in order to", "to"),
    ("because", "since"),
    ("e.g.", "for example"),
    ("for example", "for instance"),
    ("such as", "like"),
    ("via", "through"),
    ("however", "though"),
    ("therefore", "so"),
    ("also", "additionally"),
    ("need to", "have to"),
    ("needs to", "has to"),
    ("within", "inside"),
    ("upon", "on"),
    ("prior to", "before"),
    ("although", "though"),
    ("until", "till"),
    ("should", "ought to"),
    ("each", "every"),
    ("every", "each"),
    ("due to", "because of"),
    ("i.e.", "that is"),
    ("that is,", "i.e.,"),
    ("when", "whenever"),
    ("which", "that"),
    ("per", "for each"),
    ("but", "yet"),
    ("the", ""),
    ("this", "the"),
    ("so that", "in order that"),
    ("onto", "on to"),
    ("instead of", "rather than"),
    ("as well as", "and"),
    ("etc.", "and so on"),
    ("if", "in case"),
];

fn synonym(files: &mut Files, piece: &Piece, dice: &mut Dice) -> Option<&'static str> {
    let (from, to) = *dice.pick(SYNONYMS)?;
    let own = piece.text(files).to_owned();
    let free = prose(&own);
    let at = word_at(&own, from)
        .filter(|at| free.iter().any(|range| range.start <= at.start && at.end <= range.end))?;
    let mut end = at.end;
    if to.is_empty() && own[end..].starts_with(' ') {
        end += 1;
    }
    if content_words(&own).len() < 2 || at.start == 0 {
        return None;
    }
    let changed = format!("{}{to}{}", &own[..at.start], &own[end..]);
    replace(files, &piece.path, piece.span.clone(), &changed);
    Some(from)
}

/// Long and short spellings.
const CONTRACTIONS: &[(&str, &str)] = &[
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("is not", "isn't"),
    ("are not", "aren't"),
    ("was not", "wasn't"),
    ("cannot", "can't"),
    ("should not", "shouldn't"),
    ("will not", "won't"),
    ("would not", "wouldn't"),
    ("must not", "mustn't"),
    ("has not", "hasn't"),
    ("it is", "it's"),
    ("that is", "that's"),
    ("there is", "there's"),
    ("you are", "you're"),
    ("we are", "we're"),
    ("they are", "they're"),
    ("you will", "you'll"),
    ("I am", "I'm"),
    ("you have", "you've"),
];

fn contraction(files: &mut Files, piece: &Piece, dice: &mut Dice) -> Option<&'static str> {
    let (long, short) = *dice.pick(CONTRACTIONS)?;
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
    };
    let (mut from, mut to) = if dice.one_in(2) {
        (long.to_owned(), short.to_owned())
    } else {
        (short.to_owned(), long.to_owned())
    };
    if dice.one_in(3) {
        (from, to) = (capital(&from), capital(&to));
    }
    let own = piece.text(files).to_owned();
    let free = prose(&own);
    let at = word_at(&own, &from)
        .filter(|at| free.iter().any(|range| range.start <= at.start && at.end <= range.end))?;
    // At the end of a clause nobody shortens.
    own[at.end..].starts_with(' ').then_some(())?;
    let changed = format!("{}{to}{}", &own[..at.start], &own[at.end..]);
    replace(files, &piece.path, piece.span.clone(), &changed);
    Some(if to.contains('\'') { "shortened" } else { "spelt out" })
}

fn merge(files: &mut Files, all: &[Piece], piece: &Piece, dice: &mut Dice) -> Option<&'static str> {
    let (a, b) = neighbours(files, all, piece)?;
    let (first, second) = (a.text(files).to_owned(), b.text(files).to_owned());
    if first.contains('\n')
        || second.contains('\n')
        || first.len() + second.len() > 400
        || first.contains("](")
    {
        return None;
    }
    let stem = first.trim_end_matches(['.', ';', ',']);
    let ends = first.ends_with(['!', '?']);
    let (how, joined) = match dice.roll(3) {
        0 => ("with a semicolon", format!("{stem}; {second}")),
        1 if !ends && !second.starts_with(|c: char| c.is_uppercase()) => {
            ("with an and", format!("{stem}, and {second}"))
        }
        _ => (
            "as two sentences",
            format!("{}{} {second}", first.trim_end_matches([';', ',', '.']), if ends { "" } else { "." }),
        ),
    };
    replace(files, &a.path.clone(), a.span.start..b.span.end, &joined);
    Some(how)
}

fn split(files: &mut Files, piece: &Piece, dice: &mut Dice) -> Option<&'static str> {
    static BREAK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"; |\. ").unwrap());
    let own = piece.text(files).to_owned();
    if piece.form != Form::Item || piece.leads || piece.numbered || own.contains('\n') {
        return None;
    }
    let free = prose(&own);
    let breaks: Vec<_> = BREAK
        .find_iter(&own)
        .filter(|at| free.iter().any(|range| range.start <= at.start() && at.end() <= range.end))
        .filter(|at| {
            let kept = &own[..at.start()];
            let is_whole = kept.matches('(').count() == kept.matches(')').count()
                && kept.matches("**").count().is_multiple_of(2)
                && kept.matches('"').count().is_multiple_of(2);
            let rest = &own[at.end()..];
            let is_sentence = at.as_str() == "; "
                || rest.starts_with(|c: char| c.is_uppercase())
                    && !kept.ends_with("e.g")
                    && !kept.ends_with("i.e")
                    && kept.split(' ').next_back().is_none_or(|word| word.chars().count() >= 3);
            is_whole && is_sentence && content_words(kept).len() >= 2 && content_words(rest).len() >= 2
        })
        .collect();
    let at = dice.pick(&breaks)?;
    let text = files.get(&piece.path)?;
    let marker = text[piece.cut.start..piece.span.start].to_owned();
    let stop = if at.as_str() == ". " { "." } else { "" };
    let changed = format!("{}{stop}\n{marker}{}", &own[..at.start()], &own[at.end()..]);
    replace(files, &piece.path, piece.span.clone(), &changed);
    Some("in two")
}

fn relocate(files: &mut Files, path: &str, piece: &Piece, dice: &mut Dice) -> Option<&'static str> {
    match dice.roll(3) {
        0 => {
            let to = format!("/archive{path}");
            let text = files.remove(path)?;
            files.insert(to, text);
            Some("a memory renamed")
        }
        1 => {
            let mut sections = parts(files.get(path)?);
            let at = 1 + dice.roll(sections.len().saturating_sub(1));
            if sections.len() < 3 || at >= sections.len() || !is_flat(&sections) {
                return None;
            }
            // With its title: that says what the section is about.
            let title = sections[0]
                .lines()
                .find(|line| line.starts_with("# "))
                .map_or_else(String::new, |line| format!("{line}\n\n"));
            let gone = closed(sections.remove(at));
            let rest: String = sections.concat();
            files.insert(path.to_owned(), rest);
            let to = format!("/topics/{}", path.trim_start_matches('/').replace('/', "-"));
            let there = files.remove(&to).map_or(title, closed);
            files.insert(to, format!("{there}{}\n", gone.trim_end()));
            Some("a section moved")
        }
        _ => {
            let is_plain = piece.form == Form::Item && !piece.leads && piece.indent == 0 && !piece.numbered;
            if !is_plain || piece.path.starts_with("/moved") {
                return None;
            }
            let line = format!("- {}\n", piece.text(files));
            let title =
                files.get(&piece.path)?.lines().find(|line| line.starts_with("# ")).unwrap_or("").to_owned();
            let heading =
                if piece.heading == title { String::new() } else { format!("{}\n\n", piece.heading) };
            replace(files, &piece.path.clone(), piece.cut.clone(), "");
            let to = format!("/moved/{}", dice.roll(1_000));
            let there = files.remove(&to).map_or_else(String::new, closed);
            files.insert(to, format!("{there}{title}\n\n{heading}{line}"));
            Some("an item moved")
        }
    }
}

fn join(files: &mut Files, paths: &[String], path: &str, dice: &mut Dice) -> Option<&'static str> {
    let other = dice.pick(paths)?;
    let is_open = ![path, other].iter().all(|path| files.get(*path).is_some_and(|text| is_closed(text)));
    // What has no title of its own would come to stand below another's heading.
    if is_open
        || !files.get(other)?.starts_with("# ")
        || other == path
        || files.get(other)?.starts_with("---")
        || files.get(path)?.len() + files.get(other)?.len() > 60_000
    {
        return None;
    }
    let moved = files.remove(other)?;
    let there = files.remove(path)?;
    files.insert(path.to_owned(), format!("{}{moved}", closed(there)));
    Some("one below the other")
}

fn dedupe(before: &mut Files, after: &Files, piece: &Piece, dice: &mut Dice) -> Option<&'static str> {
    let own = piece.text(after);
    if piece.form != Form::Item || piece.leads || piece.indent > 0 || content_words(own).len() < 3 {
        return None;
    }
    // The copy stands under the same headings, in a memory that goes.
    let title = after.get(&piece.path)?.lines().find(|line| line.starts_with("# ")).unwrap_or("");
    let heading = if piece.heading == title { String::new() } else { format!("{}\n\n", piece.heading) };
    let copy = format!("{title}\n\n{heading}- {own}\n");
    before.insert(format!("/copies/{}", dice.roll(1_000)), copy);
    Some("a copy in another memory")
}
