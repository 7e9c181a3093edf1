//! What is said at the end: tables for people, in Markdown, or one JSON object.

use std::fmt::Write as _;
use std::path::Path;

use harness::Api;
use serde::Serialize;

use crate::connected::Connected;
use crate::groved::Target;
use crate::idle::Idle;
use crate::linking::{Linked, Times};
use crate::machine::Machine;
use crate::processes::Usage;
use crate::recovery::Recovery;
use crate::round::Round;
use crate::search::Step;

/// Everything measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    /// What groved calls itself.
    server: Option<String>,
    /// Major version of the private PostgreSQL.
    postgresql: Option<String>,
    pub(crate) lines: Vec<Line>,
    pub(crate) idle: Option<Idle>,
    pub(crate) connected: Option<Connected>,
    pub(crate) recovery: Option<Recovery>,
    pub(crate) linked: Option<Linked>,
}

/// One scenario at one rate.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) scenario: String,
    pub(crate) round: Round,
    /// How the rate was found, if it was searched for.
    pub(crate) search: Vec<Step>,
}

impl Report {
    /// An empty one, of this machine, whose data directories are made in this one.
    pub(crate) fn new(data_in: &Path) -> Self {
        Self {
            machine: Machine::here(data_in),
            server: None,
            postgresql: None,
            lines: Vec::new(),
            idle: None,
            connected: None,
            recovery: None,
            linked: None,
        }
    }

    /// Notes what the server says of itself.
    pub(crate) async fn learn(&mut self, target: &Target) {
        self.server = Some(Api::new(&target.url).server().await.software);
        self.postgresql = target.postgres_version();
    }

    /// Nothing was refused or lost.
    pub(crate) fn is_clean(&self) -> bool {
        self.lines.iter().all(|line| line.round.is_clean())
    }

    /// Prints it.
    pub(crate) fn print(&self, json: bool) {
        if json {
            println!("{}", serde_json::to_string(self).expect("a JSON form"));
        } else {
            print!("{}", self.text());
        }
    }

    fn text(&self) -> String {
        let mut text = self.heading();
        if !self.lines.is_empty() {
            text.push('\n');
            text.push_str(&table(&SPEED, self.lines.iter().map(speed)));
            text.push('\n');
            text.push_str(&table(&COST, self.lines.iter().map(cost)));
        }
        for line in self.lines.iter().filter(|line| !line.search.is_empty()) {
            let steps: Vec<String> = line.search.iter().map(tried).collect();
            let (scenario, steps) = (&line.scenario, steps.join(", "));
            write!(text, "\nTried for {scenario}: {steps}.\n").expect("a string grows");
        }
        let sentences = [
            self.idle.as_ref().map(rest),
            self.connected.as_ref().map(online),
            self.recovery.as_ref().map(back),
            self.linked.as_ref().map(new_devices),
        ];
        for sentence in sentences.into_iter().flatten() {
            write!(text, "\n{sentence}\n").expect("a string grows");
        }
        text
    }

    fn heading(&self) -> String {
        let Machine {
            processor,
            processors,
            memory_mib,
            kernel,
            sync,
        } = &self.machine;
        let mut text = format!(
            "Machine: {processor}, {processors} processors, {memory_mib} MiB, Linux {kernel}."
        );
        let parts = [
            sync.map(|sync| {
                format!(
                    "One durable page: p50 {:.2} ms, p99 {:.2} ms",
                    sync.p50, sync.p99
                )
            }),
            self.server.clone(),
            self.postgresql
                .as_ref()
                .map(|version| format!("PostgreSQL {version}")),
        ];
        for part in parts.into_iter().flatten() {
            write!(text, " {part}.").expect("a string grows");
        }
        text.push('\n');
        text
    }
}

impl Line {
    fn offered(&self) -> String {
        let mark = match self.search.as_slice() {
            [] => "",
            steps if steps.iter().all(|step| step.held) => " (ceiling)",
            _ => " (max)",
        };
        format!("{}{mark}", self.round.rate)
    }
}

fn tried(step: &Step) -> String {
    let Step {
        rate,
        accepted_per_s,
        delivery_p99_ms,
        held,
    } = step;
    let verdict = if *held { "held" } else { "piled up" };
    format!(
        "{rate}/s {verdict} ({accepted_per_s:.0}/s accepted, p99 of delivery {delivery_p99_ms:.0} ms)"
    )
}

