// The real machine around a journal: its clock, its chance, the room on its disk.

package import JournalValues

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

extension JournalSurroundings {
  package static let real = JournalSurroundings(
    monotonic: {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    },
    random: {
      var source = SystemRandomNumberGenerator()
      return source.next()
    },
    freeBytes: { folder in
      var system = statvfs()
      guard statvfs(folder.isEmpty ? "/" : folder, &system) == 0 else { return nil }
      let free = UInt64(system.f_bavail).multipliedReportingOverflow(by: UInt64(system.f_frsize))
      return free.overflow ? .max : free.partialValue
    })
}

extension JournalConfiguration {
  /// The machine that this journal asks.
  package var around: JournalSurroundings { surroundings ?? .real }
}
