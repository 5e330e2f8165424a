//! Readings from a real mosquitto: published by mosquitto_pub and by Python, with and without password and TLS, across a
//! restart. Also brokers made here, which do what mosquitto does not.

use std::num::{NonZeroU32, NonZeroUsize};

use sensor_sim::{Bridge, Config, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::broker::{Broker, Folder, bridge_until, certificate, connected, lost, readings};
use crate::clients::program;
use crate::support::{TestServer, within_limit};

fn bridged(address: &str) -> Config {
    Config {
        bridges: vec![Bridge::mqtt(address, None, None).unwrap()],
        ..Config::without_replay()
    }
}

#[tokio::test]
async fn topics_are_sources() {
    let Some(broker) = Broker::open().await else {
        return;
    };
    broker.publish("home/kitchen", r#"{"temp":99}"#, &["-r"]).await;
    let server = TestServer::start(bridged(&broker.url("home/#"))).await;
    // What the broker had kept is of some time before.
    bridge_until(&server, |bridge| bridge["n_retained"] == 1).await;

    broker
        .publish("home/kitchen", r#"{"temp":21.5,"hum":40}"#, &[])
        .await;
    broker
        .publish("home/kitchen", r#"{"temp":22}"#, &["-q", "1", "-r"])
        .await;
    broker
        .publish("home/kitchen", "temp:23,hum:41", &["-q", "2", "-V", "mqttv5"])
        .await;
    let (names, got) = readings(&server, "home.kitchen", 3).await;
    assert_eq!(names, ["temp", "hum"]);
    assert_eq!(got[0], [21.5, 40.0]);
    assert!(got[1][0] == 22.0 && got[1][1].is_nan());
    assert_eq!(got[2], [23.0, 41.0]);

    // A number alone is named after the last level.
    broker.publish("home/attic/temp", "18.5", &[]).await;
    broker.publish("home/attic/temp", "18.25", &[]).await;
    let (names, got) = readings(&server, "home.attic.temp", 2).await;
    assert_eq!(
        (names, got),
        (vec!["temp".to_owned()], vec![vec![18.5], vec![18.25]])
    );

    // Other characters, other topics, and what holds no reading.
    broker.publish("home/Küche/Luft 2", "1,2", &[]).await;
    broker.publish("garden", r#"{"temp":1}"#, &[]).await;
    broker.publish("home/tele/LWT", "Online", &[]).await;
    broker.publish("home/attic/temp", "", &["-r"]).await;
    broker.publish("home/attic/state", r#"{"temp":"#, &[]).await;
    let bridge = bridge_until(&server, |bridge| bridge["n_refused"] == 1).await;
    assert_eq!(
        (&bridge["n_messages"], &bridge["n_readings"]),
        (&10.into(), &6.into())
    );
    let health = server.health().await;
    let channels = health["channels"].as_array().unwrap();
    let sources: Vec<_> = channels
        .iter()
        .map(|channel| channel["source"].as_str().unwrap())
        .collect();
    assert_eq!(
        sources,
        ["home.kitchen", "home.attic.temp", "home.K_che.Luft_2-467adbc7"]
    );
    server.stop().await;
}

#[tokio::test]
async fn a_broker_that_starts_again_is_followed_again() {
    let Some(mut broker) = Broker::open().await else {
        return;
    };
    let server = TestServer::start(bridged(&broker.url("+/temp"))).await;
    connected(&server).await;
    broker.publish("a/temp", "1", &[]).await;
    bridge_until(&server, |bridge| bridge["n_readings"] == 1).await;
    broker.stop().await;
    lost(&server, "").await;
    broker.start_again().await;
    connected(&server).await;
    broker.publish("a/temp", "2", &[]).await;
    assert_eq!(readings(&server, "a.temp", 2).await.1, [[1.0], [2.0]]);
    server.stop().await;
    // The broker was told.
    assert!(broker.logs("Client runnel").await.ends_with(" disconnected."));
}

#[tokio::test]
async fn a_wrong_password_is_said_and_tried_until_it_is_right() {
    let folder = Folder::new();
    let passwords = folder.write("passwords", "");
    let set_password = async |password: &str| {
        let mut command = Command::new("mosquitto_passwd");
        let output = command
            .arg("-b")
            .arg(&passwords)
            .args(["me@home", password])
            .output()
            .await;
        assert!(output.unwrap().status.success());
    };
    let settings = format!("password_file {}", passwords.display());
    let Some(broker) = Broker::start(&settings).await else {
        return;
    };
    let server = TestServer::start(bridged(&broker.url("#"))).await;
    lost(&server, "it wants a user and a password: mqtt://USER@HOST/").await;
    server.stop().await;

    set_password("old/one").await;
    broker.reload().await;
    let address = broker.url("#").replace("://", "://me%40home@");
    let bridge = Bridge::mqtt(&address, Some("new:one"), None).unwrap();
    let config = Config {
        bridges: vec![bridge],
        ..Config::without_replay()
    };
    assert!(!format!("{config:?}").contains("new:one"));
    let server = TestServer::start(config).await;
    let report = lost(&server, "user or password is wrong").await;
    assert_eq!(report["address"], broker.url("#"));
    set_password("new:one").await;
    broker.reload().await;
    connected(&server).await;
    broker
        .publish("a", "7", &["-u", "me@home", "-P", "new:one"])
        .await;
    assert_eq!(readings(&server, "a", 1).await.1, [[7.0]]);
    server.stop().await;
}

#[tokio::test]
async fn tls_needs_a_certificate_that_is_trusted() {
    let folder = Folder::new();
    let (certificate, key) = certificate();
    let ca = folder.write("cert.pem", &certificate);
    let key = folder.write("key.pem", &key);
    let settings = format!(
        "allow_anonymous true\ncertfile {}\nkeyfile {}",
        ca.display(),
        key.display()
    );
    let Some(broker) = Broker::start(&settings).await else {
        return;
    };
    let address = broker.url("#").replace("mqtt://", "mqtts://");
    let config = |ca| Config {
        bridges: vec![Bridge::mqtt(&address, None, ca).unwrap()],
        ..Config::without_replay()
    };
    // Another certificate than the broker's; not the system's, of which there may be none.
    let other = folder.write("other.pem", &self::certificate().0);
    let server = TestServer::start(config(Some(&other))).await;
    lost(&server, "--bridge-ca").await;
    server.stop().await;
    let server = TestServer::start(config(Some(&ca))).await;
    connected(&server).await;
    let (ca, more) = (ca.display().to_string(), ["-q", "1", "--cafile"]);
    broker
        .publish("a", "[1,2]", &[more.as_slice(), &[&ca]].concat())
        .await;
    assert_eq!(readings(&server, "a", 1).await.1, [[1.0, 2.0]]);
    server.stop().await;
}

#[tokio::test]
async fn python_publishes_in_both_versions() {
    const SCRIPT: &str = "
import sys
import paho.mqtt.client as mqtt
for version in (mqtt.MQTTv311, mqtt.MQTTv5):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=version)
    client.connect('127.0.0.1', int(sys.argv[1]))
    client.loop_start()
    for number in range(100):
        client.publish('py/imu', '{\"ax\":%d,\"label\":\"%s\"}' % (number, 'odd' if number % 2 else 'even'), qos=1).wait_for_publish()
    client.disconnect()
    client.loop_stop()
";
    let Some(python) = program("RUNNEL_PYTHON", "python3", &["-c", "import paho.mqtt.client"]) else {
        return;
    };
    let Some(broker) = Broker::open().await else {
        return;
    };
    let server = TestServer::start(bridged(&broker.url("py/+"))).await;
    connected(&server).await;
    let script = Command::new(python)
        .args(["-c", SCRIPT, &broker.port.to_string()])
        .output();
    let output = within_limit(script).await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (names, got) = readings(&server, "py.imu", 200).await;
    assert_eq!(names, ["ax"]);
    let expected: Vec<_> = (0..200).map(|number| vec![f64::from(number % 100)]).collect();
    assert_eq!(got, expected);
    server.stop().await;
}

#[tokio::test]
async fn one_topic_over_its_limit_does_not_touch_the_others() {
    let Some(broker) = Broker::open().await else {
        return;
    };
    let limits = Limits {
        rate: NonZeroU32::new(1).unwrap(),
        sources: NonZeroUsize::new(2).unwrap(),
        message_bytes: 1_024,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..bridged(&broker.url("#"))
    };
    let server = TestServer::start(config).await;
    connected(&server).await;
    // Ten at once, of which the first leaves a debt of nine seconds.
    broker
        .publish("fast", "[[1],[2],[3],[4],[5],[6],[7],[8],[9],[10]]", &[])
        .await;
    broker.publish("fast", "11", &[]).await;
    broker.publish("calm", "1", &[]).await;
    let bridge = bridge_until(&server, |bridge| bridge["n_messages"] == 3).await;
    assert_eq!(
        (&bridge["n_readings"], &bridge["n_refused"]),
        (&11.into(), &1.into())
    );
    // There may be two sources, and messages of a kilobyte.
    broker.publish("third", "1", &[]).await;
    broker
        .publish("calm", &format!("[{}1]", "1,".repeat(200_000)), &[])
        .await;
    broker
        .publish("calm", &format!("[{}1]", "1,".repeat(600)), &[])
        .await;
    let bridge = bridge_until(&server, |bridge| bridge["n_messages"] == 6).await;
    assert_eq!(
        (&bridge["n_readings"], &bridge["n_refused"]),
        (&11.into(), &4.into())
    );
    assert_eq!(bridge["state"], "connected");
    server.stop().await;
}

/// Stands before a broker and refuses MQTT 5, as an old one does: by an answer, or by hanging up.
async fn old_broker(port: u16, answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("mqtt://{}/#", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            // The version stands after the packet's head and the name of the protocol.
            let mut head = [0; 9];
            client.read_exact(&mut head).await.unwrap();
            if head[8] != 4 {
                assert_eq!(head[8], 5);
                client.write_all(answer).await.unwrap();
                continue;
            }
            let mut broker = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            broker.write_all(&head).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut broker).await });
        }
    });
    address
}

