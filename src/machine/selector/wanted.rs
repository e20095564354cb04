//! What a row looks for, read: does a device fit it.

use crate::facts::{PciClass, PciDevice};
use crate::spec::{PciKind, PciMatch, filled};
use crate::units::{PciAddress, PciIds, UnitError};
use std::fmt;

/// A `match` whose texts were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it was.
    pub address: Option<PciAddress>,
    /// Vendor and device.
    pub ids: Option<PciIds>,
    /// Vendor and device of the board.
    pub board: Option<PciIds>,
    /// Kind of device.
    pub kind: Option<PciKind>,
    /// Any that fits will do.
    pub any: bool,
}

impl Wanted {
    /// Reads `known_by`; `host_address`, where the row has one, is something to look for as well.
    pub fn read(known_by: &PciMatch, host_address: Option<PciAddress>) -> Result<Self, UnitError> {
        let ids = |text: &Option<String>| filled(text.as_deref()).map(str::parse::<PciIds>).transpose();
        let address = filled(known_by.address.as_deref()).map(str::parse).transpose()?;
        let (board, any) = (ids(&known_by.subsystem)?, known_by.is_any());
        let wanted = Self { address, ids: ids(&known_by.ids)?, board, kind: known_by.kind, any };
        if wanted.is_address_alone() && address.or(host_address).is_none() {
            return Err(UnitError("it has nothing to look for".into()));
        }
        Ok(wanted)
    }

    /// True where nothing but an address tells the device.
    pub fn is_address_alone(&self) -> bool {
        self.ids.is_none() && self.board.is_none() && self.kind.is_none()
    }

    /// True where `device` is what is looked for. A board that the connection does not tell is no obstacle: see
    /// [`Self::is_sure`].
    pub fn fits(&self, device: &PciDevice) -> bool {
        let ids = PciIds { vendor: device.vendor, device: device.device };
        let board = device.subsystem.map(PciIds::from);
        let kind = kind(device.kind());
        kind.is_some()
            && self.ids.is_none_or(|wanted| wanted == ids)
            && self.board.zip(board).is_none_or(|(wanted, board)| wanted == board)
            && self.kind.is_none_or(|wanted| Some(wanted) == kind)
    }

    /// False where the board is looked for and the host does not tell it.
    pub fn is_sure(&self, device: &PciDevice) -> bool {
        self.board.is_none() || device.subsystem.is_some()
    }
}

/// `any GPU 10de:2704 of board 1043:88e2`.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.any { "any " } else { "" })?;
        f.write_str(self.kind.map_or("function", PciKind::noun))?;
        self.ids.map_or(Ok(()), |ids| write!(f, " {ids}"))?;
        self.board.map_or(Ok(()), |board| write!(f, " of board {board}"))
    }
}

/// The spec's word for a class; `None` for bridges, which are never given to a guest.
pub(super) fn kind(class: PciClass) -> Option<PciKind> {
    Some(match class {
        PciClass::Gpu => PciKind::Gpu,
        PciClass::Audio => PciKind::Audio,
        PciClass::Nic => PciKind::Nic,
        PciClass::Nvme => PciKind::Nvme,
        PciClass::Usb => PciKind::Usb,
        PciClass::Storage => PciKind::Storage,
        PciClass::Other => PciKind::Other,
        PciClass::Bridge => return None,
    })
}
