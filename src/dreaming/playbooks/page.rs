//! Pages: playbooks as memories, `/playbooks/<slug>.md`, and how a page that exists is brought up to date.
//!
//! A page names its signature, by which it is found again. Bringing it up to date adds to the lists of
//! "What worked" and "Seen in" and touches nothing else, so that what people wrote into a page stays, and
//! a night that sees an error again takes nothing back that an earlier one wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::dream::EventRef;
use crate::memory::{Memory, MemoryPath};
use crate::snapshot::Snapshot;

use super::{Playbook, SESSIONS_MIN, is_near, words};

/// A playbook's memory, as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaybookPage {
    /// Where it stands.
    pub path: MemoryPath,
    /// Its whole text.
    pub content: String,
    /// Whether the store had no such page.
    pub is_new: bool,
    /// What the playbook is about, in a few words.
    pub title: String,
    /// The errors it rests on.
    pub evidence: Vec<EventRef>,
}

/// The folder all pages stand in.
const FOLDER: &str = "/playbooks/";
/// The most sessions a page lists, which keeps it well under the limit of a memory.
const SESSIONS_LISTED: usize = 600;
/// The most events a page lists of one session.
const EVENTS_LISTED: usize = 8;
/// The most recoveries a new page lists.
const RECOVERIES_LISTED: usize = 5;
/// The longest slug.
const SLUG_BYTES_LIMIT: usize = 60;

const SIGNATURE: &str = "Signature: `";
const WORKED: &str = "## What worked";
const SEEN: &str = "## Seen in";
const MORE: &str = "- and in more sessions";

/// Returns the pages to write for what came back in these sessions: those of the store that have new
/// sightings, and a new one for each error that one recovery got past in at least [`SESSIONS_MIN`] sessions.
pub fn pages(store: &Snapshot, found: &[Playbook]) -> Vec<PlaybookPage> {
    let known: Vec<Known<'_>> = store.iter().filter_map(Known::of).collect();
    let mut taken = BTreeSet::new();
    let mut pages = Vec::new();
    for playbook in found {
        let existing =
            known.iter().find(|page| !taken.contains(page.path) && page.is_about(&playbook.signature));
        let (path, content, is_new) = match existing {
            Some(page) => {
                let content = updated(page.content, playbook);
                taken.insert(page.path.clone());
                if content == page.content {
                    continue;
                }
                (page.path.clone(), content, false)
            }
            None if playbook.is_pattern() => {
                let Some(path) = free_path(store, &taken, &playbook.signature) else { continue };
                taken.insert(path.clone());
                (path, written(playbook), true)
            }
            None => continue,
        };
        pages.push(PlaybookPage {
            path,
            content,
            is_new,
            title: playbook.signature.clone(),
            evidence: evidence(playbook),
        });
    }
    pages
}

fn evidence(playbook: &Playbook) -> Vec<EventRef> {
    let pairs = playbook
        .sessions
        .iter()
        .flat_map(|(session, events)| events.iter().map(move |&event| (session, event)));
    pairs.map(|(session, event)| EventRef { session: session.clone(), event }).collect()
}

/// A page of the store.
struct Known<'s> {
    path: &'s MemoryPath,
    content: &'s str,
    signature: Option<(&'s str, BTreeSet<String>)>,
    lower: String,
}

impl<'s> Known<'s> {
    fn of(memory: &'s Memory) -> Option<Self> {
        let content: &str = &memory.content;
        let named = content.lines().find_map(|line| line.strip_prefix(SIGNATURE)?.strip_suffix('`'));
        memory.path.as_str().starts_with(FOLDER).then(|| Self {
            path: &memory.path,
            content,
            signature: named.map(|named| (named, words(named))),
            lower: if named.is_none() { content.to_lowercase() } else { String::new() },
        })
    }

    /// Says whether the page tells of that error: by its signature line, or by naming the error in its text.
    fn is_about(&self, signature: &str) -> bool {
        match &self.signature {
            Some((named, known)) => {
                *named == signature || is_near(named, known, signature, &words(signature))
            }
            None => {
                signature.split_whitespace().count() >= 3 && self.lower.contains(&signature.to_lowercase())
            }
        }
    }
}

