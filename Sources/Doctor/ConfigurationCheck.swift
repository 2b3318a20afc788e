// Doctor: does the configuration load with its files, and do the device profiles. `knutepunkt check` says more about the
// same two; here they are the first things that everything else needs.

import HubConfiguration

/// Namespace of the check.
package enum ConfigurationCheck {
  /// Errors that are shown; the rest is for `knutepunkt check`.
  private static let errorsShown = 3

  static func load(_ path: String) -> (KnutepunktConfiguration?, [DoctorLine]) {
    do {
      let configuration = try KnutepunktConfiguration.load(path: path, checkingFiles: true)
      let warnings = configuration.warnings.map { DoctorLine(area: "configuration", .note, $0.description) }
      return (configuration, [DoctorLine(area: "configuration", .ok, "\(path) is good, and the files that it names are there")] + warnings)
    } catch {
      var lines = error.diagnostics.prefix(errorsShown).map { DoctorLine(area: "configuration", .problem, $0.description) }
      let more = error.diagnostics.count - lines.count
      if more > 0 { lines.append(DoctorLine(area: "configuration", .problem, "\(more) more errors in \(path)")) }
      // The next step stands once, below the last line.
      if let last = lines.indices.last { lines[last].next = "mend the file; knutepunkt check --config \(path) says all" }
      // For the other checks the file is read without the files that it names: a missing certificate must not hide a full disk.
      return (try? KnutepunktConfiguration.load(path: path), lines)
    }
  }

  static func profiles(_ configuration: KnutepunktConfiguration) -> [DoctorLine] {
    do {
      let profiles = try configuration.loadProfiles()
      if profiles.isEmpty {
        return [
          DoctorLine(
            area: "profiles", .problem, "no device profile is in \(configuration.profiles.folders.joined(separator: ", "))",
            next: "install the profiles (make install), or mend profiles.folders")
        ]
      }
      let tests = profiles.reduce(0) { $0 + $1.selfTests }
      return [DoctorLine(area: "profiles", .ok, "\(profiles.count) loaded, \(tests) self-tests passed")]
    } catch {
      return [
        DoctorLine(
          area: "profiles", .problem, error.description,
          next: "knutepunkt profile check FOLDER checks profiles alone; DeviceProfiles/README.md explains the grammar")
      ]
    }
  }
}
