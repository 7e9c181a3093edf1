//! What systemd hands over, and what it is told.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use harness::PATIENCE;
use harness::site::{Daemon, Site};
use harness::wait::soon;
use tokio::net::UnixDatagram;

/// Asks on a connection that stands: nobody needs to have accepted it yet.
fn ask(mut stream: &TcpStream) {
    let request = b"GET /v1/server HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    stream.write_all(request).expect("room in the socket");
}

/// The answer, to its end.
async fn answer(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let reading = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    });
    reading.await.expect("it is read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_handed_over_outlives_the_server() {
    let mut site = Site::new().await;
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address");
    // Where it should have listened otherwise is somebody else's: it must not even try.
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port");
    site.set(
        "http.listen",
        elsewhere.local_addr().expect("an address").to_string(),
    );
    let groved = site.serve_on(&socket).await;
    assert_eq!(groved.url, format!("http://{address}"));
    groved.api().get("/v1/server").await.ok();
    groved.terminate().await.ok();

    // Nobody serves now, and who comes is kept by the kernel.
    let early = TcpStream::connect(address).expect("the kernel accepts");
    ask(&early);
    let groved = site.serve_on(&socket).await;
    let answer = answer(early).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    groved.terminate().await.ok();
}

/// The control: a socket of its own goes with the server, and who comes in between is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_of_its_own_goes_with_the_server() {
    let site = Site::new().await;
    let groved = site.serve().await;
    let address = groved.url.trim_start_matches("http://").to_owned();
    drop(TcpStream::connect(&address).expect("it listens"));
    groved.terminate().await.ok();
    // The address is this site's own: nobody else can have taken the port meanwhile.
    let refused = TcpStream::connect(&address).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

/// The next message to systemd that is no sign of life.
async fn next(systemd: &UnixDatagram) -> String {
    loop {
        let message = any(systemd).await;
        if message.trim() != "WATCHDOG=1" {
            return message;
        }
    }
}

async fn any(systemd: &UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    let length = soon("groved tells systemd", systemd.recv(&mut buffer)).await;
    String::from_utf8_lossy(&buffer[..length.expect("a message")]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_is_told_when_it_is_ready_reloading_alive_and_stopping() {
    let site = Site::new().await;
    let path = site.path("notify");
    let systemd = UnixDatagram::bind(&path).expect("a socket");
    let mut command = site.groved(&["serve"]);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "4000000");
    let mut groved = Daemon::start(command).await;
    assert_eq!(any(&systemd).await, "READY=1\n", "and nothing before");
    for _twice in 0..2 {
        assert_eq!(any(&systemd).await, "WATCHDOG=1\n");
    }
    groved.hang_up();
    let reloading = next(&systemd).await;
    let at = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    let at: Option<u64> = at.and_then(|at| at.trim().parse().ok());
    assert!(at.is_some(), "{reloading}");
    assert_eq!(next(&systemd).await, "READY=1\n");
    groved.says("the configuration was read again").await;
    groved.terminate().await.ok();
    assert_eq!(next(&systemd).await, "STOPPING=1\n");
}
