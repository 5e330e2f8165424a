//! Everything but the stream: handshakes, page, model, health, and the headers on all of it.

use crate::support::{TestServer, config, dataset};
use classifier::Knn;
use sha2::{Digest as _, Sha256};

#[tokio::test]
async fn every_answer_carries_the_safety_headers() {
    let server = TestServer::start(config()).await;
    for request in [
        "GET /",
        "GET /healthz",
        "GET /model/1",
        "GET /nowhere",
        "POST /",
        "GET /live",
    ] {
        let (head, _) = server.http(request, "").await;
        for header in [
            "cross-origin-opener-policy: same-origin",
            "cross-origin-embedder-policy: require-corp",
            "cross-origin-resource-policy: same-origin",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "permissions-policy: accelerometer=(self), gyroscope=(self), screen-wake-lock=(self), camera=()",
            "cache-control: no-",
            "content-security-policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval';",
        ] {
            assert!(head.contains(header), "{request}: {header} is not in {head}");
        }
        assert!(head.contains("frame-ancestors 'self'"), "{request}: {head}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_in_a_sentence() {
    let server = TestServer::start(config()).await;
    let check = async |request: &str, headers: &str, status: &str, part: &str| {
        let (head, body) = server.http(request, headers).await;
        let body = String::from_utf8(body).unwrap();
        assert!(
            head.starts_with(&format!("http/1.1 {status} ")),
            "{request}: {head}"
        );
        assert!(body.contains(part), "{request}: {body}");
    };
    check("GET /nowhere", "", "404", "the page is at /").await;
    check("GET /../Cargo.toml", "", "404", "the page is at /").await;
    check("GET /model/2", "", "404", "no model").await;
    check("GET /model/x", "", "404", "no model").await;
    check("POST /", "", "405", "expected GET or HEAD").await;
    check("POST /ingest/a/b", "", "404", "expected a source name").await;
    check("DELETE /model/1", "", "405", "expected GET or HEAD").await;
    check("GET /live", "", "426", "WebSocket").await;
    check("GET /", "Host: rebound.example:80\r\n", "421", "answers only as").await;
    check("GET /healthz", "Host: localhost\r\n", "200", "\"status\":\"ok\"").await;
    let two = "Host: localhost\r\nHost: localhost\r\n";
    check("GET /healthz", two, "400", "one header Host").await;
    check(
        "POST /ingest/a",
        "Content-Encoding: gzip\r\n",
        "415",
        "not compressed",
    )
    .await;
}

#[tokio::test]
async fn the_model_is_the_one_that_the_schema_describes() {
    let server = TestServer::start(config()).await;
    let model = server.viewer().await.schema.unwrap().model.unwrap();
    let (head, body) = server.http("GET /model/1", "Accept-Encoding: br, gzip\r\n").await;
    assert!(
        head.contains(&format!("content-length: {}", model.n_bytes)),
        "{head}"
    );
    assert!(head.contains("cache-control: no-cache, private"), "{head}");
    assert_eq!(body.len() as u64, model.n_bytes);
    let sha256: String = Sha256::digest(&body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(sha256, model.sha256);

    let (knn, metadata) = Knn::from_bytes(&body).unwrap();
    assert_eq!((knn.n_rows(), knn.n_features(), knn.n_classes()), (20, 4, 3));
    assert_eq!(metadata.class_names, dataset().classes);
    assert!(model.description.contains("k = 5"), "{}", model.description);

    let (head, body) = server
        .http("GET /model/1", &format!("If-None-Match: \"{sha256}\"\r\n"))
        .await;
    assert!(head.starts_with("http/1.1 304 ") && body.is_empty(), "{head}");
    let (head, body) = server.http("HEAD /model/1", "").await;
    assert!(
        head.contains(&format!("content-length: {}", model.n_bytes)) && body.is_empty(),
        "{head}"
    );
}

#[tokio::test]
async fn health_tells_of_viewers_and_readings() {
    let server = TestServer::start(config()).await;
    let mut viewer = server.viewer().await;
    viewer.subscribe(|_| {}).await;
    viewer.collect(0, 10).await;
    let health = server.health().await;
    assert_eq!(health["session"], viewer.session.as_str());
    assert_eq!(
        (&health["channels"][0]["source"], &health["n_viewers"]),
        (&"small".into(), &1.into())
    );
    assert!(health["n_produced"].as_u64() >= Some(10), "{health}");
}

#[tokio::test]
async fn subprotocols_are_confirmed_if_known_and_refused_if_not() {
    let server = TestServer::start(config()).await;
    let check = async |offer: &str| {
        server
            .handshake(&[("sec-websocket-protocol", offer)])
            .await
            .map(|viewer| viewer.subprotocol)
    };
    assert_eq!(
        server.handshake(&[]).await.map(|viewer| viewer.subprotocol),
        Ok(None)
    );
    assert_eq!(check("runnel.v1").await, Ok(Some("runnel.v1".to_owned())));
    assert_eq!(
        check("arduino, runnel.v1").await,
        Ok(Some("runnel.v1".to_owned()))
    );
    let (status, _) = check("arduino").await.unwrap_err();
    assert_eq!(status, 400);
}

#[tokio::test]
async fn pages_from_elsewhere_may_not_open_the_socket() {
    let server = TestServer::start(config()).await;
    let check = async |headers: &[(&'static str, &str)]| {
        server
            .handshake(headers)
            .await
            .map(|_| ())
            .map_err(|(status, _)| status)
    };
    let own = format!("http://{}", server.address);
    assert_eq!(check(&[("origin", &own)]).await, Ok(()));
    assert_eq!(check(&[("origin", "http://example.org")]).await, Err(403));
    assert_eq!(check(&[("origin", "null")]).await, Err(403));
    let other_port = format!("http://127.0.0.1:{}", server.address.port() ^ 1);
    assert_eq!(check(&[("origin", &other_port)]).await, Err(403));
    // A rebound name: page and socket agree, but the name is not this machine's.
    let rebound = [("origin", "http://rebound.example"), ("host", "rebound.example")];
    assert_eq!(check(&rebound).await, Err(421));
}
