//! Death before and after every step of a command.

use dreamrun::memory::{ContentHash, MemoryPath, MemoryWrite};
use rayon::prelude::*;
use serde_json::Value;

use crate::child::run_until;
use crate::killer::{Killer, LIVE_WRITE, Live, Point, Side, every_point};
use crate::support::{Drill, Traces};

const APPLY: &[&str] = &["apply", "small", "--yes"];

/// A command to kill, and what is right afterwards.
struct Scene {
    /// Makes a project and brings it to where the command starts.
    prepare: fn() -> Drill,
    /// The command.
    arguments: &'static [&'static str],
    /// What happens meanwhile.
    live: Live,
    /// What a person does about a killed command.
    finish: fn(&Drill),
    /// What is then seen.
    traces: Traces,
}

/// What a finished command left.
#[derive(Debug, PartialEq)]
struct End {
    report: Value,
    traces: Traces,
    folder: Option<Vec<(String, String)>>,
}

impl End {
    #[track_caller]
    fn of(drill: &Drill) -> Self {
        Self { report: drill.report(), traces: drill.traces(), folder: folder(drill) }
    }
}

/// Returns what a directory target holds.
fn folder(drill: &Drill) -> Option<Vec<(String, String)>> {
    let root = drill.path("adopted");
    root.is_dir().then(|| {
        walkdir::WalkDir::new(&root)
            .sort_by_file_name()
            .into_iter()
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let name = entry.path().strip_prefix(&root).unwrap().display().to_string();
                (name, std::fs::read_to_string(entry.path()).unwrap())
            })
            .collect()
    })
}

fn has_live_write(drill: &Drill) -> bool {
    drill.count(&format!("SELECT count(*) FROM memories WHERE path = '{LIVE_WRITE}'")) > 0
}

/// Kills the command before and after each of its steps, and returns how many kill points that makes.
fn kill_everywhere(scene: &Scene) -> usize {
    kill(scene, |_, _| true)
}

/// Kills the command after each of its steps, and before the first. Where nothing but steps lasts, that is where it
/// would be killed before the next one, too.
fn kill_after_each(scene: &Scene) -> usize {
    kill(scene, |nth, side| every_point() || nth == 0 || side == Side::After)
}

fn kill(scene: &Scene, is_wanted: impl Fn(usize, Side) -> bool) -> usize {
    let undisturbed = |live| {
        let drill = (scene.prepare)();
        let killer = Killer::new(None, live);
        let _ = drill.run_with(&killer, scene.arguments).exits(0);
        let end = End::of(&drill);
        assert_eq!(end.traces, scene.traces);
        (end, killer.steps())
    };
    let (quiet, _) = undisturbed(Live::Quiet);
    let (written, steps) = undisturbed(scene.live);
    if scene.live == Live::Written {
        assert_eq!(written.report["carried"], serde_json::json!([LIVE_WRITE]));
    }
    let points: Vec<Point> = steps
        .iter()
        .enumerate()
        .flat_map(|(nth, step)| [(nth, Side::Before, step), (nth, Side::After, step)])
        .filter(|&(nth, side, _)| is_wanted(nth, side))
        .map(|(_, side, step)| Point::At(step.clone(), side))
        .collect();
    points.par_iter().for_each(|point| {
        let drill = (scene.prepare)();
        assert!(run_until(&drill, scene.arguments, point, scene.live), "nothing dies at {point:?}");
        let is_written = scene.live == Live::Written && has_live_write(&drill);
        (scene.finish)(&drill);
        let expected = if is_written { &written } else { &quiet };
        assert_eq!(&End::of(&drill), expected, "killed at {point:?}");
    });
    points.len()
}

/// Applies until the run is over, then once more, when nothing is due.
fn apply_to_the_end(drill: &Drill) {
    let ran = drill.apply().exits(0).json();
    let result = &ran["data"]["results"][0];
    if result["outcome"] == "adopted" {
        let reported = crate::support::comparable(&result["run"]);
        assert_eq!(reported, drill.report(), "apply and show tell the same");
    } else {
        assert_eq!(result["outcome"], "nothing_due", "{result:#}");
    }
    assert_eq!(drill.apply().exits(0).json()["outcome"], "nothing_due");
}

