//! What sessions said.

use dreamrun::ledger::testimony::Speaker;

use crate::support::NamedMinds;
use crate::world::World;

pub(crate) async fn sessions_tell_what_was_said_and_who_said_it<W: World>() {
    let world = W::open(NamedMinds::default());
    let sessions = world.told_sessions(&["the port is 8080", "Ann likes tea"]).await;
    let backwards: Vec<_> = sessions.iter().rev().cloned().collect();
    let testimony = world.backend().testimony(&backwards).await.unwrap();
    assert_eq!(testimony.unread, 0);
    let users = testimony.sayings.iter().filter(|saying| saying.speaker == Speaker::User);
    let said: Vec<_> = users.map(|saying| (saying.event.session.clone(), &*saying.text)).collect();
    let expected = [(sessions[1].clone(), "Ann likes tea"), (sessions[0].clone(), "the port is 8080")];
    assert_eq!(said, expected);
    assert!(testimony.sayings.iter().all(|saying| saying.event.event > 0));
}

pub(crate) async fn sessions_that_are_gone_are_counted<W: World>() {
    let world = W::open(NamedMinds::default());
    let sessions = world.told_sessions(&["one", "two"]).await;
    world.delete(&sessions[0]).await;
    let testimony = world.backend().testimony(&sessions).await.unwrap();
    assert_eq!(testimony.unread, 1);
    assert!(testimony.sayings.iter().all(|saying| saying.event.session == sessions[1]));
    assert!(!testimony.sayings.is_empty());
    assert_eq!(world.backend().testimony(&[]).await.unwrap(), Default::default());
}
