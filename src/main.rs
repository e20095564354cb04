//! Parses the command line, calls the library, maps the outcome to an exit code.

fn main() -> std::process::ExitCode {
    vmbuild::cli::main()
}
