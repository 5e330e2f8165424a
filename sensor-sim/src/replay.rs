//! Replays the stream part of a data set into a channel, at its pace and under its viewers' control.
//!
//! One task owns the replay: it publishes readings when they are due and applies commands in between. Readings that fall
//! due together are published together, which is what lets one timer tick of a millisecond carry 100 readings and more.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use datasets::Dataset;
use protocol::{ErrorMessage, SourceState, Status};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

use crate::announcement::Shape;
use crate::channel::{Channel, Command, Request};
use crate::clock::SessionClock;
use crate::requests::problem;
use crate::schedule::{MIN_RATE, Pace, Schedule};

/// Most readings published at once, so that commands and other tasks get their turn.
const MAX_CHUNK: u64 = 256;

/// How often a waiting `max` replay looks for viewers that have stalled.
const STALL_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A replay that cannot keep its rate says so this often.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// What is replayed.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) dataset: Arc<Dataset>,
    /// Rows of the data set in stream order; not empty.
    pub(crate) rows: Vec<u32>,
    pub(crate) looping: bool,
}

/// The state of a running replay.
#[derive(Debug)]
pub(crate) struct Replay {
    stream: Stream,
    channel: Arc<Channel>,
    /// A replay's never changes.
    shape: Arc<Shape>,
    clock: SessionClock,
    schedule: Schedule,
    state: SourceState,
    /// The row of the stream that comes next; `rows.len()` once ended.
    position: u64,
    behind: Behind,
    /// Reused from chunk to chunk.
    features: Vec<f64>,
    records: Vec<Box<[u8]>>,
}

