//! `vmbuild pci`: IOMMU groups with their devices.

use super::out::Out;
use super::table::Table;
use super::tone::Tone;
use crate::facts::{Facts, Iommu, IommuGroup, PciClass, PciDevice};
use serde_json::{Map, Value, json};
use std::io;

/// Prints the groups of `facts`.
pub fn print(facts: &Facts, out: &mut Out) -> io::Result<()> {
    if out.is_json() { out.json(&document(facts)?) } else { people(facts, out) }
}

/// `{"iommu": ..., "groups": [{"id", "devices": [...]}]}`; `id` is null for the devices without a group.
fn document(facts: &Facts) -> serde_json::Result<Value> {
    let mut groups = Vec::new();
    for group in IommuGroup::of(facts.pci.items()) {
        let devices = group.devices.into_iter().map(device).collect::<serde_json::Result<Vec<_>>>()?;
        groups.push(json!({ "id": group.number, "devices": devices }));
    }
    let mut document = Map::new();
    document.insert("iommu".into(), iommu(facts));
    document.insert("groups".into(), groups.into());
    if let Some(why) = facts.pci.why_not() {
        document.insert("unknown".into(), why.into());
    }
    Ok(document.into())
}

/// The device's facts, and what follows from them: its kind and its best name.
fn device(device: &PciDevice) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(device)?;
    if let Value::Object(fields) = &mut value {
        fields.insert("kind".into(), serde_json::to_value(device.kind())?);
        fields.insert("label".into(), device.label().into());
    }
    Ok(value)
}

/// `{"state": "on", "groups": 34}`, `{"state": "off", "cause", "remedy"}` or `{"state": "unknown", "why"}`.
fn iommu(facts: &Facts) -> Value {
    match facts.iommu.get() {
        Some(Iommu::On { groups }) => json!({ "state": "on", "groups": groups }),
        Some(Iommu::Off { cause, remedy }) => json!({ "state": "off", "cause": cause, "remedy": remedy }),
        None => json!({ "state": "unknown", "why": facts.iommu.why_not() }),
    }
}

fn people(facts: &Facts, out: &mut Out) -> io::Result<()> {
    let tone = if matches!(facts.iommu.get(), Some(Iommu::On { .. })) { Tone::Good } else { Tone::Warn };
    out.spans(&[(tone, &iommu_line(facts))])?;
    if let Some(why) = facts.pci.why_not() {
        return out.spans(&[(Tone::Warn, "PCI devices unknown: "), (Tone::Plain, why)]);
    }
    out.line("")?;
    let mut table = Table::new(&[">GROUP", "ADDRESS", "KIND", "DEVICE", "IDS", "DRIVER"]);
    for group in IommuGroup::of(facts.pci.items()) {
        for device in group.devices {
            table.row([
                group.number.map_or("-".into(), |number| number.to_string()),
                device.address.to_string(),
                kind(device).into(),
                device.label(),
                device.ids(),
                driver(device),
            ]);
        }
    }
    table.print(out)
}

/// The state of the IOMMU in one sentence.
pub fn iommu_line(facts: &Facts) -> String {
    match facts.iommu.get() {
        Some(Iommu::On { groups }) => format!("IOMMU on, {groups} groups"),
        Some(Iommu::Off { cause, remedy }) => format!("IOMMU off: {cause} {remedy}"),
        None => format!("IOMMU unknown: {}", facts.iommu.why_not().unwrap_or_default()),
    }
}

fn driver(device: &PciDevice) -> String {
    let driver = device.driver.as_deref().unwrap_or("-");
    if device.boot_vga == Some(true) { format!("{driver} (boot display)") } else { driver.into() }
}

fn kind(device: &PciDevice) -> &'static str {
    match device.kind() {
        PciClass::Gpu => "GPU",
        PciClass::Audio => "audio",
        PciClass::Nic => "NIC",
        PciClass::Nvme => "NVMe",
        PciClass::Usb => "USB",
        PciClass::Storage => "storage",
        PciClass::Bridge => "bridge",
        PciClass::Other => "other",
    }
}
