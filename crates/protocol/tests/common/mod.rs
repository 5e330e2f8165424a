//! One of every message, and a batch: what the golden files hold and the fuzz target starts from.

use std::collections::BTreeMap;

use protocol::*;

/// Every message of the server with the name of its golden file.
pub(crate) fn server_messages() -> Vec<(&'static str, ServerMessage)> {
    vec![
        (
            "hello",
            ServerMessage::Hello(Hello {
                version: VERSION,
                server: "sensor-sim/0.1.0".to_owned(),
                session: "018f3c5a9d7e4b21".to_owned(),
                now_micros: 1_795_250_400_000_000,
                capabilities: vec!["binary".to_owned(), "replay-control".to_owned()],
            }),
        ),
        ("schema", ServerMessage::Schema(replay_schema())),
        (
            "schema-live",
            ServerMessage::Schema(Schema {
                channel: 65_535,
                source: "greenhouse/müde \"pump\"".to_owned(),
                revision: 3,
                features: vec![],
                classes: vec![],
                sensor_time: true,
                oldest_seq: 0,
                next_seq: 0,
                replay: None,
                model: None,
            }),
        ),
        (
            "reading",
            ServerMessage::Reading(Reading {
                channel: 1,
                seq: 41,
                sent_micros: 1_795_250_400_123_456,
                sensor_micros: None,
                features: vec![2596.0, -0.0, 0.1, 1e-7, 5e-324, f64::MAX],
                true_label: Some(4),
            }),
        ),
        (
            "reading-unlabelled",
            ServerMessage::Reading(Reading {
                channel: 7,
                seq: u64::MAX,
                sent_micros: 0,
                sensor_micros: Some(1_795_250_399_000_000),
                features: vec![],
                true_label: None,
            }),
        ),
        (
            "gap",
            ServerMessage::Gap(Gap {
                channel: 1,
                from: 814,
                until: 830,
                cause: GapCause::SlowViewer,
            }),
        ),
        (
            "stats",
            ServerMessage::Stats(Stats {
                channel: 1,
                n_produced: 120_000,
                n_delivered: 118_500,
                n_in_flight: 256,
                n_queued: 700,
                n_dropped: BTreeMap::from([(GapCause::SlowViewer, 800), (GapCause::HistoryLost, 0)]),
                rate: 999.5,
            }),
        ),
        (
            "pong",
            ServerMessage::Pong(Pong {
                viewer_sent_micros: 12_345.75,
                server_received_micros: 1_795_250_400_000_100,
                server_sent_micros: 1_795_250_400_000_130,
            }),
        ),
        (
            "status",
            ServerMessage::Status(Status {
                channel: 1,
                state: SourceState::Playing,
                position: Some(830),
                next_seq: 830,
                speed: Some(2.5),
                message: None,
            }),
        ),
        (
            "status-live",
            ServerMessage::Status(Status {
                channel: 2,
                state: SourceState::Silent,
                position: None,
                next_seq: 17,
                speed: None,
                message: Some("no model has the feature hum".to_owned()),
            }),
        ),
        (
            "label",
            ServerMessage::Label(Label {
                channel: 2,
                revision: 3,
                seq: 16,
                true_label: 1,
            }),
        ),
        (
            "err",
            ServerMessage::Err(ErrorMessage {
                code: "unknown-channel".to_owned(),
                message: "expected channel 1, got 9".to_owned(),
            }),
        ),
    ]
}

