// Where a socket is, IPv4 or IPv6.

import CLinux
import Glibc

/// An address and a port, as system calls want them.
struct SocketName: Sendable {
  private let storage: sockaddr_storage
  private let length: socklen_t

  /// Nil when `address` is neither an IPv4 nor an IPv6 address.
  init?(_ address: String, _ port: UInt16) {
    var storage = sockaddr_storage()
    length = cl_name(address, port, &storage)
    guard length > 0 else { return nil }
    self.storage = storage
  }

  /// Sends from `descriptor` if it can: what cannot be sent is not heard, which is what probes ask.
  func send(_ bytes: UnsafeRawBufferPointer, from descriptor: CInt) {
    guard let base = bytes.baseAddress else { return }
    withUnsafePointer(to: storage) { _ = cl_send(descriptor, base, bytes.count, $0, length) }
  }
}

/// Which of the two a text is.
enum AddressFamily: String, CaseIterable, Sendable {
  case four = "iptables"
  case six = "ip6tables"

  init(of address: String) { self = address.contains(":") ? .six : .four }

  /// How many bits name one host.
  var bits: Int { self == .four ? 32 : 128 }
}
