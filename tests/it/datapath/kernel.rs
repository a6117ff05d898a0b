//! Real programs on real hooks, by bpf(2) and rtnetlink: tools of Debian 12 attach nothing by tcx,
//! and give a filter no label but the program's name.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::thread::UnshareFlags;

/// Where packets of a link pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// What a program is attached to, by the numbers of linux/bpf.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    Tcx(Way),
    /// At the pod's end, asked for by the host's.
    NetkitPeer,
    NetkitPrimary,
    /// Run by the network stack, as every link allows.
    XdpGeneric,
    Connect4,
    PostBind4,
}

impl Hook {
    /// `enum bpf_prog_type`.
    fn program_type(self) -> u32 {
        match self {
            Self::Tcx(_) | Self::NetkitPeer | Self::NetkitPrimary => 3,
            Self::XdpGeneric => 6,
            Self::PostBind4 => 9,
            Self::Connect4 => 18,
        }
    }

    /// `enum bpf_attach_type`.
    fn attach_type(self) -> u32 {
        match self {
            Self::Connect4 => 10,
            Self::PostBind4 => 12,
            Self::XdpGeneric => 37,
            Self::Tcx(Way::In) => 46,
            Self::Tcx(Way::Out) => 47,
            Self::NetkitPrimary => 54,
            Self::NetkitPeer => 55,
        }
    }

    /// What lets a packet or a call pass.
    fn pass(self) -> u8 {
        match self {
            Self::Tcx(_) | Self::NetkitPeer | Self::NetkitPrimary => 0,
            Self::Connect4 | Self::PostBind4 => 1,
            Self::XdpGeneric => 2,
        }
    }

    /// `XDP_FLAGS_SKB_MODE`.
    fn flags(self) -> u32 {
        if self == Self::XdpGeneric { 2 } else { 0 }
    }
}

/// Moves the calling thread into new namespaces; its children go into the new pid namespace.
pub(super) fn unshare() -> io::Result<()> {
    let flags = UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWPID;
    // SAFETY: namespaces and the root and working directory of this thread alone change; memory
    // and descriptors stay shared.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(Into::into)
}

/// `union bpf_attr`: its first 128 bytes, the rest of any kernel's being zero.
struct Attr([u8; 128]);

impl Attr {
    fn new() -> Self {
        Self([0; 128])
    }

    fn bytes(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn number(self, at: usize, number: u32) -> Self {
        self.bytes(at, &number.to_ne_bytes())
    }

    fn descriptor(self, at: usize, descriptor: &impl AsRawFd) -> Self {
        self.number(at, descriptor.as_raw_fd().cast_unsigned())
    }

    /// The address of something that outlives the call.
    fn address<T: ?Sized>(self, at: usize, value: &T) -> Self {
        let address = std::ptr::from_ref(value).cast::<u8>().addr() as u64;
        self.bytes(at, &address.to_ne_bytes())
    }

    /// A name as the kernel keeps it: 15 characters and a zero.
    fn name(self, at: usize, name: &str) -> Self {
        let cut = &name.as_bytes()[..name.len().min(15)];
        self.bytes(at, cut)
    }

    #[track_caller]
    fn call(self, command: u32) -> Option<OwnedFd> {
        // SAFETY: the attribute and what it points to live until the call is over; the kernel
        // checks everything else.
        let result =
            unsafe { libc::syscall(libc::SYS_bpf, command, self.0.as_ptr(), self.0.len()) };
        assert!(result >= 0, "bpf({command}): {}", io::Error::last_os_error());
        let descriptor = i32::try_from(result).unwrap();
        // SAFETY: commands that make something return a new descriptor, which nobody else owns.
        (descriptor > 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor) })
    }
}

