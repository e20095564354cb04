//! What a domain has of the host that one domain at a time can have, as its XML names it.

use super::Element;
use crate::facts::Holding;
use crate::spec::Place;

/// Each with the field that made it. What libvirt chooses at the start is none: it chooses what is free.
pub fn holdings(domain: &Element) -> Vec<(Holding, Option<Place>)> {
    let variables = domain.find("os").and_then(|os| os.find("nvram"));
    let variables = variables.and_then(|nvram| Some((Holding::Variables(path(nvram)?), nvram.origin.clone())));
    let devices = domain.elements().filter(|part| part.name == "devices").flat_map(Element::elements);
    let of_device = |device: &Element| {
        let holdings = holdings_of(device);
        holdings.into_iter().map(|holding| (holding, device.origin.clone())).collect::<Vec<_>>()
    };
    variables.into_iter().chain(devices.flat_map(of_device)).collect()
}

/// The text of an element as a path; `None` where it is none.
fn path(element: &Element) -> Option<String> {
    let text = element.own_text();
    let text = text.trim();
    text.starts_with('/').then(|| text.to_owned())
}

fn holdings_of(device: &Element) -> Vec<Holding> {
    let of = |child: &str, name: &str| device.find(child).and_then(|child| child.attribute(name)).map(str::to_owned);
    match device.name.as_ref() {
        "shmem" => device.attribute("name").map(|name| Holding::SharedMemory(name.to_owned())).into_iter().collect(),
        "vsock" => of("cid", "address").and_then(|cid| cid.parse().ok()).map(Holding::Vsock).into_iter().collect(),
        "graphics" => graphics(device),
        "serial" | "console" | "parallel" | "channel" => {
            let listens = of("source", "mode").as_deref() == Some("bind");
            of("source", "path").filter(|_| listens).map(Holding::Socket).into_iter().collect()
        }
        // libvirt names the others itself.
        "interface" => {
            let own = |name: &String| !["vnet", "macvtap", "macvlan"].iter().any(|prefix| name.starts_with(prefix));
            of("target", "dev").filter(own).map(Holding::Interface).into_iter().collect()
        }
        "hostdev" if device.attribute("type") == Some("usb") => {
            let address = device.find("source").and_then(|source| source.find("address"));
            let number = |name: &str| address?.attribute(name)?.parse().ok();
            number("bus").zip(number("device")).map(|(bus, device)| Holding::Usb(bus, device)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn graphics(console: &Element) -> Vec<Holding> {
    // Of a running domain it is the one that libvirt chose; -1 where it has not chosen yet.
    let port = |name: &str| console.attribute(name)?.parse::<u16>().ok().filter(|port| *port > 0).map(Holding::Port);
    let ports = ["port", "tlsPort"].into_iter().filter_map(port);
    let listens = console.find("listen").and_then(|listen| listen.attribute("socket"));
    let socket = console.attribute("socket").or(listens).map(|path| Holding::Socket(path.to_owned()));
    ports.chain(socket).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_one_domain_alone_can_have_is_found() {
        let text = "<domain><os><nvram template='/t'> /v/a_VARS.fd </nvram></os><devices>
            <interface type='bridge'><target dev='vnet3'/></interface>
            <interface type='bridge'><target dev='web-0'/></interface>
            <serial type='unix'><source mode='bind' path='/run/a.sock'/></serial>
            <serial type='unix'><source mode='connect' path='/run/b.sock'/></serial>
            <graphics type='vnc' port='5907' autoport='no'><listen type='address' address='::1'/></graphics>
            <graphics type='spice' port='-1' autoport='yes'/>
            <graphics type='vnc' socket='/run/vnc'/>
            <hostdev mode='subsystem' type='usb'><source><address bus='1' device='4'/></source></hostdev>
            <hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/><product id='0x2'/></source></hostdev>
            <shmem name='looking-glass-a'/><vsock><cid auto='no' address='7'/></vsock><vsock><cid auto='yes'/></vsock>
            </devices></domain>";
        let found: Vec<Holding> =
            holdings(&super::super::parse(text).unwrap()).into_iter().map(|(holding, _)| holding).collect();
        let want = [
            Holding::Variables("/v/a_VARS.fd".into()),
            Holding::Interface("web-0".into()),
            Holding::Socket("/run/a.sock".into()),
            Holding::Port(5907),
            Holding::Socket("/run/vnc".into()),
            Holding::Usb(1, 4),
            Holding::SharedMemory("looking-glass-a".into()),
            Holding::Vsock(7),
        ];
        assert_eq!(found, want);
    }
}
