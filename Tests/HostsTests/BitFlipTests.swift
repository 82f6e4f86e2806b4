// A bit that is turned round, and back.

import Foundation
import Hosts
import Testing

@Suite("bit flips") struct BitFlipTests {
  private let folder = "/tmp/bit-flip-test-\(UUID().uuidString)"

  private func with(_ files: [String: [UInt8]], _ body: () throws -> Void) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, bytes) in files {
      try Data(bytes).write(to: URL(filePath: "\(folder)/\(name)"))
    }
    try body()
  }

  private func bytes(_ name: String) -> [UInt8] {
    Array(FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data())
  }

  @Test("one bit of the newest file changes, before its tail, and changes back", arguments: 1...20)
  func turns(seed: UInt64) throws {
    let old = [UInt8](repeating: 7, count: 500)
    let new = [UInt8](repeating: 9, count: 200) + [UInt8](repeating: 0, count: 1000)
    try with(["1.log": old, "2.log": new, "note": [1]]) {
      let flip = try #require(
        try BitFlip.turn(in: folder, nameEnding: ".log", sparing: 50, seed: seed, host: "here"))
      #expect(bytes("1.log") == old)
      let changed = bytes("2.log")
      let places = new.indices.filter { new[$0] != changed[$0] }
      #expect(places == [Int(flip.offset)] && flip.offset < 150)
      #expect((new[places[0]] ^ changed[places[0]]).nonzeroBitCount == 1)
      #expect(try flip.turnBack(host: "here"))
      #expect(bytes("2.log") == new)
      #expect(try !flip.turnBack(host: "here"), "it is turned back once")
    }
  }

  @Test("another file under the same name is left alone; where nothing is, nothing is turned")
  func others() throws {
    let bytes = [UInt8](repeating: 3, count: 100)
    try with(["snapshot": bytes, "short": [1, 2]]) {
      let flip = try #require(
        try BitFlip.turn(in: folder, nameEnding: "snapshot", sparing: 0, seed: 1, host: "here"))
      var other = bytes
      other[Int(flip.offset)] = flip.after
      try Data(other).write(to: URL(filePath: "\(folder)/part"))
      try FileManager.default.removeItem(atPath: "\(folder)/snapshot")
      try FileManager.default.moveItem(atPath: "\(folder)/part", toPath: "\(folder)/snapshot")
      #expect(try !flip.turnBack(host: "here"))
      #expect(self.bytes("snapshot") == other)
      for (end, tail) in [("short", Int64(0)), ("snapshot", 95), ("none", 0)] {
        #expect(
          try BitFlip.turn(in: folder, nameEnding: end, sparing: tail, seed: 1, host: "here") == nil
        )
      }
    }
  }

  @Test("the end of the newest file is cut off, and the zeros behind it", arguments: 1...20)
  func cuts(seed: UInt64) throws {
    let old = [UInt8](repeating: 7, count: 500)
    let new = [UInt8](repeating: 9, count: 9000) + [UInt8](repeating: 0, count: 1000)
    try with(["1.log": old, "2.log": new]) {
      let cut = try #require(
        try FileCut.cut(in: folder, nameEnding: ".log", seed: seed, host: "here"))
      #expect(cut.before == 9000 && (9000 - 4096..<9000).contains(cut.after))
      #expect(bytes("1.log") == old)
      #expect(bytes("2.log") == Array(new.prefix(Int(cut.after))))
      #expect(
        try FileCut.cut(in: folder, nameEnding: ".none", seed: seed, host: "here") == nil)
    }
  }
}
