//! What both the dream and agents changed, three ways: what stood there, what agents wrote, what the dream
//! wanted, statement by statement, and which of it stands now.
//!
//! Texts come from versions that a backend keeps for a while. Whatever is gone is named; the rest is shown.
//! All memory text is redacted.

use std::fmt::Write as _;

use serde::Serialize;

use crate::adoption::merge::{ChangedBy, Stretch, stretches};
use crate::adoption::{Conflict, Texts};
use crate::gate::masked::MaskedMemory;
use crate::journal::run_state::RunState;
use crate::memory::{ContentHash, MemoryPath};
use crate::snapshot::SnapshotIndex;
use crate::text::statement::{Statement, statements};

use super::words::{Paint, WIDTH, count, line, wrapped};

/// The most stretches of one memory that are shown unless everything is asked for.
const STRETCHES_SHOWN: usize = 12;

/// One memory that both sides changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThreeWay {
    /// Where.
    pub path: MemoryPath,
    /// How the two changes met.
    pub met: Met,
    /// Whose version stands now.
    pub stands: Stands,
    /// The memory that stands in the way of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collides_with: Option<MemoryPath>,
    /// The versions whose text is kept nowhere any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Version>,
    /// Where they differ, in order.
    pub stretches: Vec<StretchView>,
}

/// How a change of agents met one of the dream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Met {
    /// They are in conflict.
    Conflict,
    /// They were merged, statement by statement.
    Merged,
    /// Agents wrote while the candidate was copied into the live store.
    DuringCopy,
    /// Agents wrote to the old store while the alias moved, and to the new one as well.
    Late,
}

/// Whose version stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// The agents'.
    Live,
    /// The dream's, or what the new store holds.
    Dream,
    /// Both, merged.
    Both,
    /// Something else: somebody edited it since.
    Edited,
}

/// One of the three versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// What both began with.
    Base,
    /// What agents wrote.
    Live,
    /// What the dream wanted.
    Dream,
}

/// Statements that at least one side changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StretchView {
    /// Who changed them: `live`, `dream`, `alike` or `both`.
    pub by: &'static str,
    /// What stood there.
    pub base: Vec<String>,
    /// What agents wrote.
    pub live: Vec<String>,
    /// What the dream wanted.
    pub dream: Vec<String>,
}

/// Returns the memories of a run that both sides changed, with what each made of them. `after` is what the
/// candidate holds, or held when it was adopted.
pub fn three_ways(state: &RunState, texts: &Texts, after: &SnapshotIndex) -> Vec<ThreeWay> {
    let here = |path: &MemoryPath| after.entries.get(path).map(|entry| entry.hash);
    let stands = |conflict: &Conflict| match here(&conflict.path) {
        now if now == conflict.ours => Stands::Live,
        now if now == conflict.theirs => Stands::Dream,
        _ => Stands::Edited,
    };
    let mut views: Vec<ThreeWay> =
        state.conflicts.iter().map(|one| view(one, Met::Conflict, stands(one), texts)).collect();
    for merged in &state.merged {
        let stands = if here(&merged.path) == Some(merged.becomes) { Stands::Both } else { Stands::Edited };
        views.push(view(&merged.clone().into(), Met::Merged, stands, texts));
    }
    let copied = state.copy.as_ref().and_then(|copy| copy.end.as_ref());
    views.extend(
        copied
            .iter()
            .flat_map(|end| &end.conflicts)
            .map(|one| view(one, Met::DuringCopy, Stands::Live, texts)),
    );
    views.extend(state.late_conflicts.iter().map(|one| view(one, Met::Late, Stands::Dream, texts)));
    views.sort_by(|a, b| a.path.cmp(&b.path));
    views
}

/// Says whether a run has anything to show three ways.
pub fn has_three_ways(state: &RunState) -> bool {
    let copied = state.copy.as_ref().and_then(|copy| copy.end.as_ref());
    !state.conflicts.is_empty()
        || !state.merged.is_empty()
        || !state.late_conflicts.is_empty()
        || copied.is_some_and(|end| !end.conflicts.is_empty())
}

fn view(conflict: &Conflict, met: Met, stands: Stands, texts: &Texts) -> ThreeWay {
    let Conflict { path, base, ours, theirs, collides_with } = conflict.clone();
    let sides = [(Version::Base, base), (Version::Live, ours), (Version::Dream, theirs)];
    let text = |hash: Option<ContentHash>| hash.map_or(Some(""), |hash| texts.get(&hash).map(|text| &**text));
    let gone: Vec<Version> =
        sides.iter().filter(|(_, hash)| text(*hash).is_none()).map(|(version, _)| *version).collect();
    let stretches = match sides.map(|(_, hash)| text(hash)) {
        [Some(base), Some(live), Some(dream)] => stretch_views(base, live, dream, &gone),
        // Without the text that both began with, one side stands for it.
        [None, Some(live), Some(dream)] => stretch_views(live, live, dream, &gone),
        [Some(base), Some(live), None] => stretch_views(base, live, base, &gone),
        [Some(base), None, Some(dream)] => stretch_views(base, base, dream, &gone),
        _ => Vec::new(),
    };
    ThreeWay { path, met, stands, collides_with, gone, stretches }
}