fn adopted(dreams: usize) -> Traces {
    Traces { generation: 1, claim: None, dreams, stores: dreams + 1 }
}

#[test]
fn an_apply_killed_at_any_step_ends_as_if_it_had_not_been() {
    let points = kill_everywhere(&Scene {
        prepare: Drill::small,
        arguments: APPLY,
        live: Live::Quiet,
        finish: apply_to_the_end,
        traces: adopted(3),
    });
    // 28 puts, 3 dreams asked for, 5 sessions read, 3 stores consolidated and one tagged, on both sides.
    assert_eq!(points, 2 * (28 + 3 + 5 + 3 + 1));
    eprintln!("{points} kill points of an apply");
}

#[test]
fn a_saved_plan_killed_at_any_step_is_carried_out_once() {
    const APPLY_PLAN: &[&str] = &["apply", "--plan", "plan.json"];
    let points = kill_after_each(&Scene {
        prepare: || {
            let drill = Drill::small();
            let _ = drill.run(&["plan", "small", "--out", "plan.json"]).exits(0);
            drill
        },
        arguments: APPLY_PLAN,
        live: Live::Quiet,
        finish: |drill| {
            let ran = drill.run(APPLY_PLAN);
            // One that was killed after its last step is over.
            assert!(matches!(ran.code, Some(0 | 7)), "{ran:?}");
            let _ = drill.run(APPLY_PLAN).exits(7).says("was used by run `small-1`, which is adopted");
            assert_eq!(drill.apply().exits(0).json()["outcome"], "nothing_due");
        },
        traces: adopted(3),
    });
    // One more put than without a plan, which says that it is used up; and the first step on both sides.
    assert!(every_point() || points == 29 + 3 + 5 + 3 + 1 + 1, "{points}");
}

#[test]
fn a_rebase_into_a_folder_killed_at_any_step_ends_as_if_it_had_not_been() {
    let points = kill_everywhere(&Scene {
        prepare: || {
            let drill = Drill::small();
            drill.pipeline(|text| text.replace("target: pointer", "target: directory, directory: adopted"));
            drill
        },
        arguments: APPLY,
        live: Live::Written,
        finish: apply_to_the_end,
        traces: adopted(3),
    });
    eprintln!("{points} kill points of an apply with a rebase and a directory target");
}

/// Makes a project whose candidates are written into the live store.
fn copying() -> Drill {
    let drill = Drill::small();
    drill.pipeline(|text| text.replace("target: pointer", "target: copy_back"));
    drill
}

#[test]
fn a_copy_into_a_store_that_was_written_to_killed_at_any_step_ends_as_if_it_had_not_been() {
    let points = kill_after_each(&Scene {
        prepare: copying,
        arguments: APPLY,
        live: Live::Written,
        finish: apply_to_the_end,
        traces: adopted(3),
    });
    eprintln!("{points} kill points of an apply with a rebase and a copy into the live store");
}

fn copied() -> Drill {
    let drill = copying();
    let _ = drill.apply().exits(0);
    drill
}

#[test]
fn a_copy_taken_back_and_killed_at_any_step_is_taken_back_once() {
    const ROLLBACK: &[&str] = &["rollback", "notes", "--reason", "a mistake"];
    let points = kill_everywhere(&Scene {
        prepare: copied,
        arguments: ROLLBACK,
        live: Live::Quiet,
        finish: |drill| {
            let hold = drill.alias().unwrap()["hold"].clone();
            if hold.is_null() || !hold["rolling_back_to"].is_null() {
                let _ = drill.run(ROLLBACK).exits(0);
            }
            let _ = assert_rollback_is_noted_once(drill);
            assert_eq!(drill.apply().exits(0).json()["outcome"], "nothing_due");
        },
        traces: Traces { generation: 2, ..adopted(3) },
    });
    // The hold, the write, two tags, the alias and the deed, and the lease taken and given back, on both sides.
    assert_eq!(points, 16);
}

