//! A server to play against: its messages, a small model, and a viewer that has them.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::cell::Cell;

use classifier_wasm::classifier::{Knn, KnnOptions, ModelMetadata, RowMajor};
use protocol::{
    BatchWriter, Encoding, Feature, Hello, Model, NumberType, Policy, Pong, RecordLayout, Replay, Resume,
    Schema, ServerMessage, SourceState, Status, Subscribe, VERSION, ViewerMessage,
};
use viewer::Viewer;
use viewer::page::Start;
use viewer::session::Action;

/// Where time starts; any time after 1970 does.
pub const START: f64 = 1_700_000_000_000_000.0;

/// The hash that the schema gives for the model.
pub const SHA256: &str = "c0ffee";

pub fn hello(session: &str) -> ServerMessage {
    ServerMessage::Hello(Hello {
        version: VERSION,
        server: "sensor-sim/0.1.0".to_owned(),
        session: session.to_owned(),
        now_micros: START as u64,
        capabilities: vec![],
    })
}

/// What a viewer asks for once it has a schema.
pub fn subscribe(resume: Option<Resume>) -> ViewerMessage {
    ViewerMessage::Subscribe(Subscribe {
        channel: 3,
        encoding: Encoding::Binary,
        policy: Policy::DropOldest,
        queue: Some(512),
        credit: Some(512),
        resume,
    })
}

/// One feature, two classes: below 5 it is `low`.
pub fn schema() -> Schema {
    Schema {
        channel: 3,
        source: "toy".to_owned(),
        revision: 1,
        features: vec![Feature {
            name: "height".to_owned(),
            unit: Some("m".to_owned()),
            number_type: NumberType::I16,
            min: Some(0.0),
            max: Some(10.0),
        }],
        classes: vec!["low".to_owned(), "high".to_owned()],
        sensor_time: false,
        oldest_seq: 0,
        next_seq: 0,
        replay: Some(Replay {
            dataset: "toy".to_owned(),
            order: "file".to_owned(),
            seed: 1,
            n_rows: 100,
            looping: false,
            rate: Some(1_000.0),
            ..Replay::default()
        }),
        model: Some(Model {
            url: "/model/3".to_owned(),
            n_bytes: model_file().len() as u64,
            sha256: SHA256.to_owned(),
            description: "kNN, k = 1".to_owned(),
            trained_until: None,
        }),
    }
}

/// A schema with a model trained from the readings below `until`.
pub fn trained_schema(sha256: &str, until: u64) -> Schema {
    let mut schema = schema();
    schema.replay = None;
    let model = schema.model.as_mut().unwrap();
    model.sha256 = sha256.to_owned();
    model.trained_until = Some(until);
    schema
}

pub fn model_file() -> Vec<u8> {
    model_file_of(&["low", "high"])
}

/// A model that labels with the nearest of 0 m, 10 m and so on, one for each class.
pub fn model_file_of(class_names: &[&str]) -> Vec<u8> {
    let options = KnnOptions {
        k: 1,
        ..KnnOptions::default()
    };
    let classes: Vec<u32> = (0..class_names.len() as u32).collect();
    let heights: Vec<f64> = classes.iter().map(|&class| 10.0 * f64::from(class)).collect();
    let knn = Knn::fit(&RowMajor::new(&heights, 1), &classes, class_names.len(), &options).unwrap();
    knn.to_bytes(&ModelMetadata {
        class_names: class_names.iter().map(|&name| name.to_owned()).collect(),
        feature_names: vec!["height".to_owned()],
        source: "toy".to_owned(),
    })
}

/// A batch of readings from `first_seq` on, `(height, true class)` each, sent and written at [`START`].
pub fn batch(first_seq: u64, readings: &[(f64, Option<u32>)]) -> Vec<u8> {
    batch_of(&schema(), first_seq, readings)
}

/// The same for another schema.
pub fn batch_of(schema: &Schema, first_seq: u64, readings: &[(f64, Option<u32>)]) -> Vec<u8> {
    let layout = RecordLayout::of_schema(schema);
    let mut writer = BatchWriter::new(&layout, 3, schema.revision, first_seq);
    for &(height, true_label) in readings {
        let mut record = Vec::new();
        layout
            .encode_record(START as u64, true_label, &[height], &mut record)
            .unwrap();
        writer.push(&record).unwrap();
    }
    writer.finish(START as u64)
}

