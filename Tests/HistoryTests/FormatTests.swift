// Other tools' formats: what is understood, what is noted, and what is refused.

import Support
import Testing

@testable import History

@Suite struct FormatTests {
  private func read(_ text: String, _ options: ReadingOptions = ReadingOptions()) throws -> History
  {
    try History(bytes: text.utf8, name: "h", options: options)
  }

  private func refusal(_ text: String, _ options: ReadingOptions = ReadingOptions()) -> String {
    do {
      _ = try History(bytes: text.utf8, name: "h", options: options)
      return "accepted"
    } catch {
      return "\(error)"
    }
  }

  @Test(
    "one history in every format is the same operations, found from the content alone",
    arguments: Seed.some(300))
  func sameInAll(seed: Seed) throws {
    var random = SplitMix64(seed)
    let keyed = Bool.random(using: &random)
    let record = RandomRecord(40, keyed: keyed, using: &random)
    let native = try read(record.text(.jsonl), ReadingOptions(failedCAS: .silent))
    for format in HistoryFormat.allCases where keyed || format != .porcupineKV {
      // Values of the log and of EDN are told to be pairs, when they are.
      let options = ReadingOptions(failedCAS: .silent, isIndependent: keyed)
      let history = try read(record.text(format), options)
      #expect(history.format == format)
      #expect(history.operations == native.operations, "\(format) of \(seed)")
    }
  }

  @Test("EDN: tags, comments, discards, one collection over many lines, any map order")
  func edn() throws {
    let history = try read(
      """
      ; a comment
      [ #jepsen.history.Op{:index 4, :time 7, :process 0, :f :write, :type :invoke, :value #x/y 3N}
        #_ {:a #_ b c} {:type :ok :time 9 :f :write :value 3
         :process 0 :extra {:a [1 #{2}] "x" \\newline}} ]
      """)
    let operation = try #require(history.operations.first)
    #expect(history.operations.count == 1 && operation.argument == 3 && operation.result == 3)
    #expect(operation.invocation == 4 && operation.completion == 5)
    #expect(operation.invokedAt == 7 && operation.completedAt == 9)
    #expect(history.notes == [])
  }

  @Test("EDN values: what has no equal in JSON becomes text or an ordered list")
  func ednValues() throws {
    func value(_ text: String) throws -> Value {
      try read("{:process 0 :type :invoke :f :x :value \(text)}").operations[0].argument
    }
    #expect(try value("\"a\\n\\u00e9\"") == .text("a\né"))
    #expect(try value(":timed-out") == .text("timed-out"))
    #expect(try value("#{3 1 2}") == .list([1, 2, 3]))
    #expect(try value("{:b 2, :a 1}") == .list([.list([.text("a"), 1]), .list([.text("b"), 2])]))
    #expect(try value("1.50") == .text("1.50"))
    #expect(try value("22/7") == .text("22/7"))
    #expect(try value("2M") == .text("2M"))
    #expect(try value("-9223372036854775808") == .integer(.min))
    #expect(try value("9223372036854775808N") == .text("9223372036854775808N"))
    #expect(try value("(true false nil)") == .list([.boolean(true), .boolean(false), .absent]))
    #expect(try value("[\\a \\( \\space \\u0041]") == .list(["a", "(", " ", "A"].map(Value.text)))
    #expect(try value("#inst \"2020\"") == .text("2020"))
    #expect(try value("##Inf") == .text("##Inf"))
    #expect(try value("^{:m 1} [1]") == .list([1]))
    let history = try read("{:process 0 :type :invoke :f :x :value 1.5}")
    #expect(history.notes.count == 1 && history.notes[0].contains("1 numbers"))
  }

