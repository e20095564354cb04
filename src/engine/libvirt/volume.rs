//! Volume XML: what libvirt is asked to create. How the volume is filled is not decided here.

use crate::domain::Element;
use crate::facts::ImageFormat;
use crate::units::{Bytes, GIB, KIB, MIB};

/// A volume that the build makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewVolume<'a> {
    /// Name within the pool.
    pub(super) name: &'a str,
    /// What the guest sees; `None` where a copy takes it from its source.
    pub(super) capacity: Option<Bytes>,
    /// Format of a file; volumes of other pools have none.
    pub(super) format: ImageFormat,
    /// True where the pool holds files.
    pub(super) is_file: bool,
}

impl NewVolume<'_> {
    /// The XML. Files grow as the guest writes. Volumes of block pools get all of their size at once, because a volume
    /// group makes a snapshot of anything less; they have no format, because pools of partitions mean the partition's
    /// type by it.
    pub(super) fn xml(&self) -> String {
        let format = self.is_file.then(|| Element::new("format").attr("type", self.format.name()));
        let compat = (self.is_file && self.format == ImageFormat::Qcow2).then(|| Element::new("compat").text("1.1"));
        Element::new("volume")
            .child(Element::new("name").text(self.name.to_owned()))
            .child(self.capacity.map(|capacity| size("capacity", capacity)))
            .child(self.is_file.then(|| size("allocation", Bytes(0))))
            .child(Element::new("target").child(format).child(compat))
            .to_xml()
    }
}

/// The volume of a cloud-init seed of `length` bytes. Only root and QEMU may read it, for it may hold secrets. Raw is
/// what every pool makes where no format is named.
pub fn seed_xml(name: &str, length: Bytes) -> String {
    let permissions = Element::new("permissions").child(Element::new("mode").text("0600"));
    Element::new("volume")
        .child(Element::new("name").text(name.to_owned()))
        .child(size("capacity", length))
        .child(Element::new("target").child(permissions))
        .to_xml()
}

/// An amount in the largest unit that needs no fraction.
fn size(name: &'static str, amount: Bytes) -> Element {
    let units = [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
    let whole = |(unit, _): &(u64, &str)| amount.0 > 0 && amount.0.is_multiple_of(*unit);
    let (unit, word) = units.into_iter().find(whole).unwrap_or((1, "bytes"));
    Element::new(name).attr("unit", word).text((amount.0 / unit).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qcow2_file_grows() {
        let volume = NewVolume {
            name: "a&b's <1>.qcow2",
            capacity: Some(Bytes::gib(100)),
            format: ImageFormat::Qcow2,
            is_file: true,
        };
        let want = "<volume>\n  <name>a&amp;b&apos;s &lt;1&gt;.qcow2</name>\n  <capacity unit='GiB'>100</capacity>\n  \
                    <allocation unit='bytes'>0</allocation>\n  <target>\n    <format type='qcow2'/>\n    \
                    <compat>1.1</compat>\n  </target>\n</volume>\n";
        assert_eq!(volume.xml(), want);
    }

    #[test]
    fn a_block_volume_has_no_format_and_all_of_its_size() {
        let volume = NewVolume {
            name: "ws-vda",
            capacity: Some(Bytes(1_500_000_000)),
            format: ImageFormat::Raw,
            is_file: false,
        };
        let want =
            "<volume>\n  <name>ws-vda</name>\n  <capacity unit='bytes'>1500000000</capacity>\n  <target/>\n</volume>\n";
        assert_eq!(volume.xml(), want);
    }

    #[test]
    fn a_seed_is_readable_for_its_owner_alone() {
        let want = "<volume>\n  <name>ws-cidata.img</name>\n  <capacity unit='MiB'>1</capacity>\n  <target>\n    \
                    <permissions>\n      <mode>0600</mode>\n    </permissions>\n  </target>\n</volume>\n";
        assert_eq!(seed_xml("ws-cidata.img", Bytes::mib(1)), want);
    }
}