fn stretch_views(base: &str, live: &str, dream: &str, gone: &[Version]) -> Vec<StretchView> {
    let shown = |text: &str, version: Version, all: &[Statement<'_>], places: &[usize]| -> Vec<String> {
        if gone.contains(&version) {
            return Vec::new();
        }
        let masked = MaskedMemory::of(text);
        places.iter().filter_map(|&place| Some(masked.text(all.get(place)?).into_owned())).collect()
    };
    let all = [base, live, dream].map(statements);
    let view = |stretch: Stretch| StretchView {
        by: match stretch.by {
            ChangedBy::Ours => "live",
            ChangedBy::Theirs => "dream",
            ChangedBy::Alike => "alike",
            ChangedBy::Both => "both",
        },
        base: shown(base, Version::Base, &all[0], &stretch.base),
        live: shown(live, Version::Live, &all[1], &stretch.ours),
        dream: shown(dream, Version::Dream, &all[2], &stretch.theirs),
    };
    stretches(base, live, dream).into_iter().map(view).collect()
}

/// Says how the changes met and what stands, in a clause.
pub fn standing(one: &ThreeWay) -> String {
    let met = match one.met {
        Met::Conflict => "changed by agents and by the dream",
        Met::Merged => "changed by agents and by the dream, in different statements",
        Met::DuringCopy => "changed by agents while the candidate was copied",
        Met::Late => "changed in the old store while the alias moved, and in the new one",
    };
    let stands = match (one.stands, one.met) {
        (Stands::Live, _) => "the agents' version stands",
        (Stands::Dream, Met::Late) => "the new store's version stands",
        (Stands::Dream, _) => "the dream's version stands",
        (Stands::Both, _) => "both changes stand",
        (Stands::Edited, _) => "edited since",
    };
    let in_the_way =
        one.collides_with.as_ref().map_or_else(String::new, |other| format!("; `{other}` is in the way"));
    format!("{met}; {stands}{in_the_way}")
}

/// Says which texts are kept nowhere any more, if any.
pub fn gone_words(one: &ThreeWay) -> Option<String> {
    let words = |version: &Version| match version {
        Version::Base => "what stood there",
        Version::Live => "what agents wrote",
        Version::Dream => "what the dream wanted",
    };
    let gone: Vec<&str> = one.gone.iter().map(words).collect();
    (!gone.is_empty()).then(|| format!("{}: the text is kept nowhere any more", gone.join(" and ")))
}

/// Writes memories that both sides changed, three ways.
pub fn three_ways_text(ways: &[ThreeWay], is_whole: bool, paint: Paint) -> String {
    let mut text = String::new();
    if ways.is_empty() {
        return text;
    }
    let _ = writeln!(
        text,
        "\n{}:",
        count(ways.len() as u64, "memory changed on both sides", "memories changed on both sides")
    );
    for one in ways {
        let _ = writeln!(
            text,
            "\n  {} {}",
            paint.bold(&line(one.path.as_str())),
            paint.dim(&line(&standing(one)))
        );
        if let Some(gone) = gone_words(one) {
            let _ = writeln!(text, "    {} {gone}", paint.warn("note:"));
        }
        let most = if is_whole { usize::MAX } else { STRETCHES_SHOWN };
        for (nth, stretch) in one.stretches.iter().take(most).enumerate() {
            if nth > 0 {
                text.push('\n');
            }
            write_stretch(&mut text, stretch, &one.gone, paint);
        }
        if one.stretches.len() > most {
            let _ = writeln!(text, "    and {} more; `-v` shows all", one.stretches.len() - most);
        }
    }
    text
}

