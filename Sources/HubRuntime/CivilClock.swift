// Local civil time. Devices without a zone, dose times and night windows mean the hub's configured zone.

package import Foundation
package import VitalSigns

/// Converts between civil time in the hub's zone and UTC. Any thread.
package struct CivilClock: Sendable {
  package let zone: TimeZone

  package init(zone: TimeZone) {
    self.zone = zone
  }

  /// Local time minus UTC at `time`, seconds.
  package func utcOffsetSeconds(at time: WallTime) -> Int32 {
    Int32(clamping: zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time.rawValue) / 1_000)))
  }

  /// The UTC time of a device's claim; `.unknown` when the device makes none. In the repeated hour of autumn the later reading
  /// wins; in the missing hour of spring the offset from before holds. Either is right within an hour, and the raw claim is kept.
  package func resolve(_ time: DeviceTime) -> WallTime {
    switch time {
    case .none: .unknown
    case .epoch(let wall): wall
    case .local(let civil): resolve(civil)
    }
  }

  private func resolve(_ civil: CivilTime) -> WallTime {
    let asUTC = WallTime(rawValue: civil.millisecondsAsUTC)
    let guess = asUTC.adding(milliseconds: -Int64(utcOffsetSeconds(at: asUTC)) * 1_000)
    return asUTC.adding(milliseconds: -Int64(utcOffsetSeconds(at: guess)) * 1_000)
  }
}