impl Replay {
    /// A replay that waits for [`Command::Begin`].
    pub(crate) fn new(stream: Stream, pace: Pace, channel: Arc<Channel>, clock: SessionClock) -> Self {
        Self {
            stream,
            shape: channel.shape(),
            channel,
            clock,
            schedule: Schedule::new(pace, Instant::now(), 0),
            state: SourceState::Waiting,
            position: 0,
            behind: Behind::default(),
            features: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Runs for as long as it is polled: the replay ends with the server, when this is dropped.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        loop {
            tokio::select! {
                // Commands first: a viewer that pauses a stream at full speed shall not wait for it.
                biased;
                request = requests.recv() => {
                    let Some((command, answer)) = request else { return };
                    debug!(?command, position = self.position, "replay command");
                    let result = self.apply(command);
                    if result.is_ok() {
                        self.announce();
                    }
                    // A viewer that left meanwhile needs no answer.
                    let _ = answer.send(result);
                }
                () = self.next_due() => {
                    self.publish_due();
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn n_rows(&self) -> u64 {
        self.stream.rows.len() as u64
    }

    /// Waits until there is something to publish; for ever unless playing. May be dropped at any time.
    async fn next_due(&self) {
        if self.state != SourceState::Playing {
            future::pending().await
        } else if self.schedule.is_max() {
            while self.channel.may_run_to(Instant::now()) <= self.channel.next_seq() {
                // The time limit is for viewers that stall without a word.
                let _ = timeout(STALL_CHECK_INTERVAL, self.channel.progressed()).await;
            }
        } else {
            sleep_until(self.schedule.due(self.position)).await;
        }
    }

    fn publish_due(&mut self) {
        let now = Instant::now();
        let forgiven = self.schedule.forgive_stall(now, self.position);
        self.behind.add(forgiven, now);
        let mut n_left = MAX_CHUNK;
        if self.schedule.is_max() {
            let may_run_to = self.channel.may_run_to(now);
            n_left = n_left.min(may_run_to.saturating_sub(self.channel.next_seq()));
        }
        while n_left > 0 && self.state == SourceState::Playing && self.schedule.due(self.position) <= now {
            self.encode_row();
            n_left -= 1;
            self.position += 1;
            if self.position == self.n_rows() {
                self.finish_pass();
            }
        }
        self.channel.publish(&mut self.records);
        if self.state == SourceState::Ended {
            self.announce();
        }
    }

    fn encode_row(&mut self) {
        let row = self.stream.rows[self.position as usize] as usize;
        let layout = &self.shape.layout;
        self.stream.dataset.row_into(row, &mut self.features);
        let true_label = self.stream.dataset.labels[row];
        let mut record = Vec::with_capacity(layout.record_bytes());
        layout
            .encode_record(
                self.clock.now_micros(),
                Some(true_label),
                &self.features,
                &mut record,
            )
            .expect("the layout was made from this data set's columns");
        self.records.push(record.into_boxed_slice());
    }

    /// Starts over, or ends.
    fn finish_pass(&mut self) {
        if self.stream.looping {
            self.schedule.anchor(self.schedule.due(self.position), 0);
            self.position = 0;
        } else {
            self.state = SourceState::Ended;
        }
    }

    fn apply(&mut self, command: Command) -> Result<(), ErrorMessage> {
        match command {
            Command::Begin if self.state == SourceState::Waiting => self.play(),
            Command::Begin => {}
            Command::Play => {
                if self.state == SourceState::Ended {
                    self.position = 0;
                }
                if self.state != SourceState::Playing {
                    self.play();
                }
            }
            Command::Pause if self.state == SourceState::Ended => {
                return Err(problem(
                    "not-possible",
                    "the replay has ended; play or seek starts it again",
                ));
            }
            Command::Pause => self.state = SourceState::Paused,
            Command::Seek(position) => {
                if position >= self.n_rows() {
                    let message = format!("expected a position below {}, got {position}", self.n_rows());
                    return Err(problem("bad-value", message));
                }
                self.position = position;
                self.schedule.anchor(Instant::now(), position);
                if self.state == SourceState::Ended {
                    self.state = SourceState::Playing;
                }
            }
            Command::Speed(factor) => self.set_speed(factor)?,
        }
        Ok(())
    }

    fn play(&mut self) {
        self.state = SourceState::Playing;
        self.schedule.anchor(Instant::now(), self.position);
    }

    fn set_speed(&mut self, factor: f64) -> Result<(), ErrorMessage> {
        let Some(most) = self.schedule.max_factor() else {
            return Err(problem(
                "not-possible",
                "a replay at the rate max has no speed to change",
            ));
        };
        if !(MIN_RATE..=most).contains(&factor) {
            let message = format!("expected a factor from {MIN_RATE} to {most}, got {factor}");
            return Err(problem("bad-value", message));
        }
        self.schedule
            .set_factor(factor, Instant::now(), self.position.min(self.n_rows() - 1));
        Ok(())
    }

    fn announce(&self) {
        self.channel.announce(Status {
            channel: self.channel.id(),
            state: self.state,
            position: Some(self.position),
            next_seq: self.channel.next_seq(),
            speed: Some(self.schedule.factor()),
            message: None,
        });
    }
}

/// Delays that the replay did not make up for, told of at most once in a while.
#[derive(Debug, Default)]
struct Behind {
    untold: Duration,
    last_told: Option<Instant>,
}

impl Behind {
    fn add(&mut self, delay: Duration, now: Instant) {
        self.untold += delay;
        let may_tell = self
            .last_told
            .is_none_or(|then| now.saturating_duration_since(then) >= WARN_INTERVAL);
        if !self.untold.is_zero() && may_tell {
            warn!(
                "the replay fell {:.3} s behind, by a stall or by a rate that is too high here; it goes on from there",
                self.untold.as_secs_f64()
            );
            self.untold = Duration::ZERO;
            self.last_told = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    //! Under tokio's paused clock: time passes only while everything waits, so counts are exact.

    use datasets::{Column, FeatureInfo};
    use protocol::{Feature, NumberType};
    use tokio::sync::Notify;
    use tokio::time::sleep;

    use super::*;
    use crate::announcement::Announcement;
    use crate::channel::{Changes, STALL_LIMIT, ViewerGuard};
    use crate::schedule::RecordedTimes;

    const N_ROWS: u32 = 100;

    fn start(pace: Pace, looping: bool) -> Arc<Channel> {
        let dataset = Dataset {
            name: "test".to_owned(),
            features: vec![FeatureInfo::unitless("a")],
            columns: vec![Column::I16((0..N_ROWS as i16).collect())],
            labels: vec![0; N_ROWS as usize],
            classes: vec!["x".to_owned()],
            times_micros: None,
        };
        let feature = Feature {
            name: "a".to_owned(),
            unit: None,
            number_type: NumberType::I16,
            min: None,
            max: None,
        };
        let shape = Shape::new(1, vec![feature], dataset.classes.clone(), false);
        let status = Status {
            channel: 1,
            state: SourceState::Waiting,
            position: Some(0),
            next_seq: 0,
            speed: Some(1.0),
            message: None,
        };
        let announcement = Announcement::of_shape(&shape);
        let (channel, requests) = Channel::new("test", announcement, status, 1 << 20, Changes::new());
        let stream = Stream {
            dataset: Arc::new(dataset),
            rows: (0..N_ROWS).collect(),
            looping,
        };
        let replay = Replay::new(stream, pace, Arc::clone(&channel), SessionClock::start());
        tokio::spawn(replay.run(requests));
        channel
    }

    fn state(channel: &Channel) -> SourceState {
        channel.status().state
    }

    fn enter(channel: &Arc<Channel>, queue: u64) -> ViewerGuard {
        channel.enter(0, queue, Arc::new(Notify::new()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_without_drift() {
        let channel = start(Pace::Rate(1_000.0), true);
        sleep(Duration::from_secs(5)).await;
        assert_eq!((channel.next_seq(), state(&channel)), (0, SourceState::Waiting));
        channel.command(Command::Begin).await.unwrap();
        // Half an interval more, so that the reading due at the very end is in.
        sleep(Duration::from_micros(3_600_000_500)).await;
        assert_eq!(channel.next_seq(), 3_600_001);
    }

    #[tokio::test(start_paused = true)]
    async fn many_readings_fit_one_tick() {
        let channel = start(Pace::Rate(250_000.0), true);
        channel.command(Command::Begin).await.unwrap();
        sleep(Duration::from_secs(2)).await;
        // tokio's timers tick once a millisecond.
        assert!(
            (499_500..=500_001).contains(&channel.next_seq()),
            "{}",
            channel.next_seq()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_the_replay_and_play_goes_on_where_it_was() {
        let channel = start(Pace::Rate(10.0), false);
        channel.command(Command::Begin).await.unwrap();
        sleep(Duration::from_millis(2_050)).await;
        channel.command(Command::Pause).await.unwrap();
        sleep(Duration::from_secs(100)).await;
        assert_eq!((channel.next_seq(), state(&channel)), (21, SourceState::Paused));
        channel.command(Command::Play).await.unwrap();
        sleep(Duration::from_millis(1_050)).await;
        assert_eq!(channel.next_seq(), 32);
        channel.command(Command::Speed(2.0)).await.unwrap();
        sleep(Duration::from_secs(60)).await;
        assert_eq!((channel.next_seq(), state(&channel)), (100, SourceState::Ended));
        channel.command(Command::Play).await.unwrap();
        assert_eq!(state(&channel), SourceState::Playing);
    }

    #[tokio::test(start_paused = true)]
    async fn recorded_time_stamps_set_the_pace() {
        let second = 1_000_000;
        let times = (0..i64::from(N_ROWS)).map(|row| row * row * second);
        let channel = start(Pace::Recorded(RecordedTimes::new(times, 2.0).unwrap()), false);
        channel.command(Command::Begin).await.unwrap();
        // Rows 0 to 6 were recorded within 36 s, row 7 after 49 s.
        sleep(Duration::from_millis(18_100)).await;
        assert_eq!(channel.next_seq(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn max_runs_ahead_of_the_slowest_viewer_by_its_queue() {
        let channel = start(Pace::Max, true);
        channel.command(Command::Begin).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(channel.next_seq(), 0, "nobody is there to take readings");
        let (fast, slow) = (enter(&channel, 1_000), enter(&channel, 10));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(channel.next_seq(), 10);
        slow.moved_to(4);
        fast.moved_to(10);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(channel.next_seq(), 14);
        drop(slow);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(channel.next_seq(), 1_010);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_viewer_holds_max_back_only_for_a_while() {
        let channel = start(Pace::Max, true);
        channel.command(Command::Begin).await.unwrap();
        let (fast, stalled) = (enter(&channel, 10), enter(&channel, 10));
        sleep(STALL_LIMIT / 2).await;
        fast.moved_to(10);
        assert_eq!(channel.next_seq(), 10);
        sleep(STALL_LIMIT).await;
        assert_eq!(channel.next_seq(), 20);
        stalled.moved_to(5);
        fast.moved_to(20);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(channel.next_seq(), 20, "a viewer that moves again counts again");
        drop(stalled);
        drop(fast);
    }
}
