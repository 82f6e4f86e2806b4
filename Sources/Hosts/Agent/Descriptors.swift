// Writing to descriptors, and the address of a socket in the file system.

import Glibc

/// Writes all of `bytes`; false, with errno, when the rest is not taken.
@discardableResult
func writeAll(_ bytes: some Collection<UInt8>, to descriptor: CInt) -> Bool {
  var rest = Array(bytes)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return false }
    rest = rest.dropFirst(count)
  }
  return true
}

/// A stream socket of this machine's file system.
enum LocalSocket {
  /// A new socket for which `call` (`connect` or `bind`) takes the address `path`; nil, with errno, when
  /// it does not.
  static func make(
    at path: String, _ call: (CInt, UnsafePointer<sockaddr>, socklen_t) -> CInt
  ) -> CInt? {
    guard var address = address(path) else {
      errno = ENAMETOOLONG
      return nil
    }
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        call(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if result == 0 { return descriptor }
    let error = errno
    close(descriptor)
    errno = error
    return nil
  }

  private static func address(_ path: String) -> sockaddr_un? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }
}
