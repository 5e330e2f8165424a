//! What is sent is as the standard has it; what comes is understood, whole or in pieces, or refused.

use futures::FutureExt as _;
use proptest::prelude::*;

use super::*;

const V: [Version; 2] = [Version::V311, Version::V5];

fn packets(version: Version, bytes: &[u8], max_payload: usize) -> Packets<&[u8]> {
    Packets::new(bytes, version, max_payload)
}

async fn all(version: Version, bytes: &[u8]) -> Vec<Packet> {
    let mut packets = packets(version, bytes, 1_024);
    let mut all = Vec::new();
    loop {
        match packets.next().await {
            Ok(packet) => all.push(packet),
            Err(PacketError::Ended) => return all,
            Err(error) => panic!("{error}"),
        }
    }
}

fn message(topic: &'static str, payload: &'static str) -> Packet {
    Packet::Publish(Publish {
        topic: Bytes::from_static(topic.as_bytes()),
        is_retained: false,
        packet_id: None,
        payload: Some(Bytes::from_static(payload.as_bytes())),
    })
}

#[test]
fn what_is_sent_is_as_the_standard_has_it() {
    assert_eq!(
        connect(Version::V311, "ab", 30, None),
        b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x1e\x00\x02ab"
    );
    assert_eq!(
        connect(Version::V5, "ab", 30, Some(("me", Some("pw")))),
        b"\x10\x17\x00\x04MQTT\x05\xc2\x00\x1e\x00\x00\x02ab\x00\x02me\x00\x02pw"
    );
    assert_eq!(
        connect(Version::V311, "", 258, Some(("me", None))),
        b"\x10\x10\x00\x04MQTT\x04\x82\x01\x02\x00\x00\x00\x02me"
    );
    assert_eq!(
        subscribe(Version::V311, "a/#"),
        b"\x82\x08\x00\x01\x00\x03a/#\x01"
    );
    assert_eq!(
        subscribe(Version::V5, "a/#"),
        b"\x82\x09\x00\x01\x00\x00\x03a/#\x01"
    );
    let long = "x".repeat(200);
    assert_eq!(subscribe(Version::V311, &long)[..3], [0x82, 0xcd, 0x01]);
    let mut acks = Vec::new();
    put_ack(0x0102, &mut acks);
    assert_eq!(acks, b"\x40\x02\x01\x02");
}

/// One of each packet, as a broker sends them, and what they mean.
fn samples(version: Version) -> (Vec<Vec<u8>>, Vec<Packet>) {
    let is_5 = version == Version::V5;
    let with = |before: &[u8], properties: &[u8], after: &[u8]| {
        let length = [properties.len() as u8];
        let properties: &[&[u8]] = if is_5 { &[&length, properties] } else { &[] };
        [before, &properties.concat(), after].concat()
    };
    let words = |words: &str| is_5.then(|| words.to_owned());
    let bytes = vec![
        packet(0x20, &with(b"\0\x05", b"\x13\0\x0a\x1f\0\x03no!\x21\0\x05", b"")),
        packet(0x90, &with(b"\0\x01", b"\x1f\0\x02ok", b"\x80")),
        packet(0xd0, b""),
        packet(0x30, &with(b"\0\x01a", b"\x26\0\x01u\0\x02vv", b"1")),
        packet(
            0x33,
            &with(
                b"\0\x01b\x12\x34",
                b"\x02\0\0\0\x09\x0b\x80\x01\x01\x01\x03\0\x01t",
                b"2",
            ),
        ),
        packet(0x30, &with(b"\0\x01c", b"", b"")),
    ];
    let retained = Packet::Publish(Publish {
        topic: Bytes::from_static(b"b"),
        is_retained: true,
        packet_id: Some(0x1234),
        payload: Some(Bytes::from_static(b"2")),
    });
    let meaning = vec![
        Packet::ConnAck {
            code: 5,
            reason: words("no!"),
            keep_alive_secs: is_5.then_some(10),
        },
        Packet::SubAck {
            code: 0x80,
            reason: words("ok"),
        },
        Packet::PingResp,
        message("a", "1"),
        retained,
        message("c", ""),
    ];
    (bytes, meaning)
}