#[tokio::test]
async fn brokers_without_mqtt_5_get_3_1_1() {
    let answers: [&[u8]; 3] = [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", b""];
    for answer in answers {
        let Some(mut broker) = Broker::open().await else {
            return;
        };
        let server = TestServer::start(bridged(&old_broker(broker.port, answer).await)).await;
        connected(&server).await;
        let line = broker.logs(" as runnel").await;
        assert!(line.contains("(p2,"), "mosquitto's name for 3.1.1: {line}");
        broker.publish("a", "3", &["-q", "1"]).await;
        assert_eq!(readings(&server, "a", 1).await.1, [[3.0]]);
        server.stop().await;
    }
}

/// A broker that welcomes MQTT 5 clients with a keep-alive of a second, grants their subscription, and is silent.
async fn welcome(listener: &TcpListener) -> TcpStream {
    let (mut client, _) = within_limit(listener.accept()).await.unwrap();
    let mut packet = [0; 1_024];
    assert_eq!(client.read(&mut packet).await.unwrap() > 0, packet[0] == 0x10);
    client
        .write_all(b"\x20\x06\x00\x00\x03\x13\x00\x01")
        .await
        .unwrap();
    assert_eq!(client.read(&mut packet).await.unwrap() > 0, packet[0] == 0x82);
    client.write_all(b"\x90\x04\x00\x01\x00\x01").await.unwrap();
    client
}

#[tokio::test]
async fn silent_brokers_and_nonsense_are_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("mqtt://{}/#", listener.local_addr().unwrap());
    let server = TestServer::start(bridged(&address)).await;
    let mut silent = welcome(&listener).await;
    // Pings come, and then the end.
    let mut pings = Vec::new();
    within_limit(silent.read_to_end(&mut pings)).await.unwrap();
    assert!(pings.starts_with(&[0xc0, 0]) && pings.len() < 10, "{pings:?}");
    lost(&server, "says nothing any more").await;

    let mut mad = welcome(&listener).await;
    mad.write_all(b"\x30\xff\xff\xff\xff\xff").await.unwrap();
    lost(&server, "not MQTT").await;
    let mut rude = welcome(&listener).await;
    rude.write_all(b"\xe0\x0b\x98\x09\x1f\x00\x06go\nout")
        .await
        .unwrap();
    lost(&server, "the broker ends the connection: go\\nout").await;

    // One that does not let it subscribe.
    let (mut client, _) = within_limit(listener.accept()).await.unwrap();
    client
        .write_all(b"\x20\x03\x00\x00\x00\x90\x04\x00\x01\x00\x87")
        .await
        .unwrap();
    lost(&server, "refuses the subscription to # (code 0x87)").await;
    server.stop().await;
}

#[tokio::test]
async fn the_report_is_as_documented() {
    let text = include_str!("../../../docs/bridges.md");
    let (_, rest) = text.split_once("```json bridge\n").unwrap();
    let documented: serde_json::Value = serde_json::from_str(rest.lines().next().unwrap()).unwrap();
    let server = TestServer::start(bridged("mqtt://127.0.0.1/home/#")).await;
    let mut report = server.health().await["bridges"][0].take();
    let fields = |value: &serde_json::Value| -> Vec<String> {
        let object = value.as_object().unwrap();
        object.keys().cloned().collect()
    };
    assert_eq!(fields(&report), fields(&documented));
    assert_eq!(report["address"].take(), documented["address"]);
    server.stop().await;
}
