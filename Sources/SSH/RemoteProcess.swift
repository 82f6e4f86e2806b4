// Commands on a host: a channel each.

import CLibSSH2

/// A command that runs on a host, and the three streams to it.
public struct RemoteProcess: Sendable {
  /// What came from it.
  public enum Output: Sendable, Equatable {
    case output([UInt8])
    case errors([UInt8])
    /// Nothing more comes.
    case end
  }

  fileprivate let session: SSHSession
  fileprivate let channel: Handle

  /// Sends all of `bytes` to its standard input.
  ///
  /// - Throws: `SSHError`, and `CancellationError`.
  public func write(_ bytes: [UInt8], within time: Duration = .seconds(60)) async throws {
    try await session.write(bytes, to: channel, until: .now + time)
  }

  /// Ends its standard input.
  public func endInput(within time: Duration = .seconds(60)) async throws {
    try await session.endInput(of: channel, until: .now + time)
  }

  /// Waits for what it writes next: 64 KiB at most.
  public func read(within time: Duration = .seconds(60)) async throws -> Output {
    try await session.read(from: channel, until: .now + time)
  }
}

/// What a command left.
public struct RemoteResult: Sendable, Equatable {
  /// How it ended.
  public var status: RemoteStatus
  /// Its standard output.
  public var output: [UInt8]
  /// Its standard error.
  public var errors: [UInt8]
}

extension SSHSession {
  /// Runs a short command to its end.
  ///
  /// - Parameter limit: so many bytes of each stream are kept; what is beyond ends the command.
  /// - Throws: `SSHError`, `.timeout` among them, and `CancellationError`. An exit code other than 0
  ///   is a result.
  public nonisolated(nonsending) func run(
    _ words: [String], input: [UInt8] = [], limit: Int = 16 << 20, within time: Duration
  ) async throws -> RemoteResult {
    let deadline = ContinuousClock.now + time
    let (streams, status) = try await withProcess(words, within: time) { process in
      // A command that writes before it reads must not wait for us, who write before we read.
      async let sending: Void = {
        if !input.isEmpty { try await process.write(input, within: deadline - .now) }
        try await process.endInput(within: deadline - .now)
      }()
      var (output, errors): ([UInt8], [UInt8]) = ([], [])
      reading: while true {
        switch try await process.read(within: deadline - .now) {
        case .output(let bytes): output += bytes
        case .errors(let bytes): errors += bytes
        case .end: break reading
        }
        guard max(output.count, errors.count) <= limit else {
          throw SSHError.failed(
            host: destination.name, step: "`\(words.joined(separator: " "))`",
            reason: "wrote more than \(limit) bytes")
        }
      }
      // Who ends without reading its input is nobody's fault.
      _ = try? await sending
      return (output, errors)
    }
    return RemoteResult(status: status, output: streams.0, errors: streams.1)
  }

  /// Runs a short command that must succeed; returns its standard output.
  ///
  /// - Throws: `SSHError.exit` when it does not; `SSHError`, and `CancellationError`.
  @discardableResult
  package nonisolated(nonsending) func demand(
    _ words: [String], within time: Duration
  ) async throws -> [UInt8] {
    let result = try await run(words, within: time)
    guard result.status.isSuccess else {
      throw SSHError.exit(
        host: destination.name, command: words.joined(separator: " "), status: result.status,
        errors: String(decoding: result.errors, as: UTF8.self))
    }
    return result.output
  }

  /// Runs a command for as long as `body` does. What of it still runs then is the host's to end: SSH
  /// has no way to be sure.
  ///
  /// - Returns: what `body` returned, and how the command ended.
  /// - Throws: what `body` throws, `SSHError`, and `CancellationError`.
  public nonisolated(nonsending) func withProcess<Value: Sendable>(
    _ words: [String], within time: Duration,
    _ body: nonisolated(nonsending) (RemoteProcess) async throws -> Value
  ) async throws -> (Value, RemoteStatus) {
    let deadline = ContinuousClock.now + time
    guard let line = ShellWords.line(words) else {
      throw SSHError.failed(
        host: destination.name, step: "running a command", reason: "a word has a NUL in it")
    }
    await channels.take()
    defer { channels.give() }
    let channel = try await start(line, until: deadline)
    do {
      let value = try await body(RemoteProcess(session: self, channel: channel))
      return (value, try await finish(channel, until: deadline))
    } catch {
      await abandon(channel)
      throw error
    }
  }

