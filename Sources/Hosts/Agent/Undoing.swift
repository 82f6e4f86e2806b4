// How what was done to a host is undone. Blocks; for the watchdog, and for `heal`.

import CLinux
import FoundationEssentials
import Glibc

extension Undo {
  /// Undoes it, and looks that it is gone.
  func carryOut() throws(LedgerError) {
    switch self {
    case .rules(let families, let absentBefore):
      for family in families {
        try RulesUndo(family: family, wasAbsent: absentBefore.contains(family)).carryOut()
      }
    case .remove(let path):
      guard lstatExists(path) else { return }
      do {
        try FileManager.default.removeItem(atPath: path)
      } catch {
        throw LedgerError("removing \(path): \(error)")
      }
    case .controlGroup(let group): try group.release()
    case .unmount(let path):
      if cl_unmount(path) != 0, errno != EINVAL, errno != ENOENT {
        // Who is not root has what fuse3's own helper mounted for him.
        let reason = LedgerError.system("unmounting \(path)")
        guard errno == EPERM,
          case (.exited(0), _) = try Child.run(Command("fusermount3", ["-uz", "--", path]))
        else { throw reason }
      }
      rmdir(path)  // if nobody had put anything there before it was mounted
    }
  }

  private func lstatExists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }
}

/// Takes our chain out of one family's filter table.
private struct RulesUndo {
  /// `iptables` or `ip6tables`.
  let family: String
  /// Whether the table was not there before us.
  let wasAbsent: Bool

  func carryOut() throws(LedgerError) {
    let rules = try rules()
    for rule in rules where rule.hasSuffix(" -j \(NetworkRules.chain)") && rule.hasPrefix("-A ") {
      // The same words that added it, and -D.
      try demand(["-D"] + rule.split(separator: " ").dropFirst().map(String.init))
    }
    if rules.contains("-N \(NetworkRules.chain)") {
      try demand(["-F", NetworkRules.chain])
      try demand(["-X", NetworkRules.chain])
    }
    guard try !self.rules().contains(where: { $0.contains(NetworkRules.chain) }) else {
      throw LedgerError("\(family): the chain \(NetworkRules.chain) does not go")
    }
    if wasAbsent { removeTable() }
  }

  /// What the kernel kept for itself when the first rule came. That it stays is no harm, so that nothing
  /// is said.
  private func removeTable() {
    guard let rules = try? rules(),
      Set(rules) == ["-P INPUT ACCEPT", "-P FORWARD ACCEPT", "-P OUTPUT ACCEPT"]
    else { return }
    _ = cl_delete_table(family == "ip6tables", "filter")
  }

  private func rules() throws(LedgerError) -> [String] {
    try demand(["-S"]).split(separator: "\n").map(String.init)
  }

  /// What the tool prints, which must succeed.
  @discardableResult
  private func demand(_ words: [String]) throws(LedgerError) -> String {
    let (status, text) = try Child.run(Command(family, ["-w", "5"] + words))
    guard status.isSuccess else {
      throw LedgerError("\(family) \(words.joined(separator: " ")): \(text.prefix(200))")
    }
    return text
  }
}
