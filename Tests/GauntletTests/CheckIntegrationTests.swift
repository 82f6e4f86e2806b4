// gauntlet check and bad input, from the outside: verdicts, lines and exit codes.

import Foundation
import Testing

@Suite(.tags(.integration), .timeLimit(.minutes(2))) struct CheckIntegrationTests {
  private func event(_ index: Int, _ process: Int, _ type: String, _ f: String, _ value: String)
    -> String
  {
    "{\"index\":\(index),\"time\":\(index),\"process\":\(process),\"type\":\"\(type)\",\"f\":\"\(f)\",\"value\":\(value)}\n"
  }

  private var valid: String {
    event(0, 0, "invoke", "write", "1") + event(1, 1, "invoke", "read", "null")
      + event(2, 1, "ok", "read", "1") + event(3, 0, "ok", "write", "1")
  }

  private var stale: String {
    event(0, 0, "invoke", "write", "1") + event(1, 0, "ok", "write", "1")
      + event(2, 1, "invoke", "read", "null") + event(3, 1, "ok", "read", "null")
  }

  @Test("a valid history exits with 0, an invalid one with 1 and says why")
  func verdicts() async throws {
    try await CommandLineFolder.with { folder in
      let good = try folder.file("good.jsonl", valid)
      let bad = try folder.file("bad.jsonl", stale)
      let first = try await folder.gauntlet("check", good)
      #expect(first.code == 0 && first.output.contains("valid"))
      let piped = try await folder.start(["check", "-"], input: stale).finish()
      #expect(piped.code == 1 && piped.output.hasPrefix("standard input: invalid"))
      let second = try await folder.gauntlet("check", bad, "--json")
      #expect(second.code == 1)
      let result = try second.json()
      #expect(result["valid"] as? Bool == false && result["model"] as? String == "register")
      for key in ["file", "engine", "operations", "keys", "seconds", "peakMemoryBytes"] {
        #expect(result[key] != nil, "\(key)")
      }
      #expect(result["counterexample"] is [String: Any])
      #expect(try await folder.gauntlet("check", good, bad).code == 1)
      #expect(try await folder.gauntlet("check", bad, "--initial", "1").code == 1)
      let other = try folder.file(
        "other.jsonl", stale.replacing("\"value\":1", with: "\"value\":2"))
      #expect(try await folder.gauntlet("check", other).code == 1)
    }
  }

  @Test("a counterexample is itself a history that is found invalid")
  func counterexamples() async throws {
    try await CommandLineFolder.with { folder in
      let lines = [
        event(0, 0, "invoke", "write", "1"), event(1, 1, "invoke", "write", "2"),
        event(2, 0, "ok", "write", "1"), event(3, 1, "ok", "write", "2"),
        event(4, 0, "invoke", "cas", "[2,3]"), event(5, 0, "ok", "cas", "[2,3]"),
        event(6, 2, "invoke", "read", "null"), event(7, 2, "ok", "read", "2"),
      ]
      let file = try folder.file("bad.jsonl", lines.joined())
      let result = try await folder.gauntlet("check", file, "--json").json()
      let counterexample = try #require(result["counterexample"] as? [String: Any])
      let history = try #require(counterexample["history"] as? [[String: Any]])
      let text = try history.map { line in
        String(decoding: try JSONSerialization.data(withJSONObject: line), as: UTF8.self) + "\n"
      }
      let again = try await folder.gauntlet("check", try folder.file("core.jsonl", text.joined()))
      #expect(again.code == 1, "\(text) \(again.errors)")
      #expect(text.count - 1 <= lines.count)
    }
  }

  /// `Histories/README.md` has a row a file: its model and its verdict.
  @Test("the table of histories is true")
  func histories() async throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Histories")
    let rows = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
      .split(separator: "\n").filter { $0.contains(".jsonl |") || $0.contains(".gz |") }
      .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
    let files = try FileManager.default.contentsOfDirectory(atPath: root.path)
      .filter { $0.hasSuffix(".jsonl") || $0.hasSuffix(".gz") }
    #expect(Set(rows.map { $0[0] }) == Set(files))
    try await CommandLineFolder.with { folder in
      for row in rows {
        let path = root.appending(path: row[0]).path
        let result = try await folder.gauntlet("check", path, "--json").json()
        #expect(result["model"] as? String == row[1])
        #expect(result["valid"] as? Bool == (row[2] == "valid"), "\(row[0])")
      }
    }
  }

  @Test("bad input is one line with place and remedy, and exits with 64 or 65")
  func badInput() async throws {
    try await CommandLineFolder.with { folder in
      let cases: [(code: Int32, says: String, arguments: [String])] = [
        (
          65, "w.yaml:2: unknown key clint",
          ["run", try folder.file("w.yaml", "nodes: 3\nclint: 4\n")]
        ),
        (65, "r.yaml:1: rate", ["run", try folder.file("r.yaml", "rate: -5\n")]),
        (64, "--rate is above zero", ["run", "w.yaml", "--rate=-5"]),
        (65, "nowhere.yaml: cannot be read", ["run", "nowhere.yaml"]),
        (65, "cut.jsonl:1:", ["check", try folder.file("cut.jsonl", String(valid.prefix(40)))]),
        (
          65, "start.jsonl:1: process 1 completes",
          ["check", try folder.file("start.jsonl", String(valid.split(separator: "\n")[2] + "\n"))]
        ),
        (
          65, "hole.jsonl:2: index 2 where 1 was due",
          [
            "check",
            try folder.file(
              "hole.jsonl",
              valid.split(separator: "\n").enumerated().filter { $0.offset != 1 }.map {
                $0.element + "\n"
              }.joined()),
          ]
        ),
        (65, "rubbish: not a text file", ["check", try folder.file("rubbish", "\u{0}\u{1}\u{2}")]),
        (
          65, "two.jsonl:2: process 0 invokes while",
          [
            "check",
            try folder.file(
              "two.jsonl", event(0, 0, "invoke", "write", "1") + event(1, 0, "invoke", "write", "2")
            ),
          ]
        ),
        (65, "none.jsonl: no such file", ["check", "none.jsonl"]),
        (64, "Unexpected argument", ["frobnicate"]),
      ]
      for (code, says, arguments) in cases {
        let result = try await folder.start(arguments).finish()
        #expect(result.code == code, "\(arguments): \(result.errors)")
        #expect(result.errors.contains(says), "\(arguments): \(result.errors)")
        if code == 65 {
          #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
        }
      }
    }
  }

  @Test("every command has help with an example, and there is a version")
  func help() async throws {
    try await CommandLineFolder.with { folder in
      for verb in [["--help"], ["run", "--help"], ["check", "--help"]] {
        let help = try await folder.start(verb).finish()
        #expect(help.code == 0 && help.output.contains("EXAMPLES"))
      }
      #expect(try await folder.gauntlet("--version").output == "0.1.0\n")
    }
  }
}