  private func start(
    _ line: String, until deadline: ContinuousClock.Instant
  ) async throws -> Handle {
    await opening.take()
    defer { opening.give() }
    let channel = try await opened("opening a channel", until: deadline) {
      libssh2_channel_open_ex(session, "session", 7, 2 << 20, 32768, nil, 0)
    }
    do {
      try await step("starting a command", until: deadline) {
        libssh2_channel_process_startup(channel.pointer, "exec", 4, line, UInt32(line.utf8.count))
      }
      return channel
    } catch {
      await abandon(channel)
      throw error
    }
  }

  func write(
    _ bytes: [UInt8], to channel: Handle, until deadline: ContinuousClock.Instant
  ) async throws {
    var done = 0
    while done < bytes.count {
      done += try await perform("writing", until: deadline) { () throws(SSHError) in
        let count = bytes.withUnsafeBytes { bytes in
          libssh2_channel_write_ex(
            channel.pointer, 0,
            bytes.baseAddress!.advanced(by: done).assumingMemoryBound(to: CChar.self),
            min(bytes.count - done, 1 << 16))
        }
        // Nothing went: the other side takes no more at the moment.
        if count == 0 || count == Int(LIBSSH2_ERROR_EAGAIN) { return nil }
        guard count > 0 else { throw error(CInt(count), "writing") }
        return count
      }
    }
  }

  fileprivate func endInput(
    of channel: Handle, until deadline: ContinuousClock.Instant
  ) async throws {
    // libssh2 takes the end of a stream that was half sent for another packet when it is called again.
    try await step("ending the input", until: deadline, needsRoom: true) {
      libssh2_channel_send_eof(channel.pointer)
    }
  }

  func read(
    from channel: Handle, until deadline: ContinuousClock.Instant
  ) async throws -> RemoteProcess.Output {
    try await perform("reading", until: deadline) { () throws(SSHError) in
      for stream in [CInt(0), SSH_EXTENDED_DATA_STDERR] {
        let count = scratch.withMemoryRebound(to: CChar.self) {
          libssh2_channel_read_ex(channel.pointer, stream, $0.baseAddress, $0.count)
        }
        if count > 0 {
          let bytes = Array(scratch[..<count])
          return stream == 0 ? .output(bytes) : .errors(bytes)
        }
        guard count == 0 || count == Int(LIBSSH2_ERROR_EAGAIN) else {
          throw error(CInt(count), "reading")
        }
      }
      return libssh2_channel_eof(channel.pointer) == 1 ? .end : nil
    }
  }

  private func finish(
    _ channel: Handle, until deadline: ContinuousClock.Instant
  ) async throws -> RemoteStatus {
    // Which sends the end of the input first, where that has not ended.
    try await step("closing a channel", until: deadline, needsRoom: true) {
      libssh2_channel_close(channel.pointer)
    }
    // libssh2 takes whatever comes next for the other side's answer, another channel's data too, and how
    // the command ended may come after that. Of one that was not read to its end it is not known.
    try await step("closing a channel", until: deadline) {
      let code = libssh2_channel_wait_closed(channel.pointer)
      return code == LIBSSH2_ERROR_INVAL ? 0 : code
    }
    var name: UnsafeMutablePointer<CChar>?
    var length = 0
    libssh2_channel_get_exit_signal(channel.pointer, &name, &length, nil, nil, nil, nil)
    defer { if let name { libssh2_free(session, name) } }
    let status =
      name.map { RemoteStatus.signalled(String(cString: $0)) }
      ?? .exited(libssh2_channel_get_exit_status(channel.pointer))
    try await step("closing a channel", until: deadline) {
      libssh2_channel_free(channel.pointer)
    }
    return status
  }

  /// Frees a channel of which nothing is wanted any more; what cannot be freed now goes with the
  /// session.
  func abandon(_ channel: Handle) async {
    do {
      try await step("closing a channel", until: .now + .seconds(1), needsRoom: true) {
        libssh2_channel_free(channel.pointer)
      }
    } catch {}
  }
}
