//! What the server's messages mean: from a text to what is known of the session, and to [`Heard`].

use evaluation::ClockOffset;
use protocol::{DecodeError, GapCause, Hello, Schema, ServerMessage, SourceState, VERSION};

use super::model::same_names;
use super::{
    AfreshReason, Announced, Connection, Errors, Heard, MAX_CLASSES, MAX_FEATURES, N_FIRST_PINGS, Session,
};

impl Session {
    /// A text message came.
    pub fn text(&mut self, text: &str, now: f64) -> Heard {
        self.heard_at = now;
        match ServerMessage::from_json(text) {
            Ok(message) => self.message(message, now),
            Err(error) => {
                match error {
                    DecodeError::UnknownOp { .. } => self.errors.n_ignored += 1,
                    _ => self.errors.n_malformed += 1,
                }
                self.errors.last = Some(error.to_string());
                Heard::Nothing
            }
        }
    }

    fn message(&mut self, message: ServerMessage, now: f64) -> Heard {
        if let ServerMessage::Err(error) = &message
            && self.answers_with_token(error)
        {
            return Heard::Nothing;
        }
        // Only `hello` makes a connection; what comes before it is nobody's.
        if self.connection != Connection::Open && !matches!(message, ServerMessage::Hello(_)) {
            self.errors.n_ignored += 1;
            return Heard::Nothing;
        }
        let followed = self.schema.as_ref().map(|schema| schema.channel);
        match message {
            ServerMessage::Hello(hello) => self.hello(hello, now),
            ServerMessage::Schema(schema) => self.schema(schema, now),
            ServerMessage::Pong(pong) => {
                self.clock.record(
                    pong.viewer_sent_micros,
                    pong.server_received_micros as f64,
                    pong.server_sent_micros as f64,
                    now,
                );
                Heard::Nothing
            }
            ServerMessage::Gap(gap) if Some(gap.channel) == followed => {
                self.received_until = Some(self.received_until.unwrap_or(0).max(gap.until));
                if gap.cause == GapCause::SlowViewer {
                    self.n_announced_skips += gap.until.saturating_sub(gap.from);
                }
                Heard::Gap(gap)
            }
            ServerMessage::Status(status) => {
                if status.state == SourceState::Gone {
                    self.announced.remove(&status.channel);
                } else if let Some(announced) = self.announced.get_mut(&status.channel) {
                    announced.state = Some(status.state);
                }
                if Some(status.channel) != followed {
                    return Heard::Nothing;
                }
                let next_seq = status.next_seq;
                self.status = Some(status);
                Heard::Produced(next_seq)
            }
            ServerMessage::Label(label) if Some(label.channel) == followed => Heard::Truth(label),
            ServerMessage::Stats(stats) if Some(stats.channel) == followed => {
                let n_produced = stats.n_produced;
                self.stats = Some(stats);
                Heard::Produced(n_produced)
            }
            ServerMessage::Err(error) => {
                self.errors.last = Some(error.message);
                Heard::Nothing
            }
            ServerMessage::Gap(_)
            | ServerMessage::Stats(_)
            | ServerMessage::Label(_)
            | ServerMessage::Reading(_) => {
                self.errors.n_ignored += 1;
                Heard::Nothing
            }
        }
    }

    fn hello(&mut self, hello: Hello, now: f64) -> Heard {
        if hello.version != VERSION {
            let version = hello.version;
            self.refuse(format!(
                "The server speaks version {version} of the protocol, this page version {VERSION}: \
                 reload the page from that server."
            ));
            return Heard::Nothing;
        }
        self.connection = Connection::Open;
        self.subscribed = false;
        self.n_first_pings = N_FIRST_PINGS;
        self.announced.clear();
        let before = self.hello.replace(hello);
        let heard = match (&before, &self.hello) {
            (None, _) => Heard::Nothing,
            (Some(before), Some(hello)) if before.session == hello.session => {
                self.n_reconnects += 1;
                Heard::Resumed
            }
            _ => {
                self.n_reconnects += 1;
                self.begin_afresh(AfreshReason::Restarted, now);
                self.leave_source();
                self.clock = ClockOffset::new();
                Heard::Afresh
            }
        };
        self.ping(now);
        heard
    }

    fn schema(&mut self, schema: Schema, now: f64) -> Heard {
        self.announced
            .entry(schema.channel)
            .and_modify(|announced| announced.has_model = schema.model.is_some())
            .or_insert_with(|| Announced {
                name: schema.source.clone(),
                has_model: schema.model.is_some(),
                state: None,
            });
        let is_gone = self
            .status
            .as_ref()
            .is_some_and(|status| status.state == SourceState::Gone);
        if is_gone
            && self
                .schema
                .as_ref()
                .is_some_and(|gone| gone.source == schema.source)
        {
            // It has come back, under another number.
            self.subscribed = false;
            self.leave_source();
        }
        let ours = match &self.schema {
            Some(followed) => followed.channel == schema.channel && followed.source == schema.source,
            None => self.source.as_ref().is_none_or(|source| *source == schema.source),
        };
        if !ours {
            // Another channel of the same server: none of our business, and no error.
            return Heard::Nothing;
        }
        let (n_features, n_classes) = (schema.features.len(), schema.classes.len());
        if n_features > MAX_FEATURES || n_classes > MAX_CLASSES {
            self.refuse(format!(
                "The stream has {n_features} features and {n_classes} classes; this page takes at most {MAX_FEATURES} \
                 and {MAX_CLASSES}."
            ));
            return Heard::Nothing;
        }
        let before = self.schema.replace(schema);
        // Without its model nothing of what was counted goes on; the values do.
        let has_lost_model =
            self.subscribed && self.labels() && self.schema.as_ref().is_some_and(|now| now.model.is_none());
        let reason = match (&before, &self.schema) {
            (Some(before), Some(schema)) if !same_names(before, schema) => Some(AfreshReason::Features),
            // With new ones behind them, those before keep their ids.
            (Some(before), Some(schema)) if !schema.classes.starts_with(&before.classes) => {
                Some(AfreshReason::Classes)
            }
            _ if has_lost_model => Some(AfreshReason::ModelGone),
            _ => None,
        };
        self.follow();
        match (before, reason) {
            (Some(_), None) => Heard::Revised,
            (None, _) => Heard::Afresh,
            (Some(_), Some(reason)) => {
                self.begin_afresh(reason, now);
                Heard::Afresh
            }
        }
    }

    /// All counts begin afresh, complaints too.
    fn begin_afresh(&mut self, reason: AfreshReason, now: f64) {
        self.afresh = Some((now, reason));
        self.errors = Errors::default();
    }
}
