//! The language of modprobe's configuration, as far as it decides which driver gets a device.

use crate::facts::vfio::{ModprobeDirective, ModprobeLine};

/// What the lines of `file` say; aliases and other directives are left out.
pub(super) fn parse(file: &str, text: &str) -> Vec<ModprobeLine> {
    // A backslash at the end of a line joins the next one to it.
    let text = text.replace("\\\n", " ");
    let directives = text.lines().filter_map(directive);
    directives.map(|directive| ModprobeLine { file: file.to_owned(), directive }).collect()
}

fn directive(line: &str) -> Option<ModprobeDirective> {
    let mut words = line.split_whitespace();
    let keyword = words.next()?;
    let module = words.next()?.replace('-', "_");
    Some(match keyword {
        "options" => ModprobeDirective::Options { module, options: words.map(str::to_owned).collect() },
        "blacklist" => ModprobeDirective::Blacklist { module },
        "install" => ModprobeDirective::Install { module, command: words.collect::<Vec<_>>().join(" ") },
        "softdep" => softdep(module, words),
        _ => return None,
    })
}

/// `pre: a b post: c`.
fn softdep<'a>(module: String, words: impl Iterator<Item = &'a str>) -> ModprobeDirective {
    let (mut pre, mut post) = (Vec::new(), Vec::new());
    let mut follows = false;
    for word in words {
        match word {
            "pre:" => follows = false,
            "post:" => follows = true,
            name if follows => post.push(name.replace('-', "_")),
            name => pre.push(name.replace('-', "_")),
        }
    }
    ModprobeDirective::Softdep { module, pre, post }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_speak_of_modules_however_they_are_spelt() {
        let text = "# options none\noptions vfio-pci ids=10de:2704,10de:22bb \\\n disable_vga=1\nblacklist nouveau\n\
                    softdep nvidia pre: vfio-pci vfio post: nvidia-uvm\ninstall vfio-pci /bin/false\nalias a b\noptions\n";
        let read: Vec<_> = parse("/etc/modprobe.d/a.conf", text).into_iter().map(|line| line.directive).collect();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            read,
            [
                ModprobeDirective::Options {
                    module: "vfio_pci".into(),
                    options: names(&["ids=10de:2704,10de:22bb", "disable_vga=1"])
                },
                ModprobeDirective::Blacklist { module: "nouveau".into() },
                ModprobeDirective::Softdep {
                    module: "nvidia".into(),
                    pre: names(&["vfio_pci", "vfio"]),
                    post: names(&["nvidia_uvm"])
                },
                ModprobeDirective::Install { module: "vfio_pci".into(), command: "/bin/false".into() },
            ]
        );
    }
}
