// How bad a network is: the options of Linux's netem, in its words.

/// What is done to each packet on a link.
///
/// As text, what is in a plan: `delay=50ms,jitter=10ms,loss=5%`.
public struct LinkConditions: Sendable, Hashable, Codable {
  /// How much later it arrives.
  public var delay = Duration.zero
  /// How much its delay differs from that at most, in both directions, each value as likely as any other.
  /// Packets overtake one another then.
  public var jitter = Duration.zero
  /// How likely it is lost, from 0 to 1.
  public var loss = 0.0
  /// How likely it arrives twice.
  public var duplicate = 0.0
  /// How likely it is not delayed, and so overtakes those before it.
  public var reorder = 0.0
  /// How likely one of its bits is another.
  public var corrupt = 0.0
  /// How many bits of packets go over a link in a second; nil for as many as come.
  public var bitsPerSecond: Double?

  /// Of the links of some nodes: those to them or those from them; nil for both.
  public var only: Way?

  /// A direction, seen from a node.
  public enum Way: String, Sendable, Codable, CaseIterable {
    /// To it.
    case `in`
    /// From it.
    case out
  }

  /// A good network.
  public init() {}
}

extension LinkConditions: RawRepresentable {
  /// What `text` says; nil when it says nothing, or something else.
  public init?(rawValue text: String) {
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2, set(parts[0], parts[1]) == nil else { return nil }
    }
    guard complaint == nil else { return nil }
  }

  /// What is wrong with it as a whole; nil for nothing.
  public var complaint: String? {
    var good = LinkConditions()
    good.only = only
    if self == good {
      return "says nothing; write delay, jitter, loss, duplicate, reorder, corrupt or rate"
    }
    if jitter > delay { return "jitter is more than delay" }
    if reorder > 0, delay == .zero { return "reorder without a delay changes nothing" }
    return nil
  }

  /// Sets the option of that name; returns what is wrong with its value, nil for nothing.
  public mutating func set(_ name: String, _ text: String) -> String? {
    switch name {
    case "delay": Self.time(text, &delay)
    case "jitter": Self.time(text, &jitter)
    case "loss": Self.chance(text, &loss)
    case "duplicate": Self.chance(text, &duplicate)
    case "reorder": Self.chance(text, &reorder)
    case "corrupt": Self.chance(text, &corrupt)
    case "rate": rate(text)
    case "only": direction(text)
    default:
      "\(name) is unknown; write delay, jitter, loss, duplicate, reorder, corrupt, rate or only"
    }
  }

  /// As a plan says it: what is not set is left out.
  public var rawValue: String {
    var words: [String] = []
    for (name, time) in [("delay", delay), ("jitter", jitter)] where time != .zero {
      words.append("\(name)=\(Self.short(time / .milliseconds(1)))ms")
    }
    let chances = [
      ("loss", loss), ("duplicate", duplicate), ("reorder", reorder), ("corrupt", corrupt),
    ]
    for (name, chance) in chances where chance > 0 {
      words.append("\(name)=\(Self.short(chance * 100))%")
    }
    if let bitsPerSecond { words.append("rate=\(Self.short(bitsPerSecond / 1000))kbit") }
    if let only { words.append("only=\(only.rawValue)") }
    return words.joined(separator: ",")
  }

  /// To a millionth.
  private static func short(_ value: Double) -> String {
    let rounded = (value * 1_000_000).rounded() / 1_000_000
    return rounded == rounded.rounded() && abs(rounded) < 1e15
      ? "\(Int(rounded))" : "\(rounded)"
  }

  /// The number before `unit`; nil where it is none, or below zero.
  private static func number(_ text: String, before unit: String) -> Double? {
    guard text.hasSuffix(unit),
      let number = Double(text.dropLast(unit.count).trimmingPrefix { $0 == " " }),
      number.isFinite, number >= 0
    else { return nil }
    return number
  }

  private static func time(_ text: String, _ time: inout Duration) -> String? {
    for (unit, milliseconds) in [("ms", 1.0), ("us", 0.001), ("s", 1000)] {
      if let number = number(text, before: unit), number * milliseconds <= 60_000 {
        time = .milliseconds(1) * (number * milliseconds)
        return nil
      }
    }
    return "\(text) is no time up to a minute; write 50ms"
  }

  private static func chance(_ text: String, _ chance: inout Double) -> String? {
    guard let number = number(text, before: "%"), number <= 100 else {
      return "\(text) is no share; write 5%"
    }
    chance = number / 100
    return nil
  }

  private mutating func direction(_ text: String) -> String? {
    only = Way(rawValue: text)
    return only == nil ? "\(text) is no direction; write in or out" : nil
  }

  private mutating func rate(_ text: String) -> String? {
    for (unit, bits) in [("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9)] {
      if let number = Self.number(text, before: unit), number * bits >= 1000,
        number * bits <= 1e11
      {
        bitsPerSecond = number * bits
        return nil
      }
    }
    return "\(text) is no rate; write 512kbit, 10mbit or 1gbit"
  }
}
