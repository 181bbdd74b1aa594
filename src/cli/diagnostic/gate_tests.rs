//! The problems of gates as a user sees them.

use insta::assert_snapshot;

use super::tests::{drawn, with};

#[test]
fn shares_are_explained() {
    assert_snapshot!(drawn(&with("gates:\n  entries_removed: {review: NaN%, block: 60 %}\n  entries_added: {review: 0.2}\n  bytes:\n    shrink: {block: 60}\n    grow: {review: -5%, block: 2000%}\n")), @r#"
    error[DR0311]: invalid threshold
     --> pipelines/nightly.yaml:7:29
      |
    7 |   entries_removed: {review: NaN%, block: 60 %}
      |                             ^^^^ not-a-number is no share
      |
      = help: write a share as `60%`, or a count as a whole number

    error[DR0311]: invalid threshold
     --> pipelines/nightly.yaml:7:42
      |
    7 |   entries_removed: {review: NaN%, block: 60 %}
      |                                          ^^^^ no space may stand before the percent sign
      |
      = help: write `60%`

    error[DR0311]: invalid threshold
     --> pipelines/nightly.yaml:8:27
      |
    8 |   entries_added: {review: 0.2}
      |                           ^^^ a share needs a percent sign
      |
      = help: did you mean `20%`?

    error[DR0311]: invalid threshold
      --> pipelines/nightly.yaml:10:21
       |
    10 |     shrink: {block: 60}
       |                     ^^ this means 60 bytes
       |
       = help: write `60%` for a share

    error[DR0311]: invalid threshold
      --> pipelines/nightly.yaml:11:20
       |
    11 |     grow: {review: -5%, block: 2000%}
       |                    ^^^ a share cannot be negative
       |
       = help: write a share as `60%`, or a count as a whole number

    error[DR0311]: invalid threshold
      --> pipelines/nightly.yaml:11:32
       |
    11 |     grow: {review: -5%, block: 2000%}
       |                                ^^^^^ a share is at most 1000%
    "#);
}

#[test]
fn not_a_number_is_no_number() {
    assert_snapshot!(drawn(&with("gates:\n  bytes:\n    grow: {block: .nan}\n")), @r#"
    error[DR0110]: number out of range
     --> pipelines/nightly.yaml:8:19
      |
    8 |     grow: {block: .nan}
      |                   ^^^^ infinity and not-a-number have no meaning here
      |
      = help: give a number, or quote it if it is text
    "#);
}

#[test]
fn thresholds_in_the_wrong_order_are_explained() {
    assert_snapshot!(drawn(&with("gates:\n  entries_removed: {review: 90%}\n  entries_added: {review: 50%, block: 20%}\n  bytes: {grow: {}}\n")), @r#"
    warning[DR0313]: default block stands below review
     --> pipelines/nightly.yaml:7:29
      |
    7 |   entries_removed: {review: 90%}
      |                             ^^^ the default `block` comes before this
      |
      = help: set `block` as well; its default is 80%

    error[DR0312]: review is above block
     --> pipelines/nightly.yaml:8:27
      |
    8 |   entries_added: {review: 50%, block: 20%}
      |                           ^^^ `block` comes before this
      |
      = help: make `review` the lower of the two

    error[DR0206]: missing key
     --> pipelines/nightly.yaml:9:11
      |
    9 |   bytes: {grow: {}}
      |           ^^^^ this sets neither `review` nor `block`, so it does nothing
      |
      = help: set one of them, such as `review: 20%`
    "#);
}

#[test]
fn gates_that_would_do_nothing_are_refused() {
    assert_snapshot!(drawn(&with("gates:\n  lost: {paths: [{paths: [people]}], judge: model, over_30_days: {}}\n  policy: [{paths: [\"/a\"]}]\n  protected: {on_change: review}\n  size_reduction: {otherwise: block}\n  cost: {}\n")), @r#"
    error[DR0206]: missing key
     --> pipelines/nightly.yaml:7:18
      |
    7 |   lost: {paths: [{paths: [people]}], judge: model, over_30_days: {}}
      |                  ^^^^^^^^^^^^^^^^^ this sets neither `review` nor `block`, so it does nothing
      |
      = help: set one of them, such as `review: 20%`

    error[DR0317]: invalid path or glob
     --> pipelines/nightly.yaml:7:27
      |
    7 |   lost: {paths: [{paths: [people]}], judge: model, over_30_days: {}}
      |                           ^^^^^^ memory paths begin with `/`
      |
      = help: write `/people`

    error[DR0502]: key not available in this version
     --> pipelines/nightly.yaml:7:38
      |
    7 |   lost: {paths: [{paths: [people]}], judge: model, over_30_days: {}}
      |                                      ^^^^^ a model that judges is not available in this version
      |
      = note: rules judge what is lost, the same way each time
      = help: remove it

    error[DR0206]: missing key
     --> pipelines/nightly.yaml:7:52
      |
    7 |   lost: {paths: [{paths: [people]}], judge: model, over_30_days: {}}
      |                                                    ^^^^^^^^^^^^ this sets neither `review` nor `block`, so it does nothing
      |
      = help: set one of them, such as `review: 20%`

    error[DR0206]: missing key
     --> pipelines/nightly.yaml:8:12
      |
    8 |   policy: [{paths: ["/a"]}]
      |            ^^^^^^^^^^^^^^^ this rule names no change, so it does nothing
      |
      = help: set one of `add`, `edit`, `remove`, `move` or `lose`

    error[DR0206]: missing key
     --> pipelines/nightly.yaml:9:3
      |
    9 |   protected: {on_change: review}
      |   ^^^^^^^^^ this names neither `paths` nor `statements`, so it protects nothing
      |
      = help: set one of them, such as `paths: ["/policy/**"]`

    error[DR0206]: missing key
      --> pipelines/nightly.yaml:10:3
       |
    10 |   size_reduction: {otherwise: block}
       |   ^^^^^^^^^^^^^^ this sets neither `min` nor `max`, so it does nothing
       |
       = help: set one of them, such as `max: 60%`

    error[DR0206]: missing key
      --> pipelines/nightly.yaml:11:3
       |
    11 |   cost: {}
       |   ^^^^ this sets neither `review_usd` nor `block_usd`, so it does nothing
       |
       = help: set one of them, such as `review_usd: 2`
    "#);
}

#[test]
fn settings_of_gates_that_make_no_sense_are_refused_where_they_stand() {
    assert_snapshot!(drawn(&with("gates:\n  lost: {review: 3%, block: 2%, over_30_days: 0, over_7_days: {review: 5%, block: 1%}}\n  size_reduction: {min: 60%, max: 20}\n  cost: {review_usd: 5, block_usd: 2}\n  protected:\n    statements: [\"---\", \"- one\\n- two\", {path: policy, text: Never on Fridays.}]\n")), @r#"
    error[DR0312]: review is above block
     --> pipelines/nightly.yaml:7:18
      |
    7 |   lost: {review: 3%, block: 2%, over_30_days: 0, over_7_days: {review: 5%, block: 1%}}
      |                  ^^ `block` comes before this
      |
      = help: make `review` the lower of the two

    error[DR0311]: invalid threshold
     --> pipelines/nightly.yaml:7:47
      |
    7 |   lost: {review: 3%, block: 2%, over_30_days: 0, over_7_days: {review: 5%, block: 1%}}
      |                                               ^ a count trips at it, so 0 would always trip
      |
      = help: write `1` to trip at the first, or `0%` to trip above nothing

    error[DR0312]: review is above block
     --> pipelines/nightly.yaml:7:72
      |
    7 |   lost: {review: 3%, block: 2%, over_30_days: 0, over_7_days: {review: 5%, block: 1%}}
      |                                                                        ^^ `block` comes before this
      |
      = help: make `review` the lower of the two

    error[DR0311]: invalid threshold
     --> pipelines/nightly.yaml:8:35
      |
    8 |   size_reduction: {min: 60%, max: 20}
      |                                   ^^ a share needs a percent sign
      |
      = help: write `20%`

    error[DR0312]: review is above block
     --> pipelines/nightly.yaml:9:22
      |
    9 |   cost: {review_usd: 5, block_usd: 2}
      |                      ^ `block_usd` comes before this
      |
      = help: make `review_usd` the lower of the two

    error[DR0328]: not one statement
      --> pipelines/nightly.yaml:11:18
       |
    11 |     statements: ["---", "- one\n- two", {path: policy, text: Never on Fridays.}]
       |                  ^^^^^ this holds no statement
       |
       = help: give the words of a line or a sentence

    error[DR0328]: not one statement
      --> pipelines/nightly.yaml:11:25
       |
    11 |     statements: ["---", "- one\n- two", {path: policy, text: Never on Fridays.}]
       |                         ^^^^^^^^^^^^^^ these are 2 statements
       |
       = help: pin each of them on its own

    error[DR0317]: invalid path or glob
      --> pipelines/nightly.yaml:11:48
       |
    11 |     statements: ["---", "- one\n- two", {path: policy, text: Never on Fridays.}]
       |                                                ^^^^^^ path must start with `/` and name something
    "#);
}