/// Loads a program of this name for a hook, which lets everything pass.
#[track_caller]
pub(super) fn program(name: &str, hook: Hook) -> OwnedFd {
    // r0 = pass; exit.
    let code: [u8; 16] = [0xb7, 0, 0, 0, hook.pass(), 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
    let license = c"GPL";
    let attr = Attr::new().number(0, hook.program_type()).number(4, 2).address(8, &code);
    let attr = attr.address(16, license).name(48, name);
    // Programs of tc expect no attachment.
    let expects = if hook.program_type() == 3 { 0 } else { hook.attach_type() };
    attr.number(68, expects).call(5).expect("a program")
}

/// Attaches a program to a link by its index, or to a cgroup by its directory, as long as the
/// descriptor lives.
#[track_caller]
pub(super) fn attach(program: &OwnedFd, hook: Hook, target: u32) -> OwnedFd {
    let attr = Attr::new().descriptor(0, program).number(4, target);
    attr.number(8, hook.attach_type()).number(12, hook.flags()).call(28).expect("a link")
}

/// Pins a program, link or map.
#[track_caller]
pub(super) fn pin(object: &OwnedFd, path: &str) {
    let path = CString::new(path).unwrap();
    Attr::new().address(0, path.as_c_str()).descriptor(8, object).call(6);
}

/// An array of one number.
#[track_caller]
pub(super) fn map(name: &str) -> OwnedFd {
    let sizes = [2, 4, 4, 1].into_iter().zip([0, 4, 8, 12]);
    let attr = sizes.fold(Attr::new(), |attr, (number, at)| attr.number(at, number));
    attr.name(28, name).call(0).expect("a map")
}

pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Puts a direct-action filter on a link's clsact as Cilium and the AWS agent do, with its label.
#[track_caller]
pub(super) fn filter(link: u32, way: Way, priority: u32, program: &OwnedFd, label: &str) {
    const ETH_P_ALL: u16 = 3;
    let parent = match way {
        Way::In => 0xffff_fff2,
        Way::Out => 0xffff_fff3,
    };
    let info = priority << 16 | u32::from(ETH_P_ALL.to_be());
    // struct tcmsg: family, interface, handle, parent, priority and protocol.
    let mut body: Vec<u8> = [0, link, 1, parent, info].map(u32::to_ne_bytes).concat();
    // TCA_BPF_FD, TCA_BPF_NAME, TCA_BPF_FLAGS with TCA_BPF_FLAG_ACT_DIRECT.
    let options = [
        attribute(6, &program.as_raw_fd().to_ne_bytes()),
        attribute(7, &[label.as_bytes(), &[0]].concat()),
        attribute(8, &1_u32.to_ne_bytes()),
    ];
    // TCA_KIND and TCA_OPTIONS.
    body.extend(attribute(1, b"bpf\0"));
    body.extend(attribute(2, &options.concat()));
    request(libc::RTM_NEWTFILTER, &body);
}

/// Sends one request of rtnetlink and waits for its acknowledgement.
#[track_caller]
fn request(message: u16, body: &[u8]) {
    // NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE.
    let answer = ask(NETLINK_ROUTE, message, 0x4 | 0x200 | 0x400, body);
    assert_done(&answer);
}

/// Sends one request and gives back the first datagram of the answer.
pub(super) fn ask(protocol: isize, message: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    // NLM_F_REQUEST.
    bytes.extend([message.to_ne_bytes(), (flags | 1).to_ne_bytes()].concat());
    bytes.extend([1_u32.to_ne_bytes(), [0; 4]].concat());
    bytes.extend(body);
    let socket = Socket::new(protocol).unwrap();
    socket.connect(&SocketAddr::new(0, 0)).unwrap();
    socket.send(&bytes, 0).unwrap();
    let mut answer: Vec<u8> = Vec::with_capacity(16 << 10);
    socket.recv(&mut answer, 0).unwrap();
    answer
}

/// The answer is an acknowledgement, `NLMSG_ERROR` with 0.
#[track_caller]
pub(super) fn assert_done(answer: &[u8]) {
    let error = i32::from_ne_bytes(answer[16..20].try_into().unwrap());
    assert_eq!(error, 0, "netlink: {}", io::Error::from_raw_os_error(-error));
}