#[tokio::test]
async fn what_comes_is_understood_in_both_versions() {
    for version in V {
        let (bytes, meaning) = samples(version);
        assert_eq!(all(version, &bytes.concat()).await, meaning, "{version:?}");
    }
    let ends = [
        packet(0xe0, b""),
        packet(0xe0, b"\x8b"),
        packet(0xe0, b"\x98\x06\x1f\0\x03bye"),
    ];
    let end = |code, reason: Option<&str>| Packet::Disconnect {
        code,
        reason: reason.map(str::to_owned),
    };
    assert_eq!(
        all(Version::V5, &ends.concat()).await,
        [end(0, None), end(0x8b, None), end(0x98, Some("bye"))]
    );
}

#[tokio::test]
async fn where_the_stream_is_cut_does_not_matter() {
    for version in V {
        let (bytes, meaning) = samples(version);
        let bytes = bytes.concat();
        for cut in 0..bytes.len() {
            let stream = in_two(&bytes[..cut], &bytes[cut..]);
            let mut packets = Packets::new(stream, version, 1_024);
            for expected in &meaning {
                assert_eq!(packets.next().await.unwrap(), *expected, "cut at {cut}");
            }
        }
    }
}

/// The one after the other; a read ends where the first does.
fn in_two<'b>(first: &'b [u8], second: &'b [u8]) -> impl AsyncRead + Unpin + 'b {
    tokio::io::AsyncReadExt::chain(first, second)
}

#[tokio::test]
async fn a_message_that_is_too_large_is_thrown_away_and_the_next_is_read() {
    let large = packet(0x32, &[b"\0\x01a\0\x07", [0; 2_000_000].as_slice()].concat());
    let stream = [large, packet(0x30, b"\0\x01b1")].concat();
    let mut packets = packets(Version::V311, &stream, 1_024);
    let Ok(Packet::Publish(publish)) = packets.next().await else {
        panic!("expected a message");
    };
    assert_eq!(
        (publish.topic(), publish.packet_id, &publish.payload),
        ("a", Some(7), &None),
        "it is acknowledged, or the broker would send it for ever"
    );
    assert_eq!(packets.next().await.unwrap(), message("b", "1"));
    assert!(
        packets.buffer.capacity() < 300_000,
        "{}",
        packets.buffer.capacity()
    );
}

#[tokio::test]
async fn nonsense_is_an_error() {
    let check = |version, bytes: Vec<u8>, part: &'static str| async move {
        let error = packets(version, &bytes, 1_024)
            .next()
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{bytes:?}: {error}");
    };
    for version in V {
        check(
            version,
            b"\x30\xff\xff\xff\xff\x01".to_vec(),
            "more than four bytes",
        )
        .await;
        check(version, packet(0x30, b"\0\x05a"), "shorter than its fields").await;
        check(version, packet(0x30, b"\0\x01\xff\0"), "not UTF-8").await;
        check(version, packet(0x30, b"\0\0\0"), "empty").await;
        check(version, packet(0x34, b"\0\x01a\0\x01\0"), "QoS above").await;
        check(version, packet(0x20, b"\0"), "shorter than its fields").await;
        check(version, packet(0x90, b"\0\x02\0\0"), "not sent").await;
        check(version, packet(0x10, b""), "no subscriber gets").await;
        check(version, b"\xd0\xff\xff\xff\x7f".to_vec(), "hung up").await;
    }
    check(Version::V5, packet(0x30, b"\0\x01a\x01\x7f"), "a property that").await;
    check(
        Version::V5,
        packet(0x30, b"\0\x01a\x09\x01"),
        "shorter than its fields",
    )
    .await;
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        version in prop_oneof![Just(Version::V311), Just(Version::V5)],
        samples_at in prop::collection::vec(0usize..6, 0..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (samples, _) = samples(version);
        let mut bytes: Vec<u8> = samples_at.iter().flat_map(|&at| samples[at].clone()).collect();
        bytes.extend(noise);
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        let mut packets = packets(version, &bytes, 16);
        let mut n = 0;
        while packets.next().now_or_never().expect("a slice is always ready").is_ok() {
            n += 1;
        }
        prop_assert!(n <= bytes.len() / 2, "a packet has two bytes at least");
    }
}
