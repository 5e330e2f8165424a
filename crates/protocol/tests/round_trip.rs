//! Whatever is sent comes back as it was, for every message and for batches.
#![cfg(not(target_family = "wasm"))]

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use protocol::*;

/// Every number that JSON can carry, subnormal and negative zero included.
fn finite() -> impl Strategy<Value = f64> {
    any::<u64>()
        .prop_map(f64::from_bits)
        .prop_filter("finite", |value| value.is_finite())
}

fn positive() -> impl Strategy<Value = f64> {
    finite()
        .prop_map(f64::abs)
        .prop_filter("above zero", |value| *value > 0.0)
}

fn number_type() -> impl Strategy<Value = NumberType> {
    prop::sample::select(&NumberType::ALL[..])
}

fn cause() -> impl Strategy<Value = GapCause> {
    prop::sample::select(vec![
        GapCause::SlowViewer,
        GapCause::HistoryLost,
        GapCause::Latest,
    ])
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..12).prop_map(|chars| chars.into_iter().collect())
}

fn feature() -> impl Strategy<Value = Feature> {
    (
        text(),
        option::of(text()),
        number_type(),
        option::of(finite()),
        option::of(finite()),
    )
        .prop_map(|(name, unit, number_type, a, b)| {
            let (min, max) = match (a, b) {
                (Some(a), Some(b)) => (Some(a.min(b)), Some(a.max(b))),
                ends => ends,
            };
            Feature {
                name,
                unit,
                number_type,
                min,
                max,
            }
        })
}

fn replay() -> impl Strategy<Value = Replay> {
    (
        text(),
        text(),
        any::<u64>(),
        any::<u64>(),
        any::<bool>(),
        (
            prop_oneof![Just(Pace::Rate), Just(Pace::Recorded), Just(Pace::Max)],
            option::of(positive()),
            option::of(positive()),
        ),
        option::of(any::<u64>()),
        option::of(text()),
    )
        .prop_map(
            |(dataset, order, seed, n_rows, looping, (pace, rate, speed), n_twins, command)| Replay {
                dataset,
                order,
                seed,
                n_rows,
                looping,
                pace,
                rate,
                speed,
                n_twins,
                command,
            },
        )
}

fn model() -> impl Strategy<Value = Model> {
    (text(), any::<u64>(), text(), text(), option::of(any::<u64>())).prop_map(
        |(url, n_bytes, sha256, description, trained_until)| Model {
            url,
            n_bytes,
            sha256,
            description,
            trained_until,
        },
    )
}