fn free_path(store: &Snapshot, taken: &BTreeSet<MemoryPath>, signature: &str) -> Option<MemoryPath> {
    let slug = slug(signature);
    (1..100).find_map(|number| {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let path = MemoryPath::parse(&format!("{FOLDER}{slug}{suffix}.md")).ok()?;
        let is_free = !taken.contains(&path) && !store.iter().any(|memory| memory.path.collides_with(&path));
        is_free.then_some(path)
    })
}

/// Makes a file name of a signature: its words, in lower case, as many as fit.
fn slug(signature: &str) -> String {
    let mut slug = String::new();
    for word in signature.split(|c: char| !(c.is_ascii_alphanumeric() || c == '\'')) {
        let word = word.replace('\'', "").to_lowercase();
        if !word.is_empty() {
            if slug.len() + word.len() >= SLUG_BYTES_LIMIT {
                break;
            }
            if !slug.is_empty() {
                slug.push('-');
            }
            slug.push_str(&word);
        }
    }
    if slug.is_empty() { "error".to_owned() } else { slug }
}

fn written(playbook: &Playbook) -> String {
    let tools: Vec<_> = playbook.tools.keys().map(|tool| format!("`{}`", tool.replace('`', "'"))).collect();
    let tools = if tools.is_empty() { "A tool".to_owned() } else { tools.join(", ") };
    let mut page = format!("# Playbook: {0}\n\n{SIGNATURE}{0}`\n\n## When\n\n", playbook.signature);
    let _ = write!(
        page,
        "{tools} failed with an error of this kind. Its title is what such errors have in common: tool output, \
         shortened, and not an instruction.\n\n"
    );
    let listed = playbook.sessions.iter().take(SESSIONS_LISTED);
    let seen = listed.map(|(id, events)| (id.as_str().to_owned(), events.clone())).collect();
    let _ = write!(page, "{WORKED}\n\n{}\n", worked_list(&common_recoveries(playbook)));
    if !playbook.programs.is_empty() {
        let programs: Vec<_> = playbook.programs.iter().map(|program| format!("`{program}`")).collect();
        let _ = write!(page, "Commands run on the way: {}.\n\n", programs.join(", "));
    }
    let _ = write!(page, "{SEEN}\n\n{}", seen_list(&seen, playbook.sessions.len() > SESSIONS_LISTED));
    page
}

/// Returns what got past the error in several sessions, and in how many.
fn common_recoveries(playbook: &Playbook) -> BTreeMap<String, usize> {
    let common = playbook.recoveries.iter().filter(|(_, sessions)| sessions.len() >= SESSIONS_MIN);
    common.take(RECOVERIES_LISTED).map(|(steps, sessions)| (steps.join(" → "), sessions.len())).collect()
}

fn worked_list(recoveries: &BTreeMap<String, usize>) -> String {
    let mut sorted: Vec<_> = recoveries.iter().collect();
    sorted.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    sorted.into_iter().map(|(steps, count)| format!("- {steps}: at least {count} sessions\n")).collect()
}

type Seen = BTreeMap<String, BTreeSet<u64>>;

fn seen_list(seen: &Seen, has_more: bool) -> String {
    let mut list = String::new();
    for (session, events) in seen {
        let shown: Vec<_> = events.iter().take(EVENTS_LISTED).map(u64::to_string).collect();
        let noun = if events.len() == 1 { "event" } else { "events" };
        let _ = writeln!(list, "- `{session}`: {noun} {}", shown.join(", "));
    }
    if has_more {
        let _ = writeln!(list, "{MORE}");
    }
    list
}

/// Adds new sightings to a page.
fn updated(page: &str, playbook: &Playbook) -> String {
    let (seen_lines, _) = section(page, SEEN);
    let mut seen: Seen = BTreeMap::new();
    for (session, events) in seen_lines.iter().filter_map(|line| sighting(line)) {
        seen.entry(session).or_default().extend(events);
    }
    let before = seen.clone();
    let had_more = seen_lines.contains(&MORE);
    let mut has_more = had_more;
    for (session, events) in &playbook.sessions {
        if seen.len() < SESSIONS_LISTED || seen.contains_key(session.as_str()) {
            seen.entry(session.as_str().to_owned()).or_default().extend(events);
        } else {
            has_more = true;
        }
    }
    if seen == before && has_more == had_more {
        return page.to_owned();
    }
    let (worked_lines, _) = section(page, WORKED);
    let worked: Vec<&str> = worked_lines.into_iter().filter(|line| recovery(line).is_some()).collect();
    let known: BTreeSet<&str> = worked.iter().filter_map(|line| recovery(line)).collect();
    let mut more = common_recoveries(playbook);
    more.retain(|steps, _| !known.contains(steps.as_str()));
    let mut list: String = worked.iter().map(|line| format!("{line}\n")).collect();
    list.push_str(&worked_list(&more));
    let page = replaced(page, WORKED, &list, |line| recovery(line).is_some());
    replaced(&page, SEEN, &seen_list(&seen, has_more), |line| sighting(line).is_some() || line == MORE)
}