fn rest(idle: &Idle) -> String {
    let seconds = |usage: Option<Usage>| number(usage.map(|usage| usage.cpu_s), 2);
    format!(
        "Idle: ready after {:.0} ms with an empty data directory, {} ms on a warm database; groved {} MiB resident, \
         PostgreSQL {} MiB; CPU in 5 s: {} s and {} s.",
        idle.first_ready_ms,
        each(&idle.warm_ready_ms),
        mebibytes(idle.groved),
        mebibytes(idle.postgres),
        seconds(idle.groved),
        seconds(idle.postgres),
    )
}

fn online(connected: &Connected) -> String {
    format!(
        "Connected: {} devices on-line in {:.0} ms; groved {} MiB before, {} MiB with them, {} KiB for each.",
        connected.devices,
        connected.opened_ms,
        mebibytes(connected.before),
        mebibytes(connected.after),
        number(connected.kib_each(), 1),
    )
}

fn back(recovery: &Recovery) -> String {
    format!(
        "Recovery: from kill -9 to the next acknowledgement {} ms (groved), {} ms (its PostgreSQL).",
        each(&recovery.server_ms),
        each(&recovery.database_ms),
    )
}

fn new_devices(linked: &Linked) -> String {
    let all = |of: fn(&Times) -> f64| each(&linked.links.iter().map(of).collect::<Vec<f64>>());
    format!(
        "Linking with {} rooms of {}, everybody else off-line: code shown after {} ms; from the typed code {} ms to the \
         first message said, {} ms to the last room joined.",
        linked.rooms,
        linked.members,
        all(|times| times.code_ms),
        all(|times| times.usable_ms),
        all(|times| times.all_ms),
    )
}

fn each(ms: &[f64]) -> String {
    let each: Vec<String> = ms.iter().map(|ms| format!("{ms:.0}")).collect();
    each.join(", ")
}

const SPEED: [&str; 11] = [
    "rooms x members",
    "offered/s",
    "accepted/s",
    "delivered/s",
    "accepted p50 ms",
    "p99",
    "p99.9",
    "delivered p50 ms",
    "p99",
    "p99.9",
    "unsent, failed, lost",
];

fn speed(line: &Line) -> Vec<String> {
    let Round {
        acceptance,
        delivery,
        ..
    } = &line.round;
    let ms = |value: f64| format!("{value:.1}");
    vec![
        line.scenario.clone(),
        line.offered(),
        format!("{:.0}", line.round.accepted_per_s),
        format!("{:.0}", line.round.delivered_per_s),
        ms(acceptance.p50),
        ms(acceptance.p99),
        ms(acceptance.p99_9),
        ms(delivery.p50),
        ms(delivery.p99),
        ms(delivery.p99_9),
        format!(
            "{}, {}, {}",
            line.round.unsent, line.round.failed, line.round.missing
        ),
    ]
}

const COST: [&str; 10] = [
    "rooms x members",
    "offered/s",
    "statements/message",
    "messages/batch",
    "groved CPU s",
    "MiB",
    "PostgreSQL CPU s",
    "MiB",
    "load CPU s",
    "request bytes",
];

fn cost(line: &Line) -> Vec<String> {
    let round = &line.round;
    let cpu = |usage: Option<Usage>| number(usage.map(|usage| usage.cpu_s), 1);
    vec![
        line.scenario.clone(),
        line.offered(),
        number(round.statements_per_message, 2),
        number(round.messages_per_batch, 1),
        cpu(round.groved),
        mebibytes(round.groved),
        cpu(round.postgres),
        mebibytes(round.postgres),
        cpu(round.load),
        round.request_bytes.to_string(),
    ]
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn mebibytes(usage: Option<Usage>) -> String {
    number(
        usage.map(|usage| usage.memory_bytes as f64 / f64::from(1 << 20)),
        0,
    )
}

/// A Markdown table whose columns line up.
fn table<const N: usize>(head: &[&str; N], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> =
        std::iter::once(head.iter().map(|&cell| cell.to_owned()).collect())
            .chain(rows)
            .collect();
    let widths: Vec<usize> = (0..N)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].len())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:>width$}"))
            .collect();
        writeln!(text, "| {} |", cells.join(" | ")).expect("a string grows");
        if index == 0 {
            let rules: Vec<String> = widths
                .iter()
                .map(|width| format!("{}:", "-".repeat(width - 1)))
                .collect();
            writeln!(text, "| {} |", rules.join(" | ")).expect("a string grows");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up() {
        let rows = [
            vec!["1".to_owned(), "long one".to_owned()],
            vec!["22".to_owned(), "-".to_owned()],
        ];
        let expected =
            "|  a |        b |\n| -: | -------: |\n|  1 | long one |\n| 22 |        - |\n";
        assert_eq!(table(&["a", "b"], rows.into_iter()), expected);
    }
}
