//! What groved counts about itself, from `/metrics`.

use crate::http;

/// Counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counted {
    /// SQL statements, all of them: of requests, of the append task, of what goes on in the
    /// background.
    pub(crate) statements: f64,
    /// Batches the append task wrote.
    pub(crate) batches: f64,
    /// Messages in them.
    pub(crate) batched: f64,
}

impl Counted {
    /// Now; none if there is no such door.
    pub(crate) async fn at(ops_url: Option<&str>) -> Option<Self> {
        let response = http::get(ops_url?, "/metrics").await.ok()?;
        (response.status == 200).then(|| Self::parse(&String::from_utf8_lossy(&response.body)))
    }

    fn parse(text: &str) -> Self {
        let sum = |wanted: &str| {
            let value = |line: &str| {
                let (series, value) = line.rsplit_once(' ')?;
                let name = series.split('{').next()?;
                (name == wanted).then(|| value.parse::<f64>().ok())?
            };
            text.lines().filter_map(value).sum()
        };
        Self {
            statements: sum("grove_db_statements_total"),
            batches: sum("grove_append_batch_size_count"),
            batched: sum("grove_append_batch_size_sum"),
        }
    }

    /// What was counted since.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            statements: self.statements - earlier.statements,
            batches: self.batches - earlier.batches,
            batched: self.batched - earlier.batched,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_a_name_are_summed() {
        let text = "# TYPE grove_db_statements_total counter\n\
                    grove_db_statements_total{statement=\"a\"} 3\n\
                    grove_db_statements_total{statement=\"b c\"} 4\n\
                    grove_db_statements_total_else 9\n\
                    grove_append_batch_size_bucket{le=\"1\"} 2\n\
                    grove_append_batch_size_sum 11\n\
                    grove_append_batch_size_count 5\n";
        let counted = Counted::parse(text);
        assert_eq!(
            counted,
            Counted {
                statements: 7.0,
                batches: 5.0,
                batched: 11.0
            }
        );
        assert_eq!(counted.since(counted).statements, 0.0);
    }
}
