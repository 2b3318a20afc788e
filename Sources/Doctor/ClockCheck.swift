// Doctor: is the wall clock kept right, and by what; could the machine know the time when it starts; are the rules of the zone there, by
// which doses and nights are reckoned. Alarms need none of it; times that people read do.

import Foundation
import HubConfiguration
import HubRuntime
import VitalSigns

/// Namespace of the check.
enum ClockCheck {
  /// What is looked at of local time.
  struct Zone: Sendable, Hashable {
    var name: String
    /// Local time minus UTC in the middle of January and of July 2026, seconds; nil: the zone is not known.
    var winter: Int?
    var summer: Int?
    /// The system's own rules, which the command line shows times by, are installed.
    var hasSystemRules: Bool
    /// The zone in which the machine itself shows times; nil: not known.
    var ofMachine: String?
  }

  static func lines(_ configuration: KnutepunktConfiguration?) -> [DoctorLine] {
    let wall = SystemClock.wall()
    return [clock(MachineClock.look(at: wall), at: wall)] + (configuration.map { zone(look($0.hub.timeZone)) } ?? [])
  }

  // MARK: The wall clock

  static func clock(_ machine: MachineClock, at wall: WallTime) -> DoctorLine {
    let area = "clock"
    let setUp = "timedatectl set-ntp true, and a way to a time server; timedatectl shows what it says"
    guard DeviceClock.isPossible(wall) else {
      return DoctorLine(
        area: area, .problem, "the wall clock says \(wall): it has never been set; alarms go on, times are wrong", next: setUp)
    }
    let battery =
      switch machine.keeper {
      case .batteryClock: "a battery clock holds it while the machine is off"
      case .host: "no battery clock is to be seen: the host's time counts"
      case .nobody:
        machine.batteryClockOff.map {
          "the battery clock says something else by \(TimeSpan(seconds: abs($0 / 1_000)).text): is its battery empty?"
        } ?? "there is no battery clock: after each start times are doubtful until the network has set it"
      }
    if machine.isSynchronised { return DoctorLine(area: area, .ok, "the wall clock is kept right by the network; \(battery)") }
    if machine.wasSynchronised {
      return DoctorLine(area: area, .note, "the network has set the wall clock, and does not keep it now; \(battery)", next: setUp)
    }
    if machine.keeper == .nobody {
      return DoctorLine(area: area, .problem, "nothing has set the wall clock since the machine started; \(battery)", next: setUp)
    }
    return DoctorLine(area: area, .note, "nothing keeps the wall clock right; \(battery)", next: setUp)
  }

  // MARK: Local time

  static func zone(_ zone: Zone) -> [DoctorLine] {
    let area = "local time"
    guard let winter = zone.winter, let summer = zone.summer else {
      return [
        DoctorLine(
          area: area, .problem, "the rules of hub.timeZone \(zone.name) are not here: doses and nights would be reckoned in UTC",
          next: "sudo apt install tzdata")
      ]
    }
    // Norway's rules until they are changed by law: an hour ahead in winter, two in summer.
    if zone.name == "Europe/Oslo", (winter, summer) != (3_600, 7_200) {
      return [
        DoctorLine(
          area: area, .problem, "\(zone.name) has no summer time by this machine's rules: doses and nights are an hour off",
          next: "sudo apt install --reinstall tzdata")
      ]
    }
    var lines = [DoctorLine(area: area, .ok, "\(zone.name): doses and nights follow its rules, summer time included")]
    if !zone.hasSystemRules {
      lines.append(
        DoctorLine(area: area, .note, "the system has no zone rules: the command line shows times in UTC", next: "sudo apt install tzdata"))
    } else if let machine = zone.ofMachine, machine != zone.name {
      lines.append(
        DoctorLine(
          area: area, .note, "this machine shows times in \(machine), the hub reckons in \(zone.name)",
          next: "sudo timedatectl set-timezone \(zone.name), or hub.timeZone"))
    }
    return lines
  }

  private static func look(_ name: String) -> Zone {
    let zone = TimeZone(identifier: name)
    func offset(_ seconds: Double) -> Int? { zone.map { $0.secondsFromGMT(for: Date(timeIntervalSince1970: seconds)) } }
    let folder = "/usr/share/zoneinfo/"
    let link = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/etc/localtime")) ?? ""
    let machine = link.range(of: "zoneinfo/").map { String(link[$0.upperBound...]) }
    return Zone(
      name: name, winter: offset(1_768_478_400), summer: offset(1_784_116_800),
      hasSystemRules: BoundedFile.complaint(about: folder + name) == nil, ofMachine: machine)
  }
}
