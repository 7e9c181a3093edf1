//! A real proxy with a configuration of the manual, in which addresses and files are replaced and
//! nothing else.
//!
//! It needs no rights, writes below a directory of its own, and is one process that ends with the
//! test.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use harness::wait::eventually;
use harness::{World, loopback, program};
use rustls::version::TLS13;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::doors::trusting;
use crate::layers::root;
use crate::operations::certificates::Made;

/// Which proxy, and how it is told to pass requests on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As the manual shows it.
    Nginx,
    /// With a path behind the server's address, which makes nginx decode paths.
    NginxThatDecodes,
    /// As the manual shows it.
    Caddy,
}

/// A running proxy, in front of a world's server. Killed when dropped.
pub(super) struct Proxy {
    /// Its base URL.
    pub(super) url: String,
    certificate: Made,
    directory: PathBuf,
    _child: Child,
}

impl Proxy {
    /// Starts one in front of the server and waits until it answers. None, with a line on standard
    /// error, where it is not installed.
    pub(super) async fn start(world: &World, kind: Kind) -> Option<Self> {
        let name = match kind {
            Kind::Nginx | Kind::NginxThatDecodes => "nginx",
            Kind::Caddy => "caddy",
        };
        let Some(program) = find(name) else {
            program::left_out(name);
            return None;
        };
        let directory = world.home(name);
        // A port of an address that is nobody else's stays free.
        let listener = TcpListener::bind(loopback::own()).expect("a port");
        let door = listener.local_addr().expect("an address");
        drop(listener);
        let certificate = Made::of(&door.ip().to_string());
        fs::write(directory.join("certificate.pem"), &certificate.certificate).expect("a file");
        fs::write(directory.join("key.pem"), &certificate.key).expect("a file");
        let behind = world.url().strip_prefix("http://").expect("plain HTTP");
        let mut command = match kind {
            Kind::Caddy => caddy(&program, &directory, door, behind),
            Kind::Nginx => nginx(&program, &directory, door, behind),
            Kind::NginxThatDecodes => nginx(&program, &directory, door, &format!("{behind}/")),
        };
        let log = fs::File::create(directory.join("log")).expect("a file");
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("one more of it"))
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().expect("it runs");
        eventually("the proxy listens", || {
            let ended = child.try_wait().expect("its state");
            let log = || fs::read_to_string(directory.join("log")).expect("its log");
            assert!(ended.is_none(), "{name}: {}", log());
            async move { TcpStream::connect(door).await.ok() }
        })
        .await;
        Some(Self {
            url: format!("https://{door}"),
            certificate,
            directory,
            _child: child,
        })
    }

    /// The file with the certificate that clients have to trust.
    pub(super) fn roots(&self) -> String {
        let path = self.directory.join("certificate.pem");
        path.to_str().expect("text").to_owned()
    }

    /// A client that trusts it, and asks from this address of the machine.
    pub(super) fn client(&self, from: Option<IpAddr>) -> reqwest::Client {
        trusting(&self.certificate.certificate, &TLS13)
            .local_address(from)
            .build()
            .expect("a client")
    }
}

/// Where a program is: in PATH, or where Debian puts servers.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(name));
    found.into_iter().find(|program| program.is_file())
}

/// A file of the manual with each of these replaced, which must stand there once.
fn manual(name: &str, replaced: &[(&str, String)]) -> String {
    let text = fs::read_to_string(root().join("docs/proxies").join(name)).expect("a file");
    replaced.iter().fold(text, |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from} in {name}");
        text.replace(from, to)
    })
}

fn nginx(program: &Path, directory: &Path, door: SocketAddr, behind: &str) -> Command {
    let file = |name: &str| directory.join(name).display().to_string();
    let server = manual(
        "nginx.conf",
        &[
            ("listen 443 ssl", format!("listen {door} ssl")),
            ("    listen [::]:443 ssl http2;\n", String::new()),
            (
                "/etc/letsencrypt/live/a.example/fullchain.pem",
                file("certificate.pem"),
            ),
            (
                "/etc/letsencrypt/live/a.example/privkey.pem",
                file("key.pem"),
            ),
            ("127.0.0.1:8448", behind.to_owned()),
        ],
    );
    let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|of| format!("{of}_temp_path {};\n", file(of)))
        .collect();
    // One process: workers would outlive a master that is killed.
    let whole = format!(
        "daemon off;\nmaster_process off;\npid {};\nevents {{}}\nhttp {{\n{places}{server}}}\n",
        file("pid")
    );
    fs::write(directory.join("nginx.conf"), whole).expect("a file");
    let mut command = Command::new(program);
    command.args(["-e", "stderr", "-p"]).arg(directory);
    command.arg("-c").arg(directory.join("nginx.conf"));
    command
}

fn caddy(program: &Path, directory: &Path, door: SocketAddr, behind: &str) -> Command {
    let file = |name: &str| directory.join(name).display().to_string();
    let site = manual(
        "Caddyfile",
        &[
            (
                "\na.example {",
                format!("\nhttps://{door} {{\n\tbind {}", door.ip()),
            ),
            (
                "\ttls {",
                format!("\ttls {} {} {{", file("certificate.pem"), file("key.pem")),
            ),
            ("127.0.0.1:8448", behind.to_owned()),
        ],
    );
    // No door for administration, no redirects, no UDP: nothing but the door.
    let alone = "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2\n\t}\n}\n";
    fs::write(directory.join("Caddyfile"), format!("{alone}{site}")).expect("a file");
    let mut command = Command::new(program);
    command.args(["run", "--adapter", "caddyfile", "--config"]);
    command.arg(directory.join("Caddyfile"));
    for place in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(place, directory);
    }
    command
}
