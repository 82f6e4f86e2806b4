// Files that users write in YAML: to text, and to a tree. What they mean is for others to say.

import FoundationEssentials
import Yams

/// YAML on its way in.
package enum YAMLText {
  /// The text of the file at `path`; `kind` stands in errors: "workload file".
  ///
  /// - Throws: `WorkloadError` when there is none.
  package static func read(path: String, kind: String) throws(WorkloadError) -> String {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw WorkloadError(file: path, reason: "cannot be read; give the path of a \(kind) (YAML)")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw WorkloadError(file: path, reason: "not a text file; give a \(kind) (YAML)")
    }
    return text
  }

  /// The tree of `text`; `file` stands in errors, and `beginning` in that of an empty one.
  ///
  /// - Throws: `WorkloadError`, with the line, when it is no YAML.
  package static func compose(
    _ text: String, file: String, beginning: String
  ) throws(WorkloadError) -> Node {
    // Each alias may hold others: a few lines of them would unfold beyond all memory.
    guard text.matches(of: /(^|[\s\[\{,:\-])\*[A-Za-z0-9_]/).count <= 24 else {
      throw WorkloadError(file: file, reason: "more than 24 aliases (*name); write them out")
    }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw WorkloadError(file: file, line: line(of: error), reason: "not YAML: \(problem(error))")
    } catch {
      throw WorkloadError(file: file, reason: "not YAML: \(error)")
    }
    guard let root else {
      throw WorkloadError(file: file, reason: "is empty; begin with `\(beginning)`")
    }
    return root
  }

  private static func line(of error: YamlError) -> Int? {
    switch error {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
      mark.line
    default: nil
    }
  }

  private static func problem(_ error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, _, _), .parser(_, let problem, _, _),
      .composer(_, let problem, _, _):
      problem
    default: "\(error)".split(separator: "\n").first.map(String.init) ?? "unreadable"
    }
  }
}
