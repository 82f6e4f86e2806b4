// A YAML mapping read strictly: every key known, every value of its kind, every error with a line.

import Yams

/// The members of one mapping, taken one by one; what is left over is an error.
package struct YAMLMapping {
  private let file: String
  private let path: String
  private let line: Int?
  private var members: [String: Node] = [:]
  private var lines: [String: Int] = [:]
  private var known: [String] = []

  /// - Throws: `WorkloadError` when `node` is no mapping, or names a key twice.
  package init(_ node: Node, file: String, path: String = "") throws(WorkloadError) {
    self.file = file
    self.path = path
    line = node.mark?.line
    guard case .mapping(let mapping) = node else {
      throw WorkloadError(
        file: file, line: node.mark?.line,
        reason: "\(path.isEmpty ? "the file" : path) must be a list of `name: value` pairs")
    }
    for (key, value) in mapping {
      guard let name = key.string, members.updateValue(value, forKey: name) == nil else {
        throw WorkloadError(
          file: file, line: key.mark?.line, reason: "\(path)\(key.string ?? "?") stands twice")
      }
      lines[name] = key.mark?.line
    }
  }

  private func name(_ key: String) -> String {
    path.isEmpty ? key : key.isEmpty ? path : "\(path).\(key)"
  }

  package func failure(_ key: String, _ node: Node?, _ reason: String) -> WorkloadError {
    WorkloadError(
      file: file, line: node?.mark?.line ?? lines[key] ?? line,
      reason: "\(name(key)): \(reason)")
  }

  /// The value of `key`, or nil where there is none.
  package mutating func take(_ key: String) -> Node? {
    known.append(key)
    return members.removeValue(forKey: key)
  }

  /// The mapping under `key`.
  package mutating func mapping(_ key: String) throws(WorkloadError) -> YAMLMapping? {
    guard let node = take(key) else { return nil }
    return try YAMLMapping(node, file: file, path: name(key))
  }

  /// A mapping that is one of a list under `key`.
  package func inner(_ node: Node, _ key: String) throws(WorkloadError) -> YAMLMapping {
    try YAMLMapping(node, file: file, path: name(key))
  }

  /// A word or a text that is not empty.
  package mutating func text(_ key: String) throws(WorkloadError) -> String? {
    guard let node = take(key) else { return nil }
    guard let text = node.string, !text.isEmpty else {
      throw failure(key, node, "must be a word")
    }
    return text
  }

  /// `true` or `false`.
  package mutating func flag(_ key: String) throws(WorkloadError) -> Bool? {
    guard let node = take(key) else { return nil }
    guard let flag = node.bool else { throw failure(key, node, "must be true or false") }
    return flag
  }

  /// A whole number of `range`.
  package mutating func integer(
    _ key: String, in range: ClosedRange<Int>
  ) throws(WorkloadError) -> Int? {
    guard let node = take(key) else { return nil }
    guard let number = node.int, range.contains(number) else {
      let bounds = range.upperBound == .max ? "from \(range.lowerBound)" : "\(range)"
      throw failure(key, node, "\(Self.text(node)) is no whole number \(bounds)")
    }
    return number
  }

  /// A number above zero.
  package mutating func positive(_ key: String) throws(WorkloadError) -> Double? {
    guard let node = take(key) else { return nil }
    guard let number = node.float, number > 0, number <= 1e9 else {
      throw failure(
        key, node, "\(Self.text(node)) is not above zero; leave it out for no limit")
    }
    return number
  }

  /// A length of time such as `500ms`, `5s` or `2m`; a bare number is seconds.
  package mutating func duration(_ key: String) throws(WorkloadError) -> Duration? {
    guard let node = take(key) else { return nil }
    return try duration(node, key)
  }

  /// Lengths of time, or one.
  package mutating func durations(_ key: String) throws(WorkloadError) -> [Duration]? {
    guard let node = take(key) else { return nil }
    var durations: [Duration] = []
    for member in node.array().isEmpty ? [node] : node.array() {
      durations.append(try duration(member, key))
    }
    return durations
  }

  private func duration(_ node: Node, _ key: String) throws(WorkloadError) -> Duration {
    guard let duration = node.string.flatMap({ Duration(workload: $0) }) else {
      throw failure(key, node, "\(Self.text(node)) is no time above zero; write 500ms, 5s or 2m")
    }
    return duration
  }

  /// One of the words of `Choice`, or a list of them.
  package mutating func choices<Choice: RawRepresentable & CaseIterable>(
    _ key: String, _: Choice.Type
  ) throws(WorkloadError) -> [Choice]? where Choice.RawValue == String {
    guard let node = take(key) else { return nil }
    let members = node.array().isEmpty ? [node] : node.array()
    var choices: [Choice] = []
    for member in members {
      guard let choice = member.string.flatMap({ Choice(rawValue: $0) }) else {
        let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw failure(key, member, "\(Self.text(member)) is none of \(words)")
      }
      choices.append(choice)
    }
    return choices
  }

  /// - Throws: `WorkloadError` for a key that nobody took.
  package func finish() throws(WorkloadError) {
    guard let unknown = members.keys.min(by: { (lines[$0] ?? 0, $0) < (lines[$1] ?? 0, $1) })
    else { return }
    throw WorkloadError(
      file: file, line: lines[unknown] ?? line,
      reason: "unknown key \(name(unknown)); it takes \(known.joined(separator: ", "))")
  }

  private static func text(_ node: Node) -> String {
    node.string.map { "\"\($0)\"" } ?? "a list or mapping"
  }
}

extension Duration {
  /// The time that `text` spells: `500ms`, `5s`, `2m`, `1h`, or seconds without a unit.
  public init?(workload text: String) {
    let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("", 1)]
    guard let (unit, seconds) = units.first(where: { text.hasSuffix($0.0) }),
      let number = Double(text.dropLast(unit.count)), number > 0, number * seconds <= 1e7
    else { return nil }
    self = .milliseconds(Int64((number * seconds * 1000).rounded()))
    guard self > .zero else { return nil }
  }

  /// The duration in seconds.
  public var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }

  /// The duration as a workload file has it: in seconds, or in milliseconds below one.
  public var workloadText: String {
    let milliseconds = Int64((inSeconds * 1000).rounded())
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
  }
}
