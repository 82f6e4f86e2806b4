// Files over a real sshd.

import Foundation
import SSH
import Synchronization
import Testing

@Suite(.tags(.integration), .timeLimit(.minutes(2))) struct FileTransferIntegrationTests {
  private func file(_ daemon: SSHDaemon, _ name: String, size: Int) throws -> (String, Data) {
    var seed: UInt64 = 88_172_645_463_325_252
    var bytes = Data(capacity: size)
    for _ in 0..<size / 8 {
      seed ^= seed << 13
      seed ^= seed >> 7
      seed ^= seed << 17
      withUnsafeBytes(of: seed) { bytes.append(contentsOf: $0) }
    }
    let path = "\(daemon.folder)/\(name)"
    try bytes.write(to: URL(filePath: path))
    return (path, bytes)
  }

  @Test("a file arrives whole, with its permissions, whatever its name, and comes back the same")
  func roundTrip() async throws {
    let daemon = try await SSHDaemon()
    let (path, bytes) = try file(daemon, "source", size: 8 << 20)
    try await SSHSession.with(daemon.destination) { session in
      for name in ["plain", "a b'c\"$(id)\n", "-n"] {
        let remote = "\(daemon.folder)/\(name)"
        let last = Mutex<TransferProgress?>(nil)
        try await session.upload(path, to: remote, mode: 0o751, within: .seconds(60)) { now in
          last.withLock { $0 = now }
        }
        #expect(last.withLock { $0?.done } == 8 << 20 && last.withLock { $0?.total } == 8 << 20)
        #expect(try Data(contentsOf: URL(filePath: remote)) == bytes)
        let mode = try FileManager.default.attributesOfItem(atPath: remote)[.posixPermissions]
        #expect(mode as? Int == 0o751)
        let back = "\(daemon.folder)/back"
        try await session.download(remote, to: back, within: .seconds(60))
        #expect(try Data(contentsOf: URL(filePath: back)) == bytes)
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: daemon.folder)
      #expect(!names.contains { $0.hasSuffix(".part") })
    }
  }

  @Test("an upload that was cut off is gone on from; a part that is something else is not")
  func resumes() async throws {
    let daemon = try await SSHDaemon()
    let (path, bytes) = try file(daemon, "source", size: 8 << 20)
    let remote = "\(daemon.folder)/remote"
    try await SSHSession.with(daemon.destination) { session in
      for isSame in [true, false] {
        let part = isSame ? bytes[..<(5 << 20)] : Data(repeating: 1, count: 5 << 20)
        try part.write(to: URL(filePath: remote + ".part"))
        let first = Mutex<TransferProgress?>(nil)
        try await session.upload(path, to: remote, within: .seconds(60)) { now in
          first.withLock { if $0 == nil { $0 = now } }
        }
        #expect(first.withLock { $0?.done } == 6 << 20)
        #expect(try Data(contentsOf: URL(filePath: remote)) == bytes)
      }
    }
  }

  @Test("a place that takes no files is named, and so is a full disk; the session goes on")
  func refused() async throws {
    let daemon = try await SSHDaemon()
    let (path, _) = try file(daemon, "source", size: 1 << 20)
    try await SSHSession.with(daemon.destination) { session in
      for remote in ["\(daemon.folder)/no/such", "/proc/nothing", "/dev/full/x"] {
        await #expect {
          try await session.upload(path, to: remote, within: .seconds(10))
        } throws: { error in
          "\(error)".contains(remote)
        }
      }
      await #expect(throws: SSHError.self) {
        try await session.download("/nowhere", to: "\(daemon.folder)/x", within: .seconds(10))
      }
      let result = try await session.run(["true"], within: .seconds(10))
      #expect(result.status.isSuccess)
    }
  }
}
