//! The page of a run.

use super::*;
use crate::ids::{PipelineName, RunId};
use crate::ledger::forget::ForgetList;
use crate::ledger::testimony::Testimony;
use crate::ledger::{Context, Ledger};
use crate::memory::Memory;
use crate::report::fates::Fates;
use crate::snapshot::Snapshot;

const HOSTILE: &str =
    "</style></script><script>alert(1)</script>\"><img src=x onerror=alert(1)> \u{202e}gnp.exe";

fn run() -> RunView {
    RunView {
        run: RunId::new(PipelineName::parse("nightly").unwrap(), 3),
        pipeline: PipelineName::parse("nightly").unwrap(),
        phase: "blocked",
        plan: None,
        is_over: false,
        because: HOSTILE.to_owned(),
        store: HOSTILE.to_owned(),
        live: None,
        candidate: None,
        before: None,
        after: None,
        model: HOSTILE.to_owned(),
        dreams_planned: 1,
        dreams: Vec::new(),
        changes: Default::default(),
        verdicts: vec![Verdict::new("assert", Outcome::Block, HOSTILE, HOSTILE, [])],
        approved_by: Some(HOSTILE.to_owned()),
        approval_reason: Some(HOSTILE.to_owned()),
        overrides: vec![HOSTILE.to_owned()],
        rejected_by: None,
        carried: Vec::new(),
        merged: Vec::new(),
        conflicts: Vec::new(),
        late_conflicts: Vec::new(),
        kept_files: Vec::new(),
        copy: None,
        edits: Vec::new(),
        deployments: Vec::new(),
        session: None,
        usage: Default::default(),
        estimate_usd: None,
        cost_usd: 0.0,
    }
}

fn statements(before: &Snapshot, after: &Snapshot) -> Statements {
    let (testimony, forget) = (Testimony::default(), ForgetList::default());
    let ledger = Ledger::of(before, after, &Context { testimony: &testimony, forget: &forget, now: None });
    let fates = Fates::of(&ledger, before, after, &testimony);
    Statements {
        counts: ledger.counts,
        rows: fates.rows(|_, _| true),
        new: fates.new_rows(|_| true),
        ..Statements::default()
    }
}

fn page(statements: &Statements) -> String {
    html(&Page {
        run: &run(),
        budget_usd: Some(2.0),
        next: &[("dreamrun diff nightly-3".to_owned(), "look at it".to_owned())],
        statements: Some(statements),
        three_way: &[],
        losses: &[],
        made_at: Timestamp::UNIX_EPOCH,
    })
}

fn store(memories: impl IntoIterator<Item = (String, String)>) -> Snapshot {
    memories.into_iter().map(|(path, text)| Memory::new(MemoryPath::parse(&path).unwrap(), text)).collect()
}

#[test]
fn text_from_outside_never_becomes_markup() {
    let before = store([("/<b>\"'.md".to_owned(), format!("# {HOSTILE}\n\n- {HOSTILE} one\n"))]);
    let after = store([("/a.md".to_owned(), format!("- {HOSTILE} two\n"))]);
    let text = page(&statements(&before, &after));
    let lower = text.to_lowercase();
    for bad in ["<script", "<img", "</style></", "\u{202e}", "<b>\"", "javascript:", " src=", "href=\"http"] {
        assert!(!lower.replace("&lt;img src=x", "").contains(bad), "{bad:?}");
    }
    assert_eq!(lower.matches("<style>").count(), 1);
    assert!(text.contains("<b class=\"hidden\">U+202E</b>"));
    assert!(text.contains("default-src 'none'"));
}

#[test]
fn every_element_that_opens_also_closes() {
    let before =
        store([("/a.md".to_owned(), "- The port is 8080.\n- Zebras graze near Nakuru.\n".to_owned())]);
    let after = store([("/a.md".to_owned(), "- The port is 9090.\n- Tabs, not spaces.\n".to_owned())]);
    let text = page(&statements(&before, &after));
    for name in ["section", "table", "details", "ol", "ul", "li", "div", "p", "dl", "svg", "h2", "h3", "main"]
    {
        let open = text.matches(&format!("<{name}>")).count() + text.matches(&format!("<{name} ")).count();
        assert_eq!(open, text.matches(&format!("</{name}>")).count(), "{name}");
    }
}

#[test]
fn a_huge_run_stays_readable_and_says_what_is_missing() {
    let many = |word: &str| {
        store((0..1_000).map(|i| {
            let lines: String =
                (0..4).map(|n| format!("- {word} {i} {n} {}\n", "lorem".repeat(140))).collect();
            (format!("/m{i}.md"), lines)
        }))
    };
    let text = page(&statements(&many("alpha"), &many("omega")));
    assert!(text.len() < 5_000_000, "{}", text.len());
    assert!(text.contains("more are not shown here"));
}
