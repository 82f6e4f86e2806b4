// A host's key, and how people compare it.

import CLibSSH2
import FoundationEssentials

/// The key by which a host proves to be itself.
public struct HostKey: Sendable, Equatable, CustomStringConvertible {
  /// As OpenSSH names it: `ssh-ed25519`.
  public let type: String
  /// As it stands in a file of known hosts, in base64.
  public let base64: String
  /// As `ssh-keygen -l` prints it: `SHA256:…`.
  public let fingerprint: String

  /// The key that the host at the other end of `session` has proved to hold.
  init?(of session: OpaquePointer) {
    var length = 0
    var kind: CInt = 0
    guard let bytes = libssh2_session_hostkey(session, &length, &kind), length > 4,
      let hash = libssh2_hostkey_hash(session, LIBSSH2_HOSTKEY_HASH_SHA256)
    else { return nil }
    let blob = UnsafeRawBufferPointer(start: bytes, count: length)
    // A key begins with its type: its length, and the text.
    let count = blob[..<4].reduce(0) { $0 << 8 | Int($1) }
    guard count <= length - 4 else { return nil }
    type = String(decoding: blob[4..<4 + count], as: UTF8.self)
    base64 = Data(blob).base64EncodedString()
    let sum = Data(UnsafeRawBufferPointer(start: hash, count: 32)).base64EncodedString()
    fingerprint = "SHA256:" + sum.replacing("=", with: "")
  }

  /// Type and fingerprint.
  public var description: String { "\(type) \(fingerprint)" }

  /// The line that stands for this key of `destination` in a file of known hosts.
  public func line(for destination: Destination) -> String {
    let (name, port) = destination.known
    return "\(port == 22 ? name : "[\(name)]:\(port)") \(type) \(base64)"
  }
}
