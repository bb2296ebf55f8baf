use std::{fs, time::Duration};

use devstack::{
    Error, procfs,
    redis::{Appendonly, RedisServer, Reply},
    wait,
};

use crate::held;

/// Far longer than anything here takes, for a busy machine.
const SOON: Duration = Duration::from_secs(60);

fn get(redis: &RedisServer, key: &str) -> Option<String> {
    redis.command(&["GET", key]).unwrap().text()
}

#[test]
fn a_server_answers_on_its_socket_and_is_gone_on_drop() {
    let redis = RedisServer::builder().start().unwrap();
    assert_eq!(
        redis.command(&["SET", "k", "v"]).unwrap(),
        Reply::Status("OK".to_owned())
    );
    assert_eq!(get(&redis, "k").as_deref(), Some("v"));
    assert_eq!(
        redis.url(),
        format!("redis+unix://{}", redis.socket().display())
    );
    assert_eq!(redis.tcp_url(), None);
    let (pid, socket) = (redis.pid().unwrap(), redis.socket());
    assert_eq!(procfs::name(pid).as_deref(), Some("redis-server"));
    drop(redis);
    assert_eq!(procfs::stat(pid), None);
    assert!(!socket.exists());
}

#[test]
fn an_error_reply_is_an_error() {
    let redis = RedisServer::builder().start().unwrap();
    let error = redis.command(&["NO-SUCH-COMMAND"]).unwrap_err();
    assert!(
        matches!(&error, Error::Refused(text) if text.starts_with("ERR")),
        "{error}"
    );
}

#[test]
fn extra_settings_and_durability_reach_the_server() {
    let redis = RedisServer::builder()
        .appendonly(Appendonly::Always)
        .arg("maxmemory", "64mb")
        .start()
        .unwrap();
    let setting = |name: &str| {
        let reply = redis.command(&["CONFIG", "GET", name]).unwrap();
        reply.items().unwrap()[1].text().unwrap()
    };
    assert_eq!(setting("maxmemory"), "67108864");
    assert_eq!(setting("appendonly"), "yes");
    assert_eq!(setting("appendfsync"), "always");
    assert_eq!(setting("save"), "");
}

#[test]
fn a_setting_redis_does_not_know_shows_its_own_words() {
    let error = RedisServer::builder()
        .arg("no-such-setting", "1")
        .start()
        .unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(error.to_string().contains("no-such-setting"), "{error}");
}

#[test]
fn the_port_and_the_socket_stay_the_same_over_a_restart() {
    let redis = RedisServer::builder().tcp().start().unwrap();
    let (url, socket) = (redis.tcp_url().unwrap(), redis.socket());
    let connect = || std::net::TcpStream::connect(("127.0.0.1", redis.tcp_port().unwrap()));
    connect().unwrap();
    redis.kill9().unwrap();
    assert!(connect().is_err());
    redis.start_again().unwrap();
    connect().unwrap();
    assert_eq!((redis.tcp_url().unwrap(), redis.socket()), (url, socket));
}

#[test]
fn two_servers_know_nothing_of_each_other() {
    let one = RedisServer::builder().tcp().start().unwrap();
    let two = RedisServer::builder().tcp().start().unwrap();
    one.command(&["SET", "k", "v"]).unwrap();
    assert_eq!(get(&two, "k"), None);
    assert_ne!(one.tcp_port(), two.tcp_port());
}

#[test]
fn without_an_append_only_file_a_stop_forgets() {
    let redis = RedisServer::builder().start().unwrap();
    redis.command(&["SET", "k", "v"]).unwrap();
    redis.stop().unwrap();
    assert!(redis.command(&["PING"]).is_err());
    redis.start_again().unwrap();
    assert_eq!(get(&redis, "k"), None);
}

#[test]
fn with_one_a_killed_server_remembers_in_a_folder_that_stays() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let builder = RedisServer::builder()
        .appendonly(Appendonly::Everysec)
        .dir(&data);
    let redis = builder.clone().start().unwrap();
    redis.command(&["SET", "k", "v"]).unwrap();
    redis.kill9().unwrap();
    redis.start_again().unwrap();
    assert_eq!(get(&redis, "k").as_deref(), Some("v"));
    drop(redis);
    let redis = builder.start().unwrap();
    assert_eq!(get(&redis, "k").as_deref(), Some("v"));
    assert_eq!(redis.dir(), data);
}

#[test]
fn a_cut_append_only_file_loses_its_tail() {
    let redis = RedisServer::builder()
        .appendonly(Appendonly::Always)
        .start()
        .unwrap();
    redis.command(&["SET", "kept", "1"]).unwrap();
    let length = fs::metadata(redis.aof_incr_file().unwrap()).unwrap().len();
    redis.command(&["SET", "lost", "1"]).unwrap();
    assert!(matches!(
        redis.truncate_aof_to(length),
        Err(Error::Running { .. })
    ));
    redis.kill9().unwrap();
    // Two bytes of the second command survive, as after a torn write.
    redis.truncate_aof_to(length + 2).unwrap();
    redis.start_again().unwrap();
    assert_eq!(get(&redis, "kept").as_deref(), Some("1"));
    assert_eq!(get(&redis, "lost"), None);
    redis.stop().unwrap();
    assert!(matches!(
        redis.truncate_aof_to(u64::MAX),
        Err(Error::Protocol(_))
    ));
}

#[test]
fn a_paused_server_answers_after_it_is_resumed() {
    let redis = RedisServer::builder().start().unwrap();
    redis.pause().unwrap();
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| redis.command(&["PING"]));
        assert!(
            wait::until(Duration::from_millis(50), "answers", || answer
                .is_finished())
            .is_err()
        );
        redis.resume().unwrap();
        assert_eq!(
            answer.join().unwrap().unwrap(),
            Reply::Status("PONG".to_owned())
        );
    });
    redis.pause().unwrap();
    redis.stop().unwrap();
    assert!(matches!(redis.resume(), Err(Error::NotRunning { .. })));
}

/// Not a test of its own: the next test runs it in a process that it kills.
#[test]
fn hold_a_server_for_the_next_test() {
    if held::is_asked() {
        let redis = RedisServer::builder().start().unwrap();
        held::until_killed(redis.pid().unwrap());
    }
}

#[test]
fn a_server_dies_with_a_killed_test_process_and_the_next_clears_away_its_folder() {
    if !held::servers_are_tied() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let hold = || held::hold("redis::hold_a_server_for_the_next_test", folder.path());
    let (test, pid) = hold();
    assert!(procfs::stat(pid).is_some());
    test.kill9().unwrap();
    let gone = || procfs::stat(pid).is_none_or(|stat| stat.is_zombie());
    wait::until(SOON, "the server of a killed process ends", gone).unwrap();
    let (test, _) = hold();
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "its own");
    test.kill9().unwrap();
}
