//! The reading half of a viewer's connection: what the viewer says, and what the writer has to do about it.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::SplitStream;
use protocol::{ErrorMessage, Subscribe, ViewerMessage};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::channel::{Channel, Command};
use crate::ending::End;
use crate::requests::{parse, problem};
use crate::server::Server;

/// A viewer that sends nothing at all, not even pongs, for this long is gone.
pub(super) const SILENCE_LIMIT: Duration = Duration::from_secs(45);

/// What the reader hands to the writer.
#[derive(Debug)]
pub(super) enum ToWriter {
    Subscribe(Arc<Channel>, Subscribe),
    Acknowledge {
        channel: u16,
        next_seq: u64,
    },
    Pong {
        viewer_sent_micros: f64,
        server_received_micros: u64,
    },
    Refuse(ErrorMessage),
}

/// Reads until the viewer leaves, falls silent or breaks the protocol.
pub(super) async fn read<S>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    server: &Server,
    to_writer: mpsc::Sender<ToWriter>,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let message = match timeout(SILENCE_LIMIT, stream.next()).await {
            Err(_) => return End::Silent,
            Ok(Some(Ok(message))) => message,
            Ok(other) => return End::of(other),
        };
        let request = match message {
            Message::Text(text) => answer(&text, server).await,
            Message::Binary(_) => {
                let error = problem("malformed", "expected a JSON text message, got a binary one");
                Some(ToWriter::Refuse(error))
            }
            // tungstenite answers pings and the closing handshake by itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
        };
        if let Some(request) = request
            && to_writer.send(request).await.is_err()
        {
            return End::Left;
        }
    }
}

/// Acts on a viewer's message, and says what the writer has to do about it.
async fn answer(text: &str, server: &Server) -> Option<ToWriter> {
    let server_received_micros = server.clock.now_micros();
    let message = match parse(text) {
        Ok(message) => message,
        Err(error) => return Some(ToWriter::Refuse(error)),
    };
    let (id, request) = match message {
        ViewerMessage::Ping(ping) => {
            return Some(ToWriter::Pong {
                viewer_sent_micros: ping.viewer_sent_micros,
                server_received_micros,
            });
        }
        // It is in already: no token is needed, or the head had it.
        ViewerMessage::Auth(_) => return None,
        ViewerMessage::Subscribe(subscribe) => (subscribe.channel, Wish::Subscribe(subscribe)),
        ViewerMessage::Ack(ack) => (ack.channel, Wish::Acknowledge(ack.next_seq)),
        ViewerMessage::Play(play) => (play.channel, Wish::Command(Command::Play)),
        ViewerMessage::Pause(pause) => (pause.channel, Wish::Command(Command::Pause)),
        ViewerMessage::Seek(seek) => (seek.channel, Wish::Command(Command::Seek(seek.position))),
        ViewerMessage::Speed(speed) => (speed.channel, Wish::Command(Command::Speed(speed.factor))),
    };
    let Some(channel) = server.channels.get(id) else {
        return Some(ToWriter::Refuse(unknown_channel(id, server)));
    };
    match request {
        Wish::Subscribe(subscribe) => Some(ToWriter::Subscribe(channel, subscribe)),
        Wish::Acknowledge(next_seq) => Some(ToWriter::Acknowledge {
            channel: id,
            next_seq,
        }),
        Wish::Command(command) => {
            let error = channel.command(command).await.err()?;
            Some(ToWriter::Refuse(error))
        }
    }
}

/// What a viewer wants of a channel.
#[derive(Debug)]
enum Wish {
    Subscribe(Subscribe),
    Acknowledge(u64),
    Command(Command),
}

fn unknown_channel(id: u16, server: &Server) -> ErrorMessage {
    let known: Vec<String> = server
        .channels
        .all()
        .iter()
        .map(|channel| channel.id().to_string())
        .collect();
    let expected = match known.as_slice() {
        [] => "no channel yet".to_owned(),
        [only] => format!("channel {only}"),
        several => format!("one of the channels {}", several.join(", ")),
    };
    problem("unknown-channel", format!("expected {expected}, got {id}"))
}
