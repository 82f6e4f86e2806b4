// Where a history's bytes come from: a descriptor or memory, unpacked when they are gzip or bzip2.
// Here: reading into a given space. Not here: lines and forms (InputWindow.swift).

import Glibc

/// A stream of bytes; whether they are packed is told from the first three.
final class ByteSource {
  private enum Origin {
    case descriptor(CInt, isOwned: Bool)
    case memory([UInt8], read: Int)
  }

  private let name: String
  private var origin: Origin
  private var head: [UInt8] = []
  private var hasLooked = false
  private var unpacking: (any Unpacking)?
  private var packedCount = 0
  private var unpackedCount = 0
  /// No history is so many times smaller when it is packed: ours come to a twentieth.
  private static let largestRatio = 200
  /// Of so much nobody asks how it comes.
  private static let smallestSuspect = 64 << 20

  /// The bytes of an open descriptor, which may be a pipe.
  init(descriptor: CInt, isOwned: Bool = false, name: String) {
    origin = .descriptor(descriptor, isOwned: isOwned)
    self.name = name
  }

  /// Bytes in memory.
  init(_ bytes: [UInt8], name: String) {
    origin = .memory(bytes, read: 0)
    self.name = name
  }

  /// The file at `path`, opened here and closed with the source.
  convenience init(path: String) throws(HistoryError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let what = errno == ENOENT ? "no such file" : String(cString: strerror(errno))
      throw HistoryError(file: path, reason: .file("\(what); give the path of a history"))
    }
    self.init(descriptor: descriptor, isOwned: true, name: path)
  }

  deinit {
    if case .descriptor(let descriptor, isOwned: true) = origin { close(descriptor) }
  }

  /// Reads at least one byte into `space`, or none at the end.
  func read(into space: UnsafeMutableBufferPointer<UInt8>) throws(HistoryError) -> Int {
    if !hasLooked { try look() }
    guard let unpacking else { return try packed(into: space) }
    do throws(UnpackingFailure) {
      let count = try unpacking.read(into: space) { (space) throws(HistoryError) in
        let count = try packed(into: space)
        packedCount += count
        return count
      }
      unpackedCount += count
      // A few bytes can be made to fill all memory.
      guard unpackedCount <= Self.smallestSuspect + Self.largestRatio * packedCount else {
        throw UnpackingFailure.broken("it grows to more than \(Self.largestRatio) times its size")
      }
      return count
    } catch {
      switch error {
      case .input(let error): throw error
      case .broken(let what): throw HistoryError(file: name, reason: .compression(what))
      }
    }
  }

  private func look() throws(HistoryError) {
    hasLooked = true
    var start = [UInt8](repeating: 0, count: 3)
    var count = 0
    while count < 3 {
      var space = start[count...]
      let more: Result<Int, HistoryError> = space.withUnsafeMutableBufferPointer { space in
        Result { () throws(HistoryError) in try unread(into: space) }
      }
      let read = try more.get()
      start.replaceSubrange(count..., with: space)
      if read == 0 { break }
      count += read
    }
    head = Array(start[..<count])
    if head.starts(with: [0x1f, 0x8b]) {
      unpacking = Gunzip()
    } else if head == Array("BZh".utf8) {
      unpacking = Bunzip()
    }
  }

  private func packed(into space: UnsafeMutableBufferPointer<UInt8>) throws(HistoryError) -> Int {
    guard !head.isEmpty else { return try unread(into: space) }
    let count = min(head.count, space.count)
    _ = space.update(fromContentsOf: head[..<count])
    head.removeFirst(count)
    return count
  }

  private func unread(into space: UnsafeMutableBufferPointer<UInt8>) throws(HistoryError) -> Int {
    switch origin {
    case .memory(let bytes, let read):
      let count = min(space.count, bytes.count - read)
      _ = space.update(fromContentsOf: bytes[read..<(read + count)])
      origin = .memory(bytes, read: read + count)
      return count
    case .descriptor(let descriptor, _):
      while true {
        let count = Glibc.read(descriptor, space.baseAddress, space.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else {
          let what =
            errno == EISDIR ? "a folder without a history" : String(cString: strerror(errno))
          throw HistoryError(file: name, reason: .file("\(what); give the path of a history"))
        }
        return count
      }
    }
  }
}
