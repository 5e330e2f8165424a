//! Which model labels a sensor: one with its very features, or one trained from its own labelled readings.

use protocol::{Schema, ServerMessage, Status};
use sensor_sim::Config;

use crate::sensor::{early_viewer, names, next_schema, next_status, post, post_ok, sensors_only};
use crate::support::{TestServer, Viewer, config, dataset};

#[tokio::test]
async fn a_model_with_the_same_features_labels_a_sensor_in_any_order() {
    let server = TestServer::start(config()).await;
    // The replay's features, in another order.
    post_ok(
        &server,
        "mine",
        r#"{"double":0.3,"single":1.5,"long":3000009,"short":-47,"label":"blue"}"#,
    )
    .await;
    let mut viewer = server.viewer().await;
    let schema = next_schema(&mut viewer).await;
    assert_eq!((schema.channel, schema.source.as_str()), (2, "mine"));
    assert_eq!(names(&schema), ["short", "long", "single", "double"]);
    assert_eq!(schema.classes, dataset().classes);
    let model = schema.model.unwrap();
    assert_eq!((model.url.as_str(), model.trained_until), ("/model/2", None));
    let (_, replays) = server.http("GET /model/1", "").await;
    let (_, ours) = server.http("GET /model/2", "").await;
    assert!(!ours.is_empty() && ours == replays);
    let status = next_status(&mut viewer, |status| status.channel == 2).await;
    assert_eq!(status.message, None);
    let resume = viewer.resume_at(0);
    viewer
        .subscribe(|request| {
            request.channel = 2;
            request.resume = resume;
        })
        .await;
    let reading = loop {
        if let ServerMessage::Reading(reading) = viewer.next().await {
            break reading;
        }
    };
    assert_eq!(
        (reading.channel, reading.features, reading.true_label),
        (2, vec![-47.0, 3_000_009.0, 1.5, 0.3], Some(2))
    );

    // One feature more: no model, and the reason.
    post_ok(
        &server,
        "more",
        r#"{"double":0.3,"single":1.5,"long":3000009,"short":-47,"extra":1}"#,
    )
    .await;
    let schema = next_schema(&mut viewer).await;
    assert!(schema.source == "more" && schema.model.is_none());
    let status = next_status(&mut viewer, |status| status.channel == 3).await;
    assert!(status.message.unwrap().contains("the model does not know extra"));
    assert_eq!(
        post(&server, "small", "", r#"{"a":1}"#).await.0,
        409,
        "the replay's own name"
    );
}

/// Readings of an oven that is cold or hot.
fn labelled_lines(numbers: std::ops::Range<u32>) -> String {
    numbers
        .map(|n| {
            let (temp, label) = if n % 2 == 0 { (20, "cold") } else { (80, "hot") };
            format!(
                "{{\"temp\":{},\"hum\":{n},\"label\":\"{label}\"}}\n",
                temp + n % 5
            )
        })
        .collect()
}

#[tokio::test]
async fn a_burst_is_learnt_from_whole_though_nothing_comes_after_it() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    post_ok(&server, "oven", &labelled_lines(0..20)).await;
    // Too soon after the first training for another one, which is made up for later.
    post_ok(&server, "oven", &labelled_lines(20..500)).await;
    while next_schema(&mut viewer)
        .await
        .model
        .is_none_or(|model| model.trained_until != Some(500))
    {}
}

#[tokio::test]
async fn a_model_is_trained_from_the_labelled_readings_and_never_scored_on_them() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    post_ok(&server, "oven", &labelled_lines(0..40)).await;
    let schema = loop {
        let schema = next_schema(&mut viewer).await;
        if schema.model.is_some() {
            break schema;
        }
    };
    let model = schema.model.unwrap();
    assert_eq!(model.trained_until, Some(40));
    assert_eq!(schema.next_seq, 40);
    assert_eq!(schema.classes, ["cold", "hot"]);
    let (_, bytes) = server.http(&format!("GET {}", model.url), "").await;
    assert_eq!(bytes.len() as u64, model.n_bytes);
    let (mut knn, metadata) = classifier::Knn::from_bytes(&bytes).unwrap();
    assert_eq!(metadata.feature_names, ["temp", "hum"]);
    assert_eq!(knn.predict(&[82.0, 20.0]).unwrap(), 1);
    let (head, _) = server.http("GET /model/1?sha256=0123", "").await;
    assert!(head.starts_with("http/1.1 410"), "{head}");
}

/// Posts labelled readings, and waits for a schema with a model.
async fn post_for_model(server: &TestServer, viewer: &mut Viewer, numbers: std::ops::Range<u32>) -> Schema {
    post_ok(server, "oven", &labelled_lines(numbers)).await;
    loop {
        let schema = next_schema(viewer).await;
        if schema.model.is_some() {
            return schema;
        }
    }
}