/// Every message of a viewer with the name of its golden file.
pub(crate) fn viewer_messages() -> Vec<(&'static str, ViewerMessage)> {
    vec![
        (
            "auth",
            ViewerMessage::Auth(Auth {
                token: "b1946ac92492d2347c6235b4d2611184".to_owned(),
            }),
        ),
        (
            "subscribe",
            ViewerMessage::Subscribe(Subscribe {
                channel: 1,
                encoding: Encoding::Binary,
                policy: Policy::Lossless,
                queue: Some(4_096),
                credit: Some(1_024),
                resume: Some(Resume {
                    session: "018f3c5a9d7e4b21".to_owned(),
                    next_seq: 813,
                }),
            }),
        ),
        (
            "subscribe-defaults",
            ViewerMessage::Subscribe(Subscribe {
                channel: 1,
                encoding: Encoding::default(),
                policy: Policy::default(),
                queue: None,
                credit: None,
                resume: None,
            }),
        ),
        (
            "ack",
            ViewerMessage::Ack(Ack {
                channel: 1,
                next_seq: 813,
            }),
        ),
        (
            "ping",
            ViewerMessage::Ping(Ping {
                viewer_sent_micros: 12_345.75,
            }),
        ),
        ("play", ViewerMessage::Play(ChannelOnly { channel: 1 })),
        ("pause", ViewerMessage::Pause(ChannelOnly { channel: 1 })),
        (
            "seek",
            ViewerMessage::Seek(Seek {
                channel: 1,
                position: 100_000,
            }),
        ),
        (
            "speed",
            ViewerMessage::Speed(Speed {
                channel: 1,
                factor: 0.5,
            }),
        ),
    ]
}

/// A schema with every optional field and every number type.
pub(crate) fn replay_schema() -> Schema {
    let feature = |name: &str, unit: Option<&str>, number_type, min, max| Feature {
        name: name.to_owned(),
        unit: unit.map(str::to_owned),
        number_type,
        min,
        max,
    };
    Schema {
        channel: 1,
        source: "covertype".to_owned(),
        revision: 1,
        features: vec![
            feature(
                "Elevation",
                Some("m"),
                NumberType::I16,
                Some(1859.0),
                Some(3858.0),
            ),
            feature("Counter", None, NumberType::I32, None, None),
            feature("Voltage", Some("V"), NumberType::F32, Some(-0.5), None),
            feature("Ratio", None, NumberType::F64, None, Some(0.1)),
        ],
        classes: vec!["Spruce/Fir".to_owned(), "Lodgepole Pine".to_owned()],
        sensor_time: false,
        oldest_seq: 12,
        next_seq: 830,
        replay: Some(Replay {
            dataset: "covertype".to_owned(),
            order: "shuffled".to_owned(),
            seed: 42,
            n_rows: 116_203,
            looping: true,
            pace: Pace::Rate,
            rate: Some(1_000.0),
            speed: None,
            n_twins: Some(0),
            command: Some("sensor-sim --dataset covertype --rate 1000 --loop".to_owned()),
        }),
        model: Some(Model {
            url: "/model/1".to_owned(),
            n_bytes: 16_777_216,
            sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
            description: "kNN, k = 5, Euclidean, raw, 464,809 rows".to_owned(),
            trained_until: None,
        }),
    }
}

/// One reading as a test writes it: time sent, true label, features.
pub(crate) type Row = (u64, Option<u32>, Vec<f64>);

/// The readings of the golden batch, for the layout of [`replay_schema`].
pub(crate) fn batch_rows() -> Vec<Row> {
    vec![
        (1_795_250_400_123_456, Some(1), vec![2596.0, -70_000.0, -0.5, 0.1]),
        (
            1_795_250_400_124_456,
            None,
            vec![-32_768.0, 2_147_483_647.0, -0.0, f64::NAN],
        ),
        (u64::MAX, Some(65_534), vec![32_767.0, 0.0, f64::INFINITY, 5e-324]),
    ]
}

/// The golden batch's bytes: channel 1, revision 1, from sequence number 41.
pub(crate) fn batch_bytes() -> Vec<u8> {
    let layout = RecordLayout::of_schema(&replay_schema());
    let mut batch = BatchWriter::new(&layout, 1, 1, 41);
    for (sent_micros, true_label, features) in batch_rows() {
        let mut record = Vec::new();
        layout
            .encode_record(sent_micros, true_label, &features, &mut record)
            .unwrap();
        batch.push(&record).unwrap();
    }
    batch.finish(1_795_250_400_125_000)
}
