//! Rows of a spec that a form takes as lines of text: nodes of the guest, devices and folders of the host.

use crate::spec::ShareDriver;
use crate::spec::devices::UsbStartup;
use serde_json::{Map, Value};

/// `0-7: 16 GiB, node 0, pages 1 GiB`.
pub(super) fn cell(line: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("'{line}': {what}: write virtual CPUs: memory, node N, pages SIZE");
    let (vcpus, rest) = line.split_once(':').ok_or_else(|| wrong("no ':' after the virtual CPUs"))?;
    let mut parts = rest.split(',').map(str::trim);
    let memory = parts.next().filter(|text| !text.is_empty()).ok_or_else(|| wrong("no memory"))?;
    let mut row = Map::new();
    row.insert("vcpus".into(), vcpus.trim().into());
    row.insert("memory".into(), memory.parse::<u64>().map_or_else(|_| memory.into(), Value::from));
    for part in parts {
        match part.split_once(' ') {
            Some(("node", number)) => {
                let number: u32 = number.trim().parse().map_err(|_| wrong("the node is not a number"))?;
                row.insert("node".into(), number.into());
            }
            Some(("pages", size)) => drop(row.insert("hugepages".into(), size.trim().into())),
            _ => return Err(wrong(&format!("'{part}' is neither a node nor pages"))),
        }
    }
    Ok(Value::Object(row))
}

pub(super) fn show_cell(row: &Value) -> String {
    let text = |name: &str| row.get(name).map(plain).unwrap_or_default();
    let mut line = format!("{}: {}", text("vcpus"), text("memory"));
    for (name, word) in [("node", "node"), ("hugepages", "pages")] {
        if row.get(name).is_some() {
            line = format!("{line}, {word} {}", text(name));
        }
    }
    line
}

