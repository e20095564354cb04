//! Checks of the volumes that the build makes.

use super::image::written;
use super::note::clause;
use super::text::text;
use super::{Check, Notes, Subject, left};
use crate::engine::Thing;
use crate::facts::MediaKind;
use crate::machine::{DiskOrigin, Location};
use crate::units::shell_quote;

pub(super) static CHECKS: &[&Check] = &[&VOLUME_EXISTS];

static VOLUME_EXISTS: Check = Check {
    code: "VOLUME-EXISTS",
    title: "no volume is overwritten",
    explain: "A new volume is named after the VM and its target (gpu-ws-01-vda.qcow2). The pool already has one of \
              that name, perhaps from an earlier VM. vmbuild never overwrites a volume: attach it, choose another name \
              for the VM, or delete the volume yourself.",
    run: Some(exists),
    ..Check::VM
};

fn exists(subject: &Subject, notes: &mut Notes) {
    for disk in &subject.machine.disks {
        let (DiskOrigin::New { at, .. } | DiskOrigin::Clone { at, .. } | DiskOrigin::Seed { at }) = &disk.origin else {
            continue;
        };
        let Location::Volume { pool: pool_name, volume: name, path, .. } = at else { continue };
        let what = text!("whether volume {image} exists", image = written(at));
        if let Some(why) = subject.facts.pools.why_not() {
            notes.unknown(disk.place.clone(), &what, clause(why));
            continue;
        }
        let Some(pool) = subject.pool(pool_name).filter(|pool| pool.active) else { continue };
        let on_disk = path.as_deref().and_then(|path| subject.file(path).ok());
        let listed = notes.known(&pool.volumes, || disk.place.clone(), &what);
        let taken = listed.is_some_and(|volumes| volumes.iter().any(|volume| volume.name == *name));
        if taken || on_disk.is_some_and(|file| file.kind != MediaKind::Missing) {
            let message = text!("volume '{name}' already exists in pool '{pool_name}'", name, pool_name);
            let is_it =
                |thing: &Thing| matches!(thing, Thing::Volume { pool, name: of } if pool == pool_name && of == name);
            if let Some(remedy) = left::remedy(subject.left, is_it) {
                notes.blocker(disk.place.clone(), message, remedy);
                continue;
            }
            let (pool, name) = (shell_quote(pool_name), shell_quote(name));
            let remedy = text!(
                "choose another VM name, attach it, or inspect it first: virsh vol-info --pool {pool} {name}",
                pool,
                name
            );
            notes.blocker(disk.place.clone(), message, remedy);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use crate::engine::Thing;
    use crate::facts::Fact;
    use serde_json::json;

    #[test]
    fn a_volume_that_exists_is_never_overwritten() {
        let want = "volume 'old-vda.qcow2' already exists in pool 'fast-nvme'";
        Asked::with(json!({"name": "old"})).blocks("VOLUME-EXISTS", "storage.disks[0]", want);
        Asked::with(json!({"name": "old", "storage": {"default_pool": "bulk"}})).passes("VOLUME-EXISTS");
        let thing = Thing::Volume { pool: "fast-nvme".into(), name: "old-vda.qcow2".into() };
        let remedy = Asked::with(json!({"name": "old"})).left_by("7f3a91c2", thing).said("VOLUME-EXISTS").remedy;
        assert!(remedy.contains("'vmbuild recover 7f3a91c2 --resume'"), "{remedy}");
        Asked::good().passes("VOLUME-EXISTS");
    }

    #[test]
    fn an_unlisted_pool_is_not_called_empty() {
        Asked::good().facts(|facts| facts.pools = Fact::default()).unknown("VOLUME-EXISTS");
        let unlisted = Asked::good().pools(|pool| pool.volumes = Fact::unknown("too many"));
        unlisted.unknown("VOLUME-EXISTS");
    }
}