  @Test("a transaction's steps are r and w, however they are written")
  func microOperations() throws {
    let history = try read(
      "{:process 0 :type :invoke :f :txn :value [[:read :x nil] [:w :y 2] [:append 1 2]]}\n"
        + "{:process 1 :type :invoke :f :read :value nil}")
    #expect(
      history.operations[0].argument
        == .list([
          .list([.text("r"), .text("x"), .absent]), .list([.text("w"), .text("y"), 2]),
          .list([.text("append"), 1, 2]),
        ]))
  }

  @Test("the nemesis' doubled start and stop are one fault; what else it says is counted")
  func nemesis() throws {
    let history = try read(
      """
      {:process :nemesis :type :info :f :start-partition :value nil :time 1}
      {:process :nemesis :type :info :f :start-partition :value "cut" :time 2}
      {:process 0 :type :invoke :f :read :value nil :time 3}
      {:process :nemesis :type :info :f :stop-partition :time 4}
      {:process :nemesis :type :info :f :stop-partition :value "healed" :time 5}
      {:process :nemesis :type :info :f :bump :time 6}
      {:process :monitor :type :info :f :look :time 7}
      """)
    let fault = try #require(history.faults.first)
    #expect(history.faults.count == 1 && fault.kind == "partition")
    #expect(fault.start == 1 && fault.end == 5)
    #expect(fault.details == [Event.Detail("value", .text("cut"))])
    #expect(fault.endDetails == [Event.Detail("value", .text("healed"))])
    #expect(history.operations[0].invocation == 2)
    #expect(history.notes.count == 2)
    #expect(history.notes[0].contains("1 events of process :monitor"))
  }

  @Test("independent keys are split when every value shows them, asked for when only cas does")
  func independence() throws {
    let pairs = """
      {:process 0 :type :invoke :f :read :value [7 nil]}
      {:process 0 :type :ok :f :read :value [7 2]}
      {:process 1 :type :invoke :f :cas :value [8 [1 2]]}
      {:process 1 :type :info :f :cas :value :lost}
      """
    let history = try read(pairs)
    #expect(history.operations.map(\.key) == ["7", "8"])
    #expect(history.operations[0].argument == .absent && history.operations[0].result == 2)
    #expect(history.operations[1].argument == .list([1, 2]))
    #expect(history.notes.contains { $0.contains("independent") })
    let told = try read(pairs, ReadingOptions(isIndependent: true))
    #expect(told.operations == history.operations)
    let not = try read(pairs, ReadingOptions(isIndependent: false))
    #expect(not.operations[0].argument == .list([7, .absent]))
    let cas = "{:process 0 :type :invoke :f :cas :value [1 2]}"
    #expect(refusal(cas).contains("--independent"))
    #expect(try read(cas, ReadingOptions(isIndependent: false)).operations.count == 1)
    #expect(
      refusal(
        "{:process 0 :type :invoke :f :read :value 1}", ReadingOptions(isIndependent: true)
      ).hasPrefix("h:1: not an event: its value 1 is no pair"))
    // Two steps of a transaction are no key and value, and neither are values of a plain register.
    let steps = "{:process 0 :type :invoke :f :txn :value [[:r 1 nil] [:w 2 3]]}"
    #expect(try read(steps).operations[0].key == nil)
    let plain = cas + "{:process 1 :type :invoke :f :read :value nil}"
    #expect(try read(plain).operations[0].argument == .list([1, 2]))
  }

  @Test("log lines: any separators, a reason in the value's place, other lines counted")
  func log() throws {
    let history = try read(
      """
      starting up
      INFO  jepsen.util - 3\t:invoke\t:cas\t[1 2]
      INFO jepsen.util - 3 :fail :cas [1 2]
      3 :invoke :read nil
      3\t:fail\t:read\t:timed-out
      4 :invoke :cas [3 4]
      4 :fail :cas :timed-out
      5 :invoke :write 4
      5 :info :write 4 :gone away
      """)
    #expect(history.format == .jepsenLog)
    #expect(history.operations.map(\.outcome) == [.fail, .fail, .fail, .info])
    #expect(history.operations.map(\.differs) == [true, false, false, false])
    #expect(history.operations.map(\.error) == [nil, "timed-out", "timed-out", "gone away"])
    #expect(history.failedCAS == FailedCASReading(meaning: .differs, isDefault: true))
    #expect(history.notes == ["h: 1 lines were skipped: no event stands on them"])
  }

  @Test("what a failed cas says is the format's, unless it is told")
  func failedCAS() throws {
    let edn = "{:process 0 :type :invoke :f :cas :value [1 2]}{:process 0 :type :fail :f :cas}"
    let options = ReadingOptions(isIndependent: false)
    #expect(try read(edn, options).operations[0].differs == false)
    #expect(
      try read(edn, options).failedCAS == FailedCASReading(meaning: .silent, isDefault: true))
    let forced = ReadingOptions(failedCAS: .differs, isIndependent: false)
    #expect(try read(edn, forced).operations[0].differs)
    #expect(
      try read(edn, forced).failedCAS == FailedCASReading(meaning: .differs, isDefault: false))
    let read = "{:process 0 :type :invoke :f :read :value nil}"
    #expect(try self.read(read, forced).failedCAS == nil)
    let seen = RandomRecord.failedCAS(observed: 5)
    #expect(try self.read(seen, forced).failedCAS == nil)
    #expect(try self.read(seen, forced).operations[0].differs == false)
  }

  @Test("Porcupine's maps bring their model")
  func porcupine() throws {
    let history = try read(
      """
      {:process 0, :type :invoke, :f :put, :key "a", :value "1"}
      {:process 0, :type :ok, :f :put, :key "a", :value "1"}
      """)
    #expect(history.format == .porcupineKV && history.operations[0].key == "a")
    #expect(history.header == Header(model: "kv", initial: .text("")))
  }

  @Test("a process that goes on after info gets a new number in other tools' histories")
  func renumbered() throws {
    let history = try read(
      """
      0 :invoke :write 1
      0 :info :write :timed-out
      0 :invoke :read nil
      0 :ok :read 1
      """)
    #expect(history.operations.map(\.process) == [0, 1_000_000_000])
    #expect(history.operations.map(\.outcome) == [.info, .ok])
    #expect(history.notes.count == 1)
  }

  @Test("what cannot be accepted is refused with line, column and reason")
  func refusals() {
    let edn = "{:process 0 :type :invoke :f :read :value nil}\n"
    #expect(refusal(edn + edn).hasPrefix("h:2: process 0 invokes while"))
    #expect(refusal(edn + "  {:process 1 :type ]}").hasPrefix("h:2:3: not an event: :type"))
    #expect(refusal(edn + "\n  5").hasPrefix("h:3:3: not EDN: a map was due"))
    #expect(refusal(edn + "\n{:process 1 :type :begin}").hasPrefix("h:3:1: not an event"))
    #expect(refusal("{:process 1 :f :x}").contains("it has no :type"))
    #expect(refusal("{:process 1 :type :invoke :value \"\\q\"}").hasPrefix("h:1:36: not EDN"))
    let deep = String(repeating: "[", count: 9000)
    #expect(refusal("{:process 1 :value \(deep)").contains("nested deeper"))
    #expect(refusal("{:a \(String(repeating: "#_", count: 9000))").contains("nested deeper"))
    #expect(refusal("0 :invoke :write 4\n0 :ok :write 5").hasPrefix("h:2: process 0 invoked write"))
    #expect(refusal("0 :invoke :write [4").hasPrefix("h:1:20: not an event: it ends"))
    #expect(refusal("\u{feff}{}").contains("byte order mark"))
    #expect(
      refusal(edn, ReadingOptions(format: .jsonl)).hasPrefix("h:1:2: not JSON"))
    #expect(refusal("", ReadingOptions(format: .jepsenLog)).contains("no event"))
  }

  @Test("a history whose every event is left out is empty, not refused")
  func leftOut() throws {
    let history = try read("[{:process :nemesis, :type :info, :f :kill, :value nil}]")
    #expect(history.operations.isEmpty && history.endIndex == 1 && history.notes.count == 1)
  }

  @Test("a torn last form is skipped and noted, an open collection is noted")
  func torn() throws {
    let edn = "{:process 0 :type :invoke :f :read :value nil}\n"
    let history = try read(edn + "{:process 1 :ty")
    #expect(history.operations.count == 1)
    #expect(history.notes == ["h:2: the last form is torn and was skipped"])
    #expect(try read("[" + edn).notes == ["h: the collection's end is missing"])
  }
}

extension RandomRecord {
  static func failedCAS(observed: Int64) -> String {
    var bytes: [UInt8] = []
    let pair = Value.list([1, 2])
    var fail = Event(
      index: 1, time: 0, process: .client(0), type: .fail, function: "cas", value: pair)
    fail.observed = .integer(observed)
    JSONLines.append(
      Event(index: 0, time: 0, process: .client(0), type: .invoke, function: "cas", value: pair),
      to: &bytes)
    JSONLines.append(fail, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
