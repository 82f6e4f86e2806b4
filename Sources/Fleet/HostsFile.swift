// Hosts files: YAML to the machines of a fleet.

import FoundationEssentials
import Workloads
import Yams

/// Reads hosts files.
///
/// ```yaml
/// user: bench                 # for all; what is left out is as ssh's configuration has it
/// key: keys/id_ed25519        # beside this file
/// sudo: true
/// hosts:
///   - db1                     # a name, an address, or an alias of ~/.ssh/config
///   - {host: 192.0.2.7, port: 2222, user: root, sudo: false, name: n2, address: 10.0.0.2}
/// ```
public enum HostsFile {
  /// Reads the file at `path`.
  ///
  /// - Throws: `WorkloadError` with file, line, what is wrong and what to do.
  public static func read(path: String) throws(WorkloadError) -> [HostEntry] {
    try parse(try YAMLText.read(path: path, kind: "hosts file"), file: path)
  }

  /// Reads hosts from `text`; `file` stands in errors, and keys lie beside it.
  public static func parse(_ text: String, file: String) throws(WorkloadError) -> [HostEntry] {
    let node = try YAMLText.compose(text, file: file, beginning: "hosts:")
    return try entries(
      try YAMLMapping(node, file: file), folder: URL(filePath: file).deletingLastPathComponent())
  }

  private static func entries(
    _ mapping: YAMLMapping, folder: URL
  ) throws(WorkloadError) -> [HostEntry] {
    var root = mapping
    var common = HostEntry(name: "", host: "")
    try takeDefaults(&root, into: &common, folder)
    guard let list = root.take("hosts") else {
      throw root.failure("hosts", nil, "is missing; write a list of names or addresses")
    }
    try root.finish()
    guard let nodes = list.sequence.map(Array.init), !nodes.isEmpty else {
      throw root.failure("hosts", list, "must be a list of names or addresses")
    }
    var entries: [HostEntry] = []
    for (place, node) in nodes.enumerated() {
      let entry = try entry(node, of: root, common, number: place + 1, folder)
      guard !entries.contains(where: { $0.name == entry.name }) else {
        throw root.failure("hosts", node, "the name \(entry.name) stands twice")
      }
      entries.append(entry)
    }
    return entries
  }

  private static func entry(
    _ node: Node, of root: YAMLMapping, _ common: HostEntry, number: Int, _ folder: URL
  ) throws(WorkloadError) -> HostEntry {
    var entry = common
    entry.name = "n\(number)"
    if let host = node.string {
      entry.host = host
    } else {
      var mapping = try root.inner(node, "hosts")
      guard let host = try mapping.text("host") else {
        throw mapping.failure("host", node, "is missing; write a name or an address")
      }
      entry.host = host
      entry.name = try mapping.text("name") ?? entry.name
      entry.address = try mapping.text("address")
      try takeDefaults(&mapping, into: &entry, folder)
      try mapping.finish()
    }
    guard !entry.host.isEmpty, !entry.host.hasPrefix("-") else {
      throw root.failure("hosts", node, "\"\(entry.host)\" is no name or address")
    }
    guard entry.name.utf8.allSatisfy(isPlain), !entry.name.hasPrefix("-") else {
      throw root.failure(
        "hosts", node, "\"\(entry.name)\" is no name; write letters, digits and dashes")
    }
    return entry
  }

  /// Names are used for folders and in rules.
  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// What may stand for all hosts, and for each.
  private static func takeDefaults(
    _ mapping: inout YAMLMapping, into entry: inout HostEntry, _ folder: URL
  ) throws(WorkloadError) {
    entry.port = try mapping.integer("port", in: 1...65_535) ?? entry.port
    entry.user = try mapping.text("user") ?? entry.user
    entry.usesSudo = try mapping.flag("sudo") ?? entry.usesSudo
    if let key = try mapping.text("key") {
      let home = FileManager.default.homeDirectoryForCurrentUser
      entry.key =
        key.hasPrefix("~/")
        ? home.appending(path: key.dropFirst(2)).path : URL(filePath: key, relativeTo: folder).path
    }
  }
}
