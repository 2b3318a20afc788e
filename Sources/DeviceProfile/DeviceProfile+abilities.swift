// What a device of this profile can be missed for. It is derived from what the profile's programs can emit, so nobody has to write
// it down, and nobody can forget it.

public import VitalSigns

extension DeviceProfile {
  /// The profile's liveness, with what its programs can say.
  public var watchedLiveness: DeviceLiveness {
    var liveness = liveness
    liveness.abilities = abilities
    return liveness
  }

  /// What the programs can emit: that the device speaks at all, a location, a measurement other than the battery, a dose that is
  /// handed out and never reported as taken.
  public var abilities: DeviceAbilities {
    var abilities: DeviceAbilities = .speaks
    let locates = frames.contains { frame in
      frame.instructions.contains { if case .report(.location) = $0 { true } else { false } }
    }
    if locates { abilities.formUnion(.locates) }
    if locates || observations.contains(where: { $0.code != .batteryLevel }) { abilities.formUnion(.measures) }
    let kinds = Set(events.map(\.kind))
    if kinds.contains(.doseDispensed), kinds.isDisjoint(with: [.doseTaken, .doseAssisted]) { abilities.formUnion(.dispensingIsTaking) }
    return abilities
  }
}
