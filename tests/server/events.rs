//! Events over HTTP: what may be sent, what a turn looks like without an agent, lists and streams.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Server;
use super::sessions::World;

/// How long a frame may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(20);

fn message(text: &str) -> Value {
    json!({"type": "user.message", "content": [{"type": "text", "text": text}]})
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

async fn recording() -> World {
    World::of(Server::with(|options| options.is_recording = true).await).await
}

/// Reads a stream, frame by frame.
struct Frames {
    response: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<Vec<u8>>> + Send>>,
    text: String,
}

impl Frames {
    fn of(response: Response) -> Self {
        let body = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec()));
        Self { response: Box::pin(body), text: String::new() }
    }

    /// Returns the name and the data of the next event; none at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.text = rest;
                let line = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
                if let (Some(kind), Some(data)) = (line("event: "), line("data: ")) {
                    return Some((kind.to_owned(), serde_json::from_str(data).unwrap()));
                }
                continue;
            }
            let chunk = timeout(DEADLINE, self.response.next()).await.expect("a frame in time")?;
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }
}

#[tokio::test]
async fn a_message_is_echoed_and_the_turn_ends_by_itself() {
    let world = World::start().await;
    let path = format!("/v1/sessions/{}/events", world.session(&json!({})).await);
    let sent = world.server.post(&path, &json!({"events": [message("hello")]})).await.expect(200);
    let echo = &sent["data"].as_array().unwrap()[0];
    assert!(echo["id"].as_str().unwrap().starts_with("sevt_"));
    assert_eq!(echo["processed_at"], "2026-11-20T09:00:00Z");
    assert_eq!(echo["content"], message("hello")["content"]);
    let events = world.server.all(&path, 2).await;
    assert_eq!(
        types(&events),
        ["user.message", "session.status_running", "session.usage", "session.status_idle"]
    );
    assert_eq!(events[0], *echo);
    assert_eq!(events[3]["stop_reason"], json!({"type": "end_turn"}));
    assert!(events[2]["usage"]["input_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_session_that_begins_with_events_starts_running() {
    let world = World::start().await;
    let outcome = json!({"type": "user.define_outcome", "description": "done",
        "rubric": {"type": "text", "content": "all of it"}});
    let body = world.body(&json!({"initial_events": [message("go"), outcome]}));
    let made = world.server.post("/v1/sessions", &body).await.expect(200);
    assert_eq!(made["status"], "running");
    let path = format!("/v1/sessions/{}", made["id"].as_str().unwrap());
    let now = world.server.get(&path).await.expect(200);
    assert_eq!(now["status"], "idle");
    let evaluation = &now["outcome_evaluations"][0];
    assert_eq!((&evaluation["result"], &evaluation["iteration"]), (&json!("pending"), &json!(0)));
    let events = world.server.all(&format!("{path}/events"), 20).await;
    let defined = events.iter().find(|event| event["type"] == "user.define_outcome").unwrap();
    assert_eq!(defined["outcome_id"], evaluation["outcome_id"]);
    for initial in
        [json!([{"type": "user.interrupt"}]), json!([outcome, outcome]), json!(vec![message("x"); 51])]
    {
        let body = world.body(&json!({ "initial_events": initial }));
        world.server.post("/v1/sessions", &body).await.refused(400, "invalid_request_error");
    }
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_by_its_place_and_nothing_is_kept() {
    let world = World::start().await;
    let path = format!("/v1/sessions/{}/events", world.session(&json!({})).await);
    let text = json!([{"type": "text", "text": "x"}]);
    let cases = [
        (json!({}), "events"),
        (json!({"events": []}), "events"),
        (json!({"events": [{"content": text}]}), "events[0].type"),
        (json!({"events": [message("a"), {"type": "agent.message", "content": text}]}), "events[1].type"),
        (json!({"events": [{"type": "user.message"}]}), "events[0].content"),
        (json!({"events": [{"type": "user.message", "content": []}]}), "events[0].content"),
        (json!({"events": [{"type": "user.message", "content": [{"type": "redacted"}]}]}), "content[0].type"),
        (json!({"events": [{"type": "user.message", "content": text, "mood": 1}]}), "events[0].mood"),
        (
            json!({"events": [{"type": "user.message", "content": [{"type": "image", "source": {"type": "url"}}]}]}),
            "source.url",
        ),
        (
            json!({"events": [{"type": "user.tool_confirmation", "tool_use_id": "sevt_x", "result": "maybe"}]}),
            "result",
        ),
        (
            json!({"events": [{"type": "user.tool_confirmation", "tool_use_id": "sevt_x", "result": "allow"}]}),
            "tool_use_id",
        ),
        (json!({"events": [{"type": "user.tool_result", "tool_use_id": "sevt_x"}]}), "self-hosted"),
        (
            json!({"events": [{"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_x"}]}),
            "custom_tool_use_id",
        ),
        (json!({"events": [{"type": "system.message", "content": text}]}), "events[0]"),
        (
            json!({"events": [{"type": "user.define_outcome", "description": "d", "rubric": {"type": "text", "content": "c"}, "max_iterations": 21}]}),
            "max_iterations",
        ),
    ];
    for (body, place) in cases {
        let message = world.server.post(&path, &body).await.refused(400, "invalid_request_error");
        assert!(message.contains(place), "{message} for {body}");
    }
    assert!(world.server.all(&path, 20).await.is_empty());
    let good = json!({"events": [message("a"), {"type": "system.message", "content": text}]});
    world.server.post(&path, &good).await.expect(200);
    let events = world.server.all(&path, 20).await;
    assert_eq!(types(&events)[..3], ["user.message", "system.message", "session.status_running"]);
    world.server.post("/v1/sessions/sesn_none/events", &good).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn a_recording_server_takes_what_an_agent_did() {
    let world = recording().await;
    let id = world.session(&json!({})).await;
    let path = format!("/v1/sessions/{id}/events");
    let said = json!([{"type": "text", "text": "Done."}]);
    let batch = json!({"events": [
        message("ship it"),
        {"type": "agent.custom_tool_use", "id": "sevt_mine", "name": "ship", "input": {}},
        {"type": "agent.message", "content": said, "processed_at": "2026-11-19T08:00:00Z"},
    ]});
    let sent = world.server.post(&path, &batch).await.expect(200);
    assert_eq!(sent["data"].as_array().unwrap().len(), 3);
    assert_eq!(sent["data"][1]["id"], "sevt_mine");
    let result = json!({"events": [{"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_mine", "content": said}]});
    world.server.post(&path, &result).await.expect(200);
    world.server.post(&path, &batch).await.refused(400, "invalid_request_error");
    let events = world.server.all(&path, 1_000).await;
    let turn = ["session.usage", "session.status_idle"];
    let expected = [
        &["user.message", "session.status_running", "agent.custom_tool_use", "agent.message"] as &[_],
        &turn,
        &["user.custom_tool_result", "session.status_running"],
        &turn,
    ]
    .concat();
    assert_eq!(types(&events), expected);
    assert_eq!(events[3]["processed_at"], "2026-11-19T08:00:00Z");
    let own = json!({"events": [message("again"), {"type": "session.status_running"}]});
    world.server.post(&path, &own).await.expect(200);
    assert_eq!(world.server.get(&format!("/v1/sessions/{id}")).await.expect(200)["status"], "running");
}

#[tokio::test]
async fn a_recording_server_takes_only_what_readers_can_read() {
    let world = recording().await;
    let path = format!("/v1/sessions/{}/events", world.session(&json!({})).await);
    let usage = json!({"input_tokens": 7, "output_tokens": 3, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 1});
    let busy =
        json!({"type": "model_overloaded_error", "message": "busy", "retry_status": {"type": "retrying"}});
    let use_of = |more: &Value| {
        let mut event = json!({"type": "agent.tool_use", "name": "read", "input": {}});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let refused = [
        (json!({"type": "span.model_request_end", "foo": 1}), "events[0].foo"),
        (json!({"type": "span.model_request_end", "model_usage": usage}), "model_request_start_id"),
        (
            json!({"type": "span.model_request_end", "model_request_start_id": "sevt_1", "model_usage": {}}),
            "model_usage.input_tokens",
        ),
        (json!({"type": "session.usage"}), "events[0].usage"),
        (json!({"type": "session.usage", "usage": {"input_tokens": "7"}}), "usage.input_tokens"),
        (json!({"type": "session.usage", "usage": {"list_cost": {"amount": "1"}}}), "usage.list_cost"),
        (json!({"type": "session.status_idle", "stop_reason": 5}), "events[0].stop_reason"),
        (json!({"type": "session.status_idle", "stop_reason": {"type": "bored"}}), "stop_reason.type"),
        (json!({"type": "session.status_idle", "stop_reason": {"type": "requires_action"}}), "event_ids"),
        (json!({"type": "session.status_running", "why": "x"}), "events[0].why"),
        (
            json!({"type": "session.error", "error": {"type": "unknown_error", "message": "x"}}),
            "retry_status",
        ),
        (json!({"type": "session.error", "error": {"type": "bad_day"}}), "error.type"),
        (json!({"type": "agent.mcp_tool_use", "name": "n", "input": {}}), "mcp_server_name"),
        (use_of(&json!({"input": "x"})), "events[0].input"),
        (use_of(&json!({"evaluated_permission": "maybe"})), "evaluated_permission"),
        (use_of(&json!({"evaluation": {"type": "auto"}})), "evaluation.evaluated_permission"),
        (json!({"type": "agent.thread_message_sent", "content": []}), "to_session_thread_id"),
        (json!({"type": "span.outcome_evaluation_start", "outcome_id": "outc_1"}), "iteration"),
        (json!({"type": "span.outcome_evaluation_end", "outcome_id": "outc_1", "iteration": 0}), "start_id"),
        (json!({"type": "agent.thinking", "processed_at": "yesterday"}), "processed_at"),
        (json!({"type": "agent.thinking", "id": "event_1"}), "events[0].id"),
    ];
    for (event, place) in refused {
        let answer = world.server.post(&path, &json!({"events": [event]})).await;
        let message = answer.refused(400, "invalid_request_error");
        assert!(message.contains(place), "{message} for {event}");
    }
    let twice = json!({"type": "agent.thinking", "id": "sevt_twice"});
    let answer = world.server.post(&path, &json!({"events": [twice, twice]})).await;
    let message = answer.refused(400, "invalid_request_error");
    assert!(message.starts_with("events[1].id"), "{message}");
    assert!(world.server.all(&path, 20).await.is_empty());

    let good = json!({"events": [
        {"type": "agent.thinking", "processed_at": "2026-11-19T10:00:00.5+02:00"},
        use_of(&json!({"evaluated_permission": "allow", "evaluation": {"type": "auto", "evaluated_permission": "allow"}})),
        {"type": "agent.tool_result", "tool_use_id": "sevt_1", "content": [{"type": "search_result",
            "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}], "citations": {"enabled": true}}]},
        {"type": "agent.thread_message_received", "from_session_thread_id": "sthr_1", "content": []},
        {"type": "span.model_request_end", "model_request_start_id": "sevt_1", "model_usage": usage},
        {"type": "span.outcome_evaluation_end", "outcome_evaluation_start_id": "", "outcome_id": "outc_1",
            "iteration": 0, "result": "satisfied", "explanation": "all there", "usage": usage},
        {"type": "session.error", "error": busy},
        {"type": "session.usage", "usage": {"input_tokens": 7, "list_cost": {"amount": "1", "currency": "USD"}}},
        {"type": "session.status_idle", "stop_reason": {"type": "refusal"},
            "stop_details": {"type": "refusal", "category": "bio", "explanation": null}},
    ]});
    let sent = world.server.post(&path, &good).await.expect(200);
    assert_eq!(sent["data"][0]["processed_at"], "2026-11-19T08:00:00.5Z");
}

#[tokio::test]
async fn events_are_listed_by_type_time_and_order() {
    let world = World::start().await;
    let path = format!("/v1/sessions/{}/events", world.session(&json!({})).await);
    for text in ["one", "two"] {
        world.server.post(&path, &json!({"events": [message(text)]})).await.expect(200);
        super::stores::wait(&world.server, 60);
    }
    let texts = async |query: &str| {
        let found = world.server.all(&format!("{path}?types[]=user.message{query}"), 1).await;
        found.iter().map(|event| event["content"][0]["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts("").await, ["one", "two"]);
    assert_eq!(texts("&order=desc").await, ["two", "one"]);
    assert_eq!(texts("&created_at[gt]=2026-11-20T09:00:00Z").await, ["two"]);
    assert_eq!(texts("&created_at[lte]=2026-11-20T09:00:00Z").await, ["one"]);
    assert_eq!(world.server.all(&path, 1_000).await.len(), 8);
    world.server.get(&format!("{path}?limit=1001")).await.refused(400, "invalid_request_error");
    let first = world.server.get(&format!("{path}?limit=1")).await.expect(200);
    let other = format!("{path}?order=desc&page={}", first["next_page"].as_str().unwrap());
    world.server.get(&other).await.refused(400, "invalid_request_error");
}

#[tokio::test]
async fn a_stream_tells_what_comes_after_it_was_opened() {
    let world = World::start().await;
    let id = world.session(&json!({"initial_events": [message("before")]})).await;
    let path = format!("/v1/sessions/{id}/events");
    let response = world.server.open(&format!("{path}/stream")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut frames = Frames::of(response);
    let sent = world.server.post(&path, &json!({"events": [message("after")]})).await.expect(200);
    let (kind, event) = frames.next().await.unwrap();
    assert_eq!((kind.as_str(), &event), ("user.message", &sent["data"][0]));
    for expected in ["session.status_running", "session.usage", "session.status_idle"] {
        assert_eq!(frames.next().await.unwrap().0, expected);
    }
    world.server.delete(&format!("/v1/sessions/{id}")).await.expect(200);
    let (kind, event) = frames.next().await.unwrap();
    assert_eq!(kind, "session.deleted");
    assert!(event["id"].is_string() && event["processed_at"].is_string());
    assert_eq!(frames.next().await, None);
}

#[tokio::test]
async fn a_stream_ends_with_its_session_or_its_server() {
    let world = World::start().await;
    let first = world.session(&json!({})).await;
    let second = world.session(&json!({})).await;
    let mut archived = Frames::of(world.server.open(&format!("/v1/sessions/{first}/events/stream")).await);
    let thread = format!("sthr_{}", second.strip_prefix("sesn_").unwrap());
    let path = format!("/v1/sessions/{second}/threads/{thread}/stream?event_deltas[]=agent.message");
    let mut open = Frames::of(world.server.open(&path).await);
    world.server.post_empty(&format!("/v1/sessions/{first}/archive")).await.expect(200);
    assert_eq!(archived.next().await.unwrap().0, "session.status_terminated");
    assert_eq!(archived.next().await, None);
    let path = format!("/v1/sessions/{first}/events/stream");
    assert_eq!(Frames::of(world.server.open(&path).await).next().await, None, "it was archived before");
    let World { server, .. } = world;
    let (stopped, end) = tokio::join!(server.stop(), open.next());
    stopped.unwrap();
    assert_eq!(end, None);
}

#[tokio::test]
async fn a_stream_is_refused_before_it_opens() {
    let world = World::start().await;
    let id = world.session(&json!({})).await;
    let path = format!("/v1/sessions/{id}/events/stream");
    for query in
        ["event_deltas[]=user.message".to_owned(), vec!["event_deltas[]=agent.message"; 101].join("&")]
    {
        world.server.get(&format!("{path}?{query}")).await.refused(400, "invalid_request_error");
    }
    world.server.get("/v1/sessions/sesn_none/events/stream").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn a_stream_misses_and_repeats_nothing_while_many_write() {
    let world = World::start().await;
    let id = world.session(&json!({})).await;
    let path = format!("/v1/sessions/{id}/events");
    let mut frames = Frames::of(world.server.open(&format!("{path}/stream")).await);
    let texts: Vec<String> = (0..24).map(|number| number.to_string()).collect();
    let bodies: Vec<Value> = texts.iter().map(|text| json!({"events": [message(text)]})).collect();
    let sends = futures_util::future::join_all(bodies.iter().map(|body| world.server.post(&path, body)));
    let read = async {
        let mut seen = Vec::new();
        while seen.len() < 4 * texts.len() {
            seen.push(frames.next().await.unwrap().1);
        }
        seen
    };
    let (answers, seen) = tokio::join!(sends, read);
    answers.into_iter().for_each(|answer| drop(answer.expect(200)));
    assert_eq!(seen, world.server.all(&path, 7).await);
}