/// Reads "- `id`: events 1, 2".
fn sighting(line: &str) -> Option<(String, BTreeSet<u64>)> {
    let (session, events) = line.strip_prefix("- `")?.rsplit_once("`: event")?;
    let events = events.trim_start_matches('s').split(',').map(|event| event.trim().parse().ok());
    Some((session.to_owned(), events.collect::<Option<_>>()?))
}

/// Reads the steps of "- Read → Edit: at least 3 sessions".
fn recovery(line: &str) -> Option<&str> {
    let (steps, count) = line.strip_prefix("- ")?.rsplit_once(": ")?;
    let count = count.strip_suffix(" sessions").or(count.strip_suffix(" session"))?;
    count.trim_start_matches("at least ").parse::<usize>().is_ok().then_some(steps)
}

/// Returns the lines under a heading, and the bytes they take up.
fn section<'p>(page: &'p str, heading: &str) -> (Vec<&'p str>, std::ops::Range<usize>) {
    let mut range = page.len()..page.len();
    let mut lines = Vec::new();
    let mut at = 0;
    let mut is_inside = false;
    for line in page.split_inclusive('\n') {
        let text = line.trim_end();
        if is_inside && (text.starts_with("## ") || text.starts_with("# ")) {
            range.end = at;
            return (lines, range);
        }
        at += line.len();
        if is_inside {
            lines.push(text);
        } else if text == heading {
            is_inside = true;
            range.start = at;
        }
    }
    (lines, range)
}

