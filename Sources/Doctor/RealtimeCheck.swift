// Doctor: may the core's thread run under SCHED_FIFO, and may the memory be locked. A running core knows best and is
// believed; else the caller's own limits are told. Never a problem: the hub goes on under ordinary scheduling and says so.

import HubConfiguration

/// Namespace of the check.
enum RealtimeCheck {
  /// A core with little to do takes some 60 MB; a lock limit below that makes mlockall fail. The unit gives 1 GiB.
  static let lockedBytesMin: UInt64 = 64 << 20

  static func lines(
    _ settings: KnutepunktConfiguration.RealtimeSettings?, _ facts: ProcessFacts, core: CoreCheck.Standing?
  ) -> [DoctorLine] {
    [scheduling(settings, facts, core), memory(settings, facts, core)]
  }

  private static func scheduling(
    _ settings: KnutepunktConfiguration.RealtimeSettings?, _ facts: ProcessFacts, _ core: CoreCheck.Standing?
  ) -> DoctorLine {
    let area = "realtime"
    if settings?.scheduler == .ordinary { return DoctorLine(area: area, .ok, "ordinary scheduling, as configured (realtime.scheduler)") }
    let next = "give the service LimitRTPRIO=50, as systemd/knutepunkt-core.service does"
    if let core {
      return core.isRealtime
        ? DoctorLine(area: area, .ok, "the core runs under SCHED_FIFO")
        : DoctorLine(area: area, .note, "the core runs under ordinary scheduling: under load an alarm may be late", next: next)
    }
    // A priority of 0 in the limits means none, because the lowest priority is 1.
    let priority = UInt64(max(1, settings?.priority ?? 50))
    if facts.has(.sysNice) || facts.realtimePriority.isAtLeast(priority) {
      return DoctorLine(area: area, .ok, "this user may use SCHED_FIFO at priority \(priority); the service's own limit stands in its unit")
    }
    return DoctorLine(
      area: area, .note, "this user may not use SCHED_FIFO at priority \(priority); the service's own limit counts", next: next)
  }

  private static func memory(
    _ settings: KnutepunktConfiguration.RealtimeSettings?, _ facts: ProcessFacts, _ core: CoreCheck.Standing?
  ) -> DoctorLine {
    let area = "memory"
    if settings?.locksMemory == false { return DoctorLine(area: area, .ok, "not locked, as configured (realtime.lockMemory)") }
    let next = "give the service LimitMEMLOCK=1G, as systemd/knutepunkt-core.service does"
    if let core {
      return core.locksMemory
        ? DoctorLine(area: area, .ok, "the core's memory is locked")
        : DoctorLine(area: area, .note, "the core's memory is not locked: it may be swapped out, and an alarm be late", next: next)
    }
    if facts.has(.ipcLock) || facts.lockedMemory.isAtLeast(lockedBytesMin) {
      return DoctorLine(area: area, .ok, "this user may lock memory; the service's own limit stands in its unit")
    }
    return DoctorLine(area: area, .note, "this user may not lock enough memory; the service's own limit counts", next: next)
  }
}
