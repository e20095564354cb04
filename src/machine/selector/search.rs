//! The search for the devices that rows are known by. It asks for certainty: what fits twice is left to the user, unless
//! any will do, and the answer does not depend on the order of rows that look for certain devices.

use super::outcome::{Match, address};
use super::wanted::Wanted;
use crate::facts::pci::AMD_CHIPSET;
use crate::facts::{Domain, DomainState, Facts, PciDevice, Use, uses};
use crate::machine::{Role, card};
use crate::spec::{PciDevice as Row, Spec};
use crate::units::PciAddress;
use std::collections::{BTreeMap, BTreeSet};

/// What became of each row of `pci_devices` that carries `match`, by its number; `None` where the host's devices are not
/// known. A row whose host address cannot be read is left out, since that is its fault.
pub fn outcomes(spec: &Spec, facts: &Facts) -> Option<BTreeMap<usize, Match>> {
    let rows = spec.pci_devices.as_deref().unwrap_or_default();
    if rows.iter().all(|row| row.selector.is_none()) {
        return Some(BTreeMap::new());
    }
    let mut search = Search {
        facts,
        devices: facts.pci.get()?,
        taken: plain(spec),
        uses: BTreeMap::new(),
        outcomes: BTreeMap::new(),
    };
    let (any, certain): (Vec<SoughtRow>, Vec<SoughtRow>) =
        search.read(rows).into_iter().partition(|asked| asked.wanted.any);
    let mut moving: Vec<SoughtCard> = cards(certain).into_iter().filter(|card| !search.stays(card)).collect();
    // What stays of a lost card may be where another one would go.
    while let Some(lost) = moving.iter().position(|card| search.placings(card).is_empty()) {
        search.lose(&moving.remove(lost));
    }
    search.follow(&moving);
    if !any.is_empty() {
        search.uses = uses(facts);
    }
    for asked in any {
        search.choose(&asked);
    }
    Some(search.outcomes)
}

/// The functions that other rows ask for by their address alone.
fn plain(spec: &Spec) -> BTreeSet<PciAddress> {
    let devices = spec.pci_devices.iter().flatten().filter(|row| row.selector.is_none());
    let networks = spec.networks.iter().flatten().map(|network| network.host_address.as_deref());
    let disks = spec.storage.iter().flat_map(|storage| storage.disks.iter().flatten());
    let disks = disks.map(|disk| disk.host_address.as_deref());
    devices.map(|row| row.host_address.as_deref()).chain(networks).chain(disks).filter_map(address).collect()
}

/// A row that looks for a device.
struct SoughtRow {
    at: usize,
    wanted: Wanted,
    /// Where to look first: what the row says, or else where the device was.
    meant: Option<PciAddress>,
    /// Where it was.
    saved: Option<PciAddress>,
}

impl SoughtRow {
    fn fits(&self, device: &PciDevice) -> bool {
        let there = !self.wanted.is_address_alone() || self.meant == Some(device.address);
        there && self.wanted.fits(device)
    }
}

/// The rows of one card, by the slot where it was.
type SoughtCard = Vec<SoughtRow>;

/// Where the rows of a card would go.
type Placing<'a> = Vec<(&'a SoughtRow, PciAddress)>;

/// The rows by card; those that stand alone, each by itself.
fn cards(rows: Vec<SoughtRow>) -> Vec<SoughtCard> {
    let mut cards: Vec<SoughtCard> = Vec::new();
    for asked in rows {
        // The slots of bus 0 and of AMD's chipsets hold functions that have nothing to do with each other.
        let alone = |asked: &SoughtRow| asked.wanted.ids.is_some_and(|ids| ids.vendor == AMD_CHIPSET);
        let slot = asked.saved.filter(|saved| saved.bus != 0 && !alone(&asked));
        let mate = |other: &SoughtRow| !alone(other) && other.saved.zip(slot).is_some_and(|(a, b)| a.same_slot(b));
        match cards.iter_mut().find(|card| card.iter().all(mate)) {
            Some(card) => card.push(asked),
            None => cards.push(vec![asked]),
        }
    }
    cards
}

struct Search<'a> {
    facts: &'a Facts,
    devices: &'a [PciDevice],
    /// Functions that a row has.
    taken: BTreeSet<PciAddress>,
    /// What the host does with its functions; read only where any device will do.
    uses: BTreeMap<PciAddress, BTreeSet<Use>>,
    outcomes: BTreeMap<usize, Match>,
}

