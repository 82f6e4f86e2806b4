// From a name to a connected socket.

import Glibc

/// A TCP connection in the making. All calls here block for as long as they are told to at most, and
/// belong on a queue of their own.
enum Connecting {
  /// Connects to `port` of `host`, whichever of its addresses answers first in order.
  ///
  /// - Returns: a socket that does not block.
  static func socket(
    to host: String, port: Int, until deadline: ContinuousClock.Instant
  ) throws(SSHError) -> CInt {
    var hints = addrinfo()
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, "\(port)", &hints, &found)
    guard code == 0 else {
      throw .unreachable(host: host, reason: String(cString: gai_strerror(code)))
    }
    defer { freeaddrinfo(found) }
    var failure = SSHError.unreachable(host: host, reason: "it has no address")
    var next = found
    while let address = next?.pointee {
      do throws(SSHError) {
        return try connect(address, host, port, until: deadline)
      } catch {
        failure = error
      }
      next = address.ai_next
    }
    throw failure
  }

  private static func connect(
    _ address: addrinfo, _ host: String, _ port: Int, until deadline: ContinuousClock.Instant
  ) throws(SSHError) -> CInt {
    let descriptor = Glibc.socket(
      address.ai_family,
      CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
      0)
    guard descriptor >= 0 else {
      throw .unreachable(host: host, reason: String(cString: strerror(errno)))
    }
    var error: CInt =
      Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno
    let start = ContinuousClock.now
    if error == EINPROGRESS {
      var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      let left = max(.zero, deadline - .now) / .milliseconds(1)
      let count = poll(&request, 1, CInt(min(left, 1e9)))
      if count == 0 {
        close(descriptor)
        throw .timeout(host: host, step: "connecting", after: ContinuousClock.now - start)
      }
      var size = socklen_t(MemoryLayout<CInt>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size)
    }
    guard error == 0 else {
      close(descriptor)
      if error == ECONNREFUSED { throw .refused(host: host, port: port) }
      throw .unreachable(host: host, reason: String(cString: strerror(error)))
    }
    var on: CInt = 1
    let size = socklen_t(MemoryLayout<CInt>.size)
    setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &on, size)
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, size)
    // A host that is gone is found out by the kernel: whatever waits for the socket then fails.
    for (option, value) in [
      (TCP_KEEPIDLE, 5), (TCP_KEEPINTVL, 3), (TCP_KEEPCNT, 3), (TCP_USER_TIMEOUT, 14_000),
    ] {
      var value = CInt(value)
      setsockopt(descriptor, CInt(IPPROTO_TCP), option, &value, size)
    }
    return descriptor
  }
}