fn schema() -> impl Strategy<Value = Schema> {
    let names = (
        any::<u16>(),
        text(),
        1..=u32::MAX,
        vec(feature(), 0..5),
        vec(text(), 0..5),
    );
    (
        names,
        any::<u64>(),
        any::<u64>(),
        any::<bool>(),
        option::of(replay()),
        option::of(model()),
    )
        .prop_map(
            |((channel, source, revision, features, classes), a, b, sensor_time, replay, model)| {
                let (oldest_seq, next_seq) = (a.min(b), a.max(b));
                Schema {
                    channel,
                    source,
                    revision,
                    features,
                    classes,
                    sensor_time,
                    oldest_seq,
                    next_seq,
                    replay,
                    model,
                }
            },
        )
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let hello = (any::<u32>(), text(), text(), any::<u64>(), vec(text(), 0..4)).prop_map(
        |(version, server, session, now_micros, capabilities)| {
            ServerMessage::Hello(Hello {
                version,
                server,
                session,
                now_micros,
                capabilities,
            })
        },
    );
    let reading = (
        any::<u16>(),
        any::<u64>(),
        any::<u64>(),
        option::of(any::<u64>()),
        vec(finite(), 0..8),
        option::of(any::<u32>()),
    )
        .prop_map(
            |(channel, seq, sent_micros, sensor_micros, features, true_label)| {
                ServerMessage::Reading(Reading {
                    channel,
                    seq,
                    sent_micros,
                    sensor_micros,
                    features,
                    true_label,
                })
            },
        );
    let gap = (any::<u16>(), 0..u64::MAX, 1..u64::MAX, cause()).prop_map(|(channel, from, n, cause)| {
        ServerMessage::Gap(Gap {
            channel,
            from,
            until: from.saturating_add(n),
            cause,
        })
    });
    let counts = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    let stats = (
        any::<u16>(),
        counts,
        btree_map(cause(), any::<u64>(), 0..4),
        positive(),
    )
        .prop_map(
            |(channel, (n_produced, n_delivered, n_in_flight, n_queued), n_dropped, rate)| {
                let counts = Stats {
                    channel,
                    n_produced,
                    n_delivered,
                    n_in_flight,
                    n_queued,
                    n_dropped,
                    rate,
                };
                ServerMessage::Stats(counts)
            },
        );
    let pong = (finite(), any::<u64>(), any::<u64>()).prop_map(
        |(viewer_sent_micros, server_received_micros, server_sent_micros)| {
            ServerMessage::Pong(Pong {
                viewer_sent_micros,
                server_received_micros,
                server_sent_micros,
            })
        },
    );
    let states = [
        SourceState::Waiting,
        SourceState::Playing,
        SourceState::Paused,
        SourceState::Ended,
        SourceState::Live,
        SourceState::Silent,
        SourceState::Gone,
    ];
    let status = (
        any::<u16>(),
        prop::sample::select(states.to_vec()),
        option::of(any::<u64>()),
        any::<u64>(),
        option::of(positive()),
        option::of(text()),
    )
        .prop_map(|(channel, state, position, next_seq, speed, message)| {
            ServerMessage::Status(Status {
                channel,
                state,
                position,
                next_seq,
                speed,
                message,
            })
        });
    let label = (any::<u16>(), any::<u32>(), any::<u64>(), any::<u32>()).prop_map(
        |(channel, revision, seq, true_label)| {
            ServerMessage::Label(Label {
                channel,
                revision,
                seq,
                true_label,
            })
        },
    );
    let err = (text(), text()).prop_map(|(code, message)| ServerMessage::Err(ErrorMessage { code, message }));
    prop_oneof![
        hello,
        schema().prop_map(ServerMessage::Schema),
        reading,
        gap,
        stats,
        pong,
        status,
        label,
        err
    ]
}

fn viewer_message() -> impl Strategy<Value = ViewerMessage> {
    let resume = (text(), any::<u64>()).prop_map(|(session, next_seq)| Resume { session, next_seq });
    let subscribe = (
        any::<u16>(),
        prop::sample::select(vec![Encoding::Json, Encoding::Binary]),
        prop::sample::select(vec![Policy::DropOldest, Policy::Latest, Policy::Lossless]),
        option::of(1..=u32::MAX),
        option::of(1..=u32::MAX),
        option::of(resume),
    )
        .prop_map(|(channel, encoding, policy, queue, credit, resume)| {
            ViewerMessage::Subscribe(Subscribe {
                channel,
                encoding,
                policy,
                queue,
                credit,
                resume,
            })
        });
    let numbers = (any::<u16>(), any::<u64>(), finite(), positive(), 0..7_u8).prop_map(
        |(channel, number, viewer_sent_micros, factor, which)| match which {
            0 => ViewerMessage::Ack(Ack {
                channel,
                next_seq: number,
            }),
            1 => ViewerMessage::Ping(Ping { viewer_sent_micros }),
            2 => ViewerMessage::Play(ChannelOnly { channel }),
            3 => ViewerMessage::Pause(ChannelOnly { channel }),
            4 => ViewerMessage::Seek(Seek {
                channel,
                position: number,
            }),
            5 => ViewerMessage::Auth(Auth {
                token: format!("{number:x}"),
            }),
            _ => ViewerMessage::Speed(Speed { channel, factor }),
        },
    );
    prop_oneof![subscribe, numbers]
}

/// Time sent, true label and features.
type Row = (u64, Option<u32>, Vec<f64>);

