//! Viewers that send nonsense, too much, or nothing more: each gets a clear answer, and nothing else stops.

use crate::support::{N_STREAM, TestServer, config, within_limit};
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::{Bytes, Message};

#[tokio::test]
async fn nonsense_gets_an_error_and_the_connection_stays() {
    let server = TestServer::start(config()).await;
    let mut viewer = server.viewer().await;
    let mut check = async |text: &str, code: &str| {
        viewer.send_text(text).await;
        assert_eq!(viewer.next_error().await, code, "{text}");
    };
    check("", "malformed").await;
    check("{", "malformed").await;
    check("[]", "malformed").await;
    check("{}", "malformed").await;
    check("{\"op\":\"fly\"}", "unknown-op").await;
    check("{\"op\":\"subscribe\",\"channel\":7}", "unknown-channel").await;
    check("{\"op\":\"subscribe\"}", "bad-value").await;
    check(
        "{\"op\":\"subscribe\",\"channel\":1,\"encoding\":\"morse\"}",
        "bad-value",
    )
    .await;
    check("{\"op\":\"subscribe\",\"channel\":1,\"credit\":0}", "bad-value").await;
    check(
        "{\"op\":\"subscribe\",\"channel\":1,\"queue\":4000000000}",
        "bad-value",
    )
    .await;
    check("{\"op\":\"ack\",\"channel\":1,\"next_seq\":0}", "not-subscribed").await;
    viewer
        .socket
        .send(Message::Binary(Bytes::from_static(&[1, 2, 3])))
        .await
        .unwrap();
    assert_eq!(viewer.next_error().await, "malformed");

    viewer.subscribe(|request| request.credit = Some(1)).await;
    viewer.collect(0, 1).await;
    viewer.acknowledge(1_000_000).await;
    assert_eq!(viewer.next_error().await, "bad-value");
    viewer.ping().await;
}

#[tokio::test]
async fn a_huge_message_closes_its_connection_and_no_other() {
    let server = TestServer::start(config()).await;
    let (mut bad, mut good) = (server.viewer().await, server.viewer().await);
    good.subscribe(|request| request.credit = Some(1)).await;
    good.collect(0, 1).await;
    // Far more than fits any buffer: the server has to read on, or its last words would be lost.
    bad.socket.send(Message::text("x".repeat(300_000))).await.unwrap();
    assert_eq!(u16::from(bad.close_frame().await.unwrap().code), 1009);
    good.collect(1, N_STREAM).await;
}

/// Sends raw bytes instead of a frame; the code that the server closes with.
async fn close_code_for(bytes: &[u8]) -> u16 {
    let server = TestServer::start(config()).await;
    let mut viewer = server.viewer().await;
    viewer.socket.get_mut().write_all(bytes).await.unwrap();
    let code = viewer.close_frame().await.unwrap().code.into();
    server.viewer().await.ping().await;
    code
}

/// FIN and an opcode, then a length with the mask bit, then a mask of zeros.
const fn masked_head(opcode: u8, n_bytes: u8) -> [u8; 6] {
    [0x80 | opcode, 0x80 | n_bytes, 0, 0, 0, 0]
}

#[tokio::test]
async fn frames_that_break_the_rules_close_with_the_code_for_it() {
    let text_that_is_not_utf8 = [&masked_head(1, 2)[..], &[0xff, 0xfe]].concat();
    assert_eq!(close_code_for(&text_that_is_not_utf8).await, 1007);
    let unknown_opcode = [&masked_head(3, 1)[..], &[0]].concat();
    assert_eq!(close_code_for(&unknown_opcode).await, 1002);
    let reserved_bit = [&[0xc1][..], &masked_head(1, 1)[1..], b"x"].concat();
    assert_eq!(close_code_for(&reserved_bit).await, 1002);
    let without_mask = [0x81, 1, b'x'];
    assert_eq!(close_code_for(&without_mask).await, 1002);
    let announced_as_huge = [&[0x81, 0x80 | 127][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    assert_eq!(close_code_for(&announced_as_huge).await, 1009);
    let continuation_of_nothing = masked_head(0, 0);
    assert_eq!(close_code_for(&continuation_of_nothing).await, 1002);
}

#[tokio::test]
async fn a_viewer_that_vanishes_frees_everything() {
    let server = TestServer::start(config()).await;
    let mut stays = server.viewer().await;
    stays.subscribe(|request| request.credit = Some(1)).await;
    stays.collect(0, 1).await;
    let mut vanishes = server.viewer().await;
    vanishes.subscribe(|request| request.credit = Some(1)).await;
    vanishes.status(|_| true).await;
    // In the middle of a frame.
    vanishes
        .socket
        .get_mut()
        .write_all(&masked_head(1, 100))
        .await
        .unwrap();
    drop(vanishes);
    within_limit(async { while server.health().await["n_viewers"] != 1 {} }).await;
    assert_eq!(server.health().await["channels"][0]["n_subscriptions"], 1);
    // The one that vanished had taken nothing for good: it must not hold the stream back.
    stays.collect(1, N_STREAM).await;
}

#[tokio::test]
async fn closing_is_answered() {
    let server = TestServer::start(config()).await;
    let mut viewer = server.viewer().await;
    viewer.socket.close(None).await.unwrap();
    while let Some(Ok(_)) = within_limit(viewer.socket.next()).await {}
    within_limit(async { while server.health().await["n_viewers"] != 0 {} }).await;
}
