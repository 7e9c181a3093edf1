//! The load program: what a real `groved` takes and hands on, how fast, and what it costs.
//!
//! It plays all people of a scenario: real identities, real MLS groups, really sealed messages, one
//! WebSocket each. It must not know the server from inside: it sees the client door, `/metrics` and
//! `/proc`, as an operator does.
//!
//! The surprise: messages are sealed before the clock runs, and every latency counts from the
//! moment a message was due, not from when there was time to send it (docs/benchmarks.md says why).

mod args;
mod connected;
mod device;
mod groved;
mod http;
mod idle;
mod latency;
mod linking;
mod machine;
mod metrics;
mod processes;
mod recovery;
mod report;
mod round;
mod scene;
mod search;
mod side_by_side;
mod sockets;
mod submit;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Args, Rate, Subject};
use crate::groved::Target;
use crate::report::{Line, Report};
use crate::scene::Scene;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads)
        .enable_all()
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = run(&args) => outcome,
            () = interrupted() => Err("interrupted".to_owned()),
        }
    });
    match outcome {
        Ok(report) => {
            report.print(args.json);
            if report.is_clean() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("grove-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns when somebody asks this program to end. What it started is stopped then, like at any
/// other end.
async fn interrupted() {
    let listen = |kind| signal(kind).expect("a signal handler");
    let (mut interrupt, mut terminate) = (
        listen(SignalKind::interrupt()),
        listen(SignalKind::terminate()),
    );
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn run(args: &Args) -> Result<Report, String> {
    args.check()?;
    let mut report = Report::new(&args.data_in);
    for subject in &args.subjects {
        match subject {
            Subject::Rooms(shape) => {
                let target = Target::open(args)?;
                report.learn(&target).await;
                let mut scene = Scene::set(args, &target, *shape).await;
                let rounds = play(args, &mut scene, &target).await;
                report.lines.extend(rounds);
                scene.close().await;
            }
            other if args.server.is_some() => {
                eprintln!("{other:?}: left out, because groved must be started for it")
            }
            Subject::Connected => report.connected = Some(connected::look(args).await?),
            Subject::Idle => report.idle = Some(idle::look(args).await?),
            Subject::Linking => report.linked = Some(linking::look(args).await?),
            Subject::Recovery => report.recovery = Some(recovery::look(args).await?),
        }
    }
    Ok(report)
}

/// All rates of one scenario, on one server.
async fn play(args: &Args, scene: &mut Scene, target: &Target) -> Vec<Line> {
    let mut lines = Vec::new();
    round::warm_up(scene, target).await;
    for rate in &args.rates {
        let line = match rate {
            Rate::Max => search::find(args, scene, target).await,
            Rate::PerSecond(rate) => {
                let round = round::play(scene, target, *rate, args.length()).await;
                Line {
                    scenario: scene.shape.to_string(),
                    search: Vec::new(),
                    round,
                }
            }
        };
        let clean = line.round.is_clean();
        lines.push(line);
        if !clean {
            eprintln!(
                "{}: messages were refused or lost: no further rates",
                scene.shape
            );
            break;
        }
    }
    lines
}
