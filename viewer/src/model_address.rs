//! Where a model is fetched from.

/// The address of a model that a server names relative to its origin, from the address of its socket.
///
/// `ws` becomes `http` and `wss` `https`; a whole address is left as it is.
#[must_use]
pub fn model_address(socket_url: &str, model_url: &str) -> String {
    if model_url.starts_with("http://") || model_url.starts_with("https://") {
        return model_url.to_owned();
    }
    let (scheme, rest) = socket_url.split_once("://").unwrap_or(("ws", socket_url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let scheme = if scheme.eq_ignore_ascii_case("wss") {
        "https"
    } else {
        "http"
    };
    let path = model_url.trim_start_matches('/');
    format!("{scheme}://{host}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_on_the_sockets_host() {
        let check = |socket, model, expected: &str| assert_eq!(model_address(socket, model), expected);
        check(
            "ws://127.0.0.1:9001/live",
            "/model/1",
            "http://127.0.0.1:9001/model/1",
        );
        check(
            "wss://example.org/live?x=1",
            "model/1",
            "https://example.org/model/1",
        );
        check("ws://[::1]:9001", "/model/1", "http://[::1]:9001/model/1");
        check("ws://a/live", "https://b/m", "https://b/m");
    }
}