#[test]
fn a_gc_after_a_copy_leaves_the_live_store_alone() {
    const GC: &[&str] = &["gc", "--yes"];
    let points = kill_everywhere(&Scene {
        prepare: copied,
        arguments: GC,
        live: Live::Quiet,
        finish: |drill| {
            let _ = drill.run(GC).exits(0);
            assert_eq!(drill.run(&["gc", "--yes", "--json"]).exits(0).json()["outcome"], "nothing_to_delete");
            assert!(drill.count("SELECT count(*) FROM memories") > 0);
        },
        // The live store stays; everything that the dreams wrote is in it, and goes.
        traces: Traces { stores: 1, ..adopted(3) },
    });
    // Three stores deleted, and the lease taken and given back.
    assert_eq!(points, 10);
}

fn awaiting_review() -> Drill {
    let drill = Drill::small();
    drill.pipeline(|text| text.replace("mode: auto", "mode: review"));
    assert_eq!(drill.apply().exits(0).json()["outcome"], "awaiting_review");
    drill
}

fn has(drill: &Drill, event: &str) -> bool {
    drill.events()["small-1"].iter().any(|kind| kind == event)
}

#[test]
fn an_approval_killed_at_any_step_is_given_once() {
    const APPROVE: &[&str] = &["approve", "latest", "--reason", "looks right"];
    let points = kill_everywhere(&Scene {
        prepare: awaiting_review,
        arguments: APPROVE,
        live: Live::Quiet,
        finish: |drill| {
            if !has(drill, "approved") {
                let _ = drill.run(APPROVE).exits(0);
            }
            apply_to_the_end(drill);
            let approvals = drill.events()["small-1"].iter().filter(|kind| *kind == "approved").count();
            assert_eq!(approvals, 1);
        },
        traces: adopted(3),
    });
    eprintln!("{points} kill points of an approve");
}

#[test]
fn a_run_does_not_take_the_dreams_of_a_rejected_one_for_its_own() {
    let points = kill_after_each(&Scene {
        // The next run asks for the same dream at once, with nothing but its time to tell them apart.
        prepare: || {
            let drill = awaiting_review();
            let _ = drill.run(&["reject", "latest", "--reason", "again"]).exits(0);
            drill.pipeline(|text| text);
            drill
        },
        arguments: APPLY,
        live: Live::Quiet,
        finish: apply_to_the_end,
        traces: Traces { generation: 1, claim: None, dreams: 6, stores: 7 },
    });
    eprintln!("{points} kill points of an apply after a reject");
}

#[test]
fn a_cancel_killed_at_any_step_is_finished_by_the_next_apply() {
    const CANCEL: &[&str] = &["cancel", "latest"];
    let points = kill_everywhere(&Scene {
        prepare: awaiting_review,
        arguments: CANCEL,
        live: Live::Quiet,
        finish: |drill| {
            if !has(drill, "cancel_asked") {
                let _ = drill.run(CANCEL).exits(0);
            } else if !has(drill, "released") {
                assert_eq!(drill.apply().exits(0).json()["outcome"], "canceled");
            }
        },
        traces: Traces { generation: 0, ..adopted(3) },
    });
    eprintln!("{points} kill points of a cancel");
}

#[test]
fn a_rollback_killed_at_any_step_happens_once() {
    const ROLLBACK: &[&str] = &["rollback", "notes", "--reason", "a mistake"];
    let points = kill_everywhere(&Scene {
        prepare: applied,
        arguments: ROLLBACK,
        live: Live::Quiet,
        finish: |drill| {
            if drill.alias().unwrap()["hold"].is_null() {
                let _ = drill.run(ROLLBACK).exits(0);
            }
            let _ = assert_rollback_is_noted_once(drill);
            assert_eq!(drill.apply().exits(0).json()["outcome"], "nothing_due");
        },
        traces: Traces { generation: 2, ..adopted(3) },
    });
    // The tag, the alias and the deed, and the lease taken and given back, on both sides.
    assert_eq!(points, 10);
}

