//! Single acts on the domain that a build makes: define, autostart, start, read back, remove.

use super::Connection;
use super::error::calling;
use super::xml;
use crate::host::{Cause, HostError};
use crate::units::Bytes;
use std::sync::{Mutex, PoisonError};
use virt::domain::Domain;
use virt::sys;

/// Held where libvirt reads its schema within this process: libxml2 sets up the types of schemas at first use, and two
/// threads that do so at once leave it unable to.
static VALIDATION: Mutex<()> = Mutex::new(());

/// A domain that was made, with what identifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeDomain {
    /// Name.
    pub name: String,
    /// UUID as libvirt gave it.
    pub uuid: String,
}

impl Connection {
    /// Defines a domain. Fails if one of its name or UUID exists: of one that has both, libvirt would take the XML for
    /// its new definition. The flag tells whether libvirt checked the XML against its schema; some drivers cannot.
    pub fn define(&self, xml: &str) -> Result<(MadeDomain, bool), HostError> {
        let (name, uuid) = identity(xml)?;
        if exists(self.inner().lookup_domain_by_name(&name))? {
            let remedy = "Choose another name, or remove that domain first.";
            return Err(HostError::new(Cause::Exists, format!("A domain named {name} exists already."), remedy));
        }
        if let Some(uuid) = uuid
            && exists(self.inner().lookup_domain_by_uuid_string(&uuid))?
        {
            let remedy = "Leave out the UUID; libvirt then creates one.";
            return Err(HostError::new(Cause::Exists, format!("A domain of UUID {uuid} exists already."), remedy));
        }
        let failed = |error| calling(&format!("define domain {name}"), &error);
        let _alone = self.is_test().then(|| VALIDATION.lock().unwrap_or_else(PoisonError::into_inner));
        let (domain, validated) = match self.inner().define_domain_xml_flags(xml, sys::VIR_DOMAIN_DEFINE_VALIDATE) {
            Ok(domain) => (domain, true),
            Err(error) if calling("", &error).cause == Cause::Unsupported => {
                (self.inner().define_domain_xml(xml).map_err(failed)?, false)
            }
            Err(error) => return Err(failed(error)),
        };
        let uuid = domain.uuid_string().map_err(failed)?;
        Ok((MadeDomain { name, uuid }, validated))
    }

    /// Fails with [`Cause::NotFound`] where there is no domain of this name.
    pub fn find_domain(&self, name: &str) -> Result<(), HostError> {
        let found = self.inner().lookup_domain_by_name(name);
        found.map(drop).map_err(|error| calling(&format!("find domain {name}"), &error))
    }

    /// Lets libvirt start the domain with the host.
    pub fn set_autostart(&self, domain: &MadeDomain) -> Result<(), HostError> {
        let failed = |error| calling(&format!("set autostart of {}", domain.name), &error);
        self.domain(domain)?.set_autostart(true).map_err(failed)
    }

    /// The XML that libvirt keeps for the domain's next start.
    pub fn stored_xml(&self, domain: &MadeDomain) -> Result<String, HostError> {
        let failed = |error| calling(&format!("read back domain {}", domain.name), &error);
        self.domain(domain)?.xml_desc(sys::VIR_DOMAIN_XML_INACTIVE).map_err(failed)
    }

    /// The domain's XML as it is now: of a running one what it runs with.
    pub fn present_xml(&self, domain: &MadeDomain) -> Result<String, HostError> {
        self.domain(domain)?.xml_desc(0).map_err(|error| calling(&format!("read domain {}", domain.uuid), &error))
    }

    /// The size that the guest sees of the disk at `target`; `None` where libvirt cannot tell.
    pub fn disk_size(&self, domain: &MadeDomain, target: &str) -> Option<Bytes> {
        self.domain(domain).ok()?.block_info(target, 0).ok().map(|info| Bytes(info.capacity))
    }

    /// Starts the domain.
    pub fn start(&self, domain: &MadeDomain) -> Result<(), HostError> {
        self.domain(domain)?.create().map_err(|error| calling(&format!("start domain {}", domain.name), &error))
    }

    /// True while the domain of this UUID runs or is paused.
    pub fn is_running(&self, uuid: &str) -> Result<bool, HostError> {
        let failed = |error| calling(&format!("read the state of domain {uuid}"), &error);
        self.inner().lookup_domain_by_uuid_string(uuid).and_then(|domain| domain.is_active()).map_err(failed)
    }

    /// The same by name. Fails with [`Cause::NotFound`] where there is no domain of this name.
    pub fn is_running_by_name(&self, name: &str) -> Result<bool, HostError> {
        let failed = |error| calling(&format!("read the state of domain {name}"), &error);
        self.inner().lookup_domain_by_name(name).and_then(|domain| domain.is_active()).map_err(failed)
    }

    /// Stops the domain; `false` where it is gone or does not run.
    pub fn destroy(&self, domain: &MadeDomain) -> Result<bool, HostError> {
        let handle = match self.domain(domain) {
            Ok(handle) => handle,
            Err(error) if error.cause == Cause::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let failed = |error| calling(&format!("stop domain {}", domain.name), &error);
        let running = handle.is_active().map_err(failed)?;
        if running {
            handle.destroy().map_err(failed)?;
        }
        Ok(running)
    }

    /// Undefines the domain; `false` where it is gone. `with_files`: with its UEFI variables and TPM state. One that runs
    /// is stopped first: its start may have succeeded although that was not answered.
    pub fn undefine(&self, domain: &MadeDomain, with_files: bool) -> Result<bool, HostError> {
        self.destroy(domain)?;
        let handle = match self.domain(domain) {
            Ok(handle) => handle,
            Err(error) if error.cause == Cause::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        undefine(&handle, with_files).map_err(|error| calling(&format!("undefine domain {}", domain.name), &error))?;
        Ok(true)
    }

    fn domain(&self, domain: &MadeDomain) -> Result<Domain, HostError> {
        let found = self.inner().lookup_domain_by_uuid_string(&domain.uuid);
        found.map_err(|error| calling(&format!("find domain {}", domain.name), &error))
    }
}

/// Drivers that do not support a flag have nothing that it would remove.
fn undefine(domain: &Domain, with_files: bool) -> Result<(), virt::error::Error> {
    let (variables, tpm) = if with_files {
        (sys::VIR_DOMAIN_UNDEFINE_NVRAM, sys::VIR_DOMAIN_UNDEFINE_TPM)
    } else {
        (sys::VIR_DOMAIN_UNDEFINE_KEEP_NVRAM, sys::VIR_DOMAIN_UNDEFINE_KEEP_TPM)
    };
    let everything =
        variables | tpm | sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
    for flags in [everything, variables | sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE] {
        match domain.undefine_flags(flags) {
            Err(error) if calling("", &error).cause == Cause::Unsupported => {}
            outcome => return outcome,
        }
    }
    domain.undefine()
}

/// Name and UUID in the XML of a domain: `custom_xml` may have set either.
fn identity(text: &str) -> Result<(String, Option<String>), HostError> {
    let document = xml::parse("domain", text)?;
    let root = document.root_element();
    Ok((xml::text(root, &["name"]).unwrap_or_default(), xml::text(root, &["uuid"])))
}

/// Whether a look-up found something; a look-up that failed for another reason is no answer.
fn exists(found: Result<Domain, virt::error::Error>) -> Result<bool, HostError> {
    match found.map_err(|error| calling("look for a domain of the same name or UUID", &error)) {
        Ok(_) => Ok(true),
        Err(error) if error.cause == Cause::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
