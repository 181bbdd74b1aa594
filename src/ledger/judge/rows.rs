//! Rows: a row of a table is what its cells say under the heads of their columns.
//!
//! The normal form of a row leaves out bars, empty cells and heads. Two rows with the same words differ
//! where a cell stands under another head, or where a head came to say another thing.

use std::collections::{HashMap, HashSet};

use crate::text::normal::normal;
use crate::text::statement::{Kind, Statement};

use super::label::{Label, are_related};
use super::likeness::Side;
use super::phrase::{Phrase, word_key};

/// In what two rows differ that their words do not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parted {
    pub(super) was: String,
    pub(super) is: Option<String>,
    /// Whether heads differ, and not cells.
    pub(super) is_head: bool,
}

/// A cell under its head.
type Cell<'a> = (Option<&'a str>, &'a str);

/// Returns what the first has that the second has not, beyond their words.
pub(super) fn difference(old: &Statement<'_>, new: &Statement<'_>) -> Option<Parted> {
    if old.kind != Kind::Row || old.text == new.text && old.heads == new.heads && are_one_shape(old, new) {
        return None;
    }
    let mine: Vec<Cell<'_>> = old.cells().collect();
    if new.kind != Kind::Row {
        return headless(&mine, new);
    }
    let theirs: Vec<Cell<'_>> = new.cells().collect();
    let to = columns(old, new)?;
    (0..mine.len()).find_map(|at| match to.get(at).copied().flatten() {
        Some(column) => moved(&mine, &theirs, &to, at, column),
        None => beheaded(&mine, &theirs, &to, at),
    })
}

/// Returns the second row with its cells in the order of the first's columns, where that is another.
fn in_order_of(old: &Statement<'_>, new: &Statement<'_>) -> Option<String> {
    if old.kind != Kind::Row || new.kind != Kind::Row || old.heads.is_empty() || old.heads == new.heads {
        return None;
    }
    let to: Vec<usize> = columns(old, new)?.into_iter().flatten().collect();
    if to.is_sorted() {
        return None;
    }
    let theirs: Vec<&str> = new.cells().map(|(_, cell)| cell).collect();
    let rest = (0..theirs.len()).filter(|column| !to.contains(column));
    let ordered: Vec<&str> =
        to.iter().copied().chain(rest).filter_map(|column| theirs.get(column).copied()).collect();
    Some(ordered.join(" | "))
}

fn are_one_shape(old: &Statement<'_>, new: &Statement<'_>) -> bool {
    new.kind == Kind::Row && old.blank_cells == new.blank_cells
}

/// For each column of the first row, the column of the second that is the same: by its head, or without
/// heads by its place. `None` if there is no telling.
fn columns(old: &Statement<'_>, new: &Statement<'_>) -> Option<Vec<Option<usize>>> {
    let (mine, theirs) = (old.cells().count(), new.cells().count());
    let by_place = || (0..mine).map(|at| (at < theirs).then_some(at)).collect();
    match (old.heads.is_empty(), new.heads.is_empty()) {
        (true, _) => (mine == theirs).then(by_place),
        (false, true) => Some(vec![None; mine.max(old.heads.len())]),
        _ if old.heads == new.heads => Some(by_place()),
        _ => Some(by_heads(&old.heads, &new.heads)),
    }
}

fn by_heads(old: &[&str], new: &[&str]) -> Vec<Option<usize>> {
    let mut pairing = Pairing { to: vec![None; old.len()], is_taken: vec![false; new.len()] };
    pairing.pair(|at, other| old[at].trim() == new[other].trim());
    // Most heads are as they were, and tables may have hundreds of them.
    let left = |at: &usize| pairing.to[*at].is_none();
    let mine: HashMap<usize, Head> = (0..old.len()).filter(left).map(|at| (at, Head::of(old[at]))).collect();
    let free = |other: &usize| !pairing.is_taken[*other];
    let theirs: HashMap<usize, Head> =
        (0..new.len()).filter(free).map(|other| (other, Head::of(new[other]))).collect();
    let both = |at: usize, other: usize| mine.get(&at).zip(theirs.get(&other));
    let is_same = |at: usize, a: &Head, b: &Head| is_same_column(at, &a.label, &b.label);
    pairing.pair(|at, other| {
        both(at, other).is_some_and(|(a, b)| a.normal == b.normal && !a.label.is_other_column(&b.label))
    });
    // What is called by another name stands where it stood.
    pairing.pair(|at, other| at == other && both(at, other).is_some_and(|(a, b)| is_same(at, a, b)));
    pairing.pair(|at, other| {
        both(at, other).is_some_and(|(a, b)| is_same(at, a, b) && a.label.shares_with(&b.label))
    });
    pairing.to
}

