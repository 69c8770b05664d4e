//! `cargo xtask test`: everything that has to hold before a change is good.

use std::io::{self, Read};
use std::process::Child;
use std::thread::{self, JoinHandle};
use std::{env, fmt};

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{self, Output, Project, in_words, run, run_and_read, step};
use crate::{dist, tools};

/// A part of the tests that can be run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Formatting, clippy for this machine and for the browser, licences and sources.
    Lint,
    /// The tests that run on this machine.
    Native,
    /// The site's build, its size, and the end-to-end tests on it.
    Web,
}

impl Part {
    /// Every part, in the order in which they run: the quickest to fail first.
    pub const ALL: [Self; 3] = [Self::Lint, Self::Native, Self::Web];

    /// The part of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.to_string() == name)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lint => "lint",
            Self::Native => "native",
            Self::Web => "web",
        })
    }
}

/// What is tested, and how.
#[derive(Debug, Default)]
pub struct Options {
    /// The parts; all when none is named.
    pub parts: Vec<Part>,
    /// Whether the site in `dist/` is taken as it is instead of being built.
    pub is_built: bool,
    /// Which of how many shares of the end-to-end tests to run, as `1/3`.
    pub shard: Option<String>,
}

/// Runs the given parts, and stops at the first step that fails.
///
/// The site is built beside the other parts: what is compiled leaves a core idle now and then, and so do tests.
pub fn run_parts(project: &Project, options: &Options) -> Result<()> {
    let parts = match options.parts.as_slice() {
        [] => &Part::ALL,
        parts => parts,
    };
    let builds = parts.contains(&Part::Web) && !options.is_built;
    // First what may be missing, so that nobody waits for a build to hear of it.
    if parts.contains(&Part::Web) {
        tools::chromium()?;
        tools::node_packages(project, "web")?;
    }
    let mut site = if builds && parts.len() > 1 {
        Some(Building::start(project)?)
    } else {
        None
    };
    let mut summary = Vec::new();
    for part in parts {
        match part {
            Part::Lint => lint(project)?,
            Part::Native => summary.extend(native(project)?),
            Part::Web => {
                match site.take() {
                    Some(site) => site.finish()?,
                    None if builds => dist::build(project, dist::Purpose::Publish)?,
                    None => {}
                }
                summary.extend(web(project, options)?);
            }
        }
    }
    println!("\n==> How long each step took");
    for (title, duration) in shell::steps() {
        println!("    {:>12}  {title}", in_words(duration));
    }
    println!(
        "\n==> Passed: {}",
        parts
            .iter()
            .map(Part::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    );
    // Last, so that both people and machines find the runners' own counts at the end.
    for line in summary {
        println!("{line}");
    }
    Ok(())
}

/// The site, while another process of this tool builds it; ends with it.
struct Building {
    child: Child,
    output: Option<JoinHandle<io::Result<String>>>,
}

impl Building {
    fn start(project: &Project) -> Result<Self> {
        println!("\n==> Building the site beside what follows; its output comes later");
        let (mut reader, writer) = io::pipe()?;
        let mut command = project.command(env::current_exe()?)?;
        command
            .arg("dist")
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let child = command.spawn().context("could not start this tool again")?;
        let output = thread::spawn(move || {
            let mut output = String::new();
            reader.read_to_string(&mut output).map(|_| output)
        });
        Ok(Self {
            child,
            output: Some(output),
        })
    }

    /// Waits for the site and prints what the build has printed.
    fn finish(mut self) -> Result<()> {
        step("Waiting for the site", || {
            let status = self.child.wait()?;
            match self.output.take().map(JoinHandle::join) {
                Some(Ok(output)) => println!("{}", output?),
                _ => bail!("could not read the output of the build"),
            }
            ensure!(status.success(), "the site could not be built");
            Ok(())
        })
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        // When another part has failed there is no use for it; when it has ended, this does nothing.
        let _ = self.child.kill();
    }
}

fn lint(project: &Project) -> Result<()> {
    tools::wasm_target(project)?;
    step("Checking the format", || {
        run(project.cargo(&["fmt", "--all", "--check"])?)
    })?;

    let clippy = |arguments: &[&str]| {
        let mut command = project.cargo(&["clippy", "--locked"])?;
        command.args(arguments).args(["--", "-D", "warnings"]);
        run(command)
    };
    step("Linting for this machine", || {
        clippy(&["--workspace", "--all-targets"])
    })?;
    step("Linting for the browser", || {
        let for_wasm = |arguments: &[&str]| {
            clippy(&[&["--target", "wasm32-unknown-unknown"], arguments].concat())
        };
        // All at once with everything switched on, and once more the crates that have code for what is not.
        let features =
            "headstart-engine/webgpu,headstart-engine/relaxed-simd,headstart-engine/bench";
        for_wasm(&[
            "--package",
            "headstart-web",
            "--package",
            "headstart-wire",
            "--package",
            "headstart-classifier",
            "--package",
            "headstart-engine",
            "--features",
            features,
        ])?;
        for_wasm(&[
            "--package",
            "headstart-kernels",
            "--package",
            "headstart-engine",
        ])?;
        Ok(())
    })?;

    step("Building the documentation", || {
        let mut doc = project.cargo(&["doc", "--locked", "--workspace", "--no-deps"])?;
        doc.arg("--document-private-items")
            .env("RUSTDOCFLAGS", "-D warnings");
        run(doc)
    })?;
    tools::node_packages(project, "web")?;
    step("Linting the scripts", || {
        let mut npm = tools::npm(project)?;
        npm.current_dir(project.path("web")).args(["run", "lint"]);
        run(npm)
    })?;
    if !tools::has_cargo_deny(project) {
        // Compiling it takes longer than it is worth: the dependencies change rarely.
        println!(
            "\n==> Not checked: licences and sources of the dependencies, since cargo-deny is not installed; the hosted CI always checks them"
        );
        return Ok(());
    }
    let deny = |checks: &[&str]| {
        project.cargo(&[&["deny", "check", "--hide-inclusion-graph"], checks].concat())
    };
    step("Checking licences and sources of the dependencies", || {
        run(deny(&["bans", "licenses", "sources"])?)
    })?;
    step(
        "Checking the dependencies for known vulnerabilities",
        || {
            let output = run_and_read(deny(&["advisories"])?)?;
            if output
                .lines
                .iter()
                .any(|line| line.contains("failed to fetch advisory database"))
            {
                println!(
                    "    Not checked: the advisory database cannot be fetched from this network."
                );
                return Ok(());
            }
            ensure!(output.succeeded, "cargo-deny has found an advisory");
            Ok(())
        },
    )
}

/// Returns the runner's own summaries, and their sum.
fn native(project: &Project) -> Result<Vec<String>> {
    step("Running the native tests", || {
        // Without the examples, which are linted, and those in documentation, of which there are none.
        let arguments = [
            "test",
            "--locked",
            "--workspace",
            // It has no tests, and what it is made of takes minutes to optimize.
            "--exclude",
            "headstart-binder",
            "--lib",
            "--bins",
            "--tests",
        ];
        let output = run_and_read(project.cargo(&arguments)?)?;
        let mut lines = summary(&output, |line| line.starts_with("test result: "))?;
        let passed: usize = lines.iter().filter_map(|line| count(line, "passed")).sum();
        let ignored: usize = lines.iter().filter_map(|line| count(line, "ignored")).sum();
        // Crates without tests say so in a line of their own.
        lines.retain(|line| !line.contains(" 0 passed; 0 failed; 0 ignored"));
        lines.push(format!(
            "native: {passed} passed, 0 failed, {ignored} skipped"
        ));
        Ok(lines)
    })
}

/// The number before `word` in a summary such as `ok. 12 passed; 0 failed; …`.
fn count(summary: &str, word: &str) -> Option<usize> {
    let (before, _) = summary.split_once(&format!(" {word}"))?;
    before.rsplit(' ').next()?.parse().ok()
}

/// Returns the runner's own summary.
fn web(project: &Project, options: &Options) -> Result<Vec<String>> {
    let chromium = tools::chromium()?;
    step("Auditing what the page takes from npm", || {
        let mut npm = tools::npm(project)?;
        npm.current_dir(project.path("web"))
            .args(["audit", "--omit=dev"]);
        let output = run_and_read(npm)?;
        let is_unreachable = |line: &String| line.contains("audit endpoint returned an error");
        if output.lines.iter().any(is_unreachable) {
            println!("    Not checked: the registry of this network has no audit.");
            return Ok(());
        }
        ensure!(output.succeeded, "npm has found a vulnerability");
        Ok(())
    })?;
    step("Weighing the site", || dist::check_sizes(project))?;
    step("Running the end-to-end tests in Chromium", || {
        let mut npm = tools::npm(project)?;
        npm.current_dir(project.path("web")).arg("test");
        if let Some(shard) = &options.shard {
            npm.args(["--", "--shard", shard]);
        }
        npm.env("CHROMIUM", &chromium)
            .env("HEADSTART_DIST", project.dist());
        let output = run_and_read(npm)?;
        // As `web/tests/run.mjs` prints them.
        let counts = ["tests ", "pass ", "fail ", "cancelled ", "skipped "];
        summary(&output, |line| {
            let rest = line.strip_prefix("# ");
            rest.is_some_and(|rest| counts.iter().any(|count| rest.starts_with(count)))
        })
    })
}

/// The lines of a test runner's output that say how many tests there were and how they ended.
fn summary(output: &Output, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    ensure!(output.succeeded, "not all tests passed");
    let lines: Vec<_> = output
        .lines
        .iter()
        .filter(|line| is_wanted(line))
        .cloned()
        .collect();
    if lines.is_empty() {
        bail!("the test runner printed no summary: did it run any test?");
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn a_summary_says_how_many_tests_passed() {
        let line = "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 1 filtered out; finished in 0.01s";
        assert_eq!(count(line, "passed"), Some(12));
        assert_eq!(count(line, "ignored"), Some(3));
        assert_eq!(count("running 12 tests", "passed"), None);
    }
}
