// All profiles of a hub: loaded from folders of `<vendor>/<model>.yaml`, verified, compiled, self-tested, and found by
// id, topic or appearance. Checking is all or nothing and tells every problem of every file; a hub that starts takes what is good, because a
// file that somebody broke must not silence every other device. Immutable afterwards.

public import DeviceProfile
public import Foundation
import Synchronization

public struct ProfileCatalogue: Sendable {
  /// Sorted by id.
  public let profiles: [DeviceProfile]

  /// Loads every `.yaml` below the folders. A profile in a later folder replaces one of the same id in an earlier one,
  /// so that an operator's folder can follow the product's.
  ///
  /// Reads files; call it at start or on reload, not from a link.
  /// - Throws: all problems: unreadable files, signatures, grammar, failed self-tests, ambiguous matches.
  public init(folders: [URL], trust: ProfileTrust) throws(CatalogueError) {
    let (profiles, diagnostics) = Self.read(folders, trust)
    if !diagnostics.isEmpty { throw CatalogueError(diagnostics: diagnostics) }
    self.profiles = profiles
  }

  /// Loads the profiles that are good and gives the problems of the rest. For a hub that starts: its other devices must be heard.
  ///
  /// - Throws: all problems when no profile at all is good.
  public init(whatIsGoodIn folders: [URL], trust: ProfileTrust, problems: inout [ProfileDiagnostic]) throws(CatalogueError) {
    let (profiles, diagnostics) = Self.read(folders, trust)
    if profiles.isEmpty { throw CatalogueError(diagnostics: diagnostics) }
    self.profiles = profiles
    problems = diagnostics
  }

  private static func read(_ folders: [URL], _ trust: ProfileTrust) -> ([DeviceProfile], [ProfileDiagnostic]) {
    var files: [String: ProfileFile] = [:]
    var diagnostics: [ProfileDiagnostic] = []
    for folder in folders {
      let paths = Self.yamlFiles(below: folder)
      if paths.isEmpty {
        diagnostics.append(ProfileDiagnostic(file: folder.path, message: "no profile here; allowed: a folder with <vendor>/<model>.yaml"))
      }
      let read = onAllProcessors(paths) { path -> Result<ProfileFile, CatalogueError> in
        do throws(CatalogueError) { return .success(try ProfileFile(path, trust: trust)) } catch { return .failure(error) }
      }
      for (path, file) in zip(paths, read) {
        switch file {
        case .success(let file): files[Self.expectedID(of: path)] = file
        case .failure(let error): diagnostics += error.diagnostics
        }
      }
    }
    var compiled: [(profile: DeviceProfile, file: ProfileFile)] = []
    let (known, inOrder) = (files, files.sorted { $0.key < $1.key })
    let results = onAllProcessors(inOrder.map(\.value)) { file -> Result<DeviceProfile, CatalogueError> in
      do throws(CatalogueError) { return .success(try file.compile(trust: trust) { known[$0]?.root }) } catch { return .failure(error) }
    }
    for ((expected, file), result) in zip(inOrder, results) {
      switch result {
      case .success(let profile) where profile.id == expected: compiled.append((profile, file))
      case .success(let profile):
        diagnostics.append(file.diagnostic("profile", "`profile` is `\(profile.id)`; allowed: \(expected), as the file's path"))
      case .failure(let error): diagnostics += error.diagnostics
      }
    }
    diagnostics += Self.ambiguities(in: compiled)
    return (compiled.map(\.profile).sorted { $0.id < $1.id }, diagnostics)
  }

  /// Compiles one file without a catalogue around it. `decodeAs` finds other profiles beside it, in
  /// `<file>/../../<vendor>/<model>.yaml`.
  public static func load(file: URL, trust: ProfileTrust = .lab) throws(CatalogueError) -> DeviceProfile {
    try ProfileFile(file, trust: trust).compile(trust: trust, neighbours(of: file, trust: trust))
  }

  /// As `load(file:)`, from bytes that need not lie in a file; `path` stands in the diagnostics. No profile is beside it.
  package static func compile(bytes: [UInt8], path: String) throws(CatalogueError) -> DeviceProfile {
    try ProfileFile(bytes, path: path).compile(trust: .lab) { _ in nil }
  }

  /// Compiles a file that somebody is still writing, so that frames can be tried before the self-tests are complete.
  ///
  /// - Returns: the profile, for `profile decode` and never for a hub, and what its self-tests lack or do not pass.
  public static func loadDraft(file: URL) throws(CatalogueError) -> (profile: DeviceProfile, unproved: [ProfileDiagnostic]) {
    try ProfileFile(file, trust: .lab).compileDraft(neighbours(of: file, trust: .lab))
  }