/// A layout and rows whose values their types hold.
fn batch() -> impl Strategy<Value = (Vec<NumberType>, Vec<Row>)> {
    vec(number_type(), 0..6).prop_flat_map(|types| {
        let values: Vec<_> = types
            .iter()
            .map(|number_type| match number_type {
                NumberType::I16 => any::<i16>().prop_map(f64::from).boxed(),
                NumberType::I32 => any::<i32>().prop_map(f64::from).boxed(),
                NumberType::F32 => any::<u32>()
                    .prop_map(|bits| f64::from(canonical_f32(f32::from_bits(bits))))
                    .boxed(),
                NumberType::F64 => any::<u64>().prop_map(f64::from_bits).boxed(),
            })
            .collect();
        let row = (any::<u64>(), option::of(0..65_535_u32), values);
        (Just(types), vec(row, 0..20))
    })
}

/// A signalling NaN becomes quiet on its way through a wider type; only one NaN is used here.
fn canonical_f32(value: f32) -> f32 {
    if value.is_nan() { f32::NAN } else { value }
}

proptest! {
    #[test]
    fn server_messages_come_back(message in server_message()) {
        let json = message.to_json();
        let returned = ServerMessage::from_json(&json);
        // As text too, since -0.0 equals 0.0.
        prop_assert_eq!(returned.as_ref().map(ServerMessage::to_json).ok(), Some(json));
        prop_assert_eq!(returned, Ok(message));
    }

    #[test]
    fn viewer_messages_come_back(message in viewer_message()) {
        let json = message.to_json();
        prop_assert_eq!(ViewerMessage::from_json(&json), Ok(message.clone()));
        // The plain serde way reads the same.
        prop_assert_eq!(serde_json::from_str::<ViewerMessage>(&json).ok(), Some(message));
    }

    #[test]
    fn json_keeps_every_bit_of_a_feature(features in vec(finite(), 1..20)) {
        let message = ServerMessage::Reading(Reading {
            channel: 0, seq: 0, sent_micros: 0, sensor_micros: None, features: features.clone(), true_label: None,
        });
        let Ok(ServerMessage::Reading(returned)) = ServerMessage::from_json(&message.to_json()) else {
            return Err(TestCaseError::fail("not a reading"));
        };
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&returned.features), bits(&features));
    }

    #[test]
    fn batches_come_back(
        (types, rows) in batch(),
        channel: u16,
        revision: u32,
        first_seq in 0..u64::MAX - 20,
        written_micros: u64,
        sensor_time in option::of(option::of(0..u64::MAX)),
    ) {
        let layout = RecordLayout::new(types);
        let layout = if sensor_time.is_some() { layout.with_sensor_time() } else { layout };
        let sensor_micros = sensor_time.flatten();
        let mut batch = BatchWriter::new(&layout, channel, revision, first_seq);
        let mut record = Vec::new();
        for (sent_micros, true_label, features) in &rows {
            record.clear();
            layout.encode_timed_record(*sent_micros, sensor_micros, *true_label, features, &mut record)?;
            batch.push(&record)?;
        }
        let bytes = batch.finish(written_micros);
        let batch = ReadingBatch::decode(&bytes, &layout)?;
        let n_readings = rows.len() as u32;
        let expected = BatchHeader { channel, revision, first_seq, written_micros, n_readings };
        prop_assert_eq!(batch.header(), expected);
        prop_assert_eq!(batch.readings().len(), rows.len());
        let mut features = Vec::new();
        for (idx, (record, (sent_micros, true_label, values))) in batch.readings().zip(rows).enumerate() {
            let head = record.read(&mut features);
            prop_assert_eq!(head, RecordHead { seq: first_seq + idx as u64, sent_micros, sensor_micros, true_label });
            prop_assert_eq!(features.len(), values.len());
            for (returned, value) in features.iter().zip(&values) {
                prop_assert!(returned.to_bits() == value.to_bits() || (returned.is_nan() && value.is_nan()));
            }
        }
    }
}

#[test]
fn a_replay_of_an_older_server_has_a_rate() {
    let json = r#"{"dataset":"wine","order":"file","seed":1,"n_rows":2,"looping":false,"rate":5.0}"#;
    let replay: Replay = serde_json::from_str(json).expect("every new field may be absent");
    assert_eq!(
        (replay.pace, replay.rate, replay.command),
        (Pace::Rate, Some(5.0), None)
    );
}
