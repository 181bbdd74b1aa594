//! The public reference's own examples, read and written back.

use super::*;

#[test]
fn the_dream_of_the_reference_reads_back_as_written() {
    let text = r#"{"type":"dream","id":"drm_01Ab","status":"running",
 "inputs":[{"type":"memory_store","memory_store_id":"memstore_01A"},{"type":"sessions","session_ids":["sesn_01A","sesn_01B"]}],
 "outputs":[],"model":{"id":"claude-opus-5","speed":"standard"},"instructions":null,
 "output_behavior":{"type":"create_new"},"session_id":"sesn_01Z",
 "created_at":"2026-11-22T10:00:00Z","ended_at":null,"archived_at":null,
 "usage":{"input_tokens":0,"output_tokens":0,"cache_read_input_tokens":0,"cache_creation_input_tokens":0},"error":null}"#;
    let expected: Value = serde_json::from_str(text).unwrap();
    let dream: Dream = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_value(&dream).unwrap(), expected);
}

#[test]
fn an_answer_of_a_later_api_is_read_all_the_same() {
    let text = r#"{"id":"drm_1","status":"paused","inputs":[],"model":{"id":"m","tier":"x"},
        "outputs":[{"type":"knowledge_graph","id":"kg_1"}],"created_at":"2026-11-22T10:00:00+01:00","mood":1}"#;
    let dream: Dream = serde_json::from_str(text).unwrap();
    assert_eq!(dream.outputs, [DreamOutput::Other]);
    assert_eq!(dream.output_behavior, OutputBehavior::CreateNew);
    assert_eq!(dream.created_at.to_string(), "2026-11-22T09:00:00Z");
}

#[test]
fn an_error_keeps_what_is_in_the_way() {
    let text = r#"{"type":"error","error":{"type":"memory_path_conflict_error","message":"taken",
        "conflicting_memory_id":"","conflicting_path":"/a"},"request_id":null}"#;
    let body: ErrorBody = serde_json::from_str(text).unwrap();
    assert_eq!(body.error.conflicting_path.as_deref(), Some("/a"));
    assert_eq!(serde_json::to_value(&body).unwrap(), serde_json::from_str::<Value>(text).unwrap());
}
