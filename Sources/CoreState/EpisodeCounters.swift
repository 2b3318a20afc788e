// The counters of alert ids, as the journal's table holds them: what a start compares, and raises when a state had to be rebuilt.

public import RealtimeCore
public import VitalSigns

extension RealtimeCore {
  /// Every counter that does not stand where a newcomer's would, and where that is. Not for the core's own thread.
  public var episodes: [AlertEpisode] {
    let header = arena.header
    let floor = header.pointee.episodesFloor
    func isOwn(_ counter: UInt32) -> Bool { counter != 0 && counter != floor }
    var episodes: [AlertEpisode] = []
    if floor > 0 { episodes.append(AlertEpisode(.newcomer, number: 0, counter: 0, next: floor)) }
    for index in header.pointee.episodes.indices where isOwn(header.pointee.episodes[index]) {
      episodes.append(AlertEpisode(.hub, number: 0, counter: UInt8(index), next: header.pointee.episodes[index]))
    }
    for slot in slots(header.pointee.patients) where arena.patient(PatientSlot(number: slot)).pointee.id != 0 {
      let (state, plan) = (arena.patient(PatientSlot(number: slot)), arena.plan(PatientSlot(number: slot)))
      for index in plan.pointee.episodes.indices where isOwn(plan.pointee.episodes[index]) {
        episodes.append(AlertEpisode(.patient, number: state.pointee.id, counter: UInt8(index), next: plan.pointee.episodes[index]))
      }
    }
    for slot in slots(header.pointee.devices) {
      let device = arena.device(DeviceSlot(number: slot))
      guard device.pointee.id != 0, isOwn(device.pointee.episodes) else { continue }
      episodes.append(AlertEpisode(.device, number: device.pointee.id, counter: 0, next: device.pointee.episodes))
    }
    return episodes
  }

  private func slots(_ use: ArenaUse) -> Range<UInt32> { 1..<(use.highWater + 1) }

  /// What the counter of `episode` gives next; of somebody who is not here, what they get when they come.
  public func next(_ episode: AlertEpisode) -> UInt32 {
    var next = arena.header.pointee.episodesFloor
    _ = withCounter(of: episode) { next = $0 }
    return next
  }

  /// Raises each counter to what the journal knows of it: nothing is given twice. At start only, before the first entry.
  public mutating func raise(to episodes: [AlertEpisode]) {
    for episode in episodes where !withCounter(of: episode, { $0 = max($0, episode.next) }) {
      arena.header.pointee.episodesFloor = max(arena.header.pointee.episodesFloor, episode.next)
    }
  }

  /// False of a newcomer, of somebody who is not here, and of a counter that this version does not have.
  private func withCounter(of episode: AlertEpisode, _ body: (inout UInt32) -> Void) -> Bool {
    let index = Int(episode.counter)
    switch episode.holder {
    case .newcomer: return false
    case .hub:
      guard index < arena.header.pointee.episodes.count else { return false }
      body(&arena.header.pointee.episodes[index])
    case .patient:
      let slot = arena.slot(of: PatientID(rawValue: episode.number))
      guard slot != .none, index < arena.plan(slot).pointee.episodes.count else { return false }
      body(&arena.plan(slot).pointee.episodes[index])
    case .device:
      let slot = arena.slot(of: DeviceID(rawValue: episode.number))
      guard slot != .none else { return false }
      body(&arena.device(slot).pointee.episodes)
    }
    return true
  }
}
