//! Additions: where statements go that no statement of the store makes room for.
//!
//! Each kind has a memory of its own, and the next part when that is full. A statement that would
//! lose its time there stands under a heading with the day it was said; those without come first.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::memory::{MEMORY_BYTES_LIMIT, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::date;

use super::preferences::LessonKind;

/// The memories that new statements are put into, each written once.
#[derive(Debug, Default)]
pub(super) struct Additions {
    open: BTreeMap<LessonKind, MemoryPath>,
    pub(super) contents: BTreeMap<MemoryPath, String>,
}

impl Additions {
    /// Puts a statement into the memory for its kind, or into the next part when that is full. Returns
    /// where it went.
    pub(super) fn put(
        &mut self,
        store: &Snapshot,
        kind: LessonKind,
        day: Option<Date>,
        statement: &str,
    ) -> Option<MemoryPath> {
        /// What a heading and its blank lines take.
        const HEADING_BYTES: usize = 20;
        let line = format!("- {statement}\n");
        let fits = |content: &String| content.len() + line.len() + HEADING_BYTES < MEMORY_BYTES_LIMIT;
        let path = match self.open.get(&kind).filter(|path| self.contents.get(*path).is_some_and(fits)) {
            Some(path) => path.clone(),
            None => {
                let (path, content) = candidates(kind)
                    .filter(|path| !self.contents.contains_key(path))
                    .filter(|path| is_free(store, path))
                    .map(|path| {
                        let content = opened(store, &path, kind);
                        (path, content)
                    })
                    .find(|(_, content)| fits(content))?;
                self.contents.insert(path.clone(), content);
                self.open.insert(kind, path.clone());
                path
            }
        };
        let content = self.contents.get_mut(&path)?;
        insert(content, day, &line);
        Some(path)
    }
}

/// Puts a list item at the end of a day's section, or before the first day.
fn insert(content: &mut String, day: Option<Date>, line: &str) {
    let headings = || {
        let mut at = 0;
        content.split_inclusive('\n').filter_map(move |line| {
            let from = at;
            at += line.len();
            line.strip_prefix("## ").map(|title| (from, title.trim()))
        })
    };
    let first_day = headings().find(|(_, title)| date::in_text(title).is_some()).map(|(at, _)| at);
    let own = day.and_then(|day| headings().find(|(_, title)| *title == day.to_string()));
    let own = own.map(|(at, _)| at);
    let end = match (day, own) {
        (None, _) => first_day,
        (Some(_), None) => None,
        (Some(_), Some(own)) => headings().map(|(at, _)| at).find(|&at| at > own),
    };
    if let (Some(day), None) = (day, own) {
        let before = content.trim_end();
        *content = format!("{before}\n\n## {day}\n\n{line}");
        return;
    }
    let end = end.unwrap_or(content.len());
    let (before, after) = content.split_at(end);
    let before = before.trim_end_matches(['\n', ' ']);
    let is_list = before.lines().last().is_some_and(|last| last.trim_start().starts_with("- "));
    let gap = match (before.is_empty(), is_list) {
        (true, _) => "",
        (_, true) => "\n",
        (_, false) => "\n\n",
    };
    let after = if after.is_empty() { String::new() } else { format!("\n{after}") };
    *content = format!("{before}{gap}{line}{after}");
}

/// Where statements of a kind go, the first choice first.
fn candidates(kind: LessonKind) -> impl Iterator<Item = MemoryPath> {
    /// More parts than any store has room for.
    const PARTS: usize = 10_000;
    let folder = match kind {
        LessonKind::Correction | LessonKind::Preference => "preferences",
        LessonKind::Fact => "facts",
    };
    let own = [format!("/{folder}.md"), format!("/{folder}/learned.md")];
    let parts = (2..PARTS).map(move |part| format!("/{folder}/learned-{part}.md"));
    let aside = [format!("/learned/{folder}.md")];
    let aside_parts = (2..PARTS).map(move |part| format!("/learned/{folder}-{part}.md"));
    own.into_iter()
        .chain(parts)
        .chain(aside)
        .chain(aside_parts)
        .filter_map(|path| MemoryPath::parse(&path).ok())
}

/// Says whether a statement may go to a path: a memory for statements stands there, or nothing does
/// and nothing is in the way. `/preferences.md` is only used where it exists.
fn is_free(store: &Snapshot, path: &MemoryPath) -> bool {
    let exists = store.get(path).is_some();
    let in_folder = path.as_str().matches('/').count() > 1;
    exists || in_folder && !store.iter().any(|memory| memory.path.collides_with(path))
}

/// Returns a memory's text, or the title of a new one.
fn opened(store: &Snapshot, path: &MemoryPath, kind: LessonKind) -> String {
    let title = match kind {
        LessonKind::Correction | LessonKind::Preference => "# Preferences\n",
        LessonKind::Fact => "# Facts\n",
    };
    store.get(path).map_or_else(|| title.to_owned(), |memory| memory.content.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_stand_in_sections_after_what_has_no_day() {
        let mut content = "# Facts\n".to_owned();
        let day = jiff::civil::date(2026, 10, 20);
        insert(&mut content, None, "- a\n");
        insert(&mut content, Some(day), "- b\n");
        insert(&mut content, None, "- c\n");
        insert(&mut content, Some(day.tomorrow().unwrap()), "- d\n");
        insert(&mut content, Some(day), "- e\n");
        assert_eq!(content, "# Facts\n\n- a\n- c\n\n## 2026-10-20\n\n- b\n- e\n\n## 2026-10-21\n\n- d\n");
        let mut open = "- a".to_owned();
        insert(&mut open, None, "- b\n");
        assert_eq!(open, "- a\n- b\n");
    }
}