#[tokio::test]
async fn a_stray_feature_does_not_end_the_labels_for_good() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    let before = post_for_model(&server, &mut viewer, 0..300).await;
    for stray in [r#"{"temp":20,"hum":50,"battery":3.3}"#, r#"{"tmp":20,"hum":50}"#] {
        post_ok(&server, "oven", stray).await;
        let schema = next_schema(&mut viewer).await;
        assert!(names(&schema).len() == 3 && schema.model.is_none());
        let status = next_status(&mut viewer, |status| status.message.is_some()).await;
        let message = status.message.unwrap();
        assert!(
            message.contains("the model trained before is for temp, hum alone"),
            "{message}"
        );
        // The model is the one from before, at once and whether or not the readings have labels.
        let again = post_for_model(&server, &mut viewer, 300..400).await;
        assert_eq!(names(&again), ["temp", "hum"]);
        assert_eq!(again.model, before.model);
    }
}

#[tokio::test]
async fn a_feature_that_stays_away_is_not_waited_for() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    post_ok(
        &server,
        "oven",
        r#"{"temp":20,"hum":50,"battery":3.3,"label":"cold"}"#,
    )
    .await;
    let schema = post_for_model(&server, &mut viewer, 0..200).await;
    assert_eq!(names(&schema), ["temp", "hum"]);
    // What comes again is a feature again.
    post_ok(&server, "oven", r#"{"temp":20,"hum":50,"battery":3.3}"#).await;
    let schema = loop {
        let schema = next_schema(&mut viewer).await;
        if schema.model.is_none() {
            break schema;
        }
    };
    assert_eq!(names(&schema), ["temp", "hum", "battery"]);
}

#[tokio::test]
async fn a_model_that_a_stray_feature_keeps_away_comes_back() {
    let server = TestServer::start(config()).await;
    let mut viewer = early_viewer(&server).await;
    let plain = "{\"short\":1,\"long\":2,\"single\":3,\"double\":4}\n";
    let stray = r#"{"short":1,"long":2,"single":3,"double":4,"extra":5}"#;
    post_ok(&server, "mine", stray).await;
    post_ok(&server, "mine", &plain.repeat(100)).await;
    let schema = loop {
        let schema = next_schema(&mut viewer).await;
        if schema.source == "mine" && schema.model.is_some() {
            break schema;
        }
    };
    assert_eq!(names(&schema), ["short", "long", "single", "double"]);
    assert_eq!(schema.model.unwrap().trained_until, None);
}

#[tokio::test]
async fn features_that_take_turns_are_said_to_train_no_model() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    let turns = "{\"temp\":20,\"label\":\"cold\"}\n{\"hum\":50,\"label\":\"hot\"}\n";
    post_ok(&server, "oven", &turns.repeat(200)).await;
    let status = next_status(&mut viewer, |_| true).await;
    let message = status.message.unwrap();
    assert!(message.contains("some lack temp, hum"), "{message}");
}

#[tokio::test]
async fn a_training_that_fails_is_told() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    let readings = |numbers: std::ops::Range<u32>| -> String {
        numbers
            .map(|n| format!("{{\"a\":{}e{},\"label\":\"{}\"}}\n", n % 7, 100 + n, n % 2))
            .collect()
    };
    let begins = |status: &Status, beginning: &str| {
        let message = status.message.as_deref().unwrap_or_default();
        message.starts_with(beginning)
    };
    post_ok(&server, "big", &readings(0..200)).await;
    next_status(&mut viewer, |status| {
        let reason = "values of feature 0 are too far apart to be prepared (feature 0 is a)";
        begins(
            status,
            &format!("no model could be trained from the labelled readings: {reason}"),
        )
    })
    .await;
    post_ok(&server, "grows", &readings(0..20)).await;
    while next_schema(&mut viewer).await.model.is_none() {}
    post_ok(&server, "grows", &readings(20..200)).await;
    next_status(&mut viewer, |status| {
        begins(status, "the model is an earlier one: ")
    })
    .await;
}

#[tokio::test]
async fn a_model_file_is_served_to_the_source_that_has_its_features() {
    let replaying = TestServer::start(config()).await;
    let (_, bytes) = replaying.http("GET /model/1", "").await;
    let path = std::env::temp_dir().join(format!("sensor-sim-model-{}.safetensors", std::process::id()));
    std::fs::write(&path, &bytes).unwrap();
    let server = TestServer::start(Config {
        model: Some(path.clone()),
        ..sensors_only()
    })
    .await;
    std::fs::remove_file(&path).unwrap();
    post_ok(&server, "a", r#"{"short":1,"long":2,"single":3,"double":4}"#).await;
    let viewer = server.viewer().await;
    assert_eq!(viewer.schema.unwrap().model.unwrap().n_bytes, bytes.len() as u64);
}
