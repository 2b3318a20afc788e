// From the configuration's section on profiles to loaded profiles: key files read, revocations parsed, folders searched.

import DeviceProfile
import Foundation
package import ProfileCatalogue

extension KnutepunktConfiguration.ProfileSettings {
  /// Reads the key files. A key file holds the base64 of a 32-byte Ed25519 public key; its name without ending is the key's id.
  func trustSettings() throws(StartError) -> ProfileTrust {
    var revocations: Set<RevokedProfile> = []
    for text in revoked {
      guard let profile = RevokedProfile(text) else {
        throw .profiles(
          "profiles.revoked: \(text.debugDescription) is no profile; allowed: id@version, for example sig/pulse-oximeter@1.0.0")
      }
      revocations.insert(profile)
    }
    guard trust == .keys else { return ProfileTrust(.lab, revoked: revocations) }
    var keys: [String: Data] = [:]
    for path in keyFiles {
      guard let text = try? String(contentsOfFile: path, encoding: .utf8),
        let key = Data(base64Encoded: text.trimmingCharacters(in: .whitespacesAndNewlines)), key.count == 32
      else { throw .secret(path: path, reason: "it must hold the base64 of a 32-byte Ed25519 public key") }
      keys[URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent] = key
    }
    return ProfileTrust(.keys(keys), revoked: revocations)
  }
}

extension KnutepunktConfiguration {
  /// Loads every profile as the core would at start, with signatures and self-tests. Reads files.
  ///
  /// - Returns: what loaded, by id. - Throws: all problems of all profiles, or a key that cannot be read.
  public func loadProfiles() throws(StartError) -> [(id: String, version: String, selfTests: Int)] {
    try profileCatalogue().profiles.map { ($0.id, "\($0.version)", $0.selfTests.count) }
  }

  /// All profiles of the configured folders. Reads files.
  ///
  /// - Throws: all problems of all profiles, or a key that cannot be read.
  func profileCatalogue() throws(StartError) -> ProfileCatalogue {
    do {
      return try ProfileCatalogue(folders: profileFolders, trust: try profiles.trustSettings())
    } catch let error as StartError {
      throw error
    } catch {
      throw .profiles("\(error)")
    }
  }

  /// The profiles that load. A profile that somebody broke, or that this version no longer takes, silences its own devices and no
  /// others.
  ///
  /// - Parameter problems: gets what is wrong with the others.
  package func usableProfiles(_ problems: inout [ProfileDiagnostic]) throws(StartError) -> ProfileCatalogue {
    let trust = try profiles.trustSettings()
    do throws(CatalogueError) {
      return try ProfileCatalogue(whatIsGoodIn: profileFolders, trust: trust, problems: &problems)
    } catch {
      throw .profiles("\(error)")
    }
  }

  private var profileFolders: [URL] { profiles.folders.map { URL(fileURLWithPath: $0) } }
}