/// `n` readings of 1 m that are truly `low`.
pub fn lows(first_seq: u64, n: usize) -> Vec<u8> {
    batch(first_seq, &vec![(1.0, Some(0)); n])
}

pub fn status(state: SourceState, position: u64, next_seq: u64) -> ServerMessage {
    ServerMessage::Status(Status {
        channel: 3,
        state,
        position: Some(position),
        next_seq,
        speed: Some(1.0),
        message: None,
    })
}

/// A viewer on a clock that goes on by a set step at every look.
pub struct Bench {
    pub viewer: Viewer,
    now: Cell<f64>,
    /// Microseconds for every look at the clock.
    pub step: f64,
    pub actions: Vec<Action>,
}

impl Bench {
    /// Started, and about to connect.
    pub fn new() -> Self {
        Self::with(Start {
            url: "ws://127.0.0.1:9001/live".to_owned(),
            ..Start::default()
        })
    }

    pub fn with(start: Start) -> Self {
        let mut bench = Self {
            viewer: Viewer::new(start, 1),
            now: Cell::new(START),
            step: 1.0,
            actions: Vec::new(),
        };
        bench.viewer.session.start(START);
        assert_eq!(bench.take_actions(), [Action::Connect]);
        bench
    }

    /// Connected, with its model, subscribed.
    pub fn subscribed() -> Self {
        let mut bench = Self::new();
        bench.greet("first");
        bench.load();
        assert!(bench.viewer.session.is_subscribed());
        bench
    }

    pub fn now(&self) -> f64 {
        self.now.get()
    }

    pub fn pass(&mut self, micros: f64) {
        self.now.set(self.now.get() + micros);
    }

    /// Lets time pass in ticks.
    pub fn tick_for(&mut self, micros: f64) {
        for _ in 0..(micros / 100_000.0) as usize {
            self.pass(100_000.0);
            self.viewer.session.tick(self.now());
            self.take_in_actions();
        }
    }

    pub fn say(&mut self, message: &ServerMessage) {
        self.viewer.text(&message.to_json(), self.now());
        self.take_in_actions();
    }

    /// Connected to a server with another schema, with the model, subscribed.
    pub fn subscribed_to(schema: Schema) -> Self {
        let mut bench = Self::new();
        bench.greet_with("first", schema);
        bench.load();
        assert!(bench.viewer.session.is_subscribed());
        bench
    }

    /// `hello`, `schema`, and a `pong` from a server with our very clock.
    pub fn greet(&mut self, session: &str) {
        self.greet_with(session, schema());
    }

    pub fn greet_with(&mut self, session: &str, schema: Schema) {
        self.say(&hello(session));
        self.say(&ServerMessage::Schema(schema));
        let now = self.now();
        self.say(&ServerMessage::Pong(Pong {
            viewer_sent_micros: now,
            server_received_micros: now as u64,
            server_sent_micros: now as u64,
        }));
    }

    pub fn load(&mut self) {
        let (now, step) = (&self.now, self.step);
        self.viewer.model_file(SHA256, &model_file(), &|| {
            now.set(now.get() + step);
            now.get()
        });
        self.take_in_actions();
    }

    /// A binary message comes and is worked on to the end.
    pub fn receive(&mut self, bytes: Vec<u8>) {
        self.viewer.binary(bytes, self.now());
        while self.work_once() {}
    }

    /// One slice of work; says whether something is left.
    pub fn work_once(&mut self) -> bool {
        let (now, step) = (&self.now, self.step);
        let until = now.get() + viewer::viewer::SLICE_MICROS;
        let is_left = self.viewer.work(until, &|| {
            now.set(now.get() + step);
            now.get()
        });
        self.take_in_actions();
        is_left
    }

    fn take_in_actions(&mut self) {
        while let Some(action) = self.viewer.next_action(self.now.get()) {
            self.actions.push(action);
        }
    }

    pub fn take_actions(&mut self) -> Vec<Action> {
        self.take_in_actions();
        std::mem::take(&mut self.actions)
    }

    /// What was sent, without pings.
    pub fn take_sent(&mut self) -> Vec<ViewerMessage> {
        let sent = self.take_actions().into_iter().filter_map(|action| match action {
            Action::Send(ViewerMessage::Ping(_)) => None,
            Action::Send(message) => Some(message),
            _ => None,
        });
        sent.collect()
    }

    pub fn snapshot(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.viewer.snapshot(self.now())).unwrap()
    }

    pub fn state(&mut self) -> String {
        self.snapshot()["state"].as_str().unwrap().to_owned()
    }
}
