//! What is wrong with a viewer's message, said in a sentence.

use protocol::{ErrorMessage, Subscribe, ViewerMessage};

use crate::delivery::MAX_QUEUE;

/// Decodes a text message and checks its numbers.
///
/// # Errors
///
/// What to answer.
pub(crate) fn parse(text: &str) -> Result<ViewerMessage, ErrorMessage> {
    let message = ViewerMessage::from_json(text).map_err(|error| ErrorMessage::from(&error))?;
    if let ViewerMessage::Subscribe(request) = &message {
        check_bounds(request)?;
    }
    Ok(message)
}

/// Checks a subscription against what this server is ready to hold for one viewer.
fn check_bounds(request: &Subscribe) -> Result<(), ErrorMessage> {
    for (name, value) in [("queue", request.queue), ("credit", request.credit)] {
        if let Some(value) = value
            && value > MAX_QUEUE
        {
            return Err(problem(
                "bad-value",
                format!("expected {name} up to {MAX_QUEUE}, got {value}"),
            ));
        }
    }
    Ok(())
}

/// An error of this code.
pub(crate) fn problem(code: &str, message: impl Into<String>) -> ErrorMessage {
    ErrorMessage {
        code: code.to_owned(),
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_nonsense_gets_its_code() {
        let check = |text: &str, code: &str, part: &str| {
            let error = parse(text).expect_err(text);
            assert_eq!(error.code, code, "{text}");
            assert!(error.message.contains(part), "{text}: {}", error.message);
        };
        check("", "malformed", "JSON");
        check("{\"channel\": 1}", "malformed", "op");
        check("{\"op\": \"fly\"}", "unknown-op", "fly");
        check("{\"op\": \"seek\", \"channel\": 1}", "bad-value", "position");
        check(
            "{\"op\": \"subscribe\", \"channel\": 1, \"queue\": 0}",
            "bad-value",
            "queue",
        );
        check(
            "{\"op\": \"subscribe\", \"channel\": 1, \"credit\": 1048577}",
            "bad-value",
            "1048576",
        );
    }
}