/// Adopts, and lets an agent write to the store that is live then.
fn written_since(drill: Drill) -> Drill {
    let _ = drill.apply().exits(0);
    let live = drill.alias().unwrap()["active"].as_str().unwrap().to_owned();
    let style = "# Style\n\n- Commit messages are imperative.\n";
    let write = |path: &str, content: &str, expected: Option<&str>| MemoryWrite::Put {
        path: MemoryPath::parse(path).unwrap(),
        content: content.into(),
        expected: expected.map(ContentHash::of),
    };
    let writes =
        [write("/since.md", "- Written since.\n", None), write("/style.md", "- Be brief.\n", Some(style))];
    drill.write_memories(&live, &writes);
    // What comes back and comes along must have been forgotten since, and is wanted all the same.
    drill.forbid("written since");
    drill
}

fn holds_what_was_written_since(drill: &Drill) -> bool {
    let live = drill.alias().unwrap()["active"].as_str().unwrap().to_owned();
    ["/since.md", "/style.md"].iter().all(|path| {
        let sql = format!(
            "SELECT count(*) FROM memories JOIN contents ON memories.hash = contents.hash WHERE store = '{live}' \
             AND path = '{path}' AND content IN ('- Written since.' || char(10), '- Be brief.' || char(10))"
        );
        drill.count(&sql) == 1
    })
}