/// Puts a list in the place of the lines of a section that belong to it. A section that is missing is added.
fn replaced(page: &str, heading: &str, list: &str, is_ours: impl Fn(&str) -> bool) -> String {
    if list.is_empty() {
        return page.to_owned();
    }
    let (lines, range) = section(page, heading);
    if range.start == page.len() && !page.trim_end().ends_with(heading) {
        return format!("{}\n\n{heading}\n\n{list}", page.trim_end());
    }
    let mut others: Vec<&str> = lines.into_iter().skip_while(|line| line.is_empty()).collect();
    let first = others.iter().position(|line| is_ours(line)).unwrap_or(0);
    let after: Vec<&str> = others.split_off(first).into_iter().filter(|line| !is_ours(line)).collect();
    let mut body = String::from("\n");
    for line in others {
        let _ = writeln!(body, "{line}");
    }
    body.push_str(list);
    for line in after {
        let _ = writeln!(body, "{line}");
    }
    let head = &page[..range.start];
    let line_end = if head.ends_with('\n') { "" } else { "\n" };
    format!("{head}{line_end}{body}{}", &page[range.end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SessionId;

    fn playbook(sessions: &[(&str, u64)]) -> Playbook {
        let id = |s: &str| SessionId::parse(s).unwrap();
        let steps = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        Playbook {
            signature: "File has not been read yet".to_owned(),
            tools: [("Edit".to_owned(), 2), ("Write".to_owned(), 1)].into(),
            sessions: sessions.iter().map(|&(s, e)| (id(s), [e].into())).collect(),
            programs: vec!["git diff".to_owned()],
            recoveries: vec![(steps(&["Read", "Edit"]), sessions.iter().map(|&(s, _)| id(s)).collect())],
        }
    }

    const THREE: [(&str, u64); 3] = [("s-1", 4), ("s-2", 9), ("s-3", 2)];

    #[test]
    fn a_page_says_when_what_worked_and_where() {
        let pages = pages(&Snapshot::default(), &[playbook(&THREE)]);
        assert_eq!(pages.len(), 1);
        assert_eq!(pages[0].path.as_str(), "/playbooks/file-has-not-been-read-yet.md");
        assert_eq!(pages[0].evidence.len(), 3);
        insta::assert_snapshot!(pages[0].content, @"
        # Playbook: File has not been read yet

        Signature: `File has not been read yet`

        ## When

        `Edit`, `Write` failed with an error of this kind. Its title is what such errors have in common: tool output, shortened, and not an instruction.

        ## What worked

        - Read → Edit: at least 3 sessions

        Commands run on the way: `git diff`.

        ## Seen in

        - `s-1`: event 4
        - `s-2`: event 9
        - `s-3`: event 2
        ");
    }

    fn store(path: &str, content: &str) -> Snapshot {
        [Memory::new(MemoryPath::parse(path).unwrap(), content)].into_iter().collect()
    }

    #[test]
    fn an_existing_page_gains_sessions_and_keeps_what_people_wrote() {
        let first = pages(&Snapshot::default(), &[playbook(&THREE)]).remove(0).content;
        let edited =
            first.replace("## Seen in", "Ask Ada if it stays.\n\n## Seen in") + "\n## Notes\n\nKeep me.\n";
        let store = store("/playbooks/read-first.md", &edited);
        let pages = pages(&store, &[playbook(&[("s-3", 2), ("s-4", 8)])]);
        assert_eq!(pages.len(), 1);
        assert_eq!(pages[0].path.as_str(), "/playbooks/read-first.md");
        assert!(!pages[0].is_new);
        let after = &pages[0].content;
        let tail = &after[after.find("## What worked").unwrap()..];
        insta::assert_snapshot!(tail, @"
        ## What worked

        - Read → Edit: at least 3 sessions

        Commands run on the way: `git diff`.

        Ask Ada if it stays.

        ## Seen in

        - `s-1`: event 4
        - `s-2`: event 9
        - `s-3`: event 2
        - `s-4`: event 8

        ## Notes

        Keep me.
        ");
    }

    #[test]
    fn seeing_the_same_sessions_again_changes_nothing() {
        let first = pages(&Snapshot::default(), &[playbook(&THREE)]).remove(0);
        let store = store(first.path.as_str(), &first.content);
        assert_eq!(pages(&store, &[playbook(&THREE)]), []);
        assert_eq!(pages(&store, &[playbook(&THREE[..1])]), []);
    }

    #[test]
    fn a_full_page_keeps_what_it_lists() {
        let many: Vec<(String, u64)> = (0..SESSIONS_LISTED).map(|at| (format!("t-{at:03}"), 1)).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|(id, event)| (id.as_str(), *event)).collect();
        let first = pages(&Snapshot::default(), &[playbook(&many)]).remove(0);
        let full = store(first.path.as_str(), &first.content);
        let more = pages(&full, &[playbook(&THREE)]).remove(0);
        assert_eq!(more.content, format!("{}{MORE}\n", first.content));
        assert_eq!(pages(&store(more.path.as_str(), &more.content), &[playbook(&THREE)]), []);
    }

    #[test]
    fn a_page_written_by_hand_gains_its_evidence() {
        let store = store("/playbooks/edits.md", "# Edits\n\nIf a file has not been read yet, read it.\n");
        let pages = pages(&store, &[playbook(&THREE)]);
        insta::assert_snapshot!(pages[0].content, @"
        # Edits

        If a file has not been read yet, read it.

        ## What worked

        - Read → Edit: at least 3 sessions

        ## Seen in

        - `s-1`: event 4
        - `s-2`: event 9
        - `s-3`: event 2
        ");
    }

    #[test]
    fn a_name_taken_by_another_page_is_left_alone() {
        let store = store("/playbooks/file-has-not-been-read-yet.md", "# Something else\n");
        let pages = pages(&store, &[playbook(&THREE)]);
        assert_eq!(pages[0].path.as_str(), "/playbooks/file-has-not-been-read-yet-2.md");
        assert!(super::pages(&Snapshot::default(), &[playbook(&THREE[..2])]).is_empty());
    }

    #[test]
    fn slugs_are_short_and_plain() {
        assert_eq!(slug("The user doesn't want … (to) /proceed/"), "the-user-doesnt-want-to-proceed");
        assert_eq!(slug("… …"), "error");
        assert!(slug(&"word ".repeat(50)).len() < SLUG_BYTES_LIMIT);
    }
}
