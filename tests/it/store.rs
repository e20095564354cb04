//! Where the store looks for its files.

use crate::support;
use std::{env, process::Command};
use vmbuild::store::Folders;

/// Runs itself again with other variables: a process cannot change its own while threads run.
#[test]
fn the_folders_follow_the_xdg_variables_and_home() {
    if let Some(want) = env::var_os("VMBUILD_TEST_FOLDERS") {
        let found = Folders::of_user().unwrap();
        assert_eq!(
            format!("{} {} {}", found.config.display(), found.data.display(), found.state.display()),
            want.to_string_lossy()
        );
        return;
    }
    let run = |variables: &[(&str, &str)], want: &str| {
        let mut child = Command::new(env::current_exe().unwrap());
        let name = support::name_of(module_path!(), "the_folders_follow_the_xdg_variables_and_home");
        child.args(["--exact", &name]).env("VMBUILD_TEST_FOLDERS", want);
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            child.env_remove(name);
        }
        let output = child.env("HOME", "/h").envs(variables.iter().copied()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    };
    run(&[], "/h/.config/vmbuild /h/.local/share/vmbuild /h/.local/state/vmbuild");
    let all = [("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "/d"), ("XDG_STATE_HOME", "/s")];
    run(&all, "/c/vmbuild /d/vmbuild /s/vmbuild");
    // A relative path is no place: it is passed over, as the XDG rules say.
    run(&[("XDG_DATA_HOME", "d")], "/h/.config/vmbuild /h/.local/share/vmbuild /h/.local/state/vmbuild");
}
