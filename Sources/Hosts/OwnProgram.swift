// Where the program that runs lies, and what lies beside it.

import FoundationEssentials
import Glibc

/// The program that runs.
public enum OwnProgram {
  /// Where it lies; after it was replaced by a newer one, as happens while a campaign goes on, where that
  /// lies.
  public static var path: String {
    let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return link.map(current) ?? CommandLine.arguments[0]
  }

  /// The file of that name in its folder, be it there or not.
  public static func sibling(_ name: String) -> String {
    URL(filePath: path).deletingLastPathComponent().appending(path: name).path
  }

  /// What lies now where `link`, as the kernel has it, says that the program was started from.
  static func current(_ link: String) -> String {
    // As the kernel names a file that was removed or replaced.
    let removed = " (deleted)"
    guard link.hasSuffix(removed), access(link, F_OK) != 0 else { return link }
    return String(link.dropLast(removed.count))
  }
}
