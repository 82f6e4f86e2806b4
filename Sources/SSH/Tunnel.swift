// Through one host to another: a session whose bytes another session carries.

import CLibSSH2
import Glibc

/// A way to a host through a session to another: what goes into `socket` comes out there.
struct Tunnel: Sendable {
  /// Our end; whoever uses it closes it.
  let socket: CInt
  fileprivate let carrier: SSHSession
  fileprivate let pump: Task<Void, Never>

  /// Ends it, and the session that it goes through.
  func close() async {
    pump.cancel()
    await pump.value
    await carrier.close()
  }
}

extension SSHSession {
  /// Has this session's host connect to `destination`.
  ///
  /// - Throws: `SSHError.unreachable` when it can't; `SSHError`, and `CancellationError`.
  func tunnel(
    to destination: Destination, until deadline: ContinuousClock.Instant
  ) async throws -> Tunnel {
    await opening.take()
    defer { opening.give() }
    let channel: Handle
    do {
      channel = try await opened("connecting to \(destination.name)", until: deadline) {
        libssh2_channel_direct_tcpip_ex(
          session, destination.host, CInt(destination.port), "127.0.0.1", 22)
      }
    } catch SSHError.failed(_, _, let reason) {
      throw SSHError.unreachable(
        host: destination.name, reason: "\(self.destination.name) does not get there (\(reason))")
    }
    var ends: [CInt] = [0, 0]
    let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    guard socketpair(AF_UNIX, CInt(kind), 0, &ends) == 0 else {
      let reason = String(cString: strerror(errno))
      await abandon(channel)
      throw SSHError.failed(host: destination.name, step: "connecting", reason: reason)
    }
    let far = ends[1]
    // Lives as long as the session that uses it, which ends it.
    return Tunnel(socket: ends[0], carrier: self, pump: Task { await pump(channel, far) })
  }

  /// Carries both ways until one side ends, and then ends the other.
  private nonisolated func pump(_ channel: Handle, _ socket: CInt) async {
    let readiness = Readiness(socket: socket) { Glibc.close(socket) }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await self.carry(from: channel, to: socket, readiness) }
      group.addTask { try? await self.carry(from: socket, readiness, to: channel) }
      await group.next()
      group.cancelAll()
    }
    readiness.close()
    // In a task that is not cancelled, as this one is by now: the host must hear of it.
    await Task { await abandon(channel) }.value
  }

  private nonisolated func carry(
    from channel: Handle, to socket: CInt, _ readiness: Readiness
  ) async throws {
    while case .output(let bytes) = try await read(from: channel, until: .distantFuture) {
      var left = bytes[...]
      while !left.isEmpty {
        let seen = readiness.generation
        let count = left.withUnsafeBytes {
          send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
        }
        if count > 0 { left.removeFirst(count) } else if errno != EAGAIN { return }
        if count <= 0 { await readiness.wait(for: .writing, until: .distantFuture, unless: seen) }
        try Task.checkCancellation()
      }
    }
  }

  private nonisolated func carry(
    from socket: CInt, _ readiness: Readiness, to channel: Handle
  ) async throws {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let seen = readiness.generation
      let count = recv(socket, &buffer, buffer.count, 0)
      if count > 0 {
        try await write(Array(buffer[..<count]), to: channel, until: .distantFuture)
      } else if count < 0, errno == EAGAIN {
        await readiness.wait(for: .reading, until: .distantFuture, unless: seen)
        try Task.checkCancellation()
      } else {
        return
      }
    }
  }
}
