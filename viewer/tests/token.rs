//! A server that asks for its read token.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use protocol::{Auth, ErrorMessage, ServerMessage, ViewerMessage};
use support::Bench;
use viewer::page::Start;
use viewer::session::Action;

fn question() -> ServerMessage {
    ServerMessage::Err(ErrorMessage {
        code: "auth-required".to_owned(),
        message: "this server asks for its read token".to_owned(),
    })
}

fn auth(token: &str) -> Auth {
    let token = token.to_owned();
    Auth { token }
}

fn bench(token: Option<&str>) -> Bench {
    Bench::with(Start {
        url: "ws://127.0.0.1:9001/live".to_owned(),
        token: token.map(auth),
        ..Start::default()
    })
}

#[test]
fn the_token_is_shown_where_it_is_asked_for_and_then_all_is_as_ever() {
    let mut bench = bench(Some("abc"));
    bench.say(&question());
    let auth = ViewerMessage::Auth(auth("abc"));
    assert_eq!(bench.take_sent(), std::slice::from_ref(&auth));
    assert_eq!(bench.state(), "connecting");
    bench.greet("first");
    bench.load();
    assert!(bench.viewer.session.is_subscribed());
    // On the next connection too.
    bench.take_sent();
    bench.viewer.session.closed("", bench.now());
    bench.tick_for(5e6);
    assert!(bench.take_actions().contains(&Action::Connect));
    bench.say(&question());
    assert_eq!(bench.take_sent(), [auth]);
}

#[test]
fn a_token_that_nobody_asks_for_stays_here() {
    let mut bench = bench(Some("abc"));
    bench.greet("first");
    bench.load();
    // Asked for when the connection stands already: that is no question of ours.
    bench.say(&question());
    let sent = bench.take_sent();
    assert!(
        !sent
            .iter()
            .any(|message| matches!(message, ViewerMessage::Auth(_))),
        "{sent:?}"
    );
    assert_eq!(bench.state(), "waiting");
}

#[test]
fn without_the_token_or_with_another_one_it_is_not_tried_again() {
    let mut without = bench(None);
    without.say(&question());
    let mut refused = bench(Some("abc"));
    refused.say(&question());
    refused.viewer.session.token_refused();
    for (mut bench, part) in [(without, "asks for"), (refused, "not this server's")] {
        assert_eq!(bench.state(), "locked");
        assert!(bench.snapshot()["message"].as_str().unwrap().contains(part));
        bench.viewer.session.closed("", bench.now());
        bench.tick_for(60e6);
        assert!(!bench.take_actions().contains(&Action::Connect));
        assert_eq!(bench.state(), "locked");
    }
}

#[test]
fn nothing_prints_the_token() {
    let start = Start {
        token: Some(auth("secret")),
        ..Start::default()
    };
    assert!(!format!("{start:?}").contains("secret"));
    let mut bench = bench(Some("secret"));
    assert!(!format!("{:?}", bench.viewer).contains("secret"));
    bench.say(&question());
    assert!(!format!("{:?}", bench.take_sent()).contains("secret"));
}