/// A head of a column, read.
struct Head {
    normal: String,
    label: Label,
}

impl Head {
    fn of(text: &str) -> Self {
        Self { normal: normal(text), label: Label::of(text) }
    }
}

/// Which columns of one table are which of another, as far as that is known.
struct Pairing {
    to: Vec<Option<usize>>,
    is_taken: Vec<bool>,
}

impl Pairing {
    /// Pairs the columns left that fit, in order.
    fn pair(&mut self, fits: impl Fn(usize, usize) -> bool) {
        let is_taken = &mut self.is_taken;
        for (at, column) in self.to.iter_mut().enumerate().filter(|(_, column)| column.is_none()) {
            if let Some(found) = (0..is_taken.len()).find(|&other| !is_taken[other] && fits(at, other)) {
                is_taken[found] = true;
                *column = Some(found);
            }
        }
    }
}

/// Says whether two heads are those of one column. The first column names what the row is about.
fn is_same_column(at: usize, old: &Label, new: &Label) -> bool {
    if at == 0 { !old.is_turned(new) } else { !old.is_other_column(new) }
}

fn is_blank(cell: &str) -> bool {
    matches!(cell, "" | "-" | "–" | "—")
}

/// A cell that stands in another column than it stood in, or a mark that became another.
fn moved(
    mine: &[Cell<'_>],
    theirs: &[Cell<'_>],
    to: &[Option<usize>],
    at: usize,
    column: usize,
) -> Option<Parted> {
    let (was, is) = (mine[at].1, theirs.get(column).map_or("", |cell| cell.1));
    if was == is || is_blank(was) {
        return None;
    }
    let had_it = |other: usize| {
        to.iter()
            .position(|column| *column == Some(other))
            .is_some_and(|from| mine.get(from).is_some_and(|c| c.1 == was))
    };
    let is_elsewhere = (0..theirs.len()).any(|other| theirs[other].1 == was && !had_it(other));
    let is_mark = normal(was).is_empty() || normal(is).is_empty() && !is.is_empty();
    let is = (!is_blank(is)).then(|| is.to_owned());
    (is_elsewhere || is_mark).then(|| Parted { was: was.to_owned(), is, is_head: false })
}

/// A cell whose head is gone, and which is still there.
fn beheaded(mine: &[Cell<'_>], theirs: &[Cell<'_>], to: &[Option<usize>], at: usize) -> Option<Parted> {
    let (head, cell) = mine[at];
    // Of a table that lost its heads the first column still says what each row is about.
    let is_told = at > 0 || to.iter().any(Option::is_some);
    let head = head.filter(|head| is_told && !Label::of(head).is_empty())?;
    if is_blank(cell) {
        return None;
    }
    let stands = |other: &usize| normal(theirs[*other].1) == normal(cell);
    let is_free = |other: &usize| !to.contains(&Some(*other));
    let other = (0..theirs.len()).filter(is_free).find(stands).or_else(|| (0..theirs.len()).find(stands))?;
    Some(Parted { was: head.to_owned(), is: theirs[other].0.map(str::to_owned), is_head: true })
}

/// The head of a cell that is said without it, where the row became something else.
fn headless(mine: &[Cell<'_>], new: &Statement<'_>) -> Option<Parted> {
    let above = new.headings.iter().chain(&new.parents).copied();
    let texts: Vec<String> = above.chain([new.text]).map(str::to_lowercase).collect();
    let words = || {
        texts
            .iter()
            .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
            .filter(|word| !word.is_empty())
    };
    let keys: HashSet<u64> = words().map(word_key).collect();
    let is_said = |(key, norm): (u64, &str)| {
        keys.contains(&key) || words().any(|word| are_related(norm, word) || begin_alike(norm, word))
    };
    let is_gone = |head: &str| {
        let label = Label::of(head);
        !label.is_empty() && !label.norms().any(is_said)
    };
    let gone = mine
        .iter()
        .skip(1)
        .filter(|(_, cell)| !is_blank(cell))
        .find_map(|(head, _)| head.filter(|h| is_gone(h)));
    gone.map(|head| Parted { was: head.to_owned(), is: None, is_head: true })
}

/// Says whether two words may be of one family: `allergic` and `allergies`.
fn begin_alike(a: &str, b: &str) -> bool {
    /// Fewer letters in common are a prefix of many words.
    const SHARED: usize = 6;
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count() >= SHARED
}

/// A row of a table whose columns were put in another order, in the order they had.
pub(super) type Ordered = (String, Phrase);

/// Puts a row into the order that the columns of another had, if they have another one now.
pub(super) fn ordered(old: &Statement<'_>, new: &Statement<'_>) -> Option<Ordered> {
    let text = in_order_of(old, new)?;
    let phrase = Phrase::of(&text);
    Some((text, phrase))
}

/// Reads a row in the order that its columns had.
pub(super) fn in_order<'s>(side: Side<'s>, ordered: Option<&'s Ordered>) -> Side<'s> {
    match ordered {
        Some((text, phrase)) => Side { text, phrase, ..side },
        None => side,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::statement::statements;

    fn table(heads: &str, row: &str) -> String {
        let rule = "---|".repeat(heads.matches('|').count() - 1);
        format!("{heads}\n|{rule}\n{row}\n")
    }

    fn differ(old: &str, new: &str) -> bool {
        let (old, new) = (statements(old), statements(new));
        difference(old.last().unwrap(), new.last().unwrap()).is_some()
    }

    #[test]
    fn a_cell_is_what_it_says_under_its_head() {
        let plans = "| Feature | Free | Pro |";
        let phones = "| Name | Home | Work |";
        let others = [
            (plans, "| SSO | no | yes |", plans, "| SSO | yes | no |"),
            (plans, "| SSO | | x |", plans, "| SSO | x | |"),
            (plans, "| SSO | - | + |", plans, "| SSO | + | - |"),
            (plans, "| SSO | ✓ | ✗ |", plans, "| SSO | ✗ | ✓ |"),
            (phones, "| Ann | 111 | |", phones, "| Ann | | 111 |"),
            (phones, "| | 111 | |", phones, "| | | 111 |"),
            ("| Job | Timeout (s) |", "| sync | 30 |", "| Job | Timeout (min) |", "| sync | 30 |"),
            ("| Name | Allergic to |", "| Ann | nuts |", "| Name | Likes |", "| Ann | nuts |"),
            (phones, "| Ann | 111 | 222 |", "| Name | Work | Home |", "| Ann | 111 | 222 |"),
            (phones, "| Ann | 111 | 222 |", "| Name | Office | Home |", "| Ann | 111 | 222 |"),
        ];
        for (head, row, other, instead) in others {
            assert!(differ(&table(head, row), &table(other, instead)), "{head} {row} | {other} {instead}");
        }
        let same = [
            (plans, "| SSO | no | yes |", plans, "| SSO | no | yes |"),
            (phones, "| Ann | 111 | |", phones, "| Ann | 111 | - |"),
            (phones, "| Ann | 111 | 222 |", "| Name | Work | Home |", "| Ann | 222 | 111 |"),
            (phones, "| Ann | 111 | 222 |", "| Name | Mobile | Home | Work |", "| Ann | | 111 | 222 |"),
            (phones, "| Ann | 111 | 222 |", "| Person | Home phone | Work phone |", "| Ann | 111 | 222 |"),
            ("| Key | Desc |", "| a | one |", "| Key | Description |", "| a | one |"),
            ("| Key | Value |", "| port | 80 |", "| Setting | Port |", "| port | 80 |"),
            ("| | Free | Pro |", "| SSO | no | yes |", "| Feature | Free | Pro |", "| SSO | no | yes |"),
        ];
        for (head, row, other, instead) in same {
            assert!(!differ(&table(head, row), &table(other, instead)), "{head} {row} | {other} {instead}");
        }
    }

    #[test]
    fn a_row_that_becomes_a_line_takes_its_heads_along() {
        let nuts = table("| Name | Allergic to |", "| Ann | nuts |");
        assert!(differ(&nuts, "- Ann: nuts\n"));
        assert!(!differ(&nuts, "- Ann: allergic to nuts\n"));
        assert!(!differ(&nuts, "## Allergies\n\n- Ann: nuts\n"));
        assert!(!differ(&table("| Key | Value |", "| port | 80 |"), "- port: 80\n"));
    }

    #[test]
    fn columns_are_read_in_the_order_of_the_first_table() {
        let old = statements("| Name | Phone | City |\n|---|---|---|\n| Ann | 111 | Oslo |\n");
        let new = statements("| Name | City | Phone |\n|---|---|---|\n| Ann | Bergen | 111 |\n");
        assert_eq!(in_order_of(&old[0], &new[0]).as_deref(), Some("Ann | 111 | Bergen"));
        assert_eq!(in_order_of(&old[0], &old[0]), None);
    }
}
