//! Every statement of the server stands as a literal under its own name, and the migrated schema
//! knows all it names.

use std::fs;
use std::path::Path;

use harness::World;

struct Statement {
    place: String,
    /// The function it stands in.
    function: String,
    name: String,
    text: String,
}

/// The statements of one source: string literals that begin with `-- name`, with the function above
/// them.
fn statements(place: &str, source: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut function = String::new();
    let mut rest = source;
    while let Some(at) = next(rest) {
        let (before, here) = rest.split_at(at);
        if let Some((_, after)) = before.rsplit_once("fn ") {
            function = after
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default()
                .to_owned();
        }
        let literal = &here[1..];
        let end = literal.find('"').expect("the literal ends");
        let text = literal[..end].to_owned();
        let name = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("--")
            .trim()
            .to_owned();
        found.push(Statement {
            place: place.to_owned(),
            function: function.clone(),
            name,
            text,
        });
        rest = &literal[end + 1..];
    }
    found
}

fn next(source: &str) -> Option<usize> {
    source.find("\"-- ")
}

fn all() -> Vec<Statement> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src/db");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder of SQL") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("text");
            found.extend(statements(&path.display().to_string(), &source));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_can_be_prepared_and_bears_the_name_of_its_function() {
    let world = World::new().await;
    let database = world.database().await;
    let statements = all();
    assert!(
        statements.len() > 40,
        "only {} were found",
        statements.len()
    );
    let mut broken = Vec::new();
    for Statement {
        place,
        function,
        name,
        text,
    } in &statements
    {
        if name != function {
            broken.push(format!("{place}: {name} stands in fn {function}"));
        }
        if let Err(error) = database.prepare(text).await {
            broken.push(format!("{place}: {name}: {error:?}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let mut names: Vec<&str> = statements
        .iter()
        .map(|statement| statement.name.as_str())
        .collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "a name stands for one statement");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_names_what_is_not_there_is_found() {
    let world = World::new().await;
    let source = "impl Tx { fn find_ghost(&self) { self.all(\"-- find_ghost\n SELECT ghost FROM users\", &[]) } }";
    let [ghost] = &statements("made up", source)[..] else {
        panic!("one statement")
    };
    assert_eq!(
        (ghost.name.as_str(), ghost.function.as_str()),
        ("find_ghost", "find_ghost")
    );
    assert!(world.database().await.prepare(&ghost.text).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_and_column_is_explained() {
    let world = World::new().await;
    let sql = "SELECT t.relname::text || '.' || a.attname::text
               FROM pg_class t
               JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
               WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r'
                 AND t.relname <> 'refinery_schema_history'
                 AND (col_description(t.oid, a.attnum) IS NULL OR obj_description(t.oid, 'pg_class') IS NULL)";
    let silent = world
        .database()
        .await
        .query(sql, &[])
        .await
        .expect("the columns");
    let silent: Vec<String> = silent.iter().map(|row| row.get(0)).collect();
    assert!(silent.is_empty(), "{silent:?}");
}
