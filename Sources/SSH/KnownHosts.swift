// The keys that hosts are known by, in OpenSSH's files.

import CLibSSH2
import FoundationEssentials
import Glibc

/// The files of known hosts that count for a destination.
///
/// Not heeded: `@cert-authority` lines, which libssh2 does not know: a host known only by its
/// authority is unknown here. A key on any `@revoked` line is refused, whichever host it is for.
final class KnownHosts {
  private let destination: Destination
  private let files: String
  private let hosts: OpaquePointer
  private var revoked: Set<String> = []

  /// Reads those files of `destination` that are there.
  init(of destination: Destination, session: OpaquePointer) throws(SSHError) {
    self.destination = destination
    let present = destination.knownHosts.filter { access($0, F_OK) == 0 }
    files = (present.isEmpty ? destination.knownHosts : present).joined(separator: " or ")
    guard let hosts = libssh2_knownhost_init(session) else {
      throw .failed(host: destination.name, step: "reading \(files)", reason: "out of memory")
    }
    self.hosts = hosts
    for file in present { try read(file) }
  }

  /// Line by line, so that one that libssh2 does not understand does not hide the others.
  private func read(_ file: String) throws(SSHError) {
    let text: String
    do {
      text = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
    } catch {
      let reason =
        access(file, R_OK) == 0 ? "it is no file of known hosts" : String(cString: strerror(errno))
      throw .hostKey(host: destination.name, fault: .unreadable(file: file, reason: reason))
    }
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      if first.hasPrefix("@") {
        if first == "@revoked", words.count >= 4 { revoked.insert(words[3]) }
        continue
      }
      let plain = Array(words.joined(separator: " ").utf8CString)
      _ = libssh2_knownhost_readline(
        hosts, plain, plain.count - 1, LIBSSH2_KNOWNHOST_FILE_OPENSSH)
    }
  }

  deinit { libssh2_knownhost_free(hosts) }

  /// The types of the keys that the host is known by, as libssh2 takes them; nil for none. Asked for
  /// them, a host that has several keys shows one that can be checked.
  var preferredKeyTypes: String? {
    var types: [String] = []
    var entry: UnsafeMutablePointer<libssh2_knownhost>?
    while libssh2_knownhost_get(hosts, &entry, entry) == 0, let known = entry?.pointee {
      guard let key = known.key else { continue }
      let kind = known.typemask & (15 << 18)
      let match = match(key, 0, LIBSSH2_KNOWNHOST_TYPE_PLAIN | CInt(2 << 16) | kind)
      if match == LIBSSH2_KNOWNHOST_CHECK_MATCH, let name = Self.names[kind >> 18],
        !types.contains(name)
      {
        types.append(name)
      }
    }
    return types.isEmpty ? nil : types.joined(separator: ",")
  }

  /// Whether the host at the other end of `session` is the one it is known as.
  ///
  /// - Throws: `SSHError.hostKey` when it is not, or is not known.
  func check(_ session: OpaquePointer) throws(SSHError) {
    var length = 0
    var kind: CInt = 0
    guard let bytes = libssh2_session_hostkey(session, &length, &kind),
      let key = HostKey(of: session)
    else {
      throw .failed(host: destination.name, step: "shaking hands", reason: "it showed no key")
    }
    let mask = LIBSSH2_KNOWNHOST_TYPE_PLAIN | CInt(1 << 16) | Self.mask(of: kind)
    let match = match(bytes, length, mask)
    guard !revoked.contains(key.base64) else {
      throw .hostKey(host: destination.name, fault: .revoked(key, file: files))
    }
    switch match {
    case LIBSSH2_KNOWNHOST_CHECK_MATCH: return
    case LIBSSH2_KNOWNHOST_CHECK_MISMATCH:
      throw .hostKey(host: destination.name, fault: .changed(key, file: files))
    default: throw .hostKey(host: destination.name, fault: .unknown(key, file: files))
    }
  }

  /// Looks for a key under the host's name with its port, and only where nothing stands under that
  /// under its bare name: libssh2 alone would take a key under either.
  private func match(_ key: UnsafePointer<CChar>, _ length: Int, _ mask: CInt) -> CInt {
    let (name, port) = destination.known
    if port != 22 {
      let found = libssh2_knownhost_checkp(
        hosts, "[\(name)]:\(port)", -1, key, length, mask, nil)
      if found != LIBSSH2_KNOWNHOST_CHECK_NOTFOUND { return found }
    }
    return libssh2_knownhost_checkp(hosts, name, -1, key, length, mask, nil)
  }

  /// Those that a host which nobody knows is asked for, the best first.
  static let allKeyTypes =
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-rsa"

  /// By the number that libssh2 gives a type in an entry.
  private static let names: [CInt: String] = [
    2: "ssh-rsa", 3: "ssh-dss", 4: "ecdsa-sha2-nistp256", 5: "ecdsa-sha2-nistp384",
    6: "ecdsa-sha2-nistp521", 7: "ssh-ed25519",
  ]

  /// The mask of an entry by the number that libssh2 gives the type of a session's key.
  private static func mask(of kind: CInt) -> CInt {
    switch kind {
    case LIBSSH2_HOSTKEY_TYPE_RSA: 2 << 18
    case LIBSSH2_HOSTKEY_TYPE_DSS: 3 << 18
    case LIBSSH2_HOSTKEY_TYPE_ECDSA_256: 4 << 18
    case LIBSSH2_HOSTKEY_TYPE_ECDSA_384: 5 << 18
    case LIBSSH2_HOSTKEY_TYPE_ECDSA_521: 6 << 18
    case LIBSSH2_HOSTKEY_TYPE_ED25519: 7 << 18
    default: 15 << 18
    }
  }
}

extension Destination {
  /// The name and port under which files of known hosts have it.
  var known: (name: String, port: Int) { knownAs.map { ($0, 22) } ?? (host, port) }
}
