//! The files in `deploy/` and the Dockerfile say what the program does, and ask for no more than it
//! needs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use harness::site::Site;

fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the repository");
    fs::read_to_string(root.join(name)).expect(name)
}

/// A unit's settings by key; those that stand there twice, one after the other.
fn unit(name: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let text = read(name);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    for (key, value) in lines.filter_map(|line| line.split_once('=')) {
        found
            .entry(key.to_owned())
            .or_default()
            .push(value.to_owned());
    }
    found
}

/// What a service without privileges that talks to the network and keeps files in one place can do
/// without.
const HARDENED: [(&str, &str); 24] = [
    ("AmbientCapabilities", ""),
    ("CapabilityBoundingSet", ""),
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("NoNewPrivileges", "yes"),
    ("PrivateDevices", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateUsers", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHome", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectProc", "invisible"),
    ("ProtectSystem", "strict"),
    ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("StateDirectoryMode", "0700"),
    ("SystemCallArchitectures", "native"),
    ("UMask", "0077"),
];

#[test]
fn the_unit_is_hardened_and_is_told_how_the_server_is() {
    let unit = unit("deploy/groved.service");
    for (key, value) in HARDENED {
        assert_eq!(unit.get(key), Some(&vec![value.to_owned()]), "{key}");
    }
    assert_eq!(
        unit["SystemCallFilter"],
        ["@system-service", "~@privileged @resources"]
    );
    for (key, value) in [
        ("Type", "notify"),
        ("User", "grove"),
        ("KillMode", "mixed"),
        (
            "ExecStart",
            "/usr/local/bin/groved serve --config /etc/grove/grove.toml",
        ),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
    ] {
        assert_eq!(unit[key], [value], "{key}");
    }
    assert!(unit.contains_key("WatchdogSec"));
}

#[test]
fn the_socket_is_that_of_the_service_on_the_usual_port() {
    let unit = unit("deploy/groved.socket");
    assert_eq!(unit["Service"], ["groved.service"]);
    let example = read("deploy/grove.example.toml");
    let port = &unit["ListenStream"][0];
    assert!(
        example.contains(&format!("\nlisten = \"127.0.0.1:{port}\"\n")),
        "{port}"
    );
    for name in ["Dockerfile", "deploy/compose.yaml"] {
        assert!(read(name).contains(port.as_str()), "{name}: {port}");
    }
}

#[test]
fn the_image_runs_as_nobody_and_says_whether_it_is_healthy() {
    let file = read("Dockerfile");
    let (_build, image) = file
        .split_once("\nFROM scratch\n")
        .expect("a stage of its own");
    let user = image
        .lines()
        .find_map(|line| line.strip_prefix("USER "))
        .expect("a user");
    let (user, group) = user.split_once(':').expect("user and group");
    assert!(
        user.parse::<u32>().expect("a number") > 0 && group.parse::<u32>().expect("a number") > 0
    );
    assert!(
        file.contains(&format!("-o {user} -g {group} /image/var/lib/grove")),
        "its files are its own"
    );
    let health = image
        .lines()
        .find(|line| line.starts_with("HEALTHCHECK "))
        .expect("a check");
    assert!(
        health.ends_with(r#"CMD ["/usr/local/bin/groved", "health"]"#),
        "{health}"
    );
}

/// What containers are given as environment is a configuration that is right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_of_the_containers_is_a_configuration() {
    let site = Site::new().await;
    fs::write(site.file(), "").expect("a file");
    let password = site.path("password");
    fs::write(&password, "hunter2\n").expect("a file");
    let (image, compose) = (read("Dockerfile"), read("deploy/compose.yaml"));
    let of_image = image.lines().filter_map(|line| {
        let line = line.trim().trim_end_matches('\\').trim();
        line.strip_prefix("ENV ").unwrap_or(line).split_once('=')
    });
    let of_compose = compose
        .lines()
        .filter_map(|line| line.trim().split_once(": "));
    let mut environment: BTreeMap<&str, &str> = of_image
        .chain(of_compose)
        .filter(|(name, _)| name.starts_with("GROVE_") && name.contains("__"))
        .collect();
    assert_eq!(environment.len(), 8, "{environment:?}");
    environment.insert("GROVE_SERVER__DOMAIN", "a.example");
    environment.insert(
        "GROVE_DATABASE__PASSWORD_FILE",
        password.to_str().expect("text"),
    );
    let mut command = site.groved(&["config", "dump"]);
    command.envs(&environment);
    let dump = harness::program::run(command, "").await.ok();
    for name in environment.keys() {
        assert!(
            dump.contains(&format!("# environment variable {name}\n")),
            "{name}: {dump}"
        );
    }
    assert!(!dump.contains("hunter2"), "{dump}");
}