#[test]
fn a_rollback_that_carries_killed_at_any_step_carries_everything_once() {
    const ROLLBACK: &[&str] =
        &["rollback", "notes", "--carry", "--override", "forget", "--reason", "a mistake"];
    type Scenes = [(fn() -> Drill, &'static str); 2];
    let scenes: Scenes = [
        (|| written_since(Drill::small()), "into the store before"),
        (|| written_since(copying()), "out of the live store"),
    ];
    for (prepare, where_to) in scenes {
        let points = kill_everywhere(&Scene {
            prepare,
            arguments: ROLLBACK,
            live: Live::Quiet,
            finish: |drill| {
                let hold = drill.alias().unwrap()["hold"].clone();
                if hold.is_null() || !hold["rolling_back_to"].is_null() {
                    // Whoever carries on need not know that it was to carry, nor what was overridden for it.
                    let again: &[&str] = if hold.is_null() { ROLLBACK } else { &["rollback", "notes"] };
                    let _ = drill.run(again).exits(0);
                }
                let deed = assert_rollback_is_noted_once(drill);
                assert_eq!(deed["overridden"], serde_json::json!(["forget"]));
                assert!(holds_what_was_written_since(drill));
                assert!(drill.alias().unwrap()["hold"]["carrying"].is_null());
                assert_eq!(drill.apply().exits(0).json()["outcome"], "nothing_due");
            },
            traces: Traces { generation: 2, ..adopted(3) },
        });
        eprintln!("{points} kill points of a rollback that carries, {where_to}");
    }
}

/// Looks what the next command makes of a rollback that may have been cut off before it was noted.
fn assert_rollback_is_noted_once(drill: &Drill) -> Value {
    let _ = drill.run(&["rollback", "notes", "--reason", "again"]).exits(2);
    let log = drill.run(&["log", "notes", "--json"]).exits(0).json();
    let deeds = log["data"]["deeds"].as_array().unwrap();
    assert_eq!(deeds.len(), 1, "{deeds:#?}");
    assert_eq!(deeds[0]["what"]["rolled_back"]["to"], drill.alias().unwrap()["active"]);
    let deed = deeds[0]["what"]["rolled_back"].clone();
    assert_eq!(deed["undone"], serde_json::json!(["small-1"]));
    deed
}

#[test]
fn memories_brought_back_and_killed_at_any_step_are_noted_once() {
    const BRING_BACK: &[&str] = &["rollback", "notes", "--path", "/", "--yes"];
    let points = kill_everywhere(&Scene {
        prepare: applied,
        arguments: BRING_BACK,
        live: Live::Quiet,
        finish: |drill| {
            let again = drill.run(&[BRING_BACK, &["--json"]].concat()).exits(0).json();
            let log = drill.run(&["log", "notes", "--json"]).exits(0).json();
            let deeds = log["data"]["deeds"].as_array().unwrap();
            assert_eq!(deeds.len(), 1, "{again:#} {deeds:#?}");
            assert!(
                deeds[0]["what"]["brought_back"]["entries"].as_array().is_some_and(|all| !all.is_empty())
            );
            assert_eq!(drill.alias().unwrap()["losses"][0]["lost"], 0);
        },
        traces: adopted(3),
    });
    eprintln!("{points} kill points of memories brought back");
}

#[test]
fn a_gc_killed_at_any_step_is_finished_by_the_next() {
    const GC: &[&str] = &["gc", "--yes"];
    let points = kill_everywhere(&Scene {
        prepare: applied,
        arguments: GC,
        live: Live::Quiet,
        finish: |drill| {
            let _ = drill.run(GC).exits(0);
            assert_eq!(drill.run(&["gc", "--yes", "--json"]).exits(0).json()["outcome"], "nothing_to_delete");
        },
        // The import and the adopted store stay; the outputs in the middle of the chain go.
        traces: Traces { stores: 2, ..adopted(3) },
    });
    // Two stores deleted, and the lease taken and given back.
    assert_eq!(points, 8);
}

fn applied() -> Drill {
    let drill = Drill::small();
    let _ = drill.apply().exits(0);
    drill
}

#[test]
fn processes_that_live_for_four_steps_each_get_there_too() {
    let undisturbed = Drill::small();
    let _ = undisturbed.apply().exits(0);
    let drill = Drill::small();
    let mut processes = 1;
    // With fewer, one process asks for a dream, the next finds it was not sent, and so on.
    while run_until(&drill, APPLY, &Point::After(4), Live::Quiet) {
        processes += 1;
        assert!(processes < 20, "no progress is made");
    }
    assert_eq!(End::of(&drill), End::of(&undisturbed));
    assert_eq!(drill.apply().exits(0).json()["outcome"], "nothing_due");
    eprintln!("{processes} processes for one run");
}

#[test]
fn an_edit_killed_at_any_step_is_made_once() {
    const EDIT: &[&str] = &["diff", "latest", "--decisions", "decisions.yaml"];
    let points = kill_everywhere(&Scene {
        prepare: || {
            let drill = awaiting_review();
            let written = ["diff", "latest", "--decisions-out", "decisions.yaml"];
            let _ = drill.run(&written).exits(0);
            let text = std::fs::read_to_string(drill.path("decisions.yaml")).unwrap();
            // What is new goes, and the rest stays as the dream made it.
            let mut is_new = false;
            let lines: Vec<&str> = text
                .lines()
                .map(|line| {
                    if line.starts_with("  fate: ") {
                        is_new = line.ends_with("new");
                    }
                    if is_new && line.starts_with("  do: ") { "  do: drop" } else { line }
                })
                .collect();
            assert!(lines.contains(&"  do: drop"), "{text}");
            std::fs::write(drill.path("decisions.yaml"), lines.join("\n")).unwrap();
            drill
        },
        arguments: EDIT,
        live: Live::Quiet,
        finish: |drill| {
            if !has(drill, "edit_intended") {
                let _ = drill.run(EDIT).exits(0);
            }
            let _ = drill.apply().exits(0);
            let edits = drill.events()["small-1"].iter().filter(|kind| *kind == "edit_intended").count();
            assert_eq!(edits, 1);
            let waits = &drill.run(&["show", "latest", "--json"]).exits(0).json()["data"]["phase"];
            assert_eq!(waits, "awaiting_review");
        },
        traces: Traces { generation: 0, claim: Some("small-1".to_owned()), dreams: 3, stores: 4 },
    });
    eprintln!("{points} kill points of an edit");
}
