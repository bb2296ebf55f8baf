use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
};

use devstack::{
    Error,
    kafka::{KAFKA_VERSION, KafkaServer},
    procfs,
};

fn data(kafka: &KafkaServer) -> BTreeSet<String> {
    let entries = kafka.data_dir().read_dir().unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn cluster(kafka: &KafkaServer) -> String {
    let text = fs::read_to_string(kafka.data_dir().join("meta.properties")).unwrap();
    let mut lines = text.lines();
    lines
        .find(|line| line.starts_with("cluster.id="))
        .unwrap()
        .to_owned()
}

#[test]
fn a_killed_broker_comes_back_on_its_port_with_its_data() {
    let kafka = KafkaServer::builder().start().unwrap();
    assert_eq!(kafka.bootstrap(), format!("127.0.0.1:{}", kafka.port()));
    assert!(kafka.log().contains(KAFKA_VERSION), "{}", kafka.log());
    let (first, before, id) = (kafka.pid().unwrap(), data(&kafka), cluster(&kafka));
    assert_eq!(procfs::name(first).as_deref(), Some("java"));
    let metadata = kafka.data_dir().join("__cluster_metadata-0");
    let records = metadata.join("00000000000000000000.log");
    let written = fs::metadata(&records).unwrap().len();
    assert!(written > 0);
    assert!(matches!(kafka.start_again(), Err(Error::Running { .. })));

    kafka.kill9().unwrap();
    assert_eq!(kafka.pid(), None);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, kafka.port())).is_err());
    kafka.start_again().unwrap();
    assert_ne!(kafka.pid(), Some(first));
    // Checkpoints come when it is time for them.
    assert!(data(&kafka).is_superset(&before), "{before:?}");
    assert_eq!(cluster(&kafka), id);
    // The second life appends to what the first has written.
    assert!(fs::metadata(&records).unwrap().len() > written);
    TcpStream::connect((Ipv4Addr::LOCALHOST, kafka.port())).unwrap();

    kafka.pause().unwrap();
    kafka.resume().unwrap();
    kafka.stop().unwrap();
    assert!(matches!(kafka.resume(), Err(Error::NotRunning { .. })));
    assert!(
        kafka.log().contains("shut down completed"),
        "{}",
        kafka.log()
    );

    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, kafka.port())).unwrap();
    let error = kafka.start_again().unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(kafka.log().contains("Address already in use"));
    drop(taken);

    let folder = kafka.data_dir();
    drop(kafka);
    assert!(!folder.exists());
}

#[test]
fn two_brokers_at_once_share_nothing() {
    let (one, two) = thread::scope(|scope| {
        let start = || KafkaServer::builder().start().unwrap();
        let (one, two) = (scope.spawn(start), scope.spawn(start));
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_ne!(one.port(), two.port());
    assert_ne!(one.data_dir(), two.data_dir());
    assert_ne!(cluster(&one), cluster(&two));
    one.kill9().unwrap();
    assert!(two.pid().is_some());
    TcpStream::connect((Ipv4Addr::LOCALHOST, two.port())).unwrap();
    let pid = two.pid().unwrap();
    drop(two);
    assert_eq!(procfs::stat(pid), None);
}

#[test]
fn a_property_that_kafka_does_not_like_is_explained() {
    let error = KafkaServer::builder()
        .property("num.io.threads", "many")
        .start()
        .unwrap_err();
    assert!(
        matches!(&error, Error::Ended { log, .. } if log.contains("num.io.threads")),
        "{error}"
    );
}
