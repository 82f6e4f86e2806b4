// generate, convert, verify, and what check writes beside its verdict, from the outside.

import Foundation
import Testing

@Suite(.tags(.integration), .timeLimit(.minutes(2))) struct HistoryToolsIntegrationTests {
  static let models = [
    "register", "cas-register", "unknown-read-register", "multi-register", "kv", "counter", "mutex",
    "owned-mutex", "fenced-lock", "semaphore", "set", "queue", "stack", "priority-queue",
    "append-list",
  ]

  @Test("a generated history is valid, and its witness proves it", arguments: models)
  func witnesses(model: String) async throws {
    try await CommandLineFolder.with { folder in
      let history = "\(folder.path)/history.jsonl"
      let order = "\(folder.path)/order.jsonl"
      let made = try await folder.gauntlet(
        "generate", "--model", model, "--operations", "200", "--values", "0", "--info", "3",
        "--keys", "2", "--seed", "5", "--output", history)
      #expect(made.code == 0, "\(made.errors)")
      let checked = try await folder.gauntlet("check", history, "--witness", order)
      #expect(checked.code == 0, "\(checked.output)\(checked.errors)")
      let verified = try await folder.gauntlet("verify", history, order)
      #expect(verified.code == 0 && verified.output.contains("valid"), "\(verified.output)")
      // The first two of an order change places, the last is left out, one comes twice.
      let lines = try String(contentsOfFile: order, encoding: .utf8)
      let numbers = try #require(lines.firstMatch(of: /\[([0-9,]+)\]/)).1.split(separator: ",")
      let wrong: [[Substring]] = [
        Array(numbers.dropLast(40)), numbers + [numbers[0]], numbers.reversed(),
        numbers.dropLast() + ["999999"],
      ]
      for changed in wrong {
        let text = lines.replacing(
          numbers.joined(separator: ","), with: changed.joined(separator: ","))
        let refused = try await folder.gauntlet(
          "verify", history, try folder.file("wrong.jsonl", text), "--json")
        #expect(refused.code == 1, "\(refused.output)")
        let document = try refused.json()
        #expect(document["proves"] as? Bool == false && document["flaw"] is String)
      }
    }
  }

  @Test(
    "what generate breaks is invalid, and the same flags give the same bytes",
    arguments: [
      ("register", "stale-read"), ("cas-register", "lost-update"), ("queue", "duplicate"),
      ("stack", "swap"), ("set", "lost-element"), ("counter", "wrong-count"),
      ("fenced-lock", "two-owners"), ("append-list", "out-of-order"),
      ("multi-register", "torn-transaction"), ("kv", "lost-write"),
    ])
  func breaks(model: String, fault: String) async throws {
    try await CommandLineFolder.with { folder in
      let flags = [
        "generate", "--model", model, "--break", fault, "--operations", "300", "--values", "0",
        "--seed", "7",
      ]
      let first = try await folder.start(flags).finish()
      let second = try await folder.start(flags).finish()
      #expect(first.code == 0 && first.output == second.output, "\(first.errors)")
      let history = try folder.file("history.jsonl", first.output)
      let page = "\(folder.path)/page.html"
      let checked = try await folder.gauntlet("check", history, "--json", "--html", page)
      #expect(checked.code == 1, "\(checked.output)\(checked.errors)")
      #expect(try checked.json()["counterexample"] is [String: Any])
      let html = try String(contentsOfFile: page, encoding: .utf8)
      #expect(html.lowercased().hasPrefix("<!doctype html>") && html.hasSuffix("</html>\n"))
      #expect(!html.contains("src=\"http") && !html.contains("href=\"http"))
    }
  }

  @Test("other people's histories are found by their content, converted, and judged alike")
  func converts() async throws {
    let files = [
      (
        "jepsen-edn", "history.edn", 0,
        """
        {:type :invoke, :f :write, :value 1, :process 0, :time 1, :index 0}
        {:type :info, :f :start-partition, :value nil, :process :nemesis, :time 2, :index 1}
        {:type :ok, :f :write, :value 1, :process 0, :time 3, :index 2}
        {:type :invoke, :f :cas, :value [2 3], :process 1, :time 4, :index 3}
        {:type :fail, :f :cas, :value [2 3], :process 1, :time 5, :index 4}

        """
      ),
      (
        "jepsen-log", "etcd.log", 1,
        """
        INFO  jepsen.util - 0 :invoke :write 1
        INFO  jepsen.util - 0 :ok :write 1
        INFO  jepsen.util - 1 :invoke :cas [1 3]
        INFO  jepsen.util - 1 :fail :cas [1 3]

        """
      ),
      (
        "porcupine-kv", "c01-bad.txt", 1,
        """
        {:process 0, :type :invoke, :f :put, :key "x", :value "a"}
        {:process 0, :type :ok, :f :put, :key "x", :value "a"}
        {:process 1, :type :invoke, :f :get, :key "x", :value nil}
        {:process 1, :type :ok, :f :get, :key "x", :value ""}

        """
      ),
    ]
    try await CommandLineFolder.with { folder in
      for (format, name, code, text) in files {
        let file = try folder.file(name, text)
        let checked = try await folder.gauntlet("check", file, "--json")
        #expect(checked.code == code, "\(format): \(checked.output)\(checked.errors)")
        #expect(try checked.json()["format"] as? String == format)
        let ours = try await folder.gauntlet("convert", file)
        #expect(ours.code == 0, "\(ours.errors)")
        let again = try await folder.start(["check", "-"], input: ours.output).finish()
        #expect(again.code == code, "\(format): \(ours.output)\(again.output)\(again.errors)")
      }
      // What a failed compare-and-set says decides, and is said.
      let log = "\(folder.path)/etcd.log"
      let silent = try await folder.gauntlet("check", log, "--failed-cas", "silent")
      #expect(silent.code == 0 && silent.output.contains("--failed-cas silent"))
      let differs = try await folder.gauntlet("check", log)
      #expect(differs.output.contains("--failed-cas differs"))
    }
  }

  @Test("the sweep judges standard input as it comes, valid or not")
  func streams() async throws {
    try await CommandLineFolder.with { folder in
      for (fault, code) in [([], 0), (["--break", "stale-read"], 1)] as [([String], Int32)] {
        let made = try await folder.start(["generate", "--operations", "250"] + fault).finish()
        let judged = try await folder.start(
          ["check", "--engine", "sweep", "--model", "register", "--json", "-"], input: made.output
        ).finish()
        #expect(judged.code == code, "\(judged.output)\(judged.errors)")
        #expect(try judged.json()["valid"] as? Bool == (code == 0))
      }
    }
  }

  /// Forty writes, forty compare-and-sets and forty failed ones, all open at once, and reads in
  /// between that leave all of them needed.
  private static let hard: String = {
    let width = 40
    var events: [(Int, String, String, String)] = []
    for number in 0..<width { events.append((number, "invoke", "write", "\(number)")) }
    for (first, factor, shift) in [(100, 7, 1), (200, 3, 2)] {
      for number in 0..<width {
        let other = (number * factor + shift) % width
        events.append((first + number, "invoke", "cas", "[\(number),\(other)]"))
      }
    }
    for value in [5, 6, 7, 5, 6, 7, 5, 5, 6] {
      events += [(300, "invoke", "read", "null"), (300, "ok", "read", "\(value)")]
    }
    for (process, _, function, value) in events.prefix(3 * width) {
      events.append((process, process < 200 ? "ok" : "fail", function, value))
    }
    return events.enumerated().map { index, event in
      "{\"index\":\(index),\"time\":\(index),\"process\":\(event.0),\"type\":\"\(event.1)\","
        + "\"f\":\"\(event.2)\",\"value\":\(event.3)}\n"
    }.joined()
  }()

  @Test("limits and Ctrl-C end with unknown, how far it came, and exit code 2")
  func limits() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file("hard.jsonl", Self.hard)
      for (flags, says) in [
        (["--time-limit", "300ms"], "time"), (["--memory-limit", "64"], "memory"),
      ] {
        let ended = try await folder.start(
          ["check", file, "--failed-cas", "differs", "--json"] + flags
        ).finish()
        #expect(ended.code == 2, "\(ended.output)\(ended.errors)")
        let result = try ended.json()
        #expect(result["valid"] as? String == "unknown")
        #expect((result["limit"] as? String ?? "").contains(says), "\(result)")
      }
      let running = try folder.start(["check", file, "--failed-cas", "differs"])
      #expect(try await eventually { try running.handles(SIGINT) })
      try await Task.sleep(for: .seconds(1))
      kill(running.process.processIdentifier, SIGINT)
      let ended = try await running.finish()
      #expect(ended.code == 2 && ended.output.contains("unknown"), "\(ended.output)")
    }
  }

  @Test("wrong flags, values and files are one line with a remedy")
  func badInput() async throws {
    try await CommandLineFolder.with { folder in
      let valid = try await folder.gauntlet("generate", "--operations", "20")
      let history = try folder.file("h.jsonl", valid.output)
      let other = try folder.file("o.jsonl", "{\"order\":[0,}\n")
      let cases: [(Int32, String, [String])] = [
        (64, "--model lock is none of", ["check", "--model", "lock", history]),
        (64, "--initial", ["check", "--initial", "[1,", history]),
        (64, "--memory-limit", ["check", "--memory-limit", "0", history]),
        (65, "o.jsonl:1: not an order", ["verify", history, other]),
        (65, "none.jsonl", ["verify", history, "none.jsonl"]),
        (65, "none.edn", ["convert", "none.edn"]),
        (65, "cannot be made", ["convert", history, "--output", "/nowhere/at/all"]),
        (65, "operation", ["check", "--model", "queue", history]),
        (64, "stale-write", ["generate", "--break", "stale-write"]),
        (64, "swap", ["generate", "--break", "swap"]),
        (64, "operations cannot be -1", ["generate", "--operations=-1"]),
      ]
      for (code, says, arguments) in cases {
        let ended = try await folder.start(arguments).finish()
        #expect(ended.code == code, "\(arguments): \(ended.errors)")
        #expect(ended.errors.contains(says), "\(arguments): \(ended.errors)")
      }
      for verb in ["verify", "convert", "generate"] {
        let help = try await folder.start([verb, "--help"]).finish()
        #expect(help.code == 0 && help.output.contains("EXAMPLE"))
      }
    }
  }
}
