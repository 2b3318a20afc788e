// Templates, static files and catalogues, read once at start and held in memory: a page never waits for a disk, and a
// package upgrade under a running console changes nothing until its restart.

import AlertTexts
import Crypto
import Foundation
import HubRuntime
import LocalAPI
import Mustache

/// A file that browsers fetch. Its address changes with its content, so that it may be cached for ever.
struct StaticFile: Sendable {
  let path: String
  let integrity: String
  let contentType: String
  let bytes: [UInt8]
}

/// Everything that the console serves from disk.
struct ConsoleResources: Sendable {
  let templates: MustacheLibrary
  let catalogue: Catalogue
  let style: StaticFile
  let script: StaticFile
  let icon: StaticFile

  static let templateNames = [
    "layout", "header", "live", "board", "fragment", "card", "help", "resolve", "person", "personform", "access", "signin", "signedout",
    "problem",
  ]

  init(folder: String?, language: TextLanguage) throws(ConsoleStartError) {
    let root = Self.root(folder)
    MustacheContentTypes.register(ScalarHTML(), named: ScalarHTML.name)
    var library = MustacheLibrary()
    for name in Self.templateNames {
      let path = "\(root)/templates/\(name).mustache"
      let text = String(decoding: try Self.read(path), as: UTF8.self)
      do {
        // Each partial starts anew with the library's own escaping, so each says which one holds.
        try library.register("{{% CONTENT_TYPE:\(ScalarHTML.name)}}" + text, named: name)
      } catch {
        throw .resourceInvalid(path: path, reason: "\(error)")
      }
    }
    templates = library
    do throws(TextCatalogueError) {
      catalogue = try Catalogue(language, folder: folder)
    } catch {
      throw .texts(error)
    }
    for (group, names) in Catalogue.personTexts {
      for name in names where !catalogue.has(group, name) {
        throw .texts(.textMissing(language: language.rawValue, key: "\(group).\(name)"))
      }
    }
    style = try Self.file(root, "console.css", "text/css; charset=utf-8")
    script = try Self.file(root, "console.js", "text/javascript; charset=utf-8")
    icon = try Self.file(root, "icon.svg", "image/svg+xml")
  }

  /// Where the files are: the folder given, or what the package manager put beside the executable.
  static func root(_ folder: String?) -> String { folder ?? Bundle.module.bundlePath + "/Resources" }

  private static func file(_ root: String, _ name: String, _ type: String) throws(ConsoleStartError) -> StaticFile {
    let data = try read("\(root)/static/\(name)")
    let digest = Array(SHA256.hash(data: data))
    return StaticFile(
      path: "/statisk/\(base64URL(digest).prefix(12))/\(name)", integrity: "sha256-" + Data(digest).base64EncodedString(),
      contentType: type, bytes: Array(data))
  }

  private static func read(_ path: String) throws(ConsoleStartError) -> Data {
    guard let data = FileManager.default.contents(atPath: path) else { throw .resourceMissing(path: path) }
    return data
  }
}

/// HTML escaping by Unicode scalar. swift-mustache 2.1 escapes by grapheme, so that a quote followed by a combining mark
/// is another character to it, passes unescaped, and ends an attribute in the browser, which reads code points.
struct ScalarHTML: MustacheContentType {
  static let name = "SCALAR_HTML"

  func escapeText(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "&": result += "&amp;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
