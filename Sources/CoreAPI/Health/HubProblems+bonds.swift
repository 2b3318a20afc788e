// Bluetooth devices whose bond is lost, as problems of the hub: nothing comes from them before somebody pairs them again. The core
// raises the alert about each device. This file is what status, `/readyz`, the doctor and the board's head say meanwhile.

import DeviceIntake
import HubConfiguration
import HubRegistry
import Journal
import JournalValues
package import LocalAPI
import VitalSigns

/// A device that is not heard before it is paired again.
package struct LostBond: Sendable, Hashable {
  var device: DeviceID
  /// Whether calls for help come from the device.
  var isSafetyAlarm: Bool
  var since: WallTime

  /// How many devices have a line of their own. One line counts the others. A line for each is read in a home. In a whole building
  /// whose adapter was exchanged it would hide the other problems.
  static let namedMax = 8

  /// Sorts safety alarms first, then by number. The first ones are named, the others counted.
  static func told(_ lost: [LostBond]) -> (named: [LostBond], counted: [LostBond]) {
    let sorted = lost.sorted { ($0.isSafetyAlarm ? 0 : 1, $0.device) < ($1.isSafetyAlarm ? 0 : 1, $1.device) }
    let count = sorted.count > namedMax ? namedMax - 1 : sorted.count
    return (Array(sorted.prefix(count)), Array(sorted.dropFirst(count)))
  }
}

extension HubProblems {
  /// Takes the alerts that an earlier run left open. A device that is not near has shown nothing in this run, and is as deaf as
  /// before.
  func rememberLostBonds() {
    guard let frames = parts.links.bluetooth?.frames else { return }
    // Others tell of a journal that cannot be read.
    let open =
      (try? parts.reader.alerts(AlertFilter(rule: .bondLost, openOnly: true, limit: parts.configuration.realtime.devicesMax))) ?? []
    for row in open where row.device != .none { frames.remember(lostBondOf: row.device, since: row.raisedWall ?? row.firstWall) }
  }

  package func bonds() -> [API.Problem] {
    guard let frames = parts.links.bluetooth?.frames else { return [] }
    let lost = frames.lostBonds.compactMap { id, since -> LostBond? in
      guard let device = parts.registry.device(id), !device.removed else { return nil }
      return LostBond(device: id, isSafetyAlarm: device.liveness.isSafetyAlarm, since: since)
    }
    let (named, counted) = LostBond.told(lost)
    // Devices are named by number: `/readyz` is open to machines, and a label may say whose the device is.
    var problems = named.map { bond in
      problem(
        .rule(.bondLost), name: bond.device.description, since: bond.since, effect: bond.isSafetyAlarm ? .deaf : .partial,
        detail: "the device and the hub no longer know each other; nothing comes from it",
        next: "run knutepunkt pair beside the device; knutepunkt device show \(bond.device) says which it is",
        variant: bond.isSafetyAlarm ? "alarm" : nil)
    }
    if !counted.isEmpty {
      problems.append(
        problem(
          .bondsLost, effect: counted.contains(where: \.isSafetyAlarm) ? .deaf : .partial,
          next: "knutepunkt device list says which; run knutepunkt pair beside each", count: counted.count))
    }
    return problems
  }
}