/// `046d:c52b`, or `bus 1 device 4`, and what happens where it is not there.
pub(super) fn usb(line: &str) -> Result<Value, String> {
    let wrong = || {
        format!(
            "'{line}': write vendor:product as lsusb does (046d:c52b), or bus 1 device 4; then mandatory, \
                            requisite or optional"
        )
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut row = Map::new();
    let rest = match words.as_slice() {
        ["bus", bus, "device", device, rest @ ..] => {
            for (name, number) in [("bus", bus), ("device", device)] {
                row.insert(name.into(), number.parse::<u16>().map_err(|_| wrong())?.into());
            }
            rest
        }
        [ids, rest @ ..] => {
            let (vendor, product) = ids.split_once(':').ok_or_else(wrong)?;
            row.insert("vendor_id".into(), vendor.into());
            row.insert("product_id".into(), product.into());
            rest
        }
        [] => return Err(wrong()),
    };
    match rest {
        [] => {}
        [word] => {
            let startup = UsbStartup::named(word).ok_or_else(wrong)?;
            row.insert("startup".into(), startup.name().into());
        }
        _ => return Err(wrong()),
    }
    Ok(Value::Object(row))
}

pub(super) fn show_usb(row: &Value) -> String {
    let text = |name: &str| row.get(name).map(plain);
    let named = match (text("bus"), text("device")) {
        (Some(bus), Some(device)) => format!("bus {bus} device {device}"),
        _ => format!("{}:{}", text("vendor_id").unwrap_or_default(), text("product_id").unwrap_or_default()),
    };
    text("startup").map_or(named.clone(), |startup| format!("{named} {startup}"))
}

/// `/srv/data`, in quotes where it has blanks, then the tag and virtiofs, 9p or read-only as wanted.
pub(super) fn share(line: &str) -> Result<Value, String> {
    let quoted = line.trim().strip_prefix('"').and_then(|rest| rest.split_once('"'));
    let (path, rest) = quoted.map_or((None, line), |(path, rest)| (Some(path), rest));
    let mut words: Vec<&str> = path.into_iter().chain(rest.split_whitespace()).collect();
    let mut row = Map::new();
    while let Some(word) = words.last() {
        match ShareDriver::named(word) {
            Some(driver) => row.insert("driver".into(), driver.name().into()),
            None if *word == "read-only" => row.insert("readonly".into(), true.into()),
            None => break,
        };
        words.pop();
    }
    let (path, tag) = match words.as_slice() {
        [path] => (*path, None),
        [path, tag] => (*path, Some(*tag)),
        _ => {
            return Err(format!(
                "'{line}': write folder, tag, then virtiofs, 9p or read-only as wanted; a folder with spaces in quotes"
            ));
        }
    };
    row.insert("path".into(), path.into());
    row.extend(tag.map(|tag| ("tag".to_owned(), tag.into())));
    Ok(Value::Object(row))
}

pub(super) fn show_share(row: &Value) -> String {
    let text = |name: &str| row.get(name).map(plain);
    let readonly = row.get("readonly").and_then(Value::as_bool).unwrap_or(false);
    let quoted = |path: String| if path.contains(char::is_whitespace) { format!("\"{path}\"") } else { path };
    let parts = [text("path").map(quoted), text("tag"), text("driver"), readonly.then(|| "read-only".to_owned())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// A UUID, then `display` and `ramfb` as wanted.
pub(super) fn mediated(line: &str) -> Result<Value, String> {
    let mut words = line.split_whitespace();
    let mut row = Map::new();
    row.insert("uuid".into(), words.next().unwrap_or_default().into());
    for word in words {
        if !matches!(word, "display" | "ramfb") {
            return Err(format!("'{line}': write the UUID of the device, then display and ramfb as wanted"));
        }
        row.insert(word.into(), true.into());
    }
    Ok(Value::Object(row))
}

pub(super) fn show_mediated(row: &Value) -> String {
    let on = |name: &str| row.get(name).and_then(Value::as_bool).unwrap_or(false);
    let words = ["display", "ramfb"].into_iter().filter(|name| on(name)).map(str::to_owned);
    let uuid = row.get("uuid").map(plain).unwrap_or_default();
    [uuid].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn lines_are_rows_of_the_spec() {
        let want = json!({"vcpus": "0-7", "memory": "16 GiB", "node": 0, "hugepages": "1 GiB"});
        assert_eq!(cell("0-7: 16 GiB, node 0, pages 1 GiB"), Ok(want));
        assert_eq!(cell("0: 512"), Ok(json!({"vcpus": "0", "memory": 512})));
        assert_eq!(usb("046d:c52b"), Ok(json!({"vendor_id": "046d", "product_id": "c52b"})));
        let want = json!({"bus": 1, "device": 4, "startup": "mandatory"});
        assert_eq!(usb("bus 1 device 4 mandatory"), Ok(want));
        let row = json!({"path": "/srv/data", "tag": "d", "driver": "9p", "readonly": true});
        assert_eq!(show_share(&row), "/srv/data d 9p read-only");
        assert_eq!(share("/srv/data d 9p read-only"), Ok(row));
        assert_eq!(share("/srv/data"), Ok(json!({"path": "/srv/data"})));
        let row = json!({"path": "/srv/my data", "readonly": true});
        assert_eq!(show_share(&row), "\"/srv/my data\" read-only");
        assert_eq!(share("\"/srv/my data\" read-only"), Ok(row));
        assert!(share("/srv/my data here").is_err() && share("9p").is_err());
        let row = json!({"uuid": "c1f2", "display": true, "ramfb": true});
        assert_eq!(show_mediated(&row), "c1f2 display ramfb");
        assert_eq!(mediated("c1f2 display ramfb"), Ok(row));
    }

    #[test]
    fn what_is_no_row_is_refused_with_the_form() {
        for line in ["0-3", "0-3:", "0-3: 1 GiB, node x", "0-3: 1 GiB, 3"] {
            assert!(cell(line).is_err_and(|why| why.contains("write virtual CPUs: memory")), "{line}");
        }
        assert!(mediated("c1f2 screen").is_err_and(|why| why.contains("the UUID")));
        for line in ["", "046d", "bus 1", "bus one device 2", "046d:c52b now"] {
            assert!(usb(line).is_err_and(|why| why.contains("vendor:product")), "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(
            vcpus in "[0-9]{1,2}-[0-9]{1,2}", memory in 1u64..1 << 30, node in prop::option::of(0u32..8),
            startup in prop::option::of(prop::sample::select(vec!["mandatory", "requisite", "optional"])),
        ) {
            let mut row = json!({"vcpus": vcpus, "memory": memory});
            if let Some(node) = node {
                row["node"] = node.into();
            }
            prop_assert_eq!(cell(&show_cell(&row)), Ok(row));
            let mut row = json!({"vendor_id": "046d", "product_id": "c52b"});
            if let Some(startup) = startup {
                row["startup"] = startup.into();
            }
            prop_assert_eq!(usb(&show_usb(&row)), Ok(row));
        }
    }
}
