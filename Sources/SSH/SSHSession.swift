// A session: one connection to one host, and the turns that its channels take on it.
// Here: its life, and how every step waits. Not here: being let in (SSHSession+Authentication.swift),
// commands (RemoteProcess.swift), files (FileTransfer.swift).

import Blocking
import CLibSSH2
import Glibc

/// A connection to a host, over which commands run and files go side by side.
///
/// libssh2 never blocks here: a step that cannot go on says so, and is tried again when the socket is
/// ready, or when another step has received what it waits for. All of it runs on one queue, since
/// libssh2 does not allow two calls at a time, and reads key files and asks the agent as it likes.
public actor SSHSession {
  private let executor: QueueExecutor
  /// The queue on which libssh2 is called.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }
  /// Where it leads.
  public nonisolated let destination: Destination
  var host: String { destination.name }

  let session: OpaquePointer
  private let socket: CInt
  /// What it goes through, if not directly.
  private let tunnel: Tunnel?
  private let received: UnsafeMutablePointer<UInt64>
  private let readiness: Readiness
  /// A packet that is half sent must be sent to its end before the next.
  private let packets = Turns(1)
  /// libssh2 opens one channel at a time. And one that waits for the answer to its request fails when
  /// the answer to another's comes first (its issue 671): so requests take the same turns.
  nonisolated let opening = Turns(1)
  /// OpenSSH allows ten sessions on a connection, unless told otherwise.
  nonisolated let channels = Turns(8)
  /// Why the session is of no more use.
  private var failure: SSHError?
  private var isFreed = false
  let scratch = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 16)

  /// Connects, checks the host's key, and is let in.
  ///
  /// - Throws: `SSHError`, and `CancellationError`.
  public static func connect(
    to destination: Destination, within time: Duration = .seconds(10)
  ) async throws -> SSHSession {
    try await connect(to: destination, until: .now + time)
  }

  private static func connect(
    to destination: Destination, until deadline: ContinuousClock.Instant
  ) async throws -> SSHSession {
    let start = Start(executor: QueueExecutor(label: "ssh \(destination.name)"))
    let session: SSHSession
    if var jump = destination.jumps.last {
      jump.jumps = destination.jumps.dropLast()
      let carrier = try await connect(to: jump, until: deadline)
      let tunnel: Tunnel
      do {
        tunnel = try await carrier.tunnel(to: destination, until: deadline)
      } catch {
        await carrier.close()
        throw error
      }
      do {
        session = try await start.session(to: destination, through: tunnel)
      } catch {
        await tunnel.close()
        throw error
      }
    } else {
      session = try await start.session(to: destination, until: deadline)
    }
    do {
      try await session.shakeHands(until: deadline)
      try await session.authenticate(until: deadline)
      return session
    } catch {
      await session.close()
      throw error
    }
  }

  /// Has a session for as long as `body` runs.
  ///
  /// - Throws: what `body` throws, `SSHError`, and `CancellationError`.
  public nonisolated(nonsending) static func with<Value: Sendable>(
    _ destination: Destination, within time: Duration = .seconds(10),
    _ body: nonisolated(nonsending) (SSHSession) async throws -> Value
  ) async throws -> Value {
    let session = try await connect(to: destination, within: time)
    do {
      let value = try await body(session)
      await session.close()
      return value
    } catch {
      await session.close()
      throw error
    }
  }

  /// Takes over a connected socket.
  fileprivate init(
    _ destination: Destination, socket: CInt, tunnel: Tunnel?, executor: QueueExecutor
  ) throws(SSHError) {
    self.destination = destination
    self.tunnel = tunnel
    self.executor = executor
    received = .allocate(capacity: 1)
    received.initialize(to: 0)
    guard let session = cl_session(received) else {
      Glibc.close(socket)
      throw .failed(host: destination.name, step: "starting", reason: "out of memory")
    }
    self.session = session
    self.socket = socket
    readiness = Readiness(socket: socket) { Glibc.close(socket) }
    libssh2_session_set_blocking(session, 0)
  }

  private func shakeHands(until deadline: ContinuousClock.Instant) async throws {
    let known = try KnownHosts(of: destination, session: session)
    // What cannot be preferred is not offered either; the check that follows is what counts.
    _ = libssh2_session_method_pref(
      session, LIBSSH2_METHOD_HOSTKEY, known.preferredKeyTypes ?? KnownHosts.allKeyTypes)
    try await step("shaking hands", until: deadline) { libssh2_session_handshake(session, socket) }
    try known.check(session)
  }

  /// Ends the connection. Whoever still waits for something gets an error.
  public func close() async {
    fail(.disconnected(host: host, reason: "closed"))
    guard !isFreed else { return }
    isFreed = true
    // Frees all channels too; what it still wants to send is sent if that goes at once.
    _ = libssh2_session_disconnect_ex(session, 11, "", "")
    // Freeing waits for the other side's answers, unless nothing can come any more; and it must be
    // done with the socket before the number of that is somebody else's.
    shutdown(socket, CInt(SHUT_RDWR))
    libssh2_session_free(session)
    readiness.close()
    received.deallocate()
    scratch.deallocate()
    await tunnel?.close()
  }

  /// Calls `attempt` until it has a value, whenever there is a chance that it has; with `needsRoom` only when
  /// a small packet goes at once.
  ///
  /// - Throws: what `attempt` throws, `SSHError.timeout`, and `CancellationError`.
  func perform<Value>(
    _ step: String, until deadline: ContinuousClock.Instant, needsRoom: Bool = false,
    _ attempt: () throws(SSHError) -> Value?
  ) async throws -> Value {
    let start = ContinuousClock.now
    await packets.take()
    while true {
      let directions: Readiness.Directions
      var isMidPacket = false
      let seen = readiness.generation
      do {
        if let failure { throw failure }
        if needsRoom, !hasRoom {
          directions = .writing
        } else {
          let before = received.pointee
          let value = try attempt()
          if received.pointee != before { readiness.wakeAll() }
          if let value {
            packets.give()
            return value
          }
          directions = Readiness.Directions(
            rawValue: Int(libssh2_session_block_directions(session)))
          isMidPacket = directions.contains(.writing)
        }
        if Task.isCancelled { throw CancellationError() }
        if ContinuousClock.now >= deadline {
          throw SSHError.timeout(host: host, step: step, after: .now - start)
        }
      } catch {
        if !isFreed, libssh2_session_block_directions(session) & LIBSSH2_SESSION_BLOCK_OUTBOUND != 0
        {
          fail(.disconnected(host: host, reason: "a packet was cut off while \(step)"))
        }
        packets.give()
        throw error
      }
      // Only who is in the middle of a packet keeps the turn while it waits.
      if !isMidPacket { packets.give() }
      await readiness.wait(
        for: directions.isEmpty ? .reading : directions, until: deadline, unless: seen)
      if !isMidPacket { await packets.take() }
    }
  }

  /// Whether the socket takes a packet of some hundred bytes as a whole: the kernel calls it ready for writing
  /// only when a good part of its buffer is free.
  private var hasRoom: Bool {
    var asked = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
    return poll(&asked, 1, 0) == 1
  }

  /// Calls `call` until it returns something else than "again".
  ///
  /// - Throws: `SSHError` for a negative result; `CancellationError`.
  @discardableResult
  func step(
    _ name: String, until deadline: ContinuousClock.Instant, needsRoom: Bool = false,
    _ call: () -> CInt
  ) async throws -> CInt {
    try await perform(name, until: deadline, needsRoom: needsRoom) { () throws(SSHError) in
      let code = call()
      if code == LIBSSH2_ERROR_EAGAIN { return nil }
      guard code >= 0 else { throw error(code, name) }
      return code
    }
  }

  /// Calls `open` until it has opened something; to be called in a turn of `opening`. One that is cut
  /// off half way is finished by nobody: the session ends then. It goes on when the host refuses.
  ///
  /// - Throws: `SSHError`, and `CancellationError`.
  func opened(
    _ name: String, until deadline: ContinuousClock.Instant, _ open: () -> OpaquePointer?
  ) async throws -> Handle {
    do {
      return try await perform(name, until: deadline) { () throws(SSHError) in
        if let pointer = open() { return Handle(pointer: pointer) }
        let code = libssh2_session_last_errno(session)
        if code == LIBSSH2_ERROR_EAGAIN { return nil }
        throw error(code, name)
      }
    } catch SSHError.failed(let host, let step, let reason) {
      throw SSHError.failed(host: host, step: step, reason: reason)
    } catch {
      fail(.disconnected(host: host, reason: "cut off while \(name)"))
      throw error
    }
  }

  /// The session is of no more use: all who wait, and all who come, are told why.
  func fail(_ error: SSHError) {
    if failure == nil { failure = error }
    readiness.wakeAll()
  }

  /// What libssh2 means by `code`, and whether the connection survives it.
  func error(_ code: CInt, _ step: String) -> SSHError {
    var text: UnsafeMutablePointer<CChar>?
    _ = libssh2_session_last_error(session, &text, nil, 0)
    let reason = text.map { String(cString: $0) } ?? "error \(code)"
    switch code {
    case LIBSSH2_ERROR_SOCKET_DISCONNECT, LIBSSH2_ERROR_SOCKET_SEND, LIBSSH2_ERROR_SOCKET_RECV,
      LIBSSH2_ERROR_SOCKET_NONE, LIBSSH2_ERROR_BANNER_RECV, LIBSSH2_ERROR_BANNER_SEND,
      LIBSSH2_ERROR_DECRYPT, LIBSSH2_ERROR_INVALID_MAC, LIBSSH2_ERROR_BAD_SOCKET:
      let gone = SSHError.disconnected(host: host, reason: "\(step): \(reason)")
      fail(gone)
      return gone
    default: return .failed(host: host, step: step, reason: reason)
    }
  }
}

/// Something of libssh2: a channel, an open file. Sound to hand around: only methods of its session,
/// which run on the session's queue, look at what it points to.
struct Handle: @unchecked Sendable {
  let pointer: OpaquePointer
}

/// Makes the session on the queue on which it will live, since connecting blocks.
private actor Start {
  private let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  init(executor: QueueExecutor) { self.executor = executor }

  func session(
    to destination: Destination, until deadline: ContinuousClock.Instant
  ) throws(SSHError) -> SSHSession {
    try start(destination)
    let socket = try Connecting.socket(
      to: destination.host, port: destination.port, until: deadline)
    return try SSHSession(destination, socket: socket, tunnel: nil, executor: executor)
  }

  func session(
    to destination: Destination, through tunnel: Tunnel
  ) throws(SSHError) -> SSHSession {
    try start(destination)
    return try SSHSession(destination, socket: tunnel.socket, tunnel: tunnel, executor: executor)
  }

  private func start(_ destination: Destination) throws(SSHError) {
    guard libssh2_init(0) == 0 else {
      throw .failed(host: destination.name, step: "starting", reason: "libssh2 does not start")
    }
  }
}
