// Files of a node's as faults find them.

import Glibc

/// Finds and opens them.
enum StoredFiles {
  /// The newest file of `folder`, by name, whose name ends so.
  static func newest(in folder: String, nameEnding end: String) -> String? {
    names(in: folder).filter { $0.hasSuffix(end) }.max().map { "\(folder)/\($0)" }
  }

  static func with<Value>(
    _ path: String, host: String,
    _ body: (CInt, () -> HostError) throws(HostError) -> Value
  ) throws(HostError) -> Value {
    func failure() -> HostError {
      .log(host: host, path: path, reason: String(cString: strerror(errno)))
    }
    let file = open(path, O_RDWR | O_CLOEXEC)
    guard file >= 0 else { throw failure() }
    defer { close(file) }
    return try body(file, failure)
  }

  private static func names(in folder: String) -> [String] {
    guard let listing = opendir(folder) else { return [] }
    defer { closedir(listing) }
    var names: [String] = []
    while let entry = readdir(listing) {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) {
          String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return names
  }

  /// Where the zeros at the end begin: files are made longer before they are written.
  static func used(_ file: CInt, _ size: off_t) -> Int64 {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var end = size
    while end > 0 {
      let start = max(0, end - off_t(buffer.count))
      let count = pread(file, &buffer, Int(end - start), start)
      guard count > 0 else { return 0 }
      if let last = buffer[..<count].lastIndex(where: { $0 != 0 }) {
        return Int64(start) + Int64(last) + 1
      }
      end = start
    }
    return 0
  }
}