fn write_stretch(text: &mut String, stretch: &StretchView, gone: &[Version], paint: Paint) {
    let sides = [
        ("was", Version::Base, &stretch.base),
        ("live", Version::Live, &stretch.live),
        ("dream", Version::Dream, &stretch.dream),
    ];
    for (name, version, said) in sides {
        if gone.contains(&version) {
            continue;
        }
        let is_changed = version != Version::Base && said != &stretch.base;
        let name = format!("{name:<6}");
        let name = if is_changed { paint.warn(&name) } else { paint.dim(&name) };
        if said.is_empty() {
            let nothing = if version == Version::Base { "nothing" } else { "nothing: taken away" };
            let nothing = if stretch.base.is_empty() { "nothing" } else { nothing };
            let _ = writeln!(text, "    {name} {}", paint.dim(nothing));
        }
        for (nth, statement) in said.iter().enumerate() {
            for (row, part) in wrapped(&line(statement), WIDTH - 13, usize::MAX).iter().enumerate() {
                let name = if nth + row == 0 { name.clone() } else { " ".repeat(6) };
                let mark = if row == 0 { "·" } else { " " };
                let _ = writeln!(text, "    {name} {mark} {part}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const BASE: &str =
        "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 15 minutes.\n- Be brief.\n";

    fn hash(text: &str) -> ContentHash {
        ContentHash::of(text.as_bytes())
    }

    fn known(texts: &[&str]) -> Texts {
        texts.iter().map(|&text| (hash(text), Arc::from(text))).collect()
    }

    fn conflict(base: Option<&str>, ours: Option<&str>, theirs: Option<&str>) -> Conflict {
        let [base, ours, theirs] = [base, ours, theirs].map(|text| text.map(hash));
        Conflict { path: MemoryPath::parse("/deploy.md").unwrap(), base, ours, theirs, collides_with: None }
    }

    fn shown(one: &ThreeWay) -> String {
        three_ways_text(std::slice::from_ref(one), false, Paint::default())
    }

    #[test]
    fn a_conflict_is_shown_three_ways() {
        let ours = BASE.replace("15 minutes", "20 minutes").replace("Tuesday", "Thursday");
        let theirs = BASE.replace("15 minutes", "30 minutes")
            + "- Use pnpm, token ghp_0123456789abcdefghijABCDEFGHIJ012345.\n";
        let one = conflict(Some(BASE), Some(&ours), Some(&theirs));
        insta::assert_snapshot!(shown(&view(&one, Met::Conflict, Stands::Live, &known(&[BASE, &ours, &theirs]))), @r"
    1 memory changed on both sides:

      /deploy.md changed by agents and by the dream; the agents' version stands
        was    · Deploys go out on Tuesday.
        live   · Deploys go out on Thursday.
        dream  · Deploys go out on Tuesday.

        was    · The canary takes 15 minutes.
        live   · The canary takes 20 minutes.
        dream  · The canary takes 30 minutes.

        was    nothing
        live   nothing
        dream  · Use pnpm, token [redacted: GitHub token].
    ");
    }

    #[test]
    fn what_was_taken_away_is_said() {
        let theirs = BASE.replace("- The canary takes 15 minutes.\n", "");
        let one = conflict(Some(BASE), None, Some(&theirs));
        insta::assert_snapshot!(shown(&view(&one, Met::Conflict, Stands::Live, &known(&[BASE, &theirs]))), @r"
    1 memory changed on both sides:

      /deploy.md changed by agents and by the dream; the agents' version stands
        was    · Deploys go out on Tuesday.
               · The canary takes 15 minutes.
               · Be brief.
        live   nothing: taken away
        dream  · Deploys go out on Tuesday.
               · Be brief.
    ");
    }

    #[test]
    fn texts_that_are_gone_are_named_and_the_rest_is_shown() {
        let ours = BASE.replace("15 minutes", "20 minutes");
        let theirs = BASE.replace("15 minutes", "30 minutes");
        let one = conflict(Some(BASE), Some(&ours), Some(&theirs));
        let told: Vec<String> = [[&*ours, &*theirs].as_slice(), &[BASE, &ours], &[BASE], &[]]
            .into_iter()
            .map(|texts| shown(&view(&one, Met::Merged, Stands::Edited, &known(texts))))
            .collect();
        insta::assert_snapshot!(told.join("--\n"), @r"
    1 memory changed on both sides:

      /deploy.md changed by agents and by the dream, in different statements; edited since
        note: what stood there: the text is kept nowhere any more
        live   · The canary takes 20 minutes.
        dream  · The canary takes 30 minutes.
    --

    1 memory changed on both sides:

      /deploy.md changed by agents and by the dream, in different statements; edited since
        note: what the dream wanted: the text is kept nowhere any more
        was    · The canary takes 15 minutes.
        live   · The canary takes 20 minutes.
    --

    1 memory changed on both sides:

      /deploy.md changed by agents and by the dream, in different statements; edited since
        note: what agents wrote and what the dream wanted: the text is kept nowhere any more
    --

    1 memory changed on both sides:

      /deploy.md changed by agents and by the dream, in different statements; edited since
        note: what stood there and what agents wrote and what the dream wanted: the text is kept nowhere any more
    ");
    }
}