  private static func neighbours(of file: URL, trust: ProfileTrust) -> (String) -> ProfileNode? {
    let root = file.deletingLastPathComponent().deletingLastPathComponent()
    return { id in
      // An id is `vendor/model` by the grammar's own rule. Any other text could lead out of the folder.
      let parts = id.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") }) else { return nil }
      do throws(CatalogueError) {
        return try ProfileFile(root.appendingPathComponent(id + ".yaml"), trust: trust).root
      } catch {
        return nil
      }
    }
  }

  private static func yamlFiles(below folder: URL) -> [URL] {
    // The folder may be a link; the enumerator itself does not follow a link at its root.
    let root = folder.resolvingSymlinksInPath()
    guard let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles]) else {
      return []
    }
    return files.compactMap { $0 as? URL }.filter { $0.pathExtension == "yaml" }.sorted { $0.path < $1.path }
  }

  private static func expectedID(of path: URL) -> String {
    path.deletingLastPathComponent().lastPathComponent + "/" + path.deletingPathExtension().lastPathComponent
  }
}

/// The same work for each, on all processors at once; the results are in the order of the elements. Blocks until all is done. A start waits
/// for its profiles, and none needs another to be read or compiled.
private func onAllProcessors<Element: Sendable, Outcome: Sendable>(
  _ elements: [Element], _ work: @Sendable (Element) -> Outcome
) -> [Outcome] {
  let outcomes = Mutex<[Outcome?]>(Array(repeating: nil, count: elements.count))
  DispatchQueue.concurrentPerform(iterations: elements.count) { index in
    let outcome = work(elements[index])
    outcomes.withLock { $0[index] = outcome }
  }
  return outcomes.withLock { $0.compactMap(\.self) }
}

/// One file, verified and parsed.
struct ProfileFile: Sendable {
  let path: String
  let root: ProfileNode

  init(_ file: URL, trust: ProfileTrust) throws(CatalogueError) {
    guard let data = try? Data(contentsOf: file) else {
      throw Self.refused(file.path, "the file cannot be read; allowed: a readable YAML file")
    }
    // The signature is checked before anything looks at the content.
    let signature = try? Data(contentsOf: file.appendingPathExtension("sig"))
    if let refusal = trust.refusal(of: data, signature: signature) { throw Self.refused(file.path, refusal) }
    try self.init(data, path: file.path)
  }

  init(_ bytes: some Collection<UInt8>, path: String) throws(CatalogueError) {
    self.path = path
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Self.refused(path, "the file is not UTF-8; allowed: UTF-8") }
    do throws(ProfileProblem) {
      root = try YAMLDocument.parse(text)
    } catch {
      throw CatalogueError(diagnostics: [Self.diagnostic(error, path: path)])
    }
  }

  private static func refused(_ path: String, _ message: String) -> CatalogueError {
    CatalogueError(diagnostics: [ProfileDiagnostic(file: path, message: message)])
  }

  func compile(trust: ProfileTrust, _ resolve: (String) -> ProfileNode?) throws(CatalogueError) -> DeviceProfile {
    let profile: DeviceProfile
    do throws(ProfileProblems) {
      profile = try ProfileCompiler.compile(root, resolve: resolve)
    } catch {
      throw CatalogueError(diagnostics: error.problems.map { Self.diagnostic($0, path: path) })
    }
    if let refusal = trust.refusal(of: profile.id, version: profile.version) {
      throw CatalogueError(diagnostics: [diagnostic("version", refusal)])
    }
    return profile
  }

  func compileDraft(_ resolve: (String) -> ProfileNode?) throws(CatalogueError) -> (profile: DeviceProfile, unproved: [ProfileDiagnostic]) {
    do throws(ProfileProblems) {
      let draft = try ProfileCompiler.compileDraft(root, resolve: resolve)
      return (draft.profile, draft.unproved.map { Self.diagnostic($0, path: path) })
    } catch {
      throw CatalogueError(diagnostics: error.problems.map { Self.diagnostic($0, path: path) })
    }
  }

  /// A diagnostic at the value of a top-level key.
  func diagnostic(_ key: String, _ message: String) -> ProfileDiagnostic {
    Self.diagnostic(ProfileProblem(at: root.value(of: key)?.position ?? root.position, message), path: path)
  }

  private static func diagnostic(_ problem: ProfileProblem, path: String) -> ProfileDiagnostic {
    ProfileDiagnostic(file: path, line: problem.position.line, column: problem.position.column, message: problem.message)
  }
}
