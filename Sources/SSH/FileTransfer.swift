// Files to and from a host: by SFTP, whole or not at all.

import CLibSSH2
import Checksum
import Foundation
import Glibc

/// How far a transfer is, in bytes.
public struct TransferProgress: Sendable, Equatable {
  /// What is over.
  public var done: UInt64
  /// What it is in all.
  public var total: UInt64
}

extension SSHSession {
  /// The name under which a file lies until it is whole.
  private static let partEnd = ".part"
  /// So much is handed to libssh2 at a time, which sends on before the first part is acknowledged.
  private static let piece = 1 << 20

  /// Puts the local file `path` at `remote`. What an earlier attempt left there is gone on from; what
  /// stands there in the end has the same SHA-256, or nothing stands there.
  ///
  /// - Parameter mode: its permissions.
  /// - Throws: `SSHError`, and `CancellationError`.
  public func upload(
    _ path: String, to remote: String, mode: Int = 0o644, within time: Duration,
    progress: @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws {
    let deadline = ContinuousClock.now + time
    let bytes: Data
    do {
      bytes = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
    } catch {
      throw SSHError.failed(
        host: host, step: "reading \(path)", reason: "\(error.localizedDescription)")
    }
    let sum = sha256(of: bytes)
    let part = remote + Self.partEnd
    for mayResume in [true, false] {
      try await withSFTP(until: deadline) { sftp in
        let there = mayResume ? try await size(of: part, sftp, until: deadline) : 0
        let start = there <= UInt64(bytes.count) ? there : 0
        let flags = LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | (start == 0 ? LIBSSH2_FXF_TRUNC : 0)
        let file = try await open(part, sftp, flags: flags, mode: mode, until: deadline)
        libssh2_sftp_seek64(file.pointer, start)
        var done = Int(start)
        while done < bytes.count {
          let piece = [UInt8](bytes[done..<min(done + Self.piece, bytes.count)])
          var sent = 0
          while sent < piece.count {
            sent += try await write(piece, from: sent, to: file, sftp, named: part, until: deadline)
          }
          done += piece.count
          progress(TransferProgress(done: UInt64(done), total: UInt64(bytes.count)))
        }
        try await step("closing \(part)", until: deadline) {
          libssh2_sftp_close_handle(file.pointer)
        }
      }
      if try await checksum(of: part, until: deadline) == sum {
        let words = ["mv", "-f", "--", part, remote]
        try await demand(words, within: deadline - .now)
        return
      }
    }
    throw SSHError.failed(
      host: host, step: "uploading \(remote)",
      reason: "what arrived has another checksum; is its disk sound?")
  }

  /// Gets `remote` into the local file `path`. What an earlier attempt left there is gone on from.
  ///
  /// - Throws: `SSHError`, and `CancellationError`.
  public func download(
    _ remote: String, to path: String, within time: Duration,
    progress: @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws {
    let deadline = ContinuousClock.now + time
    let part = path + Self.partEnd
    let sum = try await checksum(of: remote, until: deadline)
    for mayResume in [true, false] {
      let descriptor = Glibc.open(
        part, O_RDWR | O_CREAT | O_CLOEXEC | (mayResume ? 0 : O_TRUNC), 0o644)
      guard descriptor >= 0 else {
        throw SSHError.failed(
          host: host, step: "writing \(part)", reason: String(cString: strerror(errno)))
      }
      let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
      try await withSFTP(until: deadline) { sftp in
        let total = try await size(of: remote, sftp, until: deadline)
        var done = try handle.seekToEnd()
        if done > total {
          try handle.truncate(atOffset: 0)
          done = 0
        }
        let file = try await open(
          remote, sftp, flags: LIBSSH2_FXF_READ, mode: 0, until: deadline)
        libssh2_sftp_seek64(file.pointer, done)
        while let bytes = try await read(file, sftp, named: remote, until: deadline) {
          try handle.write(contentsOf: bytes)
          done += UInt64(bytes.count)
          progress(TransferProgress(done: done, total: max(done, total)))
        }
        try await step("closing \(remote)", until: deadline) {
          libssh2_sftp_close_handle(file.pointer)
        }
      }
      let got = try Data(contentsOf: URL(filePath: part), options: .mappedIfSafe)
      if sha256(of: got) == sum {
        guard rename(part, path) == 0 else {
          throw SSHError.failed(
            host: host, step: "writing \(path)", reason: String(cString: strerror(errno)))
        }
        return
      }
    }
    throw SSHError.failed(
      host: host, step: "downloading \(remote)",
      reason: "what arrived has another checksum; is it being written to?")
  }

  /// The SHA-256 of a file on the host, as hexadecimal digits.
  ///
  /// - Throws: `SSHError`, and `CancellationError`.
  public func checksum(of remote: String, within time: Duration) async throws -> String {
    try await checksum(of: remote, until: .now + time)
  }

  private func checksum(of remote: String, until deadline: ContinuousClock.Instant) async throws
    -> String
  {
    // Where it has to escape the name it begins with a backslash.
    let result = try await demand(["sha256sum", "-b", "--", remote], within: deadline - .now)
    let digits = result.drop { $0 == UInt8(ascii: "\\") }.prefix(64)
    return String(decoding: digits, as: UTF8.self)
  }
}

// The steps of SFTP. An open file goes with its channel when it is not closed.
extension SSHSession {
  private func withSFTP(
    until deadline: ContinuousClock.Instant, _ body: (Handle) async throws -> Void
  ) async throws {
    await channels.take()
    defer { channels.give() }
    let sftp = try await startSFTP(until: deadline)
    do {
      try await body(sftp)
      // Which ends the channel's input, too.
      try await step("ending SFTP", until: deadline, needsRoom: true) {
        libssh2_sftp_shutdown(sftp.pointer)
      }
    } catch {
      // What cannot be ended now goes with the session.
      _ = try? await step("ending SFTP", until: .now + .seconds(1), needsRoom: true) {
        libssh2_sftp_shutdown(sftp.pointer)
      }
      throw error
    }
  }

  private func startSFTP(until deadline: ContinuousClock.Instant) async throws -> Handle {
    await opening.take()
    defer { opening.give() }
    return try await opened("starting SFTP", until: deadline) { libssh2_sftp_init(session) }
  }

  /// The size of a file; 0 where there is none.
  private func size(
    of remote: String, _ sftp: Handle, until deadline: ContinuousClock.Instant
  ) async throws -> UInt64 {
    try await perform("looking at \(remote)", until: deadline) { () throws(SSHError) in
      var attributes = LIBSSH2_SFTP_ATTRIBUTES()
      let code = libssh2_sftp_stat_ex(
        sftp.pointer, remote, UInt32(remote.utf8.count), LIBSSH2_SFTP_STAT, &attributes)
      if code == LIBSSH2_ERROR_EAGAIN { return nil }
      if code == LIBSSH2_ERROR_SFTP_PROTOCOL, libssh2_sftp_last_error(sftp.pointer) == 2 {
        return 0
      }
      guard code == 0 else { throw refusal(code, sftp, "looking at \(remote)") }
      return attributes.filesize
    }
  }

  private func open(
    _ remote: String, _ sftp: Handle, flags: CInt, mode: Int,
    until deadline: ContinuousClock.Instant
  ) async throws -> Handle {
    try await perform("opening \(remote)", until: deadline) { () throws(SSHError) in
      if let file = libssh2_sftp_open_ex(
        sftp.pointer, remote, UInt32(remote.utf8.count), UInt(flags), mode, LIBSSH2_SFTP_OPENFILE)
      {
        return Handle(pointer: file)
      }
      let code = libssh2_session_last_errno(session)
      if code == LIBSSH2_ERROR_EAGAIN { return nil }
      throw refusal(code, sftp, "opening \(remote)")
    }
  }

  /// Writes some of `bytes` from `start` on; returns how many.
  private func write(
    _ bytes: [UInt8], from start: Int, to file: Handle, _ sftp: Handle,
    named remote: String, until deadline: ContinuousClock.Instant
  ) async throws -> Int {
    try await perform("writing \(remote)", until: deadline) { () throws(SSHError) in
      let count = bytes.withUnsafeBytes { bytes in
        libssh2_sftp_write(
          file.pointer, bytes.baseAddress!.advanced(by: start).assumingMemoryBound(to: CChar.self),
          bytes.count - start)
      }
      if count == Int(LIBSSH2_ERROR_EAGAIN) { return nil }
      guard count >= 0 else { throw refusal(CInt(count), sftp, "writing \(remote)") }
      return count
    }
  }

  /// What comes next of a file; nil at its end.
  private func read(
    _ file: Handle, _ sftp: Handle, named remote: String,
    until deadline: ContinuousClock.Instant
  ) async throws -> [UInt8]? {
    let bytes: [UInt8] = try await perform("reading \(remote)", until: deadline) {
      () throws(SSHError) in
      let count = scratch.withMemoryRebound(to: CChar.self) {
        libssh2_sftp_read(file.pointer, $0.baseAddress, $0.count)
      }
      if count == Int(LIBSSH2_ERROR_EAGAIN) { return nil }
      guard count >= 0 else { throw refusal(CInt(count), sftp, "reading \(remote)") }
      return Array(scratch[..<count])
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// What the host's file system says.
  private func refusal(_ code: CInt, _ sftp: Handle, _ step: String) -> SSHError {
    guard code == LIBSSH2_ERROR_SFTP_PROTOCOL else { return error(code, step) }
    let reason =
      switch libssh2_sftp_last_error(sftp.pointer) {
      case 2: "no such file or directory"
      case 3: "permission denied"
      case 4: "the host could not; is its disk full?"
      case 14: "no space left"
      case 15: "quota exceeded"
      case let status: "SFTP status \(status)"
      }
    return .failed(host: host, step: step, reason: reason)
  }
}
