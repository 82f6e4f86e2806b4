// Words for a POSIX shell: SSH has no other way to say which program is meant.

/// Words as a shell reads them back unchanged, whatever they hold.
package enum ShellWords {
  /// `words` as one line; nil where one has a NUL, which no argument can have.
  package static func line(_ words: [String]) -> String? {
    guard words.allSatisfy({ !$0.utf8.contains(0) }) else { return nil }
    return words.map(quoted).joined(separator: " ")
  }

  private static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.utf8.allSatisfy { byte in
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
          || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
          || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "%+,-./:@_".utf8.contains(byte)
      }
    return isPlain ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
  }
}