impl Search<'_> {
    /// The rows that can be looked for.
    fn read(&mut self, rows: &[Row]) -> Vec<SoughtRow> {
        let mut read: Vec<SoughtRow> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let named = address(row.host_address.as_deref());
            let bad = named.is_none() && row.host_address.as_ref().is_some_and(|text| !text.trim().is_empty());
            let Some(known_by) = row.selector.as_ref().filter(|_| !bad) else { continue };
            let wanted = match Wanted::read(known_by, named) {
                Ok(wanted) => wanted,
                Err(error) => {
                    self.outcomes.insert(at, Match::Unreadable(error.0));
                    continue;
                }
            };
            let (meant, saved) = (named.or(wanted.address), wanted.address.or(named));
            let twin = saved
                .filter(|_| !wanted.any)
                .filter(|saved| read.iter().any(|earlier| !earlier.wanted.any && earlier.saved == Some(*saved)));
            match twin {
                Some(twin) => drop(self.outcomes.insert(at, Match::Twice(twin))),
                None => read.push(SoughtRow { at, wanted, meant, saved }),
            }
        }
        read
    }

    fn device(&self, address: PciAddress) -> Option<&PciDevice> {
        self.devices.iter().find(|device| device.address == address)
    }

    /// True where `asked` can have the function at `address`.
    fn can_have(&self, asked: &SoughtRow, address: PciAddress) -> bool {
        !self.taken.contains(&address) && self.device(address).is_some_and(|device| asked.fits(device))
    }

    fn fitting<'b>(&'b self, asked: &'b SoughtRow) -> impl Iterator<Item = &'b PciDevice> {
        self.devices.iter().filter(|device| asked.fits(device))
    }

    fn place(&mut self, asked: &SoughtRow, to: PciAddress) {
        let from = match asked.meant {
            Some(meant) if meant != to => Some(meant),
            _ => asked.saved.filter(|saved| *saved != to),
        };
        self.taken.insert(to);
        self.outcomes.insert(asked.at, from.map_or(Match::Found(to), |from| Match::Moved { from, to }));
    }

    fn place_all(&mut self, placing: &Placing) {
        for (asked, to) in placing {
            self.place(asked, *to);
        }
    }

    /// Every row where it is meant to be; or all where the user put one of them. False where that is not so.
    fn stays(&mut self, card: &SoughtCard) -> bool {
        let own = card.iter().map(|asked| Some((asked, asked.meant?))).collect::<Option<Placing>>();
        let all_fit = |placing: &Placing| {
            let different: BTreeSet<PciAddress> = placing.iter().map(|(_, address)| *address).collect();
            different.len() == placing.len() && placing.iter().all(|(asked, address)| self.can_have(asked, *address))
        };
        let slots = card.iter().filter(|_| card.len() > 1).filter_map(|asked| self.at_slot(card, asked.meant?));
        match own.into_iter().chain(slots).find(all_fit) {
            Some(placing) => {
                self.place_all(&placing);
                true
            }
            None => false,
        }
    }

    /// The rows of a card on the slot of `slot`, each as the function that it was; `None` where one does not fit.
    fn at_slot<'b>(&self, card: &'b SoughtCard, slot: PciAddress) -> Option<Placing<'b>> {
        let rows = card.iter().map(|asked| {
            let to = slot.with_function(asked.saved.or(asked.meant)?.function);
            self.can_have(asked, to).then_some((asked, to))
        });
        rows.collect()
    }

    /// Every way to place a card.
    fn placings<'b>(&self, card: &'b SoughtCard) -> Vec<Placing<'b>> {
        if let [only] = card.as_slice() {
            let mut fitting: Vec<PciAddress> = self.fitting(only).map(|device| device.address).collect();
            fitting.retain(|address| !self.taken.contains(address));
            // The ports of one card tell themselves apart by their function.
            let one_card = fitting.first().is_some_and(|first| fitting.iter().all(|other| other.same_slot(*first)));
            if let (true, Some(was)) = (one_card && fitting.len() > 1, only.meant) {
                fitting.retain(|address| address.function == was.function);
            }
            return fitting.into_iter().map(|address| vec![(only, address)]).collect();
        }
        let slots: BTreeSet<PciAddress> = self.devices.iter().map(|device| device.address.with_function(0)).collect();
        slots.into_iter().filter_map(|slot| self.at_slot(card, slot)).collect()
    }

    /// Cards that are not where they were: placed where that is the only way, and the only card for that place.
    fn follow(&mut self, moving: &[SoughtCard]) {
        let ways: Vec<Vec<Placing>> = moving.iter().map(|card| self.placings(card)).collect();
        let claims = |ways: &[Placing]| -> BTreeSet<PciAddress> { ways.iter().flatten().map(|(_, to)| *to).collect() };
        let claimed: Vec<BTreeSet<PciAddress>> = ways.iter().map(|ways| claims(ways)).collect();
        for (at, (card, ways)) in moving.iter().zip(&ways).enumerate() {
            let own = claims(ways);
            let others = claimed.iter().enumerate().filter(|(other, _)| *other != at);
            let contested = others.into_iter().any(|(_, other)| !other.is_disjoint(&own));
            match ways.as_slice() {
                [only] if !contested => self.place_all(only),
                several => self.leave_open(card, several),
            }
        }
    }

    fn leave_open(&mut self, card: &SoughtCard, ways: &[Placing]) {
        for asked in card {
            let of_row = ways.iter().flatten().filter(|(other, _)| other.at == asked.at);
            let addresses: BTreeSet<PciAddress> = of_row.map(|(_, to)| *to).collect();
            self.outcomes.insert(asked.at, Match::Ambiguous(addresses.into_iter().collect()));
        }
    }

    /// A card of which not all is to be found. What is where it was stays if the card's first function does.
    fn lose(&mut self, card: &SoughtCard) {
        let lead = card.iter().min_by_key(|asked| asked.saved);
        let stays = |search: &Self, asked: &SoughtRow| asked.meant.filter(|meant| search.can_have(asked, *meant));
        let lead_stays = lead.is_some_and(|lead| stays(self, lead).is_some());
        for asked in card {
            if let Some(meant) = stays(self, asked).filter(|_| lead_stays) {
                self.place(asked, meant);
                continue;
            }
            let over = self.fitting(asked).map(|device| {
                let taken = self.taken.contains(&device.address);
                (device.address, if taken { TAKEN } else { "the rest of its card does not fit" }.to_owned())
            });
            let over = over.collect();
            self.outcomes.insert(asked.at, Match::Gone { over });
        }
    }

    /// The first that nobody has and the host can do without, of the card of another row before others.
    fn choose(&mut self, asked: &SoughtRow) {
        let free = |device: &&PciDevice| self.passed_over(device).is_none();
        let with_others = |device: &PciDevice| self.taken.iter().any(|taken| taken.same_slot(device.address));
        let rank = |device: &&PciDevice| {
            let meant = asked.meant == Some(device.address);
            (!meant, !with_others(device), device.address)
        };
        let to = self.fitting(asked).filter(free).min_by_key(rank).map(|device| device.address);
        let others = self.fitting(asked).filter(|device| Some(device.address) != to);
        let mut over: Vec<(PciAddress, String)> =
            others.filter_map(|device| Some((device.address, self.passed_over(device)?))).collect();
        over.extend(asked.saved.and_then(|saved| self.another(asked, saved)));
        self.taken.extend(to);
        self.outcomes.insert(asked.at, to.map_or(Match::Gone { over: over.clone() }, |to| Match::Chosen { to, over }));
    }

    /// Why a device that fits is not taken without anybody naming it.
    fn passed_over(&self, device: &PciDevice) -> Option<String> {
        let taken = self.taken.contains(&device.address).then(|| TAKEN.to_owned());
        taken.or_else(|| used_by(self.facts, device)).or_else(|| self.stood_on(device)).or_else(|| self.draws(device))
    }

    /// Why the host cannot do without the function.
    fn stood_on(&self, device: &PciDevice) -> Option<String> {
        if let Some(part) = device.of_chipset() {
            return Some(format!("is {part} of the host"));
        }
        if device.is_management_display() {
            return Some("is the host's remote console".to_owned());
        }
        if self.shows_host(device) {
            return Some("of the card with the host's own display".to_owned());
        }
        let sriov = self.facts.details.get(&device.address).and_then(|details| details.sriov.get()?.as_ref());
        if sriov.is_some_and(|sriov| !sriov.functions.is_empty()) {
            return Some("has virtual functions in use".to_owned());
        }
        self.uses.get(&device.address)?.iter().find_map(Use::stands_on)
    }

    fn shows_host(&self, device: &PciDevice) -> bool {
        let shows = |other: &PciDevice| other.boot_vga == Some(true) && other.address.same_slot(device.address);
        device.boot_vga == Some(true) || device.address.bus != 0 && self.devices.iter().any(shows)
    }

    /// What goes along that the host cannot do without.
    fn draws(&self, device: &PciDevice) -> Option<String> {
        let along = card::companions(self.facts, &[device.address]);
        along.iter().filter(|member| member.role == Role::Hold).find_map(|member| {
            let why = self.stood_on(self.device(member.address)?)?;
            Some(format!("also takes {}, which {why}", member.address))
        })
    }

    /// What is where the device was, if that does not fit.
    fn another(&self, asked: &SoughtRow, saved: PciAddress) -> Option<(PciAddress, String)> {
        match self.device(saved) {
            Some(device) if asked.fits(device) => None,
            Some(device) => Some((saved, format!("now {} {}", device.label(), device.ids()))),
            None => Some((saved, "not there".to_owned())),
        }
    }
}

const TAKEN: &str = "requested by another row";

/// The VM that has the function, or its group while it runs; in words.
fn used_by(facts: &Facts, device: &PciDevice) -> Option<String> {
    let of = |address: PciAddress| facts.domains.items().iter().filter(move |domain| domain.pci.contains(&address));
    let running = |domain: &&Domain| domain.state == DomainState::Active;
    if let Some(domain) = of(device.address).find(running).or_else(|| of(device.address).next()) {
        let state = if running(&domain) { "running" } else { "shut off" };
        return Some(format!("assigned to VM '{}' ({state})", domain.name));
    }
    let mates = facts.pci.items().iter().filter(|mate| mate.iommu_group.is_some());
    mates.filter(|mate| mate.iommu_group == device.iommu_group).find_map(|mate| {
        let domain = of(mate.address).find(running)?;
        Some(format!("{} of its IOMMU group is assigned to running VM '{}'", mate.address, domain.name))
    })
}
