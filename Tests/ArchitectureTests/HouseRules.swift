// The house's rules about the shape of Swift code, as functions from read files to findings. They judge what they are given, so that
// their own tests can give them small sources; HouseRuleTests gives them the repository.

import Foundation

/// A Swift file with its tokens and declarations.
struct ReadFile {
  let path: String
  let lineCount: Int
  let tokens: [SwiftToken]
  let declarations: [SwiftDeclaration]

  init(path: String, text: String) {
    self.path = path
    // A text that ends with a line end has no further line.
    lineCount = text.split(separator: "\n", omittingEmptySubsequences: false).count - (text.hasSuffix("\n") ? 1 : 0)
    tokens = SwiftTokenReader.tokens(of: text)
    declarations = SwiftDeclarationReader.declarations(in: tokens)
  }

  /// Lines between the braces of a body, without the braces' own lines.
  func bodyLines(of declaration: SwiftDeclaration) -> Int {
    guard let body = declaration.body else { return 0 }
    return max(0, tokens[body.upperBound].line - tokens[body.lowerBound].line - 1)
  }
}

/// The repository's Swift, read once for all tests.
enum House {
  static let sources = Result { try read("Sources") }
  static let tests = Result { try read("Tests") }

  private static func read(_ folder: String) throws -> [ReadFile] {
    try Repository.swiftFiles(below: folder).map { ReadFile(path: $0.path, text: $0.lines.joined(separator: "\n")) }
  }
}

/// One place that breaks a rule.
struct Finding: CustomStringConvertible, Equatable {
  let path: String
  let line: Int
  let text: String

  var description: String { "\(path):\(line): \(text)" }
}

/// Sizes above which a reader loses the thread.
enum SizeRule {
  static let fileLinesMax = 350
  static let bodyLinesMax = 70
  static let parametersMax = 9
  static let targetLinesMax = 6000

  static func longFiles(_ files: [ReadFile]) -> [Finding] {
    files.filter { $0.lineCount > fileLinesMax }.map { Finding(path: $0.path, line: 1, text: "\($0.lineCount) lines") }
  }

  static func longBodies(_ files: [ReadFile]) -> [Finding] {
    declarations(of: files) { file, declaration in
      let lines = file.bodyLines(of: declaration)
      return lines > bodyLinesMax ? "the body of \(declaration.name) has \(lines) lines" : nil
    }
  }

  static func longParameterLists(_ files: [ReadFile], max: Int = parametersMax) -> [Finding] {
    declarations(of: files) { _, declaration in
      declaration.parameterCount > max
        ? "\((declaration.owners + [declaration.name]).joined(separator: ".")) has \(declaration.parameterCount) parameters" : nil
    }
  }

  static func declarations(of files: [ReadFile], _ judge: (ReadFile, SwiftDeclaration) -> String?) -> [Finding] {
    files.flatMap { file in
      file.declarations.compactMap { declaration in
        judge(file, declaration).map { Finding(path: file.path, line: declaration.line, text: $0) }
      }
    }
  }
}
